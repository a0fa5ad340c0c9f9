/* Picture files of any bytes behind a JPEG signature: the first byte picks the options. */
#include <string.h>

#include "base/mem.h"
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const uint8_t sign[] = { 0xff, 0xd8, 0xff };
    if (n < 1)
        return 0;
    uint8_t *file = mem_calloc(n - 1 + sizeof sign, 1);
    memcpy(file, sign, sizeof sign);
    memcpy(file + sizeof sign, bytes + 1, n - 1);
    fuzz_picture(bytes[0], file, n - 1 + sizeof sign);
    free(file);
    return 0;
}
