#ifndef TREES_WALK_H
#define TREES_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/trees/decision_tree.h"

/** A tree laid out for walking down. A leaf is its own child and its threshold infinite, so that a
 * step is the same everywhere, without a branch. */
struct walk_node {
    float threshold;
    uint32_t child;
    uint32_t column;
    uint32_t extra; /* leaf: bits of its number, or class or shares; else 1: missing ones go left */
};
struct walk {
    struct walk_node *node; /* (tree->n_node) owned */
    const struct tree *tree;
};

/** The tree must outlive the walk. */
void walk_init(struct walk *w, const struct tree *tree);
void walk_release(struct walk *w);

/** Scratch for n rows. Owned by the caller. */
struct walk_room {
    uint32_t *at, *order; /* (n) */
};

/** As tree_add. Unless `missing`, no value of x is missing. In a tree that is larger than a cache,
 * rows go down ten levels, are sorted by where they are, and those that are near each other go on
 * together: so each part of the tree is fetched once for all of them. */
void walk_add(const struct walk *w, const struct walk_room *room, const float *x, size_t n,
              size_t ld, bool missing, size_t n_class, double *sum, size_t stride);

#endif
