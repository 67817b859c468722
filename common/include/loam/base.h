/** @file loam/base.h
 * What every loam header stands on: compiler attributes, the switch for checked builds, and the
 * one way in which detected misuse ends a program.
 *
 * The law of the suite's interfaces, stated once:
 *
 *  - Arguments come in this order: the object, then inputs, then outputs. A length follows its
 *    array, a context pointer follows its callback.
 *  - Sizes and lengths are bytes unless the name says elements. Alignments are powers of two.
 *  - `init` and `deinit` work on storage of the caller's, `create` and `destroy` where loam
 *    allocates; there is no third pair. `deinit` and `destroy` never fail.
 *  - `bool` is true on success. A pointer is NULL on failure. A call that fails has changed nothing
 *    that the caller can see but counters.
 *  - No object may be used by two threads at once unless its header says that it may.
 *  - No function prints, exits or aborts, except through loam_fatal().
 */
#ifndef LOAM_BASE_H
#define LOAM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** @cond attributes */
#ifdef __cplusplus
#define LOAM_BEGIN_DECLS extern "C" {
#define LOAM_END_DECLS   }
#else
#define LOAM_BEGIN_DECLS
#define LOAM_END_DECLS
#endif
/** @endcond */

/** 1 in a checked build, else 0. The build system defines it and carries it to every user of the
 * installed package. It changes what is verified, never the layout of a public structure. */
#ifndef LOAM_CHECKS
#define LOAM_CHECKS 0
#endif

/** The alignment of a type. */
#ifdef __cplusplus
#define LOAM_ALIGNOF(type) alignof(type)
#else
#define LOAM_ALIGNOF(type) _Alignof(type)
#endif

/** The alignment that suits every standard scalar type, as malloc() has it: 16 on 64-bit systems.
 */
#define LOAM_MAX_ALIGN (2 * sizeof(void *))

/** @cond attributes */
#if defined(__GNUC__) || defined(__clang__)
#define LOAM_INLINE                  static inline __attribute__((always_inline, unused))
#define LOAM_NOINLINE                __attribute__((noinline))
#define LOAM_COLD                    __attribute__((noinline, cold))
#define LOAM_NORETURN                __attribute__((noreturn))
#define LOAM_NODISCARD               __attribute__((warn_unused_result))
#define LOAM_FORMAT(text, first)     __attribute__((format(printf, text, first)))
#define LOAM_LIKELY(condition)       __builtin_expect(!!(condition), 1)
#define LOAM_UNLIKELY(condition)     __builtin_expect(!!(condition), 0)
#define LOAM_IS_CONSTANT(expression) __builtin_constant_p(expression)
/** Marks a function that returns memory of `argument size` bytes which nothing else points to. */
#define LOAM_ALLOCATES(size) __attribute__((malloc, alloc_size(size), warn_unused_result))
#else
#define LOAM_INLINE static inline
#define LOAM_NOINLINE
#define LOAM_COLD
#define LOAM_NORETURN
#define LOAM_NODISCARD
#define LOAM_FORMAT(text, first)
#define LOAM_LIKELY(condition)       (condition)
#define LOAM_UNLIKELY(condition)     (condition)
#define LOAM_IS_CONSTANT(expression) 0
#define LOAM_ALLOCATES(size)
#endif
/** @endcond */

/** Every kind of misuse that loam can name, with the exact words that it prints.
 *
 * This is the only place where these texts stand. */
