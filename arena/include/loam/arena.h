/** @file loam/arena.h
 * Many things that die together: allocation by moving a pointer, freeing by moving it back.
 *
 *     base                    next                 committed                       end
 *      |#### live ####|pad|####|.... free, known ....|-------- reserved -------------|
 *                               ^ zero from `zero_from` on
 *
 * Use an arena when many blocks end at one moment: a request, a frame, a compiler pass, a parse.
 * Do not use one when blocks end one by one in any order: only the newest can be given back.
 *
 * One structure, four backings, chosen when the arena is made:
 *
 *  - a fixed buffer of the caller's: no system call, no allocator, for a stack or a board;
 *  - a chain of blocks from any ::loam_allocator, growing geometrically;
 *  - one reservation of address space, committed as the arena grows: addresses stay contiguous;
 *  - a reservation that goes on as a chain when it is full: the default.
 *
 * A push that fits is inline: eight instructions, one compare. What costs more (committing,
 * chaining, huge pages, limits, logging, tools that watch memory) happens out of line, where the
 * arena has set `end` so that the compare fails.
 *
 * The *position* of an arena is the count of bytes pushed since its start, with the padding that
 * alignment took. It grows and shrinks without jumps also where a chain goes from block to block.
 *
 * Not thread safe: an arena and its children are used by one thread at a time.
 */
#ifndef LOAM_ARENA_H
#define LOAM_ARENA_H

#include <loam/allocator.h>
#include <loam/inspect.h>

LOAM_BEGIN_DECLS

typedef struct loam_arena loam_arena;
typedef struct loam_arena_block loam_arena_block;

/** Where an arena's memory comes from. */
typedef enum loam_arena_backing {
    /** A reservation, then a chain of blocks from `source` when it is full or was refused. */
    LOAM_ARENA_RESERVE_CHAIN,
    /** One reservation; full is full. */
    LOAM_ARENA_RESERVE,
    /** A chain of blocks from `source`. */
    LOAM_ARENA_CHAIN,
    /** The caller's `buffer`; full is full. */
    LOAM_ARENA_FIXED
} loam_arena_backing;

/** How much memory loam_arena_clear() keeps for the next round. */
typedef enum loam_arena_retention {
    /** As much as recent rounds used, tails of blocks included: a high-water mark that rises at
     * once and falls by a quarter of the difference at each clear. At least 64 KiB. */
    LOAM_ARENA_KEEP_DECAYING,
    /** Everything. */
    LOAM_ARENA_KEEP_ALL,
    /** loam_arena_config::keep bytes: as many whole pages of a reservation as hold them, and blocks
     * that add up to no more than what is then left of them. */
    LOAM_ARENA_KEEP_BYTES,
    /** Nothing. Of that and of each other bound, the first page or block is kept all the same. */
    LOAM_ARENA_GIVE_BACK
} loam_arena_retention;

/** What happened, for a logging callback. */
typedef enum loam_arena_event_kind {
    LOAM_ARENA_EVENT_INIT,   /**< The arena was made. */
    LOAM_ARENA_EVENT_PUSH,   /**< A block was pushed: `ptr`, `size`. */
    LOAM_ARENA_EVENT_RESIZE, /**< The newest block was resized: `ptr`, new `size`. */
    LOAM_ARENA_EVENT_POP,    /**< The position went back, by pop, rewind or undo. */
    LOAM_ARENA_EVENT_CLEAR,  /**< Everything was dropped. */
    LOAM_ARENA_EVENT_COMMIT, /**< Memory was committed or a block taken: `ptr`, `size`. */
    LOAM_ARENA_EVENT_FAIL,   /**< A request of `size` bytes was refused. */
    LOAM_ARENA_EVENT_DEINIT  /**< The arena ended. */
} loam_arena_event_kind;

/** One event of an arena. */
typedef struct loam_arena_event {
    loam_arena_event_kind kind; /**< What happened. */
    const loam_arena *arena;    /**< To which arena. */
    const void *ptr;            /**< A block, where the kind names one, else NULL. */
    size_t size;                /**< Bytes, where the kind names them, else 0. */
    size_t position;            /**< The position after the event. */
} loam_arena_event;

