/* test_inspect.c: looking at an arena: figures, the walk, the check, the log, the name. */
#include "arena_support.h"

#include <loam/adapters.h>

#include <stdlib.h>
#include <string.h>

/* ---- figures and the walk ---- */

enum { ITEMS = 4000 };

typedef struct map {
    loam_walk_item items[ITEMS];
    size_t count;
    size_t stop_at; /* the item that ends the walk; 0: none */
    size_t sums[LOAM_WALK_METADATA + 1];
} map;

static bool note_item(void *context, const loam_walk_item *item)
{
    map *m = (map *)context;

    EXPECT(item->size > 0);
    EXPECT(m->count < ITEMS);
    m->items[m->count++] = *item;
    m->sums[item->kind] += item->size;
    return m->count != m->stop_at;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const loam_walk_item *)a)->address;
    uintptr_t y = (uintptr_t)((const loam_walk_item *)b)->address;

    return (x > y) - (x < y);
}

/* The pieces are disjoint, and add up to each of the figures. */
static void expect_map(const loam_arena *arena)
{
    static map m;
    loam_stats stats = stats_of(arena);

    memset(&m, 0, sizeof m);
    EXPECT(loam_arena_walk(arena, note_item, &m));
    EXPECT_EQ(m.sums[LOAM_WALK_LIVE], stats.live);
    EXPECT_EQ(m.sums[LOAM_WALK_METADATA], stats.metadata);
    EXPECT_EQ(m.sums[LOAM_WALK_LIVE] + m.sums[LOAM_WALK_FREE] + m.sums[LOAM_WALK_METADATA],
              stats.committed);
    EXPECT_EQ(stats.committed + m.sums[LOAM_WALK_RESERVED], stats.reserved);
    EXPECT_LE(stats.live, stats.peak);
    EXPECT_LE(stats.live + stats.lost, stats.committed);
    EXPECT_EQ(stats.live, loam_arena_pos(arena));
    qsort(m.items, m.count, sizeof *m.items, by_address);
    for (size_t i = 1; i < m.count; i++)
        EXPECT_LE((uintptr_t)m.items[i - 1].address + m.items[i - 1].size,
                  (uintptr_t)m.items[i].address);
}

static void look_at_rounds(loam_arena_backing backing)
{
    for (int way = 0; way < 6; way++) {
        loam_arena_config config = config_of(backing);
        loam_arena storage;
        loam_arena *arena = &storage;

        test_note("backing %s, way %d", backing_name(backing), way);
        config.auto_align = way / 2 == 0 ? 1 : way / 2 == 1 ? 16 : 64 * KIB;
        config.retention = way % 3 ? LOAM_ARENA_KEEP_BYTES : LOAM_ARENA_KEEP_ALL;
        config.keep = 100000;
        if (backing == LOAM_ARENA_FIXED)
            config.buffer = (char *)config.buffer + 64 * KIB - 24;
        if (backing == LOAM_ARENA_FIXED)
            config.buffer_size = 30 * MIB;
        if (way % 2)
            arena = loam_arena_create(&config);
        else
            begin_arena(arena, &config);
        EXPECT(arena != NULL);
        expect_map(arena);
        for (int round = 0; round < 3; round++) {
            for (size_t i = 0; i < 60; i++) {
                EXPECT(loam_arena_push(arena, i * i * 13 + 1) != NULL);
                expect_map(arena);
            }
            loam_arena_pop_to(arena, loam_arena_pos(arena) / 3);
            expect_map(arena);
            EXPECT(loam_arena_prepare(arena, MIB, 1));
            expect_map(arena);
            loam_arena_clear(arena);
            expect_map(arena);
        }
        if (way % 2)
            loam_arena_destroy(arena);
        else
            loam_arena_deinit(arena);
    }
}

/* The walk covers what the arena holds, each byte once, and its sums are the figures, at every
 * moment; on each backing, on the caller's storage and in its own memory. */
TEST(walk_and_figures_agree, fast)
{
    for_each_backing(look_at_rounds);
}

