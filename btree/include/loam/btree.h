/** @file loam/btree.h
 * Ordered maps and sets of any entries: a full B-tree over any ::loam_allocator.
 *
 *     static int by_id(void *context, const void *a, const void *b);
 *
 *     loam_btree_type type = {sizeof(struct id), 0, sizeof(struct user), 0, .compare = by_id};
 *     loam_btree users;
 *
 *     loam_btree_init(&users, loam_libc_allocator(), &type, NULL);
 *     if (!loam_btree_insert(&users, &id, &user, NULL))
 *         return out_of_memory();
 *     struct user *found = loam_btree_find(&users, &id);
 *     loam_btree_deinit(&users);
 *
 * This is the untyped face: keys and values are bytes whose size and alignment the type tells, keys
 * are ordered by a function, or by their kind where they are numbers or texts. loam/btree_typed.h
 * makes a face for given C types out of the same code, with the comparison inlined: use it wherever
 * the types are known. Each typed tree is one of these (`.raw`), and everything here works on it.
 *
 *                      [ 30 | 70 ]                  inner nodes: smallest keys of the right subtrees
 *                     /     |     \
 *      [10 20 : a b]  [30 50 60 : c d e]  [70 90 : f g]      leaves: all keys, all values
 *
 * ## What holds for every operation
 *
 * - **Failure is atomic.** What needs a node and gets none returns NULL or false, and the entries
 *   are exactly as before. Finding and iterating take no memory. Erasing takes none either, but in a
 *   tree that shares nodes with a snapshot: there it copies first, and may be refused.
 * - **Nodes taken.** An insertion takes none while the leaf or a neighbour of it has room; else one for each
 *   level where a full node is split, and one where the tree gets higher. In a tree that shares nodes each
 *   change also takes copies of those of its path that are shared.
 * - **Cursors end** with any change of their tree but by themselves (loam/btree_cursor.h). To them an insertion that
 *   finds its key is none, nor that a snapshot is taken, nor a step of compaction that moves nothing.
 * - **Entries move.** An address of a key or a value holds until the next change of the tree. A key
 *   in the tree must not be changed; a value may be written at any time, but in a tree that shares nodes with a snapshot
 *   (then use loam_btree_upsert(), loam_btree_cursor_own(), or the snapshot sees it too).
 * - **Keys and values are moved and copied as bytes.** Nobody is told when they go: take them out
 *   (loam_btree_take()) or visit them before; loam/btree_whole.h has what calls back for each. Once an entry is
 *   erased no copy of its key is left in
 *   the tree: what it points to may be freed.
 * - A **comparison that lies**, one that contradicts itself or is told NaN, gives a tree whose
 *   entries are found or not; it never makes anything read or write outside of the tree's nodes.
 *   loam_btree_check() tells.
 * - A **set** has values of size 0. Where an operation returns the address of a value, it returns that
 *   of the key. A **multimap** (an option) holds equal keys in the order in which they came.
 *
 * ## Families
 *
 * Snapshots and the parts of a split share where their nodes come from, and snapshots share the
 * nodes themselves. The memory is the allocator's until the last of such a family has ended; the trees
 * may end in any order, and each is used on its own. But a family is one object to threads.
 *
 * ## Threads
 *
 * One thread at a time uses a family; any number may read its trees (find, bounds, cursors that only
 * move, order statistics, stats, walk, check) while none changes one of them. Taking or ending a
 * snapshot is a change.
 */
#ifndef LOAM_BTREE_H
#define LOAM_BTREE_H

#include <loam/allocator.h>
#include <loam/cache.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

/* ---- types ---- */

/** Orders two keys: negative, zero or positive, as `a` comes before, with or behind `b`. In a search
 * `a` is the key that is looked for. Must not use the tree. */
typedef int (*loam_btree_compare_fn)(void *context, const void *a, const void *b);

/** What keys are. Kinds other than the first need no comparison, and are searched without one and without
 * branches: by samples, or many keys at once where the processor has AVX-512. */
