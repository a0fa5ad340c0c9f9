#ifndef PREDICT_ASKING_H
#define PREDICT_ASKING_H

#include "base/opt.h"
#include "models/rowprep.h"
#include "tally.h"

/** Rows from files or the command line, to the model, to the answers: a batch at a time. */
struct asking {
    struct model *model; /* these three borrowed */
    struct rowprep *prep;
    struct answers *answers;
    struct tally tally;
    size_t max_field;           /* bytes */
    const char *path;           /* of the file that is being read; NULL: the command line */
    int64_t done, total;        /* bytes, for progress */
    size_t *source;             /* (fields) owned: field of the CSV file, SIZE_MAX: it has none */
    struct record_field *field; /* (fields) owned */
    bool *there;                /* (fields) owned: the rows have it at all */
    int64_t *line;              /* (ROWPREP_MAX_ROWS) owned: where each row of the batch begins */
    int64_t n_row, n_told;
    float *p; /* owned, as are the rest */
    size_t *row, *best;
    struct str id, first_error, first_note; /* the first: for a single row */
};

void asking_init(struct asking *a, struct model *model, struct rowprep *prep,
                 struct answers *answers, size_t max_field);
void asking_release(struct asking *a);

/** All rows of files: CSV, or JSON by name or first character; "-" is standard input. ERR_DATA: a
 * file that is none, or whose header lacks what the model reads; ERR_IO. */
int asking_files(struct asking *a, const struct opt_list *path, struct err *e);

/** One row of NAME=VALUE. ERR_USAGE: a name that the model does not read, with a did-you-mean. */
int asking_row(struct asking *a, const struct opt_list *value, struct err *e);

#endif
