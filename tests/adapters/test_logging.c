/* logging: one event a call, with every argument and the answer, in the promised order. */
#include "adapters/puppet.h"

#include <loam/adapters.h>

#include <errno.h>

enum { MOST = 64 };

typedef struct log {
    puppet p;
    loam_logging logging;
    loam_allocator a;
    loam_logging_event events[MOST];
    size_t count;
    size_t calls_then[MOST]; /* calls of that operation that had reached the allocator below */
} log;

static size_t calls_below(const puppet *p, loam_logging_op op)
{
    const size_t calls[] = {p->calls.alloc, p->calls.zalloc,    p->calls.dealloc, p->calls.resize,
                            p->calls.remap, p->calls.good_size, p->calls.owns};

    return calls[op];
}

static void note(void *context, const loam_logging_event *event)
{
    log *l = context;

    EXPECT(l->count < MOST);
    l->calls_then[l->count] = calls_below(&l->p, event->op);
    l->events[l->count++] = *event;
}

static void set_up(log *l)
{
    loam_logging_config config = {.callback = note, .context = l};

    puppet_init(&l->p);
    l->count = 0;
    memset(&l->logging, 0xff, sizeof l->logging);
    loam_logging_init(&l->logging, puppet_allocator(&l->p), &config);
    l->a = loam_logging_allocator(&l->logging);
}

/* The newest event is this one, and it was told when `before` calls had reached the puppet. */
static void expect_event(const log *l, loam_logging_event expected, size_t before)
{
    const loam_logging_event *event = &l->events[l->count - 1];

    EXPECT(l->count > 0);
    EXPECT_EQ(event->number, l->count);
    EXPECT_EQ(event->op, expected.op);
    EXPECT_PTR(event->ptr, expected.ptr);
    EXPECT_EQ(event->size, expected.size);
    EXPECT_EQ(event->new_size, expected.new_size);
    EXPECT_EQ(event->align, expected.align);
    EXPECT_PTR(event->result, expected.result);
    EXPECT_EQ(event->bytes, expected.bytes);
    EXPECT_EQ(event->ok, expected.ok);
    EXPECT_EQ(l->calls_then[l->count - 1], before);
}

TEST(events_tell_all, fast)
{
    void *ptr, *moved, *zero;
    log l;

    set_up(&l);
    ptr = loam_alloc(l.a, 100, 16);
    expect_event(&l,
                 (loam_logging_event){
                     .op = LOAM_LOGGING_ALLOC, .size = 100, .align = 16, .result = ptr, .ok = true},
                 1);
    zero = loam_zalloc(l.a, 24, 8);
    expect_event(&l,
                 (loam_logging_event){
                     .op = LOAM_LOGGING_ZALLOC, .size = 24, .align = 8, .result = zero, .ok = true},
                 1);
    EXPECT(loam_resize(l.a, ptr, 100, 120, 16));
    expect_event(&l,
                 (loam_logging_event){.op = LOAM_LOGGING_RESIZE,
                                      .ptr = ptr,
                                      .size = 100,
                                      .new_size = 120,
                                      .align = 16,
                                      .ok = true},
                 1);
    EXPECT(!loam_resize(l.a, ptr, 120, 900, 16));
    expect_event(
        &l,
        (loam_logging_event){
            .op = LOAM_LOGGING_RESIZE, .ptr = ptr, .size = 120, .new_size = 900, .align = 16},
        2);
    moved = loam_remap(l.a, ptr, 120, 900, 16);
    expect_event(&l,
                 (loam_logging_event){.op = LOAM_LOGGING_REMAP,
                                      .ptr = ptr,
                                      .size = 120,
                                      .new_size = 900,
                                      .align = 16,
                                      .result = moved,
                                      .ok = true},
                 1);
    EXPECT_EQ(loam_good_size(l.a, 300, 8), 512);
    expect_event(
        &l,
        (loam_logging_event){
            .op = LOAM_LOGGING_GOOD_SIZE, .size = 300, .align = 8, .bytes = 512, .ok = true},
        1);
    EXPECT(loam_owns(l.a, moved) && !loam_owns(l.a, &l));
    expect_event(&l, (loam_logging_event){.op = LOAM_LOGGING_OWNS, .ptr = &l}, 2);
    l.p.refuse = true;
    EXPECT(!loam_alloc(l.a, 7, 1));
    expect_event(&l, (loam_logging_event){.op = LOAM_LOGGING_ALLOC, .size = 7, .align = 1}, 2);
    EXPECT(!loam_zalloc(l.a, 7, 1) && !loam_remap(l.a, moved, 900, 950, 16));
    expect_event(
        &l,
        (loam_logging_event){
            .op = LOAM_LOGGING_REMAP, .ptr = moved, .size = 900, .new_size = 950, .align = 16},
        2);

    /* Before the block goes back: the puppet has not been called yet. */
    loam_dealloc(l.a, moved, 900, 16);
    expect_event(
        &l,
        (loam_logging_event){
            .op = LOAM_LOGGING_DEALLOC, .ptr = moved, .size = 900, .align = 16, .ok = true},
        0);
    EXPECT_EQ(l.p.calls.dealloc, 1);

    /* Empty blocks are no calls. */
    loam_dealloc(l.a, loam_alloc(l.a, 0, 8), 0, 8);
    EXPECT_EQ(l.count, 12);
}

