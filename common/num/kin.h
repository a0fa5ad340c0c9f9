#ifndef NUM_KIN_H
#define NUM_KIN_H

#include <stddef.h>
#include <stdint.h>

/* Rows that belong together (the products of one seller, equal texts, equal pictures), and drawing
 * sides so that kin are on one. Sides are those of num/partition.h: 0 training, 1 validation, 2
 * test, 255 nothing. A key of a row is any number; rows with equal keys are kin; -1: it has none.
 */

/**
 * Groups of rows that share a key of any kind, directly or through others (union-find: Tarjan,
 * J. ACM 22 (1975) 215-225).
 *
 *   key        (n_key) arrays (n_row), each key below n_row
 *   out_group  (n_row) numbers from 0 in order of first appearance
 *   returns    how many groups there are
 */
size_t kin_groups(const int32_t *const *key, size_t n_key, size_t n_row, size_t *out_group);

/**
 * Deal whole groups to n_side sides: largest group first, equal ones in random order, each to the
 * side that lacks the largest part of its rows, class by class (as scikit-learn's
 * StratifiedGroupKFold chooses the fold that stays most even). Sizes miss the shares by at most
 * about the largest group.
 *
 *   side   (n_row) gets 0 .. n_side - 1 for the rows of `row`, (n) of them
 *   group  (n_row); NULL: every row by itself
 *   code   (n_row) class, 0 .. n_class - 1; NULL: all rows are of one
 *   share  (n_side) >= 0, sum 1; a side with share 0 gets nothing
 *   cost   O(n n_side + n log n)
 */
void kin_deal(uint8_t *side, const size_t *row, size_t n, const size_t *group, const int32_t *code,
              size_t n_class, const double *share, size_t n_side, uint64_t seed);

/** Where sides are given: a row with kin on an earlier side becomes nothing. Returns how many. */
size_t kin_settle(uint8_t *side, const size_t *group, size_t n_row);

/** Rows of validation and test whose key a row of an earlier side has, too. */
size_t kin_leaks(const uint8_t *side, const int32_t *key, size_t n_row);

#endif
