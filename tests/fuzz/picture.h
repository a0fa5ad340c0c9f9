#ifndef FUZZ_PICTURE_H
#define FUZZ_PICTURE_H

#include <stdint.h>
#include <stdlib.h>

#include "io/image.h"

/** A picture file with the options that `how` picks: any answer, but a reason if it is no. */
static inline void fuzz_picture(uint8_t how, const uint8_t *file, size_t n)
{
    struct image_options o = { .size = 7, .max_bytes = 1 << 20, .max_pixels = 100000 };
    struct err e = { 0 };
    uint8_t out[3 * 7 * 7];
    o.fit = (enum image_fit)(how % 3);
    o.filter = (enum resize_filter)(how / 3 % 3);
    o.dct_scaling = how / 9 % 2;
    if (image_pixels(&o, file, n, out, &e) != 0 && !e.text[0])
        abort(); /* refused without a reason */
}

#endif
