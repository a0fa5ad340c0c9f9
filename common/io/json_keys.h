#ifndef IO_JSON_KEYS_H
#define IO_JSON_KEYS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Reading a small flat JSON object whose keys are all known and all required, as our recipes are.
 * `what` names it in messages ("text recipe: 'lower' is 3, want true or false"). All errors
 * ERR_DATA. */

/** Parse an object that has exactly these keys (NULL-terminated). `*out` is a new reference. */
int json_keys_load(json_t **out, const char *what, const char *json, const char *const *keys,
                   struct err *e);

int json_keys_bool(const json_t *root, const char *what, const char *key, bool *out, struct err *e);
int json_keys_int(const json_t *root, const char *what, const char *key, int64_t min, int64_t max,
                  int64_t *out, struct err *e);
int json_keys_text(const json_t *root, const char *what, const char *key, const char **out,
                   struct err *e); /* borrowed */

/** A text as JSON, null for NULL. */
json_t *json_text_or_null(const char *text);

/** Texts as a list. */
json_t *json_texts(char *const *text, size_t n);

/** The texts of a list, owned by the caller; what is no text, or no list, is left out. */
char **json_take_texts(const json_t *list, size_t *out_n);

#endif
