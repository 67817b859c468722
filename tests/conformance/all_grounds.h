/* all_grounds.h: a scenario with calls that are refused, over each kind of allocator. */
#ifndef LOAM_TEST_ALL_GROUNDS_H
#define LOAM_TEST_ALL_GROUNDS_H

#include "support/fail_each.h"
#include "support/test.h"

/* Exact or not, on an allocator that reclaims or not. */
static inline void fail_each_on_all_grounds(fail_each_scenario scenario)
{
    static const unsigned all_grounds[] = {
        0,
        FAIL_EACH_INEXACT,
        FAIL_EACH_NO_RECLAIM,
        FAIL_EACH_NO_RECLAIM | FAIL_EACH_INEXACT,
    };

    for (size_t i = 0; i < sizeof all_grounds / sizeof *all_grounds; i++) {
        scenario.flags = all_grounds[i];
        EXPECT(fail_each_allocation(&scenario) > 0);
    }
}

#endif