typedef enum loam_btree_kind {
    LOAM_BTREE_COMPARED, /**< Anything; loam_btree_type::compare orders them. */
    LOAM_BTREE_U32,      /**< `uint32_t`. */
    LOAM_BTREE_I32,      /**< `int32_t`. */
    LOAM_BTREE_U64,      /**< `uint64_t`. */
    LOAM_BTREE_I64,      /**< `int64_t`. */
    LOAM_BTREE_F32,      /**< `float`; NaN is found nowhere and lies as a comparison does. */
    LOAM_BTREE_F64,      /**< `double`; as above. */
    LOAM_BTREE_TEXT      /**< ::loam_btree_text: texts that end in a zero byte, by their bytes. */
} loam_btree_kind;

/** A key of kind ::LOAM_BTREE_TEXT: an address and the first eight bytes, so that most comparisons
 * need not go where the text is. Made by loam_btree_text_of(). The text stays the caller's and must
 * stay as it is while the key is in a tree. */
typedef struct loam_btree_text {
    uint64_t prefix;  /**< The first eight bytes as a number, the first one highest. */
    const char *text; /**< All of it. */
} loam_btree_text;

/** What the entries of a tree are. */
typedef struct loam_btree_type {
    size_t key_size;    /**< Bytes of a key, 1 to #LOAM_BTREE_MAX_SIZE. */
    size_t key_align;   /**< 0: the largest that the size allows, at most ::LOAM_MAX_ALIGN. */
    size_t value_size;  /**< Bytes of a value, at most #LOAM_BTREE_MAX_SIZE; 0: a set. */
    size_t value_align; /**< As `key_align`. */
    /** What keys are; says the size and the alignment of a key if those are 0. */
    loam_btree_kind kind;
    loam_btree_compare_fn compare; /**< For ::LOAM_BTREE_COMPARED only. */
    /** Entries of a leaf, 2 to #LOAM_BTREE_MAX_ENTRIES; 0: what is fast for such entries, a
     * kilobyte. */
    size_t leaf_entries;
    size_t inner_keys; /**< Keys of an inner node, 3 to #LOAM_BTREE_MAX_ENTRIES; 0: as above. */
    /** For ::LOAM_BTREE_COMPARED: a key begins with the address of what is compared, as `const char *` does.
     * Searches then run ahead of memory: they do not halve, but compare a quarter of the way, so that a processor
     * mostly guesses right how it goes on, and begins the next comparisons; in big trees they also ask for what may
     * be compared next. That memory is not read, and the address may be any. About as many comparisons;
     * less time in trees of any size, unless comparisons are cheap. */
    bool by_address;
} loam_btree_type;

/** How a tree is to be. All zero is a good tree. */
typedef struct loam_btree_options {
    /** Equal keys may be there many times, in the order in which they came. */
    bool multi;
    /** Inner nodes know how many entries are below: loam_btree_rank(), loam_btree_nth() and
     * loam_btree_count_range() then take O(log n), and changes a little longer. */
    bool order_statistics;
    void *context; /**< Passed to the comparison. */
} loam_btree_options;

/** The most bytes of a key, and of a value. Bigger ones belong behind a pointer. */
#define LOAM_BTREE_MAX_SIZE ((size_t)1 << 20)

/** The most entries that a leaf may be told to have, and keys an inner node. */
#define LOAM_BTREE_MAX_ENTRIES 4096

/** The most levels of a tree. With nodes of the smallest size that is more than 2^31 entries; with
 * those of the usual one no memory is big enough. What would need one more fails as for want of
 * memory. */
#define LOAM_BTREE_MAX_HEIGHT 32

/** An entry in a tree; `key` is NULL where there is none. */
typedef struct loam_btree_entry {
    const void *key; /**< The key; not to be written. */
    void *value;     /**< The value; in a set, the key. */
} loam_btree_entry;

/** The head of a node; loam/btree_node.h tells what follows. Internal. */
typedef struct loam_btree_node {
    uint16_t count;      /**< Entries of a leaf; keys of an inner node, one less than children. */
    uint8_t level;       /**< 0: a leaf. */
    uint8_t unused;      /**< 0. */
    uint32_t references; /**< Trees and inner nodes that point here; 1 unless snapshots share. */
} loam_btree_node;
/** Where the nodes of a family come from. */
typedef struct loam_btree_source loam_btree_source;
typedef struct loam_btree loam_btree;

