/* checked.c: an allocator that finds bugs, of the code above it and of the allocator below it.
 *
 * A block of the caller's lies inside a bigger one of the allocator below, which is called raw:
 *
 *       raw             ptr = raw + front                               raw + total
 *        | front: |zone| the block, size bytes                    |zone|
 *
 * `front` is the red zone rounded up to the alignment, of which the last red_zone bytes are painted
 * and looked at. What there is to know about a block stands in a record elsewhere, so that nothing
 * that is overwritten is ever believed. Records lie in a tree ordered by address, which tells the
 * owner of any address and whether a new block lies over an old one, and in one of two lists by
 * age: live blocks, and the quarantine of blocks that were given back.
 *
 *   K1  raw blocks in the tree are disjoint; every record in a list is in the tree, and no other
 *   K2  the red zones of every block read LOAM_CHECKED_ZONE
 *   K3  blocks in quarantine read LOAM_CHECKED_FREED, and hold at most `quarantine` raw bytes
 *   K4  live, raw, held and blocks are the sums over the lists
 *   K5  a record is taken before the allocator below is asked, and none is needed to give back: so
 *       a lack of memory for records is a refusal with nothing changed, and dealloc can't fail
 *   K6  while the allocator below works, it may read and write all of the raw block; at any other
 *       time the zones and the quarantine are marked dead for the tools
 */
#include "checked_record.h"

#include "internal/adapter.h"
#include "internal/bits.h"

#include <errno.h>

enum {
    ZONE_STEP = 16,        /* red zones are multiples of it, which keeps alignments of malloc */
    ZONE_LIMIT = 1 << 16,  /* the largest red zone */
    CHUNK_RECORDS = 50,    /* some 4 KiB of records at a time */
    SAMPLE = 4096,         /* bytes at each end that a change of size is watched over */
    ERRNO_PROBE = 31415926 /* no error of any system */
};

struct loam_checked_chunk {
    chunk *next;
    record records[CHUNK_RECORDS];
};

/* ---- the lists, by age ---- */

static void list_append(record **oldest, record **newest, record *r)
{
    r->older = *newest;
    r->newer = NULL;
    *(*newest ? &(*newest)->newer : oldest) = r;
    *newest = r;
}

static void list_remove(record **oldest, record **newest, record *r)
{
    *(r->older ? &r->older->newer : oldest) = r->newer;
    *(r->newer ? &r->newer->older : newest) = r->older;
}

/* ---- memory for records ---- */

static void give_record(loam_checked *checked, record *r)
{
    r->newer = checked->spare;
    checked->spare = r;
}

/* NULL iff there is no memory for records. */
static record *take_record(loam_checked *checked)
{
    record *r;

    if (!checked->spare) {
        chunk *fresh = loam_new(checked->records, chunk);

        if (!fresh)
            return NULL;
        fresh->next = checked->chunks;
        checked->chunks = fresh;
        checked->metadata += sizeof *fresh;
        for (size_t i = CHUNK_RECORDS; i-- > 0;)
            give_record(checked, &fresh->records[i]);
    }
    r = checked->spare;
    checked->spare = r->newer;
    return r;
}

/* ---- paint: K2, K3 and K6 ---- */

static void paint_zones(const loam_checked *checked, const record *r)
{
    unsigned char *block = block_of(r);

    memset(block - checked->red_zone, LOAM_CHECKED_ZONE, checked->red_zone);
    memset(block + r->size, LOAM_CHECKED_ZONE, checked->red_zone);
}

static void paint_fresh(const record *r, size_t from)
{
    memset(block_of(r) + from, LOAM_CHECKED_FRESH, r->size - from);
    loam_mark_undefined(block_of(r) + from, r->size - from);
}

static void require_whole(const loam_checked *checked, const record *r)
{
    loam_misuse damage = damage_of(checked, r);

    if (damage != LOAM_MISUSE_COUNT)
        loam_fatal(damage, block_of(r));
}

