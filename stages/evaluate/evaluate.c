/* evaluate: hold models against rows that they have not learned from.
 *
 *   in   model; others (further models of the same classes or number, shown beside it); champion
 *        (the model that is served now); history of the training; table, text, pixels, features,
 *        split as the training had them
 *   out  metrics (JSON), report (one HTML page)
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
#include "stages/evaluate/contest.h"
#include "stages/evaluate/model_report.h"

struct params {
    const char *model, *champion, *history, *table, *text, *pixels, *features, *split, *metrics,
        *report, *rows;
    struct opt_list others;
    int64_t shuffles, seed;
};

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
    { OPT_CHOICE(struct params, rows), .text = "test", .choices = "validation|test",
      .help = "side of the split that is evaluated" },
    { OPT_INT(struct params, shuffles), .def = 5, .min = 0, .max = 1000,
      .help = "of each column, to see what a model of feature columns needs; 0: none" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9007199254740992.0,
      .help = "of shuffles and of the test of pairs" },
    { 0 },
};

/** What run() works on; everything owned. */
struct work {
    const struct params *p;
    struct model_inputs in;
    struct contest contest;
    struct history history;
    struct chosen rows;
    const struct column *target;
    float *mixed; /* predictions of the late fusion */
    struct permutation permutation;
    struct str description;
    struct model_report report;
};

