/** @file loam/btree_load.h
 * How trees are filled in order, for loam/btree_typed.h and the archive. Nothing here is for use by
 * programs.
 *
 *     source:  k k k k k k k k k k k ...          an array, or a function that is asked for entry after entry
 *              |       |       |
 *     leaves: [k k k] [k k k] [k k k              entries go straight into the last leaf
 *
 * Keys are compared where they come from, or where they are in a leaf already; nothing is compared
 * twice. What was built before a key that is out of order, or before a refusal, goes back.
 */
#ifndef LOAM_BTREE_LOAD_H
#define LOAM_BTREE_LOAD_H

#include <loam/btree_core.h>

LOAM_BEGIN_DECLS

/* ---- growing at the right edge ---- */

/** A tree that grows at its right edge, beside the one that will be it. */
typedef struct loam_btree_builder_ {
    loam_btree *tree;                             /**< Empty until the end. */
    size_t leaf_most;                             /**< Entries of a leaf. */
    size_t inner_most;                            /**< Keys of an inner node. */
    size_t entries;                               /**< In all leaves but the last one. */
    uint32_t height;                              /**< Levels. */
    loam_btree_node *edge[LOAM_BTREE_MAX_HEIGHT]; /**< The last node of each level. */
} loam_btree_builder_;

/** Begins to fill a tree. False iff it is not empty. */
bool loam_btree_build_begin_(loam_btree_builder_ *build, loam_btree *tree, unsigned fill);
/** Puts a leaf behind the last one, which is full, and returns it. `key` will be its first key. NULL iff a
 * node can't be had; then what was built is gone. */
loam_btree_node *loam_btree_build_leaf_(loam_btree_builder_ *build, const void *key);
/** Gives back what was built. */
void loam_btree_build_abandon_(loam_btree_builder_ *build);
/** Makes what was built the tree. `room` is what the last leaf has less than others. */
void loam_btree_build_end_(loam_btree_builder_ *build, size_t room);

/* ---- order ---- */

/** Whether a key may come behind another one, `equal`: or one that equals it. */
LOAM_INLINE bool loam_btree_ascends_(const loam_btree *tree, int how, loam_btree_compare_fn compare,
                                     const void *key, const void *before, bool equal)
{
    int order;

#define LOAM_BTREE_ASCENDS_(load) (load(key) > load(before) || (equal && load(key) == load(before)))
    switch (how) {
    case LOAM_BTREE_U32:
        return LOAM_BTREE_ASCENDS_(loam_btree_load_u32_);
    case LOAM_BTREE_I32:
        return LOAM_BTREE_ASCENDS_(loam_btree_load_i32_);
    case LOAM_BTREE_U64:
        return LOAM_BTREE_ASCENDS_(loam_btree_load_u64_);
    case LOAM_BTREE_I64:
        return LOAM_BTREE_ASCENDS_(loam_btree_load_i64_);
    case LOAM_BTREE_F32:
        return LOAM_BTREE_ASCENDS_(loam_btree_load_f32_);
    case LOAM_BTREE_F64:
        return LOAM_BTREE_ASCENDS_(loam_btree_load_f64_);
    case LOAM_BTREE_TEXT:
        order =
            loam_btree_text_compare_((const loam_btree_text *)key, (const loam_btree_text *)before);
        break;
    case LOAM_BTREE_COMPARED:
        order = compare(tree->context, key, before);
        break;
    default:
        order = tree->compare(tree->context, key, before);
    }
#undef LOAM_BTREE_ASCENDS_
    return order > 0 || (equal && order == 0);
}

/* ---- from a function ---- */

/** loam_btree_load(). Entries go straight into the leaves. */
LOAM_INLINE bool loam_btree_load_(loam_btree *tree, const loam_btree_layout *l, int how,
                                  loam_btree_compare_fn compare, loam_btree_next_fn next,
                                  void *context, unsigned fill)
{
    loam_btree_builder_ build;
    const void *key;
    const void *value;
    const void *last = NULL;
    char *to_key = NULL;
    char *to_value = NULL;
    size_t room = 0;
    size_t key_size = l->key_size; /* Not read again with each entry. */
    size_t value_size = l->value_size;
    bool multi = (tree->flags & LOAM_BTREE_MULTI_) != 0;

    if (!loam_btree_build_begin_(&build, tree, fill))
        return false;
    while (next(context, &key, &value)) {
        if (LOAM_LIKELY(last != NULL) &&
            LOAM_UNLIKELY(!loam_btree_ascends_(tree, how, compare, key, last, multi))) {
            loam_btree_build_abandon_(&build);
            return false;
        }
        if (LOAM_UNLIKELY(room == 0)) {
            loam_btree_node *leaf = loam_btree_build_leaf_(&build, key);

            if (!leaf)
                return false;
            to_key = (char *)loam_btree_key_at_(l, leaf, 0);
            to_value = (char *)loam_btree_value_at_(l, leaf, 0);
            room = build.leaf_most;
        }
        loam_btree_copy_(to_key, key, key_size);
        if (value_size && LOAM_LIKELY(value != NULL))
            loam_btree_copy_(to_value, value, value_size);
        else if (value_size)
            memset(to_value, 0, value_size);
        last = to_key;
        to_key += key_size;
        to_value += value_size;
        room--;
    }
    loam_btree_build_end_(&build, room);
    return true;
}

