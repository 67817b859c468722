/* test_push.c: what each function that pushes promises: alignment, size 0, sizes that no push
 * serves, arrays, texts, and room that is prepared. The arena's own alignment is in test_align.c. */
#include "arena_support.h"

#include <limits.h>
#include <string.h>

/* The functions that push bytes, behind one face. */
typedef void *(*push_fn)(loam_arena *arena, size_t size, size_t align);

static void *push_plain(loam_arena *arena, size_t size, size_t align)
{
    (void)align;
    return loam_arena_push(arena, size);
}

static void *push_plain_no_zero(loam_arena *arena, size_t size, size_t align)
{
    (void)align;
    return loam_arena_push_no_zero(arena, size);
}

static void *push_aligned(loam_arena *arena, size_t size, size_t align)
{
    return loam_arena_push_aligned(arena, size, align);
}

static void *push_aligned_no_zero(loam_arena *arena, size_t size, size_t align)
{
    return loam_arena_push_aligned_no_zero(arena, size, align);
}

static void *push_bytes_array(loam_arena *arena, size_t size, size_t align)
{
    return loam_arena_push_array(arena, size, 1, align);
}

static const struct {
    push_fn push;
    bool zeroes;
    bool aligns;
} pushes[] = {
    {push_plain, true, false},      {push_plain_no_zero, false, false},
    {push_aligned, true, true},     {push_aligned_no_zero, false, true},
    {push_bytes_array, true, true},
};

enum { PUSHES = sizeof pushes / sizeof *pushes };

/* ---- alignment ---- */

static void keep_alignment(loam_arena_backing backing)
{
    static const size_t sizes[] = {1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 1000, 4096, 70000};
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    uint64_t seed = 0;

    begin_arena(&arena, &config);
    for (size_t align = 1; align <= 64 * KIB; align *= 2) {
        loam_arena_mark mark = loam_arena_get_mark(&arena);
        char *blocks[PUSHES][sizeof sizes / sizeof *sizes];

        for (size_t i = 0; i < PUSHES; i++) {
            for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
                char *ptr = (char *)pushes[i].push(&arena, sizes[j], align);

                EXPECT(ptr != NULL);
                EXPECT(is_aligned(
                    ptr, pushes[i].aligns && align > LOAM_MAX_ALIGN ? align : LOAM_MAX_ALIGN));
                EXPECT(!pushes[i].zeroes || all_zero(ptr, sizes[j]));
                fill_pattern(ptr, sizes[j], ++seed);
                blocks[i][j] = ptr;
                EXPECT_GOOD(&arena);
            }
        }
        seed -= PUSHES * (sizeof sizes / sizeof *sizes);
        for (size_t i = 0; i < PUSHES; i++) {
            for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
                EXPECT(has_pattern(blocks[i][j], sizes[j], ++seed));
        }
        loam_arena_rewind(&arena, mark);
    }
    loam_arena_deinit(&arena);
}

/* Each function gives what it says at each alignment that an arena may have of its own; blocks do
 * not overlap, and zeroed ones are zero on used memory. */
TEST(alignment_up_to_64k, fast)
{
    for_each_backing(keep_alignment);
}

static void align_beyond_the_granule(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    begin_arena(&arena, &config);
    for (size_t align = 128 * KIB; align <= 16 * MIB; align *= 2) {
        arena_state before = state_of(&arena);
        char *zeroed = (char *)loam_arena_push_aligned(&arena, 3 * KIB, align);
        char *raw = (char *)loam_arena_push_aligned_no_zero(&arena, 100, align);

        EXPECT(zeroed != NULL && is_aligned(zeroed, align));
        EXPECT(raw != NULL && is_aligned(raw, align));
        EXPECT(all_zero(zeroed, 3 * KIB));
        memset(zeroed, 1, 3 * KIB);
        memset(raw, 2, 100);
        EXPECT(zeroed[3 * KIB - 1] == 1);
        EXPECT(loam_arena_pos(&arena) >= before.position + 3 * KIB + 100);
        EXPECT_GOOD(&arena);
        loam_arena_rewind(&arena, before.mark);
        EXPECT_EQ(loam_arena_pos(&arena), before.position);
    }
    loam_arena_deinit(&arena);
}

/* An alignment far above what is committed at once, and above a huge page. */
TEST(alignment_beyond_the_granule, fast)
{
    for_each_backing(align_beyond_the_granule);
}

