#ifndef IO_IMAGE_H
#define IO_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Picture files to pixels: the one function that training and serving share, so that the two can
 * never disagree.
 *
 * JPEG (libjpeg-turbo): baseline and progressive, grey, YCbCr, RGB, CMYK and YCCK. A much larger
 * picture is decoded at 1/2, 1/4 or 1/8 of its size (scaled DCT), never below twice `size`. CMYK
 * becomes RGB by its embedded profile (lcms2, perceptual intent, sRGB) if there is a usable one,
 * else by R = C K / 255 in Adobe's inverted values. Every sign of missing or damaged data (which
 * libjpeg only warns of, filling with grey) makes the picture corrupt, also a missing end marker.
 * PNG (libpng): every colour type and depth, interlaced or not; 16 bits are rounded to 8;
 * transparency shows white. Orientation: EXIF (libexif) in JPEG and PNG. Colour profiles of RGB
 * pictures are ignored. Then stretched to a square, see num/resize.h. The kind of a file is told by
 * its first bytes, not by its name.
 */

enum { IMAGE_MAX_SIZE = 1024 };

struct image_options {
    int64_t size;       /* pixels of a side of the square, 1 .. IMAGE_MAX_SIZE */
    int64_t max_bytes;  /* of a file */
    int64_t max_pixels; /* of a picture, width * height: checked before anything is decoded */
};

/* Raised when the same options give other pixels; a recipe of a newer version is refused. */
enum { IMAGE_RECIPE_VERSION = 1 };

/** 64 pixels, 64 MiB, 80 million pixels. */
struct image_options image_defaults(void);

/** The options as JSON, equal options as equal bytes; owned by the caller. */
char *image_recipe(const struct image_options *o);

/** Read such JSON. ERR_DATA: no JSON, unknown or missing key, out of range, newer version. */
int image_recipe_parse(struct image_options *out, const char *json, struct err *e);

/**
 * Decode n bytes of a picture file into out_rgb, (size, size, 3).
 *
 *   errors  ERR_DATA with the reason: empty, no picture, damaged, over a limit; out_rgb is then not
 * to be used memory  O(size^2 + width), but interlaced PNG and progressive JPEG need up to 8 bytes
 * a pixel; any thread may call
 */
int image_pixels(const struct image_options *o, const uint8_t *bytes, size_t n, uint8_t *out_rgb,
                 struct err *e);

#endif
