/* check.c: every invariant of heap_internal.h, looked at. A link is followed only after it has been
 * seen to lead to where there can be what it leads to. */
#include "front.h"

#include "internal/mark.h"

typedef struct check {
    const loam_heap *heap;
    loam_check_fn report;
    void *context;
    bool good;
    size_t listed; /* free blocks of the sizes that have rings */
    size_t nodes;  /* and all others */
    size_t blocks; /* live ones */
    size_t live;
    size_t held;
    bool current;   /* the current block was seen */
    bool top;       /* and the top */
    size_t pending; /* and blocks that are pending */
    bool fresh;     /* the fresh range lies in a block that was seen */
} check;

static bool expect(check *c, bool holds, const char *property, const void *where)
{
    if (holds)
        return true;
    c->good = false;
    loam_mark_loud();
    if (c->report)
        c->report(c->context, property, where);
    loam_mark_quiet();
    return false;
}

/* ---- where there can be what ---- */

/* The region that a place for a head is in; NULL: none. */
static const region *region_of(const loam_heap *heap, word place)
{
    for (word link = heap->newest; link;) {
        const region *r = region_at(heap, link);

        if (place - r->first < r->end - r->first)
            return r;
        link = r->older;
    }
    return NULL;
}

/* Whether a free block of at least `least` bytes may have its head there. */
static bool may_be_free(const loam_heap *heap, word link, size_t least)
{
    const region *r = region_of(heap, link);

    return r && ((link - r->first) & granule_mask(heap)) == 0 && r->end - link >= least &&
           !is_live(block_at(heap, link));
}

bool loam_heap_may_be_node(const loam_heap *heap, tree_link link)
{
    word place = link_to(heap, block_in_tree(heap, link));

    return tree_link_to(heap, block_at(heap, place)) == link &&
           may_be_free(heap, place, heap->small_end) &&
           free_size(block_at(heap, place)) >= heap->small_end;
}

/* Whether a link of a ring leads to a sentinel or a block of its size. */
static bool may_be_in_ring(const loam_heap *heap, word link, size_t size)
{
    return link == link_to(heap, ring_for(heap, size)) ||
           (may_be_free(heap, link, size) && free_size(block_at(heap, link)) == size);
}

/* ---- the control block ---- */

static bool check_control(check *c)
{
    const loam_heap *heap = c->heap;
    size_t granule = granule_mask(heap) + 1;
    uintptr_t behind_rings;

    if (!expect(c, granule == 8 || granule == 16, "H13: the granule is neither 8 nor 16",
                &heap->clear) ||
        !expect(c, heap->round == WORD + granule - 1, "H13: requests are rounded wrong",
                &heap->round) ||
        !expect(c, heap->each == (granule == UNIT ? ~(word)0 : 0), "H13: rings lie otherwise",
                &heap->each) ||
        !expect(c,
                loam_is_pow2(heap->small_end) && heap->small_end >= SMALL_LEAST &&
                    heap->small_end <= SMALL_MOST,
                "H13: no rings have this end", &heap->small_end))
        return false;
    behind_rings = (uintptr_t)heap->rings + rings_size(heap->small_end, granule);
    expect(c, heap->fast == 0 || heap->fast == heap->small_end - granule - WORD,
           "H13: the end of fast requests is not", &heap->fast);
    expect(c, heap->eager == (heap->fast == 0 || heap->source.ops != NULL),
           "H13: blocks are pending or not, against what the heap is", &heap->eager);
    expect(c, !heap->eager || (heap->pending[0] | heap->pending[1]) == 0,
           "H18: pending block of a heap that has none", heap->pending);
    expect(c, heap->magic == MAGIC, "H13: this is no heap, or one that was built otherwise",
           &heap->magic);
    expect(c, heap->shared <= 1, "H13: neither shared nor not", &heap->shared);
    expect(c, heap->room <= heap->peak, "H10: more is live than ever was", &heap->peak);
    return expect(c,
                  heap->first.first ==
                      link_to(heap, loam_heap_first_place(heap, (const void *)behind_rings)),
                  "H13: the first block is not behind the rings", &heap->first.first);
}

/* ---- regions ---- */

