/* What every adapter does with the table and the traits of the allocator below it, for each slot
 * that may be absent and each set of traits. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

/* An adapter as this file sees it: set up over one puppet, or over two. */
typedef union any_adapter {
    loam_checked checked;
    loam_counting counting;
    loam_budget budget;
    loam_failing failing;
    loam_locked locked;
    loam_logging logging;
    loam_fallback fallback;
    loam_split split;
} any_adapter;

typedef loam_allocator (*set_up_fn)(any_adapter *any, loam_allocator a, loam_allocator b);

static loam_allocator set_up_checked(any_adapter *any, loam_allocator a, loam_allocator b)
{
    (void)b;
    loam_checked_init(&any->checked, a, NULL);
    return loam_checked_allocator(&any->checked);
}

static loam_allocator set_up_counting(any_adapter *any, loam_allocator a, loam_allocator b)
{
    (void)b;
    loam_counting_init(&any->counting, a);
    return loam_counting_allocator(&any->counting);
}

static loam_allocator set_up_budget(any_adapter *any, loam_allocator a, loam_allocator b)
{
    (void)b;
    loam_budget_init(&any->budget, a, NULL);
    return loam_budget_allocator(&any->budget);
}

static loam_allocator set_up_failing(any_adapter *any, loam_allocator a, loam_allocator b)
{
    (void)b;
    loam_failing_init(&any->failing, a, NULL);
    return loam_failing_allocator(&any->failing);
}

static loam_allocator set_up_locked(any_adapter *any, loam_allocator a, loam_allocator b)
{
    (void)b;
    loam_locked_init(&any->locked, a);
    return loam_locked_allocator(&any->locked);
}

static void ignore_event(void *context, const loam_logging_event *event)
{
    (void)context;
    (void)event;
}

static loam_allocator set_up_logging(any_adapter *any, loam_allocator a, loam_allocator b)
{
    loam_logging_config config = {.callback = ignore_event};

    (void)b;
    loam_logging_init(&any->logging, a, &config);
    return loam_logging_allocator(&any->logging);
}

static loam_allocator set_up_logging_threads(any_adapter *any, loam_allocator a, loam_allocator b)
{
    loam_logging_config config = {.callback = ignore_event, .threadsafe = true};

    (void)b;
    loam_logging_init(&any->logging, a, &config);
    return loam_logging_allocator(&any->logging);
}

static loam_allocator set_up_fallback(any_adapter *any, loam_allocator a, loam_allocator b)
{
    EXPECT(loam_fallback_init(&any->fallback, a, b));
    return loam_fallback_allocator(&any->fallback);
}

static loam_allocator set_up_split(any_adapter *any, loam_allocator a, loam_allocator b)
{
    loam_split_init(&any->split, a, b, 1000);
    return loam_split_allocator(&any->split);
}

typedef struct adapter_row {
    set_up_fn set_up;
    const char *name;
    uint32_t added;
    uint32_t dropped;
} adapter_row;

static const adapter_row over_one[] = {
    {set_up_checked, "checked", LOAM_EXACT, LOAM_THREADSAFE},
    {set_up_counting, "counting", 0, 0},
    {set_up_budget, "budget", 0, 0},
    {set_up_failing, "failing", LOAM_EXACT, 0},
    {set_up_locked, "locked", LOAM_THREADSAFE, 0},
    {set_up_logging, "logging", LOAM_EXACT, LOAM_THREADSAFE},
    {set_up_logging_threads, "logging", LOAM_EXACT, 0},
};

static const adapter_row over_two[] = {
    {set_up_fallback, "fallback", 0, 0},
    {set_up_split, "split", 0, 0},
};

enum { ZALLOC = 1, RESIZE = 2, REMAP = 4, GOOD_SIZE = 8, OWNS = 16, CACHE = 32, SLOTS = 64 };

static void limit_slots(puppet *p, unsigned slots)
{
    puppet_init(p);
    p->ops.zalloc = slots & ZALLOC ? p->ops.zalloc : NULL;
    p->ops.resize = slots & RESIZE ? p->ops.resize : NULL;
    p->ops.remap = slots & REMAP ? p->ops.remap : NULL;
    p->ops.good_size = slots & GOOD_SIZE ? p->ops.good_size : NULL;
    p->ops.owns = slots & OWNS ? p->ops.owns : NULL;
    p->ops.cache = slots & CACHE ? p->ops.cache : NULL;
}

static unsigned slots_of(loam_allocator a)
{
    EXPECT(a.ops->alloc && a.ops->dealloc);
    return (a.ops->zalloc ? ZALLOC : 0u) | (a.ops->resize ? RESIZE : 0u) |
           (a.ops->remap ? REMAP : 0u) | (a.ops->good_size ? GOOD_SIZE : 0u) |
           (a.ops->owns ? OWNS : 0u) | (a.ops->cache ? CACHE : 0u);
}

