/* typed_faces.h: typed trees of every kind, with the model of each; see typed_model.h. In C and in C++.
 */
#ifndef LOAM_TEST_TYPED_FACES_H
#define LOAM_TEST_TYPED_FACES_H

#include "support/test.h"

#include <loam/btree_typed.h>

#include <stdio.h>

enum { FACE_NUMBERS = 1500 };

#define FACE_NUMBER(v)  ((uint64_t)(v)*3)
#define FACE_SAME(a, v) (*(a) == (uint64_t)(v)*3)

/* ---- numbers ---- */

LOAM_BTREE_DEFINE_NUMBER(face_u64, uint64_t, uint64_t);

/* Clusters that differ in the lower half, about where its highest bit changes, over the whole range. */
static inline uint64_t face_wide(size_t n)
{
    return (uint64_t)(n / 8) * (UINT64_MAX / (FACE_NUMBERS / 8)) / 4 * 4 + (n % 8);
}

#define TYPED            face_u64
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     uint64_t
#define TYPED_KEY(n)     face_wide(n)
#define TYPED_IS(k, n)   (*(k) == face_wide(n))
#define TYPED_VALUE      uint64_t
#define TYPED_MAKE(v)    FACE_NUMBER(v)
#define TYPED_SAME(a, v) FACE_SAME(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_NUMBER_SIZED(face_u64_least, uint64_t, uint64_t, 2, 3);

#define TYPED            face_u64_least
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     uint64_t
#define TYPED_KEY(n)     face_wide(n)
#define TYPED_IS(k, n)   (*(k) == face_wide(n))
#define TYPED_VALUE      uint64_t
#define TYPED_MAKE(v)    FACE_NUMBER(v)
#define TYPED_SAME(a, v) FACE_SAME(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_NUMBER(face_i32, int32_t, uint64_t);

static inline int32_t face_signed(size_t n)
{
    return n == 0 ? INT32_MIN : (int32_t)(((int64_t)n - FACE_NUMBERS / 2) * 1431655);
}

#define TYPED            face_i32
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     int32_t
#define TYPED_KEY(n)     face_signed(n)
#define TYPED_IS(k, n)   (*(k) == face_signed(n))
#define TYPED_VALUE      uint64_t
#define TYPED_MAKE(v)    FACE_NUMBER(v)
#define TYPED_SAME(a, v) FACE_SAME(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_NUMBER(face_f64, double, uint64_t);

static inline double face_real(size_t n)
{
    return ((double)n - FACE_NUMBERS / 2) * 1e300 * (n % 2 ? 1 : 1.0000001);
}

#define TYPED            face_f64
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     double
#define TYPED_KEY(n)     face_real(n)
#define TYPED_IS(k, n)   (*(k) >= face_real(n) && *(k) <= face_real(n))
#define TYPED_VALUE      uint64_t
#define TYPED_MAKE(v)    FACE_NUMBER(v)
#define TYPED_SAME(a, v) FACE_SAME(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_NUMBER_SET(face_u32_set, uint32_t);

#define TYPED          face_u32_set
#define TYPED_NUMBERS  FACE_NUMBERS
#define TYPED_PASSED   uint32_t
#define TYPED_KEY(n)   ((uint32_t)(n)*2863311U)
#define TYPED_IS(k, n) (*(k) == (uint32_t)(n)*2863311U)
#include "btree/typed_model.h"

/* ---- texts ---- */

/* Most of them have the first eight bytes in common with many others. */
static inline const char *face_text(size_t n)
{
    static char texts[FACE_NUMBERS][24];

    if (texts[n][0] == 0)
        (void)snprintf(texts[n], sizeof texts[n], "%02uwords%s%03u", (unsigned)(n / 100),
                       n % 2 ? "" : "", (unsigned)(n % 100));
    return texts[n];
}

LOAM_BTREE_DEFINE_TEXT(face_words, uint64_t);

#define TYPED            face_words
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     const char *
#define TYPED_KEY(n)     face_text(n)
#define TYPED_IS(k, n)   (strcmp((k)->text, face_text(n)) == 0)
#define TYPED_VALUE      uint64_t
#define TYPED_MAKE(v)    FACE_NUMBER(v)
#define TYPED_SAME(a, v) FACE_SAME(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_TEXT_SET(face_word_set);

