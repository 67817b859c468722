/* search.h: which functions search in the nodes of a tree. */
#ifndef LOAM_BTREE_SRC_SEARCH_H
#define LOAM_BTREE_SRC_SEARCH_H

#include "btree_internal.h"

/* Sets `compare`, `below` and `upto` of a tree by its kind and by what the processor has. `compare` is the
 * caller's, for keys that are compared. */
void loam_btree_search_choose(loam_btree *tree, loam_btree_compare_fn compare);

#endif
