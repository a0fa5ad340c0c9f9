#ifndef NUM_RESIZE_H
#define NUM_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Stretch an RGB picture to another size, row by row, so that the large picture need not be in
 * memory. Every output pixel is a weighted mean of input pixels, on each axis by itself:
 *
 *   RESIZE_AREA      where the picture shrinks the mean of what the pixel covers, parts of pixels
 * by their share; where it grows linear interpolation between pixel centres RESIZE_BILINEAR  the
 * triangle 1 - |x|, widened by the factor by which the picture shrinks, so that nothing is skipped
 * (what Pillow calls antialiasing) RESIZE_LANCZOS   sinc(x) sinc(x / 3) up to |x| = 3, widened
 * likewise (Duchon, J. Appl. Meteorology 18 (1979) 1016-1022)
 *
 * At the edges the weights of what is there are scaled up. Weights are whole numbers of 1/2^14 with
 * sum 2^14, a row resized across keeps 6 bits below a grey level, and the end is rounded half up:
 * whole numbers all the way, the same bytes with and without SIMD, within 0.53 of the exact mean.
 *
 *   cost    O(in_height * out_width * (taps across + taps down)) multiplications
 *   memory  O(in_width + out_width * output rows that are open at once), and the weights
 */
enum resize_filter { RESIZE_AREA, RESIZE_BILINEAR, RESIZE_LANCZOS };

/** One axis: output o is the sum over i < taps of weight[o * taps + i] * in[start[o] + i]. */
struct resize_axis {
    size_t taps;     /* the same for all: weights behind the last are 0, a multiple of 4 */
    size_t *start;   /* (n_out) owned, ascending */
    int16_t *weight; /* (n_out, taps) owned */
};

/** The loops over pixels, all with the same result: in C, for AVX2, for AVX-512 VBMI and VNNI. */
enum resize_code { RESIZE_PLAIN, RESIZE_AVX2, RESIZE_VBMI };

struct resize {
    size_t in_width, in_height, out_width, out_height;
    size_t row;  /* input rows seen */
    size_t open; /* first output row that is not done */
    struct resize_axis across, down;
    size_t *last; /* (out_height) owned, ascending: last input row that counts */
    enum resize_code
        code; /* the best of this processor; until the first row set it lower at will */
    struct resize_step *step; /* owned: what VBMI reads, for 16 values and four taps each */
    int16_t *pairs; /* (out_width / 2, across.taps / 4, 32) owned: the weights as AVX2 reads them */
    uint32_t *at;   /* owned: first byte of each output or step */
    size_t n_inside; /* of the pairs: those whose loads stay within the row */
    uint8_t *padded; /* owned: the end of the input row, zeros behind it; VBMI: the even row */
    size_t n_line;   /* >= 3 out_width + 16, a multiple of 64 */
    int16_t *line;   /* (2, n_line) owned: two input rows resized across, in 1/64 */
    size_t n_sum;    /* output rows that are open at once */
    int32_t *sum;    /* (n_sum, n_line) owned: row o at o % n_sum */
    uint8_t *out;    /* borrowed: where the result goes */
    size_t stride;   /* bytes from one row of it to the next */
};

enum { RESIZE_MAX_IN = 4000000, RESIZE_MAX_OUT = 4096 };

/** All four sizes >= 1, at most RESIZE_MAX_IN and RESIZE_MAX_OUT (asserted). The result is written
 * to `out`, (out_height, out_width, 3) with rows `stride` bytes apart, and is complete after
 * in_height rows. */
void resize_init(struct resize *r, enum resize_filter filter, size_t in_width, size_t in_height,
                 size_t out_width, size_t out_height, uint8_t *out, size_t stride);

/** The next input row, (in_width, 3). */
void resize_row(struct resize *r, const uint8_t *rgb);

void resize_release(struct resize *r);

#endif
