/* The families of train that read feature columns alone. */
#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "models/logistic/logistic.h"
#include "models/model.h"
#include "models/permutation.h"
#include "models/tabular.h"
#include "models/trees/boosting.h"
#include "models/trees/trees.h"

static void say_model(const struct model *m)
{
    struct str text = { 0 };
    model_describe(m, &text);
    log_lines(str_text(&text));
    str_release(&text);
}

static enum nn_class_weight class_weight_of(const struct params *p)
{
    return p->class_weight
               ? (enum nn_class_weight)str_choice("none|balanced|one_minus_share", p->class_weight)
               : WEIGHT_NONE;
}

static struct trees_options trees_of(const struct params *p, const struct nn_class_weights *weights)
{
    return (struct trees_options){
        .n_tree = (size_t)p->trees,
        .criterion = (enum trees_criterion)str_choice(TREES_CRITERIA, p->criterion),
        .best = str_choice(TREES_SPLITTERS, p->splitter) == 1,
        .max_features = p->max_features,
        .max_depth = (size_t)p->max_depth,
        .min_leaf = p->min_leaf ? (size_t)p->min_leaf : 1,
        .min_split = (size_t)p->min_split,
        .bootstrap = p->bootstrap,
        .out_of_bag = p->out_of_bag,
        .weight = p->weight,
        .class_weight = class_weight_of(p),
        .class_weights = weights,
    };
}

static struct boosting_options boosting_of(const struct params *p,
                                           const struct nn_class_weights *weights)
{
    return (struct boosting_options){
        .rounds = (size_t)p->trees,
        .patience = (size_t)p->patience,
        .tree = { .max_leaves = (size_t)p->max_leaves,
                  .max_depth = (size_t)p->max_depth,
                  .min_leaf = p->min_leaf ? (size_t)p->min_leaf : 20,
                  .l2 = isnan(p->l2) ? 0 : p->l2,
                  .learning_rate = isnan(p->learning_rate) ? .1 : p->learning_rate },
        .weight = p->weight,
        .class_weight = class_weight_of(p),
        .class_weights = weights,
    };
}

/* A model that reads what it is to predict is right on the rows it learns from and nowhere else. */
static void warn_of_leak(const struct table *t, const struct featmat *f)
{
    struct tabular s = { 0 };
    struct err ignored = { 0 };
    bool leaks = false;
    if (!f || !t->roles.label || tabular_parse(&s, "state", f->state, &ignored))
        return;
    for (size_t i = 0; i < s.n_col; i++)
        leaks |= strcmp(s.col[i].name, t->roles.label) == 0;
    if (leaks)
        log_warn("the feature columns hold '%s', what is to be learnt: impute_scale --target '%s' "
                 "leaves it out",
                 t->roles.label, t->roles.label);
    tabular_release(&s);
}

static int write_importance(const struct params *p, struct model *m, const struct model_data *data,
                            struct err *e)
{
    struct permutation found = { 0 };
    int rc = permutation_fit(&found, m, data, (size_t)p->shuffles, (uint64_t)p->seed, e);
    if (rc == 0) {
        log_info("importance: %zu %s rows, %s %.4f before columns are shuffled", found.n_row,
                 found.validation ? "validation" : "training", model_n_class(m) ? "accuracy" : "R2",
                 found.score);
        rc = permutation_write(&found, p->importance, e);
    }
    permutation_release(&found);
    return rc;
}

int train_table(const struct params *p, struct err *e)
{
    const struct model_files files = { .table = p->table,
                                       .features = p->features,
                                       .split = p->split };
    struct nn_class_weights weights = { 0 };
    struct model_inputs in = { 0 };
    struct model *model = NULL;
    int rc;

    if ((rc = given_class_weights(&weights, &p->class_weights, e)) ||
        (rc = model_inputs_read(&in, &files, e)) || (rc = table_retarget(&in.table, p->target, e)))
        goto out;
    warn_of_leak(&in.table, in.data.features);
    struct logistic_options logistic = {
        .c = p->c,
        .penalty = (enum logistic_penalty)str_choice(LOGISTIC_PENALTIES, p->penalty),
        .class_weight = class_weight_of(p),
        .class_weights = &weights,
        .max_iterations = (size_t)p->max_iterations,
        .tolerance = p->tolerance,
    };
    struct trees_options trees = trees_of(p, &weights);
    struct boosting_options boosting = boosting_of(p, &weights);
    struct fit fit = { .family = p->family,
                       .logistic = &logistic,
                       .trees = &trees,
                       .boosting = &boosting,
                       .data = &in.data,
                       .seed = (uint64_t)p->seed,
                       .threads = opt_threads() };
    if ((rc = model_fit(&model, &fit, e)) == 0) {
        say_model(model);
        if ((rc = model_save(model, p->model, e)) == 0 && p->importance)
            rc = write_importance(p, model, &in.data, e);
    }
out:
    model_free(model);
    model_inputs_release(&in);
    nn_class_weights_release(&weights);
    return rc;
}
