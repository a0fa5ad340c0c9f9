#ifndef IMPORT_GUESS_H
#define IMPORT_GUESS_H

#include "base/intern.h"
#include "base/str.h"
#include "io/csv.h"
#include "io/table.h"

/* What import --infer knows of a file. */

/** A type that a column may have, with the format of a date or what a number has for a point. */
struct candidate {
    enum column_type type;
    const char *format;
    char decimal;
};
enum { N_CANDIDATE = 11, N_TOKEN = 12, MAX_DISTINCT = 100000 };
extern const struct candidate guess_candidate[N_CANDIDATE];

/** Texts that mean "no value" where the others are numbers, dates or booleans. */
extern const char *const guess_token[N_TOKEN];

/** A column. */
struct guess {
    char *name;         /* owned: in the header */
    unsigned possible;  /* a bit for each candidate */
    unsigned tokens;    /* a bit for each token that was seen */
    int64_t n, missing; /* values; empty ones */
    int64_t n_token;
    int64_t longest;
    struct intern seen; /* the distinct ones, up to a number */
    bool many;          /* there are more */
    bool same;          /* a value was there twice */
};

/** All columns of a file, or of several of one table. */
struct infer {
    struct guess *column; /* (n) owned */
    size_t n;
    int64_t n_row, n_bad, n_encoding;
};

/** All that is known of the files of a table. */
struct guessed_table {
    const char *path;     /* borrowed: the first of its files */
    size_t n_file, start; /* of more than one: where the digits begin that tell them apart */
    bool is_csv;
    struct csv_dialect dialect;
    struct infer in;
};

/** What was found in another file of the table, with the same columns: it is empty afterwards. */
void guess_merge(struct infer *to, struct infer *from);
void guess_release(struct infer *in);

/** What the numbers have for a point, if the columns agree; those that cannot have it are then no
 * numbers. Not with commas between the fields: "1,234" is more likely a thousand there. */
char guess_decimal(struct infer *in, char delimiter);

/** Add the table to a schema. */
void guess_write(struct str *out, const struct guessed_table *t);

#endif
