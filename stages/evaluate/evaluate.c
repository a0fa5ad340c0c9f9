/* evaluate: hold models against rows that they have not learned from.
 *
 *   in   model; others (further models of the same classes or number, shown beside it); champion
 *        (the model that is served now); history of the training; table, text, pixels, features,
 *        split as the training had them
 *   out  metrics (JSON), report (one HTML page); comparison (JSON): the champion alone, for it is
 *        another one after every publication, and what is packed must not change by that
 *
 * If a text and an image model are among the others, their late fusion is a further model, its
 * weight chosen on the validation rows. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/outfile.h"
#include "models/history.h"
#include "models/nn/net.h"
#include "stages/evaluate/evaluate.h"

static const struct opt options[] = {
    { OPT_IN(struct params, model), .format = "hdf5:refit.model",
      .help = "the model whose figures are gated" },
    { OPT_INS(struct params, others), .optional = true, .format = "hdf5:refit.model",
      .help = "models to show beside it, of other kinds (text, image) and the same classes" },
    { OPT_IN(struct params, champion), .optional = true, .format = "hdf5:refit.model",
      .help = "a model to beat, of any kind: is the new one better, or is it chance?" },
    { OPT_IN(struct params, history), .optional = true, .format = "json",
      .help = "history.json of its training" },
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "the table with the column that is predicted" },
    { OPT_IN(struct params, text), .optional = true, .format = "hdf5:refit.tokens",
      .help = "words" },
    { OPT_IN(struct params, pixels), .optional = true, .format = "hdf5:refit.images",
      .help = "pictures" },
    { OPT_IN(struct params, features), .optional = true, .format = "hdf5:refit.features",
      .help = "scaled columns" },
    { OPT_IN(struct params, split), .format = "hdf5:refit.split", .help = "sides of the rows" },
    { OPT_OUT(struct params, metrics), .format = "json", .help = "all figures" },
    { OPT_OUT(struct params, report), .format = "html", .help = "a page that needs nothing else" },
    { OPT_OUT(struct params, comparison), .optional = true, .format = "json",
      .help = "figures of the champion on the same rows, for gate" },
    { OPT_CHOICE(struct params, rows), .text = "test", .choices = "validation|test",
      .help = "side of the split that is evaluated" },
    { OPT_INT(struct params, shuffles), .def = 5, .min = 0, .max = 1000,
      .help = "of each column, to see what a model of feature columns needs; 0: none" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9007199254740992.0,
      .help = "of shuffles and of the test of pairs" },
    { 0 },
};

static void figures_release(struct report_model *m)
{
    metrics_release(&m->metrics);
    probabilities_release(&m->probabilities);
}

static void work_release(struct work *w)
{
    struct model_report *r = &w->report;
    for (size_t i = 0; r->model && i < r->n_model; i++)
        figures_release(&r->model[i]);
    figures_release(&w->champion);
    free(r->model);
    free(r->label);
    free(r->name);
    free(r->train_rows);
    free(w->mixed);
    permutation_release(&w->permutation);
    str_release(&w->description);
    chosen_release(&w->rows);
    history_release(&w->history);
    contest_release(&w->contest);
    model_inputs_release(&w->in);
}

/* ---- what the page says about the data ---- */

static void gather_training(struct model_report *r, const struct work *w)
{
    struct chosen training = { 0 };
    chosen_take(&training, w->contest.entry[0].model, &w->in.sides, SIDE_TRAIN, w->target);
    for (size_t i = 0; i < training.n; i++)
        if (r->n_class)
            r->train_rows[training.label[i]]++;
        else
            r->train_mean += training.truth[i] / (double)training.n;
    if (training.n == 0)
        r->train_mean = (double)NAN;
    chosen_release(&training);
}

