/* export_heaptrack.c: what heaptrack's own recorder would have written after its interpreter: a line an
 * event, numbers in hexadecimal.
 *
 *   v 10400 1           a version of heaptrack, and of the format
 *   X words             the command
 *   s name              the next string, from 1
 *   i address M F 0 0   the next frame: strings of its module and function; no file, no line
 *   t I T               the next stack: a frame, and the stack of its caller
 *   a size T            the next kind of block, from 0
 *   + A                 a block of that kind was filled,
 *   - A                 and one was emptied
 *   c time              milliseconds since the beginning
 *
 * String 1 is the module. Site n has string n + 2, frame n + 1 and stack n + 1. Kinds that were used a
 * while ago are written anew, so that no more than RECENT are remembered; a viewer does not mind. It takes
 * a block that is emptied right after it was filled as temporary, and kind 0 as none: so 0 is not used.
 */
#include "export.h"

#include <stdlib.h>
#include <string.h>

enum { RECENT_LOG2 = 12, RECENT = 1 << RECENT_LOG2 };

typedef struct kind {
    uint64_t size;
    uint32_t leaf;
    uint32_t number; /* 0: none */
} kind;

typedef struct state {
    kind *recent;
    uint32_t *of_slot; /* kinds */
    size_t slots;
    uint32_t kinds; /* written so far */
    size_t sites;   /* the same */
    uint64_t time;  /* milliseconds, the same */
    bool begun;
} state;

/* Its printer leaves away what stands in angle brackets; stacks are parted by semicolons. */
static const char swaps[] = "<{>};,";

static bool begin(exporter *e)
{
    state *s = e->state;

    s->recent = calloc(RECENT, sizeof *s->recent);
    return s->recent != NULL;
}

static void put_string(exporter *e, const char *words)
{
    text_words(&e->text, "s ");
    text_words(&e->text, words);
    text_words(&e->text, "\n");
}

/* What comes before the first event. The program is known by then. */
static void put_head(exporter *e)
{
    state *s = e->state;
    char words[TEXT_NAME * 4];

    if (s->begun)
        return;
    s->begun = true;
    export_command(e, "", words, sizeof words);
    text_words(&e->text, "v 10400 1\nX ");
    text_words(&e->text, words);
    text_words(&e->text, "\n");
    export_program(e, swaps, words, TEXT_NAME);
    put_string(e, words);
    text_words(&e->text, "c 0\n");
}

static void put_sites(exporter *e)
{
    state *s = e->state;
    char name[TEXT_NAME];

    for (; s->sites < e->sites.count; s->sites++) {
        uint64_t number = s->sites, parent = e->sites.all[number].parent;

        export_site_name(e, (uint32_t)number, swaps, name);
        put_string(e, name);
        text_words(&e->text, "i ");
        text_hex(&e->text, number + 1);
        text_words(&e->text, " 1 ");
        text_hex(&e->text, number + 2);
        text_words(&e->text, " 0 0\nt ");
        text_hex(&e->text, number + 1);
        text_words(&e->text, " ");
        text_hex(&e->text, number == 0 ? 0 : parent + 1);
        text_words(&e->text, "\n");
    }
}

static void put_time(exporter *e)
{
    state *s = e->state;

    if (e->now / 1000000 <= s->time)
        return;
    s->time = e->now / 1000000;
    text_words(&e->text, "c ");
    text_hex(&e->text, s->time);
    text_words(&e->text, "\n");
}

static void put_kind(exporter *e, uint64_t size, uint32_t leaf)
{
    text_words(&e->text, "a ");
    text_hex(&e->text, size);
    text_words(&e->text, " ");
    text_hex(&e->text, (uint64_t)leaf + 1);
    text_words(&e->text, "\n");
}

/* The number of a kind of blocks, which it writes if need be. */
static uint32_t kind_of(exporter *e, uint32_t leaf, uint64_t size)
{
    state *s = e->state;
    uint64_t h = (size ^ (uint64_t)leaf << 40) * UINT64_C(0x9e3779b97f4a7c15);
    kind *k = &s->recent[h >> (64 - RECENT_LOG2)];

    if (k->number != 0 && k->leaf == leaf && k->size == size)
        return k->number;
    if (s->kinds == 0) {
        put_kind(e, 0, leaf); /* 0, which is not used */
        s->kinds = 1;
    }
    put_kind(e, size, leaf);
    *k = (kind){size, leaf, s->kinds++};
    return k->number;
}

static void put_event(exporter *e, const char *sign, uint32_t kind_number)
{
    text_words(&e->text, sign);
    text_hex(&e->text, kind_number);
    text_words(&e->text, "\n");
}

static bool call(exporter *e, const trace_item *item, const site_move *move)
{
    state *s = e->state;

    if (!sites_know_slot(&s->of_slot, &s->slots, item->slot))
        return false;
    put_head(e);
    put_sites(e);
    put_time(e);
    if (move->from != SITES_NONE)
        put_event(e, "- ", s->of_slot[item->slot]);
    if (move->to != SITES_NONE) {
        s->of_slot[item->slot] = kind_of(e, move->to, move->size);
        put_event(e, "+ ", s->of_slot[item->slot]);
    }
    return true;
}

static bool end(exporter *e)
{
    put_head(e);
    put_time(e);
    return true;
}

static void drop(exporter *e)
{
    state *s = e->state;

    free(s->recent);
    free(s->of_slot);
}

const export_format export_heaptrack = {"heaptrack", false, sizeof(state), begin,
                                        call,        NULL,  end,           drop};
