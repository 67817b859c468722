/* misuse.h: a checked allocator over a puppet, with one block, on which a child makes a mistake.
 *
 * The set-up is the parent's, so that addresses are known before the child dies; it is static, so
 * that what the parent then leaves behind is no leak.
 */
#ifndef LOAM_TEST_MISUSE_H
#define LOAM_TEST_MISUSE_H

#include "adapters/puppet.h"

#include <loam/adapters.h>

enum { SIZE = 100, ALIGN = 8 };

static puppet below;
static loam_checked checked;
static loam_allocator a;
static unsigned char *block; /* SIZE bytes, live */

static inline void set_up(const loam_checked_config *config)
{
    puppet_init(&below);
    loam_checked_init(&checked, puppet_allocator(&below), config);
    a = loam_checked_allocator(&checked);
    block = loam_alloc(a, SIZE, ALIGN);
    EXPECT(block);
}

/* The function ends the program with these words and this address. */
#define DIES(function, words, address)                                                             \
    test_dies_with((function), NULL, "loam: fatal: " words ": 0x", (address))

#endif
