/** @file loam/scratch.h
 * Arenas for temporary memory, one set for each thread, without passing them around.
 *
 *     char *describe(loam_arena *result, item *it)
 *     {
 *         LOAM_SCRATCH(scratch, result);            // an arena that is not `result`
 *         char *draft = (char *)loam_arena_push(scratch.arena, 4096);
 *         ...
 *         return loam_arena_push_text(result, draft, length);
 *     }                                             // the draft is gone here, on every path
 *
 * A function that returns memory in an arena of its caller's, and needs temporary memory too, must
 * not take both from the same arena. It names the arenas in use, its *conflicts*, and gets another
 * one; there may be any number of conflicts, because a thread makes one more arena when all that
 * it has are in use.
 *
 * Each thread has its own; they end with the thread.
 */
#ifndef LOAM_SCRATCH_H
#define LOAM_SCRATCH_H

#include <loam/arena.h>

LOAM_BEGIN_DECLS

/** A scope in a scratch arena of this thread. End it in the thread that began it. */
typedef struct loam_scratch {
    loam_arena *arena;      /**< Push here. Never NULL. */
    loam_arena_scope scope; /**< What ends with it. */
    uintptr_t thread;       /**< Which thread began it. */
} loam_scratch;

/** Begins a scope in an arena of this thread that is none of the `count` arenas at `conflicts`
 * (NULLs among them are ignored).
 *
 * `arena` is never NULL. When all arenas of this thread are in conflict it makes one more, behind a
 * reservation or, where that is refused, as a chain over the C library. When even that is refused,
 * the arena that it gives refuses each push with NULL, and may be one in conflict that does so too:
 * running out of memory shows where memory is asked for.
 *
 * Cost: O(arenas of this thread x conflicts), a few nanoseconds as a rule. Any thread. */
LOAM_NODISCARD loam_scratch loam_scratch_begin(loam_arena *const *conflicts, size_t count);

/** Ends a scope: all that was pushed in it is gone. Scopes of one arena end inner ones first.
 *
 * A checked build stops with "scratch arena ended by another thread" and as loam_arena_scope_end().
 * Cost: as loam_arena_rewind(). */
void loam_scratch_end(loam_scratch *scratch);

/** How scratch arenas that are made from now on are to be, in all threads; NULL: as at the start.
 *
 * The configuration is copied; its log and source must bear being called by any thread.
 * Returns false iff the backing is LOAM_ARENA_FIXED, or a value is out of the range that
 * loam_arena_init() takes; then nothing changed. Any thread. */
LOAM_NODISCARD bool loam_scratch_configure(const loam_arena_config *config);

/** Adds up the figures of this thread's scratch arenas; `blocks` is how many there are. O(arenas).
 */
void loam_scratch_stats(loam_stats *stats);

/** Ends this thread's scratch arenas now, rather than with the thread. No scope may be open.
 *
 * Returns false iff one is; then nothing changed. Cost: O(arenas). */
bool loam_scratch_release(void);

#if defined(__GNUC__) || defined(__clang__)
/** Declares a scratch scope that ends by itself where `name` goes out of sight, on every path. What
 * follows the name are the arenas in conflict, at least one; NULL for none. */
#define LOAM_SCRATCH(name, ...)                                                                    \
    loam_arena *const name##_conflicts_[] = {__VA_ARGS__};                                         \
    __attribute__((cleanup(loam_scratch_end), unused)) loam_scratch name = loam_scratch_begin(     \
        name##_conflicts_, sizeof name##_conflicts_ / sizeof *name##_conflicts_)
#endif

LOAM_END_DECLS

#endif
