#ifndef NN_LSTM_CELL_H
#define NN_LSTM_CELL_H

#include <stddef.h>

/**
 * One row of one step of an LSTM of H units: gates i f g o from their sums a + b, then
 * c = f c_before + i g, tc = tanh c, h = o tc. a (4H) becomes the gates. Sigmoids and tanh are
 * within 1e-6 of the true values (of tanh: relative), by one rational function (Eigen's
 * generic_fast_tanh_float; sigmoid x = (1 + tanh x / 2) / 2); the four gates share a division.
 */
void cell_forward(float *a, const float *b, const float *c_before, float *c, float *tc, float *h,
                  size_t H);

/** The same on any processor, with functions that are right to a few units in the last place. */
void cell_forward_plain(float *a, const float *b, const float *c_before, float *c, float *tc,
                        float *h, size_t H);

typedef void cell_forward_fn(float *a, const float *b, const float *c_before, float *c, float *tc,
                             float *h, size_t H);
cell_forward_fn cell_forward_avx2, cell_forward_avx512;

#endif
