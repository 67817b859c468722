/** @file loam/btree_typed.h
 * Trees of given C types: the code of loam/btree.h with sizes and the comparison folded in.
 *
 *     LOAM_BTREE_DEFINE_NUMBER(scores, uint64_t, double);
 *
 *     scores s;
 *     scores_init(&s, loam_libc_allocator(), NULL);
 *     if (!scores_insert(&s, 42, 0.5, NULL))
 *         return out_of_memory();
 *     double *found = scores_find(&s, 42);
 *     LOAM_BTREE_EACH(scores, it, &s)
 *         total += *it.value;
 *     scores_deinit(&s);
 *
 * | macro                                           | keys                                        |
 * |-------------------------------------------------|---------------------------------------------|
 * | LOAM_BTREE_DEFINE(name, key, value, compare)    | anything: `int compare(const key *, const key *)` |
 * | LOAM_BTREE_DEFINE_NUMBER(name, key, value)      | integers and floats of 4 and 8 bytes        |
 * | LOAM_BTREE_DEFINE_TEXT(name, value)             | texts that end in a zero byte; see ::loam_btree_text |
 * | LOAM_BTREE_DEFINE_CONTEXT(name, context, key, value, compare) | anything: `int compare(context *, const key *, const key *)` |
 * | LOAM_BTREE_DEFINE_SET(name, key, compare)       | sets: no value                              |
 * | LOAM_BTREE_DEFINE_NUMBER_SET(name, key)         |                                             |
 * | LOAM_BTREE_DEFINE_TEXT_SET(name)                |                                             |
 * | LOAM_BTREE_DEFINE_CONTEXT_SET(name, context, key, compare) |                                  |
 *
 * A key that is a pointer is to have a name of its own (`typedef point *point_key;`): `const key *` is made of what is
 * written.
 *
 * Each makes the types `name` (a tree, with the untyped one as `.raw`) and `name_entry` ({key, value}, addresses),
 * and functions `name_<verb>` that do what `loam_btree_<verb>` does, on keys that are passed by value
 * (texts: as `const char *`; `name_load_array` takes an array of such) and values that are passed by value and
 * returned by address. A set returns
 * addresses of keys. Cursors are ::loam_btree_cursor. LOAM_BTREE_DEFINE_SIZED() and
 * LOAM_BTREE_DEFINE_NUMBER_SIZED() also say how many entries leaves, and keys inner nodes have.
 *
 * Numbers, and the first bytes of texts, are searched without branches, by samples; numbers many at
 * once where the compiler may use AVX-512.
 *
 * Inlined are finding, bounds, seeking, loading, insertion into a leaf with room, replacing, erasure from a leaf that
 * stays full enough, and stepping within a leaf. In multimaps, trees with order statistics, and trees that share
 * nodes, these changes are one call of a function that is made for the type. All else is called in the archive.
 * loam/btree_typed_more.h lists the functions that have no untyped ones of the same name.
 */
#ifndef LOAM_BTREE_TYPED_H
#define LOAM_BTREE_TYPED_H

#include <loam/btree_load.h>
#include <loam/btree_typed_more.h>

/* NOLINTBEGIN(bugprone-macro-parentheses): types and names that are declared can have none */

/** A map from `key` to `value`, ordered by `int compare(const key *a, const key *b)`. */
#define LOAM_BTREE_DEFINE(name, key, value, compare)                                               \
    LOAM_BTREE_DEFINE_SIZED(name, key, value, compare, 0, 0)

