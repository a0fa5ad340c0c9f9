/* Picture files of any bytes behind a jpeg signature. Build and run:
 *   clang -std=c17 -D_POSIX_C_SOURCE=200809L -g -O1 -fsanitize=fuzzer,address,undefined -Icommon -o /tmp/jpeg tests/fuzz/jpeg.c \
 *     common/base/{err,mem,str}.c common/num/resize.c common/io/{image,image_jpeg,image_png,json_keys}.c \
 *     -ljpeg -lpng -lexif -llcms2 -ljansson
 *   /tmp/jpeg -max_len=4096 -max_total_time=180 CORPUS */
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
