#ifndef NUM_RANK_H
#define NUM_RANK_H

#include <stddef.h>

/** Put n values into rising order; none is NaN. */
void rank_sort(double *x, size_t n);

/** Numbers of finite values from the largest to the smallest, of equal ones in their order; (n),
 * owned by the caller. */
size_t *rank_order(const double *x, size_t n);

/** Ranks 1 .. n of finite values; equal ones share the mean of theirs. out (n) may be x. */
void rank_average(const double *x, size_t n, double *out);

/** Spearman's rank correlation (American Journal of Psychology 15 (1904) 72-101): Pearson's of the
 * ranks. NaN if n < 2 or one of them is constant. */
double rank_spearman(const double *a, const double *b, size_t n);

#endif
