/* pool_structures.c: what remembers the free blocks of a slab? Three answers, measured in the same
 * surroundings: slabs of 64 KiB in one mapping, their records outside, found from a block with a
 * subtraction and a shift, and a list of the slabs that have something free.
 *
 *   list      a list through the free blocks: no memory, and each take waits for a block's line
 *   stack     a stack of their places outside: two bytes a block, and no wait
 *   unrolled  a list whose links hold the places of some thirty other free blocks: no memory, and
 *             one wait in thirty takes
 *
 * Each is measured at a slab's own speed, where each call reaches the slab, and behind a front: a
 * stack of at most 64 addresses, which takes and gives the half of them at a time. The last line is
 * loam_pool_class, which is an unrolled list behind a front with everything else that it does.
 *
 *     loam_bench_structures [REPETITIONS]
 */
#include "machine.h"
#include "pool_loops.h"

#include <loam/pool_class.h>

#include <stdlib.h>
#include <sys/mman.h>

enum { SLAB_SHIFT = 16, SLAB = 1 << SLAB_SHIFT, UNIT_SHIFT = 3, NOWHERE = UINT16_MAX };
enum { HELD_MOST = 31, FRONT = 64, FRONT_BYTES = 16 << 10, SLOTS_LEAST = 2 };

#define INLINED static inline __attribute__((always_inline))

typedef enum structure { LIST, STACK, UNROLLED } structure;

/* A record; as long for each structure as loam's. */
typedef struct slab {
    struct slab *next; /* with free blocks */
    char *base;
    void *list;
    uint16_t *stack;
    uint32_t fresh, capacity;
    uint16_t holder, depth;
    bool listed;
    char unused[64 - 4 * sizeof(void *) - 2 * sizeof(uint32_t) - 2 * sizeof(uint16_t) - 1];
} slab;

typedef struct pool {
    void **top, **low, **high;
    slab *partial;
    char *base;
    slab *records;
    size_t size, slabs, most, held;
    uint16_t *stacks;
    size_t mapped;
    void *slots[FRONT];
} pool;

/* ---- one slab ---- */

INLINED void *at_place(const slab *s, unsigned place)
{
    return s->base + ((size_t)place << UNIT_SHIFT);
}

INLINED unsigned place_of(const slab *s, const void *block)
{
    return (unsigned)((size_t)((const char *)block - s->base) >> UNIT_SHIFT);
}

/* Numbers lie in memory that has no type. */
INLINED unsigned number(const void *at, size_t i)
{
    uint16_t n;

    memcpy(&n, (const char *)at + i * sizeof n, sizeof n);
    return n;
}

INLINED void set_number(void *at, size_t i, unsigned value)
{
    uint16_t n = (uint16_t)value;

    memcpy((char *)at + i * sizeof n, &n, sizeof n);
}

INLINED bool has_used(const slab *s, structure kind)
{
    return kind == LIST ? s->list != NULL : kind == STACK ? s->depth > 0 : s->holder != NOWHERE;
}

INLINED void *pop_used(const pool *p, slab *s, structure kind)
{
    void *block;

    if (kind == LIST) {
        block = s->list;
        memcpy(&s->list, block, sizeof s->list);
        return block;
    }
    if (kind == STACK)
        return at_place(s, s->stack[--s->depth]);
    block = at_place(s, s->holder);
    if (s->depth > 0)
        return at_place(s, number(block, s->depth--));
    s->holder = (uint16_t)number(block, 0);
    s->depth = (uint16_t)p->held;
    return block;
}

INLINED void push(const pool *p, slab *s, void *block, structure kind)
{
    if (kind == LIST) {
        memcpy(block, &s->list, sizeof s->list);
        s->list = block;
    } else if (kind == STACK) {
        s->stack[s->depth++] = (uint16_t)place_of(s, block);
    } else if (s->depth != p->held) {
        set_number(at_place(s, s->holder), ++s->depth, place_of(s, block));
    } else {
        set_number(block, 0, s->holder);
        s->holder = (uint16_t)place_of(s, block);
        s->depth = 0;
    }
}

/* ---- all slabs ---- */

static LOAM_NOINLINE slab *add_slab(pool *p, size_t depth)
{
    slab *s = &p->records[p->slabs];

    if (p->slabs == p->most)
        abort();
    s->base = p->base + (p->slabs << SLAB_SHIFT);
    s->capacity = (uint32_t)(SLAB / p->size);
    s->stack = p->stacks + p->slabs * s->capacity;
    s->holder = NOWHERE;
    s->depth = (uint16_t)depth;
    s->next = NULL;
    s->listed = true;
    p->slabs++;
    return p->partial = s;
}

