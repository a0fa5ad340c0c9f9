#ifndef NUM_RESIZE_H
#define NUM_RESIZE_H

#include <stddef.h>
#include <stdint.h>

/**
 * Stretch an RGB picture to another size, row by row, so that the large picture need not be in
 * memory. On each axis by itself: area averaging where the picture shrinks (an output pixel is the
 * mean of what it covers, parts of pixels by their share), linear interpolation between pixel
 * centres where it grows, the edge repeated outside. Computed exactly in integers and rounded once,
 * half up: the same bytes on every machine.
 *
 *   cost    O(in_width * in_height + in_height * out_width) additions
 *   memory  O(out_width * out_height), 24 bytes a pixel
 */
struct resize_span {
    size_t start, n;              /* input pixels start .. start + n - 1, n >= 1 */
    uint32_t first, middle, last; /* their weights; n = 1: `first` alone, n = 2: no middle */
};

struct resize {
    size_t in_width, in_height, out_width, out_height;
    size_t row;                        /* input rows seen */
    size_t open;                       /* first output row that still lacks input */
    uint64_t total;                    /* sum of all weights of a pixel */
    struct resize_span *across, *down; /* (out_width), (out_height) owned */
    uint32_t *line;                    /* (out_width, 3) owned: the input row, resized across */
    uint64_t *sum;                     /* (out_height, out_width, 3) owned */
};

enum { RESIZE_MAX_IN = 4000000, RESIZE_MAX_OUT = 4096 };

/** All four sizes >= 1, at most RESIZE_MAX_IN and RESIZE_MAX_OUT (asserted). */
void resize_init(struct resize *r, size_t in_width, size_t in_height, size_t out_width,
                 size_t out_height);

/** The next input row, (in_width, 3). */
void resize_row(struct resize *r, const uint8_t *rgb);

/** After in_height rows: the result, (out_height, out_width, 3). */
void resize_finish(const struct resize *r, uint8_t *out_rgb);

void resize_release(struct resize *r);

#endif
