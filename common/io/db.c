#include "io/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* How long another connection may write before one gives up. Giving up fails a run, and twelve
 * runners on a machine that swaps have been seen to keep one out for 5 s. */
enum { BUSY_MS = 60000 };

static int failed(struct db *d, struct err *e, const char *what)
{
    int code = sqlite3_errcode(d->handle) & 0xff;
    bool broken = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
    /* A file beside it that SQLite could not make; it tells of the one that is not there then. */
    bool shut = code == SQLITE_CANTOPEN && access(d->path, W_OK) < 0;
    const char *more = shut ? strerror(errno) : broken ? d->advice : NULL;
    return err_set(e, broken ? ERR_DATA : ERR_IO, "'%s': %s: %s%s%s", d->path, what,
                   sqlite3_errmsg(d->handle), more ? ": " : "", more ? more : "");
}

/* Without permission to write SQLite cannot make the files that it coordinates with writers by. If
 * there is a log of changes, they are there too; if there is none the file is complete, and taken
 * as one that does not change while we look. */
static char *read_only_uri(const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    struct str uri = { 0 };
    struct stat st;
    char *log = str_format("%s-wal", path);
    bool changes = stat(log, &st) == 0 && st.st_size > 0;
    str_addz(&uri, "file:");
    for (const char *p = path; *p; p++) {
        if (strchr(plain, *p))
            str_addc(&uri, *p);
        else
            str_addf(&uri, "%%%02x", (unsigned)(unsigned char)*p);
    }
    str_addz(&uri, changes ? "?mode=ro" : "?mode=ro&immutable=1");
    free(log);
    return str_take(&uri);
}

int db_open(struct db *d, const char *path, enum db_mode mode, struct err *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    char *uri = mode == DB_READ ? read_only_uri(path) : NULL;
    if (mode == DB_CREATE || mode == DB_MEMORY)
        flags |= SQLITE_OPEN_CREATE;
    if (uri)
        flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
    *d = (struct db){ .path = mem_strdup(path) };
    int rc = sqlite3_open_v2(uri                 ? uri
                             : mode == DB_MEMORY ? ":memory:"
                                                 : path,
                             &d->handle, flags, NULL);
    free(uri);
    if (rc != SQLITE_OK) {
        rc = d->handle ? failed(d, e, "cannot open")
                       : err_set(e, ERR_MEMORY, "'%s': no memory", path);
        db_close(d);
        return rc;
    }
    sqlite3_busy_timeout(d->handle, BUSY_MS);
    return 0;
}

void db_close(struct db *d)
{
    for (size_t i = 0; i < d->n_kept; i++)
        sqlite3_finalize(d->kept[i].stmt);
    sqlite3_close(d->handle);
    free(d->path);
    *d = (struct db){ 0 };
}

int db_run(struct db *d, const char *sql, struct err *e)
{
    return sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : failed(d, e, "cannot execute");
}

int db_begin(struct db *d, struct err *e)
{
    struct query q;
    int rc = db_query(d, &q, "BEGIN IMMEDIATE", e);
    return rc ? rc : db_done(&q, e);
}

int db_commit(struct db *d, struct err *e)
{
    struct query q;
    int rc = db_query(d, &q, "COMMIT", e);
    if (rc == 0)
        rc = db_done(&q, e);
    if (rc)
        db_rollback(d);
    return rc;
}

void db_rollback(struct db *d)
{
    if (d->handle && !sqlite3_get_autocommit(d->handle))
        sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
}

int db_query(struct db *d, struct query *q, const char *sql, struct err *e)
{
    *q = (struct query){ .db = d, .next = 1 };
    for (size_t i = 0; i < d->n_kept; i++) {
        if (d->kept[i].sql == sql) {
            q->stmt = d->kept[i].stmt;
            return 0;
        }
    }
    if (d->n_kept == DB_MAX_QUERIES)
        return err_set(e, ERR_INTERNAL, "more than %d kinds of query", (int)DB_MAX_QUERIES);
    if (sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL) !=
        SQLITE_OK)
        return failed(d, e, "cannot prepare");
    d->kept[d->n_kept].sql = sql;
    d->kept[d->n_kept++].stmt = q->stmt;
    return 0;
}

/* A bind fails for want of memory or of a parameter; the first is found again by the step, the
 * second is our bug. */
void db_text(struct query *q, const char *text)
{
    sqlite3_bind_text(q->stmt, q->next++, text, -1, SQLITE_STATIC);
}

void db_int(struct query *q, int64_t value)
{
    sqlite3_bind_int64(q->stmt, q->next++, value);
}

void db_real(struct query *q, double value)
{
    sqlite3_bind_double(q->stmt, q->next++, value);
}

int db_step(struct query *q, bool *out_row, struct err *e)
{
    int got = sqlite3_step(q->stmt);
    *out_row = got == SQLITE_ROW;
    if (got == SQLITE_ROW || got == SQLITE_DONE)
        return 0;
    int rc = failed(q->db, e, "cannot execute");
    db_end(q);
    return rc;
}

int db_each(struct query *q, bool (*row)(struct query *q, void *self), void *self, struct err *e)
{
    bool more = true;
    while (more) {
        int rc = db_step(q, &more, e);
        if (rc)
            return rc;
        more = more && row(q, self);
    }
    db_end(q);
    return 0;
}

int db_done(struct query *q, struct err *e)
{
    bool row;
    int rc = db_step(q, &row, e);
    if (rc == 0)
        db_end(q);
    return rc;
}

void db_end(struct query *q)
{
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
}

char *db_get_text(struct query *q, int column)
{
    return mem_strdup((const char *)sqlite3_column_text(q->stmt, column));
}

int64_t db_get_int(struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

double db_get_real(struct query *q, int column)
{
    return sqlite3_column_double(q->stmt, column);
}
