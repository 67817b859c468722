/* btree_loam.c: loam's tree as a contender: the typed face, and the archive's own functions. */
#include "btree_keys.h"
#include "btree_loops.h"

#include <loam/btree_typed.h>
#include <loam/pool.h>
#include <loam/span.h>

#include <stdlib.h>

LOAM_BTREE_DEFINE_NUMBER(numbers, uint64_t, uint64_t);
LOAM_BTREE_DEFINE_TEXT(texts, uint64_t);

/* ---- where nodes come from ---- */

typedef union opened {
    loam_btree raw;
    numbers n;
    texts t;
} opened;

static opened *new_opened(void)
{
    opened *o = aligned_alloc(_Alignof(opened), sizeof *o);

    if (!o)
        abort();
    return o;
}

/* The pool of this process, over a span, through the handle of the pool. It keeps what trees give back
 * for the next ones, as the C library does for those of others. */
static loam_allocator pool_over(const loam_span_config *how)
{
    static loam_pool pool;
    static loam_span span;
    static loam_region region;
    static bool made;

    if (!made) {
        loam_pool_config config = {0};

        if (!loam_region_init(&region, NULL) || !loam_span_init(&span, &region, how))
            abort();
        config.granules = loam_span_granules(&span);
        if (!loam_pool_init(&pool, &config))
            abort();
        made = true;
    }
    return loam_pool_allocator(&pool);
}

static loam_allocator pool_of_all(void)
{
    return pool_over(NULL);
}

/* The rows with huge pages have a process of their own, and so a pool. */
static loam_allocator pool_in_huge_pages(void)
{
    static const loam_span_config how = {.huge = 1};

    return pool_over(&how);
}

static void close_opened(void *opaque)
{
    opened *o = opaque;

    loam_btree_deinit(&o->raw);
    free(o);
}

/* ---- the typed face ---- */

static void *open_numbers(void)
{
    opened *o = new_opened();

    numbers_init(&o->n, pool_of_all(), NULL);
    return o;
}

static void *open_numbers_huge(void)
{
    opened *o = new_opened();

    numbers_init(&o->n, pool_in_huge_pages(), NULL);
    return o;
}

static void *open_numbers_libc(void)
{
    opened *o = new_opened();

    numbers_init(&o->n, loam_libc_allocator(), NULL);
    return o;
}

static void *open_texts(void)
{
    opened *o = new_opened();

    texts_init(&o->t, pool_of_all(), NULL);
    return o;
}

static void *open_texts_libc(void)
{
    opened *o = new_opened();

    texts_init(&o->t, loam_libc_allocator(), NULL);
    return o;
}

/* Keys in order as a function to load from. */
typedef struct source {
    const void *keys;
    size_t count, next;
    uint64_t value;
    loam_btree_text text;
} source;

static bool next_number(void *context, const void **key, const void **value)
{
    source *s = context;

    if (s->next == s->count)
        return false;
    *key = (const uint64_t *)s->keys + s->next;
    s->value = ++s->next;
    *value = &s->value;
    return true;
}

static bool next_text(void *context, const void **key, const void **value)
{
    source *s = context;

    if (s->next == s->count)
        return false;
    s->text = loam_btree_text_of(((const char *const *)s->keys)[s->next]);
    *key = &s->text;
    s->value = ++s->next;
    *value = &s->value;
    return true;
}