typedef struct over_aligned {
    _Alignas(256) char bytes[300];
} over_aligned;

static void push_types(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    over_aligned *one, *many;
    double *numbers;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 1) != NULL);
    numbers = loam_arena_new_array(&arena, double, 3);
    EXPECT(numbers != NULL && is_aligned(numbers, _Alignof(double)) && numbers[2] == 0.0);
    EXPECT(loam_arena_push(&arena, 1) != NULL);
    one = loam_arena_new(&arena, over_aligned);
    EXPECT(one != NULL && is_aligned(one, 256) && all_zero(one, sizeof *one));
    EXPECT(loam_arena_push(&arena, 1) != NULL);
    many = loam_arena_new_array(&arena, over_aligned, 5);
    EXPECT(many != NULL && is_aligned(many, 256) && all_zero(many, 5 * sizeof *many));
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* The typed forms align for the type, whatever the arena's own alignment is. */
TEST(types, fast)
{
    for_each_backing(push_types);
}

/* ---- odd requests ---- */

static void push_no_bytes(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    for (size_t own = 1; own <= 64 * KIB; own *= 16) {
        arena_state before;

        config.auto_align = own;
        begin_arena(&arena, &config);
        for (int pushed = 0; pushed < 2; pushed++) {
            before = state_of(&arena);
            for (size_t align = 1; align <= 16 * MIB; align *= 2) {
                for (size_t i = 0; i < PUSHES; i++) {
                    void *ptr = pushes[i].push(&arena, hidden(0), align);

                    EXPECT(ptr != NULL);
                    EXPECT(is_aligned(ptr, own));
                    EXPECT(!pushes[i].aligns || is_aligned(ptr, align));
                }
                EXPECT(loam_arena_push_array(&arena, SIZE_MAX, 0, align) != NULL);
                EXPECT(loam_arena_prepare(&arena, 0, align));
            }
            EXPECT_UNCHANGED(&arena, &before, 0);
            EXPECT(loam_arena_push(&arena, 5) != NULL);
        }
        loam_arena_deinit(&arena);
    }
}

/* A block of no bytes has an address that is not NULL and aligned, and moves nothing, also in a
 * chain that has no memory yet. */
TEST(size_zero, fast)
{
    for_each_backing(push_no_bytes);
}

static const size_t huge_sizes[] = {
    (size_t)PTRDIFF_MAX - 15,
    (size_t)PTRDIFF_MAX - 1,
    (size_t)PTRDIFF_MAX,
    (size_t)PTRDIFF_MAX + 1,
    (size_t)PTRDIFF_MAX + 2,
    SIZE_MAX - 16 * 1024 * 1024,
    SIZE_MAX - 65536,
    SIZE_MAX - 65535,
    SIZE_MAX - 4096,
    SIZE_MAX - sizeof(loam_arena),
    SIZE_MAX - 64,
    SIZE_MAX - 16,
    SIZE_MAX - 15,
    SIZE_MAX - 1,
    SIZE_MAX,
};

enum { HUGE_SIZES = sizeof huge_sizes / sizeof *huge_sizes };

static void push_too_much(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    for (int pushed = 0; pushed < 2; pushed++) {
        char *block = NULL;

        begin_arena(&arena, &config);
        if (pushed)
            block = (char *)loam_arena_push(&arena, 100);
        for (size_t i = 0; i < HUGE_SIZES; i++) {
            size_t size = hidden(huge_sizes[i]);
            arena_state before = state_of(&arena);
            size_t failures = 0;

            for (size_t align = 1; align != 0; align *= 2) {
                for (size_t j = 0; j < PUSHES; j++, failures++)
                    EXPECT_PTR(pushes[j].push(&arena, size, align), NULL);
                EXPECT(!loam_arena_prepare(&arena, size, align));
            }
            EXPECT_PTR(loam_arena_push_text(&arena, "", size), NULL);
            EXPECT_UNCHANGED(&arena, &before, failures + 1);
            EXPECT(!pushed || !loam_arena_resize(&arena, block, 100, size));
            EXPECT_UNCHANGED(&arena, &before, failures + 1);
        }
        loam_arena_deinit(&arena);
    }
}

/* Sizes near the ends of their range, at every alignment that a word can hold: NULL, counted, and
 * nothing else. */
TEST(sizes_near_the_end_of_the_range, fast)
{
    for_each_backing(push_too_much);
}

