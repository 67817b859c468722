// typed_refused.cpp: must not compile: keys and values are moved as bytes, these would not be told. See
// typed_languages.cmake.
#include <loam/btree_typed.h>

struct owner {
    owner();
    owner(const owner &other);
    ~owner();
    char *memory;
};

static int order(const owner *a, const owner *b)
{
    return a->memory < b->memory ? -1 : a->memory > b->memory;
}

#if defined(AS_KEY)
LOAM_BTREE_DEFINE_SET(owners, owner, order);
#else
LOAM_BTREE_DEFINE_NUMBER(owners, uint64_t, owner);
#endif
