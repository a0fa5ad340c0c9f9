#include "models/logistic/logistic.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "models/family.h"
#include "models/logistic/logistic_loss.h"
#include "models/rows.h"
#include "num/lbfgs.h"
#include "num/rank.h"

/* ---- fit ------------------------------------------------------------------------------------ */

/* Weight of the rows of each class: (n_class), owned by the caller. */
static int weigh(const struct rows *rows, const struct logistic_options *o, double **out,
                 struct err *e)
{
    size_t n = rows->classes.n, *count = mem_calloc(n, sizeof *count);
    float *weight = mem_calloc(n, sizeof *weight);
    classes_count(&rows->classes, rows->class_of_row, rows->train, rows->n_train, count);
    classes_weigh(o->class_weight, count, n, weight);
    int rc = o->class_weights ? classes_weigh_given(&rows->classes, o->class_weights, weight, e)
                              : 0;
    *out = mem_calloc(n, sizeof **out);
    for (size_t k = 0; k < n; k++)
        (*out)[k] = (double)weight[k];
    free(weight);
    free(count);
    return rc;
}

/* About `want` of the rows, each n-th; NULL if all rows are hardly more. */
static size_t *sample(const struct logistic_rows *all, size_t want, size_t *out_n)
{
    size_t step = all->n / want;
    if (step < 4)
        return NULL;
    *out_n = all->n / step;
    size_t *row = mem_calloc(*out_n, sizeof *row);
    for (size_t i = 0; i < *out_n; i++)
        row[i] = all->row[i * step];
    return row;
}

/* The curvature for `loss` at some parameters (NULL: its bound), by a sample of its rows. */
static void learn_curvature(struct logistic_loss *loss, const double *parameters, size_t want)
{
    struct logistic_rows some = loss->rows;
    struct logistic_loss part = { 0 };
    size_t *row = sample(&loss->rows, want, &some.n);
    some.row = row;
    if (row)
        logistic_loss_init(&part, &some, (double)INFINITY, loss->threads);
    logistic_loss_learn_curvature(loss, part.total > 0 ? &part : loss, parameters);
    logistic_loss_release(&part);
    free(row);
}

/* Parameters and curvature to begin with: the solution for a sample of the rows, which stay in the
 * cache, and the Hessian there of a larger one, so that few passes over all rows are left. */
static void begin(struct logistic *w, struct logistic_loss *loss)
{
    static const struct lbfgs_options rough = { .max_iterations = 30, .tolerance = 1e-3 };
    enum { LEAST = 4096, FOR_EACH = 20, LARGER = 3 };
    size_t want = FOR_EACH * w->d > LEAST ? FOR_EACH * w->d : LEAST;
    struct logistic_rows some = loss->rows;
    struct logistic_loss part;
    struct lbfgs_result result;
    size_t *row = sample(&loss->rows, want, &some.n);
    if (!row) {
        logistic_loss_learn_curvature(loss, loss, NULL);
        return;
    }
    some.row = row;
    logistic_loss_init(&part, &some, (double)INFINITY, loss->threads);
    part.l2 = loss->l2;
    if (part.total > 0) { /* not all of a class without weight */
        logistic_loss_learn_curvature(&part, &part, NULL);
        lbfgs(w->parameters, w->n_function * (w->d + 1), logistic_loss_value,
              logistic_loss_precondition, &part, &rough, &result);
    }
    learn_curvature(loss, part.total > 0 ? w->parameters : NULL, LARGER * want);
    logistic_loss_release(&part);
    free(row);
}

static void minimise(struct logistic *w, struct logistic_loss *loss,
                     const struct logistic_options *o, struct lbfgs_result *out)
{
    size_t n = w->n_function * (w->d + 1);
    struct lbfgs_options options = { .max_iterations = o->max_iterations,
                                     .tolerance = o->tolerance };
    if (o->penalty != LOGISTIC_L1) {
        begin(w, loss);
        lbfgs(w->parameters, n, logistic_loss_value, logistic_loss_precondition, loss, &options,
              out);
        return;
    }
    double *l1 = mem_calloc(n, sizeof *l1), *diagonal = mem_calloc(n, sizeof *diagonal);
    for (size_t j = 0; j < n; j++)
        l1[j] = j % (w->d + 1) < w->d ? 1 / (o->c * loss->total) : 0;
    logistic_loss_learn_curvature(loss, loss, NULL);
    logistic_loss_diagonal(loss, diagonal);
    lbfgs_l1(w->parameters, n, logistic_loss_value, loss, l1, diagonal, &options, out);
    free(diagonal);
    free(l1);
}

