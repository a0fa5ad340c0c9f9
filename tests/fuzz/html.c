/* Texts of any bytes through the cleaner. The first byte picks the options. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const language[] = { "none", "french", "english", "turkish" };
    struct text_options o = text_defaults();
    struct text t = { 0 };
    struct words w = { 0 };
    struct err e = { 0 };

    if (n < 1)
        return 0;
    o.language = language[bytes[0] & 3];
    o.charset = (bytes[0] >> 2) % 3;
    o.stem = bytes[0] & 3 && bytes[0] & 16;
    o.html = !(bytes[0] & 32);
    o.max_words = bytes[0] & 64 ? 3 : 0;
    o.mask_digits = o.mask_urls = bytes[0] & 128;
    const struct text_part part[] = { { (const char *)bytes + 1, (n - 1) / 2 },
                                      { (const char *)bytes + 1 + (n - 1) / 2,
                                        n - 1 - (n - 1) / 2 } };
    if (text_init(&t, &o, &e))
        abort();
    text_words(&t, part, 2, &w);
    for (size_t i = 0; i < w.n; i++)
        assert(strcmp(words_get(&w, i), "<url>") == 0 ||
               (*words_get(&w, i) && !strpbrk(words_get(&w, i), " <>&;'-")));
    words_release(&w);
    text_release(&t);
    return 0;
}
