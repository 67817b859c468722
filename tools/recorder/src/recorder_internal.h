/* recorder_internal.h: a recorder, as its files know it.
 *
 *   W1  all is guarded by `lock`
 *   W2  the live blocks of a loam_recorded are linked from its newest to its oldest, by `older`, in
 *       the order in which they were noted
 *   W3  after `finished` nothing is written any more
 */
#ifndef LOAM_RECORDER_INTERNAL_H
#define LOAM_RECORDER_INTERNAL_H

#include <loam/recorder.h>

#include "blocks.h"
#include "internal/os.h"
#include "trace_writer.h"

struct loam_recorder {
    loam_os_mutex lock;
    loam_recorder_config config;
    loam_blocks blocks;
    uint64_t began; /* by the clock */
    uint64_t lost;
    bool finished, good;
    loam_trace_writer writer;
};

/* Takes the lock, and tells the time and the thread. */
uint16_t loam_recorder_begin(loam_recorder *recorder);
void loam_recorder_end(loam_recorder *recorder);

#endif
