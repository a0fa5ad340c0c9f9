#ifndef IO_CANVAS_H
#define IO_CANVAS_H

#include <stddef.h>
#include <stdint.h>

#include "io/image.h"
#include "num/resize.h"

/* Inside of io/image.h: the square that a decoder paints, row by row. It cuts, stretches or pads as
 * the options say, and turns the picture upright. */
struct canvas {
    const struct image_options *options; /* borrowed */
    uint8_t *out;                        /* borrowed: (size, size, 3), the square when done */
    uint8_t *square;                 /* owned: the square before it is turned; NULL: it is not */
    int orientation;                 /* EXIF: 1 .. 8 */
    size_t left, top, width, height; /* what is read of the picture */
    size_t row;                      /* rows seen */
    struct resize resize;
};

/** The empty canvas for a square at out_rgb. */
struct canvas canvas_empty(const struct image_options *o, uint8_t *out_rgb);

/** A picture of width x height pixels, within image_check_pixels; once. */
void canvas_start(struct canvas *c, size_t width, size_t height, int orientation);

/** The next row, (width, 3). */
void canvas_row(struct canvas *c, const uint8_t *rgb);

/** As two calls, and faster. */
void canvas_two_rows(struct canvas *c, const uint8_t *rgb, const uint8_t *next);

/** After all rows: the square is complete. */
void canvas_finish(struct canvas *c);
void canvas_release(struct canvas *c);

/** A row of RGBA on the background of the options: (n, 4) to (n, 3). */
void canvas_blend(const struct image_options *o, const uint8_t *rgba, size_t n, uint8_t *out_rgb);

#endif
