/* import: CSV files to a typed table, as a schema file says.
 *
 *   in   source  CSV files; the schema says by their names which is which table
 *        schema  YAML: columns, types, missing tokens, keys, joins, and which column is label,
 * text, picture, id out  table   refit.table: the tables, and `rejects`: every row and value that
 * was kept out, with the reason
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "intake.h"

struct params {
    struct opt_list source;
    const char *schema, *table;
    double max_reject_share;
    int64_t max_field;
};

static const struct opt options[] = {
    { OPT_INS(struct params, source), .help = "CSV files (UTF-8, commas, a header); others than "
                                              "those the schema names are left alone" },
    { OPT_IN(struct params, schema), .side = true, .format = "yaml",
      .help = "what the files hold" },
    { OPT_OUT(struct params, table), .format = "hdf5:refit.table",
      .help = "the typed tables and the rejects" },
    { OPT_REAL(struct params, max_reject_share), .def = 0.05, .min = 0, .max = 1,
      .help = "largest share of a table's rows that may be bad, wholly or in a value" },
    { OPT_INT(struct params, max_field), .def = 1 << 20, .min = 1, .max = 1 << 30, .unit = "bytes",
      .help = "longest field that is read; a row with a longer one is a reject" },
    { 0 },
};

/* ---- which file is which table
 * ------------------------------------------------------------------------------------ */

static bool belongs(const struct schema_table *t, const char *path)
{
    return fnmatch(t->file, base_name(path), 0) == 0;
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
    char *shown = csv_shorten(str_text(&all), all.n, 300);
    err_set(e, ERR_DATA, "no source is called '%s' (table '%s')%s%s%s; given: %s", t->file, t->name,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", shown);
    free(shown);
    str_release(&all);
    free(name);
    return e->code;
}

/* Every table has a file, no file has two tables. */
static int check_sources(const struct schema *s, const struct opt_list *source, int64_t *out_bytes,
                         struct err *e)
{
    struct stat st;
    for (size_t t = 0; t < s->n_table; t++) {
        size_t n = 0;
        for (size_t i = 0; i < source->n; i++)
            n += belongs(&s->table[t], source->item[i]);
        if (n == 0)
            return no_file(&s->table[t], source, e);
    }
    for (size_t i = 0; i < source->n; i++) {
        const struct schema_table *first = NULL;
        for (size_t t = 0; t < s->n_table; t++) {
            if (!belongs(&s->table[t], source->item[i]))
                continue;
            if (first)
                return err_set(
                    e, ERR_USAGE, "'%s' is table '%s' by its pattern '%s' and table '%s' by '%s'",
                    source->item[i], first->name, first->file, s->table[t].name, s->table[t].file);
            first = &s->table[t];
            if (stat(source->item[i], &st) == 0)
                *out_bytes += st.st_size;
        }
        if (first && str_ends(source->item[i], ".json"))
            return err_set(e, ERR_DATA, "'%s' is JSON, want CSV", source->item[i]);
        if (!first)
            log_info("'%s' is no table of the schema: left alone", source->item[i]);
    }
    return 0;
}

/* ---- reading
 * -----------------------------------------------------------------------------------------------------
 */

/* Rows that were kept out are a warning, so that a run tells of them. */
static void log_summary(const struct intake *in)
{
    struct str text = { 0 };
    const char *separator = ": ";
    str_addf(&text, "table '%s': %zu of %" PRId64 " rows kept; %" PRId64 " with rejects",
             in->schema->name, in->n_row, in->n_read, in->n_bad);
    for (int k = 0; k < N_REJECT_KIND; k++) {
        if (in->count[k]) {
            str_addf(&text, "%s%" PRId64 " %s", separator, in->count[k],
                     reject_kind_name((enum reject_kind)k));
            separator = ", ";
        }
    }
    if (in->n_bad)
        log_warn("%s", str_text(&text));
    else
        log_info("%s", str_text(&text));
    str_release(&text);
}

static int read_table(struct intake *in, const struct opt_list *source, size_t max_field,
                      int64_t *done, int64_t total, struct err *e)
{
    struct stat st;
    int rc = 0;
    for (size_t i = 0; i < source->n && rc == 0; i++) {
        if (!belongs(in->schema, source->item[i]))
            continue;
        in->done = *done;
        in->total = total;
        rc = intake_read(in, source->item[i], max_field, e);
        if (stat(source->item[i], &st) == 0)
            *done += st.st_size;
    }
    if (rc == 0 && (int64_t)in->n_row < in->schema->min_rows) {
        log_summary(in);
        rc = err_set(e, ERR_DATA, "table '%s' has %zu good rows, want at least %" PRId64,
                     in->schema->name, in->n_row, in->schema->min_rows);
    }
    return rc;
}

static int check_share(const struct intake *in, double max_share, struct err *e)
{
    if ((double)in->n_bad <= max_share * (double)in->n_read)
        return 0;
    return err_set(e, ERR_DATA,
                   "table '%s': %" PRId64 " of %" PRId64
                   " rows are bad (%.1f %%), --max_reject_share allows %g %%",
                   in->schema->name, in->n_bad, in->n_read,
                   100 * (double)in->n_bad / (double)in->n_read, 100 * max_share);
}

static int join_tables(const struct schema *s, struct intake *in, struct table *t, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < s->n_table && rc == 0; i++) {
        size_t without = 0, to = s->table[i].join ? schema_table_index(s, s->table[i].join) : 0;
        if (!s->table[i].join)
            continue;
        rc = intake_join(&in[to], &t[to], &in[i], &t[i], &without, e);
        if (rc == 0 && without)
            log_warn("table '%s': %zu of %zu rows have no row in '%s'", s->table[to].name, without,
                     in[to].n_row, s->table[i].name);
    }
    return rc;
}

