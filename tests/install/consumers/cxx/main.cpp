// A C++ program that uses scratch arenas in two threads.
#include <loam/scratch.h>

#include <cstdio>
#include <cstring>
#include <thread>

struct point {
    double x, y;
};

static void work(bool *good)
{
    loam_scratch scratch = loam_scratch_begin(nullptr, 0);
    point *points = static_cast<point *>(loam_arena_push(scratch.arena, 1000 * sizeof(point)));
    char *text = loam_arena_push_text(scratch.arena, "loam", 4);

    *good = points && points[999].y == 0.0 && text && std::strcmp(text, "loam") == 0;
    loam_scratch_end(&scratch);
}

int main()
{
    bool first = false, second = false;
    std::thread one(work, &first);
    std::thread two(work, &second);

    one.join();
    two.join();
    std::printf("C++: %s\n", first && second ? "good" : "bad");
    return first && second ? 0 : 1;
}