/** Called for each event of an arena that has it. Must not use the arena but to look at it. */
typedef void (*loam_arena_log_fn)(void *context, const loam_arena_event *event);

/** How an arena is to be. All zero is a good arena: a reservation that goes on as a chain, pages by
 * policy, no limit, alignment of malloc. */
typedef struct loam_arena_config {
    loam_arena_backing backing; /**< Where memory comes from. */
    /** LOAM_ARENA_FIXED: the memory. The arena neither commits nor frees it. */
    void *buffer;
    size_t buffer_size; /**< LOAM_ARENA_FIXED: its bytes. */
    /** The backings that chain: where blocks come from. All zero: loam_vm_allocator() behind a
     * reservation, loam_libc_allocator() for a plain chain. It must outlive the arena. */
    loam_allocator source;
    /** The backings that chain: bytes of the first block, a hint; each further one doubles, up to
     * 4 MiB or this size if that is more. 0: 1 KiB for a plain chain, 1 MiB behind a reservation.
     */
    size_t block_size;
    /** The backings that reserve: bytes of address space. Where the system refuses, halves are
     * tried down to 1 MiB. 0: 64 GiB on 64-bit systems, 64 MiB on others, or a 64th of the address
     * space that limits and other arenas leave, if that is less. */
    size_t reserve;
    /** The backings that reserve: bytes that are committed and kept as one, a power of two from the
     * system's page to its huge page; huge pages are advised when it is that big. 0: by policy:
     * system pages at first, and huge pages for what lies beyond 8 MiB, where the system has them
     * by advice. A size below the system's page counts as that. */
    size_t page_size;
    /** The most that the position may be; 0: no limit. Exact to the byte. */
    size_t limit;
    /** The alignment of each push that names none, a power of two. 0: ::LOAM_MAX_ALIGN. */
    size_t auto_align;
    loam_arena_retention retention; /**< What a clear keeps. */
    size_t keep;                    /**< LOAM_ARENA_KEEP_BYTES: how many bytes. */
    const char *name;               /**< For people; must outlive the arena. NULL: "arena". */
    loam_arena_log_fn log; /**< Called for each event; NULL: none. Pushes are then out of line. */
    void *log_context;     /**< Handed to `log`. */
} loam_arena_config;

/** A block of memory that an arena bumps through; the first is inside the arena. Internal. */
struct loam_arena_block {
    loam_arena_block *prev; /**< The block before, NULL for the first. */
    char *left_at;          /**< Where `next` was when a newer block was opened. */
    char *zero_from;        /**< Saved loam_arena::zero_from while a newer block is open. */
    char *high;             /**< Saved loam_arena::high while a newer block is open. */
    size_t start;           /**< The position of `base`. */
    size_t size;            /**< Bytes as taken from the source; 0 where not from there. */
    char *base;             /**< Its first usable byte. */
    char *committed;        /**< Behind its last usable byte now. */
    char *end;              /**< Behind its last byte that may become usable. */
};

/** An arena. On the caller's storage it must not move between init and deinit. The fields are for
 * the inline functions below and for debuggers; they are the same in checked builds. */
struct loam_arena {
    char *next;              /**< The next push starts here. */
    char *end;               /**< A push that ends here or before is inline. */
    size_t align_mask;       /**< Alignment of pushes, less one. */
    char *zero_from;         /**< From here to the block's committed end, memory reads zero. */
    char *high;              /**< The highest that `next` has been in this block, when last seen. */
    loam_arena_block *fast;  /**< The newest block, or NULL when rewinding must go out of line. */
    loam_arena_block *block; /**< The newest block. */