static bool check_region(check *c, const region *r)
{
    const loam_heap *heap = c->heap;
    const void *base = block_at(heap, r->base);
    bool own = r == &heap->first;
    size_t padding = loam_padding(base, own ? LOAM_HEAP_ALIGN : RECORD_ALIGN);
    const void *record = (const char *)base + padding;
    const block *end;

    if (!expect(c, record == (own ? (const void *)heap : (const void *)r),
                "H12: a region's base is not where its record is", r) ||
        !expect(
            c, own || r->first == link_to(heap, loam_heap_first_place(heap, (const void *)(r + 1))),
            "H12: a region's first block is not behind its record", r) ||
        !expect(c,
                r->size <= LOAM_HEAP_MAX && r->end - r->first < r->size &&
                    r->end == link_to(heap, loam_heap_last_place(heap, r)),
                "H12: a region's end is not at its end", r))
        return false;
    end = block_at(heap, r->end);
    expect(c, r->source <= (heap->source.ops ? 1u : 0u), "H12: a region comes from no source", r);
    expect(c, end->next == link_to(heap, r), "H12: the end of a region names another", end);
    expect(c, end->size == 0 && !is_live(end), "H12: the end of a region is a block", end);
    c->held += r->size;
    return true;
}

/* Whether the list of regions can be followed, each of them being sound. */
static bool check_regions(check *c)
{
    const loam_heap *heap = c->heap;
    word link = heap->newest, mirror = heap->mirror, slow = heap->newest;
    const void *from = &heap->newest;
    bool step = false;

    for (;;) {
        const region *r;

        if (!expect(c, link == ~mirror, "H12: a link to a region was overwritten", from))
            return false;
        if (link == 0)
            break;
        r = region_at(heap, link);
        if (!check_region(c, r))
            return false;
        if (!expect(c, r->older != 0 || r == &heap->first,
                    "H12: the oldest region is not the control block's", r))
            return false;
        link = r->older;
        mirror = r->mirror;
        from = r;
        if (step)
            slow = region_at(heap, slow)->older;
        step = !step;
        if (!expect(c, link == 0 || link != slow, "H12: the list of regions is a ring", r))
            return false;
    }
    expect(c, heap->quarter == quarter_of(region_at(heap, heap->newest)),
           "H16: the first quarter of the newest region ends elsewhere", &heap->quarter);
    return expect(c, c->held == heap->held, "H10: regions don't add up to what is held",
                  &heap->held);
}

/* ---- blocks ---- */

static void check_fresh(check *c, const block *b, size_t size)
{
    const loam_heap *heap = c->heap;
    word at = link_to(heap, b), low = heap->fresh_low, high = heap->fresh_high;

    if (low - at >= size)
        return;
    c->fresh = low - at >= sizeof(block) && high - at <= size - WORD && size >= heap->small_end &&
               high - low < size;
}

/* A free block, whose size has been seen to be possible. */
static void check_free(check *c, const block *b, size_t size)
{
    const loam_heap *heap = c->heap;
    word self = link_to(heap, b);

    check_fresh(c, b, size);
    if (size != 2 * WORD)
        expect(c, *footer_before(behind(b, size)) == size,
               "H5: footer of a free block is not its size", b);
    if (self == heap->current) {
        c->current = true;
        expect(c, size == heap->current_size && size < heap->small_end && size > SMALLEST,
               "H15: the current block has another size", b);
        expect(c, b->head == 0 && b->next == 0, "H15: the current block has links", b);
        return;
    }
    if (self == heap->top) {
        c->top = true;
        expect(c, size == heap->top_size && size >= heap->small_end,
               "H17: the top has another size", b);
        expect(c, b->head == 0 && b->next == 0, "H17: the top has links", b);
        return;
    }
    if (size >= heap->small_end) {
        c->nodes++;
        expect(c, b->head == 0 && b->next == 0, "H6: block of the tree with links of a ring", b);
        return;
    }
    c->listed++;
    if (!expect(c,
                may_be_in_ring(heap, b->head & ~FLAGS, size) && may_be_in_ring(heap, b->next, size),
                "H7: link of a ring leads out of it", b))
        return;
    expect(c, block_at(heap, b->head & ~FLAGS)->next == self,
           "H7: the block before has another next", b);
    expect(c, (block_at(heap, b->next)->head & ~FLAGS) == self,
           "H7: the next block has another one before", b);
    expect(c, (b->head & FLAGS) == tiny_flag(size), "H5: flags of a free block", b);
}

static void check_live(check *c, const block *b, size_t size, const block *front)
{
    word flags = b->head & (PREV_FREE | TINY);
    word wanted = front ? PREV_FREE | tiny_flag(free_size(front)) : 0;

    expect(c, ((flags ^ wanted) & PREV_FREE) == 0,
           "H4: flag of a live block is wrong about the one in front", b);
    expect(c, ((flags ^ wanted) & TINY) == 0,
           "H4: flag of a live block is wrong about the size of the one in front", b);
    expect(c, slack_of(b) <= size - WORD, "H2: live block with more slack than bytes", b);
    expect(c, loam_heap_head_holds(c->heap, b), "H14: header of a live block was overwritten", b);
    c->blocks++;
    c->live += size - WORD;
    for (size_t i = 0; i < 2; i++)
        c->pending += link_to(c->heap, b) == c->heap->pending[i];
}

