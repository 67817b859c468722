/* recorded.c: the adapter in front of an allocator that is recorded. Requests are noted after they were
 * met, blocks that are given before they are. */
#include "recorder_internal.h"

#include "internal/adapter.h"

static unsigned log2_of(size_t align)
{
    unsigned log2 = 0;

    while (align >> log2 > 1)
        log2++;
    return log2 > 30 ? 30 : log2;
}

/* Puts a new block in front of the others (W2), or takes one out. */
static void link_block(loam_recorded *recorded, uint32_t slot)
{
    loam_blocks_one *all = recorded->recorder->blocks.all;

    all[slot].older = recorded->newest;
    all[slot].newer = LOAM_BLOCKS_NONE;
    if (recorded->newest != LOAM_BLOCKS_NONE)
        all[recorded->newest].newer = slot;
    recorded->newest = slot;
}

static void unlink_block(loam_recorded *recorded, uint32_t slot)
{
    loam_blocks_one *all = recorded->recorder->blocks.all, *one = &all[slot];

    if (one->older != LOAM_BLOCKS_NONE)
        all[one->older].newer = one->newer;
    if (one->newer != LOAM_BLOCKS_NONE)
        all[one->newer].older = one->older;
    else
        recorded->newest = one->older;
}

/* What stands for an address in the table: allocators over each other hand out the same one. */
static uint64_t key_of(const loam_recorded *recorded, const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr << 16 | (recorded->name & 0xffff);
}

static uint32_t find_block(const loam_recorded *recorded, const void *ptr)
{
    const loam_recorder *r = recorded->recorder;

    return r->finished ? LOAM_BLOCKS_NONE : loam_blocks_find(&r->blocks, key_of(recorded, ptr));
}

/* With the lock: a live block is given back. */
static void note_given(loam_recorded *recorded, uint16_t thread, uint32_t slot)
{
    loam_recorder *r = recorded->recorder;

    loam_trace_writer_free(&r->writer, slot, thread, r->blocks.all[slot].size);
    unlink_block(recorded, slot);
    loam_blocks_remove(&r->blocks, slot);
}

static void note_taken(loam_recorded *recorded, unsigned op, void *ptr, size_t size, size_t align)
{
    loam_recorder *r = recorded->recorder;
    uint16_t thread = loam_recorder_begin(r);
    bool wide = align > LOAM_MAX_ALIGN;
    uint32_t slot = find_block(recorded, ptr);

    if (slot != LOAM_BLOCKS_NONE) /* went in a reset that nobody told */
        note_given(recorded, thread, slot);
    slot = LOAM_BLOCKS_NONE;
    if (!r->finished) {
        slot = loam_blocks_add(&r->blocks, key_of(recorded, ptr), size);
        r->lost += slot == LOAM_BLOCKS_NONE;
    }
    if (slot != LOAM_BLOCKS_NONE) {
        link_block(recorded, slot);
        loam_trace_writer_scope(&r->writer, thread, recorded->name, recorded->tag);
        r->blocks.all[slot].born =
            loam_trace_writer_alloc(&r->writer, wide ? LOAM_TRACE_ALLOC_ALIGNED : op, slot,
                                    wide ? log2_of(align) : 0, thread, size);
    }
    loam_recorder_end(r);
}

static void *recorded_alloc(void *self, size_t size, size_t align)
{
    loam_recorded *recorded = self;
    void *ptr = recorded->below.ops->alloc(recorded->below.self, size, align);

    if (ptr)
        note_taken(recorded, LOAM_TRACE_ALLOC, ptr, size, align);
    return ptr;
}

static void *recorded_zalloc(void *self, size_t size, size_t align)
{
    loam_recorded *recorded = self;
    void *ptr = recorded->below.ops->zalloc(recorded->below.self, size, align);

    if (ptr)
        note_taken(recorded, LOAM_TRACE_ALLOC_ZEROED, ptr, size, align);
    return ptr;
}

static void recorded_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_recorded *recorded = self;
    loam_recorder *r = recorded->recorder;
    uint16_t thread = loam_recorder_begin(r);
    uint32_t slot = find_block(recorded, ptr);

    if (slot != LOAM_BLOCKS_NONE)
        note_given(recorded, thread, slot);
    loam_recorder_end(r);
    recorded->below.ops->dealloc(recorded->below.self, ptr, size, align);
}

