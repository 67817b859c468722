/** @file loam/btree_typed_more.h
 * A part of loam/btree_typed.h, which includes it: what a typed tree begins with, changes along a path, ranges, and
 * trees as a whole. Nothing here is called by programs by its own name; the functions that these macros make are.
 *
 * | function                                   | does                                                    |
 * |--------------------------------------------|---------------------------------------------------------|
 * | `name_erase_range(tree, from, to, erased)` | loam_btree_erase_range() with both bounds               |
 * | `name_erase_from(tree, from, erased)`      | the same, to the last entry                             |
 * | `name_erase_before(tree, to, erased)`      | the same, from the first entry                          |
 * | `name_count_range(tree, from, to)`         | loam_btree_count_range() with both bounds               |
 * | `name_count_from(tree, from)`              | the same, to the last entry                             |
 * | `name_count_before(tree, to)`              | the same, from the first entry: `name_rank`             |
 * | `name_copy_owned`, `name_clear_owned`, `name_retain` | loam_btree_copy_owned() and so on, with functions that take `key *` and `value *` (in a set the key alone) |
 *
 * Where bounds are only known to be there or not at run time, loam_btree_erase_range() and
 * loam_btree_count_range() on `.raw` take NULL for none.
 */
#ifndef LOAM_BTREE_TYPED_MORE_H
#define LOAM_BTREE_TYPED_MORE_H

#include <loam/btree_path.h>

/** @cond typed */
/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

#if defined(__GNUC__)
#define LOAM_BTREE_FN_     static inline __attribute__((unused))
#define LOAM_BTREE_CALLED_ static __attribute__((noinline, unused))
#else
#define LOAM_BTREE_FN_     static inline
#define LOAM_BTREE_CALLED_ static inline
#endif

/* ---- comparisons behind a signature that the archive can call ---- */

#define LOAM_BTREE_COMPARE_(name, K, compare)                                                      \
    LOAM_BTREE_FN_ int name##_compare_(void *context_, const void *a_, const void *b_)             \
    {                                                                                              \
        (void)context_;                                                                            \
        return compare((const K *)a_, (const K *)b_);                                              \
    }

