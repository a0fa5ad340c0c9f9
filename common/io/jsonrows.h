#ifndef IO_JSONROWS_H
#define IO_JSONROWS_H

#include <stdbool.h>

#include "base/intern.h"
#include "io/record.h"
#include "num/hash.h"

/* JSON records, one at a time, in bounded memory: JSON lines (an object a line) or one array of
 * objects, told by the first character. Values by jansson. */

/** Where the texts of a row come from: field j is the first of its names that the record has. */
struct jsonrows_field {
    char *const *name; /* (n_name) borrowed */
    size_t n_name;
};

/**
 * Read a file. Field j of a row is text as it is, a number in decimal (real numbers as short as
 * they read back the same), true or false, an object or array as compact JSON; NULL for null and
 * where the record has no such key. The sink's header is not called. A record that is no JSON
 * object, has a key twice, a whole number over 64 bits or over 2048 levels is bad; so is one with a
 * text over max_field.
 *
 *   out_seen  (n_field) set to true where a record has the field
 *   hash      NULL, or gets the bytes of the file; out_size: NULL, or how many
 *   errors    as source_read; ERR_DATA: it begins with something else, an array that ends too
 *             early or a record in it that does not end within 64 MiB; what the sink returns
 *   cost      O(bytes) time, the longest record in memory
 */
int jsonrows_read(const char *path, const struct jsonrows_field *field, size_t n_field,
                  size_t max_field, double max_ratio, struct hash *hash,
                  const struct record_sink *sink, void *ctx, bool *out_seen, int64_t *out_size,
                  struct err *e);

/** JSON by its name (.json .jsonl .ndjson, also with .gz)? */
bool jsonrows_named(const char *path);

/** The keys of all records, in order of first appearance. Errors as above; ERR_DATA: more than
 * 16,384 of them. */
int jsonrows_names(const char *path, double max_ratio, struct intern *out, struct err *e);

#endif
