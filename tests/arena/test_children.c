/* test_children.c: arenas that end no later than another one. */
#include "arena_support.h"

#include <loam/adapters.h>

#include <string.h>

/* A log of the ends of arenas, by name. */
static char ended[64];

static void note_end(void *context, const loam_arena_event *event)
{
    (void)context;
    if (event->kind == LOAM_ARENA_EVENT_DEINIT) {
        EXPECT(strlen(ended) + 2 < sizeof ended);
        strcat(ended, loam_arena_name(event->arena));
    }
}

static loam_arena *child_named(loam_arena *parent, const char *name)
{
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN, .name = name, .log = note_end};
    loam_arena *child = loam_arena_create_child(parent, &config);

    EXPECT(child != NULL);
    EXPECT(loam_arena_push(child, 1000) != NULL);
    return child;
}

#define EXPECT_ENDED(names)                                                                        \
    do {                                                                                           \
        EXPECT_STR(ended, names);                                                                  \
        ended[0] = '\0';                                                                           \
    } while (0)

/* ---- who ends whom ---- */

static void end_by_rewind(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena_mark before_a, before_b, before_c, after_c;
    loam_arena_scope scope;
    size_t position;
    loam_arena arena;
    loam_arena *kept;

    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    before_a = loam_arena_get_mark(&arena);
    kept = child_named(&arena, "a");
    before_b = loam_arena_get_mark(&arena);
    (void)child_named(&arena, "b");
    before_c = loam_arena_get_mark(&arena);
    (void)child_named(&arena, "c");
    after_c = loam_arena_get_mark(&arena);
    EXPECT(loam_arena_push(&arena, 5000) != NULL);
    EXPECT_GOOD(&arena);

    loam_arena_rewind(&arena, after_c);
    EXPECT_ENDED("");
    loam_arena_rewind(&arena, before_c);
    EXPECT_ENDED("c");
    loam_arena_rewind(&arena, before_c);
    EXPECT_ENDED("");
    loam_arena_rewind(&arena, before_b);
    EXPECT_ENDED("b");
    EXPECT_GOOD(&arena);
    EXPECT(loam_arena_push(kept, 1000) != NULL);

    scope = loam_arena_scope_begin(&arena);
    (void)child_named(&arena, "d");
    (void)child_named(&arena, "e");
    loam_arena_scope_end(&scope);
    EXPECT_ENDED("ed");

    position = loam_arena_pos(&arena);
    (void)child_named(&arena, "f");
    loam_arena_pop_to(&arena, position + 1);
    EXPECT_ENDED("");
    loam_arena_pop_to(&arena, position);
    EXPECT_ENDED("f");
    (void)child_named(&arena, "g");
    loam_arena_pop(&arena, loam_arena_pos(&arena) - position);
    EXPECT_ENDED("g");

    loam_arena_rewind(&arena, before_a);
    EXPECT_ENDED("a");
    EXPECT_PTR(arena.child, NULL);
    loam_arena_deinit(&arena);
    EXPECT_ENDED("");
}

/* A child ends when its parent goes back to before its birth, youngest first; a mark from after it
 * keeps it. In each backing, by each way to go back. */
TEST(ended_by_going_back, fast)
{
    for_each_backing(end_by_rewind);
}

static void end_by_others(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    loam_arena *a, *b, *c, *d;

    begin_arena(&arena, &config);
    a = child_named(&arena, "a");
    b = child_named(&arena, "b");
    c = child_named(&arena, "c");
    d = child_named(&arena, "d");
    loam_arena_destroy(b); /* from the middle, the end and the start of the list */
    EXPECT_ENDED("b");
    EXPECT_GOOD(&arena);
    loam_arena_destroy(d);
    EXPECT_ENDED("d");
    loam_arena_destroy(a);
    EXPECT_ENDED("a");
    EXPECT_GOOD(&arena);
    EXPECT(loam_arena_push(c, 100) != NULL);
    loam_arena_clear(&arena);
    EXPECT_ENDED("c");
    (void)child_named(&arena, "e");
    (void)child_named(&arena, "f");
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
    EXPECT_ENDED("fe");
}

