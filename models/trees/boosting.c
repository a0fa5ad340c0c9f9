#include "models/trees/boosting.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "models/family.h"
#include "models/trees/boost_loss.h"
#include "models/trees/learn.h"
#include "models/trees/trees.h"

/* ---- rounds ---- */

struct boosting {
    const struct grow_data *data;
    const double *weight;
    const struct boost_validation *validation;
    size_t n_output;
    double *sum, *validation_sum; /* (n, n_output) */
    float *gradient, *hessian;    /* (n_output, n) */
    struct forest forest;
};
enum { CHUNK = 4096 };

static void derive_chunk(void *ctx, int worker, size_t chunk)
{
    const struct boosting *b = ctx;
    size_t n = b->data->n, end = n < (chunk + 1) * CHUNK ? n : (chunk + 1) * CHUNK;
    (void)worker;
    for (size_t i = chunk * CHUNK; i < end; i++)
        boost_derivatives(b->data, b->weight, b->sum, i, b->gradient, b->hessian);
}

static void fill(double *sum, const double *base, size_t n, size_t K)
{
    for (size_t i = 0; i < n * K; i++)
        sum[i] = base[i % K];
}

static void begin(struct boosting *b)
{
    size_t n = b->data->n, K = b->n_output, n_validation = b->validation->n;
    b->forest = (struct forest){ .d = b->data->d, .n_output = K };
    b->forest.base = mem_calloc(K, sizeof *b->forest.base);
    boost_base(b->data, b->weight, b->forest.base);
    b->sum = mem_calloc(n, K * sizeof *b->sum);
    b->validation_sum = mem_calloc(n_validation, K * sizeof *b->sum);
    b->gradient = mem_calloc(n, K * sizeof *b->gradient);
    b->hessian = mem_calloc(n, K * sizeof *b->hessian);
    fill(b->sum, b->forest.base, n, K);
    fill(b->validation_sum, b->forest.base, n_validation, K);
}

static double validation_loss(const struct boosting *b)
{
    const struct boost_validation *v = b->validation;
    return boost_loss(b->validation_sum, v->n, b->data->n_class, v->y, v->class, NULL);
}

/* One tree for each sum; how many cuts they have. */
static size_t one_round(struct boosting *b, struct boost_grower *g, double *gain, int threads)
{
    struct forest *f = &b->forest;
    size_t n = b->data->n, K = b->n_output, cuts = 0;
    parallel_for(n < 4 * CHUNK ? 1 : threads, (n + CHUNK - 1) / CHUNK, derive_chunk, b);
    for (size_t k = 0; k < K; k++) {
        f->tree = mem_grow(f->tree, f->n_tree, sizeof *f->tree);
        struct tree *t = &f->tree[f->n_tree++];
        cuts += boost_grower_run(g, b->gradient + k * n, b->hessian + k * n, b->sum + k, K, t,
                                 gain);
        tree_add(t, b->validation->x, b->validation->n, b->data->ld, 0, b->validation_sum + k, K);
    }
    return cuts;
}

static void keep(struct boosting *b, size_t rounds)
{
    struct forest *f = &b->forest;
    while (f->n_tree > rounds * b->n_output)
        tree_release(&f->tree[--f->n_tree]);
}

static double loss_now(const struct boosting *b)
{
    const struct grow_data *d = b->data;
    return boost_loss(b->sum, d->n, d->n_class, d->y, d->class, b->weight);
}

static void share(double *gain, size_t d)
{
    double total = 0;
    for (size_t j = 0; j < d; j++)
        total += gain[j];
    for (size_t j = 0; j < d && total > 0; j++)
        gain[j] /= total;
}

