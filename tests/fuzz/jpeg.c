/* Picture files of any bytes behind a JPEG signature. */
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    uint8_t *file = signed_picture(bytes, n, "\xff\xd8\xff", 3);
    if (file)
        fuzz_picture(file, n);
    free(file);
    return 0;
}
