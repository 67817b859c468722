/* doctor.h: what the parts of `loam doctor` share: how findings are told, and how files are read.
 */
#ifndef LOAM_TOOLS_DOCTOR_H
#define LOAM_TOOLS_DOCTOR_H

#include "tool.h"

enum { DOCTOR_TEXT = 256, DOCTOR_MEANS = 512, DOCTOR_PATH = 2048 };

/* How findings are told, and how many of them warn. */
typedef struct doctor {
    bool json;
    size_t told, warnings;
    const char *area;
} doctor;

void doctor_begin_area(doctor *d, const char *area);

/* Tells a finding: its value, and what it means. */
__attribute__((format(printf, 5, 6))) void
doctor_tell(doctor *d, const char *name, const char *value, bool warns, const char *format, ...);

/* A path of /proc or /sys, below the folder in LOAM_DOCTOR_ROOT if that is set: one of a few static texts. */
const char *doctor_path(const char *path);

/* The first line of a file. False: it cannot be read. */
bool doctor_read_line(const char *path, char line[DOCTOR_TEXT]);

/* The number behind `name` in a file of lines, such as /proc/meminfo. */
bool doctor_read_field(const char *path, const char *name, uint64_t *value);

/* The limits of control groups, of both versions, and processors. */
void doctor_look_at_groups(doctor *d);

#endif