/* ---- from arrays ---- */

/* Looks at 32 bytes of keys, and those before each of them, at once, while there are as many, and goes on with `i`.
 * Compilers do not make that of the loop behind it at -O2. */
#if defined(__GNUC__) && defined(__AVX2__)
#define LOAM_BTREE_ASCEND_MANY_(type, keys, count, i, equal, wrong)                                \
    typedef type many_ __attribute__((vector_size(32), aligned(1), may_alias));                    \
    typedef uint64_t bits_ __attribute__((vector_size(32)));                                       \
    const size_t lanes_ = 32 / sizeof(type);                                                       \
    bits_ bad_ = {0, 0, 0, 0};                                                                     \
                                                                                                   \
    for (; i + lanes_ <= count; i += lanes_) {                                                     \
        const many_ a_ = *(const many_ *)(const void *)(keys + (i - 1) * sizeof(type));            \
        const many_ b_ = *(const many_ *)(const void *)(keys + i * sizeof(type));                  \
                                                                                                   \
        bad_ |= ~(equal ? (bits_)(a_ <= b_) : (bits_)(a_ < b_));                                   \
    }                                                                                              \
    wrong |= (bad_[0] | bad_[1] | bad_[2] | bad_[3]) != 0;
#else
#define LOAM_BTREE_ASCEND_MANY_(type, keys, count, i, equal, wrong)
#endif

/** Whether numbers that stand side by side ascend. No branch depends on them. They may stand at any
 * address. */
#define LOAM_BTREE_ASCEND_(name, type, load)                                                       \
    LOAM_INLINE bool name(const char *keys, size_t count, bool equal)                              \
    {                                                                                              \
        bool wrong = false;                                                                        \
        size_t i = 1;                                                                              \
                                                                                                   \
        LOAM_BTREE_ASCEND_MANY_(type, keys, count, i, equal, wrong)                                \
        for (; i < count; i++) {                                                                   \
            const type a = load(keys + (i - 1) * sizeof(type));                                    \
            const type b = load(keys + i * sizeof(type));                                          \
                                                                                                   \
            wrong |= equal ? !(a <= b) : !(a < b);                                                 \
        }                                                                                          \
        return !wrong;                                                                             \
    }

LOAM_BTREE_ASCEND_(loam_btree_ascend_u32_, uint32_t, loam_btree_load_u32_)
LOAM_BTREE_ASCEND_(loam_btree_ascend_i32_, int32_t, loam_btree_load_i32_)
LOAM_BTREE_ASCEND_(loam_btree_ascend_u64_, uint64_t, loam_btree_load_u64_)
LOAM_BTREE_ASCEND_(loam_btree_ascend_i64_, int64_t, loam_btree_load_i64_)
LOAM_BTREE_ASCEND_(loam_btree_ascend_f32_, float, loam_btree_load_f32_)
LOAM_BTREE_ASCEND_(loam_btree_ascend_f64_, double, loam_btree_load_f64_)

/** Whether keys that stand side by side ascend: each behind the one before, or with `equal` not before
 * it. */
LOAM_INLINE bool loam_btree_ascend_(const loam_btree *tree, const loam_btree_layout *l, int how,
                                    loam_btree_compare_fn compare, const char *keys, size_t count,
                                    bool equal)
{
    switch (how) {
    case LOAM_BTREE_U32:
        return loam_btree_ascend_u32_(keys, count, equal);
    case LOAM_BTREE_I32:
        return loam_btree_ascend_i32_(keys, count, equal);
    case LOAM_BTREE_U64:
        return loam_btree_ascend_u64_(keys, count, equal);
    case LOAM_BTREE_I64:
        return loam_btree_ascend_i64_(keys, count, equal);
    case LOAM_BTREE_F32:
        return loam_btree_ascend_f32_(keys, count, equal);
    case LOAM_BTREE_F64:
        return loam_btree_ascend_f64_(keys, count, equal);
    default:
        for (size_t i = 1; i < count; i++) {
            if (!loam_btree_ascends_(tree, how, compare, keys + i * l->key_size,
                                     keys + (i - 1) * l->key_size, equal))
                return false;
        }
        return true;
    }
}

/** Trees of up to so many levels are built of what is near anyway, and nothing is asked for. */
#define LOAM_BTREE_NEAR_ 2

