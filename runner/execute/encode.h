#ifndef RUNNER_ENCODE_H
#define RUNNER_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* The forms in which programs write a text into other texts. Each adds to `out`. */

/** The characters of base64 (RFC 4648) that n bytes determine alone where `before` (0 to 2) bytes
 * of another text precede them, modulo 3. `url`: with - and _ in place of + and /. */
void encode_base64(const char *bytes, size_t n, size_t before, bool url, struct str *out);

/** Percent-encoded: all but letters, digits, "-._~" and the characters of `keep`; with `plus` a
 * space is +; `hex` are the 16 digits. */
void encode_url(const char *text, const char *keep, bool plus, const char *hex, struct str *out);

/** Inside the quotes of a JSON string; `hex`: what is not ASCII as \uXXXX with these digits (NULL:
 * as it is); `slash`: / as \/. */
void encode_json(const char *text, const char *hex, bool slash, struct str *out);

#endif
