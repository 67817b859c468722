// vector.cc: std::vector; and std::deque, whose elements stay where they are, as a bucket array's.
#include "peers.h"

#include <deque>
#include <new>
#include <vector>

namespace
{

template <class array> void end_of(array *a)
{
    a->~array();
}

#define VECTOR_TYPE(T)             std::vector<T>
#define DEQUE_TYPE(T)              std::deque<T>
#define VECTOR_MAKE(a, T, count)   (new (a) std::vector<T>)
#define DEQUE_MAKE(a, T, count)    (new (a) std::deque<T>)
#define STANDARD_PUSH(a, T, value) (a)->push_back(value)
#define STANDARD_AT(a, T, index)   (&(*(a))[index])
#define STANDARD_END(a, T)         end_of(a)

LOAM_BENCH_ARRAYS(vector, VECTOR_TYPE, VECTOR_MAKE, STANDARD_PUSH, STANDARD_AT, STANDARD_END)
LOAM_BENCH_ARRAYS(deque, DEQUE_TYPE, DEQUE_MAKE, STANDARD_PUSH, STANDARD_AT, STANDARD_END)

BENCH_READS(deque, DEQUE_TYPE, STANDARD_AT)

} // namespace

extern "C" {
const loam_bench_vec bench_vector = LOAM_BENCH_ARRAY_TABLE(vector);
const loam_bench_vec bench_deque = LOAM_BENCH_ARRAY_TABLE(deque);
const bench_loop bench_deque_by_index = {deque_open, deque_by_index, deque_close};
const bench_loop bench_deque_random = {deque_open, deque_random, deque_close};
}
