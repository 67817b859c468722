/* export_sites.c: the tree of sites, and the sums of its leaves. */
#include "export_sites.h"

#include "export_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The smallest n with bytes <= 2^n. */
static uint8_t doubling(uint64_t bytes)
{
    return bytes <= 1 ? 0 : (uint8_t)(64 - __builtin_clzll(bytes - 1));
}

static size_t mixed(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ (b << 32 | b >> 32)) * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(h ^ h >> 29);
}

/* ---- the tree ---- */

static size_t place_of(const sites *s, uint32_t parent, site_level level, uint32_t key)
{
    size_t at = mixed((uint64_t)parent << 3 | level, key);

    for (;; at++) {
        uint32_t number = s->table[at &= s->table_room - 1];
        const site *one = number ? &s->all[number - 1] : NULL;

        if (!one || (one->parent == parent && one->level == level && one->key == key))
            return at;
    }
}

static bool grow(sites *s)
{
    size_t room = s->room ? s->room * 2 : 256;
    site *all = realloc(s->all, room * sizeof *all);
    uint32_t *changed = all ? realloc(s->changed, room * sizeof *changed) : NULL;
    uint32_t *table = changed ? calloc(room * 2, sizeof *table) : NULL;

    s->all = all ? all : s->all;
    s->changed = changed ? changed : s->changed;
    if (!table)
        return false;
    free(s->table);
    s->table = table;
    s->table_room = room * 2;
    s->room = room;
    for (uint32_t i = 0; i < s->count; i++)
        s->table[place_of(s, s->all[i].parent, (site_level)s->all[i].level, s->all[i].key)] = i + 1;
    return true;
}

/* The site below a parent, which it makes if need be. SITES_NONE: there are too many, or out of
 * memory; *memory tells. */
static uint32_t below(sites *s, uint32_t parent, site_level level, uint32_t key, bool *memory)
{
    size_t at;

    if (s->count == s->room && !grow(s)) {
        *memory = false;
        return SITES_NONE;
    }
    at = place_of(s, parent, level, key);
    if (s->table[at])
        return s->table[at] - 1;
    if (s->count >= SITES_MOST && level != SITE_REST)
        return SITES_NONE;
    s->all[s->count] = (site){.parent = parent, .key = key, .level = (uint8_t)level};
    s->table[at] = (uint32_t)++s->count;
    return (uint32_t)s->count - 1;
}

static uint32_t walk(sites *s, const trace_item *item, uint8_t power, bool *memory)
{
    uint32_t at = below(s, 0, SITE_THREAD, item->thread, memory);

    if (at != SITES_NONE)
        at = below(s, at, SITE_ALLOCATOR, item->allocator, memory);
    if (at != SITES_NONE && item->tag)
        at = below(s, at, SITE_TAG, item->tag, memory);
    if (at != SITES_NONE)
        at = below(s, at, SITE_SIZES, power, memory);
    if (at == SITES_NONE && *memory)
        at = below(s, 0, SITE_REST, 0, memory);
    return at;
}

/* The leaf that a request is charged to. SITES_NONE: out of memory. */
static uint32_t leaf_of(sites *s, const trace_item *item)
{
    uint8_t power = doubling(item->size);
    size_t at =
        mixed((uint64_t)item->allocator << 32 | item->tag, (uint64_t)item->thread << 8 | power);
    site_recent *r = &s->recent[at % SITES_RECENT];
    bool memory = true;

    if (!r->used || r->allocator != item->allocator || r->tag != item->tag ||
        r->thread != item->thread || r->sizes != power) {
        uint32_t leaf = walk(s, item, power, &memory);

        *r = (site_recent){item->allocator, item->tag, leaf, item->thread, power, memory};
    }
    return r->leaf;
}

/* ---- calls ---- */

static void note_change(sites *s, uint32_t leaf)
{
    if (s->all[leaf].changed)
        return;
    s->all[leaf].changed = true;
    s->changed[s->changed_count++] = leaf;
}

static void take_from(sites *s, uint32_t leaf, uint64_t size)
{
    s->all[leaf].live_bytes -= size;
    s->all[leaf].live_blocks--;
    s->live_bytes -= size;
    s->live_blocks--;
    note_change(s, leaf);
}

