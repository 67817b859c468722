/* threaded_internal.h: heaps of a threaded pool, for the files threaded*.c.
 *
 * A heap's classes are copies of the patterns in the pool's `shape`, made when they are first
 * needed: until then they are zero, so that their fronts are empty and full at once, and both take
 * and give go the slow way. Pages of classes that a thread does not use are not touched.
 *
 * Order of locks: all.lock (threaded_life.c), a pool's, a heap's; then those of the source. Who has
 * a heap's lock only tries for another one, but who has the pool's lock as well may wait for that of
 * the orphan.
 */
#ifndef LOAM_THREADED_INTERNAL_H
#define LOAM_THREADED_INTERNAL_H

#include <loam/pool_threaded.h>

#include "pool_internal.h"

#include "internal/atomic.h"
#include "internal/os.h"

enum {
    SIDE_BLOCKS = 56,   /* of others that wait until they are sent, at most */
    INBOX_FRONTS = 4,   /* as many blocks may wait at a door until others take them in */
    KNOWN_HEAPS = 16,   /* of a thread, found without a lock; a power of two */
    FRONT_MOST = 64,    /* blocks of a front, unless the configuration says otherwise */
    FRONT_LEAST = 2,    /* and */
    FRONT_BYTES = 4096, /* between these as many as are so many bytes; */
    /* All that is free, while the slabs of a thread are not more than its part of the last of these, but
     * between the first two. */
    CALM_LEAST = 1 << 20,
    CALM_MOST = 3 << 20,
    CALM_OF_ALL = 16 << 20
};

/* Blocks of others, on their way out. */
typedef struct side_line {
    size_t count;  /* written by the thread only, and read by others */
    void **blocks; /* room for side_room(); constant */
} side_line;

struct loam_pool_heap {
    loam_os_mutex lock;       /* guards all but what the fast paths write: tops and side lines */
    loam_pool_threaded *pool; /* whose it is */
    uintptr_t thread;         /* loam_os_thread_id(), or 0; changes under this lock */
    loam_pool_heap *next;     /* in the list of all; constant */
    loam_pool_heap *next_unused;
    loam_pool_class *spare; /* the class that may have an empty slab */
    size_t pending;         /* bit of a class: something waits that nobody will come for */
    uint64_t ready;         /* bit of a class: it was needed, and is what its pattern is */
    uint64_t spilled;       /* the same: it spilled last, and did not refill since */
    size_t taken;           /* bytes of its slabs */
    size_t calm;            /* up to so many of these, its fronts keep all that is free; constant */
    side_line *sides;       /* one for each class, behind the classes; constant */
    char apart[64];
    loam_pool_class classes[]; /* of which the first shape.count are in use */
};

_Static_assert(LOAM_POOL_CLASSES <= 64, "a word has a bit for each class");

/* ---- from a class to its heap ---- */

/* Constructed blocks are not for threaded pools, so that this field is free. */
static inline loam_pool_heap *heap_of(const loam_pool_class *cls)
{
    return (loam_pool_heap *)cls->context;
}

static inline size_t index_in(const loam_pool_heap *heap, const loam_pool_class *cls)
{
    return (size_t)(cls - heap->classes);
}

static inline uint64_t class_bit(size_t index)
{
    return (uint64_t)1 << index;
}

static inline bool is_ready(const loam_pool_heap *heap, size_t index)
{
    return (heap->ready & class_bit(index)) != 0;
}

/* Those of `pending`; on 32-bit systems, two classes share one. */
static inline size_t pending_bit(size_t index)
{
    return (size_t)1 << index % (8 * sizeof(size_t));
}

static inline uintptr_t thread_of(const loam_pool_heap *heap)
{
    return __atomic_load_n(&heap->thread, __ATOMIC_SEQ_CST);
}

static inline loam_os_mutex *threaded_mutex(loam_pool_threaded *pool)
{
    return (loam_os_mutex *)(void *)&pool->lock;
}

/* Blocks of others that may wait. */
static inline size_t side_room(const loam_pool_class *cls)
{
    return loam_max(loam_min(cls->room, SIDE_BLOCKS), 1);
}

/* ---- what others may look at while the thread writes it ---- */

/* The block is in its slot before the front says so: a child that a fork makes finds no slot empty. */
static inline void put_top(loam_cache *front, void **top)
{
    __atomic_store_n(&front->top, top, __ATOMIC_RELEASE);
}

