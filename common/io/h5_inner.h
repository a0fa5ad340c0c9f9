#ifndef IO_H5_INNER_H
#define IO_H5_INNER_H

#include "io/h5.h"

/* Shared by h5.c, h5_data.c and h5_text.c, for nobody else. */

/** "'path': cannot WHAT 'name': why", the reason from the error stack of the library, which is
 * emptied. `code` says who must act, unless the system refused (errno): ERR_IO. */
int h5_fail(const struct h5 *h, int code, struct err *e, const char *what, const char *name);

/** 1: `name` is there by hard links all the way; 0: it is not; -1: there is a soft or external
 * link, which could lead out of the file. */
int h5_find(const struct h5 *h, const char *name);

/** ERR_DATA unless h5_find gives 1. */
int h5_want_name(const struct h5 *h, const char *name, struct err *e);

/** Make the groups above `name`, and `name` as a group if `itself`, where they are not there. */
int h5_make_groups(struct h5 *h, const char *name, bool itself, struct err *e);

#endif
