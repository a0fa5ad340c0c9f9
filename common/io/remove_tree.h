#ifndef IO_REMOVE_TREE_H
#define IO_REMOVE_TREE_H

#include "base/err.h"

/** A new directory for us alone, "$TMPDIR/NAME.XXXXXX" (or in /tmp), for remove_tree; *out is owned
 * by the caller. ERR_IO. */
int make_scratch(const char *name, char **out, struct err *e);

/** Remove a directory with all that is in it, or a file; links are not followed. What cannot be
 * removed stays. */
void remove_tree(const char *path);

#endif
