/* doctor.c: `loam doctor`: what this machine offers and limits, and what loam does because of it. */
#include "tool.h"

#include <loam/vm.h>

#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static int run(int argc, char **argv);

const tool_command tool_doctor = {
    "doctor", "tells what this machine offers and limits, and what loam does because of it",
    "Usage: loam doctor [OPTIONS]\n"
    "\n"
    "Looks at the machine as a program of this user would meet it, here and now: pages, huge "
    "pages,\n"
    "overcommit, the number of mappings, limits of the process and of its control groups, guards.\n"
    "A line that begins with ! is worth a look: something there will refuse memory or cost time.\n"
    "\n"
    "      --json   the same for programs: a list of objects with the members area, name, value,\n"
    "               means and warns\n"
    "      --check  exit code 1 if there is such a line\n"
    "  -h, --help   this text\n",
    run};

enum { TEXT = 256 };

/* How findings are told, and how many of them warn. */
typedef struct doctor {
    bool json;
    size_t told, warnings;
    const char *area;
} doctor;

/* ---- telling ---- */

static void tell_json(doctor *d, const char *name, const char *value, bool warns, const char *means)
{
    const char *const members[] = {"area", d->area, "name", name, "value", value, "means", means};

    fputs(d->told ? ",\n {" : "[{", stdout);
    for (size_t i = 0; i < sizeof members / sizeof *members; i += 2) {
        tool_json_text(members[i]);
        fputs(": ", stdout);
        tool_json_text(members[i + 1]);
        fputs(", ", stdout);
    }
    printf("\"warns\": %s}", warns ? "true" : "false");
}

/* Prints words in lines of some 64 bytes, each behind so many blanks but the first. */
static void print_folded(const char *words, int indent)
{
    enum { WIDTH = 60 };

    while (strlen(words) > WIDTH) {
        int cut = WIDTH;

        while (cut > 0 && words[cut] != ' ')
            cut--;
        if (cut == 0)
            break;
        printf("%.*s\n%*s", cut, words, indent, "");
        words += cut + 1;
    }
    puts(words);
}

__attribute__((format(printf, 5, 6))) static void
tell(doctor *d, const char *name, const char *value, bool warns, const char *format, ...)
{
    char means[2 * TEXT];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(means, sizeof means, format, arguments);
    va_end(arguments);
    if (d->json) {
        tell_json(d, name, value, warns, means);
    } else {
        printf("%c %-22s %-18s ", warns ? '!' : ' ', name, value);
        print_folded(means, 44);
    }
    d->told++;
    d->warnings += warns;
}

static void begin_area(doctor *d, const char *area)
{
    d->area = area;
    if (!d->json)
        printf("%s%s\n", d->told ? "\n" : "", area);
}

/* ---- looking ---- */

/* The first line of a file. False: it cannot be read. */
static bool read_line(const char *path, char line[TEXT])
{
    FILE *file = fopen(path, "re");
    bool good = file && fgets(line, TEXT, file);

    if (file)
        (void)fclose(file);
    if (!good)
        line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    return good;
}

/* The number behind `name` in a file of lines, such as /proc/meminfo. */
static bool read_field(const char *path, const char *name, uint64_t *value)
{
    char line[TEXT];
    FILE *file = fopen(path, "re");
    bool found = false;
    unsigned long long number;

    while (file && !found && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            found = sscanf(line + strlen(name) + 1, "%llu", &number) == 1;
            *value = found ? number : 0;
        }
    if (file)
        (void)fclose(file);
    return found;
}

/* The choice in brackets of a line such as "always [madvise] never". */
static void read_choice(const char *path, char choice[TEXT])
{
    char line[TEXT], *from;

    snprintf(choice, TEXT, "not there");
    if (!read_line(path, line))
        return;
    from = strchr(line, '[');
    if (from && strchr(from, ']')) {
        *strchr(from, ']') = 0;
        snprintf(choice, TEXT, "%s", from + 1);
    }
}

/* ---- pages ---- */

