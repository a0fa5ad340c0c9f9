/* Picture files of any bytes behind a WebP signature. */
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint8_t sign[12] = "RIFF\0\0\0\0WEBP";
    for (int i = 0; i < 4; i++) /* what RIFF says: all that follows, but for the options */
        sign[4 + i] = (uint8_t)((n - 9) >> (8 * i));
    uint8_t *file = signed_picture(bytes, n, sign, sizeof sign);
    if (file)
        fuzz_picture(file, n);
    free(file);
    return 0;
}
