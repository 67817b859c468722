/* map.cc: std::map, a red-black tree. */
#include "peers.h"

#include "peers/ordered.h"

#include <cstring>
#include <map>

namespace
{

struct before {
    bool operator()(const char *a, const char *b) const { return std::strcmp(a, b) < 0; }
};

typedef std::map<uint64_t, uint64_t> numbers;
typedef std::map<ordered_text, uint64_t, before> texts;

LOAM_BENCH_ORDERED(map_numbers, uint64_t, LOAM_BENCH_NUMBER, numbers)
LOAM_BENCH_ORDERED(map_texts, ordered_text, LOAM_BENCH_TEXT, texts)

} // namespace

const loam_bench_btree bench_map_numbers = LOAM_BENCH_ORDERED_TABLE(map_numbers, numbers);
const loam_bench_btree bench_map_texts = LOAM_BENCH_ORDERED_TABLE(map_texts, texts);