/** While `size` bytes of a source are read, asks for as many, a kilobyte at most, that come a kilobyte behind
 * where these begin: processors that
 * see where a program reads do not look beyond the end of a page. Behind the source nothing is read. */
LOAM_INLINE void loam_btree_ask_for_source_(const loam_btree_builder_ *build, const void *from,
                                            size_t size)
{
    const size_t ahead = 1024;

    if (build->height <= LOAM_BTREE_NEAR_)
        return;
    for (size_t at = 0; at < size && at < ahead; at += 64)
        loam_btree_prefetch_((const void *)((uintptr_t)from + ahead + at));
}

/** Puts values, or zero bytes where there are none, into a leaf from its first place on. */
LOAM_INLINE void loam_btree_load_values_(const loam_btree_builder_ *build,
                                         const loam_btree_layout *l, loam_btree_node *leaf,
                                         const void *values, size_t count)
{
    if (!l->value_size)
        return;
    if (values) {
        loam_btree_ask_for_source_(build, values, count * l->value_size);
        memcpy(loam_btree_value_at_(l, leaf, 0), values, count * l->value_size);
    } else {
        memset(loam_btree_value_at_(l, leaf, 0), 0, count * l->value_size);
    }
}

/** loam_btree_load_array(). A leaf's keys are compared, with the last one of the leaf before, and then copied
 * at once. */
LOAM_INLINE bool loam_btree_load_array_(loam_btree *tree, const loam_btree_layout *l, int how,
                                        loam_btree_compare_fn compare, const void *keys,
                                        const void *values, size_t count, unsigned fill)
{
    loam_btree_builder_ build;
    const char *key = (const char *)keys;
    const char *value = (const char *)values;
    bool multi = (tree->flags & LOAM_BTREE_MULTI_) != 0;
    size_t done = 0;
    size_t n = 0;

    if (!loam_btree_build_begin_(&build, tree, fill))
        return false;
    for (; done < count; done += n) {
        size_t seam = done ? 1 : 0;
        loam_btree_node *leaf;

        n = count - done < build.leaf_most ? count - done : build.leaf_most;
        if (!loam_btree_ascend_(tree, l, how, compare, key - seam * l->key_size, n + seam, multi)) {
            loam_btree_build_abandon_(&build);
            return false;
        }
        leaf = loam_btree_build_leaf_(&build, key);
        if (!leaf)
            return false;
        loam_btree_ask_for_source_(&build, key, n * l->key_size);
        memcpy(loam_btree_key_at_(l, leaf, 0), key, n * l->key_size);
        loam_btree_load_values_(&build, l, leaf, value, n);
        key += n * l->key_size;
        if (value)
            value += n * l->value_size;
    }
    loam_btree_build_end_(&build, build.leaf_most - n);
    return true;
}

/* ---- the typed face ---- */

/** @cond typed */
#define LOAM_BTREE_LOAD_FROM_(name, kind_, compare_)                                               \
    LOAM_INLINE LOAM_NODISCARD bool name##_load(name##_t_ *tree, loam_btree_next_fn next,          \
                                                void *context, unsigned fill)                      \
    {                                                                                              \
        return loam_btree_load_(&tree->raw, &name##_layout_, kind_, compare_, next, context,       \
                                fill);                                                             \
    }                                                                                              \
    /* Texts are told by address: an array of those is none of keys. */                            \
    LOAM_BTREE_FN_ bool name##_load_these_(name##_t_ *tree, const void *keys, const void *values,  \
                                           size_t count, unsigned fill)                            \
    {                                                                                              \
        if ((kind_) == LOAM_BTREE_TEXT)                                                            \
            return loam_btree_load_texts(&tree->raw, (const char *const *)keys, values, count,     \
                                         fill);                                                    \
        return loam_btree_load_array_(&tree->raw, &name##_layout_, kind_, compare_, keys, values,  \
                                      count, fill);                                                \
    }

/* A is how keys are passed. */
#define LOAM_BTREE_LOADS_MAP_(name, A, kind_, compare_)                                            \
    LOAM_BTREE_LOAD_FROM_(name, kind_, compare_)                                                   \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_load_array(                                          \
        name##_t_ *tree, A const *keys, const name##_v_ *values, size_t count, unsigned fill)      \
    {                                                                                              \
        return name##_load_these_(tree, keys, values, count, fill);                                \
    }

#define LOAM_BTREE_LOADS_SET_(name, A, kind_, compare_)                                            \
    LOAM_BTREE_LOAD_FROM_(name, kind_, compare_)                                                   \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_load_array(name##_t_ *tree, A const *keys,           \
                                                         size_t count, unsigned fill)              \
    {                                                                                              \
        return name##_load_these_(tree, keys, NULL, count, fill);                                  \
    }
/** @endcond */

LOAM_END_DECLS

#endif