    /* From here to `first.size`, everything begins at zero. */
    size_t scope;            /**< Serial of the innermost open scope; 0: none. */
    size_t serial;           /**< Serial of the newest scope so far. */
    size_t floor;            /**< Position that the innermost open scope began at. */
    size_t peak;             /**< The highest position of the rounds that a clear ended. */
    size_t round;            /**< The highest position seen in blocks left since then. */
    size_t chained;          /**< Bytes of all blocks from the source, spare ones too. */
    size_t lost;             /**< Bytes lost in tails of blocks that were left. */
    size_t round_lost;       /**< The most that it was since the last clear. */
    size_t rose_at;          /**< No push since lies below the position where the alignment rose. */
    size_t failures;         /**< Pushes refused. */
    size_t refused;          /**< Refusals by the system when giving memory back. */
    loam_arena_block *spare; /**< Blocks kept for reuse, linked through `prev`. */
    size_t page_size;        /**< Of a reservation: bytes that are committed and kept as one. */
    size_t commit_step;      /**< Of a reservation: bytes to commit at the next commit. */
    size_t reservation;      /**< Bytes of address space of the reservation; 0: none. */
    char *reservation_base;  /**< Where it starts; a created arena lies there. */
    char *huge_from;         /**< From here on huge pages are to be advised; NULL: nowhere. */
    size_t advised;          /**< Bytes of the reservation that they have been advised up to. */
    loam_arena *parent;      /**< Of a child arena; else NULL. */
    loam_arena *child;       /**< The newest child; older ones follow by `sibling`. */
    loam_arena *sibling;     /**< The next older child of the same parent. */
    size_t birth;            /**< The parent's position when this child was made. */
    loam_arena_block first;  /**< The fixed buffer, the reservation, or nothing yet. */

    loam_allocator source; /**< Where blocks come from. */
    size_t block_size;     /**< Bytes of the next block to take. */
    size_t block_limit;    /**< What block_size grows to. */
    size_t limit;          /**< The most that the position may be. */
    size_t keep;           /**< Bytes that a clear keeps, under its policy. */
    const char *name;      /**< For people. */
    loam_arena_log_fn log; /**< Called for each event, or NULL. */
    void *log_context;     /**< Handed to `log`. */
    uint32_t mapping_kind; /**< Which released reservations are like this one. */
    uint8_t backing;       /**< ::loam_arena_backing. */
    uint8_t retention;     /**< ::loam_arena_retention. */
    uint8_t home;          /**< Where the arena itself lies; see arena_internal.h. */
    uint8_t watched;       /**< Whether each push and rewind goes out of line. */
    uint8_t odd_marks;     /**< Whether a mark may be of a place that is not aligned. */
};

/** A place in an arena to go back to. A value; it needs no end and may be used more than once, as
 * long as the arena has not gone back to before it and was not cleared. */
typedef struct loam_arena_mark {
    loam_arena_block *block; /**< The block that was the newest. */
    char *next;              /**< Where its next push was. */
    const loam_arena *arena; /**< Whose mark it is. */
} loam_arena_mark;

/** A stretch of an arena's life. Scopes nest; each is ended once, inner ones first. */
typedef struct loam_arena_scope {
    loam_arena *arena;    /**< In which arena. */
    loam_arena_mark mark; /**< Where it goes back to. */
    size_t serial;        /**< Its own serial. */
    size_t outer;         /**< The scope around it; 0: none. */
    size_t outer_floor;   /**< The floor of the scope around it. */
} loam_arena_scope;

/* ---- life ---- */

/** Makes an arena on the caller's storage. `config` may be NULL, which is all zero.
 *
 * Returns false iff:
 *  - a value of the configuration is out of its range: an alignment or page size that is no power
 *    of two, a page size above the huge page's (2 MiB where there are none), an auto_align above
 *    64 KiB,
 *  - LOAM_ARENA_FIXED has no buffer or one too small for one byte at its alignment, or
 *  - LOAM_ARENA_RESERVE is refused even 1 MiB (or what it asked for, if that is less) of address
 *    space, or its first page. (LOAM_ARENA_RESERVE_CHAIN then starts as a chain.)
 *
 * Then `*arena` must not be used. Cost: O(1); the backings that reserve take a reservation that was
 * released a short while ago, or make one with one to three system calls. */
LOAM_NODISCARD bool loam_arena_init(loam_arena *arena, const loam_arena_config *config);

/** Ends an arena and its children; everything pushed is gone. Reservations go to a small cache for
 * the next arena. Can't fail. No scope may be open; a checked build stops with "arena cleared or
 * ended with open scopes". Cost: O(blocks), at most one system call each. */
void loam_arena_deinit(loam_arena *arena);

