#include "models/trees/scan.h"

#include <math.h>
#include <string.h>

#include "models/nn/simd.h"

/* Vectors of SCAN_BLOCK columns, which the compiler makes of what the CPU has. Rows are taken in
 * chunks that stay in the first cache while block after block goes over them. */
enum { B = SCAN_BLOCK, CHUNK = 64 };
typedef float floats __attribute__((vector_size(B * sizeof(float))));
typedef int32_t ints __attribute__((vector_size(B * sizeof(int32_t))));
typedef int64_t longs __attribute__((vector_size(B * sizeof(int64_t))));
typedef double doubles __attribute__((vector_size(B * sizeof(double))));
#define INLINE static inline __attribute__((always_inline))

/* Lane by lane; values that are missing are passed over. */
INLINE void least(floats *lo, const floats *v)
{
    ints below = *v < *lo;
    *lo = (floats)(((ints)*v & below) | ((ints)*lo & ~below));
}

INLINE void greatest(floats *hi, const floats *v)
{
    ints above = *v > *hi;
    *hi = (floats)(((ints)*v & above) | ((ints)*hi & ~above));
}

NN_CLONES
void scan_range(const float *x, size_t ld, const struct scan_row *row, size_t n, float *lo,
                float *hi)
{
    for (size_t j = 0; j < ld; j++) {
        lo[j] = INFINITY;
        hi[j] = -INFINITY;
    }
    for (size_t start = 0; start < n; start += CHUNK) {
        size_t end = n - start < CHUNK ? n : start + CHUNK;
        for (size_t b = 0; b < ld; b += B) {
            floats l, h, v;
            memcpy(&l, lo + b, sizeof l);
            memcpy(&h, hi + b, sizeof h);
            for (size_t i = start; i < end; i++) {
                memcpy(&v, x + row[i].row * ld + b, sizeof v);
                least(&l, &v);
                greatest(&h, &v);
            }
            memcpy(lo + b, &l, sizeof l);
            memcpy(hi + b, &h, sizeof h);
        }
    }
}

void scan_range_of(const float *x, size_t ld, const struct scan_row *row, size_t n, uint32_t column,
                   float *lo, float *hi, size_t *out_missing)
{
    float l = INFINITY, h = -INFINITY;
    size_t missing = 0;
    for (size_t i = 0; i < n; i++) {
        float v = x[row[i].row * ld + column];
        l = v < l ? v : l;
        h = v > h ? v : h;
        missing += v != v;
    }
    *lo = l;
    *hi = h;
    *out_missing = missing;
}

/* Columns at or below their threshold: -1, else 0. */
INLINE void at_or_below(ints *mask, const float *from, const uint32_t *column, const floats *t)
{
    float picked[B];
    floats v;
    for (int j = 0; column && j < B; j++)
        picked[j] = from[column[j]];
    memcpy(&v, column ? picked : from, sizeof v);
    *mask = v <= *t;
}

/* Add a value where the mask is set. */
INLINE void add_only(doubles *sum, const ints *mask, double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    *sum += (doubles)(__builtin_convertvector(*mask, longs) & bits);
}

/* One block of candidates over some rows. */
INLINE void left_y(const float *x, size_t ld, const struct scan_row *row, size_t n,
                   const uint32_t *column, const float *threshold, double *out_count,
                   double *out_weight, double *out_y)
{
    floats t;
    doubles count, weight, y;
    memcpy(&t, threshold, sizeof t);
    memcpy(&count, out_count, sizeof count);
    memcpy(&weight, out_weight, sizeof weight);
    memcpy(&y, out_y, sizeof y);
    for (size_t i = 0; i < n; i++) {
        const float *from = x + row[i].row * ld;
        ints mask;
        at_or_below(&mask, from, column, &t);
        add_only(&count, &mask, 1);
        add_only(&weight, &mask, row[i].weight);
        add_only(&y, &mask, row[i].weight * row[i].y);
    }
    memcpy(out_count, &count, sizeof count);
    memcpy(out_weight, &weight, sizeof weight);
    memcpy(out_y, &y, sizeof y);
}

NN_CLONES
void scan_left_y(const float *x, size_t ld, const struct scan_row *row, size_t n,
                 const uint32_t *column, const float *threshold, size_t n_column, double *out_count,
                 double *out_weight, double *out_y)
{
    memset(out_count, 0, n_column * sizeof *out_count);
    memset(out_weight, 0, n_column * sizeof *out_weight);
    memset(out_y, 0, n_column * sizeof *out_y);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t here = n - at < CHUNK ? n - at : CHUNK;
        for (size_t b = 0; b < n_column; b += B) {
            if (column)
                left_y(x, ld, row + at, here, column + b, threshold + b, out_count + b,
                       out_weight + b, out_y + b);
            else
                left_y(x + b, ld, row + at, here, NULL, threshold + b, out_count + b,
                       out_weight + b, out_y + b);
        }
    }
}

INLINE void left_class(const float *x, size_t ld, const struct scan_row *row, size_t n,
                       const uint32_t *column, const float *threshold, size_t n_column,
                       double *out_count, double *out_weight)
{
    floats t;
    doubles count, weight;
    memcpy(&t, threshold, sizeof t);
    memcpy(&count, out_count, sizeof count);
    for (size_t i = 0; i < n; i++) {
        const float *from = x + row[i].row * ld;
        double *of_class = out_weight + (size_t)row[i].class * n_column;
        ints mask;
        at_or_below(&mask, from, column, &t);
        add_only(&count, &mask, 1);
        memcpy(&weight, of_class, sizeof weight);
        add_only(&weight, &mask, row[i].weight);
        memcpy(of_class, &weight, sizeof weight);
    }
    memcpy(out_count, &count, sizeof count);
}

