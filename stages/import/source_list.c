/* Which source is which table, and reading it. */
#include "source_list.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/jsonrows.h"
#include "io/query.h"

bool sources_belongs(const struct schema_table *t, const char *path)
{
    return t->file && fnmatch(t->file, base_name(path), 0) == 0;
}

static int no_file(const struct schema_table *t, const struct opt_list *source, struct err *e)
{
    const char **name = mem_calloc(source->n, sizeof *name);
    struct str all = { 0 };
    for (size_t i = 0; i < source->n; i++) {
        name[i] = base_name(source->item[i]);
        str_addf(&all, "%s%s", i ? ", " : "", name[i]);
    }
    const char *near = str_nearest(t->file, name, source->n);
    char *shown = record_shorten(str_text(&all), all.n, 300);
    err_set(e, ERR_DATA, "no source is called '%s' (table '%s')%s%s%s; given: %s", t->file, t->name,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", shown);
    free(shown);
    str_release(&all);
    free(name);
    return e->code;
}

int sources_check(const struct schema *s, const struct opt_list *source, const char *database,
                  int64_t *out_bytes, struct err *e)
{
    struct stat st;
    for (size_t t = 0; t < s->n_table; t++) {
        size_t n = 0;
        if (s->table[t].query && !database)
            return err_set(e, ERR_USAGE, "table '%s' is a query: --database is missing",
                           s->table[t].name);
        if (s->table[t].query)
            continue;
        if (source->n == 0)
            return err_set(e, ERR_USAGE, "--source is missing: table '%s' has files",
                           s->table[t].name);
        for (size_t i = 0; i < source->n; i++)
            n += sources_belongs(&s->table[t], source->item[i]);
        if (n == 0)
            return no_file(&s->table[t], source, e);
    }
    for (size_t i = 0; i < source->n; i++) {
        const struct schema_table *first = NULL;
        for (size_t t = 0; t < s->n_table; t++) {
            if (!sources_belongs(&s->table[t], source->item[i]))
                continue;
            if (first)
                return err_set(
                    e, ERR_USAGE, "'%s' is table '%s' by its pattern '%s' and table '%s' by '%s'",
                    source->item[i], first->name, first->file, s->table[t].name, s->table[t].file);
            first = &s->table[t];
            if (stat(source->item[i], &st) == 0)
                *out_bytes += st.st_size;
        }
        if (!first)
            log_info("'%s' is no table of the schema: left alone", source->item[i]);
    }
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_json(struct intake *in, const char *path, const struct limits *l, struct hash *hash,
                     int64_t *out_size, struct err *e)
{
    size_t n = in->schema->n_col;
    struct jsonrows_field *field = mem_calloc(n, sizeof *field);
    bool *seen = mem_calloc(n, sizeof *seen);
    int64_t before = in->n_read;
    for (size_t j = 0; j < n; j++)
        field[j] = (struct jsonrows_field){ in->schema->col[j].from, in->schema->col[j].n_from };
    intake_open_named(in, base_name(path));
    int rc = jsonrows_read(path, field, n, l->max_field, l->max_ratio, hash, &intake_sink, in, seen,
                           out_size, e);
    if (rc == 0 && in->n_read > before)
        rc = intake_seen(in, seen, e);
    free(seen);
    free(field);
    return rc;
}

int sources_read_file(struct intake *in, const char *path, const struct limits *l,
                      struct csv_mark *mark, struct hash *hash, struct err *e)
{
    struct csv_dialect dialect = in->schema->csv;
    if (jsonrows_named(path)) {
        if (mark)
            *mark = (struct csv_mark){ 0 };
        return read_json(in, path, l, hash, mark ? &mark->size : NULL, e);
    }
    dialect.max_ratio = l->max_ratio;
    intake_open(in, base_name(path));
    in->decimal = dialect.decimal;
    int rc = csv_read(path, &dialect, l->max_field, mark, hash, &intake_sink, in, e);
    in->decimal = 0;
    return rc;
}

const char *sources_since(const struct schema_table *t, bool *out_number)
{
    const struct schema_column *c = schema_find(t, t->since);
    *out_number = c->type == COLUMN_INT;
    return c->from[0];
}

char *sources_query_name(const struct schema_table *t)
{
    return str_format("query %s", t->name);
}

int sources_read_query(struct intake *in, const struct limits *l, const char *above, struct err *e)
{
    const struct schema_table *t = in->schema;
    struct query q = {
        .database = l->database, .sql = t->query, .above = above, .max_field = l->max_field
    };
    if (t->since)
        q.order = sources_since(t, &q.number);
    char *name = sources_query_name(t);
    intake_open(in, name);
    free(name);
    int rc = query_read(&q, &intake_sink, in, e);
    return rc ? err_wrap(e, "table '%s'", t->name) : 0;
}
