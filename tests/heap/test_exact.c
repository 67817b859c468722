/* test_exact.c: an allocation succeeds if and only if some free block can hold it.
 *
 * Before each call a walk shows all free blocks, and from them alone the test says what must come:
 * whether the request is met, and out of a block of which size. And in a small region, every sequence
 * of allocations and frees, to a depth.
 */
#include "heap/heap_support.h"

#include "heap_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 400 };

typedef struct held {
    unsigned char *ptr;
    size_t size, align;
    uint64_t seed;
} held;

typedef struct run {
    heap_world w;
    held blocks[MOST];
    size_t count;
    heap_map map;
    test_rng rng;
    uint64_t seeds;
    size_t met, refused; /* requests */
} run;

static run the;

static size_t below(size_t limit)
{
    return (size_t)test_rng_below(&the.rng, limit);
}

static size_t random_size(void)
{
    size_t fit = the.map.largest_free;

    switch (below(8)) {
    case 0: /* at the very limit of what there is */
        return fit + below(5) - (fit < 2 ? 0 : 2);
    case 1:
        return below(3000);
    case 2:
    case 3:
        return below(400);
    default:
        return below(100);
    }
}

static size_t random_align(void)
{
    return below(2) ? 1 : (size_t)1 << below(12);
}

/* The free piece of the map that an address lies in. */
static const heap_piece *piece_at(const unsigned char *at)
{
    for (size_t i = 0; i < the.map.count; i++) {
        if (at >= the.map.pieces[i].at && at < the.map.pieces[i].at + the.map.pieces[i].size)
            return &the.map.pieces[i];
    }
    return NULL;
}

static void hold(void *ptr, size_t size, size_t align)
{
    held *h = &the.blocks[the.count++];

    *h = (held){(unsigned char *)ptr, size, align, ++the.seeds};
    fill_pattern(ptr, size, h->seed);
}

/* What is left of the last small block that was cut, with what was given back beside it, comes before
 * all but blocks of just the size. */
static bool comes_first(const heap_piece *from, const heap_piece *left, const heap_piece *best,
                        size_t size)
{
    return from == left && best->size != loam_heap_good_size(the.w.heap, size);
}

/* The last but one or the last block that was given back, if it has just the size: it comes before all
 * others, the newer first. Else NULL. */
static const void *just_given_back(const loam_heap *heap, size_t size)
{
    for (size_t i = 0; size != 0 && i < 2 && heap->pending[i] != 0; i++) {
        const block *b = block_at(heap, heap->pending[i]);

        if (live_size(b) - WORD == loam_heap_good_size(heap, size))
            return payload_of(b);
    }
    return NULL;
}

static void take(void)
{
    size_t size = random_size(), align = random_align(), granule = the.w.granule;
    bool over = align > granule, zero = below(4) == 0;
    bool fits = heap_map_holds(&the.map, size, over ? align : granule);
    const heap_piece *best = heap_map_fit(&the.map, size), *from;
    const loam_heap *heap = the.w.heap;
    const heap_piece *left =
        heap->current ? piece_at(payload_of(block_at(heap, heap->current))) : NULL;
    void *ptr;
    const void *again = align == 1 ? just_given_back(heap, size) : NULL;

    if (!over && align == 1)
        ptr = zero ? loam_heap_zalloc(the.w.heap, size) : loam_heap_alloc(the.w.heap, size);
    else
        ptr = zero ? loam_heap_zalloc_aligned(the.w.heap, size, align)
                   : loam_heap_alloc_aligned(the.w.heap, size, align);
    if (!over)
        EXPECT_EQ(fits, best != NULL);
    if ((ptr != NULL) != fits)
        TEST_FAIL("%zu bytes at a multiple of %zu: %s, though %s", size, align,
                  ptr ? "given" : "refused", fits ? "a free block can hold it" : "none can");
    the.met += fits;
    the.refused += !fits;
    if (!ptr)
        return;
    from = piece_at((unsigned char *)ptr);
    EXPECT(is_aligned(ptr, align) && is_aligned(ptr, granule));
    EXPECT(from != NULL && !from->live);
    EXPECT((unsigned char *)ptr + size <= from->at + from->size);
    if (again && size <= heap->fast)
        EXPECT_PTR(ptr, again);
    else if (!over && from->size != best->size && !comes_first(from, left, best, size))
        TEST_FAIL("%zu bytes came from a free block of %zu, though there was one of %zu", size,
                  from->size, best->size);
    if (zero)
        EXPECT(is_zero(ptr, size));
    hold(ptr, size, align);
}

