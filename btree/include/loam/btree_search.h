/** @file loam/btree_search.h
 * Searching in the keys of one node, for loam/btree_core.h. Nothing here is for use by programs.
 *
 * Each function counts the keys that are before the wanted one or, with `upto`, not behind it; `upto` and
 * (in a typed face) `capacity` are constants where it is called. What it returns is at most `count`,
 * also where keys are in no order.
 *
 * ## Numbers, and the first eight bytes of texts
 *
 *     keys:      2 3 5 7   11 13 17 19   23 29 31 37   41 43 ~ ~   ~ ~ ~      ~: the greatest number
 *     samples:         7            19            37            ~             wanted: 29
 *     1. two samples are before 29: so are their blocks, 8 keys
 *     2. of the next block, without its sample, 1 more: 9
 *
 * No step waits for a comparison but the second for the first, and nothing is a branch: a processor runs the
 * steps of one search, and those of the searches behind it, at the same time; it never has guessed
 * wrong. Counting every key of a node by SSE2 or AVX2 takes longer than this; by AVX-512 it takes less
 * (see ARCHITECTURE.md for the figures).
 *
 * The places behind `count` hold the greatest number, so that they need not be looked at differently:
 * they are before nothing, and with `upto` are counted only if all keys are. `count` is not waited
 * for until the end. loam_btree_pad_() in loam/btree_core.h puts them there.
 */
#ifndef LOAM_BTREE_SEARCH_H
#define LOAM_BTREE_SEARCH_H

#include <loam/btree.h>

#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__GNUC__)
#include <immintrin.h>
#define LOAM_BTREE_AVX512_ 1
#else
#define LOAM_BTREE_AVX512_ 0
#endif

LOAM_BEGIN_DECLS

/* ---- numbers ---- */

/* Keys as they are read here: their own type may be another one of the same kind. */
#if defined(__GNUC__)
#define LOAM_BTREE_ALIAS_ __attribute__((may_alias))
/* Keeps a compiler from making vectors of a sum: at up to 15 terms that is slower. */
#define LOAM_BTREE_KEEP_(sum) __asm__("" : "+r"(sum))
#else
#define LOAM_BTREE_ALIAS_
#define LOAM_BTREE_KEEP_(sum) ((void)0)
#endif

typedef uint32_t LOAM_BTREE_ALIAS_ loam_btree_u32_;
typedef int32_t LOAM_BTREE_ALIAS_ loam_btree_i32_;
typedef uint64_t LOAM_BTREE_ALIAS_ loam_btree_u64_;
typedef int64_t LOAM_BTREE_ALIAS_ loam_btree_i64_;
typedef float LOAM_BTREE_ALIAS_ loam_btree_f32_;
typedef double LOAM_BTREE_ALIAS_ loam_btree_f64_;

#if defined(__clang__)
#define LOAM_BTREE_UNROLL_ _Pragma("unroll")
#elif defined(__GNUC__)
#define LOAM_BTREE_UNROLL_ _Pragma("GCC unroll 32")
#else
#define LOAM_BTREE_UNROLL_
#endif

/** A block: how many keys from one sample to the next. It makes the sum of both steps small. */
#define LOAM_BTREE_BLOCK_(capacity)                                                                \
    ((capacity) < 8      ? (capacity) + 1                                                          \
     : (capacity) <= 32  ? (size_t)4                                                               \
     : (capacity) <= 160 ? (size_t)8                                                               \
                         : (size_t)16)

#define LOAM_BTREE_LEAST_(a, b) ((a) < (b) ? (a) : (b))

