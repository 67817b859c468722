/* A program that keeps numbers in an array: grows it, sorts it, and finds one of them. */
#include <loam/vec_algorithms.h>
#include <loam/version.h>

#include <stdio.h>

enum { NUMBERS = 100000 };

typedef LOAM_VEC(unsigned) unsigneds;

static int compare(void *context, const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    (void)context;
    return (x > y) - (x < y);
}

static bool fill(unsigneds *v)
{
    unsigned number = 1;

    for (int i = 0; i < NUMBERS; i++) {
        number = number * 1664525 + 1013904223;
        if (!loam_vec_push(v, number))
            return false;
    }
    return true;
}

static bool is_sorted(const unsigneds *v)
{
    unsigned before = 0;

    LOAM_VEC_EACH(const unsigned *, it, v)
    {
        if (*it < before)
            return false;
        before = *it;
    }
    return true;
}

int main(void)
{
    unsigneds v = LOAM_VEC_INIT(loam_vec_default_allocator());
    bool good = fill(&v);
    unsigned last = good ? *loam_vec_last(&v) : 0;
    size_t at = 0;

    loam_vec_sort(&v, compare, NULL);
    good = good && v.count == NUMBERS && is_sorted(&v) &&
           loam_vec_search(&v, &last, compare, NULL, &at) && v.data[at] == last;
    loam_vec_deinit(&v);
    printf("loam %s: %s\n", LOAM_VERSION_STRING, good ? "good" : "bad");
    return good ? 0 : 1;
}
