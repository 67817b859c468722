/* vec_default.c: where arrays come from that may become big. */
#include <loam/adapters.h>
#include <loam/vec.h>

#include "internal/os.h"

static loam_split split;

static void set_up(void)
{
    loam_split_init(&split, loam_libc_allocator(), loam_vm_allocator(), LOAM_VEC_SPLIT);
}

loam_allocator loam_vec_default_allocator(void)
{
    static loam_os_once once = LOAM_OS_ONCE_INIT;

    loam_os_once_run(&once, set_up);
    return loam_split_allocator(&split);
}
