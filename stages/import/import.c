/* import: files and queries to a typed table, as a schema file says.
 *
 *   in   source    CSV, JSON lines, JSON arrays; the schema says by their names which is which
 * table schema    YAML: columns, types, missing tokens, keys, joins, and which column is label,
 *                  text, picture, id
 *   param database where the queries of the schema go
 *   out  table     refit.table: the tables, and `rejects`: every row and value that was kept out,
 *                  with the reason
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "infer.h"
#include "io/jsonfile.h"
#include "io/outfile.h"
#include "io/query.h"
#include "table_profile.h"
#include "resume.h"

struct params {
    struct opt_list source;
    const char *schema, *table, *database, *profile, *page, *drift;
    double max_reject_share, max_ratio, drift_limit;
    bool incremental;
    int64_t max_field;
};

static const struct opt options[] = {
    { OPT_INS(struct params, source), .optional = true,
      .help =
          "CSV or JSON files, plain or gzip; others than those the schema names are left alone" },
    { OPT_IN(struct params, schema), .side = true, .format = "yaml",
      .help = "what the files hold" },
    { OPT_OUT(struct params, table), .format = "hdf5:refit.table",
      .help = "the typed tables and the rejects" },
    { OPT_OUT(struct params, profile), .optional = true, .format = "json",
      .help = "what is in the tables; where the last one lies there (persist: true), how far it "
              "moved" },
    { OPT_OUT(struct params, page), .optional = true, .format = "html",
      .help = "the same with plots" },
    { OPT_CHOICE(struct params, drift), .text = "warn", .choices = "off|warn|fail",
      .help = "what a column that moved too far does" },
    { OPT_REAL(struct params, drift_limit), .def = 0.25, .min = 0, .max = 1e6,
      .help = "largest population stability index of a column, above what chance gives" },
    { OPT_TEXT(struct params, database), .optional = true,
      .help = "where queries go: sqlite:PATH or postgresql://[USER@]HOST/NAME (PGPASSWORD)" },
    { OPT_REAL(struct params, max_reject_share), .def = 0.05, .min = 0, .max = 1,
      .help = "largest share of a table's rows that may be bad, wholly or in a value" },
    { OPT_INT(struct params, max_field), .def = 1 << 20, .min = 1, .max = 1 << 30, .unit = "bytes",
      .help = "longest field that is read; a row with a longer one is a reject" },
    { OPT_REAL(struct params, max_ratio), .def = 200, .min = 1, .max = 2000,
      .help = "a gzip file that unpacks to more times its size is refused" },
    { OPT_BOOL(struct params, incremental), .def = false,
      .help = "read only files and rows that are new since the table that lies where the output "
              "goes (an out with persist: true); the result is the same" },
    { 0 },
};

/* ---- reading --------------------------------------------------------------------------------- */

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

static int read_new_files(struct intake *in, const struct opt_list *source, const struct limits *l,
                          struct resume *resume, size_t t, struct err *e)
{
    const char **file = mem_calloc(source->n, sizeof *file);
    size_t n = 0;
    for (size_t i = 0; i < source->n; i++)
        if (sources_belongs(in->schema, source->item[i]))
            file[n++] = source->item[i];
    int rc = resume_files(resume, t, in, file, n, l, e);
    free(file);
    return rc;
}

static int read_files(struct intake *in, const struct opt_list *source, const struct limits *l,
                      int64_t *done, int64_t total, struct err *e)
{
    struct stat st;
    int rc = 0;
    for (size_t i = 0; i < source->n && rc == 0; i++) {
        if (!sources_belongs(in->schema, source->item[i]))
            continue;
        in->done = *done;
        in->total = total;
        rc = sources_read_file(in, source->item[i], l, NULL, NULL, e);
        if (stat(source->item[i], &st) == 0)
            *done += st.st_size;
    }
    return rc;
}

