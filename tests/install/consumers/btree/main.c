/* A program that keeps numbers in an ordered map: counts them, goes through them, and erases some. */
#include <loam/btree_typed.h>
#include <loam/version.h>

#include <stdio.h>

enum { NUMBERS = 100000, DIFFERENT = 1000 };

LOAM_BTREE_DEFINE_NUMBER(counts, uint32_t, size_t);

static bool fill(counts *map)
{
    uint32_t number = 1;

    for (int i = 0; i < NUMBERS; i++) {
        size_t *count;

        number = number * 1664525 + 1013904223;
        count = counts_upsert(map, (number >> 8) % DIFFERENT, NULL);
        if (!count)
            return false;
        ++*count;
    }
    return true;
}

static bool is_good(const counts *map)
{
    uint32_t next = 0;
    size_t total = 0;

    LOAM_BTREE_EACH(counts, it, map)
    {
        if (*it.key < next)
            return false;
        next = *it.key + 1;
        total += *it.value;
    }
    return total == NUMBERS && counts_rank(map, next) == counts_count(map) &&
           loam_btree_check(&map->raw, NULL, NULL);
}

int main(void)
{
    counts map;
    bool good;

    counts_init(&map, loam_libc_allocator(), NULL);
    good = fill(&map) && is_good(&map);
    good = good && counts_erase(&map, *counts_first(&map).key);
    counts_deinit(&map);
    printf("loam %s: %s\n", LOAM_VERSION_STRING, good ? "good" : "bad");
    return good ? 0 : 1;
}