/** Makes an arena inside its own memory: at the start of its reservation, of its first block, or of
 * the caller's buffer. `config` may be NULL.
 *
 * Returns NULL iff loam_arena_init() would return false, the buffer or the reservation is too small
 * for the arena and one aligned byte, or the first block is refused. (LOAM_ARENA_RESERVE_CHAIN
 * tries a block where there is no reservation.)
 * Cost: as loam_arena_init(); one block from the source for a plain chain. Under 100 ns when a
 * released reservation is at hand. */
LOAM_NODISCARD loam_arena *loam_arena_create(const loam_arena_config *config);

/** Ends an arena that loam_arena_create() or loam_arena_create_child() made. NULL is ignored. */
void loam_arena_destroy(loam_arena *arena);

/** Makes an arena that ends no later than `parent`.
 *
 * It has memory of its own, as `config` says (NULL: a plain chain over the parent's source), so
 * that ending it early gives memory back. The parent ends it when it goes back to before this
 * moment (pop, rewind, clear) or ends itself. A few bytes are pushed on the parent to hold its
 * place. The child's source may be the parent's own handle only if the parent, while the child
 * lives, goes back to before its birth or not at all: a step back to a later moment would drop
 * blocks that the child has taken since, and keep the child.
 *
 * Returns NULL iff loam_arena_create() or that push would. Cost: as loam_arena_create(). */
LOAM_NODISCARD loam_arena *loam_arena_create_child(loam_arena *parent,
                                                   const loam_arena_config *config);

/* ---- out-of-line halves of the inline functions; call those ---- */

/** The push that did not fit. Internal. */
LOAM_NODISCARD void *loam_arena_push_slow(loam_arena *arena, size_t size, size_t align, bool zero);
/** The rewind that leaves a block, ends children or is watched. Internal. */
void loam_arena_rewind_slow(loam_arena *arena, loam_arena_block *block, char *next,
                            const loam_arena *owner);

/* ---- pushing ---- */

/** Clears what a push has taken from used memory. Internal. */
LOAM_INLINE void loam_arena_zero_(char *ptr, size_t size, char *zero_from)
{
    size_t dirty = (size_t)(zero_from - ptr);

    /* Up to a cache line, straight stores win, and the compiler makes them. */
    if (LOAM_IS_CONSTANT(size) && size <= 64) {
        memset(ptr, 0, size);
        return;
    }
    /* Above, the library's memset wins, and the compiler must not know the size, or it makes a slow
     * string instruction of it. */
    if (size < dirty)
        dirty = size;
#if defined(__GNUC__) || defined(__clang__)
    __asm__("" : "+r"(dirty));
#endif
    memset(ptr, 0, dirty);
}

/** What a push of `size` bytes moves `next` by. Internal. */
LOAM_INLINE size_t loam_arena_step_(const loam_arena *arena, size_t size)
{
    size_t mask = arena->align_mask;
    size_t step = size;

    /* As a rule, such sizes are multiples of the alignment: a test that the processor foresees
     * then takes less time than the arithmetic. */
    if (LOAM_IS_CONSTANT(size) && size % LOAM_MAX_ALIGN == 0) {
        if (LOAM_UNLIKELY((size & mask) != 0))
            step = (size + mask) & ~mask;
        return step;
    }
    step += (0 - size) & mask;

    /* One addition to `next`, which the next push waits for, rather than two. */
#if defined(__GNUC__) || defined(__clang__)
    __asm__("" : "+r"(step));
#endif
    return step;
}

/** Whether a push of `size` bytes, moving `next` by `step`, is inline. Internal. */
LOAM_INLINE bool loam_arena_fits_(const loam_arena *arena, size_t size, size_t step)
{
    /* Both tests say the same, because end - next is a multiple of the alignment. The first is
     * shorter, and good where the sum can't run over the end of the address space. */
    if (sizeof(void *) == 8 && LOAM_IS_CONSTANT(size) && size - 1 < 65536)
        return (uintptr_t)arena->next + step <= (uintptr_t)arena->end;
    return size - 1 < (size_t)(arena->end - arena->next);
}