/* The newest block of memory comes first, and a callback that says so ends the walk there. */
TEST(walk_order_and_end, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = 1000};
    static map all, part;
    loam_arena arena;
    char *ptr = NULL;

    begin_arena(&arena, &config);
    for (int i = 0; i < 30; i++)
        ptr = (char *)loam_arena_push(&arena, 500);
    memset(&all, 0, sizeof all);
    EXPECT(loam_arena_walk(&arena, note_item, &all));
    EXPECT_EQ(all.items[0].kind, LOAM_WALK_METADATA);
    EXPECT_EQ(all.items[1].kind, LOAM_WALK_LIVE);
    EXPECT(ptr >= (const char *)all.items[1].address);
    EXPECT(ptr + 500 <= (const char *)all.items[1].address + all.items[1].size);
    for (size_t stop = 1; stop <= all.count; stop++) {
        memset(&part, 0, sizeof part);
        part.stop_at = stop;
        EXPECT(!loam_arena_walk(&arena, note_item, &part));
        EXPECT_EQ(part.count, stop);
        for (size_t i = 0; i < stop; i++) {
            EXPECT_PTR(part.items[i].address, all.items[i].address);
            EXPECT_EQ(part.items[i].size, all.items[i].size);
            EXPECT_EQ(part.items[i].kind, all.items[i].kind);
        }
    }
    loam_arena_deinit(&arena);
}

/* Figures one by one, on a chain that is easy to count. */
TEST(figures, fast)
{
    loam_counting counting;
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = 4096, .limit = 20000};
    loam_arena arena;
    loam_stats stats;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes positions with a greatest alignment of 16");
    loam_counting_init(&counting, loam_libc_allocator());
    config.source = loam_counting_allocator(&counting);
    begin_arena(&arena, &config);
    stats = stats_of(&arena);
    EXPECT(all_zero(&stats, sizeof stats));
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    EXPECT(loam_arena_push(&arena, 4090) !=
           NULL); /* a second block; the first one's tail is lost */
    EXPECT_PTR(loam_arena_push(&arena, 20000), NULL);
    stats = stats_of(&arena);
    EXPECT_EQ(stats.live, 112 + 4096);
    EXPECT_EQ(stats.peak, 112 + 4096);
    EXPECT_EQ(stats.committed, counting.live);
    EXPECT_EQ(stats.reserved, counting.live);
    EXPECT_EQ(stats.lost, 4096 - 112 - stats.metadata / 2);
    EXPECT_EQ(stats.blocks, 2);
    EXPECT_EQ(stats.failures, 1);
    EXPECT_EQ(stats.allocations, 0);
    EXPECT_EQ(stats.refused, 0);
    loam_arena_pop_to(&arena, 16);
    EXPECT(loam_arena_push(&arena, 1) != NULL);
    stats = stats_of(&arena);
    EXPECT_EQ(stats.live, 32);
    EXPECT_EQ(stats.peak, 112 + 4096);
    EXPECT_EQ(stats.lost, 0);
    EXPECT_EQ(stats.blocks, 2); /* one is spare */
    EXPECT_EQ(stats.committed, counting.live);
    loam_arena_clear(&arena);
    EXPECT_EQ(stats_of(&arena).peak, 112 + 4096);
    EXPECT(loam_arena_push(&arena, 6000) != NULL);
    EXPECT_EQ(stats_of(&arena).peak, 6000);
    loam_arena_deinit(&arena);
    EXPECT_EQ(counting.live, 0);
}

/* The peak sees what a rewind dropped, inline or not, in whatever block that was. */
TEST(peak_sees_what_was_dropped, fast)
{
    loam_arena_config config = config_of(LOAM_ARENA_CHAIN);
    loam_arena arena;
    size_t peak = 0;

    begin_arena(&arena, &config);
    for (size_t i = 0; i < 400; i++) {
        loam_arena_mark mark = loam_arena_get_mark(&arena);

        EXPECT(loam_arena_push(&arena, i * 31 % 900 + 1) != NULL);
        EXPECT(loam_arena_push(&arena, i * 57 % 1900 + 1) != NULL);
        peak = loam_arena_pos(&arena) > peak ? loam_arena_pos(&arena) : peak;
        if (i % 3)
            loam_arena_rewind(&arena, mark);
        if (i % 100 == 99)
            loam_arena_clear(&arena);
        EXPECT_EQ(stats_of(&arena).peak, peak);
    }
    loam_arena_deinit(&arena);
}

TEST(name, fast)
{
    loam_arena_config config = {.name = "letters"};
    loam_arena arena;

    begin_arena(&arena, NULL);
    EXPECT_STR(loam_arena_name(&arena), "arena");
    loam_arena_deinit(&arena);
    begin_arena(&arena, &config);
    EXPECT_STR(loam_arena_name(&arena), "letters");
    loam_arena_deinit(&arena);
}

