/* loops.c: the bodies that most rows share. */
#include "loops.h"

#include "machine.h"

enum { WARM_UP_LOOPS = 256 };

/* Bytes that a contender may still hold when it has given a cold fill back. */
enum { MOST_KEPT = 32 << 20 };

static const size_t push_sizes[LOAM_BENCH_SIZES] = {16, 64, 256, 4096};

size_t bench_push_size(size_t index)
{
    return push_sizes[index];
}

size_t bench_cold_bytes(void)
{
    return bench_short_run() ? (size_t)64 << 20 : (size_t)1 << 30;
}

/* ---- warm ---- */

static void run_rounds(shim_state *state, const loam_bench_bump *bump, loam_bench_loop push)
{
    size_t size = bench_push_size(bench_self(state)->parameter);
    size_t round = BENCH_ROUND_BYTES / size;
    void *arena = bump->open(size, round);
    size_t left;

    if (!arena) {
        shim_fail(state, "could not be opened");
        return;
    }

    /* Twice: what a first clear would give back or set up belongs to no warm row. */
    for (int i = 0; i < 2; i++) {
        push(arena, round);
        bump->reset(arena);
    }

    while ((left = shim_next(state)) != 0) {
        for (; left > round; left -= round) {
            push(arena, round);
            bump->reset(arena);
        }
        push(arena, left);
        bump->reset(arena);
    }
    bump->close(arena);
}

void bench_run_push(shim_state *state)
{
    const loam_bench_bump *bump = bench_self(state)->subject;

    run_rounds(state, bump, bump->push[bench_self(state)->parameter]);
}

void bench_run_push_zeroed(shim_state *state)
{
    const loam_bench_bump *bump = bench_self(state)->subject;

    run_rounds(state, bump, bump->push_zeroed[bench_self(state)->parameter]);
}

void bench_run_marks(shim_state *state)
{
    const loam_bench_bump *bump = bench_self(state)->subject;
    void *arena = bump->open(64, 64);
    size_t count;

    if (!arena) {
        shim_fail(state, "could not be opened");
        return;
    }
    bump->marks(arena, WARM_UP_LOOPS);
    while ((count = shim_next(state)) != 0)
        bump->marks(arena, count);
    bump->close(arena);
}

void bench_run_loop(shim_state *state)
{
    const bench_loop *loop = bench_self(state)->subject;
    void *opened = loop->open ? loop->open() : NULL;
    size_t count;

    if (loop->open && !opened) {
        shim_fail(state, "could not be opened");
        return;
    }
    loop->run(opened, WARM_UP_LOOPS);
    while ((count = shim_next(state)) != 0)
        loop->run(opened, count);
    if (loop->close)
        loop->close(opened);
}

/* ---- cold ---- */

const bench_row *bench_row_with(const bench_row *row)
{
    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *other = bench_row_at(i);

        if (other->with && strcmp(other->with, row->name) == 0)
            return other;
    }
    return NULL;
}

/* A peer need not know huge pages; loam and the limit are there to show them. */
const char *bench_wrong_pages(const bench_contender *self, size_t bytes, size_t faults)
{
    size_t pages = bytes / machine_page_size();

    if (!self->row->huge)
        return faults < pages - pages / 16 ? "met bigger pages than the system's" : NULL;
    if (self->kind == BENCH_LIMIT && faults > pages / 8)
        return "got no huge pages from the system";
    return NULL;
}

void bench_run_cold(shim_state *state)
{
    const bench_contender *self = bench_self(state);
    const loam_bench_bump *bump = self->subject;
    const bench_row *give_row = bench_row_with(self->row);
    size_t bytes = bench_cold_bytes();

    machine_back_memory(bytes + bytes / 2);
    while (shim_next(state) != 0) {
        size_t resident = machine_resident_bytes();
        size_t faults = machine_faults();
        double start = machine_own_seconds();
        void *arena = bump->open(0, 0);
        const char *wrong;
        double filled, ended;

        if (!arena) {
            shim_fail(state, "could not be opened");
            return;
        }
        bump->push[LOAM_BENCH_64](arena, bytes / 64);
        filled = machine_own_seconds();
        wrong = bench_wrong_pages(self, bytes, machine_faults() - faults);
        ended = machine_own_seconds();
        bump->close(arena);
        ended = machine_own_seconds() - ended;

        shim_set_seconds(state, filled - start);
        if (wrong)
            shim_fail(state, wrong);
        else if (give_row && machine_resident_bytes() < resident + MOST_KEPT)
            shim_set_counter(state, give_row->name, ended * 1e9);
    }
}

