#ifndef RUNNER_LOGTAIL_H
#define RUNNER_LOGTAIL_H

#include <jansson.h>
#include <stddef.h>

#include "base/str.h"

/** Add n bytes as valid UTF-8: what is none becomes U+FFFD; a control character but tab and line
 * end becomes '?'. */
void clean_add(struct str *out, const char *bytes, size_t n);

/** The last `n` lines of a file within its last `max` bytes, clean, as an array of texts; empty if
 * it cannot be read. */
json_t *logtail(const char *path, size_t n, size_t max);

#endif