#define TYPED(name, K, depend, next)                                                               \
    static inline uint64_t name##_value_of(const uint64_t *value)                                  \
    {                                                                                              \
        return value ? *value : 0;                                                                 \
    }                                                                                              \
                                                                                                   \
    static inline size_t name##_sum_up(name *tree, const K *from, size_t most, uint64_t *sum)      \
    {                                                                                              \
        loam_btree_cursor at;                                                                      \
        uint64_t added = 0;                                                                        \
        size_t count = 0;                                                                          \
                                                                                                   \
        if (!from && most >= name##_count(tree)) {                                                 \
            LOAM_BTREE_EACH(name, it, tree)                                                        \
            added += *it.value;                                                                    \
            *sum += added;                                                                         \
            return name##_count(tree);                                                             \
        }                                                                                          \
        if (from)                                                                                  \
            name##_cursor_seek_lower(&at, tree, *from);                                            \
        else                                                                                       \
            name##_cursor_seek_first(&at, tree);                                                   \
        for (; count < most; count++) {                                                            \
            name##_entry e = name##_cursor_next(&at);                                              \
                                                                                                   \
            if (!e.key)                                                                            \
                break;                                                                             \
            added += *e.value;                                                                     \
        }                                                                                          \
        *sum += added;                                                                             \
        return count;                                                                              \
    }                                                                                              \
                                                                                                   \
    static inline void name##_build_from(name *tree, const K *keys, size_t count)                  \
    {                                                                                              \
        if (!name##_load_array(tree, keys, bench_values(), count, 100))                            \
            abort();                                                                               \
    }                                                                                              \
                                                                                                   \
    static void name##_build_source(void *tree, const void *keys, size_t count)                    \
    {                                                                                              \
        source s = {.keys = keys, .count = count};                                                 \
                                                                                                   \
        if (!name##_load((name *)tree, next, &s, 100))                                             \
            abort();                                                                               \
    }                                                                                              \
                                                                                                   \
    static inline void name##_set(name *tree, K key, uint64_t value)                               \
    {                                                                                              \
        if (!name##_insert(tree, key, value, NULL))                                                \
            abort();                                                                               \
    }                                                                                              \
                                                                                                   \
    static inline uint64_t name##_value_at(name *tree, K key)                                      \
    {                                                                                              \
        return name##_value_of(name##_find(tree, key));                                            \
    }                                                                                              \
                                                                                                   \
    static inline uint64_t name##_value_from(name *tree, K key)                                    \
    {                                                                                              \
        return name##_value_of(name##_lower_bound(tree, key).value);                               \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_BTREE(bench_##name, K, depend, name *, name##_set, name##_value_at,                 \
                     name##_value_from, name##_erase, name##_sum_up, name##_build_from)

TYPED(numbers, uint64_t, LOAM_BENCH_NUMBER, next_number)
typedef const char *text;
TYPED(texts, text, LOAM_BENCH_TEXT, next_text)

/* ---- the archive ---- */

static void *open_raw(loam_btree_type type)
{
    opened *o = new_opened();

    if (!loam_btree_init(&o->raw, pool_of_all(), &type, NULL))
        abort();
    return o;
}

static int compare_numbers(void *context, const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    (void)context;
    return (x > y) - (x < y);
}

static int compare_texts(void *context, const void *a, const void *b)
{
    (void)context;
    return strcmp(*(const text *)a, *(const text *)b);
}

static void *open_kind(void)
{
    return open_raw((loam_btree_type){.kind = LOAM_BTREE_U64, .value_size = 8});
}

static void *open_compared(void)
{
    return open_raw((loam_btree_type){.key_size = 8, .value_size = 8, .compare = compare_numbers});
}

static void *open_texts_compared(void)
{
    return open_raw((loam_btree_type){
        .key_size = sizeof(text), .value_size = 8, .compare = compare_texts, .by_address = true});
}

static void *open_texts_kind(void)
{
    return open_raw((loam_btree_type){.kind = LOAM_BTREE_TEXT, .value_size = 8});
}

static uint64_t value_of(const uint64_t *value)
{
    return value ? *value : 0;
}

static size_t raw_walk(loam_btree *tree, const void *from, size_t most, uint64_t *sum)
{
    loam_btree_cursor at;
    uint64_t added = 0;
    size_t count = 0;

    if (from)
        loam_btree_cursor_seek_lower(&at, tree, from);
    else
        loam_btree_cursor_seek_first(&at, tree);
    for (; count < most; count++) {
        loam_btree_entry e = loam_btree_cursor_next(&at);

        if (!e.key)
            break;
        added += *(const uint64_t *)e.value;
    }
    *sum += added;
    return count;
}

/* `C` is how the tree has a K, which make(key) makes; `load` takes an array of K. */
#define RAW(name, K, depend, C, make, load)                                                        \
    static inline void name##_set(loam_btree *tree, K key, uint64_t value)                         \
    {                                                                                              \
        C made = make(key);                                                                        \
                                                                                                   \
        if (!loam_btree_insert(tree, &made, &value, NULL))                                         \
            abort();                                                                               \
    }                                                                                              \
                                                                                                   \
    static inline uint64_t name##_value_at(loam_btree *tree, K key)                                \
    {                                                                                              \
        C made = make(key);                                                                        \
                                                                                                   \
        return value_of(loam_btree_find(tree, &made));                                             \
    }                                                                                              \
                                                                                                   \
    static inline uint64_t name##_value_from(loam_btree *tree, K key)                              \
    {                                                                                              \
        C made = make(key);                                                                        \
                                                                                                   \
        return value_of(loam_btree_lower_bound(tree, &made).value);                                \
    }                                                                                              \
                                                                                                   \
    static inline void name##_out(loam_btree *tree, K key)                                         \
    {                                                                                              \
        C made = make(key);                                                                        \
                                                                                                   \
        (void)loam_btree_erase(tree, &made);                                                       \
    }                                                                                              \
                                                                                                   \
    static inline size_t name##_walk(loam_btree *tree, const K *from, size_t most, uint64_t *sum)  \
    {                                                                                              \
        C made;                                                                                    \
                                                                                                   \
        if (!from)                                                                                 \
            return raw_walk(tree, NULL, most, sum);                                                \
        made = make(*from);                                                                        \
        return raw_walk(tree, &made, most, sum);                                                   \
    }                                                                                              \
                                                                                                   \
    static inline void name##_build_from(loam_btree *tree, const K *keys, size_t count)            \
    {                                                                                              \
        if (!load(tree, keys, bench_values(), count, 100))                                         \
            abort();                                                                               \
    }                                                                                              \
                                                                                                   \
    LOAM_BENCH_BTREE(name, K, depend, loam_btree *, name##_set, name##_value_at,                   \
                     name##_value_from, name##_out, name##_walk, name##_build_from)

#define AS_IT_IS(key) (key)

RAW(raw_numbers, uint64_t, LOAM_BENCH_NUMBER, uint64_t, AS_IT_IS, loam_btree_load_array)
RAW(raw_texts, text, LOAM_BENCH_TEXT, text, AS_IT_IS, loam_btree_load_array)
RAW(kind_texts, text, LOAM_BENCH_TEXT, loam_btree_text, loam_btree_text_of, loam_btree_load_texts)

const loam_bench_btree bench_btree_numbers = {open_numbers, close_opened,
                                              LOAM_BENCH_BTREE_TABLE(bench_numbers)};
const loam_bench_btree bench_btree_numbers_huge = {open_numbers_huge, close_opened,
                                                   LOAM_BENCH_BTREE_TABLE(bench_numbers)};
const loam_bench_btree bench_btree_numbers_libc = {open_numbers_libc, close_opened,
                                                   LOAM_BENCH_BTREE_TABLE(bench_numbers)};
const loam_bench_btree bench_btree_numbers_kind = {open_kind, close_opened,
                                                   LOAM_BENCH_BTREE_TABLE(raw_numbers)};
const loam_bench_btree bench_btree_numbers_compared = {open_compared, close_opened,
                                                       LOAM_BENCH_BTREE_TABLE(raw_numbers)};
const loam_bench_btree bench_btree_numbers_source = {
    open_numbers, close_opened, .insert = bench_numbers_insert, .build = numbers_build_source};
const loam_bench_btree bench_btree_texts_source = {
    open_texts, close_opened, .insert = bench_texts_insert, .build = texts_build_source};
const loam_bench_btree bench_btree_texts = {open_texts, close_opened,
                                            LOAM_BENCH_BTREE_TABLE(bench_texts)};
const loam_bench_btree bench_btree_texts_libc = {open_texts_libc, close_opened,
                                                 LOAM_BENCH_BTREE_TABLE(bench_texts)};
const loam_bench_btree bench_btree_texts_kind = {open_texts_kind, close_opened,
                                                 LOAM_BENCH_BTREE_TABLE(kind_texts)};
const loam_bench_btree bench_btree_texts_compared = {open_texts_compared, close_opened,
                                                     LOAM_BENCH_BTREE_TABLE(raw_texts)};
