/* tree_form.c: see tree_form.h. */
#include "btree/tree_form.h"

#include <loam/btree_core.h>

#include <math.h>
#include <stdio.h>

enum { TEXT_LENGTH = 64 };

/* Bytes of a compared key that say its number, and those behind them that say its tag. */
static size_t number_bytes(const tree_form *form)
{
    return form->type.key_size < 4 ? form->type.key_size : 4;
}

static size_t tag_bytes(const tree_form *form)
{
    return form->type.key_size >= 8 ? 4 : 0;
}

static size_t read_bytes(const unsigned char *from, size_t n)
{
    size_t number = 0;

    for (size_t i = 0; i < n; i++)
        number |= (size_t)from[i] << 8 * i;
    return number;
}

static void write_bytes(unsigned char *to, size_t number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)(number >> 8 * i);
}

static int compare(void *context, const void *a, const void *b)
{
    const tree_form *form = (const tree_form *)context;
    size_t x, y;

    EXPECT(form->type.compare == compare);
    EXPECT(form->type.key_align == 0 || (uintptr_t)b % form->type.key_align == 0);
    x = read_bytes((const unsigned char *)a, number_bytes(form));
    y = read_bytes((const unsigned char *)b, number_bytes(form));
    return (x > y) - (x < y);
}

#define COMPARED(size, align, value_size_, value_align_)                                           \
    .key_size = (size), .key_align = (align), .value_size = (value_size_),                         \
    .value_align = (value_align_), .compare = compare

/* Keys of forms by address are none: what is asked for may lie nowhere. */
static const tree_form forms[FORM_COUNT] =
    {[FORM_U64_LEAST] =
         {.name = "u64 to u64, leaves of 2",
          .type = {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 2, .inner_keys = 3},
          .numbers = FORM_NUMBERS},
     [FORM_U64] = {.name = "u64 to u64",
                   .type = {.kind = LOAM_BTREE_U64, .value_size = 8},
                   .numbers = FORM_NUMBERS},
     [FORM_U64_COUNTED] =
         {.name = "u64 to u64, counted, leaves of 4",
          .type = {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 4, .inner_keys = 4},
          .counted = true,
          .numbers = FORM_NUMBERS},
     [FORM_U64_MULTI] =
         {.name = "u64 to u64, multi, leaves of 4",
          .type = {.kind = LOAM_BTREE_U64, .value_size = 8, .leaf_entries = 4, .inner_keys = 3},
          .multi = true,
          .numbers = 40},
     [FORM_I32] =
         {.name = "i32 to 4 bytes, leaves of 3",
          .type = {.kind = LOAM_BTREE_I32, .value_size = 4, .leaf_entries = 3, .inner_keys = 5},
          .numbers = FORM_NUMBERS},
     [FORM_U32_SET] = {.name = "set of u32", .type = {.kind = LOAM_BTREE_U32}, .numbers = 4000},
     [FORM_I64_WIDE] =
         {.name = "i64 to 48 bytes",
          .type = {.kind = LOAM_BTREE_I64, .value_size = 48, .value_align = 16, .inner_keys = 4},
          .numbers = 1000},
     [FORM_F64] = {.name = "double to 8 bytes",
                   .type = {.kind = LOAM_BTREE_F64, .value_size = 8},
                   .numbers = FORM_NUMBERS},
     [FORM_F32_BIG] =
         {.name = "float to 300 bytes",
          .type = {.kind = LOAM_BTREE_F32, .value_size = 300, .leaf_entries = 5, .inner_keys = 7},
          .numbers = 600},
     [FORM_TEXT] = {.name = "text to 8 bytes",
                    .type = {.kind = LOAM_BTREE_TEXT, .value_size = 8},
                    .numbers = FORM_NUMBERS},
     [FORM_TEXT_LEAST] =
         {.name = "text to a byte, leaves of 2",
          .type = {.kind = LOAM_BTREE_TEXT, .value_size = 1, .leaf_entries = 2, .inner_keys = 3},
          .numbers = 500},
     [FORM_BYTE_SET] = {.name = "set of bytes, leaves of 2",
                        .type = {COMPARED(1, 0, 0, 0), .leaf_entries = 2, .inner_keys = 3},
                        .numbers = 256},
     [FORM_BIG] = {.name = "300 to 300 bytes", .type = {COMPARED(300, 0, 300, 4)}, .numbers = 600},
     [FORM_TAGGED] = {.name = "24 to 6 bytes, multi, counted, leaves of 3",
                      .type = {COMPARED(24, 8, 6, 2), .leaf_entries = 3, .inner_keys = 3,
                               .by_address = true},
                      .multi = true,
                      .counted = true,
                      .numbers = 60},
     [FORM_TAGGED_SET] = {.name = "multiset of 12 bytes, counted",
                          .type = {COMPARED(12, 4, 0, 0), .by_address = true},
                          .multi = true,
                          .counted = true,
                          .numbers = 30},
     [FORM_ALIGNED] = {.name = "64 to 128 bytes, aligned to 64",
                       .type = {COMPARED(64, 64, 128, 64), .by_address = true},
                       .numbers = 1000},
     [FORM_ODD] = {.name = "17 to 33 bytes",
                   .type = {COMPARED(17, 1, 33, 1), .leaf_entries = 7, .inner_keys = 6},
                   .numbers = 2000}};

