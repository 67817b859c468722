/* ground.h: what an object under test stands on: an allocator that can be made to refuse, and that
 * knows what is live.
 *
 *     object under test -> failing -> counting -> libc, or vm, or checked libc, or a toy bump
 */
#ifndef LOAM_TEST_GROUND_H
#define LOAM_TEST_GROUND_H

#include "support/toy_bump.h"

#include <loam/adapters.h>

typedef enum ground_kind {
    GROUND_LIBC,
    GROUND_VM,
    GROUND_CHECKED, /* ends the program when a block comes back with another size or alignment */
    GROUND_BUMP     /* does not reclaim; has owns; ends at GROUND_BUMP_SIZE bytes */
} ground_kind;

enum { GROUND_BUMP_SIZE = 1 << 24 };

typedef struct ground {
    loam_failing failing;
    loam_counting counting;
    loam_checked checked;
    toy_bump bump;
    void *buffer; /* of the bump */
    ground_kind kind;
    loam_allocator_ops ops; /* those of `failing`, without LOAM_EXACT */
    bool exact;
} ground;

/* Sets up a ground on which nothing fails. `exact`: whether it is LOAM_EXACT, so that caches over
 * it hold nothing. Must not move. */
void ground_init(ground *g, ground_kind kind, bool exact);

/* Does not care for what is live. */
void ground_deinit(ground *g);

loam_allocator ground_allocator(ground *g);

/* From now on every alloc, resize and remap is refused; or none, as at first. */
void ground_press(ground *g, bool on);

/* Bytes and blocks that are live. */
size_t ground_live(const ground *g);
size_t ground_blocks(const ground *g);

/* Forgets all live blocks of a bump. */
void ground_clear(ground *g);

#endif
