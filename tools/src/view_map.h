/* view_map.h: where an allocator puts the blocks of a trace: what `loam view` shows as a map.
 *
 * A trace has no addresses. So it is replayed, in a process of its own, and stopped at some calls, the
 * *frames*; at each the live blocks are looked at. The address space is cut into *segments*, stretches
 * in which there are blocks at any frame, and these into *cells* of one size, a power of two.
 *
 * The process maps this struct, fills it, and ends; it may end at any moment.
 */
#ifndef LOAM_TOOLS_VIEW_MAP_H
#define LOAM_TOOLS_VIEW_MAP_H

#include "replay_run.h"

enum { VIEW_FRAMES = 512, VIEW_CELLS = 2048, VIEW_SEGMENTS = 48 };

/* What a cell is: not in memory; in memory without a block; a block in up to 1/16 of it, and so on. */
enum { VIEW_ABSENT, VIEW_EMPTY, VIEW_USED, VIEW_LEVELS = VIEW_USED + 16 };

#define VIEW_UNKNOWN UINT64_MAX

/* In bytes, after so many calls. */
typedef struct view_frame {
    uint64_t call;
    uint64_t live;     /* what the program asked for */
    uint64_t held;     /* what the blocks have, as the allocator tells it */
    uint64_t span;     /* from the lowest block to the end of the highest, of each segment */
    uint64_t resident; /* private memory of the process, less than what it had before; or unknown */
} view_frame;

typedef struct view_segment {
    uint64_t start, size; /* of its addresses */
    uint64_t first;       /* cell */
} view_segment;

typedef struct view_map {
    /* Told to the process. */
    uint64_t frame_count;
    view_frame frames[VIEW_FRAMES];
    /* Told by it. */
    uint64_t done; /* frames that are filled */
    uint64_t cells, cell_log2, segment_count;
    view_segment segments[VIEW_SEGMENTS];
    char failed[120]; /* why there are no more frames; "": there are all */
    uint8_t levels[VIEW_FRAMES][VIEW_CELLS];
} view_map;

/* Chooses the frames of a trace, `peak` among them. */
void view_map_plan(view_map *map, uint64_t calls, uint64_t peak);

/* Replays over `s` and fills the map, in this process. */
void view_map_fill(view_map *map, const parcel *p, const subject *s);

#endif
