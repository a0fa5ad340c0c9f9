/* refit-predict: what a trained model says about rows that it has not seen.
 *
 *   in   model (refit.model or models.tar), or registry and name: the model that is served there
 *        rows (CSV, JSON lines), or NAME=VALUE of one row; images, a directory
 *   out  predictions (CSV, JSON lines, refit.table), summary (JSON); standard output without them
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asking.h"
#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/jsonfile.h"
#include "io/picture.h"
#include "models/modelsource.h"
#include "models/nn/net.h"

struct params {
    const char *model, *registry, *name, *version, *public_key, *images, *schema, *predictions,
        *summary, *format, *faults;
    struct opt_list rows, row;
    int64_t top, max_field;
    bool probabilities, json;
    double max_error_share;
};

static const struct opt options[] = {
    { OPT_IN(struct params, model), .optional = true,
      .help = "the trained model: model.h5, or models.tar, whose members are checked" },
    { OPT_IN(struct params, public_key), .optional = true,
      .help = "minisign's public key that must have signed the package" },
    { OPT_INS(struct params, rows), .optional = true,
      .help = "CSV or JSON lines, plain or gzip, with the columns that the model was trained on; - "
              "is standard input" },
    { OPT_IN(struct params, images), .optional = true,
      .help = "directory of the pictures; without it the path of a picture is as it stands" },
    { OPT_IN(struct params, schema), .optional = true, .side = true, .format = "yaml",
      .help = "import schema of the rows, where it is another than in training" },
    { OPT_OUT(struct params, predictions), .optional = true,
      .help =
          "an answer for each row: .csv, .jsonl or .h5 (refit.table); default: standard output" },
    { OPT_OUT(struct params, summary), .optional = true, .format = "json",
      .help = "rows, errors, counts and percentages of the classes" },
    { OPT_TEXTS(struct params, row), .bare = true,
      .help = "NAME=VALUE, a column of one row; --row may be left out" },
    { OPT_TEXT(struct params, registry), .optional = true,
      .help = "take the model from here, as upload published it" },
    { OPT_TEXT(struct params, name), .optional = true, .help = "its name there" },
    { OPT_TEXT(struct params, version), .optional = true,
      .help = "its version there (default: the current one)" },
    { OPT_INT(struct params, top), .def = 1, .min = 1, .max = 1000,
      .help = "classes to tell, the most probable first" },
    { OPT_BOOL(struct params, probabilities), .help = "tell the probability of every class" },
    { OPT_CHOICE(struct params, format), .text = "auto", .choices = "auto|csv|jsonl|h5",
      .help = "of the predictions; auto: by the ending of the file, csv on standard output" },
    { OPT_BOOL(struct params, json),
      .help = "standard output is JSON lines: the answers, unless they go to a file, then, unless "
              "there is only one row, {\"summary\": ...}" },
    { OPT_CHOICE(struct params, faults), .text = "error", .choices = ROWPREP_FAULTS,
      .help =
          "a value that its column does not take, a picture that cannot be read: an error of "
          "the row, or a gap with a note, as in training; strict: whatever would be a note is an "
          "error" },
    { OPT_REAL(struct params, max_error_share), .def = 0, .min = 0, .max = 1,
      .help = "largest share of the rows that may have an error; above it the status is 65, with "
              "all outputs written" },
    { OPT_INT(struct params, max_field), .def = 1 << 20, .min = 1, .max = 1 << 30, .unit = "bytes",
      .help = "longest value that is read; a row with a longer one has an error" },
    { 0 },
};

static enum rowprep_faults faults_of(const struct params *p)
{
    return strcmp(p->faults, "gap") == 0      ? ROWPREP_GAP
           : strcmp(p->faults, "strict") == 0 ? ROWPREP_STRICT
                                              : ROWPREP_ERROR;
}

/* ---- the command line ---- */

static int find_format(const struct params *p, enum answers_format *out, struct err *e)
{
    bool automatic = strcmp(p->format, "auto") == 0;
    *out = p->json                           ? ANSWERS_JSON
           : p->row.n && automatic           ? ANSWERS_PLAIN
           : strcmp(p->format, "jsonl") == 0 ? ANSWERS_JSON
           : strcmp(p->format, "h5") == 0    ? ANSWERS_TABLE
                                             : ANSWERS_CSV;
    if (!p->predictions)
        return *out == ANSWERS_TABLE
                   ? err_set(e, ERR_USAGE, "--format h5 wants --predictions, the file")
                   : 0;
    if (automatic && !answers_format_of(p->predictions, out))
        return err_set(
            e, ERR_USAGE,
            "--predictions '%s': want a name that ends in .csv, .jsonl or .h5, or --format",
            p->predictions);
    if (strcmp(p->format, "csv") == 0)
        *out = ANSWERS_CSV;
    else if (strcmp(p->format, "jsonl") == 0)
        *out = ANSWERS_JSON;
    return 0;
}

/* What --check can say, too. */
static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    enum answers_format format;
    struct schema schema = { 0 };
    int rc = 0;
    if (p->model && p->registry)
        return err_set(e, ERR_USAGE, "--model and --registry: want one of them");
    if (p->registry && !p->name)
        return err_set(e, ERR_USAGE, "--registry wants --name, the model's");
    if (!p->registry && (p->name || p->version))
        return err_set(e, ERR_USAGE, "--%s is for --registry, which is missing",
                       p->name ? "name" : "version");
    if (p->rows.n && p->row.n)
        return err_set(e, ERR_USAGE, "--rows and '%s': want a file or one row", p->row.item[0]);
    if (p->schema && (rc = schema_read(&schema, p->schema, e)) == 0)
        schema_release(&schema);
    return rc ? rc : find_format(p, &format, e);
}

