/* recorder.c: the life of a trace that is being written. */
#include "recorder_internal.h"

enum { TIME_STEP = 10000 };

uint16_t loam_recorder_begin(loam_recorder *recorder)
{
    const loam_recorder_config *config = &recorder->config;
    uint16_t thread;

    loam_os_mutex_lock(&recorder->lock);
    if (config->clock && !recorder->finished)
        loam_trace_writer_time(&recorder->writer, config->clock(config->context) - recorder->began);
    thread = config->thread ? config->thread(config->context) : 1;
    return thread ? thread : 1;
}

void loam_recorder_end(loam_recorder *recorder)
{
    loam_os_mutex_unlock(&recorder->lock);
}

loam_recorder *loam_recorder_create(const loam_recorder_config *config)
{
    loam_allocator memory = config->memory.ops ? config->memory : loam_libc_allocator();
    loam_trace_about about = {.start = config->start,
                              .process = config->process,
                              .time_step = config->time_step ? config->time_step : TIME_STEP};
    loam_recorder *recorder;

    if (!config->write)
        return NULL;
    recorder = loam_znew(memory, loam_recorder);
    if (!recorder)
        return NULL;
    recorder->config = *config;
    recorder->config.memory = memory;
    loam_blocks_init(&recorder->blocks, memory);
    if (config->clock)
        recorder->began = config->clock(config->context);
    loam_trace_writer_begin(&recorder->writer, &about, config->write, config->context);
    if (config->program)
        (void)loam_trace_writer_text(&recorder->writer, LOAM_TRACE_PROGRAM, 0, config->program,
                                     strlen(config->program));
    return recorder;
}

bool loam_recorder_finish(loam_recorder *recorder)
{
    bool good;

    (void)loam_recorder_begin(recorder);
    if (!recorder->finished)
        recorder->good = loam_trace_writer_end(&recorder->writer, recorder->lost);
    recorder->finished = true;
    good = recorder->good;
    loam_recorder_end(recorder);
    return good;
}

void loam_recorder_destroy(loam_recorder *recorder)
{
    if (!recorder)
        return;
    loam_blocks_deinit(&recorder->blocks);
    loam_delete(recorder->config.memory, loam_recorder, recorder);
}

uint32_t loam_recorder_tag(loam_recorder *recorder, const char *text)
{
    uint32_t tag = 0;

    (void)loam_recorder_begin(recorder);
    if (!recorder->finished)
        tag = loam_trace_writer_text(&recorder->writer, LOAM_TRACE_TAG, 0, text, strlen(text));
    loam_recorder_end(recorder);
    return tag;
}

uint64_t loam_recorder_mark(loam_recorder *recorder)
{
    uint64_t mark;

    (void)loam_recorder_begin(recorder);
    mark = recorder->writer.items;
    loam_recorder_end(recorder);
    return mark;
}

uint64_t loam_recorder_lost(loam_recorder *recorder)
{
    uint64_t lost;

    loam_os_mutex_lock(&recorder->lock);
    lost = recorder->lost;
    loam_os_mutex_unlock(&recorder->lock);
    return lost;
}
