#include "console.h"

#include <stdarg.h>
#include <time.h>
#include <unistd.h>

/* Nobody wants to see progress of what is over at once, or a line that flickers. */
static const double first_after = 0.3;
static const double again_after = 0.1;

double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void console_init(struct console *console, FILE *stream)
{
    console->stream = stream;
    console->terminal = isatty(fileno(stream));
    console->quiet = false;
    console->shown = false;
    console_begin(console, "reading");
}

void console_begin(struct console *console, const char *doing)
{
    console->doing = doing;
    console->next = console->terminal ? seconds_now() + first_after : 0;
}

void console_progress(struct console *console, uint64_t done, uint64_t total)
{
    const double mega = 1e6;
    double now;

    if (!console->terminal)
        return;
    now = seconds_now();
    if (now < console->next)
        return;
    console->next = now + again_after;
    console->shown = true;
    fprintf(console->stream, "\r%s: %.1f of %.1f MB\033[K", console->doing, (double)done / mega,
            (double)total / mega);
    fflush(console->stream);
}

void console_clear(struct console *console)
{
    if (console->shown)
        fputs("\r\033[K", console->stream);
    fflush(console->stream);
    console->shown = false;
}

void console_complain(struct console *console, const char *about, const char *what, ...)
{
    va_list arguments;

    if (console->quiet)
        return;
    console_clear(console);
    fprintf(console->stream, "concordance: %s: ", about);
    va_start(arguments, what);
    vfprintf(console->stream, what, arguments);
    va_end(arguments);
    fputc('\n', console->stream);
    fflush(console->stream);
}