#define LOAM_MISUSE_TABLE(X)                                                                       \
    X(BAD_ALIGNMENT, "alignment is not a power of two")                                            \
    X(BAD_SIZE, "size is 0 or above PTRDIFF_MAX")                                                  \
    X(WRONG_SIZE, "block passed back with a size that it does not have")                           \
    X(WRONG_ALIGNMENT, "block passed back with an alignment that it does not have")                \
    X(FOREIGN_BLOCK, "block is not of this allocator")                                             \
    X(DOUBLE_FREE, "block was given back twice")                                                   \
    X(USE_AFTER_FREE, "block was used after it was given back")                                    \
    X(OVERRUN, "write behind the end of a block")                                                  \
    X(UNDERRUN, "write before the start of a block")                                               \
    X(WRITE_AFTER_FREE, "write to a block that was given back")                                    \
    X(LEAK, "allocator ended with live blocks")                                                    \
    X(REENTERED, "allocator called back into itself")                                              \
    X(OBJECT_MOVED, "allocator was moved after init, or has ended")                                \
    X(BROKEN_ALLOCATOR, "allocator broke its contract")                                            \
    X(CACHE_FOREIGN, "cache was given a block that it cannot hold")                                \
    X(REGION_FOREIGN, "granules are not of this region")                                           \
    X(REGION_DOUBLE_GIVE, "granules were given back twice")                                        \
    X(REGION_WRONG_LENGTH, "granules passed back with a length that they do not have")             \
    X(HEAP_HEADER, "header of a block was overwritten")                                            \
    X(SPAN_FOREIGN, "granules are not of this span")                                               \
    X(ARENA_POP_ABOVE, "arena popped to above its position")                                       \
    X(ARENA_POP_BELOW, "arena popped to below an open scope")                                      \
    X(ARENA_MARK_FOREIGN, "mark is not of this arena")                                             \
    X(ARENA_MARK_STALE, "mark lies above the arena's position")                                    \
    X(ARENA_SCOPE_ORDER, "scope ended before the scopes inside it")                                \
    X(ARENA_SCOPE_ENDED, "scope ended twice")                                                      \
    X(ARENA_SCOPES_OPEN, "arena cleared or ended with open scopes")                                \
    X(ARENA_FOREIGN_BLOCK, "block does not lie in this arena")                                     \
    X(SCRATCH_THREAD, "scratch arena ended by another thread")                                     \
    X(VEC_RANGE, "index is outside the array")                                                     \
    X(VEC_STORAGE, "storage cannot be handed to or from this array")                               \
    X(VEC_SOURCE, "elements to put in lie in the room of the array")                               \
    X(VEC_RESERVED, "allocator is that of a reserved array")                                       \
    X(STRBUF_NULL, "text is NULL")                                                                 \
    X(STRBUF_MARK, "mark lies above the end of the text")                                          \
    X(STRBUF_ROOM, "more bytes than there is room for")                                            \
    X(BTREE_CURSOR, "cursor is older than the last change of its tree")                            \
    X(BTREE_CURSORS, "cursors are of two trees")

LOAM_BEGIN_DECLS

/** The kinds of misuse, LOAM_MISUSE_BAD_ALIGNMENT and so on. */
typedef enum loam_misuse {
#define LOAM_MISUSE_NAME_(name, text) LOAM_MISUSE_##name,
    LOAM_MISUSE_TABLE(LOAM_MISUSE_NAME_)
#undef LOAM_MISUSE_NAME_
        LOAM_MISUSE_COUNT /**< How many kinds there are. */
} loam_misuse;

/** Returns the words for a kind of misuse, a constant text without a newline.
 *
 * Never NULL: a number that is no kind gives "unknown misuse". Cost: O(1). Any thread. */
const char *loam_misuse_text(loam_misuse what);

/** Writes one line, `loam: fatal: <what>: 0x<pointer>`, to descriptor 2 and calls abort().
 *
 * Allocates nothing and takes no lock, so that it works on a broken heap and in a signal handler.
 * loam calls it for misuse that a checked build detects and in the adapters whose job that is;
 * programs may call it too. Any thread. */
LOAM_NORETURN LOAM_COLD void loam_fatal(loam_misuse what, const void *pointer);

/** As loam_fatal(), and the line goes on with ` at <file>:<line>`, where the misuse happened. `file` NULL is
 * loam_fatal(); of a long name the end is written. */
LOAM_NORETURN LOAM_COLD void loam_fatal_at(loam_misuse what, const void *pointer, const char *file,
                                           unsigned line);

LOAM_END_DECLS

/** Ends the program with a kind of misuse unless `condition` holds; nothing in unchecked builds. */
#if LOAM_CHECKS
#define LOAM_REQUIRE(condition, what, pointer)                                                     \
    (LOAM_LIKELY(condition) ? (void)0 : loam_fatal((what), (pointer)))
#else
#define LOAM_REQUIRE(condition, what, pointer) ((void)0)
#endif

#endif
