/* tour.c: the suite in thirty lines. The README shows this file from the next line on. */
#include <loam/adapters.h>
#include <loam/cache.h>
#include <loam/scratch.h>
#include <stdio.h>

typedef struct node {
    struct node *next;
    int value;
} node;

static int count_nodes(loam_allocator memory, int wanted)
{
    loam_cache_own own; /* "Will you share a free list for nodes?" Else this one does it. */
    loam_cache *nodes = loam_allocator_cache(memory, sizeof(node), LOAM_ALIGNOF(node), &own);
    node *list = NULL, *one;
    int made = 0;

    for (; made < wanted && (one = (node *)loam_cache_take(nodes)) != NULL; made++)
        *one = (node){list, made}, list = one;
    if (loam_allocator_reclaims(memory)) /* "Is there any point in freeing?" */
        for (; (one = list) != NULL; loam_cache_give(nodes, one))
            list = one->next;
    loam_cache_deinit(&own);
    return made;
}

int main(void)
{
    LOAM_SCRATCH(scratch, NULL); /* this thread's arena, until the end of this block */
    loam_budget_config config = {.tag = "request", .limit = 1 << 20};
    loam_budget budget; /* a megabyte of malloc, and not a byte more */

    loam_budget_init(&budget, loam_libc_allocator(), &config);
    printf("over an arena:   %d nodes\n", count_nodes(loam_arena_allocator(scratch.arena), 100000));
    printf("over malloc:     %d nodes\n", count_nodes(loam_libc_allocator(), 100000));
    printf("within a budget: %d nodes\n", count_nodes(loam_budget_allocator(&budget), 100000));
    loam_budget_deinit(&budget);
    return 0;
}
