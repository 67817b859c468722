/* peer_btree.h: what peer.h is for arenas, arrays and pools, for an ordered map: from uint64_t, and from
 * texts that end in a zero byte, to uint64_t. Values are at least 1 and below 2^63, 0 means that there is
 * none. A whole peer, for numbers, is
 *
 *     #include "peer_btree.h"
 *     #include <my_tree.h>
 *
 *     static void *my_open(void) { return my_tree_create(); }
 *     static void my_close(void *tree) { my_tree_destroy(tree); }
 *     static size_t my_walk(my_tree *tree, const uint64_t *from, size_t most, uint64_t *sum)
 *     {
 *         adds up the values of the first entries, or of those that are not before *from, `most` of them
 *         at most, and returns how many
 *     }
 *     static void my_build(my_tree *tree, const uint64_t *keys, size_t count)
 *     {
 *         fills an empty tree in the quickest way there is with keys in order; values are 1, 2 ...
 *     }
 *
 *     #define MY_INSERT(tree, key, value)  my_tree_set(tree, key, value)
 *     #define MY_FIND(tree, key)           my_tree_get(tree, key)      the value; 0 for none
 *     #define MY_BOUND(tree, key)          my_tree_ceil(tree, key)     that of the first not before
 *     #define MY_ERASE(tree, key)          my_tree_remove(tree, key)
 *
 *     LOAM_BENCH_BTREE(mine, uint64_t, LOAM_BENCH_NUMBER, my_tree *, MY_INSERT, MY_FIND, MY_BOUND,
 *                      MY_ERASE, my_walk, my_build)
 *
 *     static const loam_bench_btree tree = {my_open, my_close, LOAM_BENCH_BTREE_TABLE(mine)};
 *     static const loam_bench_peer peer = {LOAM_BENCH_PEER_VERSION, "my_tree", NULL, NULL, NULL,
 *                                          NULL, NULL, &tree, NULL};
 *
 *     const loam_bench_peer *loam_bench_get_peer(void) { return &peer; }
 *
 * It needs copies of this file and of peer.h, and is to be compiled for the architecture that
 * LOAM_BENCH_MARCH names. For texts K is `const char *` and LOAM_BENCH_TEXT stands for LOAM_BENCH_NUMBER.
 */
#ifndef LOAM_BENCH_PEER_BTREE_H
#define LOAM_BENCH_PEER_BTREE_H

#include "peer.h"

/* What one step of a mixture does: two lookups that hit, one erasure, one insertion. */
enum { LOAM_BENCH_MIXED = 4 };

/* An ordered map. Keys are uint64_t or const char *, by the rows that it is in; texts stay where they are
 * for as long as the map lives. What is NULL leaves its rows out. */
typedef struct loam_bench_btree {
    /* Makes an empty map. NULL: could not be made. */
    void *(*open)(void);
    /* Ends it, whatever is in it. */
    void (*close)(void *tree);
    /* Inserts keys that are not there; their values are 1, 2 and so on. */
    void (*insert)(void *tree, const void *keys, size_t count);
    /* The same for an empty map and keys in order. */
    void (*build)(void *tree, const void *keys, size_t count);
    /* Looks keys up, one after the other. Returns the sum of their values. */
    uint64_t (*find)(void *tree, const void *keys, size_t count);
    /* The same with keys that are there, each of which is only known when the value of the one before
     * is. */
    uint64_t (*chase)(void *tree, const void *keys, size_t count);
    /* Finds the first entries that are not before keys. */
    uint64_t (*bound)(void *tree, const void *keys, size_t count);
    /* Reads `most` entries from each key on. */
    uint64_t (*range)(void *tree, const void *keys, size_t count, size_t most);
    /* Reads all entries in order. */
    uint64_t (*all)(void *tree);
    /* Erases keys that are there. */
    void (*erase)(void *tree, const void *keys, size_t count);
    /* `count` steps of LOAM_BENCH_MIXED keys each. */
    uint64_t (*mixed)(void *tree, const void *keys, size_t count);
} loam_bench_btree;

/* The key that is known only when a value is: its top bit is 0. */
#define LOAM_BENCH_NUMBER(key, value) ((key) + ((value) >> 63))
#define LOAM_BENCH_TEXT(key, value)   ((key) + (size_t)((value) >> 63))

/* A peer may leave some out. */
#define LOAM_BENCH_UNUSED static __attribute__((unused))

/* The functions of a table. `type tree` is what open() gave. insert(tree, key, value) and erase(tree, key) are
 * statements; find(tree, key) and bound(tree, key) give a value or 0; walk(tree, from, most, &sum) and
 * build(tree, keys, count) as above. */
#define LOAM_BENCH_BTREE(name, K, depend, type, put, find_, bound_, erase_, walk, build_)          \
    LOAM_BENCH_UNUSED void name##_insert(void *opaque, const void *from, size_t count)             \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            put(tree, keys[i], i + 1);                                                             \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED void name##_build(void *opaque, const void *from, size_t count)              \
    {                                                                                              \
        build_((type)opaque, (const K *)from, count);                                              \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED uint64_t name##_find(void *opaque, const void *from, size_t count)           \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            sum += find_(tree, keys[i]);                                                           \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED uint64_t name##_chase(void *opaque, const void *from, size_t count)          \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
        uint64_t sum = 0, value = 0;                                                               \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            K key = depend(keys[i], value);                                                        \
                                                                                                   \
            value = find_(tree, key);                                                              \
            sum += value;                                                                          \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED uint64_t name##_bound(void *opaque, const void *from, size_t count)          \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            sum += bound_(tree, keys[i]);                                                          \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED uint64_t name##_range(void *opaque, const void *from, size_t count,          \
                                            size_t most)                                           \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            (void)walk(tree, &keys[i], most, &sum);                                                \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED uint64_t name##_all(void *opaque)                                            \
    {                                                                                              \
        const K *first = NULL;                                                                     \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        (void)walk((type)opaque, first, SIZE_MAX, &sum);                                           \
        return sum;                                                                                \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED void name##_erase(void *opaque, const void *from, size_t count)              \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
                                                                                                   \
        for (size_t i = 0; i < count; i++) {                                                       \
            erase_(tree, keys[i]);                                                                 \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_UNUSED uint64_t name##_mixed(void *opaque, const void *from, size_t count)          \
    {                                                                                              \
        type tree = (type)opaque;                                                                  \
        const K *keys = (const K *)from;                                                           \
        uint64_t sum = 0;                                                                          \
                                                                                                   \
        for (size_t i = 0; i < count; i++, keys += LOAM_BENCH_MIXED) {                             \
            sum += find_(tree, keys[0]);                                                           \
            LOAM_BENCH_USE(opaque);                                                                \
            erase_(tree, keys[1]);                                                                 \
            LOAM_BENCH_USE(opaque);                                                                \
            sum += find_(tree, keys[2]);                                                           \
            LOAM_BENCH_USE(opaque);                                                                \
            put(tree, keys[3], i + 1);                                                             \
            LOAM_BENCH_USE(opaque);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }

/* Those functions as the rest of a table's initialiser. */
#define LOAM_BENCH_BTREE_TABLE(name)                                                               \
    name##_insert, name##_build, name##_find, name##_chase, name##_bound, name##_range,            \
        name##_all, name##_erase, name##_mixed

#endif
