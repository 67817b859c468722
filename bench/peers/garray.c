/* garray.c: GLib's GArray. A push is a call that copies an element from where it lies. */
#include "peers.h"

#include <glib.h>

#define GARRAY_TYPE(T)           GArray *
#define GARRAY_MAKE(a, T, count) (*(a) = g_array_new(FALSE, FALSE, sizeof(T)))
#define GARRAY_PUSH(a, T, value) g_array_append_val(*(a), value)
#define GARRAY_AT(a, T, index)   (&g_array_index(*(a), T, index))
#define GARRAY_END(a, T)         g_array_free(*(a), TRUE)

LOAM_BENCH_ARRAYS(garray, GARRAY_TYPE, GARRAY_MAKE, GARRAY_PUSH, GARRAY_AT, GARRAY_END)

const loam_bench_vec bench_garray = LOAM_BENCH_ARRAY_TABLE(garray);
