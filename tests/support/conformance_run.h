/* conformance_run.h: what the sections of the conformance suite share: one subject under test, the
 * model of its blocks, and the calls through which all requests go. Each call checks what the
 * contract says about it, at once.
 */
#ifndef LOAM_TEST_CONFORMANCE_RUN_H
#define LOAM_TEST_CONFORMANCE_RUN_H

#include "support/blocks.h"
#include "support/conformance.h"

typedef struct run {
    const conformance_subject *subject;
    const char *section;
    loam_allocator allocator;
    test_blocks blocks; /* those that are live */
    test_rng rng;
    size_t cost; /* of the live blocks, or of all where nothing is reclaimed; see capacity */
    size_t max_size;
    size_t max_align;
    size_t capacity; /* SIZE_MAX: without end */
    bool pressed;
} run;

typedef enum run_change { RUN_RESIZE, RUN_REMAP, RUN_REALLOC } run_change;

/* No block; from run_take(). */
#define RUN_NONE SIZE_MAX

/* Ends the test: the subject broke this rule. */
__attribute__((noreturn))
TEST_FORMAT(3, 4) void run_broke(const run *r, const char *rule, const char *format, ...);

/* Makes the subject anew for a section; run_end() gives every block back and ends it. */
void run_begin(run *r, const conformance_subject *subject, const char *section);
void run_end(run *r);

/* Whether the subject serves such requests, and whether it must serve one now. */
bool run_serves(const run *r, size_t size, size_t align);
bool run_promised(const run *r, size_t size, size_t align);

/* Makes room for a few blocks of `size` bytes in all where there is not enough: gives all blocks
 * back and, where nothing is reclaimed, starts over. */
void run_make_room(run *r, size_t size, size_t align);

/* Gives all blocks back and, where nothing is reclaimed, starts over. */
void run_clear(run *r);

/* Takes a block (A2, and with `zero` that it reads as zero) into the model. Returns its index, or
 * RUN_NONE if it was refused and that is allowed. `size` is not 0. */
size_t run_take(run *r, size_t size, size_t align, bool zero);

/* A block that came from elsewhere: its alignment and place are checked, and it is added. */
size_t run_adopt(run *r, void *ptr, size_t size, size_t align);

/* Takes a block out of the model after a look at its contents; it stays with the caller. */
test_block run_release(run *r, size_t index);

/* Gives a block back: contents kept until now, errno left alone (A6). */
void run_drop(run *r, size_t index);

/* Gives all blocks back, in random order. */
void run_drop_all(run *r);

/* Changes the size of a block: contents kept (A4, A5), or nothing changed (A9). Returns whether it
 * was done. The index of the block afterwards is in *index. */
bool run_change_size(run *r, size_t *index, size_t new_size, run_change how);

/* All patterns are intact. */
void run_check_blocks(const run *r);

/* The smaller of `size` and the largest size that is served. */
size_t run_cap_size(const run *r, size_t size);

/* How many times longer each step takes under the tool that watches; 1 without one. */
size_t run_slowness(void);

/* `count` steps, less where a tool makes each one slow. */
size_t run_steps(size_t count);

/* The sections; each is given a run that has begun. */
void conformance_table(run *r);
void conformance_odd_requests(run *r);
void conformance_impossible_requests(run *r);
void conformance_alignments(run *r);
void conformance_sizes(run *r);
void conformance_contents(run *r);
void conformance_resize(run *r);
void conformance_remap(run *r);
void conformance_realloc(run *r);
void conformance_good_size(run *r);
void conformance_zalloc(run *r);
void conformance_owns(run *r);
void conformance_cache(run *r);
void conformance_reclaims(run *r);
void conformance_brim(run *r);
void conformance_pressure(run *r);
void conformance_random(run *r);
void conformance_threads(run *r);

#endif