/* ---- roles
 * -------------------------------------------------------------------------------------------------------
 */

static void take_name(const struct table *t, const char *role, const char *name, char **out)
{
    if (!name)
        return;
    if (table_column(t, name))
        *out = mem_strdup(name);
    else
        log_warn("no file has the optional column '%s', the %s", name, role);
}

static void add_name(char ***list, size_t *n, const char *name)
{
    *list = mem_grow(*list, *n, sizeof **list);
    (*list)[(*n)++] = mem_strdup(name);
}

static bool is_key(const struct schema *s, const char *name)
{
    const char *key = s->table[s->main_index].key;
    return key && strcmp(key, name) == 0;
}

/* Every float, int, bool and category column that is not key, id or label and names no picture. */
static bool is_feature(const struct schema *s, const struct column *c)
{
    const struct table_roles *r = &s->roles;
    return c->type != COLUMN_STRING && c->type != COLUMN_DATE && !is_key(s, c->name) &&
           !(r->id && strcmp(r->id, c->name) == 0) &&
           !(r->label && strcmp(r->label, c->name) == 0) &&
           !(r->image && schema_pattern_uses(r->image, c->name));
}

/* Are the columns there that the names of the pictures are made of? */
static bool has_image(const struct table *t, const char *pattern)
{
    for (const char *p = pattern; (p = strchr(p, '{')); p++) {
        char *name = mem_strndup(p + 1, strcspn(p + 1, "}"));
        bool has = table_column(t, name) != NULL;
        free(name);
        if (!has)
            return false;
    }
    return true;
}

/* What optional columns leave of the schema's roles. */
static void set_roles(const struct schema *s, struct table *t)
{
    const struct table_roles *from = &s->roles;
    struct table_roles *to = &t->roles;

    take_name(t, "id", from->id, &to->id);
    take_name(t, "label", from->label, &to->label);
    take_name(t, "date", from->date, &to->date);
    if (from->image && has_image(t, from->image))
        to->image = mem_strdup(from->image);
    else if (from->image)
        log_warn("no file has all columns of the picture names '%s'", from->image);
    for (size_t i = 0; i < from->n_text; i++)
        if (table_column(t, from->text[i]))
            add_name(&to->text, &to->n_text, from->text[i]);
    for (size_t i = 0; i < from->n_feature; i++)
        if (table_column(t, from->feature[i]))
            add_name(&to->feature, &to->n_feature, from->feature[i]);
    for (size_t i = 0; i < t->n_col && !s->has_features; i++)
        if (is_feature(s, &t->col[i]))
            add_name(&to->feature, &to->n_feature, t->col[i].name);
}

