/* absl.cc: Abseil's btree_map. Texts are compared once for each step, as it permits. */
#include "peers.h"

#include "peers/ordered.h"

#include <absl/container/btree_map.h>
#include <absl/types/compare.h>
#include <cstring>

namespace
{

struct compare {
    absl::weak_ordering operator()(const char *a, const char *b) const
    {
        int order = std::strcmp(a, b);

        return order < 0   ? absl::weak_ordering::less
               : order > 0 ? absl::weak_ordering::greater
                           : absl::weak_ordering::equivalent;
    }
};

typedef absl::btree_map<uint64_t, uint64_t> numbers;
typedef absl::btree_map<ordered_text, uint64_t, compare> texts;

LOAM_BENCH_ORDERED(absl_numbers, uint64_t, LOAM_BENCH_NUMBER, numbers)
LOAM_BENCH_ORDERED(absl_texts, ordered_text, LOAM_BENCH_TEXT, texts)

} // namespace

const loam_bench_btree bench_absl_numbers = LOAM_BENCH_ORDERED_TABLE(absl_numbers, numbers);
const loam_bench_btree bench_absl_texts = LOAM_BENCH_ORDERED_TABLE(absl_texts, texts);