/** Counts the keys of a node that are before (or not behind) a key. Internal. */
typedef size_t (*loam_btree_rank_fn)(const loam_btree *tree, const void *keys, size_t capacity,
                                     size_t count, const void *key);

/** Sizes, places and capacities in nodes, which follow from a type. Internal; all in bytes but the
 * capacities. */
typedef struct loam_btree_layout {
    uint32_t key_size;   /**< Bytes of a key. */
    uint32_t value_size; /**< Bytes of a value. */
    uint32_t value_step; /**< From value to value; in a set, where keys stand for them, of a key. */
    uint32_t keys;       /**< Where the keys begin, in leaves and inner nodes. */
    uint32_t leaf_cap;   /**< Entries of a leaf at most. */
    uint32_t leaf_values;    /**< Where the values begin. */
    uint32_t leaf_bytes;     /**< A leaf. */
    uint32_t inner_cap;      /**< Keys of an inner node at most. */
    uint32_t inner_children; /**< Where the `inner_cap + 1` children begin. */
    uint32_t inner_counts;   /**< Where their counts begin, in a tree with order statistics. */
    uint32_t inner_bytes;    /**< An inner node, with the counts where the tree has them. */
    uint32_t align;          /**< Of all nodes. */
    uint32_t kind;           /**< A ::loam_btree_kind. */
    uint32_t by_address;     /**< Whether keys begin with addresses of what is compared. */
} loam_btree_layout;

/** A tree. The fields are for the inlined code; read `count` through loam_btree_count(). The object
 * may be moved by assignment as long as only one of both is used from then on and no cursor is. */
struct loam_btree {
    loam_btree_node *root;         /**< NULL iff `height` is 0. */
    size_t count;                  /**< Entries. */
    uint32_t height;               /**< Levels; 0: empty, 1: the root is a leaf. */
    uint32_t flags;                /**< LOAM_BTREE_MULTI_ and so on. */
    size_t epoch;                  /**< Goes up with each change, in checked builds. */
    loam_btree_node *tail;         /**< The leaf at the end where keys come in order; or NULL. */
    loam_btree_source *source;     /**< NULL before the first node. */
    loam_allocator allocator;      /**< Where the source and its nodes come from. */
    loam_btree_compare_fn compare; /**< Orders keys; there for all kinds. */
    void *context;                 /**< Passed to it. */
    loam_btree_rank_fn below;      /**< Counts the keys before one. */
    loam_btree_rank_fn upto;       /**< Counts the keys not behind one. */
    loam_btree_layout layout;      /**< How nodes look. */
};

/** Makes a key of a text that ends in a zero byte. Cost: O(1). Any thread. */
LOAM_INLINE loam_btree_text loam_btree_text_of(const char *text)
{
    loam_btree_text key = {0, text};

#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* Bytes may be read only as far as none is zero. */
    if (LOAM_LIKELY(text[0] && text[1] && text[2] && text[3] && text[4] && text[5] && text[6] &&
                    text[7])) {
        memcpy(&key.prefix, text, 8);
        key.prefix = __builtin_bswap64(key.prefix);
        return key;
    }
#endif
    for (unsigned i = 0; i < 8 && text[i]; i++)
        key.prefix |= (uint64_t)(unsigned char)text[i] << (56 - 8 * i);
    return key;
}

/* ---- life ---- */

/** Makes an empty tree. `options` may be NULL. Takes no memory: that comes with the first entry.
 *
 * Returns false iff the type is none: a size above #LOAM_BTREE_MAX_SIZE or a key of size 0, an
 * alignment that is no power of two, above 4096, or does not divide the size, a kind with another size, no
 * comparison where one is needed, a key that is too small for the address that it is said to begin with, or entries
 * or keys of nodes out of bounds. Cost: O(1). */
LOAM_NODISCARD bool loam_btree_init(loam_btree *tree, loam_allocator allocator,
                                    const loam_btree_type *type, const loam_btree_options *options);

