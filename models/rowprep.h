#ifndef MODELS_ROWPREP_H
#define MODELS_ROWPREP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/jsonrows.h"
#include "io/record.h"
#include "io/table.h"
#include "models/model.h"

/* Rows as people and programs have them, texts by column name, to what a model reads: words,
 * pixels, features. Everything that this needs travels in the model: the import schema, the options
 * of preprocess_text and preprocess_images, the state of impute_scale; and the functions that do it
 * are those that the stages call. So an answer is what it would have been in training. */

/** What becomes of a value that its column does not take and of a picture that cannot be read. */
enum rowprep_faults {
    ROWPREP_ERROR,  /* an error of its row */
    ROWPREP_GAP,    /* it counts as missing, as in training; a note of its row */
    ROWPREP_STRICT, /* as ROWPREP_ERROR, and what would be a note is an error, too */
};
#define ROWPREP_FAULTS "error|gap|strict"

struct rowprep_options {
    const char *schema; /* import schema, its path; NULL: the one in the model */
    int images;         /* directory of the pictures, borrowed; -1: none, and paths are as given */
    enum rowprep_faults faults;
    int threads;
};

/** Makes batches for one model, in storage that mostly stays. */
struct rowprep;

enum { ROWPREP_MAX_ROWS = 1024 };

/**
 *   m       borrowed; must outlive it
 *   errors  ERR_DATA: the schema or a recipe in the model is damaged or of a newer refit, or the
 *           schema has not the columns that the model reads; ERR_USAGE, ERR_IO: the given schema
 */
int rowprep_new(struct rowprep **out, const struct model *m, const struct rowprep_options *o,
                struct err *e);
void rowprep_free(struct rowprep *p);

/** What a row is made of: names of each field, the first that is there counts. Where the model
 * reads pictures the last one is "picture", the path of a file, unless a column has that name. */
const struct jsonrows_field *rowprep_fields(const struct rowprep *p, size_t *out_n);

/** May the field be absent in all rows? */
bool rowprep_optional(const struct rowprep *p, size_t field);

/** Must it be there even in rows without a header, as JSON: impute_scale --absent refuse? */
bool rowprep_refuses_absent(const struct rowprep *p, size_t field);

/** Is there a field that is something else than gaps where no row has it? */
bool rowprep_minds_absent(const struct rowprep *p);

/** Which fields the rows that follow, as a table, have at all: (n fields), copied. All of them, if
 * it is not called. */
void rowprep_set_there(struct rowprep *p, const bool *there);

/** How CSV files of such rows are written. */
const struct csv_dialect *rowprep_dialect(const struct rowprep *p);

/** What the numbers of the rows that follow have in place of a point: csv_dialect.decimal. */
void rowprep_set_decimal(struct rowprep *p, char decimal);

/** The next row of the batch, (n fields) in that order; a text NULL: there is no such value. */
void rowprep_add(struct rowprep *p, const struct record_field *field);

/** A row that could not be read at all. */
void rowprep_add_bad(struct rowprep *p, const char *error);

/** Is the batch as large as it should become? */
bool rowprep_full(const struct rowprep *p);

/**
 * The inputs of all rows that were added, valid until rowprep_clear. Rows with an error are gaps.
 *   errors  ERR_IO where the machine fails
 */
int rowprep_make(struct rowprep *p, struct model_data *out, struct err *e);

/** Of row i of a batch that was made: NULL, or why it has no inputs; NULL, or what there is to say
 * about them. Valid until rowprep_clear. */
const char *rowprep_error(const struct rowprep *p, size_t i);
const char *rowprep_note(const struct rowprep *p, size_t i);

/** The typed rows of a batch that was made; its id column, if the rows have one, by its role. */
const struct table *rowprep_table(const struct rowprep *p);

size_t rowprep_n(const struct rowprep *p);

/** Begin the next batch. */
void rowprep_clear(struct rowprep *p);

#endif
