#ifndef IO_JSONFILE_H
#define IO_JSONFILE_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* JSON documents as files, by jansson. */

enum { JSONFILE_MAX = 64 << 20 }; /* bytes of a file that is read */

/** Parse a file that holds one object: a new reference. ERR_IO if it cannot be read; ERR_DATA with
 * path, line and column if it is not JSON, has a key twice, is no object or larger than
 * JSONFILE_MAX. */
int jsonfile_read(const char *path, json_t **out, struct err *e);

/** The same from n bytes; `name` stands for the file in messages. */
int jsonfile_parse(const char *name, const char *bytes, size_t n, json_t **out, struct err *e);

/** A text of the user's, a path or a message, as a JSON string: bytes that are no UTF-8 become
 * U+FFFD, for which json_pack's "s" has no value. NULL gives NULL. */
json_t *jsonfile_string(const char *text);

/** As text: keys in their order, two blanks a level, numbers as short as they read back the same, a
 * newline at the end. Owned by the caller. Equal documents give equal bytes. */
char *jsonfile_text(json_t *doc);

/** Write `doc` as `path`, all or nothing. */
int jsonfile_write(const char *path, json_t *doc, struct err *e);

#endif
