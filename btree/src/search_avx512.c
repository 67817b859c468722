/* search_avx512.c: the searches of search.c for processors that compare 64 bytes at once, of which one
 * is found out at run time. What stands between the pragmas is compiled for them.
 */
#include <loam/btree.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__AVX512F__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,popcnt")

#include "search.h"

LOAM_BTREE_SEARCH_NUMBER(u32)
LOAM_BTREE_SEARCH_NUMBER(i32)
LOAM_BTREE_SEARCH_NUMBER(u64)
LOAM_BTREE_SEARCH_NUMBER(i64)
LOAM_BTREE_SEARCH_NUMBER(f32)
LOAM_BTREE_SEARCH_NUMBER(f64)

#pragma GCC pop_options

static const loam_btree_search searches[] = {
    [LOAM_BTREE_U32] = {below_u32, upto_u32}, [LOAM_BTREE_I32] = {below_i32, upto_i32},
    [LOAM_BTREE_U64] = {below_u64, upto_u64}, [LOAM_BTREE_I64] = {below_i64, upto_i64},
    [LOAM_BTREE_F32] = {below_f32, upto_f32}, [LOAM_BTREE_F64] = {below_f64, upto_f64}};

const loam_btree_search *loam_btree_search_avx512(uint32_t kind)
{
    if (kind >= sizeof searches / sizeof *searches || !searches[kind].below)
        return NULL;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl") ||
        !__builtin_cpu_supports("popcnt"))
        return NULL;
    return &searches[kind];
}

#else

#include "search.h"

/* The compiler can't, or search.c is compiled for such a processor anyway. */
const loam_btree_search *loam_btree_search_avx512(uint32_t kind)
{
    (void)kind;
    return NULL;
}

#endif
