#ifndef IO_IMAGE_DECODE_H
#define IO_IMAGE_DECODE_H

#include "io/image.h"
#include "num/resize.h"

/* Inside of io/image.h: one decoder per format. Each checks max_pixels, starts `r` with the size it
 * found and gives it all rows; out_orientation is EXIF's 1 .. 8. `r` is released by the caller,
 * also after an error. */

int image_jpeg(const struct image_options *o, const uint8_t *bytes, size_t n, struct resize *r,
               int *out_orientation, struct err *e);
int image_png(const struct image_options *o, const uint8_t *bytes, size_t n, struct resize *r,
              int *out_orientation, struct err *e);

/** ERR_DATA if the picture is too large. */
int image_check_pixels(const struct image_options *o, uint64_t width, uint64_t height,
                       struct err *e);

/** Orientation in an EXIF block that starts with "Exif\0\0"; 1 where it says nothing usable. */
int image_exif_orientation(const uint8_t *exif, size_t n);

#endif