#define LOAM_BTREE_COMPARE_CONTEXT_(name, C, K, compare)                                           \
    typedef C name##_c_;                                                                           \
    LOAM_BTREE_FN_ int name##_compare_(void *context_, const void *a_, const void *b_)             \
    {                                                                                              \
        return compare((name##_c_ *)context_, (const K *)a_, (const K *)b_);                       \
    }

/* ---- beginning ---- */

/* Can't fail: the assertions of LOAM_BTREE_COMMON_ hold. */
#define LOAM_BTREE_INIT_(name)                                                                     \
    LOAM_BTREE_FN_ void name##_init(name##_t_ *tree, loam_allocator allocator,                     \
                                    const loam_btree_options *options)                             \
    {                                                                                              \
        loam_btree_type type = name##_type();                                                      \
                                                                                                   \
        (void)!loam_btree_init(&tree->raw, allocator, &type, options);                             \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD name##_t_ *name##_create(loam_allocator allocator,               \
                                                           const loam_btree_options *options)      \
    {                                                                                              \
        loam_btree_type type = name##_type();                                                      \
                                                                                                   \
        return (name##_t_ *)(void *)loam_btree_create(allocator, &type, options);                  \
    }

#define LOAM_BTREE_INIT_CONTEXT_(name)                                                             \
    LOAM_BTREE_FN_ void name##_init(name##_t_ *tree, loam_allocator allocator, name##_c_ *context, \
                                    const loam_btree_options *options)                             \
    {                                                                                              \
        loam_btree_type type = name##_type();                                                      \
                                                                                                   \
        (void)!loam_btree_init(&tree->raw, allocator, &type, options);                             \
        tree->raw.context = (void *)(uintptr_t)context;                                            \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD name##_t_ *name##_create(                                        \
        loam_allocator allocator, name##_c_ *context, const loam_btree_options *options)           \
    {                                                                                              \
        loam_btree_type type = name##_type();                                                      \
        loam_btree *tree = loam_btree_create(allocator, &type, options);                           \
                                                                                                   \
        if (tree)                                                                                  \
            tree->context = (void *)(uintptr_t)context;                                            \
        return (name##_t_ *)(void *)tree;                                                          \
    }

/* ---- looking: in multimaps by functions of the type ---- */

#define LOAM_BTREE_LOOKS_(name, kind_, compare_)                                                   \
    LOAM_BTREE_CALLED_ loam_btree_entry name##_get_path_(const loam_btree *tree, const void *key)  \
    {                                                                                              \
        return loam_btree_get_path_(tree, &name##_layout_, kind_, compare_, key);                  \
    }                                                                                              \
    LOAM_BTREE_CALLED_ loam_btree_entry name##_lower_path_(const loam_btree *tree,                 \
                                                           const void *key)                        \
    {                                                                                              \
        return loam_btree_bound_path_(tree, &name##_layout_, kind_, compare_, key, false);         \
    }                                                                                              \
    LOAM_BTREE_CALLED_ loam_btree_entry name##_upper_path_(const loam_btree *tree,                 \
                                                           const void *key)                        \
    {                                                                                              \
        return loam_btree_bound_path_(tree, &name##_layout_, kind_, compare_, key, true);          \
    }                                                                                              \
    LOAM_BTREE_CALLED_ bool name##_seek_path_(loam_btree_cursor *cursor, const loam_btree *tree,   \
                                              const void *key)                                     \
    {                                                                                              \
        loam_btree_path_to_(cursor, tree, &name##_layout_, kind_, compare_, key, false);           \
        return loam_btree_path_at_(cursor, &name##_layout_, kind_, compare_, key);                 \
    }                                                                                              \
    LOAM_INLINE bool name##_seek_lower_(loam_btree_cursor *cursor, const loam_btree *tree,         \
                                        const void *key)                                           \
    {                                                                                              \
        if (LOAM_UNLIKELY(tree->flags & LOAM_BTREE_MULTI_))                                        \
            return name##_seek_path_(cursor, tree, key);                                           \
        return loam_btree_seek_lower_(cursor, tree, &name##_layout_, kind_, compare_, key);        \
    }                                                                                              \
    LOAM_INLINE loam_btree_entry name##_bound_(const loam_btree *tree, const void *key, bool upto) \
    {                                                                                              \
        if (LOAM_UNLIKELY(tree->flags & LOAM_BTREE_MULTI_))                                        \
            return upto ? name##_upper_path_(tree, key) : name##_lower_path_(tree, key);           \
        return loam_btree_bound_(tree, &name##_layout_, kind_, compare_, key, upto);               \
    }

/* ---- changes: what is rare is a function of the type ---- */

#define LOAM_BTREE_CHANGES_(name, kind_, compare_)                                                 \
    LOAM_BTREE_CALLED_ void *name##_put_path_(                                                     \
        loam_btree *tree, const void *key, const void *value, loam_btree_mode_ mode, bool *added)  \
    {                                                                                              \
        return loam_btree_put_path_(tree, &name##_layout_, kind_, compare_, key, value, mode,      \
                                    added);                                                        \
    }                                                                                              \
    LOAM_BTREE_CALLED_ bool name##_take_path_(loam_btree *tree, const void *key, void *old_key,    \
                                              void *old_value)                                     \
    {                                                                                              \
        return loam_btree_take_path_(tree, &name##_layout_, kind_, compare_, key, old_key,         \
                                     old_value);                                                   \
    }                                                                                              \
    LOAM_INLINE void *name##_put_(loam_btree *tree, const void *key, const void *value,            \
                                  loam_btree_mode_ mode, bool *added)                              \
    {                                                                                              \
        return loam_btree_put_(tree, &name##_layout_, kind_, compare_, key, value, mode, added,    \
                               name##_put_path_);                                                  \
    }                                                                                              \
    LOAM_INLINE bool name##_take_(loam_btree *tree, const void *key, void *old_key,                \
                                  void *old_value)                                                 \
    {                                                                                              \
        return loam_btree_take_(tree, &name##_layout_, kind_, compare_, key, old_key, old_value,   \
                                name##_take_path_);                                                \
    }

/* ---- ranges ---- */

#define LOAM_BTREE_RANGES_(name, A, to_key, kind_, compare_)                                       \
    LOAM_BTREE_FN_ bool name##_erase_range(name##_t_ *tree, A from, A to, size_t *erased)          \
    {                                                                                              \
        name##_k_ first = to_key(from);                                                            \
        name##_k_ behind = to_key(to);                                                             \
                                                                                                   \
        return loam_btree_erase_range(&tree->raw, &first, &behind, erased);                        \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_erase_from(name##_t_ *tree, A from, size_t *erased)                 \
    {                                                                                              \
        name##_k_ first = to_key(from);                                                            \
                                                                                                   \
        return loam_btree_erase_range(&tree->raw, &first, NULL, erased);                           \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_erase_before(name##_t_ *tree, A to, size_t *erased)                 \
    {                                                                                              \
        name##_k_ behind = to_key(to);                                                             \
                                                                                                   \
        return loam_btree_erase_range(&tree->raw, NULL, &behind, erased);                          \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_erase_all(name##_t_ *tree, A key, size_t *erased)                   \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return loam_btree_erase_all(&tree->raw, &wanted, erased);                                  \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_rank(const name##_t_ *tree, A key)                                \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return loam_btree_rank(&tree->raw, &wanted);                                               \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_count_range(const name##_t_ *tree, A from, A to)                  \
    {                                                                                              \
        name##_k_ first = to_key(from);                                                            \
        name##_k_ behind = to_key(to);                                                             \
                                                                                                   \
        return loam_btree_count_range(&tree->raw, &first, &behind);                                \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_count_from(const name##_t_ *tree, A from)                         \
    {                                                                                              \
        name##_k_ first = to_key(from);                                                            \
                                                                                                   \
        return loam_btree_count_range(&tree->raw, &first, NULL);                                   \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_count_before(const name##_t_ *tree, A to)                         \
    {                                                                                              \
        return name##_rank(tree, to);                                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_count_of(const name##_t_ *tree, A key)                            \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return loam_btree_count_of(&tree->raw, &wanted);                                           \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_cursor_seek_near(loam_btree_cursor *cursor, A key)                  \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return loam_btree_seek_near_(cursor, &name##_layout_, kind_, compare_, &wanted);           \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_cursor_rank(const loam_btree_cursor *cursor)                      \
    {                                                                                              \
        return (loam_btree_cursor_rank)(cursor);                                                   \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_cursor_between(const loam_btree_cursor *from,                     \
                                                const loam_btree_cursor *to)                       \
    {                                                                                              \
        return (loam_btree_cursor_between)(from, to);                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_cursor_erase_to(loam_btree_cursor *cursor,                          \
                                               const loam_btree_cursor *end_, size_t *erased)      \
    {                                                                                              \
        return (loam_btree_cursor_erase_to)(cursor, end_, erased);                                 \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_merge(name##_t_ *tree, name##_t_ *from)              \
    {                                                                                              \
        return loam_btree_merge(&tree->raw, &from->raw);                                           \
    }

/* ---- loops: where one begins, and the address of the key that it ends at ---- */

#define LOAM_BTREE_LOOPS_(name, A, to_key, kind_, compare_)                                        \
    LOAM_BTREE_FN_ loam_btree_cursor *name##_end_(loam_btree_cursor *cursor,                       \
                                                  const name##_t_ *tree)                           \
    {                                                                                              \
        (loam_btree_cursor_seek_last)(cursor, &tree->raw);                                         \
        return cursor;                                                                             \
    }                                                                                              \
    LOAM_BTREE_FN_ const void *name##_loop_from_(loam_btree_cursor *cursor, const name##_t_ *tree, \
                                                 A from)                                           \
    {                                                                                              \
        name##_k_ first = to_key(from);                                                            \
                                                                                                   \
        (void)name##_seek_lower_(cursor, &tree->raw, &first);                                      \
        return NULL;                                                                               \
    }                                                                                              \
    LOAM_BTREE_FN_ const void *name##_loop_in_(loam_btree_cursor *cursor, const name##_t_ *tree,   \
                                               A from, A to)                                       \
    {                                                                                              \
        name##_k_ first = to_key(from);                                                            \
        name##_k_ behind = to_key(to);                                                             \
        bool any = loam_btree_order_(&tree->raw, kind_, compare_, &first, &behind) < 0;            \
                                                                                                   \
        (void)name##_seek_lower_(cursor, &tree->raw, any ? &first : &behind);                      \
        return name##_bound_(&tree->raw, &behind, false).key;                                      \
    }                                                                                              \
    LOAM_BTREE_FN_ const void *name##_loop_equal_(loam_btree_cursor *cursor,                       \
                                                  const name##_t_ *tree, A key)                    \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        (void)name##_seek_lower_(cursor, &tree->raw, &wanted);                                     \
        return name##_bound_(&tree->raw, &wanted, true).key;                                       \
    }

#define LOAM_BTREE_LOOP_(name, it, begin)                                                          \
    for (loam_btree_cursor it##_at_, *it##_to_ = LOAM_BTREE_HERE(&it##_at_); it##_to_;             \
         it##_to_ = NULL)                                                                          \
        for (const void *it##_end_ = begin; it##_to_; it##_to_ = NULL)                             \
            for (name##_entry it; (it = name##_cursor_next(it##_to_)).key && it.key != it##_end_;)

/* ---- what is made of an untyped entry ---- */

#define LOAM_BTREE_MORE_ENTRIES_(name, A, to_key)                                                  \
    LOAM_BTREE_FN_ name##_entry name##_last_before(const name##_t_ *tree, A key)                   \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_entry_of_(loam_btree_last_before(&tree->raw, &wanted));                      \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_last_upto(const name##_t_ *tree, A key)                     \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_entry_of_(loam_btree_last_upto(&tree->raw, &wanted));                        \
    }

/* ---- looking at it as a whole ---- */

#define LOAM_BTREE_INSPECTED_(name)                                                                \
    LOAM_BTREE_FN_ bool name##_check(const name##_t_ *tree, loam_check_fn report, void *context)   \
    {                                                                                              \
        return loam_btree_check(&tree->raw, report, context);                                      \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_stats(const name##_t_ *tree, loam_stats *stats)                     \
    {                                                                                              \
        loam_btree_stats(&tree->raw, stats);                                                       \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_measure(const name##_t_ *tree, loam_btree_figures *figures)         \
    {                                                                                              \
        loam_btree_measure(&tree->raw, figures);                                                   \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_walk(const name##_t_ *tree, loam_walk_fn visit, void *context)      \
    {                                                                                              \
        return loam_btree_walk(&tree->raw, visit, context);                                        \
    }

/* ---- entries that own something ---- */

/* `clone`, `end` and `keep` behind signatures that the archive can call. ARGUMENTS(key_, value_) are theirs. */
#define LOAM_BTREE_OWNED_(name, CLONE, KEEP, ARGUMENTS)                                            \
    typedef bool(*name##_clone_fn) CLONE;                                                          \
    typedef void(*name##_end_fn) CLONE;                                                            \
    typedef bool(*name##_keep_fn) KEEP;                                                            \
    typedef struct name##_owner_ {                                                                 \
        name##_clone_fn clone;                                                                     \
        name##_end_fn end;                                                                         \
        name##_keep_fn keep;                                                                       \
        void *context;                                                                             \
    } name##_owner_;                                                                               \
    LOAM_BTREE_FN_ bool name##_clone_(void *owner_, void *key_, void *value_)                      \
    {                                                                                              \
        const name##_owner_ *is_ = (const name##_owner_ *)owner_;                                  \
        (void)value_;                                                                              \
        return is_->clone(is_->context, ARGUMENTS(name, , key_, value_));                          \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_end_one_(void *owner_, void *key_, void *value_)                    \
    {                                                                                              \
        const name##_owner_ *is_ = (const name##_owner_ *)owner_;                                  \
        (void)value_;                                                                              \
        is_->end(is_->context, ARGUMENTS(name, , key_, value_));                                   \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_keep_(void *owner_, const void *key_, void *value_)                 \
    {                                                                                              \
        const name##_owner_ *is_ = (const name##_owner_ *)owner_;                                  \
        (void)value_;                                                                              \
        return is_->keep(is_->context, ARGUMENTS(name, const, key_, value_));                      \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_copy_owned(                                          \
        const name##_t_ *tree, loam_allocator allocator, name##_t_ *copy, name##_clone_fn clone_,  \
        name##_end_fn end_, void *context)                                                         \
    {                                                                                              \
        name##_owner_ owner_ = {clone_, end_, NULL, context};                                      \
                                                                                                   \
        return loam_btree_copy_owned(&tree->raw, allocator, &copy->raw, name##_clone_,             \
                                     end_ ? name##_end_one_ : NULL, &owner_);                      \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_clear_owned(name##_t_ *tree, name##_end_fn end_, void *context)     \
    {                                                                                              \
        name##_owner_ owner_ = {NULL, end_, NULL, context};                                        \
                                                                                                   \
        loam_btree_clear_owned(&tree->raw, name##_end_one_, &owner_);                              \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_retain(name##_t_ *tree, name##_keep_fn keep_, void *context,        \
                                      size_t *erased)                                              \
    {                                                                                              \
        name##_owner_ owner_ = {NULL, NULL, keep_, context};                                       \
                                                                                                   \
        return loam_btree_retain(&tree->raw, name##_keep_, &owner_, erased);                       \
    }

#define LOAM_BTREE_BOTH_(name, qualifier, key, value)                                              \
    (qualifier name##_k_ *)(key), (name##_v_ *)(value)
#define LOAM_BTREE_ALONE_(name, qualifier, key, value) (qualifier name##_k_ *)(key)

/* ---- together ---- */

#define LOAM_BTREE_MORE_MAP_(name, A, to_key)                                                      \
    LOAM_BTREE_MORE_ENTRIES_(name, A, to_key)                                                      \
    LOAM_BTREE_OWNED_(name, (void *context, name##_k_ *key, name##_v_ *value),                     \
                      (void *context, const name##_k_ *key, name##_v_ *value), LOAM_BTREE_BOTH_)

#define LOAM_BTREE_MORE_SET_(name, A, to_key)                                                      \
    LOAM_BTREE_MORE_ENTRIES_(name, A, to_key)                                                      \
    LOAM_BTREE_OWNED_(name, (void *context, name##_k_ *key),                                       \
                      (void *context, const name##_k_ *key), LOAM_BTREE_ALONE_)

/* NOLINTEND(bugprone-macro-parentheses) */
/** @endcond */

#endif
