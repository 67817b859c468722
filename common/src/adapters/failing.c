/* failing.c: refusals on purpose.
 *
 *   X1  whether a call fails is a function of its operation, its number, the rule and the seed, so
 *       that a run can be repeated; numbers are given out atomically
 *   X2  a call that fails does not reach the allocator below
 */
#include <loam/adapters.h>

#include "internal/adapter.h"
#include "internal/atomic.h"

/* A mixer of 64 bits (the finalizer of splitmix64): every bit of the input turns half of the output
 * over. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The n-th number below a million of the sequence that belongs to a seed and an operation. */
static uint32_t lot(uint64_t seed, loam_failing_op op, size_t n)
{
    uint64_t sequence = mix(seed + (uint64_t)op);
    uint64_t drawn = mix(sequence + (uint64_t)n * UINT64_C(0x9e3779b97f4a7c15));

    return (uint32_t)((drawn >> 32) * 1000000 >> 32);
}

/* Counts a call and tells whether it is one that must fail (X1). */
static bool must_fail(loam_failing *failing, loam_failing_op op)
{
    const loam_failing_rule *rule = &failing->rules[op];
    size_t number = loam_atomic_add(&failing->calls[op], 1);
    bool fails = rule->nth != 0 && (number == rule->nth || (rule->for_ever && number > rule->nth));

    if (!fails && rule->per_million != 0)
        fails = lot(failing->seed, op, number) < rule->per_million;
    if (fails)
        loam_atomic_add(&failing->failed[op], 1);
    return fails;
}

static void *failing_alloc(void *self, size_t size, size_t align)
{
    loam_failing *failing = self;

    if (must_fail(failing, LOAM_FAILING_ALLOC))
        return NULL;
    return failing->below.ops->alloc(failing->below.self, size, align);
}

static void *failing_zalloc(void *self, size_t size, size_t align)
{
    loam_failing *failing = self;

    if (must_fail(failing, LOAM_FAILING_ALLOC))
        return NULL;
    return failing->below.ops->zalloc(failing->below.self, size, align);
}

static void failing_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    const loam_failing *failing = self;

    failing->below.ops->dealloc(failing->below.self, ptr, size, align);
}

static bool failing_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_failing *failing = self;

    if (must_fail(failing, LOAM_FAILING_RESIZE))
        return false;
    return failing->below.ops->resize(failing->below.self, ptr, size, new_size, align);
}

static void *failing_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_failing *failing = self;

    if (must_fail(failing, LOAM_FAILING_REMAP))
        return NULL;
    return failing->below.ops->remap(failing->below.self, ptr, size, new_size, align);
}

static size_t failing_good_size(void *self, size_t size, size_t align)
{
    const loam_failing *failing = self;

    return failing->below.ops->good_size(failing->below.self, size, align);
}

static bool failing_owns(void *self, const void *ptr)
{
    const loam_failing *failing = self;

    return failing->below.ops->owns(failing->below.self, ptr);
}

void loam_failing_init(loam_failing *failing, loam_allocator below,
                       const loam_failing_config *config)
{
    static const loam_allocator_ops all = {
        .alloc = failing_alloc,
        .dealloc = failing_dealloc,
        .zalloc = failing_zalloc,
        .resize = failing_resize,
        .remap = failing_remap,
        .good_size = failing_good_size,
        .owns = failing_owns,
        .name = "failing",
    };

    failing->ops = loam_adapter_ops_over(&all, below);
    failing->ops.traits |= LOAM_EXACT;
    failing->below = below;
    loam_failing_restart(failing, config);
}

void loam_failing_deinit(loam_failing *failing)
{
    *failing = (loam_failing){0};
}

loam_allocator loam_failing_allocator(loam_failing *failing)
{
    return (loam_allocator){&failing->ops, failing};
}

void loam_failing_restart(loam_failing *failing, const loam_failing_config *config)
{
    loam_failing_config nothing = {0};

    if (!config)
        config = &nothing;
    failing->rules[LOAM_FAILING_ALLOC] = config->alloc;
    failing->rules[LOAM_FAILING_RESIZE] = config->resize;
    failing->rules[LOAM_FAILING_REMAP] = config->remap;
    failing->seed = config->seed;
    for (size_t op = 0; op < LOAM_FAILING_OPS; op++) {
        failing->calls[op] = 0;
        failing->failed[op] = 0;
    }
}

size_t loam_failing_calls(const loam_failing *failing, loam_failing_op op)
{
    return loam_atomic_load(&failing->calls[op]);
}

size_t loam_failing_failed(const loam_failing *failing, loam_failing_op op)
{
    return loam_atomic_load(&failing->failed[op]);
}
