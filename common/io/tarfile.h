#ifndef IO_TARFILE_H
#define IO_TARFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/* Reproducible tar files, by libarchive: ustar (pax headers only where a name or size needs them),
 * regular files of mode 0644, owner 0/0 without names, time 0, members in the order given. Equal
 * members give equal bytes. */

enum { TARFILE_MAX_MEMBERS = 10000, TARFILE_MAX_NAME = 1000, TARFILE_MAX_KEPT = 64 << 20 };

/** A member to be written: from a file, or from memory. Borrowed. */
struct tarfile_member {
    const char *name;  /* plain relative path, see tarfile_name_ok */
    const char *path;  /* file to copy; NULL: from memory */
    const char *bytes; /* (n) */
    size_t n;
    char sha256[HASH_HEX]; /* set by tarfile_hash, checked by tarfile_write */
    uint64_t size;
};

/** Relative, no empty, "." or ".." parts, no control characters, no backslash, UTF-8, at most
 * TARFILE_MAX_NAME bytes. */
int tarfile_name_ok(const char *name);

/** Can the two not both be files in one directory: the same, or one in the other? */
bool tarfile_names_clash(const char *a, const char *b);

/** Fill in sha256 and size. ERR_IO. */
int tarfile_hash(struct tarfile_member *m, struct err *e);

/** Write `path`, all or nothing. ERR_IO; ERR_DATA if a file is no longer what tarfile_hash found.
 */
int tarfile_write(const char *path, const struct tarfile_member *member, size_t n, struct err *e);

/** What is in a tar file. All owned. */
struct tarfile_entry {
    char *name;
    uint64_t size;
    char sha256[HASH_HEX];
    char *bytes; /* (size), followed by a NUL; only of members that were asked for, else NULL */
};
struct tarfile {
    struct tarfile_entry *entry; /* (n) in the order of the file */
    size_t n;
};

/**
 * Read and hash every member.
 *   keep    (n_keep) names of the members whose content is wanted (at most TARFILE_MAX_KEPT bytes
 * each)
 *   dir     write the members below it, synced; it is the caller's own, and nobody else changes it
 * meanwhile. NULL: write nothing. After an error some are there
 *   errors  ERR_IO; ERR_DATA: not a tar file, truncated, a member that is no regular file, is
 * sparse, is there twice, in another one or has a name that tarfile_name_ok refuses, too many
 * members
 */
int tarfile_read(struct tarfile *t, const char *path, const char *const *keep, size_t n_keep,
                 const char *dir, struct err *e);

/** A member by its name, or NULL. */
const struct tarfile_entry *tarfile_find(const struct tarfile *t, const char *name);
void tarfile_release(struct tarfile *t);

#endif
