/* stb_ds.c: the arrays of stb_ds.h, whose fields stand in front of the elements. */
#include "peers.h"

#define STB_DS_IMPLEMENTATION
#include <stb_ds.h>

/* All that an array has of its own is the pointer. */
#define STB_TYPE(T)           T *
#define STB_MAKE(a, T, count) (*(a) = NULL)
#define STB_PUSH(a, T, value) arrput(*(a), value)
#define STB_AT(a, T, index)   (&(*(a))[index])
#define STB_END(a, T)         arrfree(*(a))

LOAM_BENCH_ARRAYS(stb, STB_TYPE, STB_MAKE, STB_PUSH, STB_AT, STB_END)

const loam_bench_vec bench_stb_ds = LOAM_BENCH_ARRAY_TABLE(stb);
