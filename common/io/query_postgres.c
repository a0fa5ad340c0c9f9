/* Queries to PostgreSQL: COPY (query) TO STDOUT in its text format, the fastest that the server has
 * and one row in memory. TLS as the server asks (libpq's sslmode, default prefer). */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/query.h"

enum { DETAIL = 60 };

struct reader {
    PGconn *server;
    size_t n, max_field;
    struct record_field *field; /* (n) owned */
    const struct record_sink *sink;
    void *ctx;
    struct err *e;
};

/* The server's text in one line, with single blanks. */
static void one_line(const char *text, char *out, size_t room)
{
    size_t n = 0;
    for (; *text && n + 1 < room; text++) {
        if (!strchr(" \n\r\t", *text))
            out[n++] = *text;
        else if (n && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

/* May the same query work later? By the class of its SQLSTATE (PostgreSQL, appendix A). */
static bool is_passing(const char *state)
{
    static const char *const class[] = { "08", "25P03", "40", "53", "55P03", "57", "58" };
    for (size_t i = 0; state && i < sizeof class / sizeof *class; i++)
        if (str_starts(state, class[i]))
            return true;
    return false;
}

static int fail(const struct reader *r, const PGresult *result, const char *what)
{
    char why[500];
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool gone = PQstatus(r->server) == CONNECTION_BAD;
    one_line(result && *PQresultErrorMessage(result) ? PQresultErrorMessage(result)
                                                     : PQerrorMessage(r->server),
             why, sizeof why);
    return err_set(r->e, gone || is_passing(state) ? ERR_RETRY : ERR_DATA, "PostgreSQL: %s: %s",
                   what, why);
}

static void on_notice(void *ctx, const char *text)
{
    char line[500];
    (void)ctx;
    one_line(text, line, sizeof line);
    log_info("PostgreSQL: %s", line);
}

/* What the URL says comes after our defaults and wins. */
static int connect_server(struct reader *r, const char *url)
{
    static const char *const key[] = {
        "connect_timeout",     "keepalives_idle",           "keepalives_count",
        "keepalives_interval", "tcp_user_timeout",          "dbname",
        "client_encoding",     "fallback_application_name", NULL
    };
    const char *value[] = { "30", "30", "4", "10", "60000", url, "UTF8", "refit", NULL };
    r->server = PQconnectdbParams(key, value, 1);
    if (PQstatus(r->server) == CONNECTION_OK) {
        PQsetNoticeProcessor(r->server, on_notice, NULL);
        return 0;
    }
    if (PQconnectionNeedsPassword(r->server))
        return err_set(r->e, ERR_USAGE, "PostgreSQL: the server wants a password: PGPASSWORD");
    return fail(r, NULL, "cannot connect");
}

static int command(struct reader *r, const char *sql)
{
    PGresult *result = PQexec(r->server, sql);
    int rc = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : fail(r, result, "cannot begin");
    PQclear(result);
    return rc;
}

/* The names of the columns, without running the query. */
static int describe(struct reader *r, const char *sql)
{
    PGresult *result = PQprepare(r->server, "", sql, 0, NULL), *told = NULL;
    int rc = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : fail(r, result, "query refused");
    if (rc == 0) {
        told = PQdescribePrepared(r->server, "");
        if (PQresultStatus(told) != PGRES_COMMAND_OK)
            rc = fail(r, told, "query refused");
        else if (PQnfields(told) == 0)
            rc = err_set(r->e, ERR_DATA, "PostgreSQL: want one query that gives rows: %.200s", sql);
    }
    if (rc == 0) {
        r->n = (size_t)PQnfields(told);
        r->field = mem_calloc(r->n, sizeof *r->field);
        for (size_t i = 0; i < r->n; i++) {
            const char *name = PQfname(told, (int)i);
            r->field[i] = (struct record_field){ name, strlen(name) };
        }
        rc = r->sink->header(r->ctx, &(struct record){ .n = r->n, .field = r->field }, r->e);
    }
    PQclear(told);
    PQclear(result);
    return rc;
}

static char unescaped(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    default:
        return c;
    }
}

/* Fields between tabs, \N for NULL, backslash escapes, in place. How many there are. */
static size_t split(struct reader *r, char *line)
{
    size_t n = 0;
    for (char *p = line;; p++) {
        char *begin = p, *to = p;
        bool null = p[0] == '\\' && p[1] == 'N';
        for (; *p && *p != '\t' && *p != '\n'; p++) {
            if (*p == '\\' && p[1])
                *to++ = unescaped(*++p);
            else
                *to++ = *p;
        }
        bool more = *p == '\t';
        *to = '\0';
        if (n < r->n)
            r->field[n] = (struct record_field){ null ? NULL : begin,
                                                 null ? 0 : (size_t)(to - begin) };
        n++;
        if (!more)
            return n;
    }
}

static int take_row(struct reader *r, char *line, int64_t number)
{
    size_t n = split(r, line);
    if (n != r->n)
        return err_set(r->e, ERR_DATA, "PostgreSQL: row %lld has %zu fields, want %zu",
                       (long long)number, n, r->n);
    for (size_t i = 0; i < n; i++) {
        const struct record_field *f = &r->field[i];
        bool too_long = f->n > r->max_field;
        if (!too_long && (!f->text || utf8_valid(f->text, f->n)))
            continue;
        char *detail = record_shorten(f->text, f->n, DETAIL);
        int rc = r->sink->bad(r->ctx, number, too_long ? RECORD_TOO_LONG : RECORD_ENCODING, detail,
                              r->e);
        free(detail);
        return rc;
    }
    return r->sink->row(r->ctx, &(struct record){ .line = number, .n = n, .field = r->field },
                        r->e);
}

static int copy_rows(struct reader *r, const char *sql)
{
    size_t n_sql = strlen(sql);
    while (n_sql && strchr("; \t\r\n", sql[n_sql - 1]))
        n_sql--;
    char *copy = str_format("COPY (%.*s\n) TO STDOUT", (int)n_sql, sql);
    PGresult *result = PQexec(r->server, copy);
    int rc = PQresultStatus(result) == PGRES_COPY_OUT ? 0 : fail(r, result, "query refused");
    int got = 0;
    PQclear(result);
    free(copy);
    for (int64_t number = 1; rc == 0; number++) {
        char *line = NULL;
        if ((got = PQgetCopyData(r->server, &line, 0)) <= 0)
            break;
        rc = take_row(r, line, number);
        PQfreemem(line);
    }
    if (rc)
        return rc;
    if (got == -2)
        return fail(r, NULL, "the query ended early");
    result = PQgetResult(r->server);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        rc = fail(r, result, "the query ended early");
    PQclear(result);
    return rc;
}

int query_postgres(const char *url, const char *sql, size_t max_field,
                   const struct record_sink *sink, void *ctx, struct err *e)
{
    struct reader r = { .max_field = max_field, .sink = sink, .ctx = ctx, .e = e };
    int rc = connect_server(&r, url);
    if (rc == 0 &&
        (rc = command(&r, "SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = "
                          "'iso_8601'; SET extra_float_digits = 1; SET bytea_output = 'hex'; "
                          "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")) == 0 &&
        (rc = describe(&r, sql)) == 0)
        rc = copy_rows(&r, sql);
    PQfinish(r.server);
    free(r.field);
    return rc;
}