/* ---- the check ---- */

typedef struct findings {
    const char *expected;
    bool found;
    size_t count;
} findings;

static void note_finding(void *context, const char *property, const void *where)
{
    findings *f = (findings *)context;

    (void)where;
    f->count++;
    f->found |= strcmp(property, f->expected) == 0;
}

/* The check names the property; without a callback it is false all the same. */
#define EXPECT_FINDS(arena, text) expect_finds(__LINE__, (arena), (text))

static void expect_finds(int line, const loam_arena *arena, const char *text)
{
    findings f = {text, false, 0};

    if (loam_arena_check(arena, note_finding, &f) || loam_arena_check(arena, NULL, NULL))
        test_fail_at(__FILE__, line, "nothing was found, but for: %s", text);
    if (!f.found)
        test_fail_at(__FILE__, line, "%zu findings, but not: %s", f.count, text);
}

/* Breaks a field, looks, and mends it again. */
#define BREAK(arena, field, value, text)                                                           \
    do {                                                                                           \
        __typeof__(field) saved = (field);                                                         \
        (field) = (value);                                                                         \
        EXPECT_FINDS((arena), (text));                                                             \
        (field) = saved;                                                                           \
        EXPECT_GOOD(arena);                                                                        \
    } while (0)

/* I1, I2, I6: the chain. */
TEST(check_finds_a_broken_chain, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .block_size = 1000};
    loam_arena_block *middle;
    loam_arena arena;

    begin_arena(&arena, &config);
    for (int i = 0; i < 4; i++)
        EXPECT(loam_arena_push(&arena, 700) != NULL);
    EXPECT(arena.block->prev->prev != NULL);
    middle = arena.block->prev;
    BREAK(&arena, middle->start, middle->start + 16,
          "I1: a block does not start at the position where the last one was left");
    BREAK(&arena, arena.block->start, arena.block->start - 1,
          "I1: a block does not start at the position where the last one was left");
    BREAK(&arena, arena.first.start, 16, "I1: the chain does not end in the first block");
    BREAK(&arena, middle->prev, NULL, "I1: the chain does not end in the first block");
    BREAK(&arena, middle->left_at, middle->committed + 1,
          "I2: next is not between base and the committed end");
    BREAK(&arena, middle->left_at, middle->base - 1,
          "I2: next is not between base and the committed end");
    BREAK(&arena, middle->committed, middle->end + 1,
          "I2: the committed end lies behind the block's end");
    BREAK(&arena, arena.next, arena.block->committed + 16,
          "I2: next is not between base and the committed end");
    BREAK(&arena, arena.chained, arena.chained + 1,
          "I6: the blocks do not add up to what was taken from the source");
    BREAK(&arena, middle->size, middle->size - 1,
          "I6: the blocks do not add up to what was taken from the source");
    loam_arena_deinit(&arena);
}

/* I3: what should be zero. Not in watched arenas, where that memory must not be read. */
TEST(check_finds_dirt, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE};
    loam_arena arena;

    begin_arena(&arena, &config);
    if (arena.watched)
        TEST_SKIP("the arena is watched");
    EXPECT(loam_arena_push(&arena, 1000) != NULL);
    BREAK(&arena, arena.next[0], 1, "I3: free memory above zero_from is not zero");
    BREAK(&arena, arena.next[4095], 1, "I3: free memory above zero_from is not zero");
    memset(loam_arena_push_no_zero(&arena, 5000), 1, 5000);
    loam_arena_pop_to(&arena, 1000);
    EXPECT_GOOD(&arena);
    BREAK(&arena, arena.zero_from, arena.zero_from - 16,
          "I3: free memory above zero_from is not zero");
    loam_arena_deinit(&arena);
}

/* I4, I5: what the inline functions go by. */
TEST(check_finds_a_broken_fast_path, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE};
    loam_arena_block other = {0};
    loam_arena *child;
    loam_arena arena;

    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 1000) != NULL);
    BREAK(&arena, arena.end, arena.next - 16, "I4: end is not between next and the committed end");
    BREAK(&arena, arena.end, arena.first.committed + 16,
          "I4: end is not between next and the committed end");
    BREAK(&arena, arena.end, arena.next + 1,
          "I4: room for inline pushes is not a multiple of the alignment");
    BREAK(&arena, arena.fast, &other, "I5: fast is not the newest block");
    if (!arena.watched) {
        BREAK(&arena, arena.next, arena.next + 1,
              "I4: room for inline pushes is not a multiple of the alignment");
        BREAK(&arena, arena.limit, 2000, "I4: end lies behind the limit");
        BREAK(&arena, arena.odd_marks, 1, "I5: rewinds are inline where they must not be");
    }
    child = loam_arena_create_child(&arena, NULL);
    BREAK(&arena, arena.fast, arena.block, "I5: rewinds are inline where they must not be");
    loam_arena_destroy(child);
    if (!arena.watched)
        BREAK(&arena, arena.watched, 1, "I5: rewinds are inline where they must not be");
    loam_arena_deinit(&arena);
}

