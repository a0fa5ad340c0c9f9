#include "models/trees/trees.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/family.h"
#include "models/trees/learn.h"
#include "num/rank.h"

int trees_max_features(size_t *out, const char *text, size_t d, bool regression, struct err *e)
{
    double value;
    size_t k = 0;
    if (strcmp(text, "all") == 0 || (strcmp(text, "auto") == 0 && regression))
        k = d;
    else if (strcmp(text, "sqrt") == 0 || strcmp(text, "auto") == 0)
        k = (size_t)sqrt((double)d);
    else if (strcmp(text, "log2") == 0)
        k = (size_t)log2((double)d);
    else if (!str_to_real(text, &value) || !(value > 0) || (value >= 1 && value != floor(value)))
        return err_set(
            e, ERR_USAGE,
            "--max_features '%s': want auto, all, sqrt, log2, a count or a share below 1", text);
    else
        k = value < 1 ? (size_t)(value * (double)d) : value > (double)d ? d : (size_t)value;
    *out = k ? k : 1;
    return 0;
}

/* ---- fit ---- */

static int grow_options(struct grow_options *out, const struct trees_options *o, size_t d,
                        bool regression, struct err *e)
{
    static const enum grow_criterion of[] = { GROW_GINI, GROW_MSE, GROW_GINI, GROW_ENTROPY };
    if (o->criterion != TREES_AUTO && (o->criterion == TREES_MSE) != regression)
        return err_set(e, ERR_USAGE, "--criterion: the label is %s, want %s",
                       regression ? "a number" : "a category",
                       regression ? "mse" : "gini or entropy");
    *out = (struct grow_options){ .criterion = regression ? GROW_MSE : of[o->criterion],
                                  .best = o->best,
                                  .max_depth = o->max_depth,
                                  .min_leaf = o->min_leaf,
                                  .min_split = o->min_split };
    return trees_max_features(&out->max_features, o->max_features, d, regression, e);
}

/* Accuracy or R2 of the rows that some tree has not seen; NAN: no such row. */
static double oob_score(const struct learn *l, const float *oob, size_t *out_n)
{
    size_t C = l->rows.classes.n, n = 0, right = 0;
    double mean = 0, error = 0, spread = 0;
    for (size_t i = 0; i < l->data.n; i++) {
        const float *p = oob + i * (C ? C : 1);
        if (isnan(p[0]))
            continue;
        n++;
        size_t best = 0;
        for (size_t k = 1; k < C; k++)
            best = p[k] > p[best] ? k : best;
        right += C && (int32_t)best == l->class[i];
        mean += C ? 0 : l->y[i];
    }
    *out_n = n;
    if (n == 0 || C)
        return n ? (double)right / (double)n : (double)NAN;
    mean /= (double)n;
    for (size_t i = 0; i < l->data.n; i++)
        if (!isnan(oob[i])) {
            error += (l->y[i] - (double)oob[i]) * (l->y[i] - (double)oob[i]);
            spread += (l->y[i] - mean) * (l->y[i] - mean);
        }
    return spread > 0 ? 1 - error / spread : (double)NAN;
}

static void add_oob(json_t *root, const struct learn *l, const struct forest_report *r)
{
    size_t n;
    if (!r->oob)
        return;
    const char *what = l->rows.classes.n ? "accuracy" : "r2";
    double score = oob_score(l, r->oob, &n);
    if (isnan(score)) {
        log_warn("no row is outside of all bags: more trees would tell");
        return;
    }
    log_info("out of bag: %s %.4f on %zu rows", what, score, n);
    event_metric(l->rows.classes.n ? "oob_accuracy" : "oob_r2", score, 0);
    json_object_set_new(root, "out_of_bag",
                        json_pack("{s:I, s:f}", "rows", (json_int_t)n, what, score));
}

