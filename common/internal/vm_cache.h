/* vm_cache.h: released mappings, kept a short while for whoever needs one like them.
 *
 * A reservation costs 10 us to make and to end, and as much again for its first pages: an arena or
 * a vector that lives for a request can't pay that. So what is released goes here first, small and
 * bounded (LOAM_VM_CACHE_ENTRIES mappings, LOAM_VM_CACHE_DIRTY bytes of memory in all), and aged:
 * what nobody took for LOAM_VM_CACHE_AGE milliseconds is released at the next occasion.
 *
 * A mapping that the system refuses to take back is kept as well, beyond those bounds, and offered
 * to it again later: nothing is lost.
 *
 * Any thread.
 */
#ifndef LOAM_INTERNAL_VM_CACHE_H
#define LOAM_INTERNAL_VM_CACHE_H

#include <loam/allocator.h>
#include <loam/vm.h>

enum {
    LOAM_VM_CACHE_ENTRIES = 16,
    LOAM_VM_CACHE_AGE = 1000,            /* milliseconds */
    LOAM_VM_CACHE_DIRTY = 64 << 20,      /* bytes, all entries, and loam_ahead_warm() */
    LOAM_VM_CACHE_ENTRY_DIRTY = 16 << 20 /* bytes, one entry; what is above is given back, but for
                                          * that of a block which needed it again */
};

/* What a mapping is for: only one of the same kind is handed out again. */
enum {
    LOAM_MAPPING_PLAIN = 0,  /* of use only whole, and whatever was advised for it */
    LOAM_MAPPING_ADVISED,    /* this plus the log2 of the page size that it was advised with */
    LOAM_MAPPING_AHEAD = 128 /* a block that may grow; huge pages iff `advised` */
};

/*   base          dirty        committed                    size
 *    |#### used ####|.. zero ....|........ reserved ..........|      dirty <= committed <= size  */
typedef struct loam_mapping {
    char *base;
    size_t size;      /* as reserved */
    size_t committed; /* bytes from base */
    size_t dirty;     /* bytes from base that may not read zero, or be resident */
    size_t advised;   /* bytes from base that huge pages were last advised up to */
    size_t had;       /* bytes that the last block of it ended with */
    size_t keep;      /* bytes that may be kept of it, if more than LOAM_VM_CACHE_ENTRY_DIRTY */
    uint32_t kind;
} loam_mapping;

/* Takes a kept mapping of this very size and kind whose base is a multiple of `align`. */
bool loam_vm_cache_take(size_t size, size_t align, uint32_t kind, loam_mapping *mapping);

/* Takes a kept mapping of the last kind that has room for twice `size` bytes and `least` of them in
 * memory: the newest that has them all there, else the one that has most. Those that huge pages were
 * advised for are passed over unless `huge`. */
bool loam_vm_cache_take_ahead(size_t size, size_t align, size_t least, bool huge,
                              loam_mapping *mapping);

/* Reserves as loam_vm_reserve_ladder(), fresh; when that is refused, gives the kept mappings back
 * and tries once more, unless that could not help. Nothing of it is committed. */
bool loam_vm_cache_reserve(size_t size, size_t least, size_t align, uint32_t kind,
                           loam_mapping *mapping);

/* The table of loam_vm_allocator(), to know it by. */
extern const loam_allocator_ops loam_vm_allocator_ops;

/* Takes a block of loam_vm_allocator() that will not grow, and tells how many bytes from the start
 * may not read zero: none of a fresh mapping, all of one that was in use. */
void *loam_vm_allocator_take(size_t size, size_t align, size_t *dirty);

/* Ends a mapping: keeps it, or releases it. Can't fail. */
void loam_vm_cache_give(const loam_mapping *mapping);

/* Releases an entry or more if there is no room for one that is kept elsewhere (vm_registry.c); that
 * counts as well. Cheap if there is. */
void loam_vm_cache_make_room(void);

/* Releases a mapping at once. False iff the system does not take it back; then it is kept. */
bool loam_vm_cache_release(const loam_mapping *mapping);

#endif