static inline void **get_top(const loam_cache *front)
{
    return __atomic_load_n(&front->top, __ATOMIC_RELAXED);
}

/* ---- the heaps that a thread knows ---- */

typedef struct loam_threaded_place {
    uint64_t number; /* of the pool; 0: none */
    uintptr_t shift; /* from its patterns to the classes of the heap, in bytes */
} loam_threaded_place;

typedef struct loam_threaded_table {
    loam_threaded_place last;                /* of the pool that was used last: no arithmetic */
    loam_threaded_place places[KNOWN_HEAPS]; /* by the pool's number */
    bool forgot;                             /* there are heaps that aren't here */
} loam_threaded_table;

/* In the block of memory that a thread has from its start, so that no call is needed to find it. */
#if defined(__ELF__) && (defined(__GNUC__) || defined(__clang__))
#define LOAM_THREADED_TLS __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define LOAM_THREADED_TLS _Thread_local
#endif

extern LOAM_THREADED_TLS loam_threaded_table loam_threaded_mine;

static inline loam_threaded_place *place_for(const loam_pool_threaded *pool)
{
    return (loam_threaded_place *)(void *)((char *)loam_threaded_mine.places + pool->place);
}

static inline loam_pool_class *shifted(const loam_pool_class *pattern, uintptr_t shift)
{
    return (loam_pool_class *)((uintptr_t)pattern + shift);
}

/* The heap of a thread that has one. */
static inline loam_pool_heap *heap_at(const loam_pool_threaded *pool, uintptr_t shift)
{
    return (loam_pool_heap *)((uintptr_t)shifted(pool->shape.classes, shift) -
                              offsetof(loam_pool_heap, classes));
}

/* ---- threaded_heap.c ---- */

/* The heap that the calling thread has of this pool; NULL: none. */
loam_pool_heap *loam_threaded_find(loam_pool_threaded *pool);

/* The same, but makes one. NULL iff the source refuses. */
loam_pool_heap *loam_threaded_get(loam_pool_threaded *pool);

/* Makes a class what its pattern is, unless it is. */
void loam_threaded_make_ready(loam_pool_heap *heap, loam_pool_class *cls);

/* Gives a heap's lock back, and takes in what came meanwhile if it has no thread. */
void loam_threaded_leave(loam_pool_heap *heap);

/* Sends the blocks of others that wait in a class. With the heap's lock. */
void loam_threaded_send_side(loam_pool_heap *heap, loam_pool_class *cls);

/* Gives up all that a heap's fronts and side lines hold, takes in what waits, drops empty slabs. With
 * the heap's lock. Returns how many bytes went. */
size_t loam_threaded_flush(loam_pool_heap *heap);

/* Takes in what waits, and drops empty slabs. With the heap's lock. Returns how many bytes went. */
size_t loam_threaded_tidy(loam_pool_heap *heap);

/* The thread of a heap has ended. With the pool's lock. */
void loam_threaded_abandon(loam_pool_heap *heap);

/* What is left of a thread that is not in this process any more, after a fork. With all locks. */
void loam_threaded_forsake(loam_pool_heap *heap);

/* Makes sure that heaps which were forsaken have nothing. With the pool's lock. */
void loam_threaded_settle_forsaken(loam_pool_threaded *pool);

/* Bytes of the source that a heap takes. */
size_t loam_threaded_heap_bytes(const loam_pool_threaded *pool);

/* Gives the memory of a heap back, which nobody has any more. */
void loam_threaded_end_heap(loam_pool_threaded *pool, loam_pool_heap *heap);

/* The source refused a slab: what this thread keeps goes, and what others have at their doors. */
bool loam_threaded_relieve(loam_pool_class *cls);

/* What a class of a threaded pool has to do with others. */
extern const loam_pool_ties loam_threaded_ties;

/* ---- threaded_inspect.c ---- */

/* Whether `ptr` points into a slab of the class with this number, in any heap. Takes locks. */
bool loam_threaded_class_owns(loam_pool_threaded *pool, size_t index, const void *ptr);

/* ---- threaded_life.c ---- */

/* From now on the end of this thread is noticed. False iff the system refuses that. */
bool loam_threaded_notice_end(void);

/* Whether there may be a heap whose thread ended unnoticed. */
bool loam_threaded_missed_end(void);

#endif
