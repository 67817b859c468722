/* memory.h: what the system itself says about this process's memory, to hold the page layer to. */
#ifndef LOAM_TEST_MEMORY_H
#define LOAM_TEST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the system can be asked how many pages are resident. */
bool memory_tells_resident(void);

/* Pages of a mapped range that are in memory now; `page` is the system's page size. */
size_t memory_resident(void *ptr, size_t size, size_t page);

/* Whether every page of a range, or none of them, belongs to a mapping or a reservation. */
bool memory_is_mapped(void *ptr, size_t size, size_t page);
bool memory_is_unmapped(void *ptr, size_t size, size_t page);

/* Bytes of address space that this process has mapped, and how many mappings; 0 where the system
 * does not tell. */
size_t memory_address_space(void);
size_t memory_mapping_count(void);

/* Lowers a limit of this process to what it uses now and `more` bytes. False where it can't be. */
bool memory_limit_address_space(size_t more);
bool memory_limit_data(size_t more);

#endif