INLINED void *take_one(pool *p, structure kind)
{
    slab *s = p->partial;
    void *block;

    if (LOAM_UNLIKELY(!s))
        s = add_slab(p, kind == UNROLLED ? p->held : 0);
    block = LOAM_LIKELY(has_used(s, kind)) ? pop_used(p, s, kind) : s->base + s->fresh++ * p->size;
    if (LOAM_UNLIKELY(!has_used(s, kind) && s->fresh == s->capacity)) {
        s->listed = false;
        p->partial = s->next;
    }
    return block;
}

INLINED void give_one(pool *p, void *block, structure kind)
{
    slab *s = &p->records[(size_t)((char *)block - p->base) >> SLAB_SHIFT];

    push(p, s, block, kind);
    if (LOAM_UNLIKELY(!s->listed)) {
        s->listed = true;
        s->next = p->partial;
        p->partial = s;
    }
}

/* ---- the front ---- */

INLINED void *refill_front(pool *p, structure kind)
{
    size_t wanted = ((size_t)(p->high - p->low) + 1) / 2;

    for (size_t i = wanted; i-- > 0;)
        p->low[i] = take_one(p, kind);
    p->top = p->low + wanted - 1;
    return *p->top;
}

INLINED void spill_front(pool *p, void *block, structure kind)
{
    size_t room = (size_t)(p->high - p->low), half = (room + 1) / 2;

    for (size_t i = 0; i < half; i++)
        give_one(p, p->low[i], kind);
    memmove(p->low, p->low + half, (room - half) * sizeof *p->low);
    p->top = p->low + (room - half);
    *p->top++ = block;
}

/* ---- the contenders: each structure with a front and without ---- */