/* I7: children, and what is wrong with one of them. */
TEST(check_finds_broken_children, fast)
{
    loam_arena arena;
    loam_arena *older, *newer;

    begin_arena(&arena, NULL);
    older = loam_arena_create_child(&arena, NULL);
    newer = loam_arena_create_child(&arena, NULL);
    EXPECT(older != NULL && newer != NULL);
    EXPECT(loam_arena_push(older, 100) != NULL);
    BREAK(&arena, older->parent, newer, "I7: a child names another parent");
    BREAK(&arena, newer->birth, loam_arena_pos(&arena),
          "I7: children are not in the order of their birth");
    BREAK(&arena, older->birth, newer->birth, "I7: children are not in the order of their birth");
    BREAK(&arena, older->chained, 1,
          "I6: the blocks do not add up to what was taken from the source");
    loam_arena_deinit(&arena);
}

/* I8: the reservation. */
TEST(check_finds_a_broken_reservation, fast)
{
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE, .page_size = 16 * KIB};
    loam_arena arena;

    begin_arena(&arena, &config);
    BREAK(&arena, arena.first.committed, arena.first.committed + 4096,
          "I8: the committed end is not on a page");
    BREAK(&arena, arena.first.end, arena.first.end - 16,
          "I8: the first block does not end with the reservation");
    BREAK(&arena, arena.reservation, arena.reservation + 4096,
          "I8: the first block does not end with the reservation");
    loam_arena_deinit(&arena);
}

/* ---- the log ---- */

enum { EVENTS = 200 };

typedef struct event_log {
    loam_arena_event events[EVENTS];
    size_t count;
    size_t read;
} event_log;

/* The callback may look at the arena. */
static void note_event(void *context, const loam_arena_event *event)
{
    event_log *log = (event_log *)context;

    EXPECT(log->count < EVENTS);
    EXPECT_EQ(event->position, loam_arena_pos(event->arena));
    EXPECT_EQ(event->position, stats_of(event->arena).live);
    EXPECT_GOOD(event->arena);
    log->events[log->count++] = *event;
}

/* The next event is this one. */
#define EXPECT_EVENT(log, kind, ptr, size, position)                                               \
    expect_event(__LINE__, (log), (kind), (ptr), (size), (position))

static void expect_event(int line, event_log *log, loam_arena_event_kind kind, const void *ptr,
                         size_t size, size_t position)
{
    loam_arena_event *event = &log->events[log->read];

    if (log->read++ == log->count)
        test_fail_at(__FILE__, line, "there is no event");
    test_expect_eq(__FILE__, line, "kind", "expected", event->kind, kind);
    test_expect_ptr(__FILE__, line, "ptr", "expected", event->ptr, ptr);
    test_expect_eq(__FILE__, line, "size", "expected", event->size, size);
    test_expect_eq(__FILE__, line, "position", "expected", event->position, position);
}

