/* tree_form.h: the kinds of trees that the tests go through, and what their entries are. An entry is
 * made of numbers, so that a model need hold no bytes:
 *
 *     number  -> where it stands among the others; two keys are equal iff their numbers are
 *     tag     -> bytes of the key that no comparison sees, where the kind of key has such
 *     version -> the bytes of the value; 0: all of them zero
 */
#ifndef LOAM_TEST_TREE_FORM_H
#define LOAM_TEST_TREE_FORM_H

#include "support/test.h"

#include <loam/btree.h>

enum {
    FORM_NUMBERS = 4096, /* numbers are below this at most */
    FORM_BYTES = 320     /* no key and no value has more */
};

typedef struct tree_form {
    const char *name;
    loam_btree_type type;
    bool multi;
    bool counted;   /* with order statistics */
    size_t numbers; /* numbers are below this */
} tree_form;

/* Room for a key or a value, with the alignment that any of them has. */
typedef struct tree_bytes {
    _Alignas(64) unsigned char at[FORM_BYTES];
} tree_bytes;

typedef enum tree_forms {
    FORM_U64_LEAST,   /* leaves of two entries */
    FORM_U64,         /* the usual size */
    FORM_U64_COUNTED, /* leaves of four, order statistics */
    FORM_U64_MULTI,   /* leaves of four, a multimap */
    FORM_I32,
    FORM_U32_SET,
    FORM_I64_WIDE, /* values of 48 bytes aligned to 16 */
    FORM_F64,
    FORM_F32_BIG, /* values of 300 bytes */
    FORM_TEXT,
    FORM_TEXT_LEAST,
    FORM_BYTE_SET,   /* keys of one byte */
    FORM_BIG,        /* keys and values of 300 bytes */
    FORM_TAGGED,     /* keys of 24 bytes, a multimap with order statistics, leaves of three */
    FORM_TAGGED_SET, /* keys of 12 bytes, a multiset of the usual size, order statistics */
    FORM_ALIGNED,    /* keys and values aligned to 64 */
    FORM_ODD,        /* 17 and 33 bytes, aligned to 1 */
    FORM_COUNT
} tree_forms;

const tree_form *tree_form_of(tree_forms which);

size_t tree_form_key_size(const tree_form *form);

/* Sets up an empty tree of the form; must succeed. */
void tree_form_begin(const tree_form *form, loam_btree *tree, loam_allocator allocator);

/* Writes the bytes of a key or a value. */
void tree_form_key(const tree_form *form, size_t number, size_t tag, void *key);
void tree_form_value(const tree_form *form, size_t number, size_t version, void *value);

/* Whether an entry in a tree has these numbers, all its bytes, and its alignments. */
bool tree_form_is(const tree_form *form, loam_btree_entry entry, size_t number, size_t tag,
                  size_t version);

/* Looks at every node on its own account, with nothing but the layout: what loam_btree_check() must find
 * as well. `snapshots`: the family has had some, and inner nodes may have no key and one child.
 * Counts the nodes of each kind unless NULL. Fails the test at what does not hold. */
void tree_inspect(const tree_form *form, const loam_btree *tree, bool snapshots, size_t *leaves,
                  size_t *inners);

#endif