/** As LOAM_BTREE_DEFINE(), with `leaf_entries` and `inner_keys` as in ::loam_btree_type. */
#define LOAM_BTREE_DEFINE_SIZED(name, key, value, compare, leaf_entries, inner_keys)               \
    LOAM_BTREE_COMPARE_(name, key, compare)                                                        \
    LOAM_BTREE_COMMON_(name, key, key, LOAM_BTREE_SELF_, sizeof(value), LOAM_ALIGNOF(value),       \
                       LOAM_BTREE_COMPARED, name##_compare_, leaf_entries, inner_keys)             \
    LOAM_BTREE_INIT_(name)                                                                         \
    LOAM_BTREE_MAP_(name, key, value, key, LOAM_BTREE_SELF_, LOAM_BTREE_COMPARED, name##_compare_)

/** A map from `key`, an integer or floating type of 4 or 8 bytes, to `value`. */
#define LOAM_BTREE_DEFINE_NUMBER(name, key, value)                                                 \
    LOAM_BTREE_DEFINE_NUMBER_SIZED(name, key, value, 0, 0)

/** As LOAM_BTREE_DEFINE_NUMBER(), with `leaf_entries` and `inner_keys` as in ::loam_btree_type. */
#define LOAM_BTREE_DEFINE_NUMBER_SIZED(name, key, value, leaf_entries, inner_keys)                 \
    LOAM_BTREE_COMMON_(name, key, key, LOAM_BTREE_SELF_, sizeof(value), LOAM_ALIGNOF(value),       \
                       LOAM_BTREE_NUMBER_KIND_(name##_k_), NULL, leaf_entries, inner_keys)         \
    LOAM_BTREE_INIT_(name)                                                                         \
    LOAM_BTREE_MAP_(name, key, value, key, LOAM_BTREE_SELF_, LOAM_BTREE_NUMBER_KIND_(name##_k_),   \
                    NULL)

/** A map from texts to `value`. Where a key is told by address it is a ::loam_btree_text. */
#define LOAM_BTREE_DEFINE_TEXT(name, value)                                                        \
    LOAM_BTREE_COMMON_(name, loam_btree_text, const char *, loam_btree_text_of, sizeof(value),     \
                       LOAM_ALIGNOF(value), LOAM_BTREE_TEXT, NULL, 0, 0)                           \
    LOAM_BTREE_INIT_(name)                                                                         \
    LOAM_BTREE_MAP_(name, loam_btree_text, value, const char *, loam_btree_text_of,                \
                    LOAM_BTREE_TEXT, NULL)

/** A set of `key`, ordered by `int compare(const key *a, const key *b)`. */
#define LOAM_BTREE_DEFINE_SET(name, key, compare)                                                  \
    LOAM_BTREE_COMPARE_(name, key, compare)                                                        \
    LOAM_BTREE_COMMON_(name, key, key, LOAM_BTREE_SELF_, 0, 1, LOAM_BTREE_COMPARED,                \
                       name##_compare_, 0, 0)                                                      \
    LOAM_BTREE_INIT_(name)                                                                         \
    LOAM_BTREE_SET_(name, key, key, LOAM_BTREE_SELF_, LOAM_BTREE_COMPARED, name##_compare_)

/** A set of `key`, an integer or floating type of 4 or 8 bytes. */
#define LOAM_BTREE_DEFINE_NUMBER_SET(name, key)                                                    \
    LOAM_BTREE_COMMON_(name, key, key, LOAM_BTREE_SELF_, 0, 1, LOAM_BTREE_NUMBER_KIND_(name##_k_), \
                       NULL, 0, 0)                                                                 \
    LOAM_BTREE_INIT_(name)                                                                         \
    LOAM_BTREE_SET_(name, key, key, LOAM_BTREE_SELF_, LOAM_BTREE_NUMBER_KIND_(name##_k_), NULL)

/** A set of texts. */
#define LOAM_BTREE_DEFINE_TEXT_SET(name)                                                           \
    LOAM_BTREE_COMMON_(name, loam_btree_text, const char *, loam_btree_text_of, 0, 1,              \
                       LOAM_BTREE_TEXT, NULL, 0, 0)                                                \
    LOAM_BTREE_INIT_(name)                                                                         \
    LOAM_BTREE_SET_(name, loam_btree_text, const char *, loam_btree_text_of, LOAM_BTREE_TEXT, NULL)

/** As LOAM_BTREE_DEFINE(), ordered by `int compare(context *, const key *a, const key *b)`, for an order that a
 * tree is told when it begins: a collation, the column of a table. `name_init(tree, allocator, with, options)` takes
 * the address of a `context` (a type, which may be const); the context of the options is not looked at. It must stay as
 * it is while the tree has entries; trees that are joined or merged have the same one. */
#define LOAM_BTREE_DEFINE_CONTEXT(name, context, key, value, compare)                              \
    LOAM_BTREE_COMPARE_CONTEXT_(name, context, key, compare)                                       \
    LOAM_BTREE_COMMON_(name, key, key, LOAM_BTREE_SELF_, sizeof(value), LOAM_ALIGNOF(value),       \
                       LOAM_BTREE_COMPARED, name##_compare_, 0, 0)                                 \
    LOAM_BTREE_INIT_CONTEXT_(name)                                                                 \
    LOAM_BTREE_MAP_(name, key, value, key, LOAM_BTREE_SELF_, LOAM_BTREE_COMPARED, name##_compare_)

/** A set of `key`, ordered as by LOAM_BTREE_DEFINE_CONTEXT(). */
#define LOAM_BTREE_DEFINE_CONTEXT_SET(name, context, key, compare)                                 \
    LOAM_BTREE_COMPARE_CONTEXT_(name, context, key, compare)                                       \
    LOAM_BTREE_COMMON_(name, key, key, LOAM_BTREE_SELF_, 0, 1, LOAM_BTREE_COMPARED,                \
                       name##_compare_, 0, 0)                                                      \
    LOAM_BTREE_INIT_CONTEXT_(name)                                                                 \
    LOAM_BTREE_SET_(name, key, key, LOAM_BTREE_SELF_, LOAM_BTREE_COMPARED, name##_compare_)

/** A loop over the entries of a tree of type `name`, first to last; `it` is a `name_entry`. `break` and
 * `continue` do what they do in any loop. The tree must not be changed in it but for values. */
#define LOAM_BTREE_EACH(name, it, tree)                                                            \
    for (loam_btree_cursor it##_at_,                                                               \
         *it##_to_ = name##_begin_(LOAM_BTREE_HERE(&it##_at_), (tree));                            \
         it##_to_; it##_to_ = NULL)                                                                \
        for (name##_run_t_ it##_run_ = name##_no_run_(); name##_run_more_(&it##_at_, &it##_run_);) \
            for (name##_entry it; name##_run_at_(&it##_at_, &it##_run_, &it);                      \
                 name##_run_step_(&it##_run_))

/** The same, last to first. */
#define LOAM_BTREE_EACH_BACK(name, it, tree)                                                       \
    for (loam_btree_cursor it##_at_, *it##_to_ = name##_end_(LOAM_BTREE_HERE(&it##_at_), (tree));  \
         it##_to_; it##_to_ = NULL)                                                                \
        for (name##_entry it; (it = name##_cursor_prev(it##_to_)).key;)

/** The same, over those that are not before a key, first to last. */
#define LOAM_BTREE_EACH_FROM(name, it, tree, from)                                                 \
    LOAM_BTREE_LOOP_(name, it, name##_loop_from_(it##_to_, (tree), (from)))

/** The same, over those that are not before one key and before another one. */
#define LOAM_BTREE_EACH_IN(name, it, tree, from, to)                                               \
    LOAM_BTREE_LOOP_(name, it, name##_loop_in_(it##_to_, (tree), (from), (to)))

/** The same, over all entries of a multimap with one key, in the order in which they came. */
#define LOAM_BTREE_EACH_EQUAL(name, it, tree, key)                                                 \
    LOAM_BTREE_LOOP_(name, it, name##_loop_equal_(it##_to_, (tree), (key)))

/** @cond typed */
#define LOAM_BTREE_SELF_(key) (key)

/* What a number is. Comparing integers is a constant expression in C, comparing doubles is not. */
#define LOAM_BTREE_INTEGER_KIND_(key)                                                              \
    ((key)-1 > (key)0 ? (sizeof(key) == 4 ? LOAM_BTREE_U32 : LOAM_BTREE_U64)                       \
                      : (sizeof(key) == 4 ? LOAM_BTREE_I32 : LOAM_BTREE_I64))
#if defined(__cplusplus)
#define LOAM_BTREE_NUMBER_KIND_(key)                                                               \
    ((key)1 / (key)2 != (key)0 ? (sizeof(key) == 4 ? LOAM_BTREE_F32 : LOAM_BTREE_F64)              \
                               : LOAM_BTREE_INTEGER_KIND_(key))
#define LOAM_BTREE_ASSERT_(condition, text) static_assert(condition, text)
#define LOAM_BTREE_BYTES_(type)             __is_trivially_copyable(type)
#else
#define LOAM_BTREE_NUMBER_KIND_(key)                                                               \
    _Generic((key)0, float                                                                         \
             : LOAM_BTREE_F32, double                                                              \
             : LOAM_BTREE_F64, long double                                                         \
             : LOAM_BTREE_F64, default                                                             \
             : LOAM_BTREE_INTEGER_KIND_(key))
#define LOAM_BTREE_ASSERT_(condition, text) _Static_assert(condition, text)
#define LOAM_BTREE_BYTES_(type)             1
#endif

/* What maps and sets have. A is how keys are passed, and to_key makes a key of that. Types get second
 * names: where something is called as a type of the caller's is, the first one would mean that. */
#define LOAM_BTREE_COMMON_(name, K, A, to_key, vs, va, kind_, compare_, leaf, inner)               \
    typedef K name##_k_;                                                                           \
    LOAM_BTREE_ASSERT_(LOAM_BTREE_BYTES_(K), #name ": keys must be trivially copyable");           \
    LOAM_BTREE_ASSERT_(sizeof(K) - 1 < LOAM_BTREE_MAX_SIZE && (vs) <= LOAM_BTREE_MAX_SIZE,         \
                       #name ": keys and values of trees are small; use pointers to big ones");    \
    LOAM_BTREE_ASSERT_((kind_) == LOAM_BTREE_COMPARED || (kind_) == LOAM_BTREE_TEXT ||             \
                           sizeof(K) == 4 || sizeof(K) == 8,                                       \
                       #name ": numbers have 4 or 8 bytes; use LOAM_BTREE_DEFINE for others");     \
    LOAM_BTREE_ASSERT_(sizeof(K) % LOAM_ALIGNOF(K) == 0 && (vs) % (va) == 0,                       \
                       #name ": a size is no multiple of its alignment");                          \
    LOAM_BTREE_ASSERT_(LOAM_ALIGNOF(K) <= 4096 && (va) <= 4096, #name ": alignment above 4096");   \
    LOAM_BTREE_ASSERT_(((leaf) == 0 || (leaf) >= 2) && (leaf) <= LOAM_BTREE_MAX_ENTRIES &&         \
                           ((inner) == 0 || (inner) >= 3) && (inner) <= LOAM_BTREE_MAX_ENTRIES,    \
                       #name ": leaf_entries or inner_keys out of bounds");                        \
    LOAM_BTREE_ASSERT_((LOAM_BTREE_MAX_((uint64_t)(leaf), (uint64_t)(inner)) + 64) *               \
                                   ((uint64_t)sizeof(K) + (vs) + 2 * sizeof(void *)) +             \
                               12288 <=                                                            \
                           INT32_MAX,                                                              \
                       #name ": nodes would be too big");                                          \
    typedef struct name {                                                                          \
        loam_btree raw;                                                                            \
    } name, name##_t_;                                                                             \
    static const loam_btree_layout name##_layout_ =                                                \
        LOAM_BTREE_LAYOUT_(sizeof(K), LOAM_ALIGNOF(K), vs, va, kind_, leaf, inner);                \
    LOAM_BTREE_FN_ loam_btree_type name##_type(void)                                               \
    {                                                                                              \
        const loam_btree_type name##_is_ = {sizeof(K), LOAM_ALIGNOF(K), vs,   va, kind_, compare_, \
                                            leaf,      inner,           false};                    \
        return name##_is_;                                                                         \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_deinit(name##_t_ *tree)                                             \
    {                                                                                              \
        loam_btree_deinit(&tree->raw);                                                             \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_destroy(name##_t_ *tree)                                            \
    {                                                                                              \
        loam_btree_destroy(tree ? &tree->raw : NULL);                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_clear(name##_t_ *tree)                                              \
    {                                                                                              \
        loam_btree_clear(&tree->raw);                                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_count(const name##_t_ *tree)                                      \
    {                                                                                              \
        return tree->raw.count;                                                                    \
    }                                                                                              \
    LOAM_BTREE_LOOKS_(name, kind_, compare_)                                                       \
    LOAM_BTREE_CHANGES_(name, kind_, compare_)                                                     \
    LOAM_BTREE_RANGES_(name, A, to_key, kind_, compare_)                                           \
    LOAM_BTREE_LOOPS_(name, A, to_key, kind_, compare_)                                            \
    LOAM_BTREE_INSPECTED_(name)                                                                    \
    LOAM_INLINE loam_btree_entry name##_get_(const name##_t_ *tree, const name##_k_ *key)          \
    {                                                                                              \
        if (LOAM_UNLIKELY(tree->raw.flags & LOAM_BTREE_MULTI_))                                    \
            return name##_get_path_(&tree->raw, key);                                              \
        return loam_btree_get_(&tree->raw, &name##_layout_, kind_, compare_, key);                 \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_contains(const name##_t_ *tree, A key)                              \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_get_(tree, &wanted).key != NULL;                                             \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_erase(name##_t_ *tree, A key)                                       \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_take_(&tree->raw, &wanted, NULL, NULL);                                      \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_split(name##_t_ *tree, A key, name##_t_ *right)      \
    {                                                                                              \
        name##_k_ first = to_key(key);                                                             \
                                                                                                   \
        return loam_btree_split(&tree->raw, &first, &right->raw);                                  \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_join(name##_t_ *left, name##_t_ *right)              \
    {                                                                                              \
        return loam_btree_join(&left->raw, &right->raw);                                           \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_copy(const name##_t_ *tree,                          \
                                                   loam_allocator allocator, name##_t_ *copy)      \
    {                                                                                              \
        return loam_btree_copy(&tree->raw, allocator, &copy->raw);                                 \
    }                                                                                              \
    LOAM_BTREE_FN_ LOAM_NODISCARD bool name##_snapshot(name##_t_ *tree, name##_t_ *snapshot)       \
    {                                                                                              \
        return loam_btree_snapshot(&tree->raw, &snapshot->raw);                                    \
    }                                                                                              \
    LOAM_BTREE_FN_ size_t name##_compact_step(name##_t_ *tree, size_t budget,                      \
                                              loam_btree_sparse_fn sparse, void *context,          \
                                              size_t *position)                                    \
    {                                                                                              \
        return loam_btree_compact_step(&tree->raw, budget, sparse, context, position);             \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_seek_(loam_btree_cursor *cursor)                                    \
    {                                                                                              \
        if (LOAM_CHECKS)                                                                           \
            (void)loam_btree_cursor_here_(cursor, __FILE__, __LINE__);                             \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_cursor_seek_first(loam_btree_cursor *cursor, const name##_t_ *tree) \
    {                                                                                              \
        name##_seek_(cursor);                                                                      \
        (loam_btree_cursor_seek_first)(cursor, &tree->raw);                                        \
    }                                                                                              \
    LOAM_BTREE_FN_ loam_btree_cursor *name##_begin_(loam_btree_cursor *cursor,                     \
                                                    const name##_t_ *tree)                         \
    {                                                                                              \
        (loam_btree_cursor_seek_first)(cursor, &tree->raw);                                        \
        return cursor;                                                                             \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_cursor_seek_last(loam_btree_cursor *cursor, const name##_t_ *tree)  \
    {                                                                                              \
        name##_seek_(cursor);                                                                      \
        (loam_btree_cursor_seek_last)(cursor, &tree->raw);                                         \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_cursor_seek_lower(loam_btree_cursor *cursor, const name##_t_ *tree, \
                                                 A key)                                            \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        name##_seek_(cursor);                                                                      \
        return name##_seek_lower_(cursor, &tree->raw, &wanted);                                    \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_cursor_seek_upper(loam_btree_cursor *cursor, const name##_t_ *tree, \
                                                 A key)                                            \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        name##_seek_(cursor);                                                                      \
        loam_btree_seek_(cursor, &tree->raw, &name##_layout_, kind_, compare_, &wanted, true);     \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_cursor_seek_nth(loam_btree_cursor *cursor, const name##_t_ *tree,   \
                                               size_t n)                                           \
    {                                                                                              \
        name##_seek_(cursor);                                                                      \
        (loam_btree_cursor_seek_nth)(cursor, &tree->raw, n);                                       \
    }

/* What is made of an untyped entry: two addresses in a map, one in a set. */
#define LOAM_BTREE_ENTRIES_(name, A, K, to_key, kind_, compare_)                                   \
    LOAM_BTREE_FN_ name##_entry name##_get(const name##_t_ *tree, A key)                           \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_entry_of_(name##_get_(tree, &wanted));                                       \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_lower_bound(const name##_t_ *tree, A key)                   \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_entry_of_(name##_bound_(&tree->raw, &wanted, false));                        \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_upper_bound(const name##_t_ *tree, A key)                   \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_entry_of_(name##_bound_(&tree->raw, &wanted, true));                         \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_first(const name##_t_ *tree)                                \
    {                                                                                              \
        return name##_entry_of_(loam_btree_first(&tree->raw));                                     \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_last(const name##_t_ *tree)                                 \
    {                                                                                              \
        return name##_entry_of_(loam_btree_last(&tree->raw));                                      \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_nth(const name##_t_ *tree, size_t n)                        \
    {                                                                                              \
        return name##_entry_of_(loam_btree_nth(&tree->raw, n));                                    \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_cursor_next(loam_btree_cursor *cursor)                      \
    {                                                                                              \
        return name##_entry_of_(loam_btree_cursor_next_(cursor, &name##_layout_));                 \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_cursor_prev(loam_btree_cursor *cursor)                      \
    {                                                                                              \
        return name##_entry_of_(loam_btree_cursor_prev_(cursor, &name##_layout_));                 \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_cursor_peek_next(loam_btree_cursor *cursor)                 \
    {                                                                                              \
        return name##_entry_of_((loam_btree_cursor_peek_next)(cursor));                            \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_cursor_peek_prev(loam_btree_cursor *cursor)                 \
    {                                                                                              \
        return name##_entry_of_((loam_btree_cursor_peek_prev)(cursor));                            \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_entry name##_cursor_own(loam_btree_cursor *cursor)                       \
    {                                                                                              \
        return name##_entry_of_((loam_btree_cursor_own)(cursor));                                  \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_cursor_erase_next(loam_btree_cursor *cursor, name##_entry *next)    \
    {                                                                                              \
        loam_btree_entry entry;                                                                    \
        bool erased = (loam_btree_cursor_erase_next)(cursor, &entry);                              \
                                                                                                   \
        if (next)                                                                                  \
            *next = name##_entry_of_(entry);                                                       \
        return erased;                                                                             \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_cursor_erase_prev(loam_btree_cursor *cursor, name##_entry *next)    \
    {                                                                                              \
        loam_btree_entry entry;                                                                    \
        bool erased = (loam_btree_cursor_erase_prev)(cursor, &entry);                              \
                                                                                                   \
        if (next)                                                                                  \
            *next = name##_entry_of_(entry);                                                       \
        return erased;                                                                             \
    }

/* What only maps have. */
#define LOAM_BTREE_MAP_(name, K, V, A, to_key, kind_, compare_)                                    \
    typedef V name##_v_;                                                                           \
    LOAM_BTREE_ASSERT_(LOAM_BTREE_BYTES_(V), #name ": values must be trivially copyable");         \
    typedef struct name##_entry {                                                                  \
        const name##_k_ *key;                                                                      \
        name##_v_ *value;                                                                          \
    } name##_entry;                                                                                \
    LOAM_BTREE_FN_ name##_entry name##_entry_of_(loam_btree_entry entry)                           \
    {                                                                                              \
        name##_entry typed;                                                                        \
        typed.key = (const name##_k_ *)entry.key;                                                  \
        typed.value = (name##_v_ *)entry.value;                                                    \
        return typed;                                                                              \
    }                                                                                              \
    /* The entries of a leaf that a loop is in. */                                                 \
    typedef struct name##_run_t_ {                                                                 \
        const name##_k_ *next;                                                                     \
        const name##_k_ *end;                                                                      \
        name##_v_ *value;                                                                          \
    } name##_run_t_;                                                                               \
    LOAM_BTREE_FN_ name##_run_t_ name##_no_run_(void)                                              \
    {                                                                                              \
        name##_run_t_ run;                                                                         \
        run.next = run.end = NULL;                                                                 \
        run.value = NULL;                                                                          \
        return run;                                                                                \
    }                                                                                              \
    /* The next run, unless the loop was left in the middle of the last one. */                    \
    LOAM_BTREE_FN_ bool name##_run_more_(loam_btree_cursor *cursor, name##_run_t_ *run)            \
    {                                                                                              \
        loam_btree_entry entry;                                                                    \
        size_t count;                                                                              \
                                                                                                   \
        if (run->next != run->end)                                                                 \
            return false;                                                                          \
        entry = loam_btree_run_(cursor, &name##_layout_, &count);                                  \
        run->next = (const name##_k_ *)entry.key;                                                  \
        run->end = count ? run->next + count : run->next;                                          \
        run->value = (name##_v_ *)entry.value;                                                     \
        return count > 0;                                                                          \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_run_at_(const loam_btree_cursor *cursor, const name##_run_t_ *run,  \
                                       name##_entry *entry)                                        \
    {                                                                                              \
        loam_btree_cursor_require_(cursor);                                                        \
        entry->key = run->next;                                                                    \
        entry->value = run->value;                                                                 \
        return run->next != run->end;                                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_run_step_(name##_run_t_ *run)                                       \
    {                                                                                              \
        run->next++;                                                                               \
        run->value++;                                                                              \
    }                                                                                              \
    LOAM_BTREE_MORE_MAP_(name, A, to_key)                                                          \
    LOAM_BTREE_ENTRIES_(name, A, K, to_key, kind_, compare_)                                       \
    LOAM_BTREE_LOADS_MAP_(name, A, kind_, compare_)                                                \
    LOAM_BTREE_FN_ name##_v_ *name##_find(const name##_t_ *tree, A key)                            \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (name##_v_ *)name##_get_(tree, &wanted).value;                                      \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_v_ *name##_insert(name##_t_ *tree, A key, name##_v_ value, bool *added)  \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (name##_v_ *)name##_put_(&tree->raw, &wanted, &value, LOAM_BTREE_INSERT_, added);   \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_v_ *name##_upsert(name##_t_ *tree, A key, bool *added)                   \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (name##_v_ *)name##_put_(&tree->raw, &wanted, NULL, LOAM_BTREE_UPSERT_, added);     \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_v_ *name##_replace(name##_t_ *tree, A key, name##_v_ value,              \
                                             name##_k_ *old_key, name##_v_ *old_value,             \
                                             bool *added)                                          \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (name##_v_ *)loam_btree_replace_(&tree->raw, &name##_layout_, kind_, compare_,      \
                                                &wanted, &value, old_key, old_value, added,        \
                                                name##_put_path_);                                 \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_take(name##_t_ *tree, A key, name##_k_ *old_key,                    \
                                    name##_v_ *old_value)                                          \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_take_(&tree->raw, &wanted, old_key, old_value);                              \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_pop_first(name##_t_ *tree, name##_k_ *key, name##_v_ *value)        \
    {                                                                                              \
        return loam_btree_pop_first(&tree->raw, key, value);                                       \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_pop_last(name##_t_ *tree, name##_k_ *key, name##_v_ *value)         \
    {                                                                                              \
        return loam_btree_pop_last(&tree->raw, key, value);                                        \
    }                                                                                              \
    LOAM_BTREE_FN_ name##_v_ *name##_cursor_insert(loam_btree_cursor *cursor, A key,               \
                                                   name##_v_ value)                                \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (name##_v_ *)(loam_btree_cursor_insert)(cursor, &wanted, &value);                   \
    }                                                                                              \
    LOAM_BTREE_ASSERT_(sizeof(V) > 0, #name ": values have a size; sets are "                      \
                                            "LOAM_BTREE_DEFINE_SET")

/* What only sets have. */
#define LOAM_BTREE_SET_(name, K, A, to_key, kind_, compare_)                                       \
    typedef struct name##_entry {                                                                  \
        const name##_k_ *key;                                                                      \
    } name##_entry;                                                                                \
    LOAM_BTREE_FN_ name##_entry name##_entry_of_(loam_btree_entry entry)                           \
    {                                                                                              \
        name##_entry typed;                                                                        \
        typed.key = (const name##_k_ *)entry.key;                                                  \
        return typed;                                                                              \
    }                                                                                              \
    /* The entries of a leaf that a loop is in. */                                                 \
    typedef struct name##_run_t_ {                                                                 \
        const name##_k_ *next;                                                                     \
        const name##_k_ *end;                                                                      \
    } name##_run_t_;                                                                               \
    LOAM_BTREE_FN_ name##_run_t_ name##_no_run_(void)                                              \
    {                                                                                              \
        name##_run_t_ run;                                                                         \
        run.next = run.end = NULL;                                                                 \
        return run;                                                                                \
    }                                                                                              \
    /* The next run, unless the loop was left in the middle of the last one. */                    \
    LOAM_BTREE_FN_ bool name##_run_more_(loam_btree_cursor *cursor, name##_run_t_ *run)            \
    {                                                                                              \
        loam_btree_entry entry;                                                                    \
        size_t count;                                                                              \
                                                                                                   \
        if (run->next != run->end)                                                                 \
            return false;                                                                          \
        entry = loam_btree_run_(cursor, &name##_layout_, &count);                                  \
        run->next = (const name##_k_ *)entry.key;                                                  \
        run->end = count ? run->next + count : run->next;                                          \
        return count > 0;                                                                          \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_run_at_(const loam_btree_cursor *cursor, const name##_run_t_ *run,  \
                                       name##_entry *entry)                                        \
    {                                                                                              \
        loam_btree_cursor_require_(cursor);                                                        \
        entry->key = run->next;                                                                    \
        return run->next != run->end;                                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ void name##_run_step_(name##_run_t_ *run)                                       \
    {                                                                                              \
        run->next++;                                                                               \
    }                                                                                              \
    LOAM_BTREE_MORE_SET_(name, A, to_key)                                                          \
    LOAM_BTREE_ENTRIES_(name, A, K, to_key, kind_, compare_)                                       \
    LOAM_BTREE_LOADS_SET_(name, A, kind_, compare_)                                                \
    LOAM_BTREE_FN_ const name##_k_ *name##_find(const name##_t_ *tree, A key)                      \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (const name##_k_ *)name##_get_(tree, &wanted).key;                                  \
    }                                                                                              \
    LOAM_BTREE_FN_ const name##_k_ *name##_insert(name##_t_ *tree, A key, bool *added)             \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (const name##_k_ *)name##_put_(&tree->raw, &wanted, NULL, LOAM_BTREE_INSERT_,       \
                                              added);                                              \
    }                                                                                              \
    LOAM_BTREE_FN_ const name##_k_ *name##_replace(name##_t_ *tree, A key, name##_k_ *old_key,     \
                                                   bool *added)                                    \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (const name##_k_ *)loam_btree_replace_(&tree->raw, &name##_layout_, kind_,          \
                                                      compare_, &wanted, NULL, old_key, NULL,      \
                                                      added, name##_put_path_);                    \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_take(name##_t_ *tree, A key, name##_k_ *old_key)                    \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return name##_take_(&tree->raw, &wanted, old_key, NULL);                                   \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_pop_first(name##_t_ *tree, name##_k_ *key)                          \
    {                                                                                              \
        return loam_btree_pop_first(&tree->raw, key, NULL);                                        \
    }                                                                                              \
    LOAM_BTREE_FN_ bool name##_pop_last(name##_t_ *tree, name##_k_ *key)                           \
    {                                                                                              \
        return loam_btree_pop_last(&tree->raw, key, NULL);                                         \
    }                                                                                              \
    LOAM_BTREE_FN_ const name##_k_ *name##_cursor_insert(loam_btree_cursor *cursor, A key)         \
    {                                                                                              \
        name##_k_ wanted = to_key(key);                                                            \
                                                                                                   \
        return (const name##_k_ *)(loam_btree_cursor_insert)(cursor, &wanted, NULL);               \
    }                                                                                              \
    LOAM_BTREE_ASSERT_(sizeof(K) > 0, #name ": keys have a size")
/** @endcond */

/* NOLINTEND(bugprone-macro-parentheses) */

#endif
