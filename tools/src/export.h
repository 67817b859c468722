/* export.h: what `loam export` and the formats that it writes share. */
#ifndef LOAM_TOOLS_EXPORT_H
#define LOAM_TOOLS_EXPORT_H

#include "export_sites.h"
#include "export_text.h"

typedef struct exporter exporter;

/* A format. Each function is called while the sites are as they are after the event; false: out of
 * memory. What could not be written is seen elsewhere. */
typedef struct export_format {
    const char *name;
    bool binary;       /* nothing for a terminal */
    size_t state_size; /* of what the format remembers, zeros at first */
    bool (*begin)(exporter *e);
    bool (*call)(exporter *e, const trace_item *item, const site_move *move); /* NULL: ignored */
    void (*bulk)(exporter *e, const trace_item *item);                        /* NULL: ignored */
    bool (*end)(exporter *e);
    void (*drop)(exporter *e); /* frees what the state holds; NULL: nothing */
} export_format;

extern const export_format export_heaptrack, export_pprof, export_gperftools, export_massif,
    export_chrome;

struct exporter {
    const char *file;
    const export_format *format;
    void *state;
    trace_reader *reader;
    bool count_calls; /* each is a microsecond; else the trace's clock tells the time */
    bool at_end;      /* what is in use, is meant at the end; else at the peak */
    uint64_t calls;
    uint64_t now; /* nanoseconds */
    sites sites;
    text_writer text;
};

/* What writes `format`; `file` is the trace's name, and is not opened. NULL: out of memory. */
exporter *export_new(const export_format *format, const char *file);
void export_free(exporter *e); /* NULL is ignored */

/* Reads all of a trace, and writes it; once. False: `error` tells why, or text.failed is set and
 * out_end() will tell. */
bool export_run(exporter *e, trace_reader *reader, out *to, trace_error *error);

/* ---- for the formats ---- */

/* A short name of the program, and its command line or else the trace's file; both clean. */
void export_program(const exporter *e, const char *swaps, char *name, size_t room);
void export_command(const exporter *e, const char *swaps, char *words, size_t room);

/* The name of a site. */
void export_site_name(const exporter *e, uint32_t number, const char *swaps, char name[TEXT_NAME]);

#endif
