/* replay_run.h: what the parts of `loam replay` share: a trace as steps in memory that all processes
 * map, the allocators that it can run over, and what is measured.
 */
#ifndef LOAM_TOOLS_REPLAY_RUN_H
#define LOAM_TOOLS_REPLAY_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STEP_ALLOC = 1, STEP_ZEROED, STEP_RESIZE, STEP_FREE, STEP_ALIGNED };

/* A call. */
typedef struct replay_step {
    uint64_t size, before; /* bytes wanted, at least 1 where any are; that were wanted */
    uint32_t slot;
    uint8_t op, align_log2; /* of the block; 0: what malloc gives */
    uint16_t unused;
} replay_step;

/* What is mapped: this, the steps of the program, and then those that give back what it left. */
typedef struct parcel {
    uint64_t size; /* of the mapping */
    uint64_t count, rest, slots;
    uint64_t peak_bytes, peak_blocks, requests, total_bytes;
    uint64_t largest;
    replay_step steps[];
} parcel;

/* An allocator, as a replay sees it. */
typedef struct subject {
    const char *name;
    /* Makes it, in memory of its own; false: it can't be. `region` bytes and no more where it is not 0
     * and `bounded`. */
    bool (*open)(const parcel *p, size_t region);
    void (*close)(void);
    void (*reset)(void); /* what nobody gives back goes; NULL: there is none */
    /* Runs steps; returns how many were done until one was refused. With `ticks`, the time of each. */
    size_t (*run)(void **blocks, const replay_step *steps, size_t count, uint32_t *ticks);
    bool bounded; /* has a smallest region */
    /* Bytes that a live block of `size` has for its program. NULL: it has `size`. */
    size_t (*held)(const void *block, size_t size, unsigned align_log2);
} subject;

extern const subject replay_subjects[];
extern const size_t replay_subject_count;

/* The subject with this name, of so many letters. NULL: there is none. */
const subject *replay_find_subject(const char *name, size_t length);

/* What one process measures; each kind wants one that nothing ran in. */
typedef enum replay_kind { REPLAY_WARM, REPLAY_COLD, REPLAY_WORST, REPLAY_KINDS } replay_kind;

/* At how many moments, evenly apart in calls, it is looked how much memory is resident; those at which less than
 * this part of the peak of live bytes is live do not count. */
enum { REPLAY_MOMENTS = 1000, REPLAY_LIVE_PART = 4 };

/* What one process finds out and writes to the pipe; what was not measured is negative. */
typedef struct figures {
    double time;                 /* nanoseconds of a step, in memory that was touched before */
    double cold;                 /* the same, the first time */
    double p50, p99, p9999, max; /* nanoseconds */
    double rss;                  /* bytes that came in use, at most */
    double region;               /* bytes of the smallest region */
    double worst;                /* the largest of 1 - live / resident, of the moments */
    double worst_live, worst_resident, worst_call; /* where that was */
    double resident;                               /* the most bytes of the moments */
    uint64_t done;                                 /* steps until one was refused */
    char failed[120];                              /* why there are no figures */
} figures;

typedef struct replay_wish {
    uint64_t repetitions;
    bool latency, fit, worst;
} replay_wish;

/* Nothing measured. */
extern const figures replay_nothing;

/* Measures in this process. */
void replay_measure(const parcel *p, const subject *s, replay_kind kind, const replay_wish *wish,
                    figures *f);

/* Runs the calls once over malloc and nothing else: no other call of malloc. */
bool replay_only_calls(const parcel *p);

#endif
