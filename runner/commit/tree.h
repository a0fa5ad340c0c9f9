#ifndef RUNNER_TREE_H
#define RUNNER_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A file, or a directory with all in it. Symbolic links are never followed. ERR_IO. */

/** Remove it; it is no error if it is not there. */
int tree_remove(const char *path, struct err *e);

/** Remove all in a directory, which stays; a link to one is removed itself. It is no error if it is
 * not there. */
int tree_empty(const char *path, struct err *e);

/** fsync every file and directory. */
int tree_sync(const char *path, struct err *e);

/** Copy; `to` must not exist. Shares the blocks where the file system can. Times are not kept,
 * modes are. */
int tree_copy(const char *from, const char *to, struct err *e);

/** Make a directory with its parents, each durable in the one above. */
int tree_make(const char *path, struct err *e);

/** fsync one directory. */
int tree_sync_directory(const char *path, struct err *e);

/** Bytes that it takes on the disk; what cannot be looked at counts nothing. */
int64_t tree_size(const char *path);

#endif
