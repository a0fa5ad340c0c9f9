#include "runner/execute/encode.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void encode_base64(const char *bytes, size_t n, size_t before, bool url, struct str *out)
{
    const char *letter = url ? for_urls : standard;
    size_t first = (8 * before + 5) / 6, end = 8 * (before + n) / 6; /* whole sextets of ours */
    for (size_t i = first; i < end; i++) {
        size_t bit = 6 * i - 8 * before, byte = bit / 8, shift = bit % 8;
        unsigned two = (unsigned)(unsigned char)bytes[byte] << 8;
        if (byte + 1 < n)
            two |= (unsigned char)bytes[byte + 1];
        str_addc(out, letter[two >> (10 - shift) & 63]);
    }
}

void encode_url(const char *text, const char *keep, bool plus, const char *hex, struct str *out)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 128 && (isalnum(c) || strchr("-._~", c) || strchr(keep, c))) {
            str_addc(out, *p);
        } else if (plus && c == ' ') {
            str_addc(out, '+');
        } else {
            str_addc(out, '%');
            str_addc(out, hex[c >> 4]);
            str_addc(out, hex[c & 15]);
        }
    }
}

/* The character at p of a text that may not be UTF-8; 0xfffd and one byte where it is not. */
static size_t next_character(const char *p, uint32_t *out)
{
    unsigned char c = (unsigned char)*p;
    size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
    *out = n == 1 ? c : n == 0 ? 0xfffd : c & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80) {
            *out = 0xfffd;
            return 1;
        }
        *out = *out << 6 | ((unsigned char)p[i] & 0x3f);
    }
    return n ? n : 1;
}

static void add_unit(struct str *out, uint32_t unit, const char *hex)
{
    str_addz(out, "\\u");
    for (int shift = 12; shift >= 0; shift -= 4)
        str_addc(out, hex[unit >> shift & 15]);
}

void encode_json(const char *text, const char *hex, bool slash, struct str *out)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *known;
    for (const char *p = text; *p;) {
        uint32_t c;
        size_t n = next_character(p, &c);
        if (n == 1 && (known = strchr(plain, *p))) {
            str_addc(out, '\\');
            str_addc(out, letter[known - plain]);
        } else if (slash && c == '/') {
            str_addz(out, "\\/");
        } else if (c < 0x20 || (c >= 0x10000 && hex)) {
            const char *digits = hex ? hex : "0123456789abcdef";
            if (c >= 0x10000)
                add_unit(out, 0xd800 + ((c - 0x10000) >> 10), digits);
            add_unit(out, c >= 0x10000 ? 0xdc00 + (c & 0x3ff) : c, digits);
        } else if (c > 0x7e && hex) {
            add_unit(out, c, hex);
        } else {
            str_add(out, p, n);
        }
        p += n;
    }
}
