/* btree.c: how trees begin and end.
 */
#include "btree_internal.h"
#include "internal/atomic.h"
#include "search.h"
#include "whole.h"

/* The size that the keys of a kind have, and the alignment; 0 for those that are compared. */
static const struct {
    size_t size;
    size_t align;
} kinds[] = {{0, 0},
             {sizeof(uint32_t), LOAM_ALIGNOF(uint32_t)},
             {sizeof(int32_t), LOAM_ALIGNOF(int32_t)},
             {sizeof(uint64_t), LOAM_ALIGNOF(uint64_t)},
             {sizeof(int64_t), LOAM_ALIGNOF(int64_t)},
             {sizeof(float), LOAM_ALIGNOF(float)},
             {sizeof(double), LOAM_ALIGNOF(double)},
             {sizeof(loam_btree_text), LOAM_ALIGNOF(loam_btree_text)}};

enum { MAX_ALIGN = 4096 };

/* The alignment of things of a size when none was said: what every such thing has in an array. */
static size_t align_of(size_t size, size_t align)
{
    if (align != 0)
        return align;
    return size ? loam_min(size & (~size + 1), LOAM_MAX_ALIGN) : 1;
}

static bool good_part(size_t size, size_t align)
{
    return size <= LOAM_BTREE_MAX_SIZE && loam_is_pow2(align) && align <= MAX_ALIGN &&
           (size & (align - 1)) == 0;
}

static bool good_capacity(size_t n, size_t least)
{
    return n == 0 || (n >= least && n <= LOAM_BTREE_MAX_ENTRIES);
}

/* Fills in what a type leaves open. False iff it is none. */
static bool complete(loam_btree_type *type)
{
    if ((unsigned)type->kind >= sizeof kinds / sizeof *kinds)
        return false;
    if (type->kind == LOAM_BTREE_COMPARED) {
        if (!type->compare || (type->by_address && type->key_size < sizeof(void *)))
            return false;
    } else {
        type->by_address = false;
        if (type->key_size == 0)
            type->key_size = kinds[type->kind].size;
        if (type->key_size != kinds[type->kind].size)
            return false;
        if (type->key_align < kinds[type->kind].align)
            type->key_align = kinds[type->kind].align;
    }
    type->key_align = align_of(type->key_size, type->key_align);
    type->value_align = align_of(type->value_size, type->value_align);
    return type->key_size > 0 && good_part(type->key_size, type->key_align) &&
           good_part(type->value_size, type->value_align) && good_capacity(type->leaf_entries, 2) &&
           good_capacity(type->inner_keys, 3);
}

/* Whether nodes of a type are of a size that their fields can hold. */
static bool good_nodes(const loam_btree_type *type)
{
    uint64_t entry = (uint64_t)type->key_size + type->value_size;
    uint64_t most = (uint64_t)loam_max(type->leaf_entries, type->inner_keys) + 64;

    return most * (entry + 2 * sizeof(void *)) + (uint64_t)3 * MAX_ALIGN <= INT32_MAX;
}

size_t loam_btree_first_epoch(void)
{
    enum { APART = sizeof(size_t) * 4 }; /* bits: so many changes until two trees could meet */
    static size_t trees;

    return LOAM_CHECKS ? loam_atomic_add(&trees, 1) << APART : 0;
}

bool loam_btree_init(loam_btree *tree, loam_allocator allocator, const loam_btree_type *type,
                     const loam_btree_options *options)
{
    static const loam_btree_options none = {false, false, NULL};
    loam_btree_type t = *type;

    if (!complete(&t) || !good_nodes(&t))
        return false;
    if (!options)
        options = &none;
    tree->root = NULL;
    tree->count = 0;
    tree->height = 0;
    tree->flags = (options->multi ? LOAM_BTREE_MULTI_ : 0u) |
                  (options->order_statistics ? LOAM_BTREE_COUNTED_ : 0u);
    tree->epoch = loam_btree_first_epoch();
    tree->tail = NULL;
    tree->source = NULL;
    tree->allocator = allocator;
    tree->context = options->context;
    tree->layout = (loam_btree_layout)LOAM_BTREE_LAYOUT_(
        t.key_size, t.key_align, t.value_size, t.value_align, t.kind, t.leaf_entries, t.inner_keys);
    tree->layout.by_address = t.by_address;
    if (options->order_statistics)
        tree->layout.inner_bytes = (uint32_t)loam_round_up(
            tree->layout.inner_counts + (tree->layout.inner_cap + 1) * sizeof(size_t),
            tree->layout.align);
    loam_btree_search_choose(tree, t.compare);
    return true;
}

void loam_btree_clear(loam_btree *tree)
{
    if (tree->root)
        loam_btree_node_drop(tree, tree->root);
    tree->root = NULL;
    tree->height = 0;
    tree->count = 0;
    tree->flags &= ~LOAM_BTREE_SHARES_;
    loam_btree_changed_(tree);
}

void loam_btree_deinit(loam_btree *tree)
{
    loam_btree_source *source = tree->source;

    if (source) {
        /* There is no point in giving back what nobody will reuse. */
        if (source->references == 1 && !loam_allocator_reclaims(source->allocator))
            tree->root = NULL;
        loam_btree_clear(tree);
        loam_btree_source_drop(source);
        tree->source = NULL;
    }
}

loam_btree *loam_btree_create(loam_allocator allocator, const loam_btree_type *type,
                              const loam_btree_options *options)
{
    loam_btree *tree = loam_new(allocator, loam_btree);

    if (tree && !loam_btree_init(tree, allocator, type, options)) {
        loam_delete(allocator, loam_btree, tree);
        return NULL;
    }
    return tree;
}

void loam_btree_destroy(loam_btree *tree)
{
    if (!tree)
        return;
    loam_btree_deinit(tree);
    loam_delete(tree->allocator, loam_btree, tree);
}
