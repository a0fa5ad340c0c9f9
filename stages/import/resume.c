#include "resume.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/query.h"

/* ---- what was committed ---------------------------------------------------------------------- */

static void forget(struct resume *r)
{
    tables_release(&r->last);
    marks_release(&r->marks);
}

void resume_open(struct resume *r, const char *table, const struct schema *s, const char *settings)
{
    struct err why = { 0 };
    *r = (struct resume){ 0 };
    memcpy(r->now.settings, settings, HASH_HEX);
    r->now.n_table = s->n_table;
    r->now.table = mem_calloc(s->n_table, sizeof *r->now.table);
    for (size_t i = 0; i < s->n_table; i++)
        r->now.table[i].name = mem_strdup(s->table[i].name);
    if (access(table, F_OK) != 0) {
        log_info("everything is read: there is no table yet");
        forget(r);
    } else if (marks_read(&r->marks, table, &why) || tables_read(&r->last, table, &why)) {
        log_info("everything is read: %s", why.text);
        forget(r);
    } else if (r->marks.n_table != s->n_table || strcmp(r->marks.settings, settings) != 0) {
        log_info("everything is read: '%s' was made with another schema or other parameters",
                 table);
        forget(r);
    }
}

/* The rows and rejects of table t as they were. */
static int restore(struct resume *r, size_t t, struct intake *in, struct err *e)
{
    const struct mark_table *m = &r->marks.table[t];
    const struct table *last = NULL;
    size_t at = 0;
    int rc;
    for (size_t i = 0; i < r->last.n; i++)
        if (strcmp(r->last.item[i].name, m->name) == 0)
            last = &r->last.item[i];
    for (size_t i = 0; i < t; i++)
        at += (size_t)r->marks.table[i].n_reject;
    if (!last || last->n_row != m->n_row || at + (size_t)m->n_reject > r->last.n_reject ||
        m->n_count != N_REJECT_KIND)
        return err_set(e, ERR_DATA, "the marks of table '%s' do not fit its rows", m->name);
    if ((rc = intake_restore(in, last, e)))
        return rc;
    for (size_t i = 0; i < m->n_row; i++) {
        in->line[i] = m->line[i];
        in->file[i] = m->file[i];
    }
    for (size_t i = 0; i < m->n_source; i++)
        intake_open(in, m->source[i].name);
    for (size_t i = at; i < at + (size_t)m->n_reject; i++) {
        const struct reject *old = &r->last.reject[i];
        reject_list_add(&in->rejects, old->file, old->line, old->column, old->value, old->reason);
    }
    in->n_read = m->n_read;
    in->n_bad = m->n_bad;
    for (size_t k = 0; k < N_REJECT_KIND; k++)
        in->count[k] = m->count[k];
    return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Of the first `bytes` of a file, or all of it where it is shorter; its size. */
static int hash_beginning(const char *path, int64_t bytes, int64_t *out_size, char out[HASH_HEX],
                          struct err *e)
{
    struct source s = { 0 };
    struct hash hash;
    int rc;
    hash_init(&hash);
    if ((rc = source_open(&s, path, SOURCE_UTF8, 2, e)) == 0) {
        s.hash = &hash;
        *out_size = s.size;
        rc = source_skip(&s, bytes < s.size ? bytes : s.size, e);
    }
    source_close(&s);
    hash_hex(&hash, out);
    return rc;
}

/* Are the files that were read still the first, and the same, but for rows that follow in the last?
 * *out_why else. *out_grown: there are such rows. */
static bool same_files(const struct mark_table *m, const char *const *file, size_t n,
                       bool *out_grown, char *out_why, size_t room)
{
    struct err e = { 0 };
    char sum[HASH_HEX];
    *out_grown = false;
    for (size_t i = 0; i < m->n_source; i++) {
        const struct mark_source *s = &m->source[i];
        int64_t size;
        if (i >= n || strcmp(base_name(file[i]), s->name) != 0) {
            snprintf(out_why, room, "'%s' is not source %zu any more", s->name, i + 1);
            return false;
        }
        if (hash_beginning(file[i], s->bytes, &size, sum, &e))
            size = -1;
        *out_grown = size > s->bytes;
        if (size < s->bytes || strcmp(sum, s->sha256) != 0 ||
            (*out_grown && (i + 1 < m->n_source || s->next != s->bytes))) {
            snprintf(out_why, room, "'%s' is another one", s->name);
            return false;
        }
    }
    return true;
}

static int read_file(struct mark_table *m, struct intake *in, const char *path,
                     const struct limits *l, const struct mark_source *from, struct err *e)
{
    struct csv_mark mark = { 0 };
    struct hash hash;
    int rc;
    if (from)
        mark = (struct csv_mark){ .bytes = from->next, .line = from->line };
    else {
        m->source = mem_grow(m->source, m->n_source, sizeof *m->source);
        m->source[m->n_source++] = (struct mark_source){ .name = mem_strdup(base_name(path)) };
    }
    struct mark_source *s = &m->source[m->n_source - 1];
    hash_init(&hash);
    rc = sources_read_file(in, path, l, &mark, &hash, e);
    s->bytes = mark.size;
    hash_hex(&hash, s->sha256);
    s->next = mark.bytes;
    s->line = mark.line;
    return rc;
}

static void copy_sources(struct mark_table *to, const struct mark_table *from)
{
    to->source = NULL;
    for (size_t i = 0; i < from->n_source; i++) {
        to->source = mem_grow(to->source, to->n_source, sizeof *to->source);
        to->source[to->n_source] = from->source[i];
        to->source[to->n_source++].name = mem_strdup(from->source[i].name);
    }
}

int resume_files(struct resume *r, size_t t, struct intake *in, const char *const *file, size_t n,
                 const struct limits *l, struct err *e)
{
    const struct mark_table *last = r->marks.n_table ? &r->marks.table[t] : NULL;
    struct mark_table *now = &r->now.table[t];
    char why[200];
    bool grown = false;
    size_t from = 0;
    int rc = 0;
    if (last && last->n_source && !in->schema->join) {
        if (same_files(last, file, n, &grown, why, sizeof why)) {
            from = last->n_source;
            rc = restore(r, t, in, e);
            copy_sources(now, last);
            log_info("table '%s': %zu of %zu files are new%s", in->schema->name, n - from, n,
                     grown ? ", one has new rows" : "");
        } else {
            grown = false;
            log_info("table '%s': everything is read: %s", in->schema->name, why);
        }
    }
    if (rc == 0 && grown) {
        in->again = true;
        rc = read_file(now, in, file[from - 1], l, &last->source[from - 1], e);
    }
    for (size_t i = from; i < n && rc == 0; i++)
        rc = read_file(now, in, file[i], l, NULL, e);
    return rc;
}

/* ---- queries --------------------------------------------------------------------------------- */

/* Are the rows that were read all still there, and no others before the last of them? */
static bool same_rows(const struct mark_table *m, const struct schema_table *t,
                      const struct limits *l)
{
    struct err e = { 0 };
    struct query q = { .database = l->database, .sql = t->query, .max_field = l->max_field };
    int64_t n = -1;
    q.order = sources_since(t, &q.number);
    if (query_count(&q, m->above, &n, &e) == 0 && n == m->n_read)
        return true;
    log_info("table '%s': everything is read: %" PRId64 " rows up to '%.40s', want %" PRId64 "%s%s",
             t->name, n, m->above, m->n_read, e.code ? ": " : "", e.text);
    return false;
}

int resume_query(struct resume *r, size_t t, struct intake *in, const struct limits *l,
                 struct err *e)
{
    const struct mark_table *last = r->marks.n_table ? &r->marks.table[t] : NULL;
    const struct schema_table *s = in->schema;
    struct mark_table *now = &r->now.table[t];
    const char *above = NULL;
    int rc = 0;
    if (last && last->above && s->since && !s->join && same_rows(last, s, l)) {
        above = last->above;
        in->again = true;
        in->n_before = last->n_read;
        rc = restore(r, t, in, e);
    }
    if (rc == 0)
        rc = sources_read_query(in, l, above, e);
    if (rc == 0 && s->since)
        now->above = in->since.n ? mem_strdup(in->since.text) : mem_strdup(above);
    now->source = mem_calloc(1, sizeof *now->source);
    now->source[now->n_source++].name = sources_query_name(s);
    return rc;
}

/* ---- for the next import --------------------------------------------------------------------- */

void resume_note(struct resume *r, size_t t, const struct intake *in)
{
    struct mark_table *m = &r->now.table[t];
    m->n_read = in->n_read;
    m->n_bad = in->n_bad;
    m->n_reject = (int64_t)in->rejects.n;
    m->n_count = N_REJECT_KIND;
    m->count = mem_calloc(m->n_count, sizeof *m->count);
    memcpy(m->count, in->count, sizeof in->count);
    if (in->schema->join)
        return; /* its rows are in another table: it is always read as a whole */
    m->n_row = in->n_row;
    m->line = mem_calloc(m->n_row, sizeof *m->line);
    m->file = mem_calloc(m->n_row, sizeof *m->file);
    for (size_t i = 0; i < m->n_row; i++) {
        m->line[i] = in->line[i];
        m->file[i] = in->file[i];
    }
}

void resume_release(struct resume *r)
{
    forget(r);
    marks_release(&r->now);
}
