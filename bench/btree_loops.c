/* btree_loops.c: the bodies of the rows of ordered maps.
 *
 * Each runs all that its row and those with it want, on the same keys as all others, and tells the
 * figures as counters. What is quick is done again until it has taken some time.
 */
#include "btree_loops.h"

#include "btree_keys.h"
#include "machine.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_OPERATIONS = 200000, SHORT_ENTRIES = 2000, BIG_STEPS = 250000, BIG_ERASED = 1000000 };

typedef struct work {
    shim_state *state;
    const loam_bench_btree *tree;
    const bench_keys *keys;
    const char *suffix; /* of the row's name: 1e3, ... */
    size_t least;       /* operations to time */
    char prefix[32];    /* btree_, btree_text_ or btree_huge_ */
} work;

static void begin(work *w, shim_state *state)
{
    const bench_contender *self = bench_self(state);
    size_t entries = self->parameter & ~(size_t)(BENCH_TEXTS | BENCH_HUGE_PAGES);
    bool texts = (self->parameter & BENCH_TEXTS) != 0;
    bool huge = (self->parameter & BENCH_HUGE_PAGES) != 0;

    if (bench_short_run() && entries > SHORT_ENTRIES)
        entries = SHORT_ENTRIES;
    *w = (work){state,
                self->subject,
                bench_keys_for(entries, texts),
                strrchr(self->row->name, '_') + 1,
                bench_short_run() ? 1 : LEAST_OPERATIONS,
                ""};
    snprintf(w->prefix, sizeof w->prefix, "btree_%s", texts ? "text_" : huge ? "huge_" : "");
}

/* A figure in nanoseconds, or whatever the row's unit is. */
static void tell(const work *w, const char *what, double value)
{
    char name[64];

    snprintf(name, sizeof name, "%s%s_%s", w->prefix, what, w->suffix);
    if (bench_row_find(name))
        shim_set_counter(w->state, name, value);
}

static void *open_tree(const work *w)
{
    void *tree = w->tree->open();

    if (!tree)
        abort();
    return tree;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How often something of `count` operations is to be done. */
static size_t rounds_of(const work *w, size_t count)
{
    return count < w->least ? (w->least + count - 1) / count : 1;
}

/* ---- changes ---- */

typedef void (*fill_fn)(void *tree, const void *keys, size_t count);

/* Fills maps, ends them or hands the last one over, and tells what that took for an entry. */
static void *fill(const work *w, const char *what, fill_fn filler, const void *keys)
{
    size_t rounds = rounds_of(w, w->keys->count);
    double seconds = 0;
    void *tree = open_tree(w);

    for (size_t i = 0;; i++) {
        double start = machine_own_seconds();

        filler(tree, keys, w->keys->count);
        seconds += machine_own_seconds() - start;
        if (i + 1 == rounds)
            break;
        w->tree->close(tree);
        tree = open_tree(w);
    }
    tell(w, what, seconds * 1e9 / (double)(rounds * w->keys->count));
    return tree;
}

static void run_erase(const work *w)
{
    size_t rounds = rounds_of(w, w->keys->count);
    double seconds = 0;

    for (size_t i = 0; i < rounds; i++) {
        void *tree = open_tree(w);
        double start;

        w->tree->insert(tree, w->keys->present, w->keys->count);
        start = machine_own_seconds();
        w->tree->erase(tree, w->keys->erased, w->keys->count);
        seconds += machine_own_seconds() - start;
        if (w->tree->all(tree) != 0)
            shim_fail(w->state, "entries are left that were erased");
        w->tree->close(tree);
    }
    tell(w, "erase", seconds * 1e9 / (double)(rounds * w->keys->count));
}

static void mix(const work *w, void *tree, size_t steps)
{
    double start = machine_own_seconds();

    LOAM_BENCH_USE(w->tree->mixed(tree, w->keys->steps, steps));
    tell(w, "mixed", (machine_own_seconds() - start) * 1e9 / (double)(steps * LOAM_BENCH_MIXED));
}

static void run_mixed(const work *w)
{
    void *tree = open_tree(w);

    w->tree->insert(tree, w->keys->present, w->keys->count);
    mix(w, tree, bench_short_run() ? w->keys->step_count / 50 : w->keys->step_count);
    w->tree->close(tree);
}

/* Building from arrays, both of which have been read just before. */
static void run_build(const work *w)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < w->keys->count; i++)
        sum += w->keys->values[i];
    LOAM_BENCH_USE(sum);
    w->tree->close(fill(w, "build", w->tree->build, w->keys->sorted));
}

void bench_run_btree_build(shim_state *state)
{
    while (shim_next(state) != 0) {
        work w;

        begin(&w, state);
        w.tree->close(fill(&w, "insert", w.tree->insert, w.keys->present));
        w.tree->close(fill(&w, "insert_seq", w.tree->insert, w.keys->sorted));
        run_build(&w);
    }
}