/** Returns `size` bytes at the arena's alignment, contents unspecified.
 *
 * Size 0 gives an address that must not be dereferenced.
 *
 * Returns NULL iff:
 *  - the fixed buffer or the reservation is full and there is no chain, or the source refuses,
 *  - the system refuses to commit,
 *  - the position would exceed the limit, or
 *  - `size` is above PTRDIFF_MAX.
 *
 * Then the arena is unchanged, but for its count of failures.
 * Cost: O(1), no system call while committed memory lasts. */
LOAM_INLINE LOAM_ALLOCATES(2) void *loam_arena_push_no_zero(loam_arena *arena, size_t size)
{
    char *ptr = arena->next;
    size_t step = loam_arena_step_(arena, size);

    if (LOAM_UNLIKELY(!loam_arena_fits_(arena, size, step)))
        return loam_arena_push_slow(arena, size, 1, false);
    arena->next = ptr + step;
    return ptr;
}

/** As loam_arena_push_no_zero(), and the bytes read as zero. Memory that is fresh from the system
 * is not cleared again. Cost: O(size) on memory that was used before. */
LOAM_INLINE LOAM_ALLOCATES(2) void *loam_arena_push(loam_arena *arena, size_t size)
{
    char *ptr = arena->next;
    size_t step = loam_arena_step_(arena, size);

    if (LOAM_UNLIKELY(!loam_arena_fits_(arena, size, step)))
        return loam_arena_push_slow(arena, size, 1, true);
    arena->next = ptr + step;
    if (LOAM_LIKELY(ptr < arena->zero_from))
        loam_arena_zero_(ptr, size, arena->zero_from);
    return ptr;
}

/** As loam_arena_push_no_zero(), aligned to `align` or to the arena's alignment, whichever is more.
 *
 * Returns NULL also iff `align` is not a power of two; a checked build stops then. */
LOAM_INLINE LOAM_ALLOCATES(2) void *loam_arena_push_aligned_no_zero(loam_arena *arena, size_t size,
                                                                    size_t align)
{
    char *ptr = arena->next;
    size_t step = loam_arena_step_(arena, size);

    if (LOAM_UNLIKELY((((uintptr_t)ptr | align) & (align - 1)) != 0 ||
                      !loam_arena_fits_(arena, size, step)))
        return loam_arena_push_slow(arena, size, align, false);
    arena->next = ptr + step;
    return ptr;
}

/** As loam_arena_push_aligned_no_zero(), and the bytes read as zero. */
LOAM_INLINE LOAM_ALLOCATES(2) void *loam_arena_push_aligned(loam_arena *arena, size_t size,
                                                            size_t align)
{
    char *ptr = arena->next;
    size_t step = loam_arena_step_(arena, size);

    if (LOAM_UNLIKELY((((uintptr_t)ptr | align) & (align - 1)) != 0 ||
                      !loam_arena_fits_(arena, size, step)))
        return loam_arena_push_slow(arena, size, align, true);
    arena->next = ptr + step;
    if (LOAM_LIKELY(ptr < arena->zero_from))
        loam_arena_zero_(ptr, size, arena->zero_from);
    return ptr;
}

/** A zeroed `type *`, aligned for it, or NULL as loam_arena_push(). */
#define loam_arena_new(arena, type)                                                                \
    ((type *)loam_arena_push_aligned((arena), sizeof(type), LOAM_ALIGNOF(type)))

/** Room for `count` zeroed objects of a type, or NULL as loam_arena_push() and iff the product
 * overflows. */
#define loam_arena_new_array(arena, type, count)                                                   \
    ((type *)loam_arena_push_array((arena), (count), sizeof(type), LOAM_ALIGNOF(type)))

/** Returns room for `count` zeroed elements of `size` bytes, aligned to `align`.
 *
 * Returns NULL iff the product is above PTRDIFF_MAX or loam_arena_push_aligned() would. */
LOAM_INLINE LOAM_NODISCARD void *loam_arena_push_array(loam_arena *arena, size_t count, size_t size,
                                                       size_t align)
{
    size_t bytes;

    (void)loam_array_size(count, size, &bytes); /* too much is a size that no push serves */
    return loam_arena_push_aligned(arena, bytes, align);
}

/** Copies a text of `length` bytes into the arena and ends it with a zero byte.
 *
 * Returns NULL iff a push of `length + 1` bytes would. */
