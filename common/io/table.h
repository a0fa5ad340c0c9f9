#ifndef IO_TABLE_H
#define IO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/* refit.table: typed columns with gaps. One file holds one or more tables (groups) and a `rejects`
 * table; the attributes of the main table say which column is what. Memory layout = file layout. */

enum column_type {
    COLUMN_FLOAT,
    COLUMN_INT,
    COLUMN_BOOL,
    COLUMN_DATE,
    COLUMN_CATEGORY,
    COLUMN_STRING
};

/** A column of n rows. Only the members of its type are set; all owned. A row without a value holds
 * 0, -1 (code) or the empty text, so that equal columns are equal bytes. */
struct column {
    char *name;
    enum column_type type;
    size_t n;
    uint8_t *valid;    /* (n) 1 = a value is there; NULL: every row has one */
    double *real;      /* FLOAT (n), finite where valid */
    int64_t *whole;    /* INT, DATE (n); DATE: days or microseconds since 1970-01-01 UTC */
    uint8_t *flag;     /* BOOL (n) 0 or 1 */
    int32_t *code;     /* CATEGORY (n) index into level; -1 where not valid */
    char **level;      /* CATEGORY (n_level) distinct, in order of first appearance or as the schema
                          lists them */
    char **level_name; /* CATEGORY (n_level) what a person calls it; NULL if there are no names */
    size_t n_level;
    char *bytes;     /* STRING: UTF-8 of all rows, not NUL-terminated; in `map` if there is one */
    void *map;       /* STRING: NULL, or a read-only mapping (spill.h, h5_map_strings) of texts that
                        were checked when they were added or read */
    size_t map_size; /* of it in bytes */
    int64_t *offset; /* STRING (n + 1) */
    char *unit;      /* DATE: "days" or "us"; else NULL */
};

/** Which column plays which part: from the import schema, kept as attributes of the table. Texts
 * owned; NULL or 0: none. */
struct table_roles {
    char *id, *label, *date;
    char *image; /* pattern of picture file names: "image_{imageid}_product_{productid}.jpg" */
    char **text; /* columns joined with a blank */
    size_t n_text;
    char **feature;
    size_t n_feature;
    char *schema; /* how import read these columns from text, see schema_rows; NULL: not known */
};

struct table {
    char *name;
    size_t n_row, n_col;
    struct column *col; /* (n_col) */
    struct table_roles roles;
    char keys_sha256[HASH_HEX]; /* of the ordered row keys: two files that do not share it cannot be
                                   joined row by row */
};

/** A row that was kept out: where it stood and why. */
struct reject {
    char *file;
    int64_t line;
    char *column; /* "" when it is about the whole row */
    char *value;  /* shortened */
    char *reason;
};

/** Everything in one refit.table file. */
struct tables {
    struct table *item;
    size_t n;
    size_t main_index;     /* the table that the next stages see */
    struct reject *reject; /* (n_reject) owned, as its texts */
    size_t n_reject;
    const struct marks
        *marks; /* borrowed, to be written too (marks.h), or NULL; reading leaves it */
};

/** Read all tables; the bytes of string columns are mapped. ERR_DATA with path, table and column
 * where the content contradicts itself (lengths, codes, offsets, UTF-8, non-finite values). */
int tables_read(struct tables *t, const char *path, struct err *e);

/** Publish all tables as one file. The columns are checked as on reading; keys_sha256 must be set
 * (table_hash_keys). No table may be called `rejects`; at most 4000 columns a table. */
int tables_write(const struct tables *t, const char *path, struct err *e);
void tables_release(struct tables *t);

/** Read the main table only. */
int table_read(struct table *t, const char *path, struct err *e);

/** As table_read, with no other columns than those that the image pattern uses: who wants the
 * pictures need not have the texts in memory. */
int table_read_pictures(struct table *t, const char *path, struct err *e);

/** As table_read, with the text columns alone. */
int table_read_texts(struct table *t, const char *path, struct err *e);
void table_release(struct table *t);
void table_roles_release(struct table_roles *r);
void column_release(struct column *c);

/** Column by name, or NULL. */
const struct column *table_column(const struct table *t, const char *name);

/** "float", "int", "bool", "date", "category", "string": as in schema files and in the attribute
 * `type`. */
const char *column_type_name(enum column_type type);

/** Has row i of the column a value? */
static inline bool column_valid(const struct column *c, size_t i)
{
    return !c->valid || c->valid[i];
}

/** The bytes of row i of a STRING column ("" of length 0 where there is none); not NUL-terminated.
 */
const char *column_string(const struct column *c, size_t i, size_t *out_n);

/** Row i as text, of any type, appended to *out: for keys and file names. Category: the level;
 * bool: true or false; date: 2024-02-29 or 2024-02-29 13:00:00[.000001]; a gap: nothing. */
struct str;
void column_text(const struct column *c, size_t i, struct str *out);

/** Recompute keys_sha256: SHA-256 over the row count (8 bytes, little endian), then for every row
 * the length (8 bytes) and the bytes of column_text of the id column, or of the row number (from 0,
 * decimal) without one. */
void table_hash_keys(struct table *t);

/** The label column, CATEGORY: ERR_DATA (naming path) if the table has none. */
int table_label(const struct table *t, const char *path, const struct column **out, struct err *e);

/** Is it FLOAT, INT or BOOL? Then row i, which has a value, as a number. */
bool column_is_number(const struct column *c);
double column_number(const struct column *c, size_t i);

/** The label column of whatever can be learnt: CATEGORY (classes) or a number (regression).
 * ERR_DATA as table_label. */
int table_target(const struct table *t, const char *path, const struct column **out, struct err *e);

/** Another column in the part of the label: it is no feature any more. NULL: as it is. ERR_DATA
 * (with a did-you-mean) if there is no such column. */
int table_retarget(struct table *t, const char *target, struct err *e);

/** ERR_DATA unless two files have the same rows in the same order. */
int keys_check(const char *path_a, const char *a_sha256, size_t a_rows, const char *path_b,
               const char *b_sha256, size_t b_rows, struct err *e);

#endif