/* ---- arrays that grow ---- */

void *bench_new_array(void)
{
    void *storage = aligned_alloc(64, LOAM_BENCH_ARRAY_BYTES);

    if (!storage)
        abort();
    return memset(storage, 0, LOAM_BENCH_ARRAY_BYTES);
}

/* The index that an element was made from: its first word. */
static uint64_t index_in(const loam_bench_array *array, void *storage, size_t at)
{
    uint32_t narrow;
    uint64_t wide;

    if (array->size == sizeof narrow) {
        memcpy(&narrow, array->at(storage, at), sizeof narrow);
        return narrow;
    }
    memcpy(&wide, array->at(storage, at), sizeof wide);
    return wide;
}

/* Sees whether elements arrived; all would take long. */
static void look_at(const loam_bench_array *array, void *storage, size_t count)
{
    for (size_t i = count; i > 0; i /= 2) {
        if (index_in(array, storage, i - 1) != i - 1)
            abort();
    }
}

void bench_run_arrays(shim_state *state)
{
    enum { FIRST = 2, LEAST = 4 };
    const bench_contender *self = bench_self(state);
    const loam_bench_array *array = self->subject;
    void *storage = bench_new_array();
    size_t elements = self->parameter, count;

    for (int i = 0; i < FIRST; i++) {
        array->fill(storage, elements);
        look_at(array, storage, elements);
        array->end(storage);
    }
    while ((count = shim_next(state)) != 0) {
        size_t arrays = count / elements > LEAST ? count / elements : LEAST;
        double start = machine_own_seconds();

        for (size_t i = 0; i < arrays; i++) {
            array->fill(storage, elements);
            array->end(storage);
        }
        shim_set_counter(state, self->row->name,
                         (machine_own_seconds() - start) * 1e9 / (double)(arrays * elements));
    }
    free(storage);
}

void bench_run_first_array(shim_state *state)
{
    enum { SHORTER = 16, SHORT = 1000000 };
    const bench_contender *self = bench_self(state);
    const bench_row *peak_row = bench_row_with(self->row);
    const loam_bench_array *array = self->subject;
    void *storage = bench_new_array();
    size_t count = self->parameter, bytes;

    if (bench_short_run() && count > SHORT)
        count /= SHORTER;
    bytes = count * array->size;
    machine_back_memory(2 * bytes);
    while (shim_next(state) != 0) {
        bool forgotten = machine_forget_peak();
        size_t resident = machine_resident_bytes(), faults = machine_faults();
        double seconds = machine_own_seconds();
        const char *wrong;

        array->fill(storage, count);
        seconds = machine_own_seconds() - seconds;
        wrong = bench_wrong_pages(self, bytes, machine_faults() - faults);

        shim_set_seconds(state, seconds);
        if (strcmp(self->row->unit, "ns") == 0)
            shim_set_counter(state, self->row->name, seconds * 1e9 / (double)count);
        if (peak_row && forgotten)
            shim_set_counter(state, peak_row->name,
                             (double)(machine_peak_bytes() - resident) / (double)bytes);
        if (wrong)
            shim_fail(state, wrong);
        look_at(array, storage, count);
        array->end(storage);
    }
    free(storage);
}

const uint32_t *bench_read_places(void)
{
    static uint32_t places[BENCH_READ_PLACES];
    static bool drawn;
    uint64_t state = 1;

    for (size_t i = 0; i < BENCH_READ_PLACES && !drawn; i++) {
        state = state * UINT64_C(6364136223846793005) + 1;
        places[i] = (uint32_t)((state >> 33) % BENCH_READ_ELEMENTS);
    }
    drawn = true;
    return places;
}