static void say(const struct lbfgs_result *r, const struct logistic_options *o)
{
    const char *what = r->ending == LBFGS_CONVERGED ? "converged" : "NOT converged";
    (r->ending == LBFGS_CONVERGED ? log_info : log_warn)(
        "%s after %zu iterations (%zu evaluations): objective %.10g a row, largest item of the "
        "gradient %.3g, tolerance %g%s",
        what, r->iterations, r->evaluations, r->value, r->gradient, o->tolerance,
        r->ending == LBFGS_ITERATIONS  ? "; more max_iterations or scaled columns help"
        : r->ending == LBFGS_PRECISION ? "; double precision has no smaller value"
                                       : "");
    event_metric("objective", r->value, 0);
    event_metric("iterations", (double)r->iterations, 0);
}

/* How the model came to be: a pure function of inputs and options. */
static char *summary(const struct logistic_options *o, const struct rows *rows,
                     const double *weight, const struct lbfgs_result *r)
{
    static const char *const penalty[] = { "l2", "l1", "none" };
    json_t *root = json_pack("{s:s, s:{s:I, s:I}}", "family", "logistic", "rows", "train",
                             (json_int_t)rows->n_train, "validation",
                             (json_int_t)rows->n_validation);
    json_t *weights = json_object();
    for (size_t k = 0; k < rows->classes.n; k++)
        json_object_set_new(weights, rows->classes.label[k], json_real(weight[k]));
    json_object_set_new(
        root, "convergence",
        json_pack("{s:s, s:I, s:I, s:f, s:f}", "ending", lbfgs_ending_name(r->ending), "iterations",
                  (json_int_t)r->iterations, "evaluations", (json_int_t)r->evaluations, "objective",
                  r->value, "gradient", r->gradient));
    json_object_set_new(root, "options",
                        json_pack("{s:f, s:s, s:I, s:f, s:o}", "c", o->c, "penalty",
                                  penalty[o->penalty], "max_iterations",
                                  (json_int_t)o->max_iterations, "tolerance", o->tolerance,
                                  "weights", weights));
    char *dumped = json_dumps(root, JSON_REAL_PRECISION(17)), *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}

static int learn(struct model *m, const struct fit *fit, const struct rows *rows,
                 const double *weight, struct err *e)
{
    const struct logistic_options *o = fit->logistic;
    const struct logistic_rows from = { .x = fit->data->features->x,
                                        .row = rows->train,
                                        .n = rows->n_train,
                                        .d = m->prep.n_feature,
                                        .class = rows->class_of_row,
                                        .weight = weight,
                                        .n_class = m->classes.n };
    struct logistic *w = mem_calloc(1, sizeof *w);
    struct logistic_loss loss;
    struct lbfgs_result result;
    m->state = w;
    *w = (struct logistic){ .n_function = logistic_functions(m->classes.n),
                            .d = from.d,
                            .threads = fit->threads };
    w->parameters = mem_calloc(w->n_function, (w->d + 1) * sizeof *w->parameters);
    log_info("logistic model: %zu classes, %zu training rows, %zu columns", m->classes.n,
             rows->n_train, w->d);
    logistic_loss_init(&loss, &from, o->penalty == LOGISTIC_L2 ? o->c : (double)INFINITY,
                       fit->threads);
    minimise(w, &loss, o, &result);
    logistic_loss_release(&loss);
    if (!isfinite(result.value))
        return err_set(e, ERR_DATA,
                       "the loss is not finite: values of a column are too large; scale them");
    say(&result, o);
    m->training = summary(o, rows, weight, &result);
    return 0;
}

static int logistic_fit(struct model *m, const struct fit *fit, struct err *e)
{
    struct rows rows = { 0 };
    double *weight = NULL;
    int rc;
    if ((rc = prep_fit_features(&m->prep, fit->data, false, e)) ||
        (rc = rows_pick(&rows, fit->data, e)))
        return rc;
    rc = weigh(&rows, fit->logistic, &weight, e);
    m->classes = rows.classes;
    if (rc == 0)
        rc = learn(m, fit, &rows, weight, e);
    rows.classes = (struct classes){ 0 }; /* the model has them */
    free(weight);
    rows_release(&rows);
    return rc;
}

/* ---- predict and describe ------------------------------------------------------------------- */

static int logistic_predict(struct model *m, const struct model_data *data, const size_t *row,
                            size_t n, float *out, struct err *e)
{
    const struct logistic *w = m->state;
    (void)e;
    logistic_probabilities(w->parameters, data->features->x, row, n, w->d, m->classes.n, w->threads,
                           out);
    return 0;
}

