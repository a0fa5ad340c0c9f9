#ifndef IO_IMAGE_H
#define IO_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/resize.h"

/* Picture files to pixels: the one function that training and serving share, so that the two can
 * never disagree.
 *
 * JPEG (libjpeg-turbo): baseline and progressive, Huffman and arithmetic coding, grey, YCbCr, RGB,
 * CMYK and YCCK. A larger picture is decoded at 1/2, 1/4 or 1/8 of its size (scaled DCT), never
 * below the size that is wanted. CMYK without a usable profile becomes R = C K / 255 in Adobe's
 * inverted values. Every sign of missing or damaged data (which libjpeg only warns of, filling with
 * grey) makes the picture corrupt, also a missing end marker.
 * PNG (libpng): every colour type and depth, interlaced or not; 16 bits are rounded to 8.
 * WebP (libwebp, where the build has it): lossy and lossless; of an animation the first frame.
 * Colours become sRGB by the picture's ICC profile, in PNG also by its gamma and primaries, see
 * io/colour.h; transparency shows the background. Orientation: EXIF in all three. The
 * kind of a file is told by its first bytes, not by its name.
 */

enum { IMAGE_MAX_SIZE = 1024 };

/** How an oblong picture becomes a square: as a whole, its middle, or whole with bars beside it. */
enum image_fit { IMAGE_STRETCH, IMAGE_CROP, IMAGE_PAD };

struct image_options {
    int64_t size; /* pixels of a side of the square, 1 .. IMAGE_MAX_SIZE */
    enum image_fit fit;
    enum resize_filter filter;
    uint32_t background; /* 0xRRGGBB: behind transparency and beside a padded picture */
    bool dct_scaling;    /* JPEG: decode at less than the full size where that suffices */
    int64_t max_bytes;   /* of a file */
    int64_t max_pixels;  /* of a picture, width * height: checked before anything is decoded */
};

#define IMAGE_FITS    "stretch|crop|pad"
#define IMAGE_FILTERS "area|bilinear|lanczos"

/* Raised when the same options give other pixels; a recipe of another version is refused. */
enum { IMAGE_RECIPE_VERSION = 2 };

/** Fit and filter by name, background as "#rrggbb": ERR_USAGE with what was found. */
int image_options_parse(struct image_options *o, const char *fit, const char *filter,
                        const char *background, struct err *e);

/** 64 pixels, stretched, area, on white, DCT scaling, 64 MiB, 80 million pixels. */
struct image_options image_defaults(void);

/** The options as JSON, equal options as equal bytes; owned by the caller. */
char *image_recipe(const struct image_options *o);

/** Read such JSON. ERR_DATA: no JSON, unknown or missing key, out of range, newer version. */
int image_recipe_parse(struct image_options *out, const char *json, struct err *e);

/**
 * Decode n bytes of a picture file into out_rgb, (size, size, 3).
 *
 *   errors  ERR_DATA with the reason: empty, no picture, damaged, over a limit; out_rgb is then not
 *           to be used
 *   memory  O(size^2 + width), but interlaced PNG, progressive JPEG and WebP need up to 8 bytes a
 *           pixel; any thread may call
 */
int image_pixels(const struct image_options *o, const uint8_t *bytes, size_t n, uint8_t *out_rgb,
                 struct err *e);

#endif
