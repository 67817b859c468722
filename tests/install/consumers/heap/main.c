/* A program that keeps texts of any length in a static buffer, and, when that is full, in memory that
 * grows. */
#include <loam/heap.h>
#include <loam/version.h>

#include <stdio.h>
#include <string.h>

enum { TEXTS = 1000, ROUNDS = 100000 };

static _Alignas(64) char memory[64 << 10];

typedef struct texts {
    loam_heap *small; /* in the buffer */
    loam_heap *large; /* over the C library */
    char *text[TEXTS];
    size_t length[TEXTS];
} texts;

static void drop(texts *t, size_t i)
{
    loam_heap *owner = loam_heap_owns(t->small, t->text[i]) ? t->small : t->large;

    loam_heap_dealloc_sized(owner, t->text[i], t->length[i]);
    t->text[i] = NULL;
}

static bool put(texts *t, size_t i, size_t length)
{
    t->text[i] = (char *)loam_heap_alloc(t->small, length);
    if (!t->text[i])
        t->text[i] = (char *)loam_heap_alloc(t->large, length);
    if (!t->text[i])
        return false;
    memset(t->text[i], (int)(length % 256), length);
    t->length[i] = length;
    return true;
}

static bool work(texts *t)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t i = round * 7919 % TEXTS;

        if (t->text[i] && (t->text[i][0] & 255) != (int)(t->length[i] % 256))
            return false;
        if (t->text[i])
            drop(t, i);
        if (!put(t, i, 1 + round * 31 % 300))
            return false;
    }
    for (size_t i = 0; i < TEXTS; i++)
        drop(t, i);
    return true;
}

int main(void)
{
    static texts t;
    bool good = false;

    t.small = loam_heap_init(memory, sizeof memory, NULL);
    t.large = loam_heap_create(loam_libc_allocator(), NULL);
    if (t.small && t.large)
        good = work(&t) && loam_heap_check(t.small, NULL, NULL) &&
               loam_heap_check(t.large, NULL, NULL);
    loam_heap_destroy(t.large);
    if (t.small)
        loam_heap_deinit(t.small);
    printf("loam %s: %s\n", LOAM_VERSION_STRING, good ? "good" : "bad");
    return good ? 0 : 1;
}
