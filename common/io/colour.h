#ifndef IO_COLOUR_H
#define IO_COLOUR_H

#include <stddef.h>
#include <stdint.h>

/* Colours of a picture file to sRGB, by the profile that it carries (lcms2, perceptual intent).
 * Transforms are kept and shared between pictures and threads: shops use few profiles, and making a
 * transform takes longer than decoding a small picture. Any thread may call. */

/** How the pixels of a file lie in memory; the result has the same extra channel. */
struct colour_layout {
    int n_ink;    /* 1 grey, 3 RGB, 4 CMYK */
    int alpha;    /* 1: an opacity follows each pixel, which is kept */
    int wide;     /* 1: 16 bits in the order of the machine; the result has 8 */
    int inverted; /* 1: CMYK as Adobe writes it, 255 is no ink */
};

/** A transform to RGB of 8 bits. */
struct colour;

/**
 * The transform of an ICC profile, to be given back by colour_put. NULL if there is none to do: a
 * profile that lcms2 cannot use, or of other colours than the layout has, or that changes no colour
 * of an RGB picture by more than 2 of 255 (sRGB in one of its many spellings).
 */
struct colour *colour_icc(const uint8_t *icc, size_t n, const struct colour_layout *l);

/**
 * The same for a picture that says its gamma and primaries instead (PNG's gAMA and cHRM).
 *
 *   gamma      exponent of the file: light = value^gamma; 0: as sRGB
 *   primaries  x, y of white, red, green, blue; NULL: as sRGB
 */
struct colour *colour_gamma(double gamma, const double *primaries, const struct colour_layout *l);

/** n pixels to RGB, or RGBA if the layout has alpha. */
void colour_row(const struct colour *c, const void *in, uint8_t *out, size_t n);

/** NULL is fine. */
void colour_put(struct colour *c);

#endif
