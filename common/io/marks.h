#ifndef IO_MARKS_H
#define IO_MARKS_H

#include "io/h5.h"
#include "num/hash.h"

/* How far an import read its sources: what a refit.table file tells the next import, so that it
 * reads only what is new (docs/formats.md, group `imported`). */

/** A file that was read. */
struct mark_source {
    char *name;            /* owned: base name */
    char sha256[HASH_HEX]; /* of its bytes, as they lie on disk */
    int64_t bytes;         /* how many */
    int64_t next, line; /* byte after the last row, and its physical line; 0: no row may follow */
};

struct mark_table {
    char *name;                 /* owned */
    struct mark_source *source; /* (n_source) owned, in the order in which they were read */
    size_t n_source;
    char *above; /* owned: query: the last value of `since`; NULL: none */
    int64_t n_read, n_bad;
    int64_t *count; /* (n_count) owned: rejects by kind */
    size_t n_count;
    int64_t n_reject; /* how many of the rows of `rejects` are its */
    int64_t *line;    /* (n_row) owned: where each row began */
    int32_t *file;    /* (n_row) owned: in which source */
    size_t n_row;
};

struct marks {
    char settings[HASH_HEX];  /* of all that decides what is read from the same bytes */
    struct mark_table *table; /* (n_table) owned, in the order of the schema */
    size_t n_table;
};

int marks_write(struct h5 *h, const struct marks *m, struct err *e);

/** From a refit.table file. Without marks *m is empty. ERR_DATA, ERR_IO. */
int marks_read(struct marks *m, const char *path, struct err *e);
void marks_release(struct marks *m);

#endif