/* A log without a callback, or without a configuration, is a plain way through. */
TEST(nobody_listens, fast)
{
    loam_logging_config config = {0};
    loam_logging logging;
    puppet p;

    puppet_init(&p);
    p.ops.traits |= LOAM_THREADSAFE;
    loam_logging_init(&logging, puppet_allocator(&p), NULL);
    loam_dealloc(loam_logging_allocator(&logging),
                 loam_alloc(loam_logging_allocator(&logging), 8, 8), 8, 8);
    EXPECT(p.calls.alloc == 1 && p.calls.dealloc == 1);
    EXPECT(loam_allocator_threadsafe(loam_logging_allocator(&logging)));
    loam_logging_init(&logging, puppet_allocator(&p), &config);
    EXPECT(loam_allocator_threadsafe(loam_logging_allocator(&logging)));
    loam_logging_deinit(&logging);
}

TEST(operations_have_names, fast)
{
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_ALLOC), "alloc");
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_ZALLOC), "zalloc");
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_DEALLOC), "dealloc");
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_RESIZE), "resize");
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_REMAP), "remap");
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_GOOD_SIZE), "good_size");
    EXPECT_STR(loam_logging_op_text(LOAM_LOGGING_OWNS), "owns");
    EXPECT_STR(loam_logging_op_text((loam_logging_op)7), "unknown");
    EXPECT_STR(loam_logging_op_text((loam_logging_op)-1), "unknown");
}

enum { THREADS = 4, ROUNDS = 1000 };

/* Which numbers were told, each exactly once. */
typedef struct tally {
    unsigned char seen[THREADS * ROUNDS * 2 + 1];
} tally;

static void mark_number(void *context, const loam_logging_event *event)
{
    tally *t = context;

    EXPECT(event->number > 0 && event->number < sizeof t->seen);
    EXPECT_EQ(__atomic_fetch_add(&t->seen[event->number], 1, __ATOMIC_RELAXED), 0);
}

static void call_often(void *context, size_t index)
{
    loam_allocator a = loam_logging_allocator(context);

    (void)index;
    for (size_t i = 0; i < ROUNDS; i++)
        loam_dealloc(a, loam_alloc(a, 16, 8), 16, 8);
}

TEST(threads_number_once, fast)
{
    static tally t;
    loam_logging_config config = {.callback = mark_number, .context = &t, .threadsafe = true};
    loam_logging logging;

    loam_logging_init(&logging, loam_libc_allocator(), &config);
    EXPECT(loam_allocator_threadsafe(loam_logging_allocator(&logging)));
    test_run_threads(THREADS, call_often, &logging);
    for (size_t i = 1; i < sizeof t.seen; i++)
        EXPECT_EQ(t.seen[i], 1);
}

TEST_MAIN