/** Ends a tree: gives back the nodes that no snapshot shares. Entries are not visited. Ending it again
 * does nothing; it may be used on as an empty tree. Can't fail.
 *
 * Cost: O(nodes that are its own); O(1) for the last tree of a family over an allocator that does not
 * reclaim. */
void loam_btree_deinit(loam_btree *tree);

/** As loam_btree_init(), with the object from the allocator too. Returns NULL iff that would return
 * false or the memory can't be had. */
LOAM_NODISCARD loam_btree *loam_btree_create(loam_allocator allocator, const loam_btree_type *type,
                                             const loam_btree_options *options);

/** Ends a tree of loam_btree_create(). NULL is ignored. Can't fail. Cost: as loam_btree_deinit(). */
void loam_btree_destroy(loam_btree *tree);

/** Takes all entries out; nodes go back, but those that a snapshot shares. Can't fail. Cost: as
 * loam_btree_deinit(). */
void loam_btree_clear(loam_btree *tree);

/** The number of entries. O(1). */
LOAM_INLINE size_t loam_btree_count(const loam_btree *tree)
{
    return tree->count;
}

/* ---- looking for entries: none of these takes memory or can fail ---- */

/** Returns the value of the (first) entry with this key, or NULL iff there is none. In a set, the
 * key. Cost: O(log n). */
void *loam_btree_find(const loam_btree *tree, const void *key);

/** Whether there is an entry with this key. Cost: O(log n). */
bool loam_btree_contains(const loam_btree *tree, const void *key);

/** As loam_btree_find(), with the key as it is in the tree. */
loam_btree_entry loam_btree_get(const loam_btree *tree, const void *key);

/** The first entry that is not before the key; none where all are. Cost: O(log n). */
loam_btree_entry loam_btree_lower_bound(const loam_btree *tree, const void *key);

/** The first entry that is behind the key. Cost: O(log n). */
loam_btree_entry loam_btree_upper_bound(const loam_btree *tree, const void *key);

/** The last entry that is before the key; none where none is. Cost: O(log n). */
loam_btree_entry loam_btree_last_before(const loam_btree *tree, const void *key);

/** The last entry that is not behind the key: the one with this key, or else the one before. Cost: O(log n). */
loam_btree_entry loam_btree_last_upto(const loam_btree *tree, const void *key);

/** The first entry; none in an empty tree. Cost: O(log n). */
loam_btree_entry loam_btree_first(const loam_btree *tree);

/** The last entry. Cost: O(log n). */
loam_btree_entry loam_btree_last(const loam_btree *tree);

/* ---- putting entries in ---- */

/** Adds an entry unless there is one with this key. A multimap always adds it, behind its equals.
 *
 * `value` is not read in a set; NULL makes it zero bytes. Neither may be an address in the tree.
 * `*added` (which may be NULL) says whether the entry is new.
 * Returns the value's address, of the new entry or the old one; NULL iff a node is needed and can't
 * be had, then nothing changed. Cost: O(log n). */
void *loam_btree_insert(loam_btree *tree, const void *key, const void *value, bool *added);

/** Finds the entry with this key, or adds one whose value is zero bytes, and returns its value's address.
 * In a multimap it finds the first; only where there is none it adds one.
 *
 * What it returns may be written also in a tree that shares nodes. Returns NULL iff a node is needed and
 * can't be had. Cost: O(log n). */
void *loam_btree_upsert(loam_btree *tree, const void *key, bool *added);

/** Makes this the entry for its key, key included: over the (first) one that is there, or as a new one.
 *
 * What was there is copied to `*old_key` and `*old_value` before, unless NULL; `*added` says that there
 * was nothing. As that is written first, neither may be where `key` or `value` is; and those may be no
 * addresses in the tree.
 * Returns the value's address; NULL iff a node is needed and can't be had, then nothing was copied
 * out. Cost: O(log n). */
void *loam_btree_replace(loam_btree *tree, const void *key, const void *value, void *old_key,
                         void *old_value, bool *added);

/** Says where the next key and value are; `*value` NULL is zero bytes. False iff there are no more. Must not
 * use the tree. */