static void check_blocks(check *c, const region *r)
{
    const loam_heap *heap = c->heap;
    const block *b = block_at(heap, r->first), *end = block_at(heap, r->end), *front = NULL;

    while (b < end) {
        bool live = is_live(b);
        size_t left = (size_t)((uintptr_t)end - (uintptr_t)b);
        size_t size = live ? live_size(b) : free_size(b);

        if (!expect(c, size >= SMALLEST && (size & granule_mask(heap)) == 0,
                    "H2: block of a size that none has", b) ||
            !expect(c, size <= left, "H1: block that ends behind its region", b))
            return;
        if (live) {
            check_live(c, b, size, front);
        } else {
            expect(c, !front, "H3: two free blocks side by side", b);
            check_free(c, b, size);
        }
        front = live ? NULL : b;
        b = behind(b, size);
    }
    expect(c, end->head == (front ? PREV_FREE | tiny_flag(free_size(front)) : 0),
           "H4: flags of a region's end are wrong about the block in front", end);
    if (front)
        expect(c, *footer_before(end) == free_size(front) || free_size(front) == 2 * WORD,
               "H5: footer of a free block is not its size", front);
}

/* ---- lists ---- */

static void check_ring(check *c, size_t size)
{
    const loam_heap *heap = c->heap;
    const block *ring = ring_for(heap, size), *b = ring;
    size_t index = size / UNIT, seen = 0;
    bool bit = (heap->bits[index / 64] >> index % 64 & 1) != 0;

    expect(c, (ring->head & FLAGS) == tiny_flag(size), "H7: flags of a sentinel", ring);
    do {
        word next = b->next;

        if (!expect(c, may_be_in_ring(heap, next, size), "H7: link of a ring leads out of it", b) ||
            !expect(c, (block_at(heap, next)->head & ~FLAGS) == link_to(heap, b),
                    "H7: the next block has another one before", b))
            return;
        b = block_at(heap, next);
    } while (b != ring && seen++ < c->listed);
    expect(c, bit == (seen != 0), "H8: bit of a ring is wrong about it", ring);
    c->listed -= loam_min(seen, c->listed);
}

static void check_bits(check *c)
{
    const loam_heap *heap = c->heap;

    for (size_t i = 0; i < RINGS_MOST; i++) {
        bool ring = i * UNIT < heap->small_end && (i * UNIT & granule_mask(heap)) == 0;

        expect(c, ring || (heap->bits[i / 64] >> i % 64 & 1) == 0, "H8: bit without a ring",
               heap->bits);
    }
    for (size_t i = 0; i < RINGS_MOST / 64; i++)
        expect(c, heap->summary[i] <= 1 && (heap->bits[i] == 0 || heap->summary[i] == 1),
               "H8: summary of bits is wrong about them", &heap->summary[i]);
}

static void check_lists(check *c)
{
    const loam_heap *heap = c->heap;
    const char *fault = loam_heap_tree_fault(heap, c->nodes);

    expect(c, fault == NULL, fault, &heap->root);
    check_bits(c);
    for (size_t size = 0; size < heap->small_end; size += granule_mask(heap) + 1)
        check_ring(c, size);
    expect(c, c->listed == 0, "H6: free block that is in no ring", heap);
}

static void check_all(check *c)
{
    const loam_heap *heap = c->heap;

    if (!check_control(c) || !check_regions(c))
        return;
    for (word link = heap->newest; link;) {
        const region *r = region_at(heap, link);

        check_blocks(c, r);
        link = r->older;
    }
    expect(c, c->blocks == heap->blocks, "H10: live blocks are counted wrong", &heap->blocks);
    expect(c, c->live == live_bytes(heap), "H10: live bytes are counted wrong", &heap->room);
    expect(c, c->fresh || heap->fresh_low == heap->fresh_high,
           "H11: the fresh range is not inside of a free block", &heap->fresh_low);
    expect(c, c->current == (heap->current != 0) && c->current == (heap->current_size != 0),
           "H15: the current block is none", &heap->current);
    expect(c, c->top == (heap->top != 0) && c->top == (heap->top_size != 0), "H17: the top is none",
           &heap->top);
    expect(c, heap->pending[0] == 0 ? heap->pending[1] == 0 : heap->pending[0] != heap->pending[1],
           "H18: a pending block is there twice, or not the newest", heap->pending);
    expect(c, c->pending == (size_t)(heap->pending[0] != 0) + (heap->pending[1] != 0),
           "H18: pending block that is no live one", heap->pending);
    check_lists(c);
}

bool loam_heap_check(const loam_heap *heap, loam_check_fn report, void *context)
{
    check c = {.heap = heap, .report = report, .context = context, .good = true};

    loam_mark_quiet();
    check_all(&c);
    loam_mark_loud();
    return c.good;
}
