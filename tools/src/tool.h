/* tool.h: what the commands of `loam` share.
 *
 * Exit codes of all commands: 0 done; 1 the input is bad, or the machine refused; 2 the command line
 * is wrong. `record` ends as the program that it records did, and with 125 where it failed itself.
 */
#ifndef LOAM_TOOLS_TOOL_H
#define LOAM_TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_USAGE = 2, EXIT_RECORD = 125 };

/* A command. Its `run` gets its own name as argv[0]. */
typedef struct tool_command {
    const char *name;
    const char *summary; /* a line */
    const char *help;    /* what --help prints */
    int (*run)(int argc, char **argv);
} tool_command;

extern const tool_command tool_record, tool_replay, tool_stats, tool_view, tool_export, tool_doctor;

/* ---- messages, all to standard error and with the command's name in front ---- */

void tool_set_command(const tool_command *command);
__attribute__((format(printf, 1, 2))) void tool_say(const char *format, ...);
__attribute__((format(printf, 2, 3))) _Noreturn void tool_fail(int code, const char *format, ...);

/* Ends with EXIT_USAGE; says the message, unless it is NULL, and how to get help. */
__attribute__((format(printf, 1, 2))) _Noreturn void tool_usage(const char *format, ...);

/* Prints the help of the command that runs. Returns EXIT_GOOD, if it could be written. */
int tool_help(void);

/* What a command ends with: `code`, but EXIT_BAD in place of EXIT_GOOD, and a message, where not all that was
 * printed could be written. */
int tool_end_output(int code);

/* Ends with EXIT_USAGE if what is to be written would replace the trace that it is made of. */
void tool_refuse_same(const char *trace, const char *output);

/* In a child: it is ended when its parent is, whatever ends that. */
void tool_end_with_parent(void);

/* Where long work is, on a terminal only; total 0: not known. tool_progress_end() wipes it away. */
void tool_progress(const char *what, uint64_t done, uint64_t total);
void tool_progress_end(void);

/* ---- numbers ---- */

/* A number with an optional k, M, G or T behind it, powers of 1024. False: it is none. */
bool tool_read_size(const char *text, uint64_t *value);

/* A plain number from `least` to `most`. False: it is none. */
bool tool_read_number(const char *text, uint64_t least, uint64_t most, uint64_t *value);

/* 12345678 as "11.8 MiB", in one of a few buffers that are used in turn. */
const char *tool_bytes(uint64_t bytes);

/* 12345678 as "12 345 678", likewise. */
const char *tool_count(uint64_t count);

/* Nanoseconds as "1.23 ms", likewise. */
const char *tool_time(double nanoseconds);

/* The path of this program's own file, or of a file that lies with it: beside it in a build folder, in
 * the folder of libraries in an install tree. NULL: there is none. The result is static. */
const char *tool_own_path(void);
const char *tool_library(const char *name, const char *variable);

/* Writes text as a JSON string, quotes included, to standard output. */
void tool_json_text(const char *text);

#endif
