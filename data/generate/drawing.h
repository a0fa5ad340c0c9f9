#ifndef GENERATE_DRAWING_H
#define GENERATE_DRAWING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "num/rng.h"

/* Product pictures: one drawn object before a plain background, tilted, in varying colours and
 * sizes, with noise, and encoded in all the ways in which shops store pictures. */

enum drawing {
    DRAW_BOOK,
    DRAW_CASE,
    DRAW_CONSOLE,
    DRAW_FIGURE,
    DRAW_TABLE,
    DRAW_GARDEN,
    DRAW_WAVES
};

/** What is odd about a picture's file. */
enum picture_case {
    MISSING,     /* no file */
    TRUNCATED,   /* the first three fifths of a JPEG */
    GREY,        /* JPEG of one component */
    CMYK,        /* JPEG of four, inverted, with an Adobe marker */
    PALETTE_PNG, /* palette with transparency, under a .jpg name */
    ROTATED,     /* EXIF orientation 6 */
    TWIN,        /* byte-identical to another one */
    COLOUR_PNG,  /* RGB, under a .jpg name */
    PROGRESSIVE,
    ORDINARY
};

/** The bytes of one picture file, appended to *out; none for MISSING. side: of the picture in
 * pixels; 0: 64 to 88, as it comes. */
void drawing_make(struct rng *r, enum drawing drawing, enum picture_case how, int side,
                  struct str *out);

/** Uniform on low .. high. */
int between(struct rng *r, int low, int high);

/** True `percent` times of a hundred. */
bool chance(struct rng *r, uint64_t percent);

#endif