/* By hand in any order, by a clear, and by the end of the parent. */
TEST(ended_by_hand_by_clear_and_by_the_end, fast)
{
    for_each_backing(end_by_others);
}

/* Rewinds of the parent are inline again when its last child has gone. */
TEST(rewinds_are_inline_again, fast)
{
    loam_arena arena;
    loam_arena *child;

    begin_arena(&arena, NULL);
    EXPECT_EQ(arena.fast == NULL, arena.watched);
    child = child_named(&arena, "a");
    EXPECT(arena.fast == NULL);
    loam_arena_destroy(child);
    EXPECT_EQ(arena.fast == NULL, arena.watched);
    ended[0] = '\0';
    loam_arena_deinit(&arena);
}

/* Children of children, and theirs: youngest first, each before its parent's end is told. */
TEST(grandchildren, fast)
{
    loam_arena *root = loam_arena_create(NULL);
    loam_arena_mark start = loam_arena_get_mark(root);
    loam_arena *a = child_named(root, "a");
    loam_arena *b = child_named(a, "b");
    loam_arena_mark in_b = loam_arena_get_mark(b);
    loam_arena *c = child_named(b, "c");

    (void)child_named(c, "d");
    (void)child_named(a, "e");
    (void)child_named(root, "f");
    EXPECT_GOOD(root);
    loam_arena_rewind(b, in_b);
    EXPECT_ENDED("dc");
    EXPECT_GOOD(root);
    (void)child_named(b, "g");
    loam_arena_rewind(root, start);
    EXPECT_ENDED("fegba");
    EXPECT_GOOD(root);
    loam_arena_destroy(root);
}

/* Dropping a very deep line of descent works: 1000 generations. */
TEST(many_generations, fast)
{
    loam_arena *root = loam_arena_create(NULL);
    loam_arena *last = root;

    for (int i = 0; i < 1000; i++) {
        last = loam_arena_create_child(last, NULL);
        EXPECT(last != NULL);
    }
    EXPECT(loam_arena_push(last, 100000) != NULL);
    EXPECT_GOOD(root);
    loam_arena_destroy(root);
}

/* ---- memory of their own ---- */

/* A child's memory is not the parent's: what is pushed there survives the parent's pushes, and
 * ending it gives its memory back at once. */
TEST(memory_of_their_own, fast)
{
    loam_counting counting;
    loam_arena_config config = {.backing = LOAM_ARENA_CHAIN};
    loam_arena *root, *child;
    char *kept;
    size_t before, position;

    loam_counting_init(&counting, loam_libc_allocator());
    config.source = loam_counting_allocator(&counting);
    root = loam_arena_create(&config);
    EXPECT(loam_arena_push(root, 300) != NULL);
    position = loam_arena_pos(root);
    before = counting.live;
    child = loam_arena_create_child(root, NULL); /* over the parent's source */
    EXPECT(child != NULL);
    EXPECT_LE(before + 1, counting.live);
    EXPECT_LE(loam_arena_pos(root), position + 16);
    kept = (char *)loam_arena_push(child, 5 * MIB);
    fill_pattern(kept, 5 * MIB, 1);
    EXPECT_LE(before + 5 * MIB, counting.live);
    EXPECT_LE(stats_of(root).committed, before);
    for (int i = 0; i < 10; i++) {
        char *ptr = (char *)loam_arena_push(root, 100);

        EXPECT(ptr != NULL && !loam_arena_owns(child, ptr));
        memset(ptr, 1, 100);
    }
    EXPECT(!loam_arena_owns(root, kept));
    EXPECT(has_pattern(kept, 5 * MIB, 1));
    loam_arena_destroy(child);
    EXPECT_EQ(counting.live, stats_of(root).committed);
    EXPECT_GOOD(root);
    loam_arena_destroy(root);
    EXPECT_EQ(counting.live, 0);
}

