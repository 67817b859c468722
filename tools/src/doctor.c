/* doctor.c: `loam doctor`: what this machine offers and limits, and what loam does because of it. */
#include "doctor.h"

#include <loam/vm.h>

#include <getopt.h>
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

/* ---- telling ---- */

static void tell_json(doctor *d, const char *name, const char *value, bool warns, const char *means)
{
    const char *const members[] = {"area", d->area, "name", name, "value", value, "means", means};

    (void)fputs(d->told ? ",\n {" : "[{", stdout);
    for (size_t i = 0; i < sizeof members / sizeof *members; i += 2) {
        tool_json_text(members[i]);
        (void)fputs(": ", stdout);
        tool_json_text(members[i + 1]);
        (void)fputs(", ", stdout);
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

void doctor_tell(doctor *d, const char *name, const char *value, bool warns, const char *format,
                 ...)
{
    char means[DOCTOR_MEANS];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(means, sizeof means, format, arguments);
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

void doctor_begin_area(doctor *d, const char *area)
{
    d->area = area;
    if (!d->json)
        printf("%s%s\n", d->told ? "\n" : "", area);
}

/* ---- looking ---- */

const char *doctor_path(const char *path)
{
    static char paths[4][DOCTOR_PATH];
    static unsigned next;
    const char *root = getenv("LOAM_DOCTOR_ROOT");
    char *whole = paths[next++ % 4];

    (void)snprintf(whole, DOCTOR_PATH, "%s%s", root ? root : "", path);
    return whole;
}

bool doctor_read_line(const char *path, char line[DOCTOR_TEXT])
{
    FILE *file = fopen(doctor_path(path), "re");
    bool good = file && fgets(line, DOCTOR_TEXT, file);

    if (file)
        (void)fclose(file);
    if (!good)
        line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    return good;
}

bool doctor_read_field(const char *path, const char *name, uint64_t *value)
{
    char line[DOCTOR_TEXT];
    FILE *file = fopen(doctor_path(path), "re");
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') {
            found = true;
            *value = strtoull(line + strlen(name) + 1, NULL, 10);
        }
    if (file)
        (void)fclose(file);
    return found;
}

/* The choice in brackets of a line such as "always [madvise] never". */
static void read_choice(const char *path, char choice[DOCTOR_TEXT])
{
    char line[DOCTOR_TEXT], *from;

    (void)snprintf(choice, DOCTOR_TEXT, "not there");
    if (!doctor_read_line(path, line))
        return;
    from = strchr(line, '[');
    if (from && strchr(from, ']')) {
        *strchr(from, ']') = 0;
        (void)snprintf(choice, DOCTOR_TEXT, "%s", from + 1);
    }
}

/* ---- pages ---- */

static void look_at_pages(doctor *d)
{
    size_t page = loam_vm_page_size(), huge = loam_vm_huge_page_size();
    uint64_t pool = 0, free_pool = 0;
    char choice[DOCTOR_TEXT], defrag[DOCTOR_TEXT];

    doctor_begin_area(d, "Pages");
    doctor_tell(d, "page", tool_bytes(page), false,
                "read at run time; loam has no page size of its own%s",
                page > 4096 ? ", so programs that were built elsewhere run here as well" : "");
    read_choice("/sys/kernel/mm/transparent_hugepage/enabled", choice);
    read_choice("/sys/kernel/mm/transparent_hugepage/defrag", defrag);
    if (strcmp(choice, "always") == 0)
        doctor_tell(
            d, "huge pages", "always", true,
            "programs get pages of %s unasked: memory that was given back stays resident in parts. "
            "loam advises against them where blocks are small. Better: madvise in "
            "/sys/kernel/mm/transparent_hugepage/enabled",
            tool_bytes(huge));
    else if (strcmp(choice, "madvise") == 0)
        doctor_tell(
            d, "huge pages", "on advice", false,
            "loam advises pages of %s for arenas beyond 8 MiB and for big blocks that waste at "
            "most an eighth",
            tool_bytes(huge));
    else
        doctor_tell(d, "huge pages", choice, false, "loam uses pages of %s only", tool_bytes(page));
    doctor_tell(d, "when none is free", defrag, strcmp(defrag, "always") == 0,
                strcmp(defrag, "always") == 0
                    ? "the first touch of a huge page may wait until the kernel has made one"
                    : "the kernel does not let every first touch wait for one");
    if (doctor_read_field("/proc/meminfo", "HugePages_Total", &pool) &&
        doctor_read_field("/proc/meminfo", "HugePages_Free", &free_pool))
        doctor_tell(d, "reserved huge pages", tool_count(pool), pool > 0 && free_pool == pool, "%s",
                    pool == 0 ? "none set apart (vm.nr_hugepages); loam asks for none"
                    : free_pool == pool
                        ? "set apart and unused: that memory is lost to all programs"
                        : "in use by others; loam uses none");
}

/* ---- memory ---- */

static void look_at_memory(doctor *d)
{
    uint64_t total = 0, available = 0, swap = 0, committed = 0, most = 0;
    char mode[DOCTOR_TEXT], ratio[DOCTOR_TEXT];
    bool strict;

    doctor_begin_area(d, "Memory");
    (void)doctor_read_field("/proc/meminfo", "MemTotal", &total);
    (void)doctor_read_field("/proc/meminfo", "MemAvailable", &available);
    (void)doctor_read_field("/proc/meminfo", "SwapTotal", &swap);
    (void)doctor_read_field("/proc/meminfo", "Committed_AS", &committed);
    (void)doctor_read_field("/proc/meminfo", "CommitLimit", &most);
    doctor_tell(d, "memory", tool_bytes(total * 1024), available < total / 20,
                "%s of it available now", tool_bytes(available * 1024));
    doctor_tell(d, "swap", tool_bytes(swap * 1024), false,
                swap ? "memory that is full is written there"
                     : "none: where memory is full, a process is ended");
    if (!doctor_read_line("/proc/sys/vm/overcommit_memory", mode))
        (void)snprintf(mode, sizeof mode, "not readable");
    strict = !(loam_vm_capabilities() & LOAM_VM_FREE_COMMIT);
    if (mode[0] == '2') {
        (void)doctor_read_line("/proc/sys/vm/overcommit_ratio", ratio);
        doctor_tell(
            d, "overcommit", "2, strict", true,
            "what is promised is counted: %s of at most %s (vm.overcommit_ratio %s). Reservations "
            "are mapped without access and committed step by step",
            tool_bytes(committed * 1024), tool_bytes(most * 1024), ratio);
    } else {
        doctor_tell(
            d, "overcommit",
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
    FILE *file = fopen(doctor_path("/proc/self/maps"), "re");
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
    char line[DOCTOR_TEXT];
    uint64_t most = 0;

    doctor_begin_area(d, "Mappings");
    if (doctor_read_line("/proc/sys/vm/max_map_count", line))
        most = strtoull(line, NULL, 10);
    doctor_tell(
        d, "most mappings", tool_count(most), most < 65530,
        "of a process; this one has %zu. At the limit the system refuses memory although there is "
        "some. loam purges inside of mappings and splits none",
        count_maps());
    if (can & LOAM_VM_CHEAP_GUARD)
        doctor_tell(d, "guard pages", "MADV_GUARD", false,
                    "a guard costs no mapping (Linux 6.13 and later); loam uses these");
    else
        doctor_tell(
            d, "guard pages", "mprotect", true,
            "each guard splits a mapping, and counts against the limit above (before Linux 6.13)");
    doctor_tell(
        d, "lazy purge", can & LOAM_VM_LAZY_PURGE ? "MADV_FREE" : "none", false,
        can & LOAM_VM_LAZY_PURGE
            ? "memory that was given back lazily counts as resident until the kernel wants it"
            : "memory is given back at once");
    doctor_tell(d, "collapse on demand", can_advise(25) ? "MADV_COLLAPSE" : "none", false,
                "huge pages made at once from small ones; loam does not need it");
    doctor_tell(d, "moving mappings", can & LOAM_VM_REMAP ? "mremap" : "none", false,
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
        doctor_tell(d, name, "unlimited", false, "%s", free_text);
    else
        doctor_tell(d, name, tool_bytes(limit.rlim_cur),
                    resource == RLIMIT_AS || resource == RLIMIT_DATA, "%s", set_text);
}

/* What a region without a size of its own reserves. */
static uint64_t region_of(size_t space)
{
    uint64_t usual = (uint64_t)(sizeof(void *) >= 8 ? 64 * 4 : 1) << 28;

    return space / 4 < usual ? space / 4 : usual;
}

static void look_at_limits(doctor *d)
{
    size_t space = loam_vm_address_space();
    bool strict = !(loam_vm_capabilities() & LOAM_VM_FREE_COMMIT);

    doctor_begin_area(d, "Limits of this process");
    look_at_limit(
        d, "address space", RLIMIT_AS, "ulimit -v; loam reserves much and uses what it needs",
        "ulimit -v; reservations count. loam takes a quarter of it for a region, a 64th of "
        "what is left for an arena or a big block, and less where that is refused: blocks "
        "that grow are copied more often");
    look_at_limit(d, "data", RLIMIT_DATA, "ulimit -d",
                  "ulimit -d; counts every writable mapping whole. loam maps reservations without "
                  "access and makes them writable step by step, each a system call");
    look_at_limit(d, "stack", RLIMIT_STACK, "ulimit -s; nothing of loam is on it",
                  "ulimit -s; nothing of loam is on it");
    look_at_limit(
        d, "locked memory", RLIMIT_MEMLOCK, "ulimit -l",
        "ulimit -l; mlockall(MCL_FUTURE) counts reservations whole: then a region is to be "
        "given its size (loam_region_config::reserve)");
    doctor_tell(
        d, "a region reserves", tool_bytes(region_of(space)), false,
        "unless it is told its size; heaps for threads and regions take their memory there");
    doctor_tell(d, "commit", strict ? "system call" : "free", false,
                strict ? "writable memory is charged here, so loam asks for it step by step"
                       : "writable memory is not charged until it is touched: loam maps it so at "
                         "once");
}

/* ---- the whole ---- */

static void look_at_system(doctor *d)
{
    struct utsname about;

    if (uname(&about) != 0)
        return;
    doctor_begin_area(d, "System");
    doctor_tell(d, "kernel", about.release, false, "%s %s", about.sysname, about.machine);
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
    doctor_look_at_groups(&d);
    if (d.json)
        puts("]");
    return check && d.warnings > 0 ? EXIT_BAD : EXIT_GOOD;
}
