/* touch.c: a program that touches memory of an arena that is nobody's, in the way that its first
 * argument names, on the backing that its second one numbers. A tool that watches must say so; the
 * way "good" touches nothing of the kind. Run by test_tools.c. */
#include <loam/arena.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 100 };

static char buffer[1 << 20];

static void use(char *ptr)
{
    *(volatile char *)ptr = 1;
}

static char *push(loam_arena *arena, size_t size)
{
    char *ptr = (char *)loam_arena_push(arena, size);

    if (!ptr)
        abort();
    memset(ptr, 1, size);
    return ptr;
}

/* ---- the ways ---- */

static void after_pop(loam_arena *arena)
{
    char *ptr = push(arena, SIZE);

    loam_arena_pop(arena, SIZE);
    use(ptr + SIZE / 2);
}

static void after_pop_to(loam_arena *arena)
{
    size_t position = loam_arena_pos(arena);
    char *ptr = push(arena, SIZE);

    loam_arena_pop_to(arena, position);
    use(ptr);
}

static void after_rewind(loam_arena *arena)
{
    loam_arena_mark mark = loam_arena_get_mark(arena);
    char *ptr = push(arena, SIZE);

    loam_arena_rewind(arena, mark);
    use(ptr);
}

/* In a chain, what is dropped lies in a block that is kept for others. */
static void after_far_rewind(loam_arena *arena)
{
    loam_arena_mark mark = loam_arena_get_mark(arena);
    char *ptr = NULL;

    for (int i = 0; i < 100; i++)
        ptr = push(arena, 1000);
    loam_arena_rewind(arena, mark);
    use(ptr);
}

static void after_scope(loam_arena *arena)
{
    loam_arena_scope scope = loam_arena_scope_begin(arena);
    char *ptr = push(arena, SIZE);

    loam_arena_scope_end(&scope);
    use(ptr + SIZE - 1);
}

static void after_clear(loam_arena *arena)
{
    char *ptr = push(arena, SIZE);

    loam_arena_clear(arena);
    use(ptr);
}

static void after_undo(loam_arena *arena)
{
    char *ptr = push(arena, SIZE);

    (void)loam_arena_undo(arena, ptr, SIZE);
    use(ptr);
}

static void after_dealloc(loam_arena *arena)
{
    loam_allocator handle = loam_arena_allocator(arena);
    char *ptr = (char *)loam_alloc(handle, SIZE, 1);

    if (!ptr)
        abort();
    loam_dealloc(handle, ptr, SIZE, 1);
    use(ptr);
}

static void after_shrink(loam_arena *arena)
{
    char *ptr = push(arena, SIZE);

    if (!loam_arena_resize(arena, ptr, SIZE, SIZE / 2))
        abort();
    use(ptr + SIZE / 2);
}

static void behind_the_last(loam_arena *arena)
{
    use(push(arena, 96) + 96);
}

static void behind_by_far(loam_arena *arena)
{
    use(push(arena, SIZE) + 500);
}

/* Between two blocks, where alignment has left some bytes. */
static void between_blocks(loam_arena *arena)
{
    char *ptr = push(arena, 9);

    (void)push(arena, SIZE);
    use(ptr + 9);
}

static void read_of_free(loam_arena *arena)
{
    char *ptr = push(arena, SIZE);

    loam_arena_clear(arena);
    if (*(volatile char *)ptr == 77)
        puts("how odd");
}

/* A parent that goes back takes its child's memory with it. */
static void after_parent(loam_arena *arena)
{
    loam_arena_mark mark = loam_arena_get_mark(arena);
    loam_arena *child = loam_arena_create_child(arena, NULL);
    char *ptr;

    if (!child)
        abort();
    ptr = push(child, SIZE);
    loam_arena_rewind(arena, mark);
    use(ptr);
}

/* All that may be touched, in every state, the memory after the arena's end included. */
static void good(loam_arena *arena)
{
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 9000; size = size * 3 + 1) {
            char *ptr = push(arena, size);

            if (loam_arena_resize(arena, ptr, size, size + 5))
                memset(ptr, 2, size + 5);
            (void)push(arena, 3);
            ptr = (char *)loam_arena_push_aligned(arena, size, 64);
            if (!ptr)
                abort();
            memset(ptr, 3, size);
        }
        loam_arena_pop(arena, loam_arena_pos(arena) / 2);
        (void)push(arena, 10000);
        loam_arena_clear(arena);
    }
    loam_arena_deinit(arena);
    memset(buffer, 4, sizeof buffer);
}

static const struct {
    const char *name;
    void (*run)(loam_arena *arena);
} ways[] = {
    {"pop", after_pop},
    {"pop_to", after_pop_to},
    {"rewind", after_rewind},
    {"far_rewind", after_far_rewind},
    {"scope", after_scope},
    {"clear", after_clear},
    {"undo", after_undo},
    {"dealloc", after_dealloc},
    {"shrink", after_shrink},
    {"behind", behind_the_last},
    {"far_behind", behind_by_far},
    {"between", between_blocks},
    {"read", read_of_free},
    {"parent", after_parent},
    {"good", good},
};

int main(int argc, char **argv)
{
    loam_arena_config config = {.buffer = buffer, .buffer_size = sizeof buffer};
    loam_arena arena;

    if (argc != 3)
        return 2;
    config.backing = (loam_arena_backing)atoi(argv[2]);
    config.reserve = (size_t)1 << 20;
    if (!loam_arena_init(&arena, &config))
        return 2;
    (void)push(&arena, 50); /* a block that stays, unless all is cleared */
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(ways[i].name, argv[1]) == 0) {
            ways[i].run(&arena);
            return 0;
        }
    }
    return 2;
}