static char *summary(const struct trees_options *o, const struct grow_options *g,
                     const struct learn *l, const struct forest_report *r, uint64_t seed)
{
    static const char *const criterion[] = { "mse", "gini", "entropy" };
    json_t *root = json_pack("{s:s, s:{s:I, s:I}, s:I}", "family", "extra_trees", "rows", "train",
                             (json_int_t)l->rows.n_train, "validation",
                             (json_int_t)l->rows.n_validation, "seed", (json_int_t)seed);
    add_oob(root, l, r);
    json_object_set_new(
        root, "options",
        json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:s?}", "trees", (json_int_t)o->n_tree,
                  "criterion", criterion[g->criterion], "splitter", o->best ? "best" : "random",
                  "max_features", (json_int_t)g->max_features, "max_depth",
                  (json_int_t)g->max_depth, "min_leaf", (json_int_t)g->min_leaf, "min_split",
                  (json_int_t)g->min_split, "bootstrap", o->bootstrap, "weight", o->weight));
    return learn_json_text(root);
}

static int grow(struct model *m, const struct fit *fit, const struct learn *l, struct err *e)
{
    const struct trees_options *o = fit->trees;
    struct forest_options options = {
        .n_tree = o->n_tree, .bootstrap = o->bootstrap, .oob = o->out_of_bag, .seed = fit->seed
    };
    struct forest_report report = { 0 };
    int rc = grow_options(&options.grow, o, l->data.d, l->data.n_class == 0, e);
    if (rc)
        return rc;
    if (o->out_of_bag && !o->bootstrap)
        return err_set(e, ERR_USAGE, "--out_of_bag: without --bootstrap every tree sees every row");
    struct trees *w = mem_calloc(1, sizeof *w);
    m->state = w;
    log_info("extra_trees model: %zu trees, %zu training rows, %zu columns, %zu tried at a node",
             o->n_tree, l->data.n, l->data.d, options.grow.max_features);
    forest_fit(&w->forest, &report, &l->data, l->weight, &options, fit->threads);
    w->importance = report.importance;
    report.importance = NULL;
    w->threads = fit->threads;
    m->training = summary(o, &options.grow, l, &report, fit->seed);
    forest_report_release(&report);
    return 0;
}

static int fit_trees(struct model *m, const struct fit *fit, struct err *e)
{
    const struct trees_options *o = fit->trees;
    struct learn l = { 0 };
    int rc;
    if ((rc = prep_fit_features(&m->prep, fit->data, true, e)) ||
        (rc = learn_begin(&l, fit->data, e)))
        return rc;
    if ((rc = learn_weigh(&l, fit->data, o->weight, o->class_weight, o->class_weights, e)) == 0)
        rc = grow(m, fit, &l, e);
    m->classes = l.rows.classes;
    l.rows.classes = (struct classes){ 0 }; /* the model has them */
    learn_release(&l);
    return rc;
}

/* ---- what both families do ---- */

int trees_predict(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                  float *out, struct err *e)
{
    struct trees *w = m->state;
    (void)e;
    if (!w->scratch)
        w->scratch = forest_scratch_new(&w->forest, w->threads);
    forest_run(&w->forest, w->scratch, data->features->x, row, n, out);
    return 0;
}

/* Size, then the columns that lower the criterion most. */
void trees_describe(const struct model *m, struct str *out)
{
    enum { MOST = 40 };
    const struct trees *w = m->state;
    const struct forest *f = &w->forest;
    size_t *order = rank_order(w->importance, f->d);
    size_t nodes = 0, depth = 0;
    for (size_t t = 0; t < f->n_tree; t++) {
        size_t here = tree_depth(&f->tree[t]);
        nodes += f->tree[t].n_node;
        depth = here > depth ? here : depth;
    }
    str_addz(out, "  importance of columns (share of the decrease of the criterion)\n");
    for (size_t i = 0; i < f->d && i < MOST; i++)
        str_addf(out, "  %-36s %11.6f\n", m->prep.feature[order[i]], w->importance[order[i]]);
    str_addf(out, "  %zu trees, %zu nodes, at most %zu levels", f->n_tree, nodes, depth);
    free(order);
}

const double *trees_importance(const struct model *m)
{
    return ((const struct trees *)m->state)->importance;
}

void trees_free(void *state)
{
    struct trees *w = state;
    forest_scratch_free(w->scratch);
    forest_release(&w->forest);
    free(w->importance);
    free(w);
}

const struct model_family model_extra_trees = {
    .name = "extra_trees",
    .regression = true,
    .gaps = true,
    .fit = fit_trees,
    .predict = trees_predict,
    .save = trees_save,
    .load = trees_load,
    .describe = trees_describe,
    .importance = trees_importance,
    .free = trees_free,
};
