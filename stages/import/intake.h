#ifndef IMPORT_INTAKE_H
#define IMPORT_INTAKE_H

#include "base/intern.h"
#include "io/csv.h"
#include "io/schema.h"
#include "io/table.h"

/* Rows and values that were kept out. Listed up to a number, so that a hopeless file cannot fill
 * the memory; counted all. */

enum reject_kind {
    REJECT_CSV = 0,                 /* + enum csv_fault */
    REJECT_CELL = CSV_NOT_UTF8 + 1, /* + enum cell_fault */
    REJECT_SAME_KEY = REJECT_CELL + N_CELL_FAULT,
    REJECT_SAME_ID,
    REJECT_NO_PARTNER,
    N_REJECT_KIND,
};

struct reject_list {
    struct reject *item; /* (n) owned */
    size_t n;
    int64_t not_listed;
};

/** What the kind is called in the `rejects` table and in messages. */
const char *reject_kind_name(enum reject_kind kind);

void reject_list_add(struct reject_list *l, const char *file, int64_t line, const char *column,
                     const char *value, enum reject_kind kind);
void reject_list_release(struct reject_list *l);

/** A column that grows. */
struct grown {
    const struct schema_column *schema;
    struct column c;     /* arrays have `room` of the intake */
    struct str bytes;    /* STRING: becomes c.bytes */
    struct intern level; /* CATEGORY without fixed levels */
    bool present;        /* in at least one file */
    bool has_time;       /* DATE: at least one value tells the time of day */
    size_t source;       /* field of the file that is being read; SIZE_MAX: it has none */
    struct cell cell;    /* of the row that is being read */
    enum cell_fault fault;
};

/** One table that is being read, from one or more files. All zeros is empty. */
struct intake {
    const struct schema_table *schema;
    struct reject_list *rejects; /* borrowed */
    struct grown *col;           /* (n_col of the schema) owned */
    size_t n_row, room;
    const struct grown *key, *id; /* into col; NULL: none, or the id is the key */
    struct intern keys, ids;      /* of the rows, by number of row */
    struct str key_text, id_text; /* of the row that is being read */
    int64_t *line;                /* (n_row) owned: where each row began */
    int32_t *file;                /* (n_row) owned: in which file */
    const char **path;            /* (n_path) the files so far; owned array of borrowed names */
    size_t n_path;
    int64_t n_read;   /* rows, good and bad, without headers */
    int64_t n_bad;    /* rows with at least one reject */
    int64_t last_bad; /* line in this file of the last of them */
    int64_t count[N_REJECT_KIND];
    int64_t done, total; /* bytes: for progress */
};

void intake_init(struct intake *in, const struct schema_table *schema, const char *id,
                 struct reject_list *rejects);

/** Read one more file into the table. ERR_DATA (a column is missing; see csv_read), ERR_IO. */
int intake_read(struct intake *in, const char *path, size_t max_field, struct err *e);

/** Count and list a reject of the row `line` of `path`; a row counts once as bad. */
void intake_reject(struct intake *in, const char *path, int64_t line, const char *column,
                   const char *value, enum reject_kind kind);

/** Everything is read: columns that no file had are left out, the others move into `t` (names, no
 * roles). */
void intake_finish(struct intake *in, struct table *t);
void intake_release(struct intake *in);

/**
 * After both are finished: move the columns of `from` (but its key) to `to`, row by row by key. A
 * row of `from` without partner becomes a reject; a row of `to` without partner gets no values:
 * their number goes to out_without. errors  ERR_DATA if no key matches
 */
int intake_join(struct intake *to, struct table *to_table, struct intake *from,
                struct table *from_table, size_t *out_without, struct err *e);

/** The last part of a path. */
const char *base_name(const char *path);

#endif
