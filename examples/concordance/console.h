/* console.h: what people see on standard error: complaints, and progress while they wait. */
#ifndef CONCORDANCE_CONSOLE_H
#define CONCORDANCE_CONSOLE_H

#include <loam/base.h>

#include <stdio.h>

struct console {
    FILE *stream;
    bool terminal;     /* whether a person watches; only they are shown progress */
    bool quiet;        /* complaints were made before, by another run over the same files */
    bool shown;        /* a progress line is on the screen now */
    const char *doing; /* what is going on, such as "reading" */
    double next;       /* when a line may be drawn, in seconds */
};

void console_init(struct console *console, FILE *stream);

/* Something else goes on from now; if it takes long, progress shows. `doing` is kept. */
void console_begin(struct console *console, const char *doing);

/* Progress, in bytes: drawn at most a few times a second. Cheap to call often. */
void console_progress(struct console *console, uint64_t done, uint64_t total);

/* Takes the progress line off the screen. Before anything else is printed. */
void console_clear(struct console *console);

/* One line: "concordance: <about>: <what>". */
LOAM_FORMAT(3, 4)
void console_complain(struct console *console, const char *about, const char *what, ...);

/* Seconds of a clock that only goes forward. */
double seconds_now(void);

#endif
