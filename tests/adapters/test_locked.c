/* locked: one operation at a time, whichever it is, and the owner of the lock in between. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

#if TEST_HAS_FORK
#include <sched.h>
#endif

enum { THREADS = 4, ROUNDS = 1500 };

/* An allocator that is not thread safe and notices when two are inside. Its fields are plain, so
 * that ThreadSanitizer has its say as well. */
typedef struct narrow {
    loam_allocator_ops ops;
    bool inside;
    size_t calls;
    size_t live;
} narrow;

/* Lets another thread run, to come in as well if it can. */
static void give_way(void)
{
#if TEST_HAS_FORK
    (void)sched_yield();
#endif
}

static narrow *go_in(void *self)
{
    narrow *n = self;

    EXPECT(!n->inside);
    n->inside = true;
    if (n->calls++ % 8 == 0)
        give_way();
    return n;
}

static void *narrow_alloc(void *self, size_t size, size_t align)
{
    narrow *n = go_in(self);

    n->live += size;
    n->inside = false;
    return loam_alloc(loam_libc_allocator(), size, align);
}

static void *narrow_zalloc(void *self, size_t size, size_t align)
{
    narrow *n = go_in(self);

    n->live += size;
    n->inside = false;
    return loam_zalloc(loam_libc_allocator(), size, align);
}

static void narrow_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    narrow *n = go_in(self);

    n->live -= size;
    n->inside = false;
    loam_dealloc(loam_libc_allocator(), ptr, size, align);
}

static bool narrow_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    narrow *n = go_in(self);

    (void)ptr;
    (void)align;
    n->inside = false;
    return new_size == size;
}

static void *narrow_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    narrow *n = go_in(self);
    void *moved = loam_remap(loam_libc_allocator(), ptr, size, new_size, align);

    n->live += moved ? new_size - size : 0;
    n->inside = false;
    return moved;
}

static size_t narrow_good_size(void *self, size_t size, size_t align)
{
    narrow *n = go_in(self);

    (void)align;
    n->inside = false;
    return size;
}

static bool narrow_owns(void *self, const void *ptr)
{
    narrow *n = go_in(self);

    n->inside = false;
    return ptr != NULL;
}

static const loam_allocator_ops narrow_ops = {
    .alloc = narrow_alloc,
    .dealloc = narrow_dealloc,
    .zalloc = narrow_zalloc,
    .resize = narrow_resize,
    .remap = narrow_remap,
    .good_size = narrow_good_size,
    .owns = narrow_owns,
    .name = "narrow",
    .traits = LOAM_RECLAIMS,
};

typedef struct crowd {
    narrow below;
    loam_locked locked;
} crowd;

static void use_everything(void *context, size_t index)
{
    crowd *all = context;
    loam_allocator a = loam_locked_allocator(&all->locked);

    for (size_t i = 0; i < ROUNDS; i++) {
        size_t size = 8 + (i + index) % 100;
        void *one = loam_alloc(a, size, 8);
        void *other = loam_zalloc(a, size, 8);

        EXPECT(one && other);
        EXPECT(!loam_resize(a, one, size, size + 1, 8));
        EXPECT((one = loam_remap(a, one, size, size + 1, 8)) != NULL);
        EXPECT(loam_good_size(a, size, 8) == size && loam_owns(a, one));
        if (i % 16 == 0) {
            loam_locked_lock(&all->locked);
            EXPECT(all->below.live >= 2 * size + 1);
            loam_locked_unlock(&all->locked);
        }
        loam_dealloc(a, one, size + 1, 8);
        loam_dealloc(a, other, size, 8);
    }
}

/* Every operation of the table takes the lock: with one of them left out, two are inside. */
TEST(one_at_a_time, fast)
{
    crowd all = {.below = {.ops = narrow_ops}};

    loam_locked_init(&all.locked, (loam_allocator){&all.below.ops, &all.below});
    EXPECT(loam_allocator_threadsafe(loam_locked_allocator(&all.locked)));
    test_run_threads(THREADS, use_everything, &all);
    EXPECT_EQ(all.below.live, 0);
    EXPECT_EQ(all.below.calls, THREADS * ROUNDS * 8);
    loam_locked_deinit(&all.locked);
}

/* The lock is free again after a refusal. */
TEST(refusals_unlock, fast)
{
    loam_locked locked;
    loam_allocator a;
    puppet p;
    void *ptr;

    puppet_init(&p);
    loam_locked_init(&locked, puppet_allocator(&p));
    a = loam_locked_allocator(&locked);
    ptr = loam_alloc(a, 100, 8);
    p.refuse = true;
    EXPECT(!loam_alloc(a, 8, 8) && !loam_zalloc(a, 8, 8) && !loam_resize(a, ptr, 100, 110, 8) &&
           !loam_remap(a, ptr, 100, 110, 8));
    loam_locked_lock(&locked);
    loam_locked_unlock(&locked);
    loam_dealloc(a, ptr, 100, 8);
}

TEST_MAIN
