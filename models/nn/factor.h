#ifndef NN_FACTOR_H
#define NN_FACTOR_H

#include "models/nn/packed.h"

/** A layer's matrix W (k, n) as products need it: packed for this processor's kernels, or left to
 * OpenBLAS where it has none. */
struct factor {
    size_t k, n;
    struct packed plain, transposed; /* empty: OpenBLAS */
};

/** blas: do without packing. */
void factor_init(struct factor *f, size_t k, size_t n, bool blas);
size_t factor_floats(size_t k, size_t n, bool blas); /* that it takes */
void factor_release(struct factor *f);

/** Once W has changed: lay it out, and W' too if there will be a way back. Part 0 .. factor_parts -
 * 1 of it, which threads share out. */
size_t factor_parts(size_t k, size_t n);
void factor_fill(struct factor *f, const float *w, bool back, size_t part);

/** c = a W, or c + a W if `add`: a (m, k), c (m, n); w as it was given to factor_fill. */
void factor_forth(const struct factor *f, const float *w, size_t m, const float *a, bool add,
                  float *c);

/** c = a W', or c + a W' if `add`: a (m, n), c (m, k). */
void factor_back(const struct factor *f, const float *w, size_t m, const float *a, bool add,
                 float *c);

/** The gradient of W, g = a' d, or g + a' d if `add`: a (m, k), d (m, n), g (k, n). */
void factor_gradient(const struct factor *f, size_t m, const float *a, const float *d, bool add,
                     float *g);

/** The name of the kernel. */
const char *factor_kernel(const struct factor *f);

#endif