#define TYPED          face_word_set
#define TYPED_NUMBERS  FACE_NUMBERS
#define TYPED_PASSED   const char *
#define TYPED_KEY(n)   face_text(n)
#define TYPED_IS(k, n) (strcmp((k)->text, face_text(n)) == 0)
#include "btree/typed_model.h"

/* ---- structures with a comparison ---- */

typedef struct face_point {
    int16_t x;
    int16_t y;
    char name[12];
} face_point;

typedef struct face_big {
    uint64_t words[9];
} face_big;

static inline int face_order(const face_point *a, const face_point *b)
{
    return a->x != b->x ? (a->x > b->x) - (a->x < b->x) : (a->y > b->y) - (a->y < b->y);
}

static inline face_point face_point_of(size_t n)
{
    face_point point;

    memset(&point, 0, sizeof point);
    point.x = (int16_t)((int)(n / 40) - 10);
    point.y = (int16_t)(n % 40);
    point.name[0] = (char)('a' + n % 26);
    return point;
}

static inline face_big face_big_of(size_t version)
{
    face_big big;

    for (size_t i = 0; i < 9; i++)
        big.words[i] = version * 7 + i;
    return big;
}

static inline bool face_big_is(const face_big *big, size_t version)
{
    face_big wanted = face_big_of(version);

    return memcmp(big, &wanted, sizeof wanted) == 0;
}

static inline bool face_point_is(const face_point *point, size_t n)
{
    face_point wanted = face_point_of(n);

    return memcmp(point, &wanted, sizeof wanted) == 0;
}

LOAM_BTREE_DEFINE(face_map, face_point, face_big, face_order);

#define TYPED            face_map
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     face_point
#define TYPED_KEY(n)     face_point_of(n)
#define TYPED_IS(k, n)   face_point_is(k, n)
#define TYPED_VALUE      face_big
#define TYPED_MAKE(v)    face_big_of(v)
#define TYPED_SAME(a, v) face_big_is(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_SIZED(face_map_least, face_point, face_big, face_order, 3, 4);

#define TYPED            face_map_least
#define TYPED_NUMBERS    FACE_NUMBERS
#define TYPED_PASSED     face_point
#define TYPED_KEY(n)     face_point_of(n)
#define TYPED_IS(k, n)   face_point_is(k, n)
#define TYPED_VALUE      face_big
#define TYPED_MAKE(v)    face_big_of(v)
#define TYPED_SAME(a, v) face_big_is(a, v)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_SET(face_set, face_point, face_order);

#define TYPED          face_set
#define TYPED_NUMBERS  FACE_NUMBERS
#define TYPED_PASSED   face_point
#define TYPED_KEY(n)   face_point_of(n)
#define TYPED_IS(k, n) face_point_is(k, n)
#include "btree/typed_model.h"

/* ---- with a context ---- */

typedef struct face_turn {
    int sign;
} face_turn;

static const face_turn face_forth = {1}, face_back = {-1};

static inline int face_turned(const face_turn *turn, const face_point *a, const face_point *b)
{
    return turn->sign * face_order(a, b);
}

LOAM_BTREE_DEFINE_CONTEXT(face_turned_map, const face_turn, face_point, uint64_t, face_turned);

#define TYPED                            face_turned_map
#define TYPED_NUMBERS                    FACE_NUMBERS
#define TYPED_PASSED                     face_point
#define TYPED_KEY(n)                     face_point_of(FACE_NUMBERS - 1 - (n))
#define TYPED_IS(k, n)                   face_point_is(k, FACE_NUMBERS - 1 - (n))
#define TYPED_VALUE                      uint64_t
#define TYPED_MAKE(v)                    FACE_NUMBER(v)
#define TYPED_SAME(a, v)                 FACE_SAME(a, v)
#define TYPED_INIT(t, allocator, chosen) face_turned_map_init(t, allocator, &face_back, chosen)
#include "btree/typed_model.h"

LOAM_BTREE_DEFINE_CONTEXT_SET(face_turned_set, const face_turn, face_point, face_turned);

#define TYPED                            face_turned_set
#define TYPED_NUMBERS                    FACE_NUMBERS
#define TYPED_PASSED                     face_point
#define TYPED_KEY(n)                     face_point_of(n)
#define TYPED_IS(k, n)                   face_point_is(k, n)
#define TYPED_INIT(t, allocator, chosen) face_turned_set_init(t, allocator, &face_forth, chosen)
#include "btree/typed_model.h"

#endif