static int check_rows(const struct intake *in, struct err *e)
{
    if ((int64_t)in->n_row >= in->schema->min_rows)
        return 0;
    log_summary(in);
    return err_set(e, ERR_DATA, "table '%s' has %zu good rows, want at least %" PRId64,
                   in->schema->name, in->n_row, in->schema->min_rows);
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

/* The first ones, for whom they are enough; all are in the table, if there is one. */
static void log_rejects(const struct reject_list *l)
{
    for (size_t i = 0; i < l->n && i < 10; i++)
        log_info("reject: %s line %" PRId64 "%s%s: %s: '%s'", l->item[i].file, l->item[i].line,
                 *l->item[i].column ? " column " : "", l->item[i].column, l->item[i].reason,
                 l->item[i].value);
    if (l->n > 10)
        log_info("reject: ... and %" PRId64 " more", (int64_t)l->n - 10 + l->not_listed);
}

/* ---- the program ----------------------------------------------------------------------------- */

/* The tables that are not joined to another, with their rejects, as one file. */
static int write_tables(const struct params *p, const struct schema *s, struct table *t,
                        struct reject_list *rejects, const struct marks *marks, struct err *e)
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
    if (rejects->not_listed == 0)
        out.marks = marks; /* else what is not listed would be lost to the next import */
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

static int tell_profile(const struct params *p, const struct schema *s, const struct table *t,
                        struct err *e)
{
    struct drift drift = { .limit = p->drift_limit };
    struct profile_table *shown = mem_calloc(s->n_table, sizeof *shown);
    json_t *last = p->profile && strcmp(p->drift, "off") != 0 ? profile_last(p->profile) : NULL;
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < s->n_table; i++)
        if (!s->table[i].join)
            shown[n++] = (struct profile_table){ &t[i], s->table[i].key };
    json_t *profile = profile_make(shown, n, last, &drift);
    free(shown);
    if (drift.n_over && strcmp(p->drift, "fail") == 0)
        rc = err_set(e, ERR_DATA,
                     "%zu columns moved since the last import, most %s; --drift_limit allows %g",
                     drift.n_over, drift.worst, p->drift_limit);
    else if (drift.n_over)
        log_warn("%zu columns moved since the last import, most %s (limit %g)", drift.n_over,
                 drift.worst, p->drift_limit);
    if (rc == 0 && p->page)
        rc = profile_write_page(p->page, profile, e);
    if (rc == 0 && p->profile)
        rc = jsonfile_write(p->profile, profile, e);
    json_decref(profile);
    json_decref(last);
    return rc;
}

static int read_all(const struct params *p, const struct schema *s, struct intake *in,
                    struct table *t, struct resume *resume, struct err *e)
{
    struct limits l = { p->database, (size_t)p->max_field, p->max_ratio };
    int64_t bytes = 0, done = 0;
    int rc = sources_check(s, &p->source, p->database, &bytes, e);

    for (size_t i = 0; i < s->n_table && rc == 0; i++) {
        if (p->incremental)
            rc = s->table[i].query ? resume_query(resume, i, &in[i], &l, e)
                                   : read_new_files(&in[i], &p->source, &l, resume, i, e);
        else
            rc = s->table[i].query ? sources_read_query(&in[i], &l, NULL, e)
                                   : read_files(&in[i], &p->source, &l, &done, bytes, e);
        if (rc == 0 && (rc = check_rows(&in[i], e)) == 0)
            rc = intake_finish(&in[i], &t[i], e);
    }
    if (rc == 0) {
        event_progress(bytes, bytes, "bytes");
        rc = join_tables(s, in, t, e);
    }
    for (size_t i = 0; i < s->n_table && rc == 0; i++)
        log_summary(&in[i]);
    for (size_t i = 0; i < s->n_table && rc == 0 && p->incremental; i++)
        resume_note(resume, i, &in[i]);
    for (size_t i = 0; i < s->n_table && rc == 0; i++)
        rc = check_share(&in[i], p->max_reject_share, e);
    return rc;
}

