/* loops.c: the bodies that most rows share. */
#include "loops.h"

#include "bench.h"
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

/* The row that shows how long giving back took, or NULL. */
static const bench_row *row_with(const bench_row *row)
{
    for (size_t i = 0; i < bench_row_count(); i++) {
        const bench_row *other = bench_row_at(i);

        if (other->with && strcmp(other->with, row->name) == 0)
            return other;
    }
    return NULL;
}

/* Why the pages that a contender met are not those of its row, or NULL. A peer need not know huge
 * pages; loam and the limit are there to show them. */
static const char *wrong_pages(const bench_contender *self, size_t faults)
{
    size_t pages = bench_cold_bytes() / machine_page_size();

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
    const bench_row *give_row = row_with(self->row);
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
        wrong = wrong_pages(self, machine_faults() - faults);
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