static int check_given(const struct params *p, struct err *e)
{
    int rc = check(p, e);
    if (rc)
        return rc;
    if (!p->model && !p->registry)
        return err_set(e, ERR_USAGE,
                       "--model is missing: model.h5 or models.tar (or --registry and "
                       "--name)");
    return p->rows.n || p->row.n ? 0
                                 : err_set(e, ERR_USAGE,
                                           "there are no rows: want --rows FILE, or "
                                           "NAME=VALUE for each column of one row");
}

/* ---- after the rows ---- */

static json_t *summary_of(const struct asking *a, const struct modelsource *from)
{
    return tally_json(&a->tally, modelsource_json(from, a->model));
}

static int print_summary(const struct asking *a, const struct modelsource *from, struct err *e)
{
    json_t *doc = json_pack("{s:o}", "summary", summary_of(a, from));
    char *text = json_dumps(doc, JSON_REAL_PRECISION(12));
    json_decref(doc);
    puts(text);
    free(text);
    return err_stdout(e);
}

/* The answers are complete; were they what the user wanted? */
static int judge(const struct params *p, const struct asking *a, struct err *e)
{
    const struct tally *t = &a->tally;
    if (p->row.n && !p->json && a->first_note.n && !a->first_error.n)
        log_warn("%s", str_text(&a->first_note));
    if ((double)t->errors <= p->max_error_share * (double)t->rows)
        return 0;
    if (p->row.n)
        return err_set(e, ERR_DATA, "%s", str_text(&a->first_error));
    return err_set(e, ERR_DATA,
                   "%lld of %lld rows have an error, --max_error_share allows %g %%; the other "
                   "answers are complete",
                   (long long)t->errors, (long long)t->rows, 100 * p->max_error_share);
}

static int finish(const struct params *p, struct asking *a, const struct modelsource *from,
                  struct err *e)
{
    int rc = answers_close(a->answers, e);
    if (rc == 0 && p->summary) {
        json_t *doc = summary_of(a, from);
        rc = jsonfile_write(p->summary, doc, e);
        json_decref(doc);
    }
    if (rc == 0 && p->rows.n) {
        tally_say(&a->tally);
        event_metric("rows", (double)a->tally.rows, 0);
        event_metric("errors", (double)a->tally.errors, 0);
    }
    if (rc == 0 && p->json && (p->rows.n || p->predictions))
        rc = print_summary(a, from, e);
    return rc ? rc : judge(p, a, e);
}

/* ---- the program ---- */

static int ask(const struct params *p, const struct modelsource *from, struct model *model,
               struct rowprep *prep, struct err *e)
{
    struct model_wants wants;
    struct asking asking = { 0 };
    struct answers answers = { .model = model, .path = p->predictions, .every = p->probabilities };
    size_t n_class = model_n_class(model);
    int rc;

    model_wants(model, &wants);
    answers.id = wants.roles->id;
    answers.every = p->probabilities && n_class;
    if ((rc = find_format(p, &answers.format, e)))
        goto out;
    answers.top = (size_t)p->top < n_class ? (size_t)p->top : n_class;
    if (answers.every && answers.format == ANSWERS_PLAIN)
        answers.top = n_class; /* a line each */
    if ((rc = answers_open(&answers, e)))
        goto out;
    asking_init(&asking, model, prep, &answers, (size_t)p->max_field);
    rc = p->row.n ? asking_row(&asking, &p->row, e) : asking_files(&asking, &p->rows, e);
    if (rc == 0)
        rc = finish(p, &asking, from, e);
out:
    asking_release(&asking);
    answers_release(&answers);
    return rc;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct rowprep_options how = {
        .schema = p->schema, .images = -1, .faults = faults_of(p), .threads = opt_threads()
    };
    struct modelsource from = { .path = p->model,
                                .registry = p->registry,
                                .name = p->name,
                                .version = p->version,
                                .key = p->public_key };
    struct model *model = NULL;
    struct rowprep *prep = NULL;
    int rc;

    if ((rc = check_given(p, e)) ||
        (p->images && (rc = picture_open_dir(p->images, &how.images, e))) ||
        (rc = modelsource_load(&from, opt_threads(), &model, e)))
        goto out;
    if ((rc = rowprep_new(&prep, model, &how, e))) {
        err_wrap(e, "'%s'", from.shown);
        goto out;
    }
    rc = ask(p, &from, model, prep, e);
out:
    rowprep_free(prep);
    model_free(model);
    modelsource_release(&from);
    if (how.images >= 0)
        close(how.images);
    return rc;
}

static struct stage stage = {
    .name = "predict",
    .purpose = "what a trained model says about new rows",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more =
        "  refit-predict --model models.tar title=\"Chaise de jardin\" price=39.90 "
        "picture=chair.jpg\n"
        "  refit-predict --model model.h5 --rows new.csv --images photos --predictions "
        "answers.csv\n"
        "  refit-predict --registry registry --name products --rows - --top 3 --json <new.jsonl\n\n"
        "Texts, pictures and columns pass through the very steps of training: they travel in the "
        "model. A column is\ncalled what the import schema calls it in files; \"picture\" is the "
        "path of a row's picture, without it its name\nis made as in training. A row that cannot "
        "be "
        "read has its error in the output, all others are answered.",
};

int main(int argc, char **argv)
{
    struct err e = { 0 };
    const char *slash = argc ? strrchr(argv[0], '/') : NULL;
    if (argc && strcmp(slash ? slash + 1 : argv[0], "refit-predict") == 0)
        stage.name = "refit-predict"; /* as a person calls it */
    if (nn_start(argc, argv, &e))
        return err_report(&e, stage.name);
    return stage_main(&stage, argc, argv);
}
