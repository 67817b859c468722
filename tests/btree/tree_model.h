/* tree_model.h: random operations on trees, each of which stands beside a sorted array that says what
 * must be in it.
 *
 * A world has some trees of one form over one stand: one at first, then also its snapshots, copies and
 * parts. Each step takes one of them and does something to it while memory is refused always, sometimes or
 * never. What fails must leave all as it was, and may fail only while memory is refused; in a tree
 * that shares no nodes, what takes no memory may not fail even then.
 */
#ifndef LOAM_TEST_TREE_MODEL_H
#define LOAM_TEST_TREE_MODEL_H

#include "btree/tree_form.h"
#include "btree/tree_stand.h"

enum { MODEL_TREES = 4, MODEL_MOST = 8192 };

typedef struct model_entry {
    uint32_t number;
    uint32_t tag;
    uint32_t version;
} model_entry;

typedef struct model_tree {
    bool live;
    bool shares; /* a change may have to copy first */
    loam_btree tree;
    size_t position; /* of moving nodes */
    size_t count;
    model_entry *entries; /* room for MODEL_MOST */
} model_tree;

typedef struct model {
    const tree_form *form;
    tree_stand stand;
    test_rng rng;
    bool pressed;   /* memory may be refused now */
    bool growing;   /* more is put in than taken out */
    size_t phase;   /* steps until that turns over, about */
    bool snapshots; /* some were taken */
    uint32_t last_version;
    model_tree trees[MODEL_TREES];
} model;

typedef void (*model_operation)(model *m, model_tree *t);

/* Runs so many steps, with a look at everything now and then. */
void model_run(const tree_form *form, tree_stand_kind stand, size_t steps);

/* ---- for the operations ---- */

/* All entries by a walk in both directions, and every node. */
void model_expect_same(model *m, model_tree *t);

/* Something failed: memory must be refused now, and the tree as before. */
void model_refused(model *m, model_tree *t);

/* As model_refused(), for what takes memory only in a tree that shares nodes. */
void model_refused_shared(model *m, model_tree *t);

/* Where the first entry is that is not before (or, `upto`, that is behind) a number. */
size_t model_bound(const model_tree *t, size_t number, bool upto);

bool model_has(const model_tree *t, size_t number);

/* A number that is likely to be there, or just any. */
size_t model_number(model *m, const model_tree *t);

/* A new entry for the number, whose tag and version nothing else has. */
model_entry model_new(model *m, size_t number);

void model_put(model_tree *t, size_t at, model_entry entry);
void model_cut(model_tree *t, size_t at, size_t n);

/* The entry of the tree is that of the model at `at`; none iff that is not one. */
void model_expect_entry(const model *m, const model_tree *t, loam_btree_entry entry, size_t at);

bool model_entry_is(const model *m, loam_btree_entry entry, model_entry wanted);

/* ---- the operations, by file ---- */

extern const model_operation model_entry_operations[];
extern const size_t model_entry_operation_count;
extern const model_operation model_cursor_operations[];
extern const size_t model_cursor_operation_count;
extern const model_operation model_whole_operations[];
extern const size_t model_whole_operation_count;
extern const model_operation model_more_operations[];
extern const size_t model_more_operation_count;

#endif