static void gather_facts(struct model_report *r, const struct work *w)
{
    const struct model_inputs *in = &w->in;
    r->n_row = (int64_t)in->table.n_row;
    for (size_t i = 0; i < in->sides.n_row; i++) {
        if (in->sides.side[i] > SIDE_TEST)
            r->unused++;
        else
            r->rows[in->sides.side[i]]++;
    }
    r->has_pictures = in->data.pixels != NULL;
    for (size_t i = 0; r->has_pictures && i < in->pixels.n_row; i++) {
        r->pictures_missing += in->pixels.status[i] == PIXELS_MISSING;
        r->pictures_corrupt += in->pixels.status[i] == PIXELS_CORRUPT;
    }
    r->has_texts = in->data.tokens != NULL;
    for (size_t i = 0; r->has_texts && i < in->tokens.n_row; i++)
        r->texts_empty += in->tokens.offset[i] == in->tokens.offset[i + 1];
    r->n_feature = in->data.features ? in->features.n_col : 0;
}

/* What the report says about the first model. */
static void gather_model(struct model_report *r, struct work *w)
{
    const struct model *m = w->contest.entry[0].model;
    struct model_wants wants;
    r->n_class = model_n_class(m);
    r->model = mem_calloc(w->contest.n + 1, sizeof *r->model);
    r->label = mem_calloc(r->n_class + 1, sizeof *r->label);
    r->name = mem_calloc(r->n_class + 1, sizeof *r->name);
    r->train_rows = mem_calloc(r->n_class + 1, sizeof *r->train_rows);
    for (size_t k = 0; k < r->n_class; k++) {
        r->label[k] = model_class(m, k);
        r->name[k] = model_class_name(m, k);
    }
    model_wants(m, &wants);
    r->importance = model_importance(m);
    r->feature = wants.feature;
    r->n_importance = wants.n_feature;
    r->target = w->target->name;
    r->unknown_rows = w->rows.unknown;
    model_describe(m, &w->description);
    r->description = str_text(&w->description);
}

/** The files that are asked for, or none: each is complete under its temporary name before the
 * first gets its own. */
static int publish(const char *const path[], const struct str text[], size_t n, struct err *e)
{
    struct outfile f[3] = { { 0 } };
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!path[i] || (rc = outfile_open(&f[i], path[i], e)))
            continue;
        if (fwrite(text[i].text, 1, text[i].n, f[i].fp) != text[i].n || fflush(f[i].fp) != 0)
            rc = err_sys(e, "cannot write '%s'", path[i]);
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        if (path[i])
            rc = outfile_commit(&f[i], e);
    for (size_t i = 0; i < n; i++)
        outfile_abort(&f[i]);
    return rc;
}

static int add_json(struct str *out, json_t *root, struct err *e)
{
    char *json = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    json_decref(root);
    if (!json)
        return err_set(e, ERR_INTERNAL, "the figures cannot be written as JSON");
    str_addf(out, "%s\n", json);
    free(json);
    return 0;
}

static int write_outputs(const struct model_report *r, const struct params *p, struct err *e)
{
    enum { METRICS, REPORT, COMPARISON, N };
    struct str text[N] = { { 0 } };
    const char *const path[N] = { p->metrics, p->report, p->comparison };
    int rc;
    if ((rc = add_json(&text[METRICS], model_report_json(r), e)) == 0 &&
        (rc = add_json(&text[COMPARISON], model_report_comparison(r), e)) == 0) {
        model_report_html(r, &text[REPORT]);
        rc = publish(path, text, N, e);
    }
    for (int i = 0; i < N; i++)
        str_release(&text[i]);
    return rc;
}

static void say_model(const struct model_report *r, const struct report_model *m)
{
    const struct residuals *n = &m->residuals;
    if (r->n_class)
        log_info("%-11s accuracy %.4f  AUC %.4f  macro F1 %.4f  weighted F1 %.4f  loss %.4f",
                 m->kind, m->metrics.accuracy, m->probabilities.auc, m->metrics.macro_f1,
                 m->metrics.weighted_f1, m->metrics.loss);
    else
        log_info("%-11s R2 %.4f  MAE %.4g  RMSE %.4g  largest error %.4g  Spearman %.4f", m->kind,
                 n->r2, n->mae, n->rmse, n->max_error, n->spearman);
    if (m != &r->model[0])
        log_info("%-11s behind by %.4g in %s, p %.4f; p of the new model being worse %.4f", "",
                 m->versus.difference, r->n_class ? "accuracy" : "MAE", m->versus.p_value,
                 m->versus.p_worse);
}