static void give_to(sites *s, uint32_t leaf, uint64_t size)
{
    site *one = &s->all[leaf];

    one->live_bytes += size;
    one->live_blocks++;
    one->bytes += size;
    one->requests++;
    s->live_bytes += size;
    s->live_blocks++;
    note_change(s, leaf);
}

static void note_peak(sites *s)
{
    for (size_t i = 0; i < s->changed_count; i++) {
        site *one = &s->all[s->changed[i]];

        one->peak_bytes = one->live_bytes;
        one->peak_blocks = one->live_blocks;
        one->changed = false;
    }
    s->changed_count = 0;
    s->peak_bytes = s->live_bytes;
    s->peak_blocks = s->live_blocks;
}

bool sites_know_slot(uint32_t **of_slot, size_t *slots, uint32_t slot)
{
    size_t wanted = *slots ? *slots : 1024;
    uint32_t *more;

    while (wanted <= slot && wanted <= SIZE_MAX / 2 / sizeof *more)
        wanted *= 2;
    if (wanted <= slot)
        return false;
    if (wanted == *slots)
        return true;
    more = realloc(*of_slot, wanted * sizeof *more);
    if (!more)
        return false;
    *of_slot = more;
    *slots = wanted;
    return true;
}

bool sites_follow(sites *s, const trace_item *item, site_move *move)
{
    *move = (site_move){SITES_NONE, SITES_NONE, item->before, item->size, false};
    if (!sites_know_slot(&s->of_slot, &s->slots, item->slot))
        return false;
    if (item->op == TRACE_FREE || item->op == TRACE_RESIZE) {
        move->from = s->of_slot[item->slot];
        take_from(s, move->from, item->before);
    }
    if (item->op != TRACE_FREE) {
        move->to = leaf_of(s, item);
        if (move->to == SITES_NONE)
            return false;
        s->of_slot[item->slot] = move->to;
        give_to(s, move->to, item->size);
    }
    move->new_peak = s->live_bytes > s->peak_bytes;
    if (move->new_peak)
        note_peak(s);
    return true;
}

/* ---- names ---- */

bool sites_note_text(sites *s, const trace_reader *reader, const trace_item *item)
{
    trace_text_kind kind;

    if (!trace_reader_text(reader, item->slot, &kind))
        return true;
    if (kind == TRACE_TEXT_PROGRAM)
        s->program = item->slot;
    if (kind != TRACE_TEXT_THREAD)
        return true;
    if (!s->thread_names)
        s->thread_names = calloc(SITES_THREADS, sizeof *s->thread_names);
    if (s->thread_names)
        s->thread_names[item->thread] = item->slot;
    return s->thread_names != NULL;
}

static const char *text_of(const trace_reader *reader, uint32_t number, const char *otherwise)
{
    trace_text_kind kind;
    const char *words = number ? trace_reader_text(reader, number, &kind) : NULL;

    return words && *words ? words : otherwise;
}

void sites_describe(const sites *s, const trace_reader *reader, const site *one,
                    const char *program, const char *swaps, char *name, size_t room)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    const char *words = "";

    switch (one->level) {
    case SITE_PROGRAM:
        words = program;
        (void)snprintf(name, room, "program ");
        break;
    case SITE_THREAD:
        words = text_of(reader, s->thread_names ? s->thread_names[one->key] : 0, "");
        (void)snprintf(name, room, "thread %lu%s", (unsigned long)one->key, *words ? " " : "");
        break;
    case SITE_ALLOCATOR:
        words = text_of(reader, one->key, "malloc");
        (void)snprintf(name, room, "allocator ");
        break;
    case SITE_TAG:
        words = text_of(reader, one->key, "(empty)");
        (void)snprintf(name, room, "tag ");
        break;
    case SITE_SIZES:
        (void)snprintf(name, room, "blocks up to %u %s", 1u << one->key % 10, units[one->key / 10]);
        break;
    default:
        (void)snprintf(name, room, "everything else");
    }
    (void)text_clean(name + strlen(name), room - strlen(name), words, swaps);
}

/* ---- life ---- */

bool sites_init(sites *s)
{
    bool memory = true;

    return below(s, 0, SITE_PROGRAM, 0, &memory) == 0;
}

void sites_deinit(sites *s)
{
    free(s->all);
    free(s->table);
    free(s->changed);
    free(s->of_slot);
    free(s->thread_names);
}
