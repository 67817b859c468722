/* ordered.h: an ordered map of C++ as a contender: std::map and all that have its interface. */
#ifndef BENCH_PEERS_ORDERED_H
#define BENCH_PEERS_ORDERED_H

#include "peer_btree.h"

namespace
{

template <class Map> void *ordered_open()
{
    return new Map;
}

template <class Map> void ordered_close(void *map)
{
    delete static_cast<Map *>(map);
}

template <class Map, class K> inline void ordered_put(Map *map, K key, uint64_t value)
{
    map->insert({key, value});
}

template <class Map, class K> inline uint64_t ordered_at(Map *map, K key)
{
    auto at = map->find(key);

    return at == map->end() ? 0 : at->second;
}

template <class Map, class K> inline uint64_t ordered_from(Map *map, K key)
{
    auto at = map->lower_bound(key);

    return at == map->end() ? 0 : at->second;
}

template <class Map, class K> inline void ordered_out(Map *map, K key)
{
    map->erase(key);
}

template <class Map, class K>
inline size_t ordered_walk(Map *map, const K *from, size_t most, uint64_t *sum)
{
    auto at = from ? map->lower_bound(*from) : map->begin();
    auto end = map->end();
    uint64_t added = 0;
    size_t count = 0;

    for (; count < most && at != end; count++, ++at)
        added += at->second;
    *sum += added;
    return count;
}

template <class Map, class K> inline void ordered_build(Map *map, const K *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        map->insert(map->end(), {keys[i], i + 1});
}

} // namespace

/* The functions of a table for a type of map that is one word. */
#define LOAM_BENCH_ORDERED(name, K, depend, Map)                                                   \
    LOAM_BENCH_BTREE(name, K, depend, Map *, ordered_put, ordered_at, ordered_from, ordered_out,   \
                     ordered_walk, ordered_build)

#define LOAM_BENCH_ORDERED_TABLE(name, Map)                                                        \
    {                                                                                              \
        ordered_open<Map>, ordered_close<Map>, LOAM_BENCH_BTREE_TABLE(name)                        \
    }

typedef const char *ordered_text;

#endif
