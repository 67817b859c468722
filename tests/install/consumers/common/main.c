/* A program that uses common alone: the handle, over libc and over pages. */
#include <loam/allocator.h>
#include <loam/vm.h>

#include <stdio.h>
#include <string.h>

static bool use(loam_allocator allocator)
{
    size_t size = 100;
    char *text = (char *)loam_zalloc(allocator, size, 1);
    if (!text)
        return false;
    memcpy(text, "loam", 4);
    char *longer = (char *)loam_realloc(allocator, text, size, 100 * size, 1);
    if (longer) {
        text = longer;
        size *= 100;
    }
    bool kept = longer && strcmp(text, "loam") == 0;
    loam_dealloc(allocator, text, size, 1);
    return kept;
}

int main(void)
{
    bool good = use(loam_libc_allocator()) && use(loam_vm_allocator());
    printf("common: %s\n", good ? "good" : "bad");
    return good ? 0 : 1;
}
