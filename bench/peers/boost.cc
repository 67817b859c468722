// boost.cc: boost::pool, which is a list through the blocks, and boost::fast_pool_allocator, one pool
// for each size behind an allocator for containers. With its usual mutex that one can be shared by
// threads; in the other rows it has none.
#include "peers.h"

#include <boost/pool/pool.hpp>
#include <boost/pool/pool_alloc.hpp>
#include <new>

namespace
{

using boost_pool = boost::pool<boost::default_user_allocator_malloc_free>;

void *pool_open(size_t size, size_t)
{
    return new (std::nothrow) boost_pool(size);
}

void pool_close(void *pool)
{
    delete static_cast<boost_pool *>(pool);
}

#define POOL_SELF(opaque)            static_cast<boost_pool *>(opaque)
#define POOL_TAKE(pool, size)        ((pool)->malloc())
#define POOL_GIVE(pool, block, size) ((pool)->free(block))

LOAM_BENCH_POOLS(pool, boost_pool *, POOL_SELF, POOL_TAKE, POOL_GIVE)

template <size_t size> struct alignas(16) bytes {
    char of[size];
};

template <size_t size>
using owned = boost::fast_pool_allocator<bytes<size>, boost::default_user_allocator_malloc_free,
                                         boost::details::pool::null_mutex>;
template <size_t size>
using shared = boost::fast_pool_allocator<bytes<size>, boost::default_user_allocator_malloc_free>;

// The pools are the program's.
void *fast_open(size_t, size_t)
{
    static char nothing;
    return &nothing;
}

void fast_close(void *) {}

#define FAST_SELF(opaque)              (opaque)
#define OWNED_TAKE(pool, size)         (owned<size>::allocate())
#define OWNED_GIVE(pool, block, size)  (owned<size>::deallocate((bytes<size> *)(block)))
#define SHARED_TAKE(pool, size)        (shared<size>::allocate())
#define SHARED_GIVE(pool, block, size) (shared<size>::deallocate((bytes<size> *)(block)))

LOAM_BENCH_POOLS(fast, void *, FAST_SELF, OWNED_TAKE, OWNED_GIVE)
LOAM_BENCH_POOLS(fast_shared, void *, FAST_SELF, SHARED_TAKE, SHARED_GIVE)

} // namespace

extern "C" {
const loam_bench_pool bench_boost_pool = {pool_open, pool_close, 0, 0, LOAM_BENCH_POOL_TABLE(pool)};
const loam_bench_pool bench_boost_fast = {fast_open, fast_close, 0, 0, LOAM_BENCH_POOL_TABLE(fast)};
const loam_bench_pool bench_boost_fast_shared = {fast_open, fast_close, 1, 0,
                                                 LOAM_BENCH_POOL_TABLE(fast_shared)};
}
