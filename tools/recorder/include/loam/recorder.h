/** @file loam/recorder.h
 * Writes down what a program asks of its allocators: a trace, to be replayed over others and looked at
 * with the program `loam`.
 *
 *     loam_recorder_config config = {.write = write_to_file, .context = file};
 *     loam_recorder *recorder = loam_recorder_create(&config);
 *     loam_recorded frames;
 *
 *     loam_recorded_init(&frames, loam_arena_allocator(&arena), recorder, "frames");
 *     run_my_code(loam_recorded_allocator(&frames));
 *     loam_arena_clear(&arena);
 *     loam_recorded_reset(&frames);            // one event, however many blocks there were
 *     loam_recorded_deinit(&frames);
 *     if (!loam_recorder_finish(recorder))
 *         return complain();
 *     loam_recorder_destroy(recorder);
 *
 * A *recorder* is one trace, into which any number of allocators are recorded, each under a name: the
 * ::loam_recorded is an adapter (loam/adapters.h) in front of one. Blocks are noted with the size that
 * was asked for, the allocator, and a *tag*, a word for what they are for.
 *
 * What is given back as a whole, by clearing an arena or going back to a mark of it, does not pass
 * through the handle. loam_recorded_reset() and loam_recorded_rewind() tell the recorder, after it was
 * done; the trace has one event for it.
 *
 * ## Threads
 *
 * Any thread may use a recorder, at any time, and the handle of a ::loam_recorded may be used by as many
 * threads as the allocator behind it. A lock is held while an event is written, and during the calls of
 * `resize` and `remap`: so the events of an address come in an order that is possible.
 *
 * ## What it costs
 *
 * A call of `write` for each 8 KiB, an event of 16 bytes; about 45 bytes of memory for each block that is
 * live at one time. Where that memory can't be had, the block is not in the trace, and the trace says
 * how many calls are missing: the program does not notice.
 */
#ifndef LOAM_RECORDER_H
#define LOAM_RECORDER_H

#include <loam/allocator.h>

LOAM_BEGIN_DECLS

/** One trace that is being written. */
typedef struct loam_recorder loam_recorder;

/** Takes bytes of the trace, in order. Returns false if it can't: then it is not called again. Called
 * with the recorder's lock, so it must not use an allocator that is recorded there. */
typedef bool (*loam_recorder_write_fn)(void *context, const void *bytes, size_t size);

/** Tells nanoseconds since some moment. Called with the recorder's lock. */
typedef uint64_t (*loam_recorder_clock_fn)(void *context);

/** Tells the number of the calling thread, from 1. Called with the recorder's lock. */
typedef uint16_t (*loam_recorder_thread_fn)(void *context);

/** How a recorder is to be. `write` must be given; all else may be zero. */
typedef struct loam_recorder_config {
    loam_recorder_write_fn write;   /**< Where the trace goes. */
    loam_recorder_clock_fn clock;   /**< NULL: the trace has no times. */
    loam_recorder_thread_fn thread; /**< NULL: all calls count as those of thread 1. */
    void *context;                  /**< Passed to all three. */
    /** Where the recorder's own memory comes from: nothing that is recorded. The C library's where
     * `ops` is NULL. */
    loam_allocator memory;
    const char *program; /**< A name for people; NULL: none. */
    uint64_t start;      /**< Nanoseconds since 1970, if known. */
    uint64_t process;    /**< The number of the process, if known. */
    uint64_t time_step;  /**< Times that differ by less are not told; 0: 10 000 ns. */
} loam_recorder_config;

/** Begins a trace. Returns NULL iff `write` is NULL or memory is refused. Cost: one allocation, 9 KiB. */
LOAM_NODISCARD loam_recorder *loam_recorder_create(const loam_recorder_config *config);

/** Writes the end of the trace, without which it is none. What comes later is not recorded.
 *
 * Returns false iff `write` refused, now or before. Calls after the first say the same again. Cost: a
 * call of `write`. */
LOAM_NODISCARD bool loam_recorder_finish(loam_recorder *recorder);

/** Ends a recorder, whose allocators have ended. NULL is ignored. Can't fail. Cost: O(1). */
void loam_recorder_destroy(loam_recorder *recorder);

/** A tag with this text, to be given to loam_recorded_set_tag(); its first 4096 bytes count.
 *
 * Tags are not compared: ask once for each. Any thread. Cost: O(length). */
uint32_t loam_recorder_tag(loam_recorder *recorder, const char *text);

/** Where the trace is now: blocks that are recorded later are younger than this. Any thread. O(1). */
uint64_t loam_recorder_mark(loam_recorder *recorder);

/** Calls that could not be noted, for want of memory. Any thread. O(1). */
uint64_t loam_recorder_lost(loam_recorder *recorder);

/** An allocator that is recorded. On the caller's storage, where it must not move. The fields are not
 * for use.
 *
 * Traits: ::LOAM_EXACT added, the others inherited. Cost: a lock and about twenty nanoseconds a call. */
typedef struct loam_recorded {
    loam_allocator_ops ops;  /**< What the adapter can do; `ops.name` is the name. */
    loam_allocator below;    /**< What is recorded. */
    loam_recorder *recorder; /**< Into which trace. */
    uint32_t name;           /**< Text of the trace. */
    uint32_t tag;            /**< Text of the trace; 0: none. */
    uint32_t newest;         /**< Slot of the newest live block. */
} loam_recorded;

/** Sets up a recording of `below`, under a name that must outlive it; NULL: "allocator". Both others
 * must outlive it too. Cost: O(length of the name). */
void loam_recorded_init(loam_recorded *recorded, loam_allocator below, loam_recorder *recorder,
                        const char *name);

/** Ends the object; blocks that are live stay so in the trace. Cost:
 * O(live blocks). */
void loam_recorded_deinit(loam_recorded *recorded);

/** The handle. Its operations return NULL or false iff the allocator below does. */
loam_allocator loam_recorded_allocator(loam_recorded *recorded);

/** What is taken from here on has this tag; 0: none. Any thread. O(1). */
void loam_recorded_set_tag(loam_recorded *recorded, uint32_t tag);

/** Call this after the allocator below gave everything back at once. One event. Not while another
 * thread uses the handle. Cost: O(blocks given). */
void loam_recorded_reset(loam_recorded *recorded);

/** Call this after the allocator below gave back all that was taken since loam_recorder_mark() returned
 * `mark`. One event. Not while another thread uses the handle. Cost: O(blocks given). */
void loam_recorded_rewind(loam_recorded *recorded, uint64_t mark);

LOAM_END_DECLS

#endif