/* ---- what callers pass in ---- */

/* A8, A10: every operation begins here. */
static loam_checked *enter(void *self)
{
    loam_checked *checked = self;

    if (checked->home != checked)
        loam_fatal(LOAM_MISUSE_OBJECT_MOVED, self);
    if (checked->busy)
        loam_fatal(LOAM_MISUSE_REENTERED, self);
    checked->busy = true;
    return checked;
}

static void leave(loam_checked *checked)
{
    checked->busy = false;
}

/* A1: what the wrappers of the handle never let through. */
static void require_request(size_t size, size_t align)
{
    if (!loam_is_pow2(align))
        loam_fatal(LOAM_MISUSE_BAD_ALIGNMENT, (void *)(uintptr_t)align);
    if (!loam_request_valid(size, align))
        loam_fatal(LOAM_MISUSE_BAD_SIZE, (void *)(uintptr_t)size);
}

static bool was_given_back(const loam_checked *checked, const void *ptr)
{
    for (size_t i = 0; i < LOAM_CHECKED_RECENT; i++) {
        if (checked->recent[i] == ptr)
            return true;
    }
    return false;
}

/* A3: every block that comes in passes here, and is live, as described, and whole. `stale` is what
 * it is called if it was given back before. */
static record *require_block(const loam_checked *checked, const void *ptr, size_t size,
                             size_t align, loam_misuse stale)
{
    record *r = tree_floor(checked, (uintptr_t)ptr);

    if (!ptr)
        loam_fatal(LOAM_MISUSE_FOREIGN_BLOCK, ptr);
    if (!r || block_of(r) != ptr)
        loam_fatal(was_given_back(checked, ptr) ? stale : LOAM_MISUSE_FOREIGN_BLOCK, ptr);
    if (r->freed)
        loam_fatal(stale, ptr);
    if (r->size != size)
        loam_fatal(LOAM_MISUSE_WRONG_SIZE, ptr);
    if (r->align != align)
        loam_fatal(LOAM_MISUSE_WRONG_ALIGNMENT, ptr);
    require_whole(checked, r);
    return r;
}

/* ---- what the allocator below does ---- */

static void require_below(bool kept, const void *ptr)
{
    if (!kept)
        loam_fatal(LOAM_MISUSE_BROKEN_ALLOCATOR, ptr);
}

/* A2 of a raw block that has come in, or has grown, and is not in the tree. */
static void require_place(const loam_checked *checked, uintptr_t raw, size_t total, size_t align)
{
    const void *ptr = (const void *)raw;

    require_below((raw & (align - 1)) == 0, ptr);
    require_below(is_disjoint(checked, raw, total), ptr);
    require_below(!checked->below.ops->owns || loam_owns(checked->below, ptr), ptr);
}

/* Gives a raw block back, and sees to it that errno stays (A6). */
static void give_below(const loam_checked *checked, const record *r)
{
    int saved = errno;

    loam_mark_undefined(raw_of(r), total_of(checked, r));
    errno = ERRNO_PROBE;
    loam_dealloc(checked->below, raw_of(r), total_of(checked, r), r->align);
    require_below(errno == ERRNO_PROBE, block_of(r));
    errno = saved;
}

/* An address that comes back from now on is a stale one, until it is handed out again. */
static void note_gone(loam_checked *checked, const record *r)
{
    checked->recent[checked->recent_next] = block_of(r);
    checked->recent_next = (checked->recent_next + 1) % LOAM_CHECKED_RECENT;
}

/* Ends a record whose block has gone to the allocator below. */
static void forget(loam_checked *checked, record *r)
{
    note_gone(checked, r);
    checked->raw -= total_of(checked, r);
    tree_remove(checked, r);
    give_record(checked, r);
}

/* Lets blocks out of the quarantine, oldest first, until it holds at most `most` bytes. */
static void evict_to(loam_checked *checked, size_t most)
{
    while (checked->held > most) {
        record *r = checked->freed_oldest;

        require_whole(checked, r);
        list_remove(&checked->freed_oldest, &checked->freed_newest, r);
        checked->held -= total_of(checked, r);
        give_below(checked, r);
        forget(checked, r);
    }
}

