#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Length of the longest prefix of n bytes that is UTF-8 (RFC 3629: no overlong form, no surrogate,
 * nothing above U+10FFFF). It is n when all of it is.
 */
size_t utf8_prefix(const char *bytes, size_t n);

static inline bool utf8_valid(const char *bytes, size_t n)
{
    return utf8_prefix(bytes, n) == n;
}

/** The largest m <= n at which the text may be cut without splitting a character. */
size_t utf8_cut(const char *bytes, size_t n);

#endif
