#ifndef IO_OUTFILE_H
#define IO_OUTFILE_H

#include <stdio.h>

#include "base/err.h"

/* Outputs appear under their name only when complete: written as <path>.tmp, synced, closed,
 * renamed, the directory synced. */

/** A file being written. All zeros is "none"; outfile_abort may always be called. */
struct outfile {
    char *path; /* owned: the name that it gets */
    char *tmp;  /* owned: path + ".tmp" */
    FILE *fp;   /* owned */
};

/** Create <path>.tmp (missing directories too). ERR_IO. */
int outfile_open(struct outfile *o, const char *path, struct err *e);

/** Flush, fsync, close, rename, fsync the directory; o is empty afterwards, also on error (nothing
 * stays). */
int outfile_commit(struct outfile *o, struct err *e);

/** outfile_commit without the syncs: for a file that is taken away again by who makes it. */
int outfile_commit_scratch(struct outfile *o, struct err *e);

/** Close and remove the temporary file, if any. */
void outfile_abort(struct outfile *o);

/** Write n bytes as `path`, all or nothing. */
int outfile_put(const char *path, const void *bytes, size_t n, struct err *e);

/** The last steps alone, for a library that wrote and closed `tmp` itself: fsync it, rename it to
 *  `path`, fsync the directory. On error `tmp` is removed. */
int outfile_publish(const char *tmp, const char *path, struct err *e);

/** outfile_publish without the syncs. */
int outfile_publish_scratch(const char *tmp, const char *path, struct err *e);

/** Make the directory that `path` lies in, with its parents. */
int outfile_make_parent(const char *path, struct err *e);

/** fsync the directory that `path` lies in, so that a rename in it survives a power cut. */
int outfile_sync_parent(const char *path, struct err *e);

#endif
