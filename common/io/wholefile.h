#ifndef IO_WHOLEFILE_H
#define IO_WHOLEFILE_H

#include <stddef.h>

#include "base/err.h"

/** All of a regular file, a NUL behind its *out_n bytes: *out is owned by the caller. ERR_IO: it is
 * not there, not regular or cannot be read; ERR_DATA: it has more than `max` bytes. */
int wholefile_read(const char *path, size_t max, char **out, size_t *out_n, struct err *e);

/** The same of an open file; `path` is for messages. A FIFO is to be opened with O_NONBLOCK. */
int wholefile_read_open(int fd, const char *path, size_t max, char **out, size_t *out_n,
                        struct err *e);

#endif
