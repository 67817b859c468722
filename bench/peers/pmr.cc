// pmr.cc: std::pmr::monotonic_buffer_resource, over a buffer that holds a whole round, or over
// new and delete with nothing known.
#include "peers.h"

#include <cstdlib>
#include <memory_resource>
#include <new>

namespace
{

using resource = std::pmr::monotonic_buffer_resource;

struct monotonic {
    void *buffer;
    resource memory;
};

void *monotonic_open(size_t size, size_t count)
{
    size_t bytes = size * count;

    if (bytes == 0)
        return new monotonic{nullptr, resource{}};

    void *buffer = std::malloc(bytes);
    return buffer ? new monotonic{buffer, resource(buffer, bytes)} : nullptr;
}

void monotonic_reset(void *arena)
{
    static_cast<monotonic *>(arena)->memory.release();
}

void monotonic_close(void *arena)
{
    auto *m = static_cast<monotonic *>(arena);
    void *buffer = m->buffer;

    delete m;
    std::free(buffer);
}

#define MONOTONIC_PUSH(m, size)   ((m)->memory.allocate(size, 16))
#define MONOTONIC_ZEROED(m, size) memset(MONOTONIC_PUSH(m, size), 0, size)

LOAM_BENCH_PUSHES(push, monotonic, MONOTONIC_PUSH)
LOAM_BENCH_PUSHES(push_zeroed, monotonic, MONOTONIC_ZEROED)

void lives_heap(void *, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        resource life(1000); // a first block of loam's size
        auto *block = static_cast<loam_bench_word *>(life.allocate(64, 16));

        *block = i;
        LOAM_BENCH_USE(block);
    }
}

void lives_fixed(void *, size_t count)
{
    alignas(64) char buffer[1024];

    for (size_t i = 0; i < count; i++) {
        resource life(buffer, sizeof buffer);
        auto *block = static_cast<loam_bench_word *>(life.allocate(64, 16));

        *block = i;
        LOAM_BENCH_USE(block);
    }
}

loam_bench_bump make()
{
    loam_bench_bump bump{};

    bump.open = monotonic_open;
    bump.reset = monotonic_reset;
    bump.close = monotonic_close;
    loam_bench_loop const pushes[] = LOAM_BENCH_PUSH_TABLE(push);
    loam_bench_loop const zeroed[] = LOAM_BENCH_PUSH_TABLE(push_zeroed);
    for (int i = 0; i < LOAM_BENCH_SIZES; i++) {
        bump.push[i] = pushes[i];
        bump.push_zeroed[i] = zeroed[i];
    }
    bump.lives_heap = lives_heap;
    bump.lives_fixed = lives_fixed;
    bump.cold = 1;
    return bump;
}

} // namespace

extern "C" {
const loam_bench_bump bench_pmr = make();
}
