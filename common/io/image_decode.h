#ifndef IO_IMAGE_DECODE_H
#define IO_IMAGE_DECODE_H

#include "io/canvas.h"
#include "io/image.h"

/* Inside of io/image.h: one decoder per format. Each checks max_pixels, starts the canvas with the
 * size and orientation that it found, and gives it all rows. The canvas is released by the caller,
 * also after an error. */

int image_jpeg(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
               struct err *e);
int image_png(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
              struct err *e);

/** ERR_DATA, too, in a build without libwebp. */
int image_webp(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
               struct err *e);

/** ERR_DATA if the picture is too large. */
int image_check_pixels(const struct image_options *o, uint64_t width, uint64_t height,
                       struct err *e);

/** Orientation in an EXIF block, with or without "Exif\0\0" before it; 1 where it says nothing
 * usable. Nothing but the first directory is looked at (Exif 2.32, 4.6.4; TIFF 6.0, section 2): of
 * a hostile block of 64 kB libexif takes seconds. */
int image_exif_orientation(const uint8_t *exif, size_t n);

#endif
