#ifndef TREES_SCAN_H
#define TREES_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* The loops in which the growing of trees spends its time. Sums run over the rows in their order,
 * one column beside the other, so the bits do not depend on the width of the CPU's vectors. */

enum { SCAN_BLOCK = 8 };

/** A row of a node. */
struct scan_row {
    uint32_t row;
    int32_t class; /* classification */
    double weight;
    double y; /* regression: the target less its mean */
};

/** Least and greatest value of the columns 0 .. ld - 1 (a multiple of SCAN_BLOCK); missing values
 * are passed over: lo > hi where all are missing. */
void scan_range(const float *x, size_t ld, const struct scan_row *row, size_t n, float *lo,
                float *hi);

/** As scan_range for one column; out_missing: rows in which it is missing. */
void scan_range_of(const float *x, size_t ld, const struct scan_row *row, size_t n, uint32_t column,
                   float *lo, float *hi, size_t *out_missing);

/**
 * Rows at or below a threshold, for n_column (a multiple of SCAN_BLOCK) candidates side by side.
 *   column     (n_column) NULL: 0, 1, 2 ..
 *   threshold  (n_column) NaN: no row
 *   out_count  (n_column) rows
 *   out_weight, out_y  (n_column) sums of weight and of weight * y
 */
void scan_left_y(const float *x, size_t ld, const struct scan_row *row, size_t n,
                 const uint32_t *column, const float *threshold, size_t n_column, double *out_count,
                 double *out_weight, double *out_y);

/** The same for classes: out_weight (all classes, n_column) sums of weight by class, of which only
 * the lines of the n_class classes that the rows have are written. */
void scan_left_class(const float *x, size_t ld, const struct scan_row *row, size_t n,
                     const uint32_t *column, const float *threshold, size_t n_column,
                     const int32_t *class, size_t n_class, double *out_count, double *out_weight);

/* Of values behind one another. What is read of n rows ends at a multiple of SCAN_BLOCK. */

/** Values of a column in n rows, then NaN to a multiple of SCAN_BLOCK; the least and greatest as
 * scan_range. */
void scan_values(const float *column, const int32_t *row, size_t n, float *out, float *out_lo,
                 float *out_hi);

/** Weight of the rows at or below a threshold of each of some classes; weight is NULL: how many
 * they are. Both lists have an even number of items, of which the last one may be any. */
void scan_left_whole(const float *value, const int32_t *class, const int32_t *weight, size_t n,
                     float threshold, const int32_t *of, size_t n_of, int32_t *out);

/** Rows whose value is at or below a threshold. */
int32_t scan_left_rows(const float *value, size_t n, float threshold);

#endif