static void align_too_much(loam_arena_backing backing)
{
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    arena_state before;
    const size_t far = (size_t)1 << (sizeof(size_t) > 4 ? 48 : 31);
    size_t failures = 0;

    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    before = state_of(&arena);
    for (size_t align = (size_t)1 << (sizeof(size_t) * CHAR_BIT - 1); align >= far;
         align /= 2, failures += 3) {
        EXPECT_PTR(loam_arena_push_aligned(&arena, 1, align), NULL);
        EXPECT_PTR(loam_arena_push_aligned_no_zero(&arena, 4096, align), NULL);
        EXPECT(!loam_arena_prepare(&arena, 1, align));
        EXPECT(!loam_arena_align(&arena, align));
    }
    EXPECT_UNCHANGED(&arena, &before, failures);
    loam_arena_deinit(&arena);
}

/* An alignment above the address space: no sum runs over, and nothing is taken on the way. */
TEST(alignments_near_the_end_of_the_range, fast)
{
    if (sizeof(size_t) < 8)
        TEST_SKIP("needs 64-bit sizes");
    for_each_backing(align_too_much);
}

/* A product that overflows is refused, also where what is left of it would be small. */
TEST(arrays, fast)
{
    static const size_t half = (size_t)1 << (sizeof(size_t) * CHAR_BIT / 2);
    loam_arena_config config = config_of(LOAM_ARENA_RESERVE);
    loam_arena arena;
    arena_state before;
    unsigned char *array;

    begin_arena(&arena, &config);
    before = state_of(&arena);
    EXPECT_PTR(loam_arena_push_array(&arena, SIZE_MAX, 2, 1), NULL);
    EXPECT_PTR(loam_arena_push_array(&arena, 2, SIZE_MAX, 1), NULL);
    EXPECT_PTR(loam_arena_push_array(&arena, SIZE_MAX, SIZE_MAX, 1), NULL);
    EXPECT_PTR(loam_arena_push_array(&arena, half, half, 1), NULL);
    EXPECT_PTR(loam_arena_push_array(&arena, half + 1, half, 1), NULL);
    EXPECT_PTR(loam_arena_push_array(&arena, (size_t)PTRDIFF_MAX / 3 + 1, 3, 1), NULL);
    EXPECT_PTR(loam_arena_new_array(&arena, over_aligned, SIZE_MAX / 256), NULL);
    EXPECT_UNCHANGED(&arena, &before, 7);
    array = (unsigned char *)loam_arena_push_array(&arena, 1000, 7, 32);
    EXPECT(array != NULL && is_aligned(array, 32) && all_zero(array, 7000));
    EXPECT_LE(7000, loam_arena_pos(&arena));
    loam_arena_deinit(&arena);
}

/* An alignment that is no power of two is refused in an unchecked build, and counted where a push
 * was. What it does in a checked build is in test_misuse.c. */
TEST(odd_alignments_are_refused, fast)
{
    static const size_t odd[] = {0, 3, 5, 6, 7, 12, 24, 100, 65535, 65537, SIZE_MAX, SIZE_MAX - 1};
    loam_arena_config config = config_of(LOAM_ARENA_RESERVE_CHAIN);
    loam_arena arena;
    arena_state before;
    size_t failures = 0;

    if (LOAM_CHECKS)
        TEST_SKIP("a checked build stops");
    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 100) != NULL);
    before = state_of(&arena);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        size_t align = hidden(odd[i]);

        for (size_t size = 0; size < 200; size += 50, failures += 3) {
            EXPECT_PTR(loam_arena_push_aligned(&arena, size, align), NULL);
            EXPECT_PTR(loam_arena_push_aligned_no_zero(&arena, size, align), NULL);
            EXPECT_PTR(loam_arena_push_array(&arena, size, 1, align), NULL);
            EXPECT(!loam_arena_prepare(&arena, size, align));
        }
        EXPECT(!loam_arena_align(&arena, align));
        EXPECT(!loam_arena_set_auto_align(&arena, align));
    }
    EXPECT_UNCHANGED(&arena, &before, failures);
    loam_arena_deinit(&arena);
}

/* ---- texts ---- */

