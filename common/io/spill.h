#ifndef IO_SPILL_H
#define IO_SPILL_H

#include <stddef.h>

#include "base/err.h"

/* Bytes that are added one after the other and then read as one block, most of them on disk: a file
 * without a name beside an output, so that a column may be longer than the memory. All zeros, but
 * for `beside`, is empty. */
struct spill {
    const char *beside; /* borrowed: the output's path; NULL: all stays in memory */
    char *buffer;       /* owned: what is not in the file yet */
    size_t n, room;     /* of the buffer */
    size_t n_file;      /* bytes in the file */
    int fd;             /* > 0: the file */
};

/** ERR_IO where the file cannot be made or written. */
int spill_add(struct spill *s, const char *bytes, size_t n, struct err *e);

/** All bytes that were added. */
size_t spill_size(const struct spill *s);

/**
 * Everything as one block; s is empty afterwards. *out_mapped is 0 where the block is allocated
 * (free()), else the bytes of a private mapping (munmap()), whose pages spill_forget gives back.
 */
int spill_take(struct spill *s, char **out_bytes, size_t *out_mapped, struct err *e);

/** Bytes [from, to) of a mapping were looked at for now: their pages may leave the memory, and are
 * read again when they are needed. */
void spill_forget(char *bytes, size_t from, size_t to);

void spill_release(struct spill *s);

#endif
