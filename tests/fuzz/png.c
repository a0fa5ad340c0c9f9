/* Picture files of any bytes behind a PNG signature, with their checksums made right. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static size_t big_endian(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* CRC-32 of ISO 3309, as PNG wants it (annex D of its standard). */
static uint32_t crc_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* Make the checksums of all chunks right, so that the changes behind them are reached. */
static void mend(uint8_t *file, size_t n)
{
    for (size_t at = 8; n - at >= 12;) {
        size_t size = big_endian(file + at);
        if (size > n - at - 12)
            return;
        uint32_t crc = crc_of(file + at + 4, size + 4);
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