static void look_at_pages(doctor *d)
{
    size_t page = loam_vm_page_size(), huge = loam_vm_huge_page_size();
    uint64_t pool = 0, free_pool = 0;
    char choice[TEXT], defrag[TEXT];

    begin_area(d, "Pages");
    tell(d, "page", tool_bytes(page), false, "read at run time; loam has no page size of its own%s",
         page > 4096 ? ", so programs that were built elsewhere run here as well" : "");
    read_choice("/sys/kernel/mm/transparent_hugepage/enabled", choice);
    read_choice("/sys/kernel/mm/transparent_hugepage/defrag", defrag);
    if (strcmp(choice, "always") == 0)
        tell(
            d, "huge pages", "always", true,
            "programs get pages of %s unasked: memory that was given back stays resident in parts. "
            "loam advises against them where blocks are small. Better: madvise in "
            "/sys/kernel/mm/transparent_hugepage/enabled",
            tool_bytes(huge));
    else if (strcmp(choice, "madvise") == 0)
        tell(d, "huge pages", "on advice", false,
             "loam advises pages of %s for arenas beyond 8 MiB and for big blocks that waste at "
             "most an eighth",
             tool_bytes(huge));
    else
        tell(d, "huge pages", choice, false, "loam uses pages of %s only", tool_bytes(page));
    tell(d, "when none is free", defrag, strcmp(defrag, "always") == 0,
         strcmp(defrag, "always") == 0
             ? "the first touch of a huge page may wait until the kernel has made one"
             : "the kernel does not let every first touch wait for one");
    if (read_field("/proc/meminfo", "HugePages_Total", &pool) &&
        read_field("/proc/meminfo", "HugePages_Free", &free_pool))
        tell(d, "reserved huge pages", tool_count(pool), pool > 0 && free_pool == pool, "%s",
             pool == 0           ? "none set apart (vm.nr_hugepages); loam asks for none"
             : free_pool == pool ? "set apart and unused: that memory is lost to all programs"
                                 : "in use by others; loam uses none");
}

/* ---- memory ---- */

static void look_at_memory(doctor *d)
{
    uint64_t total = 0, available = 0, swap = 0, committed = 0, most = 0;
    char mode[TEXT], ratio[TEXT];
    bool strict;

    begin_area(d, "Memory");
    (void)read_field("/proc/meminfo", "MemTotal", &total);
    (void)read_field("/proc/meminfo", "MemAvailable", &available);
    (void)read_field("/proc/meminfo", "SwapTotal", &swap);
    (void)read_field("/proc/meminfo", "Committed_AS", &committed);
    (void)read_field("/proc/meminfo", "CommitLimit", &most);
    tell(d, "memory", tool_bytes(total * 1024), available < total / 20, "%s of it available now",
         tool_bytes(available * 1024));
    tell(d, "swap", tool_bytes(swap * 1024), false,
         swap ? "memory that is full is written there"
              : "none: where memory is full, a process is ended");
    if (!read_line("/proc/sys/vm/overcommit_memory", mode))
        snprintf(mode, sizeof mode, "not readable");
    strict = loam_vm_capabilities() & LOAM_VM_FREE_COMMIT ? false : true;
    if (mode[0] == '2') {
        (void)read_line("/proc/sys/vm/overcommit_ratio", ratio);
        tell(d, "overcommit", "2, strict", true,
             "what is promised is counted: %s of at most %s (vm.overcommit_ratio %s). Reservations "
             "are mapped without access and committed step by step",
             tool_bytes(committed * 1024), tool_bytes(most * 1024), ratio);
    } else {
        tell(d, "overcommit",
             mode[0] == '1'   ? "1, always"
             : mode[0] == '0' ? "0, heuristic"
                              : mode,
             false,
             strict ? "commit is a system call here all the same"
                    : "reserved memory costs nothing until it is touched: loam maps a reservation "
                      "at once and commits without a system call");
    }
}

/* ---- mappings and guards ---- */

static size_t count_maps(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    size_t count = 0;
    int byte;

    while (file && (byte = getc(file)) != EOF)
        count += byte == '\n';
    if (file)
        (void)fclose(file);
    return count;
}