void boost_fit(struct forest *out, struct boost_report *report, const struct grow_data *data,
               const double *weight, const struct boost_validation *validation,
               const struct boosting_options *options, int threads)
{
    struct boosting b = { .data = data,
                          .weight = weight,
                          .validation = validation,
                          .n_output = boost_outputs(data->n_class) };
    struct bins bins;
    double *gain = mem_calloc(data->d, sizeof *gain), best = (double)INFINITY;
    bins_fit(&bins, data, threads);
    struct boost_grower *g = boost_grower_new(&bins, &options->tree, threads);
    begin(&b);
    *report = (struct boost_report){ .validation_loss = (double)NAN };
    while (report->rounds < options->rounds) {
        size_t cuts = one_round(&b, g, gain, threads);
        double now = validation->n ? validation_loss(&b) : (double)NAN;
        report->rounds++;
        if (!(now >= best)) { /* without validation rows every round */
            best = now;
            report->kept = report->rounds;
            report->loss = loss_now(&b);
            report->validation_loss = now;
        }
        if (cuts == 0 || (options->patience && report->rounds - report->kept >= options->patience))
            break;
        event_progress((int64_t)report->rounds, (int64_t)options->rounds, "rounds");
    }
    keep(&b, report->kept);
    share(gain, data->d);
    report->importance = gain;
    *out = b.forest;
    boost_grower_free(g);
    bins_release(&bins);
    free(b.sum);
    free(b.validation_sum);
    free(b.gradient);
    free(b.hessian);
}

/* ---- the family ---- */

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static char *summary(const struct boosting_options *o, const struct learn *l,
                     const struct boost_report *r)
{
    const struct boost_tree_options *t = &o->tree;
    json_t *root = json_pack("{s:s, s:{s:I, s:I}, s:I, s:{s:I, s:f, s:o}}", "family", "boosting",
                             "rows", "train", (json_int_t)l->rows.n_train, "validation",
                             (json_int_t)l->rows.n_validation, "rounds", (json_int_t)r->rounds,
                             "kept", "round", (json_int_t)r->kept, "loss", r->loss, "val_loss",
                             real_or_null(r->validation_loss));
    json_object_set_new(
        root, "options",
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:s?}", "trees", (json_int_t)o->rounds,
                  "patience", (json_int_t)o->patience, "max_leaves", (json_int_t)t->max_leaves,
                  "max_depth", (json_int_t)t->max_depth, "min_leaf", (json_int_t)t->min_leaf, "l2",
                  t->l2, "learning_rate", t->learning_rate, "weight", o->weight));
    return learn_json_text(root);
}

static int boost(struct model *m, const struct fit *fit, const struct learn *l, struct err *e)
{
    const struct boosting_options *o = fit->boosting;
    struct boost_validation validation = { .x = l->validation_x,
                                           .n = l->rows.n_validation,
                                           .y = l->validation_y,
                                           .class = l->validation_class };
    struct boost_report report;
    struct trees *w = mem_calloc(1, sizeof *w);
    m->state = w;
    log_info("boosting model: at most %zu rounds, %zu training rows, %zu validation rows, %zu "
             "columns",
             o->rounds, l->data.n, validation.n, l->data.d);
    boost_fit(&w->forest, &report, &l->data, l->weight, &validation, o, fit->threads);
    w->importance = report.importance;
    w->threads = fit->threads;
    if (!isfinite(report.loss))
        return err_set(e, ERR_DATA, "the loss is %g: values of the label are too large",
                       report.loss);
    m->training = summary(o, l, &report);
    if (validation.n)
        log_info("round %zu of %zu is kept: loss %.5g, validation loss %.5g", report.kept,
                 report.rounds, report.loss, report.validation_loss);
    else
        log_info("%zu rounds: loss %.5g", report.rounds, report.loss);
    event_metric("loss", report.loss, 0);
    return 0;
}

static int fit_boosting(struct model *m, const struct fit *fit, struct err *e)
{
    const struct boosting_options *o = fit->boosting;
    struct learn l = { 0 };
    int rc;
    if ((rc = prep_fit_features(&m->prep, fit->data, true, e)) ||
        (rc = learn_begin(&l, fit->data, e)))
        return rc;
    learn_validation(&l, fit->data);
    if ((rc = learn_weigh(&l, fit->data, o->weight, o->class_weight, o->class_weights, e)) == 0)
        rc = boost(m, fit, &l, e);
    m->classes = l.rows.classes;
    l.rows.classes = (struct classes){ 0 }; /* the model has them */
    learn_release(&l);
    return rc;
}

static int predict(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                   float *out, struct err *e)
{
    int rc = trees_predict(m, data, row, n, out, e);
    if (rc == 0)
        boost_probabilities(out, n, m->classes.n);
    return rc;
}

const struct model_family model_boosting = {
    .name = "boosting",
    .regression = true,
    .gaps = true,
    .fit = fit_boosting,
    .predict = predict,
    .save = trees_save,
    .load = trees_load,
    .describe = trees_describe,
    .importance = trees_importance,
    .free = trees_free,
};
