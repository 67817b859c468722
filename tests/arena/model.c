/* model.c: a run of the model: its configuration, what is looked at after each operation, pressure,
 * and the end. See model.h. */
#include "model_state.h"

#include "support/fail_vm.h"

#include <string.h>

/* ---- beginning and ending ---- */

static void count_event(void *context, const loam_arena_event *event)
{
    model *m = (model *)context;

    EXPECT(loam_arena_check(event->arena, NULL, NULL));
    m->events++;
}

static loam_allocator choose_source(model *m)
{
    loam_failing_config chance = {.alloc = {.per_million = 200000}, .seed = test_rng_next(m->rng)};
    loam_arena_config plain = {.backing = LOAM_ARENA_RESERVE};

    m->source = (source_kind)below(m, SOURCE_KINDS);
    loam_counting_init(&m->counting, loam_libc_allocator());
    switch (m->source) {
    case SOURCE_VM:
        return loam_vm_allocator();
    case SOURCE_COUNTING:
        return loam_counting_allocator(&m->counting);
    case SOURCE_BUMP: /* the second half of the buffer */
        toy_bump_init(&m->bump, buffer_for_tests() + BUFFER_SIZE / 2, BUFFER_SIZE / 4);
        return toy_bump_allocator(&m->bump);
    case SOURCE_ARENA:
        EXPECT(loam_arena_init(&m->below, &plain));
        return loam_arena_allocator(&m->below);
    case SOURCE_FAILING:
        loam_failing_init(&m->failing, loam_counting_allocator(&m->counting), &chance);
        return loam_failing_allocator(&m->failing);
    default:
        return loam_libc_allocator();
    }
}

static void choose_config(model *m, loam_arena_backing backing)
{
    static const size_t aligns[] = {0, 1, 1, 16, 64, 4096, 64 << 10};
    static const size_t reserves[] = {1, 64 << 10, 1 << 20, 1 << 20, 16 << 20, 64 << 20};
    size_t huge = loam_vm_huge_page_size() ? loam_vm_huge_page_size() : 2 * MIB;
    size_t pages[] = {0, 0, 1, 16 << 10, 64 << 10, huge};
    loam_arena_config *config = &m->config;

    config->backing = backing;
    config->buffer = buffer_for_tests() + below(m, 100);
    config->buffer_size = below(m, 4) ? 2 * MIB + below(m, 100) : 140 * KIB;
    config->source = choose_source(m);
    config->block_size = below(m, 2) ? 0 : below(m, 100000);
    config->reserve = reserves[below(m, sizeof reserves / sizeof *reserves)];
    config->page_size = pages[below(m, sizeof pages / sizeof *pages)];
    config->limit = below(m, 2) ? 0 : below(m, 200000) + 1;
    config->auto_align = aligns[below(m, sizeof aligns / sizeof *aligns)];
    config->retention = (loam_arena_retention)below(m, LOAM_ARENA_GIVE_BACK + 1);
    config->keep = below(m, 300000);
    config->log = below(m, 4) ? NULL : count_event;
    config->log_context = m;
}

static void begin(model *m)
{
    m->created = below(m, 2) != 0;
    do { /* a source that fails by chance, or a reservation without room */
        m->arena = NULL;
        if (m->created)
            m->arena = loam_arena_create(&m->config);
        else if (loam_arena_init(&m->storage, &m->config))
            m->arena = &m->storage;
        if (!m->arena && m->config.reserve < MIB)
            m->config.reserve = MIB;
    } while (!m->arena);
    m->align = m->config.auto_align ? m->config.auto_align : LOAM_MAX_ALIGN;
    m->limit = m->config.limit ? m->config.limit : SIZE_MAX;
    EXPECT_EQ(position(m), 0);
}

static void end(model *m)
{
    if (m->created)
        loam_arena_destroy(m->arena);
    else
        loam_arena_deinit(m->arena);
    EXPECT_EQ(m->counting.live, 0);
    if (m->source == SOURCE_ARENA) {
        EXPECT_GOOD(&m->below);
        loam_arena_deinit(&m->below);
    }
}

