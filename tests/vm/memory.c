/* memory.c: see memory.h. */
#define _GNU_SOURCE
#include "vm/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Elsewhere a file of this name may exist and tell about something else. */
static FILE *proc_file(const char *path)
{
#if defined(__linux__)
    return fopen(path, "r");
#else
    (void)path;
    return NULL;
#endif
}

/* Reads a line such as "VmSize:   123 kB" of the process's status. Returns bytes; 0 if there is
 * none. */
static size_t read_status(const char *name)
{
    FILE *file = proc_file("/proc/self/status");
    char line[256];
    unsigned long long kib = 0;

    if (!file)
        return 0;
    while (kib == 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name), NULL, 10);
    }
    (void)fclose(file);
    return (size_t)kib << 10;
}

#if defined(_WIN32)

#include <windows.h>

bool memory_tells_resident(void)
{
    return false;
}

size_t memory_resident(void *ptr, size_t size, size_t page)
{
    (void)ptr, (void)size, (void)page;
    return 0;
}

static bool page_is_mapped(char *ptr, size_t page)
{
    MEMORY_BASIC_INFORMATION info;

    (void)page;
    return VirtualQuery(ptr, &info, sizeof info) != 0 && info.State != MEM_FREE;
}

bool memory_limit_address_space(size_t more)
{
    (void)more;
    return false;
}

bool memory_limit_data(size_t more)
{
    (void)more;
    return false;
}

#else

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>

bool memory_tells_resident(void)
{
    return true;
}

/* What mincore() writes is an array of `unsigned char` on Linux and of `char` elsewhere. */
static int page_state(char *ptr, size_t page, unsigned char *state)
{
    return mincore(ptr, page, (void *)state);
}

size_t memory_resident(void *ptr, size_t size, size_t page)
{
    size_t count = 0;

    for (size_t at = 0; at < size; at += page) {
        unsigned char state = 0;

        if (page_state((char *)ptr + at, page, &state) == 0)
            count += state & 1;
    }
    return count;
}

static bool page_is_mapped(char *ptr, size_t page)
{
    unsigned char state;

    return page_state(ptr, page, &state) == 0;
}

bool memory_limit_address_space(size_t more)
{
    size_t used = memory_address_space();
    struct rlimit limits;

    if (used == 0 || getrlimit(RLIMIT_AS, &limits) != 0)
        return false;
    limits.rlim_cur = used + more;
    return setrlimit(RLIMIT_AS, &limits) == 0;
}

bool memory_limit_data(size_t more)
{
    size_t used = read_status("VmData:");
    struct rlimit limits;

    if (used == 0 || getrlimit(RLIMIT_DATA, &limits) != 0)
        return false;
    limits.rlim_cur = used + more;
    return setrlimit(RLIMIT_DATA, &limits) == 0;
}

#endif

bool memory_is_mapped(void *ptr, size_t size, size_t page)
{
    for (size_t at = 0; at < size; at += page) {
        if (!page_is_mapped((char *)ptr + at, page))
            return false;
    }
    return true;
}

bool memory_is_unmapped(void *ptr, size_t size, size_t page)
{
    for (size_t at = 0; at < size; at += page) {
        if (page_is_mapped((char *)ptr + at, page))
            return false;
    }
    return true;
}

size_t memory_address_space(void)
{
    return read_status("VmSize:");
}

size_t memory_mapping_count(void)
{
    FILE *file = proc_file("/proc/self/maps");
    size_t count = 0;
    int letter;

    if (!file)
        return 0;
    while ((letter = fgetc(file)) != EOF)
        count += letter == '\n';
    (void)fclose(file);
    return count;
}
