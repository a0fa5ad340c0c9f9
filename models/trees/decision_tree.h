#ifndef TREES_DECISION_TREE_H
#define TREES_DECISION_TREE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/* A binary decision tree over rows of float32, and the sum of many of them. Below, n is rows, d the
 * columns, ld the distance of two rows in floats, C the outputs of a row. */

/** 12 bytes. A row whose value is <= threshold goes to `child`, any other to child + 1; a missing
 * value (NaN) goes to child + 1 unless TREE_MISSING_LEFT is set. Children stand after their
 * parent. */
struct tree_node {
    float threshold; /* leaf without TREE_PURE or TREE_SHARES: the value that it adds */
    uint32_t child;  /* TREE_PURE: a class; TREE_SHARES: where its C shares begin, in units of C */
    uint32_t feature;
};

#define TREE_LEAF         0x80000000u
#define TREE_MISSING_LEFT 0x40000000u
#define TREE_PURE         0x20000000u /* of a leaf: all its rows are of one class */
#define TREE_SHARES       0x10000000u /* of a leaf: has the share of every class */
#define TREE_COLUMN       0x0fffffffu

/** All zeros is empty; all owned. */
struct tree {
    struct tree_node *node; /* (n_node) the root first */
    size_t n_node;
    float *share; /* (n_share, C) */
    size_t n_share;
};

void tree_release(struct tree *t);

/** Is it a tree of d columns and C classes (0: it adds numbers) in which every walk ends? ERR_DATA
 * with the node if not. */
int tree_check(const struct tree *t, size_t d, size_t n_class, struct err *e);

/**
 * Add the leaves of n rows to their sums: a number to sum[i * stride], or the shares of the classes
 * to sum[i * stride ..]. Eight rows go down side by side, so that the wait for one node is the work
 * on seven others.
 *
 *   x    (n, ld); NaN: missing
 *   sum  (n, stride)
 */
void tree_add(const struct tree *t, const float *x, size_t n, size_t ld, size_t n_class,
              double *sum, size_t stride);

/** A number as a whole one of the same order, below UINT32_MAX; what a NaN gives means nothing. */
static inline uint32_t tree_key(float value)
{
    uint32_t bits;
    value += 0.0f; /* -0 is 0 */
    memcpy(&bits, &value, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/** A threshold between two values: low <= it < high. */
float tree_between(float low, float high);

/** Levels below the root: 0 for a tree that is one leaf. */
size_t tree_depth(const struct tree *t);

#endif