/** The body of a search. `key(i)` is the number at place i. */
#define LOAM_BTREE_SAMPLE_(key, unroll)                                                            \
    const size_t block = LOAM_BTREE_BLOCK_(capacity);                                              \
    const size_t last = capacity + 1 - block; /* The last block ends with the keys. */             \
    size_t before = 0;                                                                             \
    size_t in_block = 0;                                                                           \
    size_t other = 0; /* A second sum, so that none waits for all of the first. */                 \
    size_t from;                                                                                   \
                                                                                                   \
    unroll for (size_t i = block - 1; i < capacity; i += 2 * block)                                \
    {                                                                                              \
        before += upto ? key(i) <= wanted : key(i) < wanted;                                       \
        LOAM_BTREE_KEEP_(before);                                                                  \
        if (i + block < capacity) {                                                                \
            other += upto ? key(i + block) <= wanted : key(i + block) < wanted;                    \
            LOAM_BTREE_KEEP_(other);                                                               \
        }                                                                                          \
    }                                                                                              \
    from = (before + other) * block;                                                               \
    if ((capacity + 1) % block != 0 && from > last)                                                \
        from = last;                                                                               \
    other = 0;                                                                                     \
    unroll for (size_t i = 0; i + 1 < block; i += 2)                                               \
    {                                                                                              \
        in_block += upto ? key(from + i) <= wanted : key(from + i) < wanted;                       \
        LOAM_BTREE_KEEP_(in_block);                                                                \
        if (i + 2 < block) {                                                                       \
            other += upto ? key(from + i + 1) <= wanted : key(from + i + 1) < wanted;              \
            LOAM_BTREE_KEEP_(other);                                                               \
        }                                                                                          \
    }                                                                                              \
    return LOAM_BTREE_LEAST_(from + in_block + other, count)

#define LOAM_BTREE_NUMBER_AT_(i) keys[i]
#define LOAM_BTREE_PREFIX_AT_(i) keys[i].prefix

/* Loops are unrolled where the capacity is known, but not in the archive. */
#define LOAM_BTREE_SAMPLES_(name, type, number, key)                                               \
    LOAM_INLINE size_t name##known_(const type *keys, size_t capacity, size_t count,               \
                                    number wanted, bool upto)                                      \
    {                                                                                              \
        LOAM_BTREE_SAMPLE_(key, LOAM_BTREE_UNROLL_);                                               \
    }                                                                                              \
    LOAM_INLINE size_t name##sample_(const type *keys, size_t capacity, size_t count,              \
                                     number wanted, bool upto)                                     \
    {                                                                                              \
        if (LOAM_IS_CONSTANT(capacity))                                                            \
            return name##known_(keys, capacity, count, wanted, upto);                              \
        LOAM_BTREE_SAMPLE_(key, );                                                                 \
    }

LOAM_BTREE_SAMPLES_(loam_btree_rank_u32_, loam_btree_u32_, uint32_t, LOAM_BTREE_NUMBER_AT_)
LOAM_BTREE_SAMPLES_(loam_btree_rank_i32_, loam_btree_i32_, int32_t, LOAM_BTREE_NUMBER_AT_)
LOAM_BTREE_SAMPLES_(loam_btree_rank_u64_, loam_btree_u64_, uint64_t, LOAM_BTREE_NUMBER_AT_)
LOAM_BTREE_SAMPLES_(loam_btree_rank_i64_, loam_btree_i64_, int64_t, LOAM_BTREE_NUMBER_AT_)
LOAM_BTREE_SAMPLES_(loam_btree_rank_f32_, loam_btree_f32_, float, LOAM_BTREE_NUMBER_AT_)
LOAM_BTREE_SAMPLES_(loam_btree_rank_f64_, loam_btree_f64_, double, LOAM_BTREE_NUMBER_AT_)
LOAM_BTREE_SAMPLES_(loam_btree_rank_text_, loam_btree_text, uint64_t, LOAM_BTREE_PREFIX_AT_)

#if LOAM_BTREE_AVX512_

/** All keys of a node, 64 bytes at a time; of a big one one block, which the samples tell. */
#define LOAM_BTREE_RANK_(name, type, lanes, load, set, before, upto_)                              \
    LOAM_INLINE size_t name(const type *keys, size_t capacity, size_t count, type wanted,          \
                            bool upto)                                                             \
    {                                                                                              \
        const unsigned all = (1u << (lanes)) - 1u;                                                 \
        size_t sum = 0;                                                                            \
                                                                                                   \
        if (capacity > 8 * (size_t)(lanes))                                                        \
            return name##sample_(keys, capacity, count, wanted, upto);                             \
        LOAM_BTREE_UNROLL_ for (size_t i = 0; i < capacity; i += (lanes))                          \
        {                                                                                          \
            size_t left = capacity - i;                                                            \
            unsigned there = left >= (lanes) ? all : (1u << left) - 1u;                            \
                                                                                                   \
            sum += (size_t)__builtin_popcount(                                                     \
                upto ? upto_(there, load(there, keys + i), set(wanted))                            \
                     : before(there, load(there, keys + i), set(wanted)));                         \
        }                                                                                          \
        return LOAM_BTREE_LEAST_(sum, count);                                                      \
    }

