/* Picture files of any bytes behind a PNG signature, with their checksums made right. */
#include "tests/fuzz/picture.h"

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
    uint8_t *file = signed_picture(bytes, n, "\x89PNG\r\n\x1a\n", 8);
    if (file) {
        mend(file, n);
        fuzz_picture(file, n);
    }
    free(file);
    return 0;
}
