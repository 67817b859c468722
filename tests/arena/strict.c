/* strict.c: linked into a program, it makes the system one that charges memory when that is
 * committed: a reservation can't be touched before, and faults if it is. */
#include "internal/vm_backend.h"

__attribute__((constructor)) static void force_strict(void)
{
    loam_vm_native_force_strict();
}