#define LOAM_BTREE_LOAD_D_(there, at)  _mm512_maskz_loadu_epi32((__mmask16)(there), at)
#define LOAM_BTREE_LOAD_Q_(there, at)  _mm512_maskz_loadu_epi64((__mmask8)(there), at)
#define LOAM_BTREE_LOAD_PS_(there, at) _mm512_maskz_loadu_ps((__mmask16)(there), at)
#define LOAM_BTREE_LOAD_PD_(there, at) _mm512_maskz_loadu_pd((__mmask8)(there), at)
#define LOAM_BTREE_SET_U32_(x)         _mm512_set1_epi32((int32_t)(x))
#define LOAM_BTREE_SET_U64_(x)         _mm512_set1_epi64((int64_t)(x))
#define LOAM_BTREE_LT_U32_(m, a, b)    _mm512_mask_cmplt_epu32_mask((__mmask16)(m), a, b)
#define LOAM_BTREE_LE_U32_(m, a, b)    _mm512_mask_cmple_epu32_mask((__mmask16)(m), a, b)
#define LOAM_BTREE_LT_I32_(m, a, b)    _mm512_mask_cmplt_epi32_mask((__mmask16)(m), a, b)
#define LOAM_BTREE_LE_I32_(m, a, b)    _mm512_mask_cmple_epi32_mask((__mmask16)(m), a, b)
#define LOAM_BTREE_LT_U64_(m, a, b)    _mm512_mask_cmplt_epu64_mask((__mmask8)(m), a, b)
#define LOAM_BTREE_LE_U64_(m, a, b)    _mm512_mask_cmple_epu64_mask((__mmask8)(m), a, b)
#define LOAM_BTREE_LT_I64_(m, a, b)    _mm512_mask_cmplt_epi64_mask((__mmask8)(m), a, b)
#define LOAM_BTREE_LE_I64_(m, a, b)    _mm512_mask_cmple_epi64_mask((__mmask8)(m), a, b)
#define LOAM_BTREE_LT_F32_(m, a, b)    _mm512_mask_cmp_ps_mask((__mmask16)(m), a, b, _CMP_LT_OQ)
#define LOAM_BTREE_LE_F32_(m, a, b)    _mm512_mask_cmp_ps_mask((__mmask16)(m), a, b, _CMP_LE_OQ)
#define LOAM_BTREE_LT_F64_(m, a, b)    _mm512_mask_cmp_pd_mask((__mmask8)(m), a, b, _CMP_LT_OQ)
#define LOAM_BTREE_LE_F64_(m, a, b)    _mm512_mask_cmp_pd_mask((__mmask8)(m), a, b, _CMP_LE_OQ)

LOAM_BTREE_RANK_(loam_btree_rank_u32_, loam_btree_u32_, 16, LOAM_BTREE_LOAD_D_, LOAM_BTREE_SET_U32_,
                 LOAM_BTREE_LT_U32_, LOAM_BTREE_LE_U32_)
LOAM_BTREE_RANK_(loam_btree_rank_i32_, loam_btree_i32_, 16, LOAM_BTREE_LOAD_D_, LOAM_BTREE_SET_U32_,
                 LOAM_BTREE_LT_I32_, LOAM_BTREE_LE_I32_)
LOAM_BTREE_RANK_(loam_btree_rank_u64_, loam_btree_u64_, 8, LOAM_BTREE_LOAD_Q_, LOAM_BTREE_SET_U64_,
                 LOAM_BTREE_LT_U64_, LOAM_BTREE_LE_U64_)
LOAM_BTREE_RANK_(loam_btree_rank_i64_, loam_btree_i64_, 8, LOAM_BTREE_LOAD_Q_, LOAM_BTREE_SET_U64_,
                 LOAM_BTREE_LT_I64_, LOAM_BTREE_LE_I64_)