typedef bool (*loam_btree_next_fn)(void *context, const void **key, const void **value);

/** Fills an empty tree from a sorted source, leaf by leaf: many times faster than inserting.
 *
 * `next` is called until it returns false; key and value are copied before the next call. Each key must be
 * behind the one before (a multimap: or equal). `fill` is how full nodes are to be, 1 to 100 percent; 0, and
 * more than 100: 100. The last two nodes of each level share what they have evenly.
 *
 * Returns false iff the tree is not empty, a node can't be had, or a key is out of order; then the tree is
 * as before, and entries have been consumed. Cost: O(n), one comparison each. */
LOAM_NODISCARD bool loam_btree_load(loam_btree *tree, loam_btree_next_fn next, void *context,
                                    unsigned fill);

/** Fills an empty tree from arrays in order, of `count` keys and as many values, which are copied leaf by leaf: what
 * loam_btree_load() does, in less time where that is not spent waiting for memory.
 *
 * Keys and values stand side by side, `key_size` and `value_size` bytes each, at any address (keys where the
 * comparison can take them). `values` is not read in a set; NULL makes them zero bytes. Order and `fill` are as
 * there. The arrays stay the caller's.
 *
 * Returns false iff the tree is not empty, a node can't be had, or a key is out of order; then the tree is
 * as before. Cost: O(n), one comparison each. */
LOAM_NODISCARD bool loam_btree_load_array(loam_btree *tree, const void *keys, const void *values,
                                          size_t count, unsigned fill);

/** loam_btree_load_array() for a tree of kind ::LOAM_BTREE_TEXT, from the addresses of texts that end in a zero
 * byte. It makes the keys, as loam_btree_text_of() does, and asks for the memory of texts before it comes to them: they
 * may lie anywhere. The texts must stay as they are while they are in the tree.
 *
 * Returns false also iff the tree is of another kind. Cost: O(n); one comparison, and a read of the first eight
 * bytes, each. */
LOAM_NODISCARD bool loam_btree_load_texts(loam_btree *tree, const char *const *texts,
                                          const void *values, size_t count, unsigned fill);

/* ---- taking entries out ---- */

/** Takes the (first) entry with this key out. Returns whether there was one.
 *
 * Takes no memory, but in a tree that shares nodes with a snapshot: if that is refused, nothing
 * changes, the result is false, and the entry is still found. Cost: O(log n). */
bool loam_btree_erase(loam_btree *tree, const void *key);

/** As loam_btree_erase(), and copies key and value out before, each unless NULL. */
bool loam_btree_take(loam_btree *tree, const void *key, void *old_key, void *old_value);

/** Takes the first entry out and copies it, each unless NULL. Returns false iff there is none, or as
 * loam_btree_erase(). Cost: O(log n). */
bool loam_btree_pop_first(loam_btree *tree, void *key, void *value);

/** As loam_btree_pop_first(), with the last entry. */
bool loam_btree_pop_last(loam_btree *tree, void *key, void *value);

/** Takes all entries out that are not before `from` and before `to`; NULL is no bound on that side.
 *
 * `*erased` (which may be NULL) is how many. Whole subtrees go as nodes. Returns false iff the tree shares
 * nodes with a snapshot and a copy is refused; then nothing changed. Cost: O(log n) and the nodes that go
 * back; where there are no order statistics, also the leaves that go. */
bool loam_btree_erase_range(loam_btree *tree, const void *from, const void *to, size_t *erased);

/** Takes all entries with this key out of a multimap (of another tree, the one). `*erased`, the result and the cost
 * are as of loam_btree_erase_range(). */
bool loam_btree_erase_all(loam_btree *tree, const void *key, size_t *erased);

/* ---- trees as a whole; loam/btree_whole.h has more ---- */

/** Makes `right` a tree of the entries that are not before `key`, which leave `tree`. `right` is
 * initialised by this; it is of the same family.
 *
 * Returns false iff a node can't be had; then nothing changed and `right` must not be used.
 * Cost: O(log n), and where there are no order statistics, O(leaves of the smaller part) to count. */
