/* vec_internal.h: what the files of the vector share. */
#ifndef LOAM_VEC_INTERNAL_H
#define LOAM_VEC_INTERNAL_H

#include <loam/vec.h>

#include "internal/bits.h"
#include "internal/vm_cache.h"

/* The record of a reserved array, at the start of its reservation; `self` of its allocator.
 *
 *     mapping.base     offset           offset + size        committed            mapping.size
 *      |record|padding|#### the block ####|.................|------- reserved -------|
 */
typedef struct loam_vec_reserved {
    loam_mapping mapping;
    size_t offset;    /* from base to the elements */
    size_t size;      /* bytes of the block; 0: there is none */
    size_t most;      /* bytes that the block may have */
    size_t max_count; /* elements that these are */
    size_t huge_from; /* bytes from base that huge pages are advised from; 0: not, or done */
    size_t refused;   /* refusals by the system when giving memory back */
} loam_vec_reserved;

/* The table's first part is what the handle sees. vec.c knows the table by its name, so that a
 * program without reserved arrays is not linked with them and the page layer. */
typedef struct loam_vec_reserved_ops {
    loam_allocator_ops ops;
    void (*end)(loam_vec_reserved *record);
} loam_vec_reserved_ops;

extern const char loam_vec_reserved_name[];

/* The record of a reserved array; NULL for any other. */
static inline loam_vec_reserved *reserved_record(loam_allocator allocator)
{
    return allocator.ops->name == loam_vec_reserved_name ? (loam_vec_reserved *)allocator.self
                                                         : NULL;
}

static inline char *element(const loam_vec *vec, size_t at, size_t size)
{
    return (char *)vec->data + at * size;
}

/* Whether a pointer is to something in the block of an array. */
static inline bool lies_inside(const loam_vec *vec, const void *ptr, size_t size)
{
    return (uintptr_t)ptr - (uintptr_t)vec->data < vec->cap * size;
}

/* Makes room for `n` elements more. */
static inline bool make_room(loam_vec *vec, size_t n, size_t size, size_t align)
{
    size_t need;

    return n <= vec->cap - vec->count ||
           (loam_add_checked(vec->count, n, &need) && loam_vec_raw_reserve(vec, need, size, align));
}

#endif