LOAM_BTREE_RANK_(loam_btree_rank_f32_, loam_btree_f32_, 16, LOAM_BTREE_LOAD_PS_, _mm512_set1_ps,
                 LOAM_BTREE_LT_F32_, LOAM_BTREE_LE_F32_)
LOAM_BTREE_RANK_(loam_btree_rank_f64_, loam_btree_f64_, 8, LOAM_BTREE_LOAD_PD_, _mm512_set1_pd,
                 LOAM_BTREE_LT_F64_, LOAM_BTREE_LE_F64_)

#else

#define LOAM_BTREE_RANK_(name, type)                                                               \
    LOAM_INLINE size_t name(const type *keys, size_t capacity, size_t count, type wanted,          \
                            bool upto)                                                             \
    {                                                                                              \
        return name##sample_(keys, capacity, count, wanted, upto);                                 \
    }

LOAM_BTREE_RANK_(loam_btree_rank_u32_, loam_btree_u32_)
LOAM_BTREE_RANK_(loam_btree_rank_i32_, loam_btree_i32_)
LOAM_BTREE_RANK_(loam_btree_rank_u64_, loam_btree_u64_)
LOAM_BTREE_RANK_(loam_btree_rank_i64_, loam_btree_i64_)
LOAM_BTREE_RANK_(loam_btree_rank_f32_, loam_btree_f32_)
LOAM_BTREE_RANK_(loam_btree_rank_f64_, loam_btree_f64_)

#endif

/* ---- texts ---- */

/** Orders two texts: by the first eight bytes, and by the others only where these are equal and go on. */
LOAM_INLINE int loam_btree_text_compare_(const loam_btree_text *a, const loam_btree_text *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    if ((a->prefix & 0xff) == 0)
        return 0;
    /* As numbers, or compilers warn of the end of shorter literals, which the prefixes told apart. */
    return strcmp((const char *)((uintptr_t)a->text + 8), (const char *)((uintptr_t)b->text + 8));
}

/** Only looks at the texts whose first eight bytes are those of the wanted one. */
LOAM_INLINE size_t loam_btree_rank_text_(const loam_btree_text *keys, size_t capacity, size_t count,
                                         const loam_btree_text *key, bool upto)
{
    size_t low = loam_btree_rank_text_sample_(keys, capacity, count, key->prefix, false);
    size_t high;

    if (low >= count || keys[low].prefix != key->prefix)
        return low;
    high = loam_btree_rank_text_sample_(keys, capacity, count, key->prefix, true);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = loam_btree_text_compare_(key, &keys[middle]);

        if (upto ? order >= 0 : order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- anything ---- */

/** A binary search, over keys of any size. */
LOAM_INLINE size_t loam_btree_rank_compared_(const void *keys, size_t count, const void *key,
                                             bool upto, size_t size, loam_btree_compare_fn compare,
                                             void *context)
{
    const char *at = (const char *)keys;
    size_t base = 0;

    while (count > 0) {
        size_t half = (count + 1) / 2;
        size_t step = half * size;
        int order = compare(context, key, at + step - size);
        size_t behind = 0 - (size_t)(upto ? order >= 0 : order > 0); /* All bits, or none. */

        LOAM_BTREE_KEEP_(behind);
        base += behind & half;
        at += behind & step;
        count -= half;
    }
    return base;
}

/** As loam_btree_rank_compared_() with `upto`. `*order` becomes what the comparison said of the last key that
 * is counted; where none is it stays as it was. */
LOAM_INLINE size_t loam_btree_pass_compared_(const void *keys, size_t count, const void *key,
                                             size_t size, loam_btree_compare_fn compare,
                                             void *context, int *order)
{
    const char *at = (const char *)keys;
    size_t base = 0;
    int last = *order;

    while (count > 0) {
        size_t half = (count + 1) / 2;
        size_t step = half * size;
        int said = compare(context, key, at + step - size);
        size_t behind = 0 - (size_t)(said >= 0); /* All bits, or none. */

        LOAM_BTREE_KEEP_(behind);
        base += behind & half;
        at += behind & step;
        last ^= (last ^ said) & (int)behind;
        count -= half;
    }
    *order = last;
    return base;
}

LOAM_END_DECLS

#endif
