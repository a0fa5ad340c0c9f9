#ifndef FUZZ_PICTURE_H
#define FUZZ_PICTURE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/image.h"

/** A copy of the input as a picture file, whose first bytes become the signature of its kind: so
 * any picture is a seed. NULL: it is too short. */
static inline uint8_t *signed_picture(const uint8_t *bytes, size_t n, const void *sign,
                                      size_t n_sign)
{
    if (n <= n_sign)
        return NULL;
    uint8_t *file = mem_calloc(n, 1);
    memcpy(file, bytes, n);
    memcpy(file, sign, n_sign);
    return file;
}

/** A picture file with the options that its last byte picks: any answer, but a reason if it is no.
 */
static inline void fuzz_picture(const uint8_t *file, size_t n)
{
    struct image_options o = { .size = 7, .max_bytes = 1 << 20, .max_pixels = 100000 };
    struct err e = { 0 };
    uint8_t out[3 * 7 * 7], how = file[n - 1];
    o.fit = (enum image_fit)(how % 3);
    o.filter = (enum resize_filter)(how / 3 % 3);
    o.dct_scaling = how / 9 % 2;
    if (image_pixels(&o, file, n, out, &e) != 0 && !e.text[0])
        abort(); /* refused without a reason */
}

#endif
