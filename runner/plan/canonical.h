#ifndef RUNNER_CANONICAL_H
#define RUNNER_CANONICAL_H

#include <jansson.h>

#include "base/str.h"

/** Append a JSON document of objects, arrays, texts, integers and nulls in the one form that is
 * hashed: what json_dumps writes with JSON_COMPACT | JSON_SORT_KEYS, which takes five times as long
 * because it looks for loops. */
void canonical_add(const json_t *doc, struct str *out);

#endif