static void tell(const char *name, double value)
{
    if (isfinite(value))
        event_metric(name, value, 0);
}

static void say(const struct model_report *r)
{
    const struct report_model *m = &r->model[0];
    for (size_t i = 0; i < r->n_model; i++)
        say_model(r, &r->model[i]);
    if (r->champion)
        say_model(r, r->champion);
    if (r->n_class) {
        tell("accuracy", m->metrics.accuracy);
        tell("macro_f1", m->metrics.macro_f1);
        tell("weighted_f1", m->metrics.weighted_f1);
        tell("loss", m->metrics.loss);
        tell("auc", m->probabilities.auc);
    } else {
        tell("r2", m->residuals.r2);
        tell("mae", m->residuals.mae);
        tell("rmse", m->residuals.rmse);
        tell("max_error", m->residuals.max_error);
        tell("spearman", m->residuals.spearman);
    }
}

/* A model says something about a row of which it sees nothing, too: figures of such rows mislead.
 */
static void warn_of_nothing_to_see(const struct work *w)
{
    const struct model_data *data = &w->in.data;
    size_t pictures = 0, texts = 0;
    for (size_t i = 0; i < w->rows.n; i++) {
        size_t row = w->rows.row[i];
        pictures += data->pixels && data->pixels->status[row] == PIXELS_OK;
        texts += data->tokens && data->tokens->offset[row] < data->tokens->offset[row + 1];
    }
    if (data->pixels && pictures == 0)
        log_warn("none of the %zu %s rows has a picture", w->rows.n, w->p->rows);
    if (data->tokens && texts == 0)
        log_warn("none of the %zu %s rows has a word", w->rows.n, w->p->rows);
}

static int prepare(struct work *w, struct err *e)
{
    const struct params *p = w->p;
    struct model_files files = { .table = p->table,
                                 .text = p->text,
                                 .pixels = p->pixels,
                                 .features = p->features,
                                 .split = p->split };
    bool test = strcmp(p->rows, "test") == 0;
    int rc;
    if ((p->history && (rc = history_read(&w->history, p->history, e))) ||
        (rc = contest_load(&w->contest, p->model, &p->others, p->champion, e)) ||
        (rc = model_inputs_read(&w->in, &files, e)) ||
        (rc = model_target(w->contest.entry[0].model, &w->in.table, p->table, &w->target, e)))
        return rc;
    chosen_take(&w->rows, w->contest.entry[0].model, &w->in.sides,
                test ? SIDE_TEST : SIDE_VALIDATION, w->target);
    if (w->rows.unknown)
        log_warn("%lld %s rows have no label, or one that the model does not know: left out",
                 (long long)w->rows.unknown, p->rows);
    if (w->rows.n)
        warn_of_nothing_to_see(w);
    return w->rows.n ? 0
                     : err_set(e, ERR_DATA, "'%s' has no %s rows with a label that the model knows",
                               p->split, p->rows);
}

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    return p->champion && !p->comparison
               ? err_set(e, ERR_USAGE,
                         "--champion: its figures go to --comparison, which is missing")
               : 0;
}

static int run(const void *params, struct err *e)
{
    struct work w = { .p = params };
    struct model_report *r = &w.report;
    int rc;
    if ((rc = check(params, e)) || (rc = prepare(&w, e)))
        goto out;
    r->side = w.p->rows;
    r->history = w.p->history ? &w.history : NULL;
    gather_model(r, &w);
    gather_facts(r, &w);
    gather_training(r, &w);
    if ((rc = judge_models(&w, e)) || (rc = judge_late_fusion(&w, e)) ||
        (rc = judge_columns(&w, e)))
        goto out;
    r->truth = w.rows.truth;
    r->estimate = w.contest.entry[0].out;
    if ((rc = write_outputs(r, w.p, e)) == 0)
        say(r);
out:
    work_release(&w);
    return rc;
}

static const struct stage stage = {
    .name = "evaluate",
    .purpose = "figures of a model and a page about them, on rows kept apart",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
};

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, stage.name);
    return stage_main(&stage, argc, argv);
}
