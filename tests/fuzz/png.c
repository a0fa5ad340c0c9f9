/* Picture files of any bytes behind a png signature. Build and run:
 *   clang -std=c17 -D_POSIX_C_SOURCE=200809L -g -O1 -fsanitize=fuzzer,address,undefined -Icommon -o /tmp/png tests/fuzz/png.c \
 *     common/base/{err,mem,str}.c common/num/resize.c common/io/{image,image_jpeg,image_png,json_keys}.c \
 *     -ljpeg -lpng -lexif -llcms2 -ljansson -lz
 *   /tmp/png -max_len=4096 -max_total_time=180 CORPUS */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static size_t big_endian(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Make the checksums of all chunks right, so that the changes behind them are reached. */
static void mend(uint8_t *file, size_t n)
{
    for (size_t at = 8; n - at >= 12;) {
        size_t size = big_endian(file + at);
        if (size > n - at - 12)
            return;
        uint32_t crc = (uint32_t)crc32(0, file + at + 4, (unsigned)size + 4);
        for (size_t i = 0; i < 4; i++)
            file[at + 8 + size + i] = (uint8_t)(crc >> (24 - 8 * i));
        at += size + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const uint8_t sign[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    struct image_options o = { .size = 7, .max_bytes = 1 << 20, .max_pixels = 100000 };
    struct err e = { 0 };
    uint8_t out[3 * 7 * 7], *file = mem_calloc(n + sizeof sign, 1);

    memcpy(file, sign, sizeof sign);
    if (n)
        memcpy(file + sizeof sign, bytes, n);
    mend(file, n + sizeof sign);
    if (image_pixels(&o, file, n + sizeof sign, out, &e) != 0 && !e.text[0])
        abort(); /* refused without a reason */
    free(file);
    return 0;
}