static bool can_advise(int advice)
{
    size_t page = loam_vm_page_size();
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool can;

    if (memory == MAP_FAILED)
        return false;
    can = madvise(memory, page, advice) == 0;
    (void)munmap(memory, page);
    return can;
}

static void look_at_mappings(doctor *d)
{
    uint32_t can = loam_vm_capabilities();
    char line[TEXT];
    uint64_t most = 0;

    begin_area(d, "Mappings");
    if (read_line("/proc/sys/vm/max_map_count", line))
        most = strtoull(line, NULL, 10);
    tell(d, "most mappings", tool_count(most), most < 65530,
         "of a process; this one has %zu. At the limit the system refuses memory although there is "
         "some. loam purges inside of mappings and splits none",
         count_maps());
    if (can & LOAM_VM_CHEAP_GUARD)
        tell(d, "guard pages", "MADV_GUARD", false,
             "a guard costs no mapping (Linux 6.13 and later); loam uses these");
    else
        tell(d, "guard pages", "mprotect", true,
             "each guard splits a mapping, and counts against the limit above (before Linux 6.13)");
    tell(d, "lazy purge", can & LOAM_VM_LAZY_PURGE ? "MADV_FREE" : "none", false,
         can & LOAM_VM_LAZY_PURGE
             ? "memory that was given back lazily counts as resident until the kernel wants it"
             : "memory is given back at once");
    tell(d, "collapse on demand", can_advise(25) ? "MADV_COLLAPSE" : "none", false,
         "huge pages made at once from small ones; loam does not need it");
    tell(d, "moving mappings", can & LOAM_VM_REMAP ? "mremap" : "none", false,
         can & LOAM_VM_REMAP ? "big blocks grow by moving page tables, not bytes"
                             : "big blocks grow by copying");
}

/* ---- limits ---- */

static void look_at_limit(doctor *d, const char *name, int resource, const char *free_text,
                          const char *set_text)
{
    struct rlimit limit;

    if (getrlimit((unsigned)resource, &limit) != 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY)
        tell(d, name, "unlimited", false, "%s", free_text);
    else
        tell(d, name, tool_bytes(limit.rlim_cur), resource == RLIMIT_AS || resource == RLIMIT_DATA,
             "%s", set_text);
}

static void look_at_limits(doctor *d)
{
    size_t space = loam_vm_address_space();

    begin_area(d, "Limits of this process");
    look_at_limit(d, "address space", RLIMIT_AS,
                  "ulimit -v; loam reserves tens of GiB and uses "
                  "what it needs",
                  "ulimit -v; loam's reservations climb down until they fit, so blocks that grow "
                  "move more often");
    look_at_limit(d, "data", RLIMIT_DATA, "ulimit -d",
                  "ulimit -d; counts every private writable mapping, reserved ones too");
    look_at_limit(d, "stack", RLIMIT_STACK, "ulimit -s", "ulimit -s; heaps of loam are not on it");
    look_at_limit(d, "locked memory", RLIMIT_MEMLOCK, "ulimit -l",
                  "ulimit -l; mlockall(MCL_FUTURE) counts reservations whole");
    tell(d, "room for loam", space == SIZE_MAX ? "not told" : tool_bytes(space), false,
         "address space that reservations share");
}

/* ---- control groups ---- */

/* The folder of this process's group, of version 2; false: there is none. */
static bool find_group(char folder[TEXT * 2])
{
    char line[TEXT];
    FILE *file = fopen("/proc/self/cgroup", "re");
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file))
        if (strncmp(line, "0::", 3) == 0) {
            line[strcspn(line, "\n")] = 0;
            snprintf(folder, TEXT * 2, "/sys/fs/cgroup%s", line + 3);
            found = true;
        }
    if (file)
        (void)fclose(file);
    return found;
}

/* The least figure of this name in the group and those above; UINT64_MAX: no limit. */
static uint64_t least_in_groups(const char *folder, const char *name)
{
    char path[TEXT * 3], here[TEXT * 2], line[TEXT];
    uint64_t least = UINT64_MAX;

    snprintf(here, sizeof here, "%s", folder);
    while (strlen(here) >= strlen("/sys/fs/cgroup")) {
        char *slash = strrchr(here, '/');

        snprintf(path, sizeof path, "%s/%s", here, name);
        if (read_line(path, line) && line[0] >= '0' && line[0] <= '9') {
            uint64_t value = strtoull(line, NULL, 10);

            least = value < least ? value : least;
        }
        *slash = 0;
    }
    return least;
}