/* All that decides what is read from the same bytes. */
static int open_last(const struct params *p, const struct schema *s, struct resume *resume,
                     struct err *e)
{
    struct hash hash;
    char sum[HASH_HEX];
    int rc = hash_file(p->schema, sum, NULL, e);
    if (rc)
        return rc;
    hash_init(&hash);
    hash_add_text(&hash, "import 1"); /* to be raised when it reads anything differently */
    hash_add_text(&hash, sum);
    hash_add_text(&hash, p->database ? p->database : "");
    hash_add(&hash, &p->max_field, sizeof p->max_field);
    hash_hex(&hash, sum);
    resume_open(resume, p->table, s, sum);
    return 0;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct schema schema = { 0 };
    struct reject_list rejects = { 0 };
    struct resume resume = { 0 };
    int rc;

    if ((rc = schema_read(&schema, p->schema, e)))
        return rc;
    struct intake *in = mem_calloc(schema.n_table, sizeof *in);
    struct table *t = mem_calloc(schema.n_table, sizeof *t);
    for (size_t i = 0; i < schema.n_table; i++)
        intake_init(&in[i], &schema.table[i], i == schema.main_index ? schema.roles.id : NULL,
                    p->table);
    if (p->incremental && (rc = open_last(p, &schema, &resume, e)))
        goto out;
    rc = read_all(p, &schema, in, t, &resume, e);
    for (size_t i = 0; i < schema.n_table; i++)
        reject_list_move(&rejects, &in[i].rejects);
    if (rc == 0 || rc == ERR_DATA)
        log_rejects(&rejects);
    if (rc == 0) {
        set_roles(&schema, &t[schema.main_index]);
        t[schema.main_index].roles.schema = schema_rows(&schema, &t[schema.main_index]);
        if (p->profile || p->page)
            rc = tell_profile(p, &schema, t, e);
        if (rc == 0)
            rc = write_tables(p, &schema, t, &rejects, p->incremental ? &resume.now : NULL, e);
    }
out:
    resume_release(&resume);
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
    int rc = p->database ? query_check(p->database, e) : 0;
    if (rc == 0 && p->schema && (rc = schema_read(&schema, p->schema, e)) == 0)
        schema_release(&schema);
    return rc;
}

/* ---- import --infer -------------------------------------------------------------------------- */

struct infer_params {
    struct opt_list infer;
    const char *schema;
};

static const struct opt infer_options[] = {
    { OPT_INS(struct infer_params, infer), .help = "CSV or JSON files to look at" },
    { OPT_OUT(struct infer_params, schema), .optional = true, .format = "yaml",
      .help = "the schema; default: standard output" },
    { 0 },
};

static int infer(const void *params, struct err *e)
{
    const struct infer_params *p = params;
    struct str text = { 0 };
    int rc = infer_schema(&p->infer, &text, e);
    if (rc == 0 && p->schema)
        rc = outfile_put(p->schema, text.text, text.n, e);
    else if (rc == 0)
        fwrite(text.text, 1, text.n, stdout);
    str_release(&text);
    return rc;
}

static bool is_infer(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--infer") == 0 || str_starts(argv[i], "--infer="))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    static const struct stage infer_stage = {
        .name = "import",
        .purpose = "write a first schema from the data",
        .more = "  import --infer X.csv >schema.yaml",
        .opts = infer_options,
        .size = sizeof(struct infer_params),
        .run = infer,
    };
    static const struct stage stage = {
        .name = "import",
        .purpose = "read files and queries into a typed table, as a schema file says",
        .more = "The schema file is described in docs/stages.md. Bad rows and values are kept out, "
                "counted and listed in\n"
                "the table `rejects` of the output; over --max_reject_share the program ends with "
                "65.\n\n"
                "  import --source X.csv --source Y.csv --schema data/schemas/products.yaml "
                "--table table.h5\n"
                "  import --infer X.csv >schema.yaml    writes a first schema from the data",
        .opts = options,
        .size = sizeof(struct params),
        .run = run,
        .check = check,
    };
    return stage_main(is_infer(argc, argv) ? &infer_stage : &stage, argc, argv);
}
