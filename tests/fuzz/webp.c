/* Picture files of any bytes behind a WebP signature: the first byte picks the options. */
#include <string.h>

#include "base/mem.h"
#include "tests/fuzz/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n < 5)
        return 0;
    uint8_t *file = mem_calloc(n + 7, 1);
    size_t size = n - 1; /* what RIFF says: all that follows */
    memcpy(file, "RIFF", 4);
    for (int i = 0; i < 4; i++)
        file[4 + i] = (uint8_t)(size >> (8 * i));
    memcpy(file + 8, "WEBP", 4);
    memcpy(file + 12, bytes + 1, n - 5);
    fuzz_picture(bytes[0], file, n + 7);
    free(file);
    return 0;
}
