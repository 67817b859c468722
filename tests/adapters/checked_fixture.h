/* checked_fixture.h: checked over a puppet, which is what most of its tests begin with. */
#ifndef LOAM_TEST_CHECKED_FIXTURE_H
#define LOAM_TEST_CHECKED_FIXTURE_H

#include "adapters/puppet.h"

#include <loam/adapters.h>

typedef struct fixture {
    puppet p;
    loam_checked checked;
    loam_allocator a;
} fixture;

static inline void set_up(fixture *f, const loam_checked_config *config)
{
    puppet_init(&f->p);
    loam_checked_init(&f->checked, puppet_allocator(&f->p), config);
    f->a = loam_checked_allocator(&f->checked);
}

static inline loam_stats stats_of(const loam_checked *checked)
{
    loam_stats stats;

    loam_checked_stats(checked, &stats);
    return stats;
}

#endif