const tree_form *tree_form_of(tree_forms which)
{
    return &forms[which];
}

void tree_form_begin(const tree_form *form, loam_btree *tree, loam_allocator allocator)
{
    loam_btree_options options = {form->multi, form->counted, (void *)(uintptr_t)form};

    EXPECT(loam_btree_init(tree, allocator, &form->type, &options));
    EXPECT_EQ(tree->layout.kind, form->type.kind);
}

size_t tree_form_key_size(const tree_form *form)
{
    switch (form->type.kind) {
    case LOAM_BTREE_COMPARED:
        return form->type.key_size;
    case LOAM_BTREE_TEXT:
        return sizeof(loam_btree_text);
    case LOAM_BTREE_U32:
    case LOAM_BTREE_I32:
    case LOAM_BTREE_F32:
        return 4;
    default:
        return 8;
    }
}

/* ---- bytes ---- */

/* All over the range of the type, in clusters of eight that differ in the lower half only, and about
 * where its highest bit changes. The ends are there. */
static uint64_t spread(size_t number, size_t numbers, unsigned bits)
{
    uint64_t most = UINT64_MAX >> (64 - bits);
    uint64_t step = most / (numbers / 8 + 2);

    if (number == 0)
        return 0;
    if (number == numbers - 1)
        return most;
    return (number / 8 * step & ~(most >> bits / 2)) + (most >> (bits / 2 + 1)) - 3 + number % 8;
}

/* Digits to the base of four, as words of different lengths with different first letters. Two copies
 * of each, so that an address tells which one it is. */
static const char *text_of(size_t number, size_t tag)
{
    static const char *const words[] = {"a", "bbbbbb", "c\xff\x80", "dd"};
    static char texts[2][FORM_NUMBERS][TEXT_LENGTH];
    char *text = texts[tag & 1][number];

    if (text[0] == 0 && number > 0)
        (void)snprintf(text, TEXT_LENGTH, "%s%s%s%s%s%s", words[number >> 10 & 3],
                       words[number >> 8 & 3], words[number >> 6 & 3], words[number >> 4 & 3],
                       words[number >> 2 & 3], words[number & 3]);
    return text;
}

static void compared_key(const tree_form *form, size_t number, size_t tag, unsigned char *key)
{
    size_t head = number_bytes(form), tags = tag_bytes(form);

    write_bytes(key, number, head);
    write_bytes(key + head, tag, tags);
    for (size_t i = head + tags; i < form->type.key_size; i++)
        key[i] = (unsigned char)(number * 13 + i);
}

static void write_number(loam_btree_kind kind, uint64_t bits, void *key)
{
    uint32_t half = (uint32_t)bits;

    if (kind == LOAM_BTREE_I32)
        half ^= (uint32_t)1 << 31;
    if (kind == LOAM_BTREE_I64)
        bits ^= (uint64_t)1 << 63;
    if (kind == LOAM_BTREE_U32 || kind == LOAM_BTREE_I32)
        memcpy(key, &half, sizeof half);
    else
        memcpy(key, &bits, sizeof bits);
}

/* Infinities at the ends, zeros of both signs (by the tag) in the middle. */
static double real_of(const tree_form *form, size_t number, size_t tag)
{
    size_t zero = form->numbers / 2;

    if (number == 0)
        return -(double)INFINITY;
    if (number == form->numbers - 1)
        return (double)INFINITY;
    if (number == zero)
        return tag & 1 ? -0.0 : 0.0;
    return ((double)number - (double)zero) / 8;
}