static void work_release(struct work *w)
{
    struct model_report *r = &w->report;
    for (size_t i = 0; r->model && i < r->n_model; i++) {
        metrics_release(&r->model[i].metrics);
        probabilities_release(&r->model[i].probabilities);
    }
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

/* ---- figures ---- */

static bool is_right(const float *p, size_t n_class, int32_t label)
{
    size_t best = 0;
    for (size_t k = 1; k < n_class; k++)
        best = p[k] > p[best] ? k : best;
    return best == (size_t)label;
}

/* The first model against another one, row by row: right answers, or smaller errors. */
static void compare(struct paired *out, const struct work *w, const float *other)
{
    const struct chosen *rows = &w->rows;
    const float *own = w->contest.entry[0].out;
    size_t C = w->report.n_class;
    double *d = mem_calloc(rows->n, sizeof *d);
    for (size_t i = 0; i < rows->n; i++)
        d[i] = C ? (double)is_right(own + i * C, C, rows->label[i]) -
                       is_right(other + i * C, C, rows->label[i])
                 : fabs((double)other[i] - rows->truth[i]) - fabs((double)own[i] - rows->truth[i]);
    paired_test(out, d, rows->n, (uint64_t)w->p->seed, opt_threads());
    free(d);
}

/* Figures of what a model says about the rows, as the report's next one. */
static int add_model(struct work *w, const char *key, const float *said, struct err *e)
{
    struct model_report *r = &w->report;
    struct report_model *to = &r->model[r->n_model];
    const struct chosen *rows = &w->rows;
    size_t C = r->n_class;
    int rc;
    to->kind = key;
    r->n_model++;
    if (C == 0)
        rc = residuals_compute(&to->residuals, rows->truth, said, rows->n, e);
    else if ((rc = metrics_compute(&to->metrics, rows->label, said, rows->n, C, e)) == 0)
        rc = probabilities_fit(&to->probabilities, rows->label, said, rows->n, C, e);
    if (rc == 0 && r->n_model > 1)
        compare(&to->versus, w, said);
    return rc;
}

static int score(struct work *w, struct err *e)
{
    struct contest *c = &w->contest;
    for (size_t i = 0; i < c->n; i++) {
        struct entry *who = &c->entry[i];
        int rc = contest_predict(&who->out, c, who, &w->in, &w->rows, e);
        if (rc)
            return rc;
        if (add_model(w, who->key, who->out, e))
            return err_wrap(e, "'%s'", who->path);
        event_progress((int64_t)i + 1, (int64_t)c->n, "models");
    }
    return 0;
}

/** Late fusion of text and image as one more model of the report; nothing where there are not both.
 */
static int add_late_fusion(struct work *w, struct err *e)
{
    struct contest *c = &w->contest;
    struct entry *text = contest_find(c, "text"), *image = contest_find(c, "image");
    struct model_report *r = &w->report;
    struct chosen validation = { 0 };
    struct blend blend;
    float *a = NULL, *b = NULL;
    int rc = 0;

    if (!text || !image || contest_find(c, "late_fusion")) /* blend has made it */
        return 0;
    chosen_take(&validation, c->entry[0].model, &w->in.sides, SIDE_VALIDATION, w->target);
    if (validation.n == 0) {
        log_warn("no validation rows to choose the weight of the late fusion on: it is left out");
        goto out;
    }
    if ((rc = contest_predict(&a, c, text, &w->in, &validation, e)) ||
        (rc = contest_predict(&b, c, image, &w->in, &validation, e)) ||
        (rc = metrics_blend(&blend, validation.label, a, b, validation.n, r->n_class, e)))
        goto out;
    w->mixed = mem_calloc(w->rows.n * r->n_class, sizeof *w->mixed);
    metrics_mix(text->out, image->out, blend.weight, w->rows.n * r->n_class, w->mixed);
    r->blend[0] = "text";
    r->blend[1] = "image";
    r->blend_weight = blend.weight;
    rc = add_model(w, "late_fusion", w->mixed, e);
out:
    free(a);
    free(b);
    chosen_release(&validation);
    return rc;
}

/* What a model of feature columns needs: of many rows so many, evenly taken. */
static int shuffle(struct work *w, struct err *e)
{
    enum { MOST_ROWS = 2000 };
    struct entry *first = &w->contest.entry[0];
    const struct chosen *all = &w->rows;
    size_t n = all->n < MOST_ROWS ? all->n : MOST_ROWS;
    if (!w->p->shuffles || !model_reads_features_alone(first->model))
        return 0;
    size_t *row = mem_calloc(n, sizeof *row);
    double *truth = mem_calloc(n, sizeof *truth);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * all->n / n;
        row[i] = all->row[at];
        truth[i] = all->truth[at];
    }
    const struct featmat *f = first->features.x ? &first->features : &w->in.features;
    int rc = permutation_of_rows(&w->permutation, first->model, f,
                                 &(struct judged){ n, row, truth }, (size_t)w->p->shuffles,
                                 (uint64_t)w->p->seed, e);
    w->report.permutation = rc ? NULL : &w->permutation;
    free(truth);
    free(row);
    return rc;
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

/** Both files or none: each is complete under its temporary name before the first gets its own. */
static int publish(const struct params *p, const struct str *metrics, const struct str *page,
                   struct err *e)
{
    struct outfile a = { 0 }, b = { 0 };
    int rc;

    if ((rc = outfile_open(&a, p->metrics, e)) || (rc = outfile_open(&b, p->report, e)))
        goto out;
    if (fwrite(metrics->text, 1, metrics->n, a.fp) != metrics->n || fflush(a.fp) != 0)
        rc = err_sys(e, "cannot write '%s'", p->metrics);
    else if (fwrite(page->text, 1, page->n, b.fp) != page->n || fflush(b.fp) != 0)
        rc = err_sys(e, "cannot write '%s'", p->report);
    else if ((rc = outfile_commit(&a, e)) == 0)
        rc = outfile_commit(&b, e);
out:
    outfile_abort(&a);
    outfile_abort(&b);
    return rc;
}

static int write_outputs(const struct model_report *r, const struct params *p, struct err *e)
{
    struct str page = { 0 }, text = { 0 };
    json_t *root = model_report_json(r);
    char *json = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    int rc;

    json_decref(root);
    if (!json)
        return err_set(e, ERR_INTERNAL, "the figures cannot be written as JSON");
    str_addf(&text, "%s\n", json);
    free(json);
    model_report_html(r, &page);
    rc = publish(p, &text, &page, e);
    str_release(&text);
    str_release(&page);
    return rc;
}

static void say_classes(const struct model_report *r)
{
    for (size_t i = 0; i < r->n_model; i++) {
        const struct metrics *m = &r->model[i].metrics;
        log_info("%-11s accuracy %.4f  AUC %.4f  macro F1 %.4f  weighted F1 %.4f  loss %.4f",
                 r->model[i].kind, m->accuracy, r->model[i].probabilities.auc, m->macro_f1,
                 m->weighted_f1, m->loss);
    }
    event_metric("accuracy", r->model[0].metrics.accuracy, 0);
    event_metric("macro_f1", r->model[0].metrics.macro_f1, 0);
    event_metric("weighted_f1", r->model[0].metrics.weighted_f1, 0);
    event_metric("loss", r->model[0].metrics.loss, 0);
    if (isfinite(r->model[0].probabilities.auc))
        event_metric("auc", r->model[0].probabilities.auc, 0);
}

static void say_number(const struct model_report *r)
{
    for (size_t i = 0; i < r->n_model; i++) {
        const struct residuals *m = &r->model[i].residuals;
        log_info("%-11s R2 %.4f  MAE %.4g  RMSE %.4g  largest error %.4g  Spearman %.4f",
                 r->model[i].kind, m->r2, m->mae, m->rmse, m->max_error, m->spearman);
    }
    const struct residuals *m = &r->model[0].residuals;
    if (isfinite(m->r2))
        event_metric("r2", m->r2, 0);
    event_metric("mae", m->mae, 0);
    event_metric("rmse", m->rmse, 0);
    event_metric("max_error", m->max_error, 0);
    if (isfinite(m->spearman))
        event_metric("spearman", m->spearman, 0);
}

static void say(const struct model_report *r)
{
    if (r->n_class)
        say_classes(r);
    else
        say_number(r);
    for (size_t i = 1; i < r->n_model; i++)
        log_info("%s behind by %.4g in %s, p %.4f", r->model[i].kind, r->model[i].versus.difference,
                 r->n_class ? "accuracy" : "MAE", r->model[i].versus.p_value);
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
    return w->rows.n ? 0
                     : err_set(e, ERR_DATA, "'%s' has no %s rows with a label that the model knows",
                               p->split, p->rows);
}

static int run(const void *params, struct err *e)
{
    struct work w = { .p = params };
    struct model_report *r = &w.report;
    int rc = prepare(&w, e);
    if (rc)
        goto out;
    r->side = w.p->rows;
    r->history = w.p->history ? &w.history : NULL;
    gather_model(r, &w);
    gather_facts(r, &w);
    gather_training(r, &w);
    if ((rc = score(&w, e)) || (rc = add_late_fusion(&w, e)) || (rc = shuffle(&w, e)))
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
};

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, stage.name);
    return stage_main(&stage, argc, argv);
}
