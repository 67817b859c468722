/* doctor_groups.c: the control groups of this process, as far as they limit memory and processors.
 *
 * Where a group is: /proc/self/cgroup tells its name, /proc/self/mountinfo where its kind is mounted, and
 * which group the root of that mount is. Both versions of control groups may be there side by side. The
 * groups above it limit as well.
 */
#include "doctor.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A group of one kind. */
typedef struct group {
    char folder[DOCTOR_PATH];
    size_t top;    /* length of what all folders begin with: where it is mounted */
    unsigned kind; /* version of control groups; 0: there is none */
} group;

/* More is no limit: version 1 tells it as a number like this. */
#define NO_LIMIT ((uint64_t)1 << 60)

/* ---- where it is ---- */

/* Whether `word` is one of the words of a list with commas. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (; *list; list += strcspn(list, ","), list += *list == ',')
        if (strcspn(list, ",") == length && strncmp(list, word, length) == 0)
            return true;
    return false;
}

/* The name of the group of this process: version 2 has one for all, version 1 one for each controller. */
static bool find_name(const char *controller, unsigned kind, char name[DOCTOR_PATH])
{
    char line[DOCTOR_PATH];
    FILE *file = fopen(doctor_path("/proc/self/cgroup"), "re");
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

        if (!path)
            continue;
        *path++ = 0;
        path[strcspn(path, "\n")] = 0;
        found = kind == 2 ? strcmp(line, "0:") == 0 : has_word(list + 1, controller);
        if (found)
            (void)snprintf(name, DOCTOR_PATH, "%s", path);
    }
    if (file)
        (void)fclose(file);
    return found;
}

/* A line of mountinfo: number, parent, device, root, place, options, others, "-", type, source, options. */
static bool read_mount(char *line, const char *controller, unsigned kind, char **root, char **place)
{
    char *words[64], *rest = NULL;
    size_t count = 0, dash = 6;

    for (char *word = strtok_r(line, " \n", &rest); word && count < 64;
         word = strtok_r(NULL, " \n", &rest))
        words[count++] = word;
    while (dash < count && strcmp(words[dash], "-") != 0)
        dash++;
    if (dash + 3 >= count || strcmp(words[dash + 1], kind == 2 ? "cgroup2" : "cgroup") != 0)
        return false;
    *root = words[3];
    *place = words[4];
    return kind == 2 || has_word(words[dash + 3], controller);
}

/* The group for a controller, of that version. */
static bool find_group(group *g, const char *controller, unsigned kind)
{
    char name[DOCTOR_PATH], line[DOCTOR_PATH], *root, *place;
    FILE *file;
    bool found = false;

    *g = (group){.kind = 0};
    if (!find_name(controller, kind, name))
        return false;
    file = fopen(doctor_path("/proc/self/mountinfo"), "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        size_t length;
        const char *below;

        if (!read_mount(line, controller, kind, &root, &place))
            continue;
        length = strcmp(root, "/") == 0 ? 0 : strlen(root);
        below = strncmp(name, root, length) == 0 ? name + length : ""; /* or it is out of sight */
        below = strcmp(below, "/") == 0 ? "" : below;
        found = snprintf(g->folder, DOCTOR_PATH, "%s%s", place, below) < DOCTOR_PATH - 64;
        g->top = strlen(place);
        g->kind = kind;
    }
    if (file)
        (void)fclose(file);
    return found;
}

/* ---- what it limits ---- */

/* Reads a file of the group whose folder is that long. */
static bool read_in(const group *g, size_t length, const char *name, char line[DOCTOR_TEXT])
{
    char path[DOCTOR_PATH + DOCTOR_TEXT];

    (void)snprintf(path, sizeof path, "%.*s/%s", (int)length, g->folder, name);
    return doctor_read_line(path, line);
}

/* The length of the folder of the group above; 0: there is none. */
static size_t above(const group *g, size_t length)
{
    while (length > g->top && g->folder[length - 1] != '/')
        length--;
    return length > g->top ? length - 1 : 0;
}

static bool is_number(const char *line)
{
    return line[0] >= '0' && line[0] <= '9';
}

/* The least figure of this name in the group and those above; UINT64_MAX: no limit. */
static uint64_t least_in_groups(const group *g, const char *name)
{
    char line[DOCTOR_TEXT];
    uint64_t least = UINT64_MAX;

    for (size_t at = strlen(g->folder); at > 0; at = above(g, at))
        if (read_in(g, at, name, line) && is_number(line)) {
            uint64_t value = strtoull(line, NULL, 10);

            least = value < NO_LIMIT && value < least ? value : least;
        }
    return least;
}

