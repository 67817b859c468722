/* region_granules.c: runs that grow and shrink where they are, and the region as a source of granules.
 */
#include "internal/region_parts.h"

/* ---- longer and shorter ----
 *
 *   before   [ run     ][ free          ]        [ run             ][ held
 *   after    [ run           ][ free    ]        [ run     ][ free ][ held
 */
bool loam_region_resize_run(loam_region *region, void *ptr, size_t count, size_t new_count)
{
    size_t index = loam_region_checked_index(region, ptr, count);
    const loam_record *head = loam_region_record(region, index);
    uint8_t kind = loam_record_kind(head);
    void *owner = loam_record_owner(head);

    if (new_count == 0 || new_count > LOAM_REGION_MAX_GRANULES)
        return false;
    if (new_count > count) {
        size_t more = new_count - count;

        if (!loam_region_take_at(region, index + count, more, kind, owner))
            return false;
        loam_region_mark(region, index + count, more, LOAM_REGION_DIRTY);
        loam_region_describe(region, index, new_count, kind, owner);
    } else if (new_count < count) {
        loam_region_describe(region, index, new_count, kind, owner);
        loam_region_describe(region, index + new_count, count - new_count, kind, owner);
        loam_region_give(region, loam_region_address(region, index + new_count), count - new_count);
    }
    return true;
}

/* ---- the handle ---- */

static void *granules_take(void *self, size_t count, size_t align, uint8_t kind, void *owner,
                           loam_granules_info *info)
{
    return loam_region_take((loam_region *)self, count, align, kind, owner, info);
}

static void granules_give(void *self, void *ptr, size_t count)
{
    loam_region_give((loam_region *)self, ptr, count);
}

static loam_region *granules_region(void *self, const void *ptr)
{
    loam_region *region = (loam_region *)self;

    return !ptr || loam_region_contains(region, ptr) ? region : NULL;
}

static bool granules_resize(void *self, void *ptr, size_t count, size_t new_count)
{
    return loam_region_resize_run((loam_region *)self, ptr, count, new_count);
}

static size_t granules_purge(void *self, size_t budget)
{
    return loam_region_purge((loam_region *)self, budget);
}

loam_granules loam_region_granules(loam_region *region)
{
    static const loam_granules_ops ops = {
        .take = granules_take,
        .give = granules_give,
        .region = granules_region,
        .purge = granules_purge,
        .resize = granules_resize,
        .name = "region",
    };

    return (loam_granules){&ops, region};
}
