/* machine.c: the clock, pages, the CPU and its other users. */
#include "machine.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static double seconds_by(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double machine_seconds(void)
{
    return seconds_by(CLOCK_MONOTONIC);
}

double machine_own_seconds(void)
{
    return seconds_by(CLOCK_PROCESS_CPUTIME_ID);
}

size_t machine_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Reads the first line of a file; an empty one where it cannot be read. */
static void read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "r");

    line[0] = 0;
    if (!file)
        return;
    if (!fgets(line, (int)size, file))
        line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    fclose(file);
}

size_t machine_resident_bytes(void)
{
    char line[128];
    size_t total = 0, resident = 0;

    read_line("/proc/self/statm", line, sizeof line);
    if (sscanf(line, "%zu %zu", &total, &resident) != 2)
        return 0;
    return resident * machine_page_size();
}

/* The figure behind a word that a short file of the system has, in bytes. Takes nothing from malloc,
 * which may be what is looked at. */
static size_t read_kib(const char *path, const char *word)
{
    static char text[8192];
    const char *found;
    size_t length = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    while (file >= 0 && length < sizeof text - 1) {
        ssize_t got = read(file, text + length, sizeof text - 1 - length);

        if (got <= 0)
            break;
        length += (size_t)got;
    }
    if (file >= 0)
        close(file);
    text[length] = 0;
    found = strstr(text, word);
    return found ? (size_t)strtoull(found + strlen(word), NULL, 10) * 1024 : 0;
}

size_t machine_peak_bytes(void)
{
    return read_kib("/proc/self/status", "\nVmHWM:");
}

size_t machine_anonymous_bytes(void)
{
    return read_kib("/proc/self/smaps_rollup", "\nAnonymous:");
}

bool machine_forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    bool written = file && fputs("5", file) >= 0;

    return file && fclose(file) == 0 && written;
}

size_t machine_faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_minflt;
}

bool machine_permit_huge(bool permit)
{
    return prctl(PR_SET_THP_DISABLE, permit ? 0L : 1L, 0L, 0L, 0L) == 0;
}

void machine_back_memory(size_t bytes)
{
    char *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        return;
    (void)madvise(base, bytes, MADV_HUGEPAGE);
    for (size_t at = 0; at < bytes; at += machine_page_size())
        *(volatile char *)(base + at) = 1;
    (void)munmap(base, bytes);
}

bool machine_has_huge(void)
{
    char line[128];

    read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof line);
    return strstr(line, "[madvise]") || strstr(line, "[always]");
}

int machine_pin(void)
{
    cpu_set_t may, one;

    if (sched_getaffinity(0, sizeof may, &may) != 0)
        return -1;
    for (size_t cpu = CPU_SETSIZE; cpu-- > 0;) {
        if (!CPU_ISSET(cpu, &may))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return sched_setaffinity(0, sizeof one, &one) == 0 ? (int)cpu : -1;
    }
    return -1;
}

/* The CPUs that this thread may run on when it asks for all; what it asked for before stays. */
static void every_cpu(cpu_set_t *every)
{
    cpu_set_t before;

    sched_getaffinity(0, sizeof before, &before);
    machine_unpin();
    sched_getaffinity(0, sizeof *every, every);
    sched_setaffinity(0, sizeof before, &before);
}

unsigned machine_cpus(void)
{
    cpu_set_t every;

    every_cpu(&every);
    return (unsigned)CPU_COUNT(&every);
}

void machine_unpin(void)
{
    cpu_set_t every;

    memset(&every, 0xff, sizeof every);
    sched_setaffinity(0, sizeof every, &every);
}

void machine_pin_thread(unsigned number)
{
    cpu_set_t every, one;

    every_cpu(&every);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &every) || number-- > 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

/* Fills in the times of a line of /proc/stat: "cpu1" or, for all of them, "cpu". */
static void look_at_cpu(machine_noise *noise, int cpu)
{
    unsigned long long t[8] = {0};
    double tick = (double)sysconf(_SC_CLK_TCK);
    char line[512], name[32];
    FILE *file = fopen("/proc/stat", "r");

    if (!file)
        return;
    snprintf(name, sizeof name, cpu < 0 ? "cpu " : "cpu%d ", cpu);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) != 0)
            continue;
        if (sscanf(line + strlen(name), "%llu %llu %llu %llu %llu %llu %llu %llu", t, t + 1, t + 2,
                   t + 3, t + 4, t + 5, t + 6, t + 7) == 8) {
            noise->busy = (double)(t[0] + t[1] + t[2] + t[5] + t[6]) / tick;
            noise->stolen = (double)t[7] / tick;
        }
        break;
    }
    fclose(file);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

void machine_look(machine_noise *noise, int cpu)
{
    struct rusage children;

    memset(noise, 0, sizeof *noise);
    noise->cpu = cpu;
    noise->at = machine_seconds();
    getrusage(RUSAGE_CHILDREN, &children);
    noise->own = seconds_of(children.ru_utime) + seconds_of(children.ru_stime);
    noise->switches = children.ru_nivcsw;
    look_at_cpu(noise, cpu);
}

/* The name of the processor as the system tells it. */
static void processor(char *name, size_t size)
{
    char line[512];
    FILE *file = fopen("/proc/cpuinfo", "r");

    snprintf(name, size, "unknown processor");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');

        if (colon && strncmp(line, "model name", 10) == 0) {
            line[strcspn(line, "\n")] = 0;
            snprintf(name, size, "%s", colon + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

void machine_describe(FILE *out, int cpu)
{
    struct utsname system;
    char name[256], line[128], path[128];
    double load = 0;

    processor(name, sizeof name);
    uname(&system);
    read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof line);
    fprintf(out, "%s, %ld CPUs, %s %s, huge pages: %s\n", name, sysconf(_SC_NPROCESSORS_ONLN),
            system.sysname, system.release, line[0] ? line : "none");
    if (cpu >= 0)
        fprintf(out, "pinned to CPU %d\n", cpu);
    else
        fprintf(out, "warning: could not be pinned to a CPU; figures will be unsteady\n");

    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", cpu);
    read_line(path, line, sizeof line);
    if (line[0] && strcmp(line, "performance") != 0)
        fprintf(out, "warning: the CPU changes its frequency (governor %s)\n", line);
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        fprintf(out, "warning: the machine is busy (load %.2f)\n", load);
}

void machine_describe_noise(FILE *out, const machine_noise *before, const machine_noise *after)
{
    double time = after->at - before->at;
    double stolen = after->stolen - before->stolen;
    double others = (after->busy - before->busy) - (after->own - before->own);

    if (time <= 0)
        return;
    if (stolen > 0.01 * time)
        fprintf(out, "warning: %.0f %% of the time was stolen by other machines on this host\n",
                100 * stolen / time);
    if (after->cpu >= 0 && others > 0.03 * time)
        fprintf(out, "warning: %.0f %% of the time other programs ran on CPU %d\n",
                100 * others / time, after->cpu);
    if ((double)(after->switches - before->switches) > 5 * time)
        fprintf(out, "warning: measurements were interrupted %ld times by other programs\n",
                after->switches - before->switches);
}
