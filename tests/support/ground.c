/* ground.c: see ground.h. */
#include "support/ground.h"

#include "support/test.h"

#include <stdlib.h>

static loam_allocator bottom(ground *g)
{
    if (g->kind == GROUND_LIBC)
        return loam_libc_allocator();
    if (g->kind == GROUND_VM)
        return loam_vm_allocator();
    if (g->kind == GROUND_CHECKED) {
        loam_checked_init(&g->checked, loam_libc_allocator(), NULL);
        return loam_checked_allocator(&g->checked);
    }
    g->buffer = malloc(GROUND_BUMP_SIZE);
    EXPECT(g->buffer != NULL);
    toy_bump_init(&g->bump, g->buffer, GROUND_BUMP_SIZE);
    return toy_bump_allocator(&g->bump);
}

void ground_init(ground *g, ground_kind kind, bool exact)
{
    g->kind = kind;
    g->buffer = NULL;
    loam_counting_init(&g->counting, bottom(g));
    loam_failing_init(&g->failing, loam_counting_allocator(&g->counting), NULL);
    g->ops = *loam_failing_allocator(&g->failing).ops;
    g->exact = exact;
    if (!exact)
        g->ops.traits &= ~(uint32_t)LOAM_EXACT;
}

void ground_deinit(ground *g)
{
    loam_failing_deinit(&g->failing);
    loam_counting_deinit(&g->counting);
    if (g->kind == GROUND_CHECKED)
        loam_checked_deinit(&g->checked);
    free(g->buffer);
}

loam_allocator ground_allocator(ground *g)
{
    loam_allocator handle = loam_failing_allocator(&g->failing);

    handle.ops = &g->ops;
    return handle;
}

void ground_press(ground *g, bool on)
{
    static const loam_failing_rule always = {.nth = 1, .for_ever = true};
    const loam_failing_config refuse_all = {.alloc = always, .resize = always, .remap = always};

    loam_failing_restart(&g->failing, on ? &refuse_all : NULL);
}

size_t ground_live(const ground *g)
{
    loam_stats stats;

    loam_counting_stats(&g->counting, &stats);
    return stats.live;
}

size_t ground_blocks(const ground *g)
{
    loam_stats stats;

    loam_counting_stats(&g->counting, &stats);
    return stats.blocks;
}

void ground_clear(ground *g)
{
    EXPECT(g->buffer != NULL);
    toy_bump_clear(&g->bump);
    loam_counting_reset(&g->counting);
}
