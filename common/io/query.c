#include "io/query.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool is_postgres(const char *database)
{
    return str_starts(database, "postgresql://") || str_starts(database, "postgres://");
}

int query_check(const char *database, struct err *e)
{
    char *why = NULL;
    int rc = 0;
    if (str_starts(database, "sqlite:") && database[7])
        return 0;
    if (!is_postgres(database))
        return err_set(e, ERR_USAGE,
                       "database: '%.80s', want sqlite:PATH or postgresql://[USER@]HOST/NAME",
                       database);
    PQconninfoOption *part = PQconninfoParse(database, &why);
    if (!part) /* libpq's text may repeat the URL, which may hold a password */
        rc = err_set(e, ERR_USAGE, "database: not a URL that libpq understands");
    for (const PQconninfoOption *o = part; o && o->keyword; o++)
        if (strcmp(o->keyword, "password") == 0 && o->val)
            rc = err_set(e, ERR_USAGE, "database: no password in the URL, but in PGPASSWORD");
    PQconninfoFree(part);
    PQfreemem(why);
    return rc;
}

static void add_quoted(struct str *out, const char *text, char quote)
{
    str_addc(out, quote);
    for (; *text; text++) {
        str_addc(out, *text);
        if (*text == quote)
            str_addc(out, quote);
    }
    str_addc(out, quote);
}

/* "SELECT what FROM (sql)", without a semicolon at its end. */
static void add_from(struct str *out, const char *what, const char *sql)
{
    size_t n = strlen(sql);
    while (n && strchr("; \t\r\n", sql[n - 1]))
        n--;
    str_addf(out, "SELECT %s FROM (%.*s\n) AS refit_rows", what, (int)n, sql);
}

static void add_value(struct str *out, const struct query *q, const char *value)
{
    if (q->number)
        str_addz(out, value);
    else
        add_quoted(out, value, '\'');
}

static int run(const struct query *q, const char *sql, const struct record_sink *sink, void *ctx,
               struct err *e)
{
    int rc = query_check(q->database, e);
    if (rc)
        return rc;
    return is_postgres(q->database)
               ? query_postgres(q->database, sql, q->max_field, sink, ctx, e)
               : query_sqlite(q->database + strlen("sqlite:"), sql, q->max_field, sink, ctx, e);
}

int query_read(const struct query *q, const struct record_sink *sink, void *ctx, struct err *e)
{
    struct str sql = { 0 };
    if (!q->order)
        return run(q, q->sql, sink, ctx, e);
    add_from(&sql, "*", q->sql);
    if (q->above) {
        str_addz(&sql, " WHERE ");
        add_quoted(&sql, q->order, '"');
        str_addz(&sql, " > ");
        add_value(&sql, q, q->above);
    }
    str_addz(&sql, " ORDER BY ");
    add_quoted(&sql, q->order, '"');
    int rc = run(q, sql.text, sink, ctx, e);
    str_release(&sql);
    return rc;
}

static int count_header(void *ctx, const struct record *row, struct err *e)
{
    (void)ctx, (void)row, (void)e;
    return 0;
}

static int count_row(void *ctx, const struct record *row, struct err *e)
{
    long long n = -1;
    if (!row->field[0].text || !str_to_int(row->field[0].text, &n))
        return err_set(e, ERR_DATA, "the database counts '%.40s' rows",
                       row->field[0].text ? row->field[0].text : "NULL");
    *(int64_t *)ctx = n;
    return 0;
}

static int count_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                     struct err *e)
{
    (void)ctx, (void)line, (void)detail;
    return err_set(e, ERR_DATA, "the database counts: %s", record_fault_name(fault));
}

int query_count(const struct query *q, const char *value, int64_t *out_n, struct err *e)
{
    static const struct record_sink sink = { count_header, count_row, count_bad };
    struct str sql = { 0 };
    add_from(&sql, "count(*)", q->sql);
    str_addz(&sql, " WHERE ");
    add_quoted(&sql, q->order, '"');
    str_addz(&sql, " <= ");
    add_value(&sql, q, value);
    int rc = run(q, sql.text, &sink, out_n, e);
    str_release(&sql);
    return rc;
}
