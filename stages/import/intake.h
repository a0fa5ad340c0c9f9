#ifndef IMPORT_INTAKE_H
#define IMPORT_INTAKE_H

#include "io/grown.h"
#include "io/record.h"

/* Rows and values that were kept out. Listed up to a number, so that a hopeless file cannot fill
 * the memory; counted all. */

enum reject_kind {
    REJECT_RECORD = 0,            /* + enum record_fault */
    REJECT_CELL = N_RECORD_FAULT, /* + enum cell_fault */
    REJECT_SAME_KEY = REJECT_CELL + N_CELL_FAULT,
    REJECT_SAME_ID,
    REJECT_SAME_VALUE,
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
                     const char *value, const char *reason);

/** All of `from` go to the end of `to`; `from` is empty afterwards. */
void reject_list_move(struct reject_list *to, struct reject_list *from);
void reject_list_release(struct reject_list *l);

/** A column whose values are distinct, and the values so far. */
struct distinct {
    struct grown *g; /* into col of the intake */
    enum reject_kind kind;
    struct intern seen;
    int32_t *row;    /* (seen.n) owned: which row has it */
    struct str text; /* of the row that is being read */
};

/** One table that is being read, from one or more sources. All zeros is empty. */
struct intake {
    const struct schema_table *schema;
    struct reject_list rejects;
    struct grown *col; /* (n_col of the schema) owned */
    size_t n_row, room;
    struct distinct *distinct; /* (n_distinct) owned: key, id and unique columns */
    size_t n_distinct;
    const struct distinct *key; /* one of them, or NULL; its values are numbered as the rows are */
    int64_t *line;              /* (n_row) owned: where each row began */
    int32_t *file;              /* (n_row) owned: in which source */
    char **path;                /* (n_path) owned: the sources so far, base names */
    size_t n_path;
    int64_t n_read;   /* rows, good and bad, without headers */
    int64_t n_bad;    /* rows with at least one reject */
    int64_t last_bad; /* line in this source of the last of them */
    int64_t count[N_REJECT_KIND];
    const struct grown *ordered; /* query: the column `since`, or NULL */
    struct str since;            /* its text in the last row */
    bool again;                  /* the next source goes on with the one that was restored last */
    char decimal;                /* of the numbers of this source; 0: a point */
    int64_t n_before;    /* rows of this source that were restored: lines count from there */
    int64_t done, total; /* bytes: for progress */
};

/** `id`: the column that names a row, or NULL; `beside`: see grown_init. */
void intake_init(struct intake *in, const struct schema_table *schema, const char *id,
                 const char *beside);

/** The next source begins: what comes to intake_sink is from it. */
void intake_open(struct intake *in, const char *name);

/** Gets the rows of the source; the context is the intake. A header that lacks a column is
 * ERR_DATA. */
extern const struct record_sink intake_sink;

/** A source whose records name their fields themselves: field j is column j. `seen` (n_col): which
 * were in it; ERR_DATA if one is missing that is not optional. */
void intake_open_named(struct intake *in, const char *name);
int intake_seen(struct intake *in, const bool *seen, struct err *e);

/** Count and list a reject of the row `line` of source `path`; a row counts once as bad. */
void intake_reject(struct intake *in, const char *path, int64_t line, const char *column,
                   const char *value, enum reject_kind kind);

/** Begin with the rows of a table that was read by the same schema; the places of its rows (line,
 * file) are left to the caller. ERR_IO. */
int intake_restore(struct intake *in, const struct table *t, struct err *e);

/** Everything is read: columns that no source had are left out, the others move into `t` (names, no
 * roles). ERR_IO. */
int intake_finish(struct intake *in, struct table *t, struct err *e);
void intake_release(struct intake *in);

/** Room for so many rows. */
void intake_reserve(struct intake *in, size_t n);

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