static void describe_column(const struct logistic *w, const char *name, size_t column,
                            struct str *out)
{
    enum { MOST = 8 };
    str_addf(out, "  %-36s", name);
    for (size_t k = 0; k < w->n_function && k < MOST; k++)
        str_addf(out, " %+11.6g", w->parameters[k * (w->d + 1) + column]);
    str_addz(out, w->n_function > MOST ? " ...\n" : "\n");
}

/* The largest coefficients with the names of their columns. */
static void logistic_describe(const struct model *m, struct str *out)
{
    enum { MOST = 40 };
    const struct logistic *w = m->state;
    double *size = mem_calloc(w->d, sizeof *size);
    for (size_t j = 0; j < w->d; j++)
        for (size_t k = 0; k < w->n_function; k++)
            size[j] = fmax(size[j], fabs(w->parameters[k * (w->d + 1) + j]));
    size_t *order = rank_order(size, w->d);
    str_addz(out, "  coefficients of");
    for (size_t k = 0; k < w->n_function && k < 8; k++)
        str_addf(out, " '%s'", m->classes.label[w->n_function == 1 ? 1 : k]);
    str_addz(out, w->n_function > 8 ? " ...\n" : "\n");
    describe_column(w, "intercept", w->d, out);
    for (size_t i = 0; i < w->d && i < MOST; i++)
        describe_column(w, m->prep.feature[order[i]], order[i], out);
    str_addf(out, "  %zu weights", w->n_function * (w->d + 1));
    free(order);
    free(size);
}

/* ---- file ----------------------------------------------------------------------------------- */

static int logistic_save(const struct model *m, struct h5 *h, struct err *e)
{
    const struct logistic *w = m->state;
    const size_t shape[2] = { w->n_function, w->d };
    double *coefficient = mem_calloc(w->n_function, w->d * sizeof *coefficient);
    double *intercept = mem_calloc(w->n_function, sizeof *intercept);
    for (size_t k = 0; k < w->n_function; k++) {
        memcpy(coefficient + k * w->d, w->parameters + k * (w->d + 1), w->d * sizeof *coefficient);
        intercept[k] = w->parameters[k * (w->d + 1) + w->d];
    }
    int rc = h5_write(h, "logistic/coefficients", H5_F64, 2, shape, coefficient, e);
    if (rc == 0)
        rc = h5_write(h, "logistic/intercepts", H5_F64, 1, shape, intercept, e);
    free(intercept);
    free(coefficient);
    return rc;
}

static int take(struct logistic *w, const double *coefficient, const double *intercept,
                struct err *e)
{
    w->parameters = mem_calloc(w->n_function, (w->d + 1) * sizeof *w->parameters);
    for (size_t k = 0; k < w->n_function; k++) {
        double *to = w->parameters + k * (w->d + 1);
        memcpy(to, coefficient + k * w->d, w->d * sizeof *to);
        to[w->d] = intercept[k];
        for (size_t j = 0; j <= w->d; j++)
            if (!isfinite(to[j]))
                return err_set(e, ERR_DATA, "logistic: a coefficient is %g", to[j]);
    }
    return 0;
}

static int logistic_load(struct model *m, struct h5 *h, int threads, struct err *e)
{
    struct logistic *w = mem_calloc(1, sizeof *w);
    void *coefficient = NULL, *intercept = NULL;
    size_t shape[2];
    m->state = w;
    *w = (struct logistic){ .n_function = logistic_functions(m->classes.n),
                            .d = m->prep.n_feature,
                            .threads = threads };
    int rc = h5_shape(h, "logistic/coefficients", H5_F64, 2, shape, e);
    if (rc == 0 && (shape[0] != w->n_function || shape[1] != w->d || w->d == 0))
        rc = err_set(e, ERR_DATA,
                     "'logistic/coefficients' is (%zu, %zu): %zu classes and %zu columns want "
                     "(%zu, %zu)",
                     shape[0], shape[1], m->classes.n, w->d, w->n_function, w->d);
    if (rc == 0 &&
        (rc = h5_read(h, "logistic/coefficients", H5_F64, 2, shape, &coefficient, SIZE_MAX, e)) ==
            0 &&
        (rc = h5_read_n(h, "logistic/intercepts", H5_F64, w->n_function, &intercept, e)) == 0)
        rc = take(w, coefficient, intercept, e);
    free(intercept);
    free(coefficient);
    return rc;
}

static void logistic_free(void *state)
{
    struct logistic *w = state;
    free(w->parameters);
    free(w);
}

const struct model_family model_logistic = {
    .name = "logistic",
    .fit = logistic_fit,
    .predict = logistic_predict,
    .save = logistic_save,
    .load = logistic_load,
    .describe = logistic_describe,
    .free = logistic_free,
};