static void push_texts(loam_arena_backing backing)
{
    static const char zeroes[] = "a\0b\0c";
    loam_arena_config config = config_of(backing);
    loam_arena arena;
    char *empty, *nothing, *word, *part, *odd;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    empty = loam_arena_push_text(&arena, "", 0);
    nothing = loam_arena_push_text(&arena, NULL, 0);
    word = loam_arena_push_text(&arena, "loam", 4);
    part = loam_arena_push_text(&arena, "sand and silt", 4);
    odd = loam_arena_push_text(&arena, zeroes, 5);
    EXPECT_STR(empty, "");
    EXPECT_STR(nothing, "");
    EXPECT_STR(word, "loam");
    EXPECT_STR(part, "sand");
    EXPECT(odd != NULL && memcmp(odd, zeroes, 6) == 0);
    EXPECT_EQ(loam_arena_pos(&arena), 1 + 1 + 5 + 5 + 6);
    EXPECT_GOOD(&arena);
    loam_arena_deinit(&arena);
}

/* A text is copied whole, zero bytes inside it too, and ended. */
TEST(texts, fast)
{
    for_each_backing(push_texts);
}

/* A text needs one byte more than its length, and not two. */
TEST(text_fits_exactly, fast)
{
    char bytes[64];
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = bytes, .buffer_size = 10, .auto_align = 1};
    loam_arena arena;
    arena_state before;
    char *text;

    memset(bytes, '#', sizeof bytes);
    begin_arena(&arena, &config);
    before = state_of(&arena);
    EXPECT_PTR(loam_arena_push_text(&arena, "0123456789", 10), NULL);
    EXPECT_UNCHANGED(&arena, &before, 1);
    text = loam_arena_push_text(&arena, "012345678", 9);
    EXPECT_STR(text, "012345678");
    EXPECT_EQ(loam_arena_pos(&arena), 10);
    loam_arena_deinit(&arena);
    EXPECT_EQ(bytes[10], '#');
}

/* ---- prepare ---- */

static void prepare_push(loam_arena_backing backing)
{
    static const size_t sizes[] = {1, 1000, 5000, 100000, 3000000};
    loam_arena_config config = config_of(backing);
    loam_arena arena;

    begin_arena(&arena, &config);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t align = 1; align <= MIB; align *= 32) {
            char *newest = (char *)loam_arena_push(&arena, 100);
            arena_state before = state_of(&arena);
            char *ptr;

            fill_pattern(newest, 100, i);
            EXPECT(loam_arena_prepare(&arena, sizes[i], align));
            EXPECT_UNCHANGED(&arena, &before, 0);
            EXPECT(loam_arena_resize(&arena, newest, 100, 99));
            loam_arena_set_limit(&arena, 0);
            ptr = (char *)loam_arena_push_aligned(&arena, sizes[i], align);
            EXPECT(ptr != NULL && is_aligned(ptr, align) && all_zero(ptr, sizes[i]));
            EXPECT(has_pattern(newest, 99, i));
            fill_pattern(ptr, sizes[i], i);
            EXPECT_GOOD(&arena);
            loam_arena_clear(&arena);
        }
    }
    loam_arena_deinit(&arena);
}

/* Room is made and nothing moves: the newest block is still the newest and can be resized. That the
 * push then needs nobody is in test_fail.c. */
TEST(prepare, fast)
{
    for_each_backing(prepare_push);
}

/* What can't be pushed can't be prepared, and that is no failure. */
TEST(prepare_is_refused, fast)
{
    loam_arena_config config = {
        .backing = LOAM_ARENA_FIXED, .buffer = buffer_for_tests(), .buffer_size = 256};
    loam_arena arena;
    arena_state before;

    config.auto_align = 1;
    begin_arena(&arena, &config);
    EXPECT(loam_arena_push(&arena, 1) != NULL);
    before = state_of(&arena);
    EXPECT(!loam_arena_prepare(&arena, 256, 1));
    EXPECT(!loam_arena_prepare(&arena, 225, 32));
    EXPECT(loam_arena_prepare(&arena, 224, 32));
    EXPECT(loam_arena_prepare(&arena, 255, 1));
    loam_arena_set_limit(&arena, 255);
    EXPECT(!loam_arena_prepare(&arena, 224, 32));
    EXPECT(!loam_arena_prepare(&arena, 255, 1));
    EXPECT(loam_arena_prepare(&arena, 254, 1));
    EXPECT_UNCHANGED(&arena, &before, 0);
    loam_arena_deinit(&arena);
}

TEST_MAIN
