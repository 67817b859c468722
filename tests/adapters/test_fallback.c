/* fallback: the second one serves what the first one refuses, and each gets its own back. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

typedef struct two {
    puppet first;
    puppet second;
    loam_fallback fallback;
    loam_allocator a;
} two;

static void set_up(two *t)
{
    puppet_init(&t->first);
    puppet_init(&t->second);
    EXPECT(loam_fallback_init(&t->fallback, puppet_allocator(&t->first),
                              puppet_allocator(&t->second)));
    t->a = loam_fallback_allocator(&t->fallback);
}

/* Nobody could tell whose a block is: that is known at once, not at the first dealloc. */
TEST(first_must_know_its_own, fast)
{
    two t;

    puppet_init(&t.first);
    puppet_init(&t.second);
    t.first.ops.owns = NULL;
    EXPECT(
        !loam_fallback_init(&t.fallback, puppet_allocator(&t.first), puppet_allocator(&t.second)));
    EXPECT(!loam_fallback_init(&t.fallback, loam_libc_allocator(), puppet_allocator(&t.second)));
}

TEST(second_serves_what_first_refuses, fast)
{
    two t;
    void *one, *other;

    set_up(&t);
    t.first.refuse_above = 100;
    one = loam_alloc(t.a, 100, 8);
    EXPECT(one && t.second.calls.alloc == 0);
    other = loam_alloc(t.a, 101, 8);
    EXPECT(other && t.second.calls.alloc == 1 && t.second.live == 101);
    loam_dealloc(t.a, one, 100, 8);
    EXPECT(t.first.calls.dealloc == 1 && t.second.calls.dealloc == 0);
    loam_dealloc(t.a, other, 101, 8);
    EXPECT(t.first.calls.dealloc == 1 && t.second.calls.dealloc == 1);
    EXPECT(t.first.live == 0 && t.second.live == 0);
    EXPECT(loam_zalloc(t.a, 101, 8) && t.second.calls.zalloc == 1);
    t.second.refuse = true;
    EXPECT(!loam_alloc(t.a, 101, 8) && !loam_zalloc(t.a, 101, 8));
}

/* In place and by moving pages only within the owner. */
TEST(size_changes_in_the_owner, fast)
{
    two t;
    void *one, *other;

    set_up(&t);
    t.first.refuse_above = 100;
    one = loam_alloc(t.a, 50, 8);
    other = loam_alloc(t.a, 200, 8);
    EXPECT(loam_resize(t.a, one, 50, 80, 8) && loam_resize(t.a, other, 200, 220, 8));
    EXPECT(t.first.calls.resize == 1 && t.second.calls.resize == 1);
    EXPECT(!loam_remap(t.a, one, 80, 150, 8));
    EXPECT(t.first.calls.remap == 1 && t.second.calls.remap == 0);
    EXPECT(loam_remap(t.a, other, 220, 600, 8));
    EXPECT(t.first.calls.remap == 1 && t.second.calls.remap == 1);
}

/* realloc copies from the first to the second when the first has no more, and the first gets its
 * block back; likewise when only the second can move blocks by itself. */
TEST(realloc_crosses, fast)
{
    for (int first_can_remap = 0; first_can_remap <= 1; first_can_remap++) {
        two t;
        unsigned char *ptr;

        puppet_init(&t.first);
        puppet_init(&t.second);
        if (!first_can_remap)
            t.first.ops.remap = NULL;
        EXPECT(loam_fallback_init(&t.fallback, puppet_allocator(&t.first),
                                  puppet_allocator(&t.second)));
        t.a = loam_fallback_allocator(&t.fallback);
        t.first.refuse_above = 1000;
        ptr = loam_alloc(t.a, 700, 32);
        EXPECT(ptr);
        for (size_t i = 0; i < 700; i++)
            ptr[i] = (unsigned char)(i * 7);
        ptr = loam_realloc(t.a, ptr, 700, 3000, 32);
        EXPECT(ptr && t.first.live == 0 && t.second.live == 3000);
        for (size_t i = 0; i < 700; i++)
            EXPECT_EQ(ptr[i], i * 7 & 255);

        /* Within the second it moves without a copy of ours. */
        ptr = loam_realloc(t.a, ptr, 3000, 9000, 32);
        EXPECT(ptr && t.second.calls.remap == 1 && t.second.live == 9000 &&
               ptr[699] == (699 * 7 & 255));
        t.second.refuse = true;
        EXPECT(!loam_realloc(t.a, ptr, 9000, 20000, 32));
        EXPECT_EQ(t.second.live, 9000);
        loam_dealloc(t.a, ptr, 9000, 32);
        EXPECT(t.first.live == 0 && t.second.live == 0);
    }
}

/* Where the owner lacks what the other one has, the answer is that of an allocator without it. */
TEST(one_lacks_an_operation, fast)
{
    two t;
    unsigned char *one;
    void *other;

    puppet_init(&t.first);
    puppet_init(&t.second);
    t.first.ops.zalloc = NULL;
    t.second.ops.resize = NULL;
    t.second.ops.remap = NULL;
    EXPECT(
        loam_fallback_init(&t.fallback, puppet_allocator(&t.first), puppet_allocator(&t.second)));
    t.a = loam_fallback_allocator(&t.fallback);
    memset(t.first.buffer, 0xff, 100);
    one = loam_zalloc(t.a, 100, 8);
    EXPECT(one && one[0] == 0 && one[99] == 0 && t.first.calls.alloc == 1);
    t.first.refuse = true;
    other = loam_zalloc(t.a, 100, 8);
    EXPECT(other && t.second.calls.zalloc == 1);
    EXPECT(!loam_resize(t.a, other, 100, 110, 8) && !loam_remap(t.a, other, 100, 110, 8));
    t.first.refuse = false;
    EXPECT(loam_resize(t.a, one, 100, 110, 8) && loam_remap(t.a, one, 110, 300, 8));
}

TEST(owns_and_good_size, fast)
{
    two t;
    void *one, *other;

    set_up(&t);
    one = loam_alloc(t.a, 10, 8);
    t.first.refuse = true;
    other = loam_alloc(t.a, 10, 8);
    EXPECT(loam_owns(t.a, one) && loam_owns(t.a, other) && !loam_owns(t.a, &t));
    EXPECT_EQ(loam_good_size(t.a, 10, 8), PUPPET_STEP);
    EXPECT(t.first.calls.good_size == 1 && t.second.calls.good_size == 0);
}

/* Three in a row: a pair that can tell its own is the first of another pair. */
TEST(pairs_nest, fast)
{
    two t;
    puppet last;
    loam_fallback outer;
    loam_allocator a;
    void *ptr[3];

    set_up(&t);
    puppet_init(&last);
    EXPECT(loam_fallback_init(&outer, t.a, puppet_allocator(&last)));
    a = loam_fallback_allocator(&outer);
    t.first.refuse_above = 100;
    t.second.refuse_above = 200;
    for (size_t i = 0; i < 3; i++)
        EXPECT((ptr[i] = loam_alloc(a, 100 * (i + 1), 8)) != NULL);
    EXPECT(t.first.live == 100 && t.second.live == 200 && last.live == 300);
    for (size_t i = 0; i < 3; i++)
        loam_dealloc(a, ptr[i], 100 * (i + 1), 8);
    EXPECT(t.first.live == 0 && t.second.live == 0 && last.live == 0);
}

TEST_MAIN
