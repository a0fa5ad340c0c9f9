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

/** The loops over pixels, all with the same result: in C, for AVX2, for AVX-512 VBMI and VNNI. */
enum resize_code { RESIZE_PLAIN, RESIZE_AVX2, RESIZE_VBMI };

struct resize_sizes {
    size_t in_width, in_height, out_width, out_height;
    enum resize_filter filter;
    enum resize_code
        code; /* the best of this processor; until the first row set it lower at will */
};

struct resize {
    struct resize_sizes size;
    struct resize_plan *plan; /* from the first row on: borrowed, and given back */
    size_t row;               /* input rows seen */
    size_t open;              /* first output row that is not done */
    uint8_t *even;            /* owned: a row that waits for the next one; NULL: none has waited */
    uint8_t *padded;          /* owned: the end of the input row, zeros behind it */
    size_t n_line;            /* >= 3 out_width + 16, a multiple of 64 */
    int16_t *line;            /* (2, n_line) owned: two input rows resized across, in 1/64 */
    int32_t *sum;             /* (n_sum, n_line) owned: row o at o % n_sum */
    uint8_t *out;             /* borrowed: where the result goes */
    size_t stride;            /* bytes from one row of it to the next */
};

enum { RESIZE_MAX_IN = 4000000, RESIZE_MAX_OUT = 4096 };

/** All four sizes >= 1, at most RESIZE_MAX_IN and RESIZE_MAX_OUT (asserted). The result is written
 * to `out`, (out_height, out_width, 3) with rows `stride` bytes apart, and is complete after
 * in_height rows. */
void resize_init(struct resize *r, enum resize_filter filter, size_t in_width, size_t in_height,
                 size_t out_width, size_t out_height, uint8_t *out, size_t stride);

/** The next input row, (in_width, 3). */
void resize_row(struct resize *r, const uint8_t *rgb);

/** The next two, of which the first has an even number (from 0): as two calls, without a copy. */
void resize_two_rows(struct resize *r, const uint8_t *even, const uint8_t *odd);

void resize_release(struct resize *r);

#endif