static void *ask_below_once(const loam_checked *checked, size_t total, size_t align, bool zeroed)
{
    const loam_allocator_ops *ops = checked->below.ops;

    return zeroed ? ops->zalloc(checked->below.self, total, align)
                  : ops->alloc(checked->below.self, total, align);
}

/* What the quarantine holds must not be the reason for a refusal; but an allocator that must see
 * every call must not see more of them either. */
static void *ask_below(loam_checked *checked, size_t total, size_t align, bool zeroed)
{
    void *raw = ask_below_once(checked, total, align, zeroed);

    if (raw || checked->held == 0 || (checked->below.ops->traits & LOAM_EXACT))
        return raw;
    evict_to(checked, 0);
    return ask_below_once(checked, total, align, zeroed);
}

/* ---- alloc ---- */

static void note_size(loam_checked *checked, size_t live, size_t raw)
{
    checked->live += live;
    checked->raw += raw;
    checked->peak = loam_max(checked->peak, checked->live);
}

/* Writes a record for a raw block and prepares it for the caller. */
static void *hand_out(loam_checked *checked, record *r, size_t total, bool zeroed)
{
    tree_insert(checked, r);
    list_append(&checked->live_oldest, &checked->live_newest, r);
    note_size(checked, r->size, total);
    checked->blocks++;
    r->serial = ++checked->allocations;
    if (zeroed)
        require_below(all_are(block_of(r), r->size, 0), block_of(r));
    else
        paint_fresh(r, 0);
    paint_zones(checked, r);
    close_zones(checked, r);
    return block_of(r);
}

static void *serve(loam_checked *checked, size_t size, size_t align, bool zeroed)
{
    size_t front, total;
    record *r;
    void *raw;

    if (!lay_out(checked, size, align, &front, &total))
        return NULL;
    r = take_record(checked);
    if (!r)
        return NULL;
    raw = ask_below(checked, total, align, zeroed);
    if (!raw) {
        give_record(checked, r);
        return NULL;
    }
    require_place(checked, (uintptr_t)raw, total, align);
    *r = (record){.raw = (uintptr_t)raw, .front = front, .size = size, .align = align};
    return hand_out(checked, r, total, zeroed);
}

static void *checked_alloc(void *self, size_t size, size_t align)
{
    loam_checked *checked = enter(self);
    void *ptr;

    require_request(size, align);
    ptr = serve(checked, size, align, false);
    checked->failures += !ptr;
    leave(checked);
    return ptr;
}

static void *checked_zalloc(void *self, size_t size, size_t align)
{
    loam_checked *checked = enter(self);
    void *ptr;

    require_request(size, align);
    ptr = serve(checked, size, align, true);
    checked->failures += !ptr;
    leave(checked);
    return ptr;
}

/* ---- dealloc ---- */

static void retire(loam_checked *checked, record *r)
{
    list_remove(&checked->live_oldest, &checked->live_newest, r);
    checked->live -= r->size;
    checked->blocks--;
}

static void checked_dealloc(void *self, void *ptr, size_t size, size_t align)
{
    loam_checked *checked = enter(self);
    record *r;
    size_t total;

    require_request(size, align);
    r = require_block(checked, ptr, size, align, LOAM_MISUSE_DOUBLE_FREE);
    total = total_of(checked, r);
    retire(checked, r);
    if (total > checked->quarantine) {
        give_below(checked, r);
        forget(checked, r);
        leave(checked);
        return;
    }
    evict_to(checked, checked->quarantine - total);
    list_append(&checked->freed_oldest, &checked->freed_newest, r);
    checked->held += total;
    r->freed = true;
    loam_mark_undefined(ptr, size);
    memset(ptr, LOAM_CHECKED_FREED, size);
    loam_mark_dead(raw_of(r), total);
    leave(checked);
}