/* A slot is there iff the allocator below has it, and there is never a cache. */
TEST(slots_are_those_below, fast)
{
    for (size_t i = 0; i < sizeof over_one / sizeof *over_one; i++) {
        for (unsigned slots = 0; slots < SLOTS; slots++) {
            any_adapter any;
            puppet p;
            loam_allocator a;

            limit_slots(&p, slots);
            a = over_one[i].set_up(&any, puppet_allocator(&p), (loam_allocator){NULL, NULL});
            EXPECT_EQ(slots_of(a), slots & ~(unsigned)CACHE);
            EXPECT_STR(a.ops->name, over_one[i].name);
            EXPECT_PTR(a.self, &any);
        }
    }
}

/* Traits are inherited, and added or dropped as the header says. */
TEST(traits_are_those_below, fast)
{
    for (size_t i = 0; i < sizeof over_one / sizeof *over_one; i++) {
        for (uint32_t traits = 0; traits < 8; traits++) {
            any_adapter any;
            puppet p;
            loam_allocator a;

            puppet_init(&p);
            p.ops.traits = traits;
            a = over_one[i].set_up(&any, puppet_allocator(&p), (loam_allocator){NULL, NULL});
            EXPECT_EQ(a.ops->traits, (traits & ~over_one[i].dropped) | over_one[i].added);
        }
    }
}

/* Over two: what one has is there, but `owns` takes both, good_size of a fallback is the first's,
 * and only a split hands on a cache. */
TEST(slots_are_those_of_either, fast)
{
    for (unsigned slots = 0; slots < SLOTS * SLOTS; slots++) {
        unsigned first = slots % SLOTS, second = slots / SLOTS;
        unsigned both = (first | second) & ~(unsigned)OWNS;
        any_adapter any;
        puppet p, q;
        loam_allocator a;

        both |= first & second & OWNS;
        limit_slots(&p, first);
        limit_slots(&q, second);
        a = set_up_split(&any, puppet_allocator(&p), puppet_allocator(&q));
        EXPECT_EQ(slots_of(a), both);
        if (!(first & OWNS)) {
            EXPECT(!loam_fallback_init(&any.fallback, puppet_allocator(&p), puppet_allocator(&q)));
            continue;
        }
        a = set_up_fallback(&any, puppet_allocator(&p), puppet_allocator(&q));
        both &= ~(unsigned)(CACHE | GOOD_SIZE);
        EXPECT_EQ(slots_of(a), both | (first & GOOD_SIZE));
    }
}

/* Over two: what both promise is promised, and exactness that one needs is kept. */
TEST(traits_are_those_of_both, fast)
{
    for (size_t i = 0; i < sizeof over_two / sizeof *over_two; i++) {
        for (uint32_t traits = 0; traits < 64; traits++) {
            uint32_t first = traits % 8, second = traits / 8;
            any_adapter any;
            puppet p, q;
            loam_allocator a;

            puppet_init(&p);
            puppet_init(&q);
            p.ops.traits = first;
            q.ops.traits = second;
            a = over_two[i].set_up(&any, puppet_allocator(&p), puppet_allocator(&q));
            EXPECT_EQ(a.ops->traits, (first & second & (LOAM_RECLAIMS | LOAM_THREADSAFE)) |
                                         ((first | second) & LOAM_EXACT));
            EXPECT_STR(a.ops->name, over_two[i].name);
        }
    }
}

/* Each operation reaches the same one below, once, with the same arguments, and its answer comes
 * back; refusals too. (checked, which changes sizes, has tests of its own.) */
TEST(operations_are_passed_on, fast)
{
    for (size_t i = 1; i < sizeof over_one / sizeof *over_one; i++) {
        any_adapter any;
        puppet p;
        loam_allocator a;
        unsigned char *ptr, *moved;

        puppet_init(&p);
        a = over_one[i].set_up(&any, puppet_allocator(&p), (loam_allocator){NULL, NULL});
        ptr = loam_alloc(a, 100, 64);
        EXPECT_PTR(ptr, p.buffer);
        EXPECT(p.calls.alloc == 1 && p.last_size == 100 && p.last_align == 64);
        EXPECT(loam_resize(a, ptr, 100, 200, 64));
        EXPECT(p.calls.resize == 1 && p.last_size == 100 && p.last_new_size == 200);
        EXPECT(!loam_resize(a, ptr, 200, 300, 64));
        ptr[199] = 7;
        moved = loam_remap(a, ptr, 200, 300, 64);
        EXPECT(moved && moved != ptr && moved[199] == 7);
        EXPECT(p.calls.remap == 1 && p.last_size == 200 && p.last_new_size == 300);
        EXPECT_EQ(loam_good_size(a, 300, 64), 512);
        EXPECT(loam_owns(a, moved) && !loam_owns(a, &p));
        EXPECT(p.calls.good_size == 1 && p.calls.owns == 2);
        loam_dealloc(a, moved, 300, 64);
        EXPECT(p.calls.dealloc == 1 && p.last_size == 300 && p.last_align == 64 && p.live == 0);
        ptr = loam_zalloc(a, 50, 8);
        EXPECT(ptr && p.calls.zalloc == 1 && p.last_size == 50 && p.last_align == 8);
        p.refuse = true;
        EXPECT(!loam_alloc(a, 8, 8) && !loam_zalloc(a, 8, 8));
        EXPECT(!loam_resize(a, ptr, 50, 60, 8) && !loam_remap(a, ptr, 50, 60, 8));
        EXPECT_EQ(p.live, 50);
    }
}

TEST_MAIN