static void drop(size_t n)
{
    held h = the.blocks[n];

    EXPECT(has_pattern(h.ptr, h.size, h.seed));
    the.blocks[n] = the.blocks[--the.count];
    if (below(2))
        loam_heap_dealloc(the.w.heap, h.ptr);
    else
        loam_heap_dealloc_sized(the.w.heap, h.ptr, h.size);
}

/* The free bytes on both sides of a block, with the headers between. */
static void neighbours(const held *h, size_t *front, size_t *behind)
{
    size_t usable = loam_heap_usable_size(the.w.heap, h->ptr);

    *front = *behind = 0;
    for (size_t i = 0; i < the.map.count; i++) {
        const heap_piece *p = &the.map.pieces[i];

        if (!p->live && p->at + p->size + WORD_SIZE == h->ptr)
            *front = p->size + WORD_SIZE;
        if (!p->live && p->at == h->ptr + usable + WORD_SIZE)
            *behind = p->size + WORD_SIZE;
    }
}

static void resize(size_t n)
{
    held *h = &the.blocks[n];
    size_t front, behind, size = random_size(), usable = loam_heap_usable_size(the.w.heap, h->ptr);
    bool fits;

    neighbours(h, &front, &behind);
    if (below(4) == 0)
        size = usable + behind + below(3) - 1;
    fits = size <= usable + behind;
    if (loam_heap_resize(the.w.heap, h->ptr, size) != fits)
        TEST_FAIL("resize of %zu usable bytes, with %zu behind, to %zu: %s", usable, behind, size,
                  fits ? "refused" : "done");
    EXPECT(has_pattern(h->ptr, fits && size < h->size ? size : h->size, h->seed));
    if (fits) {
        h->size = size;
        h->seed = ++the.seeds;
        fill_pattern(h->ptr, size, h->seed);
    }
}

static void reallocate(size_t n)
{
    held *h = &the.blocks[n];
    size_t front, behind, size = random_size(), usable = loam_heap_usable_size(the.w.heap, h->ptr);
    size_t granule = the.w.granule, align = below(2) ? granule : h->align;
    bool fits, in_place, plain = align <= granule;
    void *ptr;

    neighbours(h, &front, &behind);
    if (below(4) == 0)
        size = usable + behind + front + below(3) - 1;
    in_place = size <= usable + behind;
    fits = in_place || size <= usable + behind + front || heap_map_holds(&the.map, size, 1);
    if (plain)
        ptr = loam_heap_realloc(the.w.heap, h->ptr, size);
    else
        ptr = loam_heap_realloc_aligned(the.w.heap, h->ptr, size, align);
    if (plain ? (ptr != NULL) != fits : (ptr && !fits) || (!ptr && in_place))
        TEST_FAIL("realloc of %zu usable bytes, with %zu in front and %zu behind, to %zu: %s",
                  usable, front, behind, size, ptr ? "done" : "refused");
    if (!ptr && !plain) /* a new one can't be had either */
        EXPECT(!heap_map_holds(&the.map, size, align));
    if (!ptr) {
        EXPECT(has_pattern(h->ptr, h->size, h->seed));
        return;
    }
    EXPECT(has_pattern(ptr, size < h->size ? size : h->size, h->seed));
    EXPECT(is_aligned(ptr, align));
    *h = (held){(unsigned char *)ptr, size, align, ++the.seeds};
    fill_pattern(ptr, size, h->seed);
}

static void operate(size_t target)
{
    size_t what = below(10);

    heap_map_take(&the.map, the.w.heap);
    EXPECT_EQ(the.map.live_count, the.count);
    if (what == 0 && the.count)
        resize(below(the.count));
    else if (what < 3 && the.count)
        reallocate(below(the.count));
    else if (below(the.count + target) >= the.count && the.count < MOST)
        take();
    else if (the.count)
        drop(below(the.count));
}

static void run_world(heap_kind kind, size_t granule, size_t size, size_t steps)
{
    size_t target = 1;

    test_note("%s, granule %zu, %zu bytes", heap_kind_name(kind), granule, size);
    world_begin(&the.w, kind, granule, size);
    the.count = the.met = the.refused = 0;
    for (size_t i = 0; i < steps; i++) {
        if (i % 200 == 0)
            target = 1 + below(MOST);
        operate(target);
        if (i % 20 == 0)
            EXPECT_GOOD_HEAP(the.w.heap);
        else
            EXPECT_SOUND_HEAP(the.w.heap);
    }
    EXPECT_LE(steps / 10, the.met);
    if (steps > 1000)
        EXPECT(the.refused != 0);
    while (the.count)
        drop(below(the.count));
    EXPECT_GOOD_HEAP(the.w.heap);
    world_end(&the.w);
    test_note(NULL);
}