void bench_run_btree_changes(shim_state *state)
{
    while (shim_next(state) != 0) {
        work w;
        void *warm;

        begin(&w, state);
        /* What it keeps of this one is there for the next. */
        warm = open_tree(&w);
        w.tree->insert(warm, w.keys->present, w.keys->count);
        w.tree->close(warm);

        w.tree->close(fill(&w, "insert", w.tree->insert, w.keys->present));
        w.tree->close(fill(&w, "insert_seq", w.tree->insert, w.keys->sorted));
        run_build(&w);
        run_erase(&w);
        run_mixed(&w);
    }
}

/* ---- reads ---- */

typedef uint64_t (*look_fn)(void *tree, const void *keys, size_t count);

static void look(const work *w, void *tree, const char *what, look_fn looker, const void *keys)
{
    size_t count = bench_short_run() ? 1000 : w->keys->look_count;
    double start;
    uint64_t sum;

    start = machine_own_seconds();
    sum = looker(tree, keys, count);
    tell(w, what, (machine_own_seconds() - start) * 1e9 / (double)count);
    LOAM_BENCH_USE(sum);
    if (keys == w->keys->missed && looker == w->tree->find && sum != 0)
        shim_fail(w->state, "found what is not there");
}

static void run_range(const work *w, void *tree)
{
    size_t count = bench_short_run() ? 10 : w->keys->look_count / 10;
    double start = machine_own_seconds();

    LOAM_BENCH_USE(w->tree->range(tree, w->keys->looked, count, BENCH_RANGE));
    tell(w, "range", (machine_own_seconds() - start) * 1e9 / (double)count);
}

static void run_iterate(const work *w, void *tree)
{
    size_t rounds = rounds_of(w, w->keys->count) * 2;
    uint64_t entries = w->keys->count;
    double start = machine_own_seconds();

    for (size_t i = 0; i < rounds; i++) {
        if (w->tree->all(tree) != entries * (entries + 1) / 2)
            shim_fail(w->state, "entries are missing");
        LOAM_BENCH_USE(tree);
    }
    tell(w, "iterate", (machine_own_seconds() - start) * 1e9 / (double)(rounds * entries));
}

static void read_all(const work *w, void *tree)
{
    look(w, tree, "hit", w->tree->find, w->keys->looked);
    look(w, tree, "dependent", w->tree->chase, w->keys->looked);
    look(w, tree, "miss", w->tree->find, w->keys->missed);
    look(w, tree, "bound", w->tree->bound, w->keys->missed);
    run_range(w, tree);
    run_iterate(w, tree);
}

void bench_run_btree_reads(shim_state *state)
{
    while (shim_next(state) != 0) {
        work w;
        void *tree;

        begin(&w, state);
        tree = open_tree(&w);
        w.tree->insert(tree, w.keys->present, w.keys->count);
        LOAM_BENCH_USE(w.tree->find(tree, w.keys->present, least_of(w.keys->count, w.least)));
        read_all(&w, tree);
        w.tree->close(tree);
    }
}

/* ---- all in one ---- */

/* Takes some entries out, and puts them in again. */
static void erase_some(const work *w, void *tree)
{
    size_t count = least_of(w->keys->count, BIG_ERASED);
    double start = machine_own_seconds();

    w->tree->erase(tree, w->keys->erased, count);
    tell(w, "erase", (machine_own_seconds() - start) * 1e9 / (double)count);
    if (w->tree->find(tree, w->keys->erased, count) != 0)
        shim_fail(w->state, "entries are left that were erased");
    w->tree->insert(tree, w->keys->erased, count);
}

void bench_run_btree_big(shim_state *state)
{
    while (shim_next(state) != 0) {
        work w;
        void *tree;
        double start;

        begin(&w, state);
        tree = open_tree(&w);
        start = machine_own_seconds();
        w.tree->insert(tree, w.keys->present, w.keys->count);
        if (w.tree->mixed)
            tell(&w, "insert", (machine_own_seconds() - start) * 1e9 / (double)w.keys->count);
        read_all(&w, tree);
        if (w.tree->mixed) {
            erase_some(&w, tree);
            mix(&w, tree, least_of(w.keys->step_count, BIG_STEPS));
        }
        w.tree->close(tree);
        if (w.tree->mixed) {
            w.least = 1;
            w.tree->close(fill(&w, "insert_seq", w.tree->insert, w.keys->sorted));
            run_build(&w);
        }
    }
}

/* ---- memory ---- */

static void run_bytes(shim_state *state, bool sorted)
{
    while (shim_next(state) != 0) {
        work w;
        size_t before, bytes;
        void *tree;

        begin(&w, state);
#ifdef __GLIBC__
        (void)malloc_trim(0); /* what drawing the keys has left would not be counted */
#endif
        before = machine_anonymous_bytes();
        tree = open_tree(&w);
        w.tree->insert(tree, sorted ? w.keys->sorted : w.keys->present, w.keys->count);
        bytes = machine_anonymous_bytes() - before;
        shim_set_seconds(state, 0);
        shim_set_counter(state, bench_self(state)->row->name,
                         (double)bytes / (double)w.keys->count);
        if (before == 0)
            shim_fail(state, "the system does not tell its anonymous memory");
        w.tree->close(tree);
    }
}

void bench_run_btree_bytes(shim_state *state)
{
    run_bytes(state, false);
}

void bench_run_btree_bytes_seq(shim_state *state)
{
    run_bytes(state, true);
}
