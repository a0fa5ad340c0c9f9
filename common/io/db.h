#ifndef IO_DB_H
#define IO_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* A thin layer over SQLite: errors as text, statements prepared once and kept with the connection.
 */

enum { DB_MAX_QUERIES = 128 };

enum db_mode {
    DB_CREATE, /* read and write; the file is made when it is missing */
    DB_OPEN,   /* read and write; a missing file is an error */
    DB_READ,   /* read only; a file that nobody may write to is no hindrance */
    DB_MEMORY, /* an empty database in memory; the path is for messages only */
};

/** A connection. All zeros is "none"; db_close may always be called. Not for use from threads. */
struct db {
    sqlite3 *handle;
    char *path;         /* owned */
    const char *advice; /* what to do about a damaged file, told with the error; NULL: nothing */
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } kept[DB_MAX_QUERIES]; /* by the address of the text: pass literals */
    size_t n_kept;
};

/** A statement being filled and stepped. Belongs to its connection. */
struct query {
    struct db *db;
    sqlite3_stmt *stmt;
    int next; /* parameter that the next db_text, db_int... binds, from 1 */
};

/** Waits up to five seconds where another process writes. ERR_IO; ERR_DATA if the file is no
 * database. */
int db_open(struct db *d, const char *path, enum db_mode mode, struct err *e);
void db_close(struct db *d);

/** Run statements without parameters and results, separated by ";". */
int db_run(struct db *d, const char *sql, struct err *e);

/** Write transaction: begun at once (IMMEDIATE), so that it cannot fail half way for a reader's
 * sake. */
int db_begin(struct db *d, struct err *e);
int db_commit(struct db *d, struct err *e);

/** Harmless when no transaction is open. */
void db_rollback(struct db *d);

/** Get a statement ready; `sql` is a literal (it is remembered by address). */
int db_query(struct db *d, struct query *q, const char *sql, struct err *e);

/* Bind the next parameter. Texts are borrowed until db_end or db_done; NULL binds NULL. */
void db_text(struct query *q, const char *text);
void db_int(struct query *q, int64_t value);
void db_real(struct query *q, double value);

/** Next row: *out_row is false after the last. */
int db_step(struct query *q, bool *out_row, struct err *e);

/** Hand row after row to `row` until there are no more or it returns false, and end the statement.
 */
int db_each(struct query *q, bool (*row)(struct query *q, void *self), void *self, struct err *e);

/** Step a statement that has no rows, and end it. */
int db_done(struct query *q, struct err *e);

/** Let go of the rows; a statement left open would keep its read transaction. */
void db_end(struct query *q);

/* Columns of the current row, from 0; a text is owned by the caller, NULL for NULL. */
char *db_get_text(struct query *q, int column);
int64_t db_get_int(struct query *q, int column);
double db_get_real(struct query *q, int column);

#endif
