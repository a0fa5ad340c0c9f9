#ifndef NN_PACKED_H
#define NN_PACKED_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Matrix products with a right factor that many products share: the weights of a layer, laid out
 * once for the registers of this processor (Goto & van de Geijn, ACM TOMS 34 (2008), section 4: the
 * panels of their inner kernel, without the packing in every call). For products of few rows, where
 * a general sgemm packs more than it multiplies.
 *
 * Every sum is one chain of fused multiply-adds in the order of k, so a row of the result has the
 * same bits whatever rows are beside it, and on every processor that has the kernels.
 */
struct packed {
    size_t k, n;  /* of the factor: (k, n) */
    size_t width; /* columns of a panel */
    float *panel; /* (panels, k, width) owned; beyond column n zeros */
};

/** Does this processor have the kernels (x86-64 with AVX2 and FMA, or AVX-512)? */
bool packed_is_here(void);

/** The name of the kernels: "packed avx512". */
const char *packed_kernel(void);

/** Room for a factor (k, n); to be called where packed_is_here. */
void packed_init(struct packed *p, size_t k, size_t n);
void packed_release(struct packed *p);

/** Lay the factor out: b (k, n), or b (n, k) transposed if tb; of its rows those from `from` to
 * before `to`, where from is a multiple of PACKED_ROWS, so that threads can share it out. */
enum { PACKED_ROWS = 64 };
void packed_fill(struct packed *p, bool tb, const float *b, size_t ldb, size_t from, size_t to);

/** Lay rows first .. first + rows - 1 of the factor out: b (rows, n). */
void packed_put(struct packed *p, size_t first, size_t rows, const float *b);

/** c = a p, or c + a p if `add`: a (m, k), c (m, n), rows lda and ldc apart. One thread. */
void packed_multiply(const struct packed *p, size_t m, const float *a, size_t lda, bool add,
                     float *c, size_t ldc);

/** c = a' b, or c + a' b if `add`: a (m, k), b (m, n), c (k, n), rows of all next to each other.
 * The sum over m is one chain in steps of 256, whose parts are added up in order. One thread. */
void packed_gradient(size_t m, size_t k, size_t n, const float *a, const float *b, bool add,
                     float *c);

/** c = a' b: a (m, k), b the first m rows of the factor, c (k, n). Summed as by packed_gradient.
 * One thread. */
void packed_transposed(const struct packed *p, size_t m, size_t k, const float *a, float *c);

#endif
