/* ahead_support.c: what ahead.h needs; and where commit is to be charged, the program begins so. */
#include "vm/ahead.h"

#include "internal/vm_backend.h"

size_t page;

#ifdef LOAM_TEST_STRICT
__attribute__((constructor)) static void be_strict(void)
{
    loam_vm_native_force_strict();
}
#endif