LOAM_NODISCARD char *loam_arena_push_text(loam_arena *arena, const char *text, size_t length);

/** Moves the position up until the next push is aligned to `align`, if it fits behind that place: in
 * a chain there is room for 256 bytes. loam_arena_push_aligned() is for what is bigger.
 *
 * Returns false iff there is no room for the padding, as there would be none for a push of it, or
 * `align` is not a power of two (a checked build stops then); then nothing changed but the count of
 * failures. Cost: O(1); commits as a push does. */
LOAM_NODISCARD bool loam_arena_align(loam_arena *arena, size_t align);

/** Sets the alignment of pushes that name none, a power of two from 1 to 64 KiB, from now on.
 *
 * Returns false iff it is out of that range (a checked build stops when it is no power of two);
 * then nothing changed. The position moves up to the new alignment, where there is room for that.
 * A block that was pushed at another alignment may no longer be known as the newest, which
 * loam_arena_resize() and loam_arena_undo() ask for. Cost: O(1). */
LOAM_NODISCARD bool loam_arena_set_auto_align(loam_arena *arena, size_t align);

/** Makes sure that the next push of `size` bytes at `align` succeeds, without moving the position.
 *
 * Returns false iff such a push would fail, which is not counted as a failure, or `align` is not a
 * power of two (a checked build stops then). Cost: as that push. */
LOAM_NODISCARD bool loam_arena_prepare(loam_arena *arena, size_t size, size_t align);

/* ---- going back ---- */

/** The position: bytes pushed so far, with padding. Cost: O(1). */
LOAM_INLINE size_t loam_arena_pos(const loam_arena *arena)
{
    return arena->block->start + (size_t)(arena->next - arena->block->base);
}

/** A mark of this moment. Cost: O(1), inline. */
LOAM_INLINE loam_arena_mark loam_arena_get_mark(const loam_arena *arena)
{
    loam_arena_mark mark;

    mark.block = arena->block;
    mark.next = arena->next;
    mark.arena = arena;
    return mark;
}

/** Drops all that was pushed since the mark. Memory stays with the arena. Can't fail.
 *
 * The mark must be of this arena, which must neither have gone back to before it since nor been
 * cleared, and it must lie in the innermost open scope; a checked build stops with "mark is not of
 * this arena", "mark lies above the arena's position" or "arena popped to below an open scope".
 * Cost: O(1) inline within a block; else O(blocks). */
LOAM_INLINE void loam_arena_rewind(loam_arena *arena, loam_arena_mark mark)
{
    char *next = arena->next;

    if (LOAM_UNLIKELY(arena->fast != mark.block)) {
        loam_arena_rewind_slow(arena, mark.block, mark.next, mark.arena);
        return;
    }
    if (next > arena->high) {
        arena->high = next; /* which is at or below zero_from, always */
        if (next > arena->zero_from)
            arena->zero_from = next;
    }
    arena->next = mark.next;
}

/** Goes back to a position that loam_arena_pos() told, rounded up to the arena's alignment. Can't
 * fail.
 *
 * A position above the present one changes nothing; a checked build stops with "arena popped to
 * above its position". One below the innermost open scope is not allowed; a checked build stops
 * with "arena popped to below an open scope". Cost: O(1) within a block; else O(blocks). */
void loam_arena_pop_to(loam_arena *arena, size_t position);

/** Goes back by `size` bytes of position; by all if there are fewer (a checked build stops then).
 * Cost: as loam_arena_pop_to(). */
void loam_arena_pop(loam_arena *arena, size_t size);

/** Drops everything, and gives memory back as the arena's retention says. Can't fail.
 *
 * Ends child arenas and all marks. No scope may be open; a checked build stops with "arena cleared
 * or ended with open scopes". Cost: O(blocks) and at most one system call each. */
void loam_arena_clear(loam_arena *arena);

/** Opens a scope. Cost: O(1), inline. */
LOAM_INLINE loam_arena_scope loam_arena_scope_begin(loam_arena *arena)
{
    loam_arena_scope scope;

    scope.arena = arena;
    scope.mark = loam_arena_get_mark(arena);
    scope.serial = ++arena->serial;
    scope.outer = arena->scope;
    scope.outer_floor = arena->floor;
    arena->scope = scope.serial;
    arena->floor = loam_arena_pos(arena);
    return scope;
}