/* ---- resize and remap ---- */

/* A fingerprint of the first and last bytes of a block. Where a tool watches, the caller's block
 * may hold parts that must not be read: then it is always the same. */
static uint64_t sample(const unsigned char *block, size_t size)
{
    size_t length = loam_min(size, SAMPLE);
    uint64_t print = 0;

    if (loam_mark_wanted())
        return 0;
    for (size_t i = 0; i < length; i++)
        print = print * UINT64_C(0x100000001b3) + block[i];
    for (size_t i = size - length; i < size; i++)
        print = print * UINT64_C(0x100000001b3) + block[i];
    return print;
}

/* The block has its new size and perhaps a new place: takes note of both.
 *
 *        | front |zone| kept              |zone|
 *        | front |zone| kept                   fresh |zone|
 */
static void *settle(loam_checked *checked, record *r, void *raw, size_t new_size, uint64_t print)
{
    size_t size = r->size;
    size_t kept = loam_min(size, new_size);
    size_t total = total_of(checked, r) - size + new_size;

    if (raw != raw_of(r))
        note_gone(checked, r);
    tree_remove(checked, r);
    require_place(checked, (uintptr_t)raw, total, r->align);
    r->raw = (uintptr_t)raw;
    r->size = new_size;
    tree_insert(checked, r);
    require_below(all_are(block_of(r) - checked->red_zone, checked->red_zone, LOAM_CHECKED_ZONE) &&
                      sample(block_of(r), kept) == print,
                  block_of(r));
    note_size(checked, new_size - size, new_size - size); /* modulo SIZE_MAX + 1 */
    paint_fresh(r, kept);
    paint_zones(checked, r);
    close_zones(checked, r);
    return block_of(r);
}

/* A4, A5 and A9 of a change of size. Returns the block's address, or NULL if it was refused. */
static void *change_size(loam_checked *checked, record *r, size_t new_size, bool may_move)
{
    size_t kept = loam_min(r->size, new_size);
    size_t old_total = total_of(checked, r);
    uint64_t print = sample(block_of(r), kept);
    void *raw = raw_of(r);
    size_t front, total;

    if (!lay_out(checked, new_size, r->align, &front, &total))
        return NULL;
    open_zones(checked, r);
    if (may_move)
        raw = checked->below.ops->remap(checked->below.self, raw, old_total, total, r->align);
    else if (!checked->below.ops->resize(checked->below.self, raw, old_total, total, r->align))
        raw = NULL;
    if (raw)
        return settle(checked, r, raw, new_size, print);
    require_below(damage_of_zones(checked, r) == LOAM_MISUSE_COUNT &&
                      sample(block_of(r), kept) == print,
                  block_of(r));
    close_zones(checked, r);
    return NULL;
}

static bool checked_resize(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_checked *checked = enter(self);
    record *r;
    bool done;

    require_request(new_size, align);
    r = require_block(checked, ptr, size, align, LOAM_MISUSE_USE_AFTER_FREE);
    done = change_size(checked, r, new_size, false) != NULL;
    leave(checked);
    return done;
}

static void *checked_remap(void *self, void *ptr, size_t size, size_t new_size, size_t align)
{
    loam_checked *checked = enter(self);
    record *r;
    void *moved;

    require_request(new_size, align);
    r = require_block(checked, ptr, size, align, LOAM_MISUSE_USE_AFTER_FREE);
    moved = change_size(checked, r, new_size, true);
    leave(checked);
    return moved;
}

/* ---- questions ---- */

/* What the red zones leave of a good size below is a good size here. */
static size_t checked_good_size(void *self, size_t size, size_t align)
{
    loam_checked *checked = enter(self);
    size_t good = size;
    size_t front, total;

    require_request(size, align);
    if (lay_out(checked, size, align, &front, &total)) {
        size_t below = checked->below.ops->good_size(checked->below.self, total, align);

        require_below(below >= total, (void *)(uintptr_t)size);
        good = below - (total - size);
    }
    leave(checked);
    return good;
}