NN_CLONES
void scan_left_class(const float *x, size_t ld, const struct scan_row *row, size_t n,
                     const uint32_t *column, const float *threshold, size_t n_column,
                     const int32_t *class, size_t n_class, double *out_count, double *out_weight)
{
    memset(out_count, 0, n_column * sizeof *out_count);
    for (size_t k = 0; k < n_class; k++)
        memset(out_weight + (size_t) class[k] * n_column, 0, n_column * sizeof *out_weight);
    for (size_t at = 0; at < n; at += CHUNK) {
        size_t here = n - at < CHUNK ? n - at : CHUNK;
        for (size_t b = 0; b < n_column; b += B) {
            if (column)
                left_class(x, ld, row + at, here, column + b, threshold + b, n_column,
                           out_count + b, out_weight + b);
            else
                left_class(x + b, ld, row + at, here, NULL, threshold + b, n_column, out_count + b,
                           out_weight + b);
        }
    }
}

/* ---- values behind one another ---- */

/* Numbers by their places. */
INLINE void pick(floats *out, const float *x, const int32_t *at)
{
    *out = (floats){
        x[at[0]], x[at[1]], x[at[2]], x[at[3]], x[at[4]], x[at[5]], x[at[6]], x[at[7]]
    };
}

/* The same of fewer than B places, n > 0; then NaN. */
INLINE void pick_some(floats *out, const float *x, const int32_t *at, size_t n)
{
    static const ints lane = { 0, 1, 2, 3, 4, 5, 6, 7 };
    int32_t place[B];
    floats gap = (floats){ 0 } + NAN;
    for (size_t j = 0; j < B; j++)
        place[j] = at[j < n ? j : 0];
    pick(out, x, place);
    ints is = lane < (int32_t)n;
    *out = (floats)(((ints)*out & is) | ((ints)gap & ~is));
}

/* After all FOLDS steps of taking together with what this gives, each lane has all of them. */
enum { FOLDS = 3 };
INLINE void swap_lanes(ints *v, int step)
{
    if (step == 0)
        *v = __builtin_shufflevector(*v, *v, 4, 5, 6, 7, 0, 1, 2, 3);
    else if (step == 1)
        *v = __builtin_shufflevector(*v, *v, 2, 3, 0, 1, 6, 7, 4, 5);
    else
        *v = __builtin_shufflevector(*v, *v, 1, 0, 3, 2, 5, 4, 7, 6);
}

NN_CLONES
void scan_values(const float *column, const int32_t *row, size_t n, float *out, float *out_lo,
                 float *out_hi)
{
    floats lo = (floats){ 0 } + INFINITY, hi = -lo;
    for (size_t i = 0; i < n; i += B) {
        floats v = { 0 };
        if (n - i >= B)
            pick(&v, column, row + i);
        else
            pick_some(&v, column, row + i, n - i);
        memcpy(out + i, &v, sizeof v);
        least(&lo, &v);
        greatest(&hi, &v);
    }
    for (int step = 0; step < FOLDS; step++) {
        ints l = (ints)lo, h = (ints)hi;
        swap_lanes(&l, step);
        swap_lanes(&h, step);
        floats other_lo = (floats)l, other_hi = (floats)h;
        least(&lo, &other_lo);
        greatest(&hi, &other_hi);
    }
    *out_lo = lo[0];
    *out_hi = hi[0];
}

INLINE int32_t sum_of(const ints *sum)
{
    ints all = *sum, other;
    for (int step = 0; step < FOLDS; step++) {
        other = all;
        swap_lanes(&other, step);
        all += other;
    }
    return all[0];
}

/* Of two classes. */
INLINE void left_whole(const float *value, const int32_t *class, const int32_t *weight, size_t n,
                       float threshold, const int32_t *of, int32_t *out)
{
    floats v;
    ints c, w, sum[2] = { { 0 } };
    for (size_t i = 0; i < n; i += B) {
        memcpy(&v, value + i, sizeof v);
        memcpy(&c, class + i, sizeof c);
        ints mask = v <= threshold;
        if (weight) {
            memcpy(&w, weight + i, sizeof w);
            mask &= w;
            sum[0] += mask & (c == of[0]);
            sum[1] += mask & (c == of[1]);
        } else {
            sum[0] -= mask & (c == of[0]);
            sum[1] -= mask & (c == of[1]);
        }
    }
    out[0] = sum_of(&sum[0]);
    out[1] = sum_of(&sum[1]);
}

NN_CLONES
void scan_left_whole(const float *value, const int32_t *class, const int32_t *weight, size_t n,
                     float threshold, const int32_t *of, size_t n_of, int32_t *out)
{
    for (size_t k = 0; k < n_of; k += 2) {
        if (weight)
            left_whole(value, class, weight, n, threshold, of + k, out + k);
        else
            left_whole(value, class, NULL, n, threshold, of + k, out + k);
    }
}

NN_CLONES
int32_t scan_left_rows(const float *value, size_t n, float threshold)
{
    floats v;
    ints sum = { 0 };
    for (size_t i = 0; i < n; i += B) {
        memcpy(&v, value + i, sizeof v);
        sum -= v <= threshold;
    }
    return sum_of(&sum);
}