LOAM_NODISCARD bool loam_btree_split(loam_btree *tree, const void *key, loam_btree *right);

/** Puts all entries of `right` behind those of `left`; `right` is empty then. Trees of one family are
 * joined by their nodes, and so are trees over the same allocator of which one is alone in its family: they are of
 * one from then on. Others are copied.
 *
 * Returns false iff the first key of `right` is before the last one of `left` (or equal, but in multimaps), the
 * types, comparisons or their contexts are not the same, both are one tree that is not empty, together they have
 * more than PTRDIFF_MAX entries (of nodes that they share), or a node can't be had; then nothing changed. Cost:
 * O(log n), or O(entries of `right`). */
LOAM_NODISCARD bool loam_btree_join(loam_btree *left, loam_btree *right);

/** Makes `copy` a tree with the same entries, type and options over another allocator, its nodes full, as
 * loam_btree_load() leaves them: what keys and values point to is not copied (loam_btree_copy_owned()), and to
 * load entries into a tree of other options there is loam_btree_cursor_feed(). `copy` is initialised by this. Returns
 * false iff a node can't be had; then `copy` must not be used. Cost: O(n). */
LOAM_NODISCARD bool loam_btree_copy(const loam_btree *tree, loam_allocator allocator,
                                    loam_btree *copy);

/** Makes `snapshot` a tree with the same entries, which shares all nodes. Both are full trees: whichever
 * changes first copies the nodes that it changes. `snapshot` is initialised by this.
 *
 * Returns false iff the tree never had an entry and its source can't be had, or there are 2^32 snapshots; then
 * `snapshot` must not be used. Cost: O(1). */
LOAM_NODISCARD bool loam_btree_snapshot(loam_btree *tree, loam_btree *snapshot);

/** Whether a node should move, such as one in a sparse slab. Must not use the tree. */
typedef bool (*loam_btree_sparse_fn)(void *context, const void *node);

/** Goes on through the tree from where the last step ended, and moves nodes for which `sparse` is true to
 * new ones. Nodes that a snapshot shares stay, and so do the entries: only addresses change.
 *
 *     static bool is_sparse(void *pool, const void *node) { return loam_pool_class_is_sparse(pool, node); }
 *
 *     size_t position = 0;
 *     do {
 *         (void)loam_btree_compact_step(&tree, 100, is_sparse, &nodes, &position);
 *         (void)loam_pool_class_trim(&nodes);
 *     } while (position != 0);
 *
 * A step gives the old nodes back in its end. The pool is to be trimmed behind each step: else those are the first
 * that the next step takes, and with a budget of 1 every node would move to where the last one was. In a step old
 * and new nodes are there at once: it takes memory for `budget` nodes at most.
 *
 * At most `budget` nodes are looked at. `*position` is 0 at first, and again when the tree has been gone
 * through; in between it is the step's own. Returns how many nodes moved; if any did, cursors of the tree are stale. A
 * refusal ends the step, and one at the root leaves 0. Cost: O(budget). */
size_t loam_btree_compact_step(loam_btree *tree, size_t budget, loam_btree_sparse_fn sparse,
                               void *context, size_t *position);

/* ---- order statistics ---- */

/** The number of entries that are before the key. Cost: O(log n) in a tree with order statistics,
 * else O(leaves). */
size_t loam_btree_rank(const loam_btree *tree, const void *key);

/** The entry that `n` others are before; none where there are not more than `n`. Cost: as
 * loam_btree_rank(). */
loam_btree_entry loam_btree_nth(const loam_btree *tree, size_t n);

/** The number of entries that are not before `from` and before `to`; NULL is no bound on that side. Cost: as
 * loam_btree_rank(). */
size_t loam_btree_count_range(const loam_btree *tree, const void *from, const void *to);

/** The number of entries with this key: 0 or 1, but in a multimap. Cost: as loam_btree_rank(), where the tree has
 * no order statistics only the leaves with such entries. */
size_t loam_btree_count_of(const loam_btree *tree, const void *key);

LOAM_END_DECLS

#include <loam/btree_cursor.h>
#include <loam/btree_inspect.h>
#include <loam/btree_whole.h>

#endif
