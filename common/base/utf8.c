#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the sequence that begins at p (n left), 0 if it is none. Table 3-7 of the Unicode
 * standard. */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    size_t want;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        want = 2;
    else if ((p[0] & 0xF0) == 0xE0)
        want = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        want = 4;
    else
        return 0;
    if (want > n)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return want;
}

size_t utf8_prefix(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t i = 0;

    while (i < n) {
        uint64_t eight;
        if (n - i >= sizeof eight) { /* most text is ASCII: eight bytes at a time */
            memcpy(&eight, p + i, sizeof eight);
            if ((eight &= 0x8080808080808080u) == 0) {
                i += sizeof eight;
                continue;
            }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            i += (size_t)__builtin_ctzll(eight) / 8; /* to the first that is not */
#endif
        }
        size_t step = sequence(p + i, n - i);
        if (step == 0)
            return i;
        i += step;
    }
    return n;
}

size_t utf8_cut(const char *bytes, size_t n)
{
    size_t back = n;
    while (back > 0 && n - back < 3 && ((unsigned char)bytes[back - 1] & 0xC0) == 0x80)
        back--;
    if (back > 0 && utf8_prefix(bytes + back - 1, n - back + 1) != n - back + 1)
        return back - 1;
    return n;
}