/* ---- looking ---- */

void model_expect_contents(const model_block *block)
{
    if (!has_pattern(block->ptr, block->size, block->seed))
        TEST_FAIL("a block of %zu bytes at position %zu was written to", block->size, block->start);
}

/* What a neighbour writes shows at the ends first. */
static void expect_ends(const model_block *block)
{
    if (!has_pattern_at_ends(block->ptr, block->size, block->seed))
        TEST_FAIL("a block of %zu bytes at position %zu was written to", block->size, block->start);
}

static bool add_live(void *context, const loam_walk_item *item)
{
    if (item->kind == LOAM_WALK_LIVE)
        *(size_t *)context += item->size;
    return true;
}

/* What can be seen after each operation. */
static void look(model *m)
{
    loam_stats stats = stats_of(m->arena);

    EXPECT_GOOD(m->arena);
    if (position(m) > m->peak)
        m->peak = position(m);
    EXPECT_EQ(stats.live, position(m));
    EXPECT_EQ(stats.peak, m->peak);
    EXPECT_EQ(stats.failures, m->failures);
    EXPECT_LE(stats.live + stats.lost, stats.committed);
    EXPECT_LE(stats.committed, stats.reserved);
    EXPECT_EQ(m->arena->floor, floor_of(m));
    for (size_t i = 0; i < 3 && m->count > 0; i++) {
        model_block *newest = &m->blocks[m->count - 1 - smaller(i, m->count - 1)];
        model_block *any = &m->blocks[below(m, m->count)];

        expect_ends(newest);
        expect_ends(any);
        EXPECT(loam_arena_owns(m->arena, any->ptr));
        EXPECT(loam_arena_owns(m->arena, any->ptr + any->size - 1));
    }
}

/* What costs more. */
static void look_at_all(model *m)
{
    size_t live = 0;

    for (size_t i = 0; i < m->count; i++) {
        model_expect_contents(&m->blocks[i]);
        EXPECT(i == 0 || m->blocks[i - 1].start + m->blocks[i - 1].size <= m->blocks[i].start);
    }
    for (size_t i = 0; i < m->child_count; i++)
        model_expect_contents(&m->children[i].block);
    EXPECT(loam_arena_walk(m->arena, add_live, &live));
    EXPECT_EQ(live, position(m));
}

/* ---- pressure ---- */

static void press(model *m, bool on)
{
    loam_failing_config chance = {.alloc = {.per_million = 200000}, .seed = test_rng_next(m->rng)};
    loam_failing_config always = {.alloc = {.nth = 1, .for_ever = true}};

    if (on)
        fail_vm_arm(FAIL_VM_ALL, 1, true);
    else
        fail_vm_disarm();
    if (m->source == SOURCE_FAILING)
        loam_failing_restart(&m->failing, on ? &always : &chance);
    m->pressed = on;
}

/* ---- the run ---- */

void model_run(test_rng *rng, loam_arena_backing backing, size_t operations, bool pressure)
{
    static model m;
    uint64_t seed = rng->state;

    memset(&m, 0, sizeof m);
    m.rng = rng;
    choose_config(&m, backing);
    test_note("backing %s, generator at 0x%jx, before the first operation", backing_name(backing),
              (uintmax_t)seed);
    begin(&m);
    for (size_t i = 0; i < operations; i++) {
        size_t which = below(&m, MODEL_WEIGHTS);

        test_note("backing %s, generator at 0x%jx, operation %zu of kind %zu",
                  backing_name(backing), (uintmax_t)seed, i, which);
        if (pressure && test_rng_one_in(rng, 40))
            press(&m, !m.pressed);
        model_operate(&m, which);
        look(&m);
        if (i % 128 == 0)
            look_at_all(&m);
    }
    if (m.pressed)
        press(&m, false);
    while (m.scope_count > 0)
        model_end_scope(&m);
    look_at_all(&m);
    end(&m);
    test_note(NULL);
}
