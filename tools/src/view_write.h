/* view_write.h: writes the page of `loam view`, or its data alone. */
#ifndef LOAM_TOOLS_VIEW_WRITE_H
#define LOAM_TOOLS_VIEW_WRITE_H

#include "out.h"
#include "view_map.h"
#include "view_series.h"

enum { VIEW_MAPS = 8 };

/* A trace over one allocator. */
typedef struct view_over {
    const char *name;    /* as it is shown */
    const char *subject; /* of replay_subjects */
    const char *preload; /* or NULL */
    view_map *map;
} view_over;

typedef struct view_data {
    const char *title; /* any bytes */
    const char *file;  /* name of the trace, without folders; any bytes */
    view_series *series;
    view_over over[VIEW_MAPS];
    size_t over_count;
} view_data;

/* Writes the data as JSON: numbers and texts of UTF-8, in which there is no '<'. False: it can't. */
bool view_write_data(out *to, const view_data *data);

/* Writes the page. False: it can't. */
bool view_write_page(out *to, const view_data *data);

#endif