/** Ends a scope: drops all that was pushed in it. Can't fail.
 *
 * A checked build stops with "scope ended twice" or "scope ended before the scopes inside it".
 * Cost: as loam_arena_rewind(). */
LOAM_INLINE void loam_arena_scope_end(loam_arena_scope *scope)
{
    loam_arena *arena = scope->arena;

    LOAM_REQUIRE(arena && arena->scope >= scope->serial, LOAM_MISUSE_ARENA_SCOPE_ENDED, scope);
    LOAM_REQUIRE(arena->scope == scope->serial, LOAM_MISUSE_ARENA_SCOPE_ORDER, scope);
    arena->scope = scope->outer;
    arena->floor = scope->outer_floor;
    loam_arena_rewind(arena, scope->mark);
#if LOAM_CHECKS
    scope->arena = NULL;
#endif
}

#if defined(__GNUC__) || defined(__clang__)
/** Declares a scope that ends by itself where `name` goes out of sight, on every path. */
#define LOAM_ARENA_SCOPE(name, arena)                                                              \
    __attribute__((cleanup(loam_arena_scope_end), unused)) loam_arena_scope name =                 \
        loam_arena_scope_begin(arena)
#endif

/* ---- the newest block ---- */

/** Grows or shrinks the newest block where it is.
 *
 * Returns false iff the sizes differ, and
 *  - `ptr` of `size` bytes is not the newest block, or it began before the innermost open scope,
 *  - there is no room for `new_size` in its block of memory or below the limit, or
 *  - a size is 0 or above PTRDIFF_MAX.
 *
 * Then nothing changed. What was dropped or is of another arena must not be passed; a checked build
 * stops with "block does not lie in this arena". Growing does not clear.
 * Cost: O(1); commits as a push does. */
LOAM_NODISCARD bool loam_arena_resize(loam_arena *arena, void *ptr, size_t size, size_t new_size);

/** Gives the newest block back; the position goes down to where it began. Size 0 is ignored.
 *
 * Then the one before is the newest, unless an alignment above the arena's or of the start of a
 * block of memory had put padding between them, which stays.
 *
 * Returns false iff it is not the newest, or began before the innermost open scope; then nothing
 * changed. A checked build stops as loam_arena_resize(). Cost: O(1). */
bool loam_arena_undo(loam_arena *arena, void *ptr, size_t size);

/* ---- looking at it ---- */

/** Changes the limit; 0: none. A limit below the position refuses every push until a pop. */
void loam_arena_set_limit(loam_arena *arena, size_t limit);

/** The arena's name. */
LOAM_INLINE const char *loam_arena_name(const loam_arena *arena)
{
    return arena->name;
}

/** Whether `ptr` lies in what was pushed and not dropped. Cost: O(blocks). */
bool loam_arena_owns(const loam_arena *arena, const void *ptr);

/** Fills in the figures of this arena, without its children's.
 *
 * `live` is the position, `peak` the highest position, `committed` what the system or the source
 * holds for it, `reserved` address space and blocks, `lost` the tails of blocks that were left,
 * `blocks` the count of backing blocks. Rounding up to the arena's alignment is part of `live`; a
 * `loam_counting` adapter over the arena's handle tells it apart. Cost: O(blocks). */
void loam_arena_stats(const loam_arena *arena, loam_stats *stats);

/** Shows the arena's memory piece by piece, newest block first: what is live, free and reserved.
 *
 * Returns false iff the callback did. Cost: O(blocks). */
bool loam_arena_walk(const loam_arena *arena, loam_walk_fn visit, void *context);

/** Checks the invariants I1-I9 of arena_internal.h, this arena's and its children's.
 *
 * Returns true iff all hold; each that does not is reported. `report` may be NULL.
 * Cost: O(blocks). */
bool loam_arena_check(const loam_arena *arena, loam_check_fn report, void *context);

/** The arena as an allocator for containers. It lives as long as the arena and does not reclaim:
 * `dealloc` undoes the newest block and forgets every other one. Cost: O(1). */
loam_allocator loam_arena_allocator(loam_arena *arena);

LOAM_END_DECLS

#endif
