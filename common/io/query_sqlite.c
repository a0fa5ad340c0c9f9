/* Queries to SQLite files, read only. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/query.h"

enum { BUSY_MS = 10000, DETAIL = 60 };

struct reader {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    const char *path;
    size_t n, max_field;
    struct record_field *field; /* (n) owned */
    struct str *number;         /* (n) owned: real numbers as text */
    const struct record_sink *sink;
    void *ctx;
    struct err *e;
};

static int fail(const struct reader *r, const char *what)
{
    int told = r->db ? sqlite3_errcode(r->db) & 0xFF : SQLITE_NOMEM, code = ERR_DATA;
    if (told == SQLITE_BUSY || told == SQLITE_LOCKED)
        code = ERR_RETRY;
    else if (told == SQLITE_IOERR || told == SQLITE_CANTOPEN || told == SQLITE_PERM ||
             told == SQLITE_FULL)
        code = ERR_IO;
    return err_set(r->e, code, "'%s': %s: %s", r->path, what,
                   r->db ? sqlite3_errmsg(r->db) : "no memory");
}

static int open_database(struct reader *r)
{
    struct stat st;
    if (stat(r->path, &st) < 0)
        return err_sys(r->e, "cannot open '%s'", r->path);
    if (!S_ISREG(st.st_mode))
        return err_set(r->e, ERR_IO, "'%s' is not a regular file", r->path);
    if (sqlite3_open_v2(r->path, &r->db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return fail(r, "cannot open");
    sqlite3_busy_timeout(r->db, BUSY_MS);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return 0;
}

static int prepare(struct reader *r, const char *sql)
{
    const char *tail = "";
    if (sqlite3_prepare_v2(r->db, sql, -1, &r->stmt, &tail) != SQLITE_OK)
        return fail(r, "query refused");
    if (!r->stmt || tail[strspn(tail, "; \t\r\n")] || !sqlite3_stmt_readonly(r->stmt) ||
        sqlite3_column_count(r->stmt) == 0)
        return err_set(r->e, ERR_DATA, "'%s': want one query that gives rows: %.200s", r->path,
                       sql);
    r->n = (size_t)sqlite3_column_count(r->stmt);
    r->field = mem_calloc(r->n, sizeof *r->field);
    r->number = mem_calloc(r->n, sizeof *r->number);
    for (size_t i = 0; i < r->n; i++) {
        const char *name = sqlite3_column_name(r->stmt, (int)i);
        r->field[i] = (struct record_field){ name ? name : "", name ? strlen(name) : 0 };
    }
    return r->sink->header(r->ctx, &(struct record){ .n = r->n, .field = r->field }, r->e);
}

static void read_field(struct reader *r, int i)
{
    struct record_field *f = &r->field[i];
    int type = sqlite3_column_type(r->stmt, i);
    *f = (struct record_field){ 0 };
    if (type == SQLITE_FLOAT) { /* its own text has 15 digits */
        struct str *number = &r->number[i];
        str_clear(number);
        str_add_real(number, sqlite3_column_double(r->stmt, i));
        *f = (struct record_field){ str_text(number), number->n };
    } else if (type != SQLITE_NULL) {
        f->text = (const char *)sqlite3_column_text(r->stmt, i);
        f->n = (size_t)sqlite3_column_bytes(r->stmt, i);
    }
}

static int take_row(struct reader *r, int64_t number)
{
    for (size_t i = 0; i < r->n; i++) {
        read_field(r, (int)i);
        const struct record_field *f = &r->field[i];
        bool nul = f->n && memchr(f->text, '\0', f->n);
        if (f->n <= r->max_field && !nul && utf8_valid(f->text ? f->text : "", f->n))
            continue;
        char *detail = record_shorten(f->text, f->n, DETAIL);
        int rc = r->sink->bad(r->ctx, number,
                              f->n > r->max_field ? RECORD_TOO_LONG
                              : nul               ? RECORD_NUL
                                                  : RECORD_ENCODING,
                              detail, r->e);
        free(detail);
        return rc;
    }
    return r->sink->row(r->ctx, &(struct record){ .line = number, .n = r->n, .field = r->field },
                        r->e);
}

int query_sqlite(const char *path, const char *sql, size_t max_field,
                 const struct record_sink *sink, void *ctx, struct err *e)
{
    struct reader r = { .path = path, .max_field = max_field, .sink = sink, .ctx = ctx, .e = e };
    int told = SQLITE_ROW, rc;
    if ((rc = open_database(&r)) == 0)
        rc = prepare(&r, sql);
    for (int64_t number = 1; rc == 0; number++) {
        if ((told = sqlite3_step(r.stmt)) != SQLITE_ROW)
            break;
        rc = take_row(&r, number);
    }
    if (rc == 0 && told != SQLITE_DONE)
        rc = fail(&r, "query ended early");
    sqlite3_finalize(r.stmt);
    sqlite3_close(r.db);
    for (size_t i = 0; i < r.n; i++)
        str_release(&r.number[i]);
    free(r.number);
    free(r.field);
    return rc;
}
