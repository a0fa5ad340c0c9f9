#ifndef NUM_PAIRED_H
#define NUM_PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAIRED_ROUNDS = 9999, PAIRED_EXACT = 16 };

/** Is one model better than another on the same rows, or is it chance? */
struct paired {
    size_t n, n_differ; /* rows, and those on which they differ */
    double difference;  /* mean of d */
    double p_value; /* two-sided: a difference as large, in either direction, if there is none */
    double p_worse; /* one-sided: one as low or lower; small: it is worse, and not by chance */
    bool exact;     /* of all signs; else of PAIRED_ROUNDS random ones */
};

/**
 * The permutation test for pairs (Fisher, The Design of Experiments, 1935, 21): if both models were
 * the same, each difference would have either sign with probability 1/2. Where all differences that
 * are not 0 have the same size (right or wrong) that is the binomial sign test, McNemar's in its
 * exact form; up to PAIRED_EXACT of them all signs are tried; else PAIRED_ROUNDS draws, and both p
 * count the one that was found (Phipson & Smyth, SAGMB 9:1 (2010)).
 *
 *   d     (n) score of the one less score of the other, row by row; finite
 *   seed  of the draws: round i has stream i + 1, so the result does not depend on the threads
 */
void paired_test(struct paired *out, const double *d, size_t n, uint64_t seed, int threads);

#endif
