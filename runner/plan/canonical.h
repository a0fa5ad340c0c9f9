#ifndef RUNNER_CANONICAL_H
#define RUNNER_CANONICAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* JSON in the one form that is hashed: no blanks, keys sorted by their bytes; what json_dumps of
 * jansson writes with JSON_COMPACT | JSON_SORT_KEYS. Written down at once: a document that is built
 * first takes five times as long. */

/** Append the n bytes of a text in quotes. False if it is not UTF-8: what was appended is then no
 * JSON. */
bool canonical_text(const char *text, size_t n, struct str *out);

/** Append the comma before an entry that is not the first of its list or object. */
void canonical_next(struct str *out);

#endif
