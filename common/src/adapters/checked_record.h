/* checked_record.h: what the checked adapter knows about each block, for the two files that are it.
 *
 * Geometry, the tree of records, and how damage is found; see checked.c for the picture and for the
 * invariants K1 to K6.
 */
#ifndef LOAM_CHECKED_RECORD_H
#define LOAM_CHECKED_RECORD_H

#include <loam/adapters.h>

#include "internal/bits.h"
#include "internal/mark.h"

typedef struct loam_checked_record record;
typedef struct loam_checked_chunk chunk;

struct loam_checked_record {
    uintptr_t raw; /* where the block of the allocator below starts; the key of the tree */
    size_t front;  /* bytes from there to the caller's block */
    size_t size;   /* what the caller asked for */
    size_t align;  /* of both blocks */
    size_t serial; /* which allocation it was */
    bool freed;    /* in quarantine */
    record *left;  /* lower addresses */
    record *right; /* higher ones */
    record *older; /* in its list */
    record *newer; /* in its list, or among the spare ones */
};

/* ---- a record's block ---- */

static inline unsigned char *block_of(const record *r)
{
    return (unsigned char *)(r->raw + r->front);
}

static inline unsigned char *raw_of(const record *r)
{
    return (unsigned char *)r->raw;
}

static inline size_t total_of(const loam_checked *checked, const record *r)
{
    return r->front + r->size + checked->red_zone;
}

/* The size of the raw block for a request, and where the caller's starts in it. False: too big. */
static inline bool lay_out(const loam_checked *checked, size_t size, size_t align, size_t *front,
                           size_t *total)
{
    return loam_round_up_checked(checked->red_zone, align, front) &&
           loam_add_checked(*front, checked->red_zone, total) &&
           loam_add_checked(*total, size, total) && *total <= (size_t)PTRDIFF_MAX;
}

/* ---- the tree: a treap, whose priorities are a mix of the addresses, so that its depth is
 *      logarithmic whatever the order of addresses, and equal for equal addresses ---- */

static inline uint64_t priority_of(const record *r)
{
    uint64_t x = (uint64_t)r->raw * UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

/* Goes down to where the new record's priority beats what is there, and splits that subtree into
 * what lies left and right of the new address. */
static inline void tree_insert(loam_checked *checked, record *new)
{
    uint64_t priority = priority_of(new);
    record **link = &checked->root;
    record **left = &new->left;
    record **right = &new->right;
    record *rest;

    while (*link && priority_of(*link) >= priority)
        link = new->raw < (*link)->raw ? &(*link)->left : &(*link)->right;
    rest = *link;
    *link = new;
    while (rest) {
        if (rest->raw < new->raw) {
            *left = rest;
            left = &rest->right;
            rest = rest->right;
        } else {
            *right = rest;
            right = &rest->left;
            rest = rest->left;
        }
    }
    *left = *right = NULL;
}

/* Puts the two subtrees of the old record, merged by priority, in its place. */
static inline void tree_remove(loam_checked *checked, record *old)
{
    record **link = &checked->root;
    record *left = old->left;
    record *right = old->right;

    while (*link != old)
        link = old->raw < (*link)->raw ? &(*link)->left : &(*link)->right;
    while (left && right) {
        if (priority_of(left) >= priority_of(right)) {
            *link = left;
            link = &left->right;
            left = left->right;
        } else {
            *link = right;
            link = &right->left;
            right = right->left;
        }
    }
    *link = left ? left : right;
}

/* The record with the highest raw address up to this one, or NULL. */
static inline record *tree_floor(const loam_checked *checked, uintptr_t address)
{
    record *found = NULL;

    for (record *r = checked->root; r;) {
        if (r->raw <= address) {
            found = r;
            r = r->right;
        } else {
            r = r->left;
        }
    }
    return found;
}

/* Whether a raw block of that place and size meets no other (K1). */
static inline bool is_disjoint(const loam_checked *checked, uintptr_t raw, size_t total)
{
    uintptr_t last = raw + (total - 1);
    const record *r = tree_floor(checked, last);

    return last >= raw && (!r || r->raw + (total_of(checked, r) - 1) < raw);
}

/* ---- damage: K2, K3 and K6 ---- */

static inline bool all_are(const unsigned char *bytes, size_t size, unsigned char value)
{
    return size == 0 || (bytes[0] == value && memcmp(bytes, bytes + 1, size - 1) == 0);
}

/* The tools let everybody at both zones. */
static inline void open_zones(const loam_checked *checked, const record *r)
{
    loam_mark_live(raw_of(r), r->front);
    loam_mark_live(block_of(r) + r->size, checked->red_zone);
}

static inline void close_zones(const loam_checked *checked, const record *r)
{
    loam_mark_dead(raw_of(r), r->front);
    loam_mark_dead(block_of(r) + r->size, checked->red_zone);
}

/* What has happened to the zones, which are open; LOAM_MISUSE_COUNT: nothing. */
static inline loam_misuse damage_of_zones(const loam_checked *checked, const record *r)
{
    const unsigned char *block = block_of(r);

    if (!all_are(block - checked->red_zone, checked->red_zone, LOAM_CHECKED_ZONE))
        return LOAM_MISUSE_UNDERRUN;
    if (!all_are(block + r->size, checked->red_zone, LOAM_CHECKED_ZONE))
        return LOAM_MISUSE_OVERRUN;
    return LOAM_MISUSE_COUNT;
}

/* What has happened to a block, live or in quarantine; LOAM_MISUSE_COUNT: nothing. */
static inline loam_misuse damage_of(const loam_checked *checked, const record *r)
{
    loam_misuse damage;

    if (!r->freed) {
        open_zones(checked, r);
        damage = damage_of_zones(checked, r);
        close_zones(checked, r);
        return damage;
    }
    loam_mark_live(raw_of(r), total_of(checked, r));
    damage = damage_of_zones(checked, r);
    if (damage != LOAM_MISUSE_COUNT || !all_are(block_of(r), r->size, LOAM_CHECKED_FREED))
        damage = LOAM_MISUSE_WRITE_AFTER_FREE;
    loam_mark_dead(raw_of(r), total_of(checked, r));
    return damage;
}

#endif