void tree_form_key(const tree_form *form, size_t number, size_t tag, void *key)
{
    loam_btree_text text;
    double real;
    float single;

    EXPECT(number < form->numbers);
    switch (form->type.kind) {
    case LOAM_BTREE_COMPARED:
        compared_key(form, number, tag, (unsigned char *)key);
        break;
    case LOAM_BTREE_TEXT:
        text = loam_btree_text_of(text_of(number, tag));
        memcpy(key, &text, sizeof text);
        break;
    case LOAM_BTREE_F64:
        real = real_of(form, number, tag);
        memcpy(key, &real, sizeof real);
        break;
    case LOAM_BTREE_F32:
        single = (float)real_of(form, number, tag);
        memcpy(key, &single, sizeof single);
        break;
    case LOAM_BTREE_U32:
    case LOAM_BTREE_I32:
        write_number(form->type.kind, spread(number, form->numbers, 32), key);
        break;
    default:
        write_number(form->type.kind, spread(number, form->numbers, 64), key);
    }
}

void tree_form_value(const tree_form *form, size_t number, size_t version, void *value)
{
    unsigned char *to = (unsigned char *)value;

    for (size_t i = 0; i < form->type.value_size; i++)
        to[i] = version == 0 ? 0 : (unsigned char)(number * 31 + version * 7 + i);
}

static bool is_aligned(const void *address, size_t align)
{
    return align == 0 || (uintptr_t)address % align == 0;
}

bool tree_form_is(const tree_form *form, loam_btree_entry entry, size_t number, size_t tag,
                  size_t version)
{
    tree_bytes key, value;

    tree_form_key(form, number, tag, key.at);
    tree_form_value(form, number, version, value.at);
    if (form->type.value_size == 0 && entry.value != entry.key)
        return false;
    return entry.key && is_aligned(entry.key, form->type.key_align) &&
           is_aligned(entry.value, form->type.value_align) &&
           memcmp(entry.key, key.at, tree_form_key_size(form)) == 0 &&
           memcmp(entry.value, value.at, form->type.value_size) == 0;
}

/* ---- the nodes ---- */

typedef struct inspection {
    const tree_form *form;
    const loam_btree *tree;
    bool snapshots;
    const void *last; /* key of the entry before */
    size_t leaves;
    size_t inners;
} inspection;

static void inspect_leaf(inspection *in, const loam_btree_node *leaf)
{
    const loam_btree_layout *l = &in->tree->layout;

    in->leaves++;
    EXPECT(leaf->count >= 1 && leaf->count <= l->leaf_cap);
    for (size_t i = 0; i < leaf->count; i++) {
        const void *key = loam_btree_key_at_(l, leaf, i);

        if (in->last) {
            int order = in->tree->compare(in->tree->context, in->last, key);

            EXPECT(in->form->multi ? order <= 0 : order < 0);
        }
        in->last = key;
    }
}

/* Returns the entries below a node, and where its first key is. */
static size_t inspect_node(inspection *in, const loam_btree_node *node, unsigned level,
                           const void **first)
{
    const loam_btree_layout *l = &in->tree->layout;
    bool shares = (in->tree->flags & LOAM_BTREE_SHARES_) != 0;
    size_t entries = 0;

    EXPECT(node != NULL && (uintptr_t)node % l->align == 0 && l->align >= 64);
    EXPECT_EQ(node->level, level);
    EXPECT(node->references >= 1 && (shares || node->references == 1));
    if (level == 0) {
        inspect_leaf(in, node);
        *first = loam_btree_key_at_(l, node, 0);
        return node->count;
    }
    in->inners++;
    EXPECT(node->count <= l->inner_cap &&
           (node->count >= 1 || (in->snapshots && node != in->tree->root)));
    for (size_t i = 0; i <= node->count; i++) {
        const void *smallest;
        size_t below = inspect_node(in, loam_btree_children_(l, node)[i], level - 1, &smallest);

        if (i == 0)
            *first = smallest;
        else
            EXPECT(memcmp(loam_btree_key_at_(l, node, i - 1), smallest, l->key_size) == 0);
        if (in->form->counted)
            EXPECT_EQ(loam_btree_counts_(l, node)[i], below);
        entries += below;
    }
    return entries;
}

void tree_inspect(const tree_form *form, const loam_btree *tree, bool snapshots, size_t *leaves,
                  size_t *inners)
{
    inspection in = {form, tree, snapshots, NULL, 0, 0};
    const void *first;

    EXPECT((tree->height == 0) == (tree->root == NULL) &&
           (tree->height == 0) == (tree->count == 0));
    EXPECT(tree->height <= LOAM_BTREE_MAX_HEIGHT);
    if (tree->root)
        EXPECT_EQ(inspect_node(&in, tree->root, tree->height - 1, &first), tree->count);
    if (leaves)
        *leaves = in.leaves;
    if (inners)
        *inners = in.inners;
}