/* Each kind of event, with its block, its size and the position after it, in order. */
TEST(log_tells_each_event, fast)
{
    static event_log log;
    loam_arena_config config = {.backing = LOAM_ARENA_RESERVE,
                                .reserve = MIB,
                                .limit = 500000,
                                .log = note_event,
                                .log_context = &log};
    loam_arena_scope scope;
    loam_arena_mark mark;
    const size_t far = (size_t)1 << (sizeof(size_t) > 4 ? 40 : 31);
    loam_arena arena;
    char *a, *b, *text, *start;

    if (sizeof(void *) < 8)
        TEST_SKIP("assumes positions with a greatest alignment of 16");
    begin_arena(&arena, &config);
    start = arena.next;
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_INIT, NULL, 0, 0);
    a = (char *)loam_arena_push(&arena, 10);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_PUSH, a, 10, 16);
    mark = loam_arena_get_mark(&arena);
    b = (char *)loam_arena_push_aligned_no_zero(&arena, 100, 64);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_PUSH, b, 100, 176);
    EXPECT(loam_arena_resize(&arena, b, 100, 200));
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_RESIZE, b, 200, 272);
    EXPECT(loam_arena_resize(&arena, b, 200, 100000));
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_COMMIT, start + 64 * KIB, 64 * KIB, 272);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_RESIZE, b, 100000, 64 + 100000);
    EXPECT(!loam_arena_resize(&arena, b, 100000, 600000)); /* an ordinary answer */
    EXPECT(!loam_arena_resize(&arena, a, 10, 11));
    EXPECT(loam_arena_push(&arena, hidden(0)) != NULL);
    EXPECT_PTR(loam_arena_push(&arena, 500000), NULL);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_FAIL, NULL, 500000, 64 + 100000);
    EXPECT(loam_arena_undo(&arena, b, 100000));
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_POP, b, 100000, 64);
    loam_arena_rewind(&arena, mark);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_POP, NULL, 0, 16);
    scope = loam_arena_scope_begin(&arena);
    text = loam_arena_push_text(&arena, "sand", 4);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_PUSH, text, 5, 32);
    loam_arena_scope_end(&scope);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_POP, NULL, 0, 16);
    loam_arena_pop_to(&arena, 0);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_POP, NULL, 0, 0);
    loam_arena_pop_to(&arena, 0); /* nothing happens */
    EXPECT(loam_arena_push(&arena, 1) != NULL);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_PUSH, start, 1, 16);
    EXPECT(!loam_arena_align(&arena, far));
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_FAIL, NULL, (size_t)(-(uintptr_t)arena.next) & (far - 1),
                 16);
    loam_arena_clear(&arena);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_CLEAR, NULL, 0, 0);
    loam_arena_deinit(&arena);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_DEINIT, NULL, 0, 0);
    EXPECT_EQ(log.read, log.count);
}

/* Blocks of a chain are told when they are taken, and not when they are used again. */
TEST(log_of_a_chain, fast)
{
    static event_log log;
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN,
                                .block_size = 1024,
                                .auto_align = 1,
                                .retention = LOAM_ARENA_KEEP_ALL,
                                .log = note_event,
                                .log_context = &log};
    loam_arena *arena = loam_arena_create(&config);
    loam_arena *child;
    char *ptr;

    EXPECT(arena != NULL);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_INIT, NULL, 0, 0);
    for (int round = 0; round < 2; round++) {
        ptr = (char *)loam_arena_push(arena, 1500);
        if (round == 0)
            EXPECT_EVENT(&log, LOAM_ARENA_EVENT_COMMIT, arena->block, 2048, 0);
        EXPECT_EVENT(&log, LOAM_ARENA_EVENT_PUSH, ptr, 1500, 1500);
        loam_arena_clear(arena);
        EXPECT_EVENT(&log, LOAM_ARENA_EVENT_CLEAR, NULL, 0, 0);
    }
    child = loam_arena_create_child(arena, &config); /* the parent's push holds its place */
    EXPECT(child != NULL);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_INIT, NULL, 0, 0);
    EXPECT(log.events[log.read - 1].arena == child);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_PUSH, arena->next - 1, 1, 1);
    EXPECT(log.events[log.read - 1].arena == arena);
    loam_arena_destroy(arena);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_DEINIT, NULL, 0, 0);
    EXPECT(log.events[log.read - 1].arena == child);
    EXPECT_EVENT(&log, LOAM_ARENA_EVENT_DEINIT, NULL, 0, 1);
    EXPECT(log.events[log.read - 1].arena == arena);
    EXPECT_EQ(log.read, log.count);
}

/* Each push reaches the log: none is inline. */
TEST(log_misses_no_push, fast)
{
    static event_log log;
    loam_arena_config config = {.log = note_event, .log_context = &log};
    loam_arena arena;

    begin_arena(&arena, &config);
    for (size_t i = 0; i < 30; i++) {
        EXPECT(loam_arena_push(&arena, 8) != NULL);
        EXPECT(loam_arena_push_no_zero(&arena, i + 1) != NULL);
        EXPECT(loam_arena_push_aligned(&arena, 8, 8) != NULL);
        EXPECT(loam_arena_new(&arena, double) != NULL);
        EXPECT_EQ(log.count, 1 + 4 * (i + 1));
    }
    loam_arena_deinit(&arena);
}

TEST_MAIN
