// vec_cxx_refuses.cpp: one OPERATION on an array of elements that own something, with OWNS, or else
// nothing; see vec_cxx_refuses.cmake.
#include <loam/vec_algorithms.h>

namespace
{

struct element {
    void *thing;
#if defined(OWNS)
    element() : thing(nullptr) {}
    element(const element &other) : thing(other.thing) {}
    ~element()
    {
        thing = nullptr;
    }
#endif
};

typedef LOAM_VEC(element) elements;

int compare(void *, const void *, const void *)
{
    return 0;
}

} // namespace

int main()
{
    elements v;
    element x = element();

    loam_vec_init(&v, loam_vec_default_allocator());
    OPERATION;
    return compare(&x, nullptr, nullptr);
}
