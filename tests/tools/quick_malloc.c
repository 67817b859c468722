/* quick_malloc.c: a malloc that a signal may interrupt anywhere. It goes round in some memory, and holds
 * nothing for long. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { AROUND = 1 << 26, LARGEST = 1 << 20, HEADER = 16 };

static unsigned char bytes[AROUND + LARGEST] __attribute__((aligned(16)));
static size_t next;

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

void *malloc(size_t size)
{
    size_t whole = (size + HEADER + 15) & ~(size_t)15, at;

    if (size > LARGEST - HEADER - 15)
        return NULL;
    at = __atomic_fetch_add(&next, whole, __ATOMIC_RELAXED) % AROUND;
    memcpy(bytes + at, &size, sizeof size);
    return bytes + at + HEADER;
}

void *calloc(size_t count, size_t size)
{
    void *block = size != 0 && count > SIZE_MAX / size ? NULL : malloc(count * size);

    return block ? memset(block, 0, count * size) : NULL;
}

void *realloc(void *block, size_t size)
{
    void *moved = malloc(size);
    size_t old = 0;

    if (block)
        memcpy(&old, (unsigned char *)block - HEADER, sizeof old);
    if (moved && old != 0)
        memcpy(moved, block, old < size ? old : size);
    return moved;
}

void free(void *block)
{
    (void)block;
}