static void *open_pool(size_t size, size_t count)
{
    pool *p = calloc(1, sizeof *p);
    size_t capacity = SLAB / size, slots = FRONT_BYTES / size;
    size_t most = count / capacity + 2;

    p->size = size;
    p->most = most;
    p->held = size / sizeof(uint16_t) - 1 < HELD_MOST ? size / sizeof(uint16_t) - 1 : HELD_MOST;
    slots = slots < SLOTS_LEAST ? SLOTS_LEAST : slots > FRONT ? FRONT : slots;
    p->low = p->top = p->slots;
    p->high = p->low + slots;
    p->mapped = (most + 1) << SLAB_SHIFT;
    p->base = mmap(NULL, p->mapped, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    p->records = aligned_alloc(64, most * sizeof *p->records);
    p->stacks = malloc(most * capacity * sizeof *p->stacks);
    if (p->base == MAP_FAILED || !p->records || !p->stacks)
        abort();
    memset(p->records, 0, most * sizeof *p->records);
    return p;
}

static void close_pool(void *opaque)
{
    pool *p = opaque;

    munmap(p->base, p->mapped);
    free(p->records);
    free(p->stacks);
    free(p);
}

#define STRUCTURE(name, kind)                                                                      \
    static LOAM_NOINLINE void *name##_refill(pool *p)                                              \
    {                                                                                              \
        return refill_front(p, kind);                                                              \
    }                                                                                              \
    static LOAM_NOINLINE void name##_spill(pool *p, void *block)                                   \
    {                                                                                              \
        spill_front(p, block, kind);                                                               \
    }                                                                                              \
    INLINED void *name##_front_take(pool *p)                                                       \
    {                                                                                              \
        return LOAM_UNLIKELY(p->top == p->low) ? name##_refill(p) : *--p->top;                     \
    }                                                                                              \
    INLINED void name##_front_give(pool *p, void *block)                                           \
    {                                                                                              \
        if (LOAM_UNLIKELY(p->top == p->high))                                                      \
            name##_spill(p, block);                                                                \
        else                                                                                       \
            *p->top++ = block;                                                                     \
    }

STRUCTURE(list, LIST)
STRUCTURE(stack, STACK)
STRUCTURE(unrolled, UNROLLED)

/* The loops, for the four sizes; as those of peer.h. */
enum { SIZES = 4 };
static const size_t sizes[SIZES] = {16, 64, 256, 1024};

typedef struct contender {
    const char *name;
    void *(*open)(size_t size, size_t count);
    void (*close)(void *opened);
    double bytes; /* beside the slabs, for a block: the stack */
    loam_bench_blocks loops[SIZES];
} contender;

#define SELF(opaque)                    ((pool *)(opaque))
#define LIST_TAKE(p, size)              take_one(p, LIST)
#define LIST_GIVE(p, block, size)       give_one(p, block, LIST)
#define STACK_TAKE(p, size)             take_one(p, STACK)
#define STACK_GIVE(p, block, size)      give_one(p, block, STACK)
#define UNROLLED_TAKE(p, size)          take_one(p, UNROLLED)
#define UNROLLED_GIVE(p, block, size)   give_one(p, block, UNROLLED)
#define LIST_F_TAKE(p, size)            list_front_take(p)
#define LIST_F_GIVE(p, block, size)     list_front_give(p, block)
#define STACK_F_TAKE(p, size)           stack_front_take(p)
#define STACK_F_GIVE(p, block, size)    stack_front_give(p, block)
#define UNROLLED_F_TAKE(p, size)        unrolled_front_take(p)
#define UNROLLED_F_GIVE(p, block, size) unrolled_front_give(p, block)
#define LOAM_TAKE(o, size)              loam_pool_class_take(&(o)->cls)
#define LOAM_GIVE(o, block, size)       loam_pool_class_give(&(o)->cls, block)
#define LOAM_SELF(opaque)               ((loam_own *)(opaque))

#define LOOPS(name, type, self, take, give)                                                        \
    LOAM_BENCH_BLOCK_LOOPS(name, 16, type, self, take, give)                                       \
    LOAM_BENCH_BLOCK_LOOPS(name, 64, type, self, take, give)                                       \
    LOAM_BENCH_BLOCK_LOOPS(name, 256, type, self, take, give)                                      \
    LOAM_BENCH_BLOCK_LOOPS(name, 1024, type, self, take, give)
#define TABLE(name)                                                                                \
    {                                                                                              \
        LOAM_BENCH_BLOCKS_OF(name, 16), LOAM_BENCH_BLOCKS_OF(name, 64),                            \
            LOAM_BENCH_BLOCKS_OF(name, 256), LOAM_BENCH_BLOCKS_OF(name, 1024)                      \
    }

typedef struct loam_own {
    loam_pool_class cls;
    loam_region region;
} loam_own;

static void *open_class(size_t size, size_t count)
{
    loam_own *o = aligned_alloc(_Alignof(loam_own), sizeof *o);
    loam_pool_class_config config = {.size = size};

    (void)count;
    if (!o || !loam_region_init(&o->region, NULL))
        abort();
    config.granules = loam_region_granules(&o->region);
    if (!loam_pool_class_init(&o->cls, &config))
        abort();
    return o;
}

static void close_class(void *opaque)
{
    loam_own *o = opaque;

    loam_pool_class_deinit(&o->cls);
    loam_region_deinit(&o->region);
    free(o);
}

LOOPS(slab_list, pool *, SELF, LIST_TAKE, LIST_GIVE)
LOOPS(slab_stack, pool *, SELF, STACK_TAKE, STACK_GIVE)
LOOPS(slab_unrolled, pool *, SELF, UNROLLED_TAKE, UNROLLED_GIVE)
LOOPS(front_list, pool *, SELF, LIST_F_TAKE, LIST_F_GIVE)
LOOPS(front_stack, pool *, SELF, STACK_F_TAKE, STACK_F_GIVE)
LOOPS(front_unrolled, pool *, SELF, UNROLLED_F_TAKE, UNROLLED_F_GIVE)
LOOPS(loam, loam_own *, LOAM_SELF, LOAM_TAKE, LOAM_GIVE)

static const contender contenders[] = {
    {"slab, list", open_pool, close_pool, 0, TABLE(slab_list)},
    {"slab, stack", open_pool, close_pool, 2, TABLE(slab_stack)},
    {"slab, unrolled", open_pool, close_pool, 0, TABLE(slab_unrolled)},
    {"front, list", open_pool, close_pool, 0, TABLE(front_list)},
    {"front, stack", open_pool, close_pool, 2, TABLE(front_stack)},
    {"front, unrolled", open_pool, close_pool, 0, TABLE(front_unrolled)},
    {"loam_pool_class", open_class, close_class, 0, TABLE(loam)},
};
enum { CONTENDERS = sizeof contenders / sizeof *contenders, MOST_REPETITIONS = 99 };

/* ---- measuring ---- */

enum { PAIRS, FIFO, RANDOM, CHURN, KINDS };
static const char *const kinds[KINDS] = {"pairs", "batch, FIFO", "batch, random", "churn"};

static double values[KINDS][CONTENDERS][SIZES][MOST_REPETITIONS];

/* As many live blocks for churn as are 256 MiB, a million at most. */
static size_t live_blocks(size_t size)
{
    size_t live = ((size_t)256 << 20) / size;

    return live < BENCH_LIVE ? live : BENCH_LIVE;
}

static double measure(const contender *c, const loam_bench_blocks *loops, int kind, void **taken,
                      const uint32_t *order)
{
    enum { PAIR_COUNT = 5000000, BATCHES = 200, CHURNS = 1000000 };
    size_t live = kind == CHURN ? live_blocks(loops->size) : BENCH_BATCH, count = CHURNS;
    void *opened = c->open(loops->size, live + FRONT);
    uint64_t drawn = 1;
    double seconds;

    if (kind == CHURN)
        loops->take(opened, taken, live);
    for (int warm = 0; warm < 2; warm++) {
        seconds = machine_own_seconds();
        if (kind == PAIRS)
            loops->pairs(opened, count = PAIR_COUNT);
        else if (kind == CHURN)
            loops->churn(opened, taken, live, &drawn, count);
        else
            count = BATCHES * BENCH_BATCH;
        for (size_t i = 0; kind != PAIRS && kind != CHURN && i < BATCHES; i++) {
            loops->take(opened, taken, live);
            if (kind == FIFO)
                loops->give(opened, taken, live);
            else
                loops->give_in(opened, taken, order, live);
        }
        seconds = machine_own_seconds() - seconds;
    }
    c->close(opened);
    return seconds * 1e9 / (double)count;
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return (one > other) - (one < other);
}

static void print_table(int kind, size_t repetitions)
{
    printf("\n| %s, ns | 16 B | 64 B | 256 B | 1024 B |\n|---|---|---|---|---|\n", kinds[kind]);
    for (size_t c = 0; c < CONTENDERS; c++) {
        printf("| %s |", contenders[c].name);
        for (size_t s = 0; s < SIZES; s++) {
            qsort(values[kind][c][s], repetitions, sizeof(double), compare);
            printf(" %.2f |", values[kind][c][s][repetitions / 2]);
        }
        printf("\n");
    }
}

/* Bytes beside the payload: the record, what the slab cannot be cut into, and the stack. */
static void print_memory(void)
{
    printf("\n| bytes beside a block | 16 B | 64 B | 256 B | 1024 B |\n|---|---|---|---|---|\n");
    for (size_t c = 0; c < CONTENDERS; c++) {
        printf("| %s |", contenders[c].name);
        for (size_t s = 0; s < SIZES; s++) {
            double capacity = (double)(SLAB / sizes[s]);

            printf(" %.3f |", (SLAB + (double)sizeof(slab)) / capacity - (double)sizes[s] +
                                  contenders[c].bytes);
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    size_t repetitions = argc > 1 ? strtoul(argv[1], NULL, 10) : 5;
    void **taken = malloc(BENCH_LIVE * sizeof *taken);
    static uint32_t order[BENCH_BATCH];
    uint64_t state = 1;

    if (repetitions < 1 || repetitions > MOST_REPETITIONS || !taken)
        return 2;
    for (size_t i = 0; i < BENCH_BATCH; i++) {
        size_t other = loam_bench_draw(&state, i + 1);

        order[i] = order[other];
        order[other] = (uint32_t)i;
    }
    (void)machine_permit_huge(false);
    machine_describe(stdout, machine_pin());
    for (size_t r = 0; r < repetitions; r++) {
        for (int kind = 0; kind < KINDS; kind++) {
            for (size_t s = 0; s < SIZES; s++) {
                for (size_t i = 0; i < CONTENDERS; i++) {
                    size_t c = (i + r) % CONTENDERS;

                    values[kind][c][s][r] =
                        measure(&contenders[c], &contenders[c].loops[s], kind, taken, order);
                }
            }
        }
    }
    for (int kind = 0; kind < KINDS; kind++)
        print_table(kind, repetitions);
    print_memory();
    free(taken);
    return 0;
}
