#ifndef NUM_PARTITION_H
#define NUM_PARTITION_H

#include <stddef.h>
#include <stdint.h>

/**
 * Dividing rows among training, validation, test and nothing. Every method is a pure function of
 * its arguments: the same rows, shares and seed give the same sides on every machine.
 *
 *   side   (n_row) of the whole table; only the entries of the rows that are drawn are written
 *   row    (n) the rows to divide, each below n_row, in ascending order
 *   share  (N_PARTITION) of training, validation, test, nothing: >= 0, sum 1 (partition_shares
 * makes the last)
 */
enum { PARTITION_TRAIN, PARTITION_VALIDATION, PARTITION_TEST, PARTITION_NOTHING, N_PARTITION };

/** `side` gets enum side of io/sides.h: 0, 1, 2 and, for nothing, 255. */
enum { PARTITION_SIDE_NOTHING = 255 };

/** share[PARTITION_NOTHING] = 1 - the others; a difference below 1e-9 counts as rounding and gives
 * 0. */
void partition_shares(double share[N_PARTITION]);

/**
 * Sizes for a random draw of n rows: test and validation are rounded up and training down, as
 * scikit-learn's train_test_split does (891 rows, test 0.2: 712 and 179). With shares that sum to 1
 * training gets all the rest. A training share > 0 gets at least one row if n >= 1.
 */
void partition_sizes(size_t n, const double share[N_PARTITION], size_t out_size[N_PARTITION]);

/** Shuffle all rows together and cut by partition_sizes. */
void partition_random(uint8_t *side, const size_t *row, size_t n, const double share[N_PARTITION],
                      uint64_t seed);

/**
 * By a value that rises, such as time: the rows with the largest values are for test, those before
 * for validation, then training; what the shares leave over are the rows with the smallest. Sizes
 * as partition_sizes has them, but rows of one value stay on one side, the earlier one.
 *
 *   value  (n_row) of every row
 */
void partition_ordered(uint8_t *side, const size_t *row, size_t n, const int64_t *value,
                       const double share[N_PARTITION]);

/**
 * Folds by a value that rises, such as time: of n_fold + 1 parts that follow each other the oldest
 * is in no fold, the next one is fold 0, and so on, so that all that is before a fold is what a
 * model may know that is tested on it. Sizes are those of scikit-learn's TimeSeriesSplit: every
 * fold has n / (n_fold + 1) rows, what that leaves over are the oldest; but rows of one value stay
 * together, in the earlier part, so that a fold may get none.
 *
 *   fold   (n_row) gets 0 .. n_fold - 1, or 255, for the rows of `row`
 *   value  (n_row) of every row
 */
void partition_ordered_folds(uint8_t *fold, const size_t *row, size_t n, const int64_t *value,
                             size_t n_fold);

/**
 * Sizes for one class of n rows, by the largest remainder: every side gets the whole part of its
 * share, what is left over goes to the largest fractional parts, equal ones to the side that is
 * furthest behind so far, then in the order of the enum. A training share > 0 gets at least one row
 * if n >= 1.
 *
 *   behind  (N_PARTITION) rows that the sides lack from the classes before; start with zeros;
 * updated
 */
void partition_class_sizes(size_t n, const double share[N_PARTITION], double behind[N_PARTITION],
                           size_t out_size[N_PARTITION]);

/**
 * Every class by itself: its rows are shuffled (own stream of the seed) and cut by
 * partition_class_sizes.
 *
 *   code  (n_row) class of every row, 0 .. n_class - 1 for the rows of `row`
 */
void partition_stratified(uint8_t *side, const size_t *row, size_t n, const int32_t *code,
                          size_t n_class, const double share[N_PARTITION], uint64_t seed);

/**
 * The same number from every class: n_train rows for training, the next n_validation for
 * validation, the rest for test. A class that has too few gives what it has, training first.
 *
 *   out_short  (n_class) 1 where the class had fewer than n_train + n_validation rows (but some)
 */
void partition_balanced(uint8_t *side, const size_t *row, size_t n, const int32_t *code,
                        size_t n_class, size_t n_train, size_t n_validation, uint64_t seed,
                        uint8_t *out_short);

#endif