static void run_exact(size_t steps)
{
    static const size_t sizes[] = {6000, 20000, 70000};

    test_rng_init(&the.rng, test_seed());
    for (int kind = HEAP_BUFFER; kind <= HEAP_REGIONS; kind++) {
        for (size_t granule = 8; granule <= 16; granule += 8) {
            for (size_t i = 0; i < 3; i++)
                run_world((heap_kind)kind, granule, sizes[i], steps);
        }
    }
    heap_map_end(&the.map);
}

TEST(iff_some_free_block_holds_it, fast)
{
    run_exact(test_under_valgrind() ? 300 : 2000);
}

TEST(iff_some_free_block_holds_it_long, slow)
{
    run_exact(30000);
}

TEST(iff_some_free_block_holds_it_for_hours, stress)
{
    for (;;)
        run_exact(100000);
}

/* ---- every sequence in a small region ---- */

enum { PAGES = 3 * 4096, DEPTH = 9, SEEN = 1 << 22 };

static const size_t four_sizes[] = {8, 100, 1500, 5000};

/* A state, and how many sequences go on from it. */
typedef struct seen {
    uint64_t hash; /* 0: none */
    uint64_t sequences;
} seen;

/* A step: allocate the size of this number, or, from 4 on, free a live block. */
typedef struct search {
    _Alignas(4096) unsigned char region[PAGES];
    unsigned char saved[DEPTH + 1][PAGES];
    void *live[DEPTH + 1][DEPTH];
    size_t live_count[DEPTH + 1];
    size_t steps[DEPTH];
    size_t granule;
    loam_heap *heap;
    struct seen *seen; /* states whose future was looked at, with the depth left */
    size_t paths, states;
} search;

static search all;

static void start(void)
{
    loam_heap_config config = {.granule = all.granule};

    if (all.heap)
        loam_heap_deinit(all.heap);
    memset(all.region, 0, PAGES);
    all.heap = loam_heap_init(all.region, PAGES, &config);
    EXPECT(all.heap != NULL);
}

static void describe(size_t depth)
{
    char text[8 * DEPTH + 1] = "";

    for (size_t i = 0; i <= depth; i++) {
        char step[] = {' ', all.steps[i] < 4 ? 'a' : 'f',
                       (char)('0' + (all.steps[i] < 4 ? all.steps[i] : all.steps[i] - 4)), 0};

        strcat(text, step);
    }
    test_note("granule %zu, after:%s", all.granule, text);
}

/* Does a step from the state of `depth`, which the heap is in, into the lists of depth + 1. */
static void do_step(size_t depth, size_t step)
{
    size_t count = all.live_count[depth];
    void **now = all.live[depth], **then = all.live[depth + 1];

    memcpy(then, now, count * sizeof *now);
    if (step < 4) {
        void *ptr = loam_heap_alloc(all.heap, four_sizes[step]);

        if (ptr)
            then[count++] = ptr;
    } else {
        loam_heap_dealloc(all.heap, now[step - 4]);
        then[step - 4] = then[--count];
    }
    all.live_count[depth + 1] = count;
}

static void replay(size_t depth)
{
    start();
    for (size_t i = 0; i < depth; i++)
        do_step(i, all.steps[i]);
}