static void child_of_each(loam_arena_backing backing)
{
    for (int kind = LOAM_ARENA_RESERVE_CHAIN; kind <= LOAM_ARENA_CHAIN; kind++) {
        loam_arena_config config = config_of(backing);
        loam_arena_config child_config = config_of((loam_arena_backing)kind);
        loam_arena arena;
        loam_arena *child, *plain;

        begin_arena(&arena, &config);
        child = loam_arena_create_child(&arena, &child_config);
        plain = loam_arena_create_child(&arena, NULL);
        EXPECT(child != NULL && plain != NULL);
        EXPECT(loam_arena_push(child, 300000) != NULL);
        EXPECT(loam_arena_push(plain, 300000) != NULL);
        EXPECT_EQ(plain->backing, LOAM_ARENA_CHAIN);
        EXPECT_GOOD(&arena);
        loam_arena_clear(&arena);
        EXPECT_GOOD(&arena);
        loam_arena_deinit(&arena);
    }
}

/* Any backing under any other; without a configuration a plain chain. */
TEST(each_backing_under_each, fast)
{
    for_each_backing(child_of_each);
}

static void live_on_the_parent(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena_config child_config = {.backing = LOAM_ARENA_CHAIN, .block_size = 500};
    loam_arena arena;

    begin_arena(&arena, &config);
    child_config.source = loam_arena_allocator(&arena);
    for (int round = 0; round < 5; round++) {
        loam_arena_mark mark = loam_arena_get_mark(&arena);
        loam_arena *children[3];

        for (int i = 0; i < 3; i++) {
            children[i] = loam_arena_create_child(&arena, &child_config);
            EXPECT(children[i] != NULL);
        }
        for (int i = 0; i < 60; i++) {
            char *ptr = (char *)loam_arena_push(children[i % 3], 333);

            EXPECT(ptr != NULL && loam_arena_owns(&arena, ptr));
            memset(ptr, i, 333);
        }
        EXPECT_GOOD(&arena);
        if (round % 2)
            loam_arena_destroy(children[round / 2 % 3]);
        if (round == 3)
            loam_arena_clear(&arena);
        else
            loam_arena_rewind(&arena, mark);
        EXPECT(arena.child == NULL);
        EXPECT_EQ(loam_arena_pos(&arena), 0);
        EXPECT_GOOD(&arena);
    }
    loam_arena_deinit(&arena);
}

/* A child may even take its blocks from its parent: they are given back into it while it goes back
 * itself. */
TEST(child_lives_on_its_parent, fast)
{
    for_each_backing(live_on_the_parent);
}

/* ---- when it can't be had ---- */

/* No room for the child, or none in the parent for its place: NULL, and the parent is as before. */
TEST(refused, fast)
{
    static _Alignas(16) char room[64];
    loam_arena_config full = {
        .backing = LOAM_ARENA_FIXED, .buffer = room, .buffer_size = sizeof room};
    loam_arena_config bad = {.auto_align = 3};
    loam_counting counting;
    loam_failing failing;
    loam_arena_config chain = {.backing = LOAM_ARENA_CHAIN};
    loam_arena arena;
    arena_state before;

    loam_counting_init(&counting, loam_libc_allocator());
    loam_failing_init(&failing, loam_counting_allocator(&counting), NULL);
    chain.source = loam_failing_allocator(&failing);
    begin_arena(&arena, &full);
    EXPECT(loam_arena_push(&arena, 64) != NULL);
    before = state_of(&arena);
    EXPECT_PTR(loam_arena_create_child(&arena, &bad), NULL);
    EXPECT_UNCHANGED(&arena, &before, 0);
    EXPECT_PTR(loam_arena_create_child(&arena, &chain), NULL); /* no place in the parent */
    EXPECT_UNCHANGED(&arena, &before, 1);
    EXPECT_EQ(counting.live, 0);
    EXPECT_EQ(counting.allocations, 1);
    loam_arena_clear(&arena);
    before = state_of(&arena);
    loam_failing_restart(&failing, &(loam_failing_config){.alloc = {.nth = 1, .for_ever = true}});
    EXPECT_PTR(loam_arena_create_child(&arena, &chain), NULL); /* no block */
    EXPECT_UNCHANGED(&arena, &before, 0);
    EXPECT_PTR(arena.child, NULL);
    loam_arena_deinit(&arena);
}

TEST_MAIN
