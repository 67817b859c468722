/* load.c: trees that are filled in order, entry by entry or from arrays, by the source that typed faces
 * inline; and from the addresses of texts, which they call.
 */
#include "whole.h"

/* How many texts ahead their memory is asked for: those that come while one is waited for. */
enum { TEXTS_AHEAD = 16 };

/* Returns LOAD(how) for the kind that a tree's keys have, so that its order is checked by inlined code. */
#define RETURN_BY_KIND(kind, LOAD)                                                                 \
    switch (kind) {                                                                                \
    case LOAM_BTREE_U32:                                                                           \
        return LOAD(LOAM_BTREE_U32);                                                               \
    case LOAM_BTREE_I32:                                                                           \
        return LOAD(LOAM_BTREE_I32);                                                               \
    case LOAM_BTREE_U64:                                                                           \
        return LOAD(LOAM_BTREE_U64);                                                               \
    case LOAM_BTREE_I64:                                                                           \
        return LOAD(LOAM_BTREE_I64);                                                               \
    case LOAM_BTREE_F32:                                                                           \
        return LOAD(LOAM_BTREE_F32);                                                               \
    case LOAM_BTREE_F64:                                                                           \
        return LOAD(LOAM_BTREE_F64);                                                               \
    default:                                                                                       \
        return LOAD(LOAM_BTREE_BY_POINTER_);                                                       \
    }

bool loam_btree_load(loam_btree *tree, loam_btree_next_fn next, void *context, unsigned fill)
{
    const loam_btree_layout *l = &tree->layout;

#define FROM_FUNCTION(how) loam_btree_load_(tree, l, (how), NULL, next, context, fill)
    RETURN_BY_KIND(l->kind, FROM_FUNCTION)
#undef FROM_FUNCTION
}

bool loam_btree_load_array(loam_btree *tree, const void *keys, const void *values, size_t count,
                           unsigned fill)
{
    const loam_btree_layout *l = &tree->layout;

#define FROM_ARRAY(how) loam_btree_load_array_(tree, l, (how), NULL, keys, values, count, fill)
    RETURN_BY_KIND(l->kind, FROM_ARRAY)
#undef FROM_ARRAY
}

/* ---- texts ---- */

/* Texts in order that are still to come. */
typedef struct texts {
    const char *const *next;
    size_t left;
    loam_btree_text last; /* The one before `next`; its address is NULL before the first. */
    bool equal;           /* Equals may follow one another. */
} texts;

LOAM_INLINE void ask_for_texts(const texts *t)
{
    for (size_t i = 0; i < TEXTS_AHEAD && i < t->left; i++)
        loam_btree_prefetch_(t->next[i]);
}

/* Whether a text may come behind another one. Mostly the first bytes tell. */
static bool may_follow(const texts *t, const loam_btree_text *key, const loam_btree_text *last)
{
    int order;

    if (LOAM_LIKELY(key->prefix > last->prefix))
        return true;
    order = loam_btree_text_compare_(key, last);
    return order > 0 || (order == 0 && t->equal);
}

/* Makes keys of the next `count` texts. False iff they are out of order. */
static bool make_keys(texts *t, loam_btree_text *keys, size_t count)
{
    const char *const *at = t->next;
    size_t ahead = t->left > TEXTS_AHEAD ? t->left - TEXTS_AHEAD : 0;
    loam_btree_text last = t->last;
    size_t i = 0;

    if (!last.text)
        last = keys[i++] = loam_btree_text_of(at[0]);
    for (; i < count; i++) {
        loam_btree_text key;

        if (i < ahead)
            loam_btree_prefetch_(at[i + TEXTS_AHEAD]);
        key = loam_btree_text_of(at[i]);
        if (!may_follow(t, &key, &last))
            return false;
        last = keys[i] = key;
    }
    t->last = last;
    t->next += count;
    t->left -= count;
    return true;
}

bool loam_btree_load_texts(loam_btree *tree, const char *const *keys, const void *values,
                           size_t count, unsigned fill)
{
    const loam_btree_layout *l = &tree->layout;
    loam_btree_builder_ build;
    const char *value = (const char *)values;
    texts t = {keys, count, {0, NULL}, (tree->flags & LOAM_BTREE_MULTI_) != 0};
    size_t n = 0;

    if (l->kind != LOAM_BTREE_TEXT || !loam_btree_build_begin_(&build, tree, fill))
        return false;
    ask_for_texts(&t);
    while (t.left > 0) {
        loam_btree_text first = loam_btree_text_of(*t.next);
        loam_btree_node *leaf = loam_btree_build_leaf_(&build, &first);

        if (!leaf)
            return false;
        n = loam_min(build.leaf_most, t.left);
        loam_btree_ask_for_source_(&build, t.next, n * sizeof *t.next);
        if (!make_keys(&t, (loam_btree_text *)loam_btree_key_at_(l, leaf, 0), n)) {
            loam_btree_build_abandon_(&build);
            return false;
        }
        loam_btree_load_values_(&build, l, leaf, value, n);
        if (value)
            value += n * l->value_size;
    }
    loam_btree_build_end_(&build, build.leaf_most - n);
    return true;
}
