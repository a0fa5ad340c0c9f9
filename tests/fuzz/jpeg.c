/* Picture files of any bytes behind a JPEG signature. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const uint8_t sign[] = { 0xff, 0xd8, 0xff };
    struct image_options o = { .size = 7, .max_bytes = 1 << 20, .max_pixels = 100000 };
    struct err e = { 0 };
    uint8_t out[3 * 7 * 7], *file = mem_calloc(n + sizeof sign, 1);

    memcpy(file, sign, sizeof sign);
    if (n)
        memcpy(file + sizeof sign, bytes, n);
    if (image_pixels(&o, file, n + sizeof sign, out, &e) != 0 && !e.text[0])
        abort(); /* refused without a reason */
    free(file);
    return 0;
}