static bool checked_owns(void *self, const void *ptr)
{
    loam_checked *checked = enter(self);
    const record *r = tree_floor(checked, (uintptr_t)ptr);

    leave(checked);
    return r && !r->freed && (uintptr_t)ptr - (uintptr_t)block_of(r) < r->size;
}

/* ---- life ---- */

static size_t or_default(size_t configured, size_t otherwise)
{
    if (configured == LOAM_CHECKED_NONE)
        return 0;
    return configured ? configured : otherwise;
}

void loam_checked_init(loam_checked *checked, loam_allocator below,
                       const loam_checked_config *config)
{
    static const loam_allocator_ops all = {
        .alloc = checked_alloc,
        .dealloc = checked_dealloc,
        .zalloc = checked_zalloc,
        .resize = checked_resize,
        .remap = checked_remap,
        .good_size = checked_good_size,
        .owns = checked_owns,
        .name = "checked",
    };
    loam_checked_config defaults = {0};
    size_t red_zone;

    if (!config)
        config = &defaults;
    red_zone = loam_min(or_default(config->red_zone, LOAM_CHECKED_RED_ZONE), ZONE_LIMIT);
    *checked = (loam_checked){
        .ops = loam_adapter_ops_over(&all, below),
        .below = below,
        .records = config->records.ops ? config->records : loam_libc_allocator(),
        .on_leak = config->on_leak,
        .context = config->context,
        .red_zone = loam_round_up(red_zone, ZONE_STEP),
        .quarantine = or_default(config->quarantine, LOAM_CHECKED_QUARANTINE),
        .home = checked,
    };
    checked->ops.traits = (below.ops->traits & LOAM_RECLAIMS) | LOAM_EXACT;
}

/* K2 and K3 of everything; leaves the quarantine empty. */
static void require_all_whole(loam_checked *checked)
{
    for (const record *r = checked->live_oldest; r; r = r->newer)
        require_whole(checked, r);
    evict_to(checked, 0);
}

/* Forgets live blocks, which the allocator below takes back as a whole. */
static void forget_live(loam_checked *checked)
{
    while (checked->live_oldest) {
        record *r = checked->live_oldest;

        loam_mark_undefined(raw_of(r), r->front);
        loam_mark_undefined(block_of(r) + r->size, checked->red_zone);
        retire(checked, r);
        forget(checked, r);
    }
}

static loam_checked_block describe(const record *r)
{
    return (loam_checked_block){
        .address = block_of(r), .size = r->size, .align = r->align, .serial = r->serial};
}

/* Live blocks at the end, over an allocator that reclaims. */
static void report_leaks(loam_checked *checked)
{
    while (checked->live_oldest) {
        record *r = checked->live_oldest;
        loam_checked_block block = describe(r);

        if (!checked->on_leak)
            loam_fatal(LOAM_MISUSE_LEAK, block.address);
        checked->on_leak(checked->context, &block);
        retire(checked, r);
        give_below(checked, r);
        forget(checked, r);
    }
}

/* The table stays, so that a late call is told from a wild one (A8). */
void loam_checked_deinit(loam_checked *checked)
{
    (void)enter(checked);
    require_all_whole(checked);
    if (loam_allocator_reclaims(checked->below))
        report_leaks(checked);
    else
        forget_live(checked);
    while (checked->chunks) {
        chunk *first = checked->chunks;

        checked->chunks = first->next;
        loam_delete(checked->records, chunk, first);
    }
    checked->spare = NULL;
    checked->home = NULL;
    leave(checked);
}

void loam_checked_reset(loam_checked *checked)
{
    (void)enter(checked);
    require_all_whole(checked);
    forget_live(checked);
    leave(checked);
}

loam_allocator loam_checked_allocator(loam_checked *checked)
{
    return (loam_allocator){&checked->ops, checked};
}
