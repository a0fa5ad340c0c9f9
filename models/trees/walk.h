#ifndef TREES_WALK_H
#define TREES_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/trees/decision_tree.h"

/* Many rows through a tree: laid out anew so that a step is a few instructions without a branch. */

/** 8 bytes. Numbers are compared as whole ones of the same order, their keys. A leaf is its own
 * child and asks for a column that is 0 in every row, which is above no key: rows stay there. */
struct walk_node {
    uint32_t key;  /* of the threshold; leaf: bits of its number, or its class or shares */
    uint32_t link; /* left child, a bit for missing ones, column; of a wide tree only the child */
};

/** The first levels stand one after the other, so that they stay in the cache; each subtree below
 * is in one piece. Owned; all zeros is empty. */
struct walk {
    struct walk_node *node; /* (n_node) */
    uint32_t *column;     /* (n_node) of a wide tree, whose links have no room for them; or NULL */
    size_t n_node, n_top; /* nodes of the first levels */
    size_t steps;         /* levels of a leaf, their mean */
    const struct tree *tree;
};

/** Lay out a tree of d columns, which must outlive the walk. */
void walk_init(struct walk *w, const struct tree *tree, size_t d);
void walk_release(struct walk *w);

/** Distance of two rows of d keys, in keys: whole cache lines. */
size_t walk_stride(size_t d);

/** Keys of a row of d numbers, and a 0 behind them; is a number missing (NaN)? */
bool walk_keys(uint32_t *out, const double *x, size_t d);

/** Scratch for n rows. Owned by the caller. */
struct walk_room {
    uint32_t *at, *order; /* (n) */
};

/**
 * Add the leaves of n rows to their sums, as tree_add. In a tree that is larger than a cache, rows
 * go down ten levels, are sorted by where they are, and those that are near each other go on
 * together: so each part of the tree is fetched once for all of them.
 *
 *   x        (n, ld) keys, ld = walk_stride(d), at a cache line
 *   missing  false: no number of x is missing
 *   sum      (n, stride)
 */
void walk_add(const struct walk *w, const struct walk_room *room, const uint32_t *x, size_t n,
              size_t ld, bool missing, size_t n_class, double *sum, size_t stride);

#endif
