// pmr_pool.cc: the pools of std::pmr: unsynchronized_pool_resource, and where threads share one,
// synchronized_pool_resource. They are called as their users call them, through the base class.
#include "peers.h"

#include <memory_resource>

namespace
{

// Keeps the compiler from knowing which resource it is.
std::pmr::memory_resource *hidden(std::pmr::memory_resource *resource)
{
    LOAM_BENCH_USE(&resource);
    return resource;
}

void *owned_open(size_t, size_t)
{
    return hidden(new std::pmr::unsynchronized_pool_resource);
}

void *shared_open(size_t, size_t)
{
    return hidden(new std::pmr::synchronized_pool_resource);
}

void resource_close(void *pool)
{
    delete static_cast<std::pmr::memory_resource *>(pool);
}

#define RESOURCE_SELF(opaque)            static_cast<std::pmr::memory_resource *>(opaque)
#define RESOURCE_TAKE(pool, size)        ((pool)->allocate(size, 16))
#define RESOURCE_GIVE(pool, block, size) ((pool)->deallocate(block, size, 16))

LOAM_BENCH_POOLS(resource, std::pmr::memory_resource *, RESOURCE_SELF, RESOURCE_TAKE, RESOURCE_GIVE)

} // namespace

extern "C" {
const loam_bench_pool bench_pmr_pool = {owned_open, resource_close, 0, 1,
                                        LOAM_BENCH_POOL_TABLE(resource)};
const loam_bench_pool bench_pmr_pool_shared = {shared_open, resource_close, 1, 1,
                                               LOAM_BENCH_POOL_TABLE(resource)};
}