/* Hundredths of a processor that the groups grant; UINT64_MAX: no limit. */
static uint64_t processors_of_groups(const char *folder)
{
    char path[TEXT * 3], here[TEXT * 2], line[TEXT];
    uint64_t least = UINT64_MAX;
    unsigned long long quota, period;

    snprintf(here, sizeof here, "%s", folder);
    while (strlen(here) >= strlen("/sys/fs/cgroup")) {
        snprintf(path, sizeof path, "%s/cpu.max", here);
        if (read_line(path, line) && sscanf(line, "%llu %llu", &quota, &period) == 2 && period > 0)
            least = quota * 100 / period < least ? quota * 100 / period : least;
        *strrchr(here, '/') = 0;
    }
    return least;
}

static void look_at_memory_of_group(doctor *d, const char *folder)
{
    uint64_t most = least_in_groups(folder, "memory.max");
    uint64_t high = least_in_groups(folder, "memory.high"), total = 0;
    char line[TEXT], path[TEXT * 3];

    (void)read_field("/proc/meminfo", "MemTotal", &total);
    snprintf(path, sizeof path, "%s/memory.current", folder);
    if (!read_line(path, line))
        snprintf(line, sizeof line, "0");
    if (most == UINT64_MAX)
        tell(d, "memory", "unlimited", false, "memory.max");
    else
        tell(d, "memory", tool_bytes(most), most < total * 1024,
             "memory.max, %s used now; beyond it a process of the group is ended, and malloc never "
             "says no: use a budget (loam_budget) below it",
             tool_bytes(strtoull(line, NULL, 10)));
    if (high != UINT64_MAX)
        tell(d, "memory, soft", tool_bytes(high), true,
             "memory.high; beyond it the group is slowed down");
}

static void look_at_groups(doctor *d)
{
    char folder[TEXT * 2], value[TEXT];
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t may;
    int usable = sched_getaffinity(0, sizeof may, &may) == 0 ? CPU_COUNT(&may) : (int)online;
    uint64_t granted;

    begin_area(d, "Control groups and processors");
    snprintf(value, sizeof value, "%d of %ld", usable, online);
    tell(d, "processors", value, false, "a sharded heap has a shard for each, 64 at most");
    if (!find_group(folder)) {
        tell(d, "control groups", "version 1 or none", false, "their limits are not looked at");
        return;
    }
    look_at_memory_of_group(d, folder);
    granted = processors_of_groups(folder);
    if (granted == UINT64_MAX)
        tell(d, "processor time", "unlimited", false, "cpu.max");
    else {
        snprintf(value, sizeof value, "%llu.%02llu of %d", (unsigned long long)(granted / 100),
                 (unsigned long long)(granted % 100), usable);
        tell(d, "processor time", value, granted < (uint64_t)usable * 100,
             "cpu.max; more shards than that are of no use: set loam_heap_sharded_config::shards");
    }
}

/* ---- the whole ---- */

static void look_at_system(doctor *d)
{
    struct utsname about;

    if (uname(&about) != 0)
        return;
    begin_area(d, "System");
    tell(d, "kernel", about.release, false, "%s %s", about.sysname, about.machine);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"check", no_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    doctor d = {.json = false};
    bool check = false;
    int option;

    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        if (option == 'h')
            return tool_help();
        if (option == '?')
            tool_usage(NULL);
        d.json = d.json || option == 'j';
        check = check || option == 'c';
    }
    if (optind < argc)
        tool_usage("what is '%s'?", argv[optind]);
    look_at_system(&d);
    look_at_pages(&d);
    look_at_memory(&d);
    look_at_mappings(&d);
    look_at_limits(&d);
    look_at_groups(&d);
    if (d.json)
        puts("]");
    return check && d.warnings > 0 ? EXIT_BAD : EXIT_GOOD;
}
