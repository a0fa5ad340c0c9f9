#ifndef MODELS_LOGISTIC_ROW_KERNELS_H
#define MODELS_LOGISTIC_ROW_KERNELS_H

#include <stddef.h>

/* Products of a matrix x (m, d), row major, of so few rows that they stay in the cache. Sums go
 * over eight lanes, whatever the processor has: the bits are the same on all. */

/** Read a part of each cache line of x (n) in order: the processor foresees one stream, not the
 * several of rows side by side (measured: 4.5 in place of 7.8 ms for 80 MB). */
void row_touch(const double *x, size_t n);

/** out[i] = x_i w + b */
void row_products(const double *x, size_t m, size_t d, const double *w, double b, double *out);

/**
 * The cross-entropies of rows of two classes by their scores z, log (1 + e^z) - y z, without their
 * logarithms: as a product, of which there is one.
 *
 *   y, weight    (m) 0 or 1; >= 0
 *   score        (m) z; becomes the derivative by z, weight (1 / (1 + e^-z) - y)
 *   out_product  of (1 + e^-|z|) over the rows of each class, at most 2^m
 *   returns      the sum of weight (max (z, 0) - y z)
 */
double row_losses(const double *y, const double *weight, size_t m, double *score,
                  double out_product[2]);

/** out (m, 2): 1 / (1 + e^z) and 1 / (1 + e^-z) */
void row_sigmoids(const double *score, size_t m, float *out);

/** out (d) += sum over i of s[i] x_i */
void row_sums(const double *x, size_t m, size_t d, const double *s, double *out);

#endif
