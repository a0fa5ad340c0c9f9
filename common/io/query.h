#ifndef IO_QUERY_H
#define IO_QUERY_H

#include <stdbool.h>

#include "io/record.h"

/* The rows of a SQL query as text: SQLite ("sqlite:PATH") or PostgreSQL ("postgresql://..." or
 * "postgres://...", a libpq URI; what it leaves out comes from PGHOST, PGPASSWORD, PGSSLMODE... as
 * libpq has it). Nothing is written to the database. */

/** What is asked. Texts borrowed. */
struct query {
    const char *database, *sql;
    const char *order; /* column of the result by which the rows come; NULL: as the query has it */
    const char *above; /* with `order`: only rows whose value is above this text; or NULL */
    bool number;       /* `order` is a number, not a text */
    size_t max_field;  /* bytes of the longest field; a row with a longer one is bad */
};

/** Is it a database that can be asked? ERR_USAGE: another one, or a password in it. */
int query_check(const char *database, struct err *e);

/**
 * Run it. header: the names of the columns; row: every row, NULL where the database has NULL;
 * `line` is its number.
 *   errors  ERR_RETRY: the server is not there, goes away, is shutting down, has no room, or a lock
 *           or a conflict is in the way; ERR_IO: no such SQLite file; ERR_DATA: the database
 * refuses the query, or has not exactly one to run; what the sink returns cost    one row in memory
 */
int query_read(const struct query *q, const struct record_sink *sink, void *ctx, struct err *e);

/** How many rows have `order` at or below `value`? */
int query_count(const struct query *q, const char *value, int64_t *out_n, struct err *e);

/* The two databases; `sql` is the whole query. */
int query_sqlite(const char *path, const char *sql, size_t max_field,
                 const struct record_sink *sink, void *ctx, struct err *e);
int query_postgres(const char *url, const char *sql, size_t max_field,
                   const struct record_sink *sink, void *ctx, struct err *e);

#endif
