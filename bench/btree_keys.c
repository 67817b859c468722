/* btree_keys.c: draws the keys of the rows of ordered maps. Numbers have 63 bits; texts 16 to 32 letters.
 */
#include "btree_keys.h"

#include "peer_btree.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS = 200000, MOST_LOOKS = 1000000, STEPS = 50000, TEXT_BYTES = 33, TEXT_LEAST = 16 };

typedef union key {
    uint64_t number;
    const char *text;
} key;

static void *room(size_t count, size_t size)
{
    void *block = malloc(count * size + 1);

    if (!block)
        abort();
    memset(block, 0, count * size + 1);
    return block;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const key *)a)->number, y = ((const key *)b)->number;

    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const key *)a)->text, ((const key *)b)->text);
}

static const char *draw_text(char **end, uint64_t *state)
{
    size_t length = TEXT_LEAST + loam_bench_draw(state, TEXT_BYTES - TEXT_LEAST);
    char *text = *end;

    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + loam_bench_draw(state, 26));
    text[length] = 0;
    *end = text + length + 1;
    return text;
}

/* A number from a sequence that has each only once: a permutation of 64 bits, of which the top one is
 * left out in pairs that are 2^63 steps apart. */
static uint64_t draw_number(uint64_t index)
{
    uint64_t x = index * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) >> 1;
}

static void shuffle(key *keys, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t other = loam_bench_draw(state, i);
        key swapped = keys[i - 1];

        keys[i - 1] = keys[other];
        keys[other] = swapped;
    }
}

/* `count` distinct keys, in order. A key that is drawn twice is drawn again. */
static key *draw(size_t count, bool texts, uint64_t *state)
{
    key *keys = room(count, sizeof *keys);
    char *end = texts ? room(count, TEXT_BYTES * 2) : NULL;
    uint64_t index = 0;

    for (size_t have = 0; have < count;) {
        size_t kept = 0;

        for (; have < count; have++) {
            if (texts)
                keys[have].text = draw_text(&end, state);
            else
                keys[have].number = draw_number(++index);
        }
        qsort(keys, count, sizeof *keys, texts ? by_text : by_number);
        for (size_t i = 0; i < count; i++) {
            if (i == 0 || (texts ? by_text : by_number)(&keys[i - 1], &keys[i]) != 0)
                keys[kept++] = keys[i];
        }
        have = kept;
    }
    return keys;
}

static key *copy(const key *keys, size_t count)
{
    key *copied = room(count, sizeof *copied);

    memcpy(copied, keys, count * sizeof *copied);
    return copied;
}

static key *pick(const key *keys, size_t count, size_t picks, uint64_t *state)
{
    key *picked = room(picks, sizeof *picked);

    for (size_t i = 0; i < picks; i++)
        picked[i] = keys[loam_bench_draw(state, count)];
    return picked;
}

/* keys[0] to keys[count - 1] are there, as many behind them are not. */
static key *draw_steps(const key *keys, size_t count, size_t steps, uint64_t *state)
{
    key *drawn = room(steps, LOAM_BENCH_MIXED * sizeof *drawn);
    key *now = copy(keys, 2 * count);

    for (size_t i = 0; i < steps; i++) {
        key *step = &drawn[i * LOAM_BENCH_MIXED];
        size_t out, in = count + loam_bench_draw(state, count);

        step[0] = now[loam_bench_draw(state, count)];
        out = loam_bench_draw(state, count);
        step[1] = now[out];
        step[3] = now[in];
        now[out] = step[3];
        now[in] = step[1];
        do
            step[2] = now[loam_bench_draw(state, count)];
        while (count > 1 && memcmp(&step[2], &step[3], sizeof *step) == 0);
    }
    free(now);
    return drawn;
}

static const uint64_t *count_values(size_t count)
{
    uint64_t *values = room(count, sizeof *values);

    for (size_t i = 0; i < count; i++)
        values[i] = i + 1;
    return values;
}

static void make(bench_keys *made, size_t count, bool texts)
{
    uint64_t state = 1;
    key *all = draw(2 * count, texts, &state), *sorted, *erased;
    size_t most = texts ? LOOKS : MOST_LOOKS; /* A text takes microseconds. */
    size_t looks = count < LOOKS ? LOOKS : count < most ? count : most;
    size_t steps = count / 2 < STEPS ? STEPS : count / 2 < most ? count / 2 : most;

    shuffle(all, 2 * count, &state);
    sorted = copy(all, count);
    qsort(sorted, count, sizeof *sorted, texts ? by_text : by_number);
    erased = copy(all, count);
    shuffle(erased, count, &state);
    *made = (bench_keys){.count = count,
                         .size = sizeof *all,
                         .present = all,
                         .sorted = sorted,
                         .values = count_values(count),
                         .erased = erased,
                         .look_count = looks,
                         .step_count = steps};
    made->looked = pick(all, count, looks, &state);
    made->missed = pick(all + count, count, looks, &state);
    made->steps = draw_steps(all, count, steps, &state);
}

static bench_keys drawn;

const uint64_t *bench_values(void)
{
    return drawn.values;
}

const bench_keys *bench_keys_for(size_t count, bool texts)
{
    if (drawn.count == 0)
        make(&drawn, count, texts);
    return &drawn;
}
