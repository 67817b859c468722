/* pile.c: see pile.h. */
#include "pile.h"

loam_allocator pile_begin(pile *p)
{
    ground_init(&p->ground, p->kind, false);
    return ground_allocator(&p->ground);
}

loam_allocator pile_begin_second(pile *p)
{
    ground_init(&p->second_ground, p->second_kind, false);
    return ground_allocator(&p->second_ground);
}

void pile_finish(pile *p)
{
    EXPECT_EQ(ground_blocks(&p->ground), 0);
    EXPECT_EQ(ground_live(&p->ground), 0);
    ground_deinit(&p->ground);
}

void pile_finish_both(pile *p)
{
    pile_finish(p);
    EXPECT_EQ(ground_blocks(&p->second_ground), 0);
    EXPECT_EQ(ground_live(&p->second_ground), 0);
    ground_deinit(&p->second_ground);
}

void pile_press(void *context, bool on)
{
    pile *p = context;

    ground_press(&p->ground, on);
}

void pile_press_both(void *context, bool on)
{
    pile *p = context;

    ground_press(&p->ground, on);
    ground_press(&p->second_ground, on);
}

size_t pile_footprint(void *context)
{
    const pile *p = context;

    return ground_live(&p->ground);
}

size_t pile_footprint_of_both(void *context)
{
    const pile *p = context;

    return ground_live(&p->ground) + ground_live(&p->second_ground);
}

void pile_count_event(void *context, const loam_logging_event *event)
{
    pile *p = context;

    p->events++;
    EXPECT(event->number > 0);
}
