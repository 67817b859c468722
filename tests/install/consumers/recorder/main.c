/* A program that records what it asks of malloc, and counts the bytes of the trace. */
#include <loam/recorder.h>
#include <loam/version.h>

#include <stdio.h>

static bool count_bytes(void *context, const void *bytes, size_t size)
{
    (void)bytes;
    *(size_t *)context += size;
    return true;
}

static bool work(loam_allocator a)
{
    for (size_t size = 1; size <= 1000; size++) {
        void *block = loam_alloc(a, size, 8);

        if (!block)
            return false;
        loam_dealloc(a, block, size, 8);
    }
    return true;
}

int main(void)
{
    size_t bytes = 0;
    loam_recorder_config config = {.write = count_bytes, .context = &bytes};
    loam_recorder *recorder = loam_recorder_create(&config);
    loam_recorded one;
    bool good = false;

    if (recorder) {
        loam_recorded_init(&one, loam_libc_allocator(), recorder, "blocks");
        good = work(loam_recorded_allocator(&one));
        loam_recorded_deinit(&one);
        good = loam_recorder_finish(recorder) && good && bytes > 2000 * 16;
        loam_recorder_destroy(recorder);
    }
    printf("loam %s: %s, %zu bytes\n", LOAM_VERSION_STRING, good ? "good" : "bad", bytes);
    return good ? 0 : 1;
}