/* With the lock. */
static void note_moved(loam_recorded *recorded, uint16_t thread, const void *from, const void *to,
                       size_t size)
{
    loam_recorder *r = recorded->recorder;
    uint32_t slot = find_block(recorded, from);
    loam_blocks_one *one;

    if (slot == LOAM_BLOCKS_NONE)
        return;
    one = &r->blocks.all[slot];
    loam_trace_writer_resize(&r->writer, slot, thread, one->size, size);
    one->size = size;
    if (from != to) {
        loam_blocks_detach(&r->blocks, slot);
        loam_blocks_attach(&r->blocks, slot, key_of(recorded, to));
    }
}

static bool recorded_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_recorded *recorded = self;
    uint16_t thread = loam_recorder_begin(recorded->recorder);
    bool done = recorded->below.ops->resize(recorded->below.self, ptr, size, new_size, align);

    if (done)
        note_moved(recorded, thread, ptr, ptr, new_size);
    loam_recorder_end(recorded->recorder);
    return done;
}

static void *recorded_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_recorded *recorded = self;
    uint16_t thread = loam_recorder_begin(recorded->recorder);
    void *moved = recorded->below.ops->remap(recorded->below.self, ptr, size, new_size, align);

    if (moved)
        note_moved(recorded, thread, ptr, moved, new_size);
    loam_recorder_end(recorded->recorder);
    return moved;
}

static size_t recorded_good_size(void *self, size_t size, size_t align)
{
    loam_recorded *recorded = self;

    return recorded->below.ops->good_size(recorded->below.self, size, align);
}

static bool recorded_owns(void *self, const void *ptr)
{
    loam_recorded *recorded = self;

    return recorded->below.ops->owns(recorded->below.self, ptr);
}

/* ---- life ---- */

void loam_recorded_init(loam_recorded *recorded, loam_allocator below, loam_recorder *recorder,
                        const char *name)
{
    static const loam_allocator_ops all = {
        .alloc = recorded_alloc,
        .dealloc = recorded_dealloc,
        .zalloc = recorded_zalloc,
        .resize = recorded_resize,
        .remap = recorded_remap,
        .good_size = recorded_good_size,
        .owns = recorded_owns,
        .name = "allocator",
    };

    recorded->ops = loam_adapter_ops_over(&all, below);
    recorded->ops.traits |= LOAM_EXACT;
    if (name)
        recorded->ops.name = name;
    name = recorded->ops.name;
    recorded->below = below;
    recorded->recorder = recorder;
    recorded->tag = 0;
    recorded->name = 0;
    recorded->newest = LOAM_BLOCKS_NONE;
    (void)loam_recorder_begin(recorder);
    if (!recorder->finished)
        recorded->name =
            loam_trace_writer_text(&recorder->writer, LOAM_TRACE_ALLOCATOR, 0, name, strlen(name));
    loam_recorder_end(recorder);
}

/* Its live blocks stay so in the trace. Their addresses may come again, under the same name too. */
void loam_recorded_deinit(loam_recorded *recorded)
{
    loam_recorder *r = recorded->recorder;

    (void)loam_recorder_begin(r);
    for (uint32_t slot = recorded->newest; slot != LOAM_BLOCKS_NONE;
         slot = r->blocks.all[slot].older)
        loam_blocks_detach(&r->blocks, slot);
    loam_recorder_end(r);
    *recorded = (loam_recorded){.newest = LOAM_BLOCKS_NONE};
}

loam_allocator loam_recorded_allocator(loam_recorded *recorded)
{
    return (loam_allocator){&recorded->ops, recorded};
}

void loam_recorded_set_tag(loam_recorded *recorded, uint32_t tag)
{
    (void)loam_recorder_begin(recorded->recorder);
    recorded->tag = tag;
    loam_recorder_end(recorded->recorder);
}

/* ---- in bulk ---- */

void loam_recorded_rewind(loam_recorded *recorded, uint64_t mark)
{
    loam_recorder *r = recorded->recorder;
    uint16_t thread = loam_recorder_begin(r);
    uint64_t blocks = 0, bytes = 0;
    uint32_t slot;

    while ((slot = recorded->newest) != LOAM_BLOCKS_NONE && r->blocks.all[slot].born >= mark) {
        blocks++;
        bytes += r->blocks.all[slot].size;
        unlink_block(recorded, slot);
        loam_blocks_remove(&r->blocks, slot);
    }
    if (blocks > 0 && !r->finished)
        loam_trace_writer_bulk(&r->writer, thread, recorded->name, mark, blocks, bytes);
    loam_recorder_end(r);
}

void loam_recorded_reset(loam_recorded *recorded)
{
    loam_recorded_rewind(recorded, 0);
}
