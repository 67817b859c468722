/* export_sites.h: where blocks were asked for, as far as a trace tells.
 *
 * Traces hold no call stacks. Viewers want some, so a path stands for one: program, thread, allocator,
 * tag (where there is one), and sizes up to a power of two. A site is a step of such a path, a node of a
 * tree; what a block is charged to is a leaf.
 *
 *   S1  a site's parent has a lower number; site 0 is the program and its own parent
 *   S2  only leaves have sums
 *   S3  a leaf is in `changed` iff its sums at the peak are not those of the last peak
 */
#ifndef LOAM_TOOLS_EXPORT_SITES_H
#define LOAM_TOOLS_EXPORT_SITES_H

#include "traces/trace_reader.h"

typedef enum site_level {
    SITE_PROGRAM,
    SITE_THREAD,    /* key: its number */
    SITE_ALLOCATOR, /* key: text, or 0 */
    SITE_TAG,       /* key: text */
    SITE_SIZES,     /* key: the power of two; a leaf */
    SITE_REST,      /* of the program, when there are too many others; a leaf */
    SITE_LEVELS
} site_level;

enum { SITES_MOST = 1 << 17, SITES_RECENT = 1024, SITES_THREADS = 1 << 16 };

#define SITES_NONE UINT32_MAX

typedef struct site {
    uint64_t live_bytes, live_blocks;
    uint64_t bytes, requests;         /* in all, resizes included */
    uint64_t peak_bytes, peak_blocks; /* when most bytes of the program were live */
    uint32_t parent, key;
    uint8_t level; /* site_level */
    bool changed;  /* S3 */
} site;

/* A path that was asked for a short while ago. */
typedef struct site_recent {
    uint32_t allocator, tag, leaf;
    uint16_t thread;
    uint8_t sizes;
    bool used;
} site_recent;

typedef struct sites {
    site *all;
    size_t count, room;
    uint32_t *table; /* by parent and key; a number and 1, or 0 */
    size_t table_room;
    uint32_t *changed; /* has the room of `all` */
    size_t changed_count;
    uint32_t *of_slot; /* the leaf of what is live there */
    size_t slots;
    uint64_t live_bytes, live_blocks, peak_bytes, peak_blocks;
    uint32_t program;       /* text; 0: not known */
    uint32_t *thread_names; /* texts, by thread; 0: not known; NULL: none has one */
    site_recent recent[SITES_RECENT];
} sites;

/* What a call did: took a block away from a leaf, and gave one to a leaf. */
typedef struct site_move {
    uint32_t from, to; /* SITES_NONE */
    uint64_t before, size;
    bool new_peak; /* more bytes are live than ever */
} site_move;

/* Begins what is all zeros. False: out of memory. */
bool sites_init(sites *s);
void sites_deinit(sites *s);

/* Notes what a text names. False: out of memory. */
bool sites_note_text(sites *s, const trace_reader *reader, const trace_item *item);

/* Makes an array, of so many words by slot, longer until it has one for a slot. Words that come to it hold
 * nothing yet. False, with nothing changed: there is no memory. */
bool sites_know_slot(uint32_t **of_slot, size_t *slots, uint32_t slot);

/* Follows a call. False: out of memory. */
bool sites_follow(sites *s, const trace_item *item, site_move *move);

/* The name of a site, of which level and key count; clean, with `swaps` as text_clean() has them.
 * `program` is that of site 0. */
void sites_describe(const sites *s, const trace_reader *reader, const site *one,
                    const char *program, const char *swaps, char *name, size_t room);

#endif
