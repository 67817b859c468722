/* logging.c: each call told to a callback.
 *
 *   L1  one event a call; a dealloc is told before the block goes back, every other call after the
 *       allocator below has answered
 */
#include <loam/adapters.h>

#include "internal/adapter.h"
#include "internal/atomic.h"

static void tell(loam_logging *logging, loam_logging_event event)
{
    if (!logging->callback)
        return;
    event.number = loam_atomic_add(&logging->number, 1);
    logging->callback(logging->context, &event);
}

static void *logging_alloc(void *self, size_t size, size_t align)
{
    loam_logging *logging = self;
    void *ptr = logging->below.ops->alloc(logging->below.self, size, align);

    tell(logging, (loam_logging_event){.op = LOAM_LOGGING_ALLOC,
                                       .size = size,
                                       .align = align,
                                       .result = ptr,
                                       .ok = ptr != NULL});
    return ptr;
}

static void *logging_zalloc(void *self, size_t size, size_t align)
{
    loam_logging *logging = self;
    void *ptr = logging->below.ops->zalloc(logging->below.self, size, align);

    tell(logging, (loam_logging_event){.op = LOAM_LOGGING_ZALLOC,
                                       .size = size,
                                       .align = align,
                                       .result = ptr,
                                       .ok = ptr != NULL});
    return ptr;
}

static void logging_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_logging *logging = self;

    tell(logging,
         (loam_logging_event){
             .op = LOAM_LOGGING_DEALLOC, .ptr = ptr, .size = size, .align = align, .ok = true});
    logging->below.ops->dealloc(logging->below.self, ptr, size, align);
}

static bool logging_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_logging *logging = self;
    bool done = logging->below.ops->resize(logging->below.self, ptr, size, new_size, align);

    tell(logging, (loam_logging_event){.op = LOAM_LOGGING_RESIZE,
                                       .ptr = ptr,
                                       .size = size,
                                       .new_size = new_size,
                                       .align = align,
                                       .ok = done});
    return done;
}

static void *logging_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_logging *logging = self;
    void *moved = logging->below.ops->remap(logging->below.self, ptr, size, new_size, align);

    tell(logging, (loam_logging_event){.op = LOAM_LOGGING_REMAP,
                                       .ptr = ptr,
                                       .size = size,
                                       .new_size = new_size,
                                       .align = align,
                                       .result = moved,
                                       .ok = moved != NULL});
    return moved;
}

static size_t logging_good_size(void *self, size_t size, size_t align)
{
    loam_logging *logging = self;
    size_t good = logging->below.ops->good_size(logging->below.self, size, align);

    tell(
        logging,
        (loam_logging_event){
            .op = LOAM_LOGGING_GOOD_SIZE, .size = size, .align = align, .bytes = good, .ok = true});
    return good;
}

static bool logging_owns(void *self, const void *ptr)
{
    loam_logging *logging = self;
    bool owned = logging->below.ops->owns(logging->below.self, ptr);

    tell(logging, (loam_logging_event){.op = LOAM_LOGGING_OWNS, .ptr = ptr, .ok = owned});
    return owned;
}

void loam_logging_init(loam_logging *logging, loam_allocator below,
                       const loam_logging_config *config)
{
    static const loam_allocator_ops all = {
        .alloc = logging_alloc,
        .dealloc = logging_dealloc,
        .zalloc = logging_zalloc,
        .resize = logging_resize,
        .remap = logging_remap,
        .good_size = logging_good_size,
        .owns = logging_owns,
        .name = "logging",
    };
    loam_logging_config defaults = {0};

    if (!config)
        config = &defaults;
    logging->ops = loam_adapter_ops_over(&all, below);
    logging->ops.traits |= LOAM_EXACT;
    if (config->callback && !config->threadsafe)
        logging->ops.traits &= ~(uint32_t)LOAM_THREADSAFE;
    logging->below = below;
    logging->callback = config->callback;
    logging->context = config->context;
    logging->number = 0;
}

void loam_logging_deinit(loam_logging *logging)
{
    *logging = (loam_logging){0};
}

loam_allocator loam_logging_allocator(loam_logging *logging)
{
    return (loam_allocator){&logging->ops, logging};
}

const char *loam_logging_op_text(loam_logging_op op)
{
    static const char *const texts[] = {
        [LOAM_LOGGING_ALLOC] = "alloc",         [LOAM_LOGGING_ZALLOC] = "zalloc",
        [LOAM_LOGGING_DEALLOC] = "dealloc",     [LOAM_LOGGING_RESIZE] = "resize",
        [LOAM_LOGGING_REMAP] = "remap",         [LOAM_LOGGING_OWNS] = "owns",
        [LOAM_LOGGING_GOOD_SIZE] = "good_size",
    };

    return (unsigned)op < sizeof texts / sizeof *texts ? texts[op] : "unknown";
}