/* What a group grants in a period, both in microseconds. False: as much as there is. */
static bool read_quota(const group *g, size_t at, uint64_t *quota, uint64_t *period)
{
    char line[DOCTOR_TEXT], *behind;

    if (!read_in(g, at, g->kind == 2 ? "cpu.max" : "cpu.cfs_quota_us", line) || !is_number(line))
        return false;
    *quota = strtoull(line, &behind, 10);
    if (g->kind == 2)
        *period = strtoull(behind, NULL, 10);
    else
        *period = read_in(g, at, "cpu.cfs_period_us", line) ? strtoull(line, NULL, 10) : 0;
    return *period > 0 && *quota < NO_LIMIT / 100;
}

/* Hundredths of a processor that the groups grant; UINT64_MAX: no limit. */
static uint64_t processors_of_groups(const group *g)
{
    uint64_t least = UINT64_MAX, quota, period;

    for (size_t at = strlen(g->folder); at > 0; at = above(g, at))
        if (read_quota(g, at, &quota, &period) && quota * 100 / period < least)
            least = quota * 100 / period;
    return least;
}

/* ---- telling ---- */

static void look_at_memory(doctor *d, const group *g)
{
    const char *name = g->kind == 2 ? "memory.max" : "memory.limit_in_bytes";
    uint64_t most = least_in_groups(g, name), total = 0;
    uint64_t high = g->kind == 2 ? least_in_groups(g, "memory.high") : UINT64_MAX;
    char line[DOCTOR_TEXT];

    (void)doctor_read_field("/proc/meminfo", "MemTotal", &total);
    if (!read_in(g, strlen(g->folder), g->kind == 2 ? "memory.current" : "memory.usage_in_bytes",
                 line))
        line[0] = 0;
    if (most == UINT64_MAX || most >= total * 1024)
        doctor_tell(d, "memory", "unlimited", false, "%s", name);
    else
        doctor_tell(d, "memory", tool_bytes(most), true,
                    "%s, %s used now; beyond it a process of the group is ended, and malloc never "
                    "says no. loam does not look at it: a budget (loam_budget) below it makes "
                    "requests fail instead",
                    name, tool_bytes(strtoull(line, NULL, 10)));
    if (high != UINT64_MAX)
        doctor_tell(d, "memory, soft", tool_bytes(high), true,
                    "memory.high; beyond it the group is slowed down");
}

static void look_at_time(doctor *d, const group *g, int usable)
{
    const char *name = g->kind == 2 ? "cpu.max" : "cpu.cfs_quota_us";
    uint64_t granted = processors_of_groups(g);
    char value[DOCTOR_TEXT];

    if (granted == UINT64_MAX) {
        doctor_tell(d, "processor time", "unlimited", false, "%s", name);
        return;
    }
    (void)snprintf(value, sizeof value, "%llu.%02llu of %d", (unsigned long long)(granted / 100),
                   (unsigned long long)(granted % 100), usable);
    doctor_tell(d, "processor time", value, granted < (uint64_t)usable * 100,
                "%s; a sharded heap has a shard for each processor all the same, and more than are "
                "granted are of no use: set loam_heap_sharded_config::shards",
                name);
}

void doctor_look_at_groups(doctor *d)
{
    char value[DOCTOR_TEXT];
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t may;
    int usable = sched_getaffinity(0, sizeof may, &may) == 0 ? CPU_COUNT(&may) : (int)online;
    group memory, time;

    doctor_begin_area(d, "Control groups and processors");
    (void)snprintf(value, sizeof value, "%d of %ld", usable, online);
    doctor_tell(d, "processors", value, false,
                "that this process may use; a sharded heap has a shard for each, 64 at most");
    /* A controller is of one version: where it is of version 1, that has its files. */
    if (find_group(&memory, "memory", 1) || find_group(&memory, "memory", 2))
        look_at_memory(d, &memory);
    if (find_group(&time, "cpu", 1) || find_group(&time, "cpu", 2))
        look_at_time(d, &time, usable);
    if (memory.kind == 0 && time.kind == 0)
        doctor_tell(d, "control groups", "none", false, "none is mounted that limits this process");
}