/* Without an output nobody could look them up. */
static void log_rejects(const struct reject_list *l)
{
    for (size_t i = 0; i < l->n && i < 10; i++)
        log_info("reject: %s line %" PRId64 "%s%s: %s: '%s'", l->item[i].file, l->item[i].line,
                 *l->item[i].column ? " column " : "", l->item[i].column, l->item[i].reason,
                 l->item[i].value);
    if (l->n > 10)
        log_info("reject: ... and %" PRId64 " more", (int64_t)l->n - 10 + l->not_listed);
}

/* ---- the program
 * -------------------------------------------------------------------------------------------------
 */

/* The tables that are not joined to another, with their rejects, as one file. */
static int write_tables(const struct params *p, const struct schema *s, struct table *t,
                        struct reject_list *rejects, struct err *e)
{
    struct tables out = { .reject = rejects->item, .n_reject = rejects->n };
    struct reject more = { 0 };

    out.item = mem_calloc(s->n_table, sizeof *out.item);
    for (size_t i = 0; i < s->n_table; i++) {
        if (s->table[i].join)
            continue;
        if (i == s->main_index)
            out.main_index = out.n;
        table_hash_keys(&t[i]);
        out.item[out.n++] = t[i];
    }
    if (rejects->not_listed) {
        more = (struct reject){ .file = mem_strdup(""),
                                .column = mem_strdup(""),
                                .value = mem_strdup(""),
                                .reason = str_format("%" PRId64 " more are not listed",
                                                     rejects->not_listed) };
        rejects->item = mem_grow(rejects->item, rejects->n, sizeof *rejects->item);
        rejects->item[rejects->n++] = more;
        out.reject = rejects->item;
        out.n_reject = rejects->n;
    }
    int rc = tables_write(&out, p->table, e);
    free(out.item); /* the tables themselves are the caller's */
    return rc;
}

static int read_all(const struct params *p, const struct schema *s, struct intake *in,
                    struct table *t, struct err *e)
{
    int64_t bytes = 0, done = 0;
    int rc = check_sources(s, &p->source, &bytes, e);

    for (size_t i = 0; i < s->n_table && rc == 0; i++) {
        rc = read_table(&in[i], &p->source, (size_t)p->max_field, &done, bytes, e);
        if (rc == 0)
            intake_finish(&in[i], &t[i]);
    }
    if (rc == 0) {
        event_progress(bytes, bytes, "bytes");
        rc = join_tables(s, in, t, e);
    }
    for (size_t i = 0; i < s->n_table && rc == 0; i++)
        log_summary(&in[i]);
    for (size_t i = 0; i < s->n_table && rc == 0; i++)
        rc = check_share(&in[i], p->max_reject_share, e);
    return rc;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct schema schema = { 0 };
    struct reject_list rejects = { 0 };
    int rc;

    if ((rc = schema_read(&schema, p->schema, e)))
        return rc;
    struct intake *in = mem_calloc(schema.n_table, sizeof *in);
    struct table *t = mem_calloc(schema.n_table, sizeof *t);
    for (size_t i = 0; i < schema.n_table; i++)
        intake_init(&in[i], &schema.table[i], i == schema.main_index ? schema.roles.id : NULL,
                    &rejects);
    if ((rc = read_all(p, &schema, in, t, e)) == 0) {
        set_roles(&schema, &t[schema.main_index]);
        rc = write_tables(p, &schema, t, &rejects, e);
    } else if (rc == ERR_DATA) {
        log_rejects(&rejects);
    }
    for (size_t i = 0; i < schema.n_table; i++) {
        intake_release(&in[i]);
        table_release(&t[i]);
    }
    free(in);
    free(t);
    reject_list_release(&rejects);
    schema_release(&schema);
    return rc;
}

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    struct schema schema = { 0 };
    int rc = p->schema ? schema_read(&schema, p->schema, e) : 0;
    if (rc == 0)
        schema_release(&schema);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct stage stage = {
        .name = "import",
        .purpose = "read CSV files into a typed table, as a schema file says",
        .more = "The schema file is described in docs/stages.md. Bad rows and values are kept out, "
                "counted and listed in\n"
                "the table `rejects` of the output; over --max_reject_share the program ends with "
                "65.\n\n"
                "  import --source X.csv --source Y.csv --schema data/schemas/products.yaml "
                "--table table.h5",
        .opts = options,
        .size = sizeof(struct params),
        .run = run,
        .check = check,
    };
    return stage_main(&stage, argc, argv);
}
