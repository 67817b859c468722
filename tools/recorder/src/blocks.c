/* blocks.c: a hash table of addresses with open places, and the slots it leads to. */
#include "blocks.h"

enum { FIRST_ROOM = 256 };

static size_t place_of(const loam_blocks *blocks, uint64_t address)
{
    return (size_t)((address >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (blocks->table_size - 1);
}

void loam_blocks_init(loam_blocks *blocks, loam_allocator memory)
{
    *blocks = (loam_blocks){.memory = memory, .free = LOAM_BLOCKS_NONE};
}

void loam_blocks_deinit(loam_blocks *blocks)
{
    loam_delete_array(blocks->memory, loam_blocks_one, blocks->all, blocks->room);
    loam_delete_array(blocks->memory, uint32_t, blocks->table, blocks->table_size);
    *blocks = (loam_blocks){.free = LOAM_BLOCKS_NONE};
}

static void put(loam_blocks *blocks, uint32_t slot)
{
    size_t at = place_of(blocks, blocks->all[slot].address);

    while (blocks->table[at] != LOAM_BLOCKS_NONE)
        at = (at + 1) & (blocks->table_size - 1);
    blocks->table[at] = slot;
}

/* Twice the room; the slots that are out of the table stay out of it. */
static bool grow(loam_blocks *blocks)
{
    size_t room = blocks->room ? blocks->room * 2 : FIRST_ROOM, size = room * 2;
    uint32_t *old = blocks->table;
    size_t old_size = blocks->table_size;
    uint32_t *table;
    loam_blocks_one *all;

    if (room >= LOAM_BLOCKS_NONE)
        return false;
    table = loam_new_array(blocks->memory, uint32_t, size);
    if (!table)
        return false;
    all = loam_realloc(blocks->memory, blocks->all, blocks->room * sizeof *all, room * sizeof *all,
                       LOAM_ALIGNOF(loam_blocks_one));
    if (!all) {
        loam_delete_array(blocks->memory, uint32_t, table, size);
        return false;
    }
    memset(table, 0xff, size * sizeof *table);
    blocks->all = all;
    blocks->room = room;
    blocks->table = table;
    blocks->table_size = size;
    for (size_t i = 0; i < old_size; i++)
        if (old[i] != LOAM_BLOCKS_NONE)
            put(blocks, old[i]);
    loam_delete_array(blocks->memory, uint32_t, old, old_size);
    return true;
}

uint32_t loam_blocks_add(loam_blocks *blocks, uint64_t address, uint64_t size)
{
    uint32_t slot = blocks->free;

    if (slot == LOAM_BLOCKS_NONE) {
        if (blocks->count == blocks->room && !grow(blocks))
            return LOAM_BLOCKS_NONE;
        slot = (uint32_t)blocks->count++;
    } else {
        blocks->free = blocks->all[slot].older;
    }
    blocks->all[slot] = (loam_blocks_one){
        .address = address, .size = size, .older = LOAM_BLOCKS_NONE, .newer = LOAM_BLOCKS_NONE};
    put(blocks, slot);
    return slot;
}

/* Where in the table a slot is; table_size: nowhere. */
static size_t find_place(const loam_blocks *blocks, uint64_t address)
{
    size_t at;

    if (blocks->table_size == 0)
        return 0;
    at = place_of(blocks, address);
    while (blocks->table[at] != LOAM_BLOCKS_NONE) {
        if (blocks->all[blocks->table[at]].address == address)
            return at;
        at = (at + 1) & (blocks->table_size - 1);
    }
    return blocks->table_size;
}

uint32_t loam_blocks_find(const loam_blocks *blocks, uint64_t address)
{
    size_t at = find_place(blocks, address);

    return at == blocks->table_size ? LOAM_BLOCKS_NONE : blocks->table[at];
}

/* Empties a place, and moves up what would be behind the gap (B2). */
static void empty(loam_blocks *blocks, size_t at)
{
    size_t mask = blocks->table_size - 1, next = at;

    for (;;) {
        size_t home;

        next = (next + 1) & mask;
        if (blocks->table[next] == LOAM_BLOCKS_NONE)
            break;
        home = place_of(blocks, blocks->all[blocks->table[next]].address);
        if (((next - home) & mask) >= ((next - at) & mask)) {
            blocks->table[at] = blocks->table[next];
            at = next;
        }
    }
    blocks->table[at] = LOAM_BLOCKS_NONE;
}

void loam_blocks_detach(loam_blocks *blocks, uint32_t slot)
{
    size_t at = find_place(blocks, blocks->all[slot].address);

    if (at != blocks->table_size && blocks->table[at] == slot)
        empty(blocks, at);
}

void loam_blocks_attach(loam_blocks *blocks, uint32_t slot, uint64_t address)
{
    blocks->all[slot].address = address;
    put(blocks, slot);
}

void loam_blocks_remove(loam_blocks *blocks, uint32_t slot)
{
    loam_blocks_detach(blocks, slot);
    blocks->all[slot].address = 0;
    blocks->all[slot].older = blocks->free;
    blocks->free = slot;
}