/* The checker, and of each free block the biggest request is met at once. */
static void expect_exact(size_t depth)
{
    static heap_map map;
    size_t step = all.steps[depth];
    bool fits;

    if (!loam_heap_check(all.heap, NULL, NULL)) {
        describe(depth);
        EXPECT_SOUND_HEAP(all.heap);
    }
    if (step >= 4)
        return;
    /* A refusal was right: nothing changed, so that the walk shows what there was. */
    if (all.live_count[depth + 1] != all.live_count[depth])
        return;
    heap_map_take(&map, all.heap);
    fits = heap_map_fit(&map, four_sizes[step]) != NULL;
    if (fits) {
        describe(depth);
        TEST_FAIL("%zu bytes refused, though a free block can hold them", four_sizes[step]);
    }
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;

    for (size_t i = 0; i < size; i += WORD_SIZE) {
        size_t value;

        memcpy(&value, at + i, WORD_SIZE);
        hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Clears all that is not the heap's own, in live blocks and in free ones, and hashes a block's words. So
 * whoever looked at anything else would find the same in all states that hash the same. */
static uint64_t wipe_block(block *b, size_t size, uint64_t hash)
{
    bool live = is_live(b), tiny = size == 2 * WORD_SIZE;
    bool node = !live && size >= all.heap->small_end;
    size_t own = live ? WORD_SIZE : tiny ? 2 * WORD_SIZE : node ? sizeof(block) : 3 * WORD_SIZE;
    size_t end = live || tiny ? size : size - WORD_SIZE;

    if (own < end)
        memset((unsigned char *)b + own, 0, end - own);
    hash = mix(hash, b, own);
    return mix(hash, (unsigned char *)b + end, size - end);
}

/* A state: the control block, but for what is only told to others, and the words of all blocks. */
static uint64_t hash_state(size_t left)
{
    loam_heap *heap = all.heap, control = *heap;
    word at = heap->first.first;
    uint64_t hash = left;

    control.room -= control.peak; /* what is live; the most that was changes nothing */
    control.peak = control.failures = 0;
    hash = mix(hash, &control, sizeof control);
    hash = mix(hash, heap->rings, rings_size(heap->small_end, granule_mask(heap) + 1));
    while (at != heap->first.end) {
        block *b = block_at(heap, at);
        size_t size = is_live(b) ? live_size(b) : free_size(b);

        hash = wipe_block(b, size, hash);
        at += size;
    }
    hash = mix(hash, block_at(heap, at), END_WORDS * WORD_SIZE);
    return hash ? hash : 1;
}

/* Where a state with so many steps left is remembered, or will be. NULL: nothing is. */
static seen *remembered(size_t left)
{
    uint64_t hash;
    size_t at;

    if (!all.seen)
        return NULL;
    hash = hash_state(left);
    for (at = (size_t)(hash % SEEN); all.seen[at].hash != 0; at = (at + 1) % SEEN) {
        if (all.seen[at].hash == hash)
            return &all.seen[at];
    }
    if (all.states >= SEEN / 2)
        return NULL;
    all.seen[at].hash = hash;
    all.states++;
    return &all.seen[at];
}

/* Returns how many sequences of `most` steps go on from the state of `depth`, all looked at. */
static uint64_t search_from(size_t depth, size_t most)
{
    size_t choices = 4 + all.live_count[depth];
    uint64_t sequences = 0;

    if (all.seen)
        memcpy(all.saved[depth], all.region, PAGES);
    for (size_t step = 0; step < choices; step++) {
        uint64_t more = 1;
        seen *known = NULL;

        if (step != 0 && all.seen)
            memcpy(all.region, all.saved[depth], PAGES);
        else if (step != 0)
            replay(depth);
        all.steps[depth] = step;
        do_step(depth, step);
        all.paths++;
        expect_exact(depth);
        if (depth + 1 < most) {
            known = remembered(most - depth - 1);
            more = known && known->sequences ? known->sequences : search_from(depth + 1, most);
            if (known)
                known->sequences = more;
        }
        sequences += more;
    }
    return sequences;
}

/* What tools know of memory is not in the region: there each sequence is done from its start. */
static void search_all(size_t most)
{
    bool tools = test_under_asan() || test_under_valgrind();
    uint64_t sequences;

    for (all.granule = 8; all.granule <= 16; all.granule += 8) {
        all.seen = tools ? NULL : (seen *)calloc(SEEN, sizeof *all.seen);
        all.paths = all.states = 0;
        all.live_count[0] = 0;
        start();
        sequences = search_from(0, most);
        fprintf(stderr, "granule %zu: %llu sequences, %zu calls, %zu states\n", all.granule,
                (unsigned long long)sequences, all.paths, all.states);
        EXPECT_LE((uint64_t)1 << 2 * most, sequences); /* four sizes at each step */
        EXPECT_LE((uint64_t)(most < 6 ? 1000 : 20000), sequences);
        free(all.seen);
    }
}

TEST(every_sequence, fast)
{
    search_all(test_under_valgrind() ? 4 : test_under_asan() ? 5 : 6);
}

TEST(every_sequence_to_nine, slow)
{
    search_all(test_bound("LOAM_TEST_HEAP_DEPTH", test_under_asan() ? 7 : DEPTH));
}

TEST_MAIN
