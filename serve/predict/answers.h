#ifndef PREDICT_ANSWERS_H
#define PREDICT_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "io/grown.h"
#include "io/outfile.h"
#include "models/model.h"

/* What the model says, row by row, to a file or standard output. */

enum answers_format {
    ANSWERS_CSV,
    ANSWERS_JSON,  /* an object a line */
    ANSWERS_TABLE, /* refit.table */
    ANSWERS_PLAIN, /* of one row: a line for each of the top classes, without the rest */
};

/** One answer. All borrowed. */
struct answer {
    int64_t row;              /* from 1 */
    const char *id;           /* NULL: rows have none */
    const float *p;           /* (n_output); NULL: there is none, because of `error` */
    const size_t *best;       /* (top) classes by falling probability; NULL: a regression */
    const char *error, *note; /* or NULL */
};

/** Where they go. All zeros is "nowhere". */
struct answers {
    const struct model *model; /* borrowed */
    enum answers_format format;
    const char *id; /* name of the id column; NULL: rows have none. Borrowed */
    size_t top;     /* classes that are told, 1 .. n_class; 0: a regression */
    bool every;     /* and the probability of every class */
    const char *path;
    FILE *fp;           /* standard output or file.fp */
    struct outfile out; /* where the path is given */
    bool begun;         /* the header is written */
    struct str line;
    char **name; /* (n_name) owned: columns */
    size_t n_name;
    struct schema_column *column; /* ANSWERS_TABLE: (n_name) owned, names borrowed from `name` */
    struct grown *grown;          /* (n_name) owned */
    size_t n_row, room;
};

/** The format that the ending of a path says: .csv, .jsonl (.json, .ndjson), .h5 (.hdf5). False:
 * none of these. */
bool answers_format_of(const char *path, enum answers_format *out);

/** model, format, id, top, every and path (NULL: standard output) are set. ERR_IO. */
int answers_open(struct answers *a, struct err *e);

/** ERR_IO. */
int answers_add(struct answers *a, const struct answer *answer, struct err *e);

/** All or nothing: a file gets its name. ERR_IO. */
int answers_close(struct answers *a, struct err *e);
void answers_release(struct answers *a);

/* ---- of answers_table.c ---- */

int answers_table_open(struct answers *a, struct err *e);
int answers_table_add(struct answers *a, const struct answer *answer, struct err *e);
int answers_table_close(struct answers *a, struct err *e);

#endif
