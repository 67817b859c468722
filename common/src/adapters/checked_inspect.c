/* checked_inspect.c: figures of a checked allocator, a walk over its blocks, and a look at them all
 * that ends nothing. The property numbers are those of checked.c.
 */
#include "checked_record.h"

void loam_checked_stats(const loam_checked *checked, loam_stats *stats)
{
    *stats = (loam_stats){
        .live = checked->live,
        .peak = checked->peak,
        .committed = checked->raw,
        .reserved = checked->raw,
        .lost = checked->raw - checked->live,
        .metadata = checked->metadata,
        .blocks = checked->blocks,
        .allocations = checked->allocations,
        .failures = checked->failures,
    };
}

static bool walk_list(const record *oldest, loam_walk_kind kind, loam_walk_fn visit, void *context)
{
    for (const record *r = oldest; r; r = r->newer) {
        loam_walk_item item = {.address = block_of(r), .size = r->size, .kind = kind};

        if (!visit(context, &item))
            return false;
    }
    return true;
}

bool loam_checked_walk(const loam_checked *checked, loam_walk_fn visit, void *context)
{
    return walk_list(checked->live_oldest, LOAM_WALK_LIVE, visit, context) &&
           walk_list(checked->freed_oldest, LOAM_WALK_FREE, visit, context);
}

/* A check on its way: who is told, what the sums are, whether all was well. */
typedef struct inspection {
    const loam_checked *checked;
    loam_check_fn report;
    void *context;
    size_t size;
    size_t total;
    size_t blocks;
    bool whole;
} inspection;

static void demand(inspection *look, bool holds, const char *property, const void *where)
{
    if (holds)
        return;
    look->whole = false;
    if (look->report)
        look->report(look->context, property, where);
}

static void look_at(inspection *look, const record *r, bool freed)
{
    const loam_checked *checked = look->checked;
    const record *lower = r->raw == 0 ? NULL : tree_floor(checked, r->raw - 1);
    loam_misuse damage = damage_of(checked, r);

    demand(look, tree_floor(checked, r->raw) == r, "K1: record is not in the tree", block_of(r));
    demand(look, !lower || lower->raw + (total_of(checked, lower) - 1) < r->raw,
           "K1: block lies over the one before it", block_of(r));
    demand(look, r->freed == freed, "K1: record is in the wrong list", block_of(r));
    demand(look, damage != LOAM_MISUSE_UNDERRUN, "K2: write before the start of a block",
           block_of(r));
    demand(look, damage != LOAM_MISUSE_OVERRUN, "K2: write behind the end of a block", block_of(r));
    demand(look, damage != LOAM_MISUSE_WRITE_AFTER_FREE, "K3: write to a block that was given back",
           block_of(r));
    look->size += r->size;
    look->total += total_of(checked, r);
    look->blocks++;
}

bool loam_checked_check(const loam_checked *checked, loam_check_fn report, void *context)
{
    inspection look = {.checked = checked, .report = report, .context = context, .whole = true};
    size_t live_total;

    for (const record *r = checked->live_oldest; r; r = r->newer)
        look_at(&look, r, false);
    live_total = look.total;
    demand(&look, look.size == checked->live, "K4: live is not the sum of the blocks", checked);
    demand(&look, look.blocks == checked->blocks, "K4: blocks is not their count", checked);
    for (const record *r = checked->freed_oldest; r; r = r->newer)
        look_at(&look, r, true);
    demand(&look, look.total == checked->raw, "K4: raw is not the sum of the blocks", checked);
    demand(&look, look.total - live_total == checked->held,
           "K4: held is not the sum of the quarantine", checked);
    demand(&look, checked->held <= checked->quarantine, "K3: quarantine is too full", checked);
    return look.whole;
}
