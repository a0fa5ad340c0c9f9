/* train: learn a classifier from prepared inputs: a network, as a network file describes it, or a
 * family that reads feature columns alone.
 *
 *   in   network (YAML), table (labels); text, pixels, features: one for each branch of the
 * network; split
 *   out  model (refit.model); of a network history (JSON), history_csv, steps_csv
 */
#include "describe_model.h"
#include "train.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "models/checkpoint.h"
#include "models/history.h"
#include "models/logistic/logistic.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "models/nn/spec.h"
#include "models/trees/trees.h"

/* What options are for; class_weight is for all that weigh rows. */
#define NETWORK              "family=network"
#define TREES                "family=extra_trees"
#define TABULAR              "family=logistic|extra_trees|boosting"
#define ANY_TREES            "family=extra_trees|boosting"
#define BOOSTING             "family=boosting"
#define SHARED_class_weight  ~, "family=network|logistic|extra_trees|boosting"
#define SHARED_learning_rate ~, "family=network|boosting"
#define SHARED_l2            ~, "family=network|boosting"
#define SECOND(a, b, ...)    b
#define ONLY_FOR(...)        SECOND(__VA_ARGS__)

#define INT_OPTION(key, d, least, most, of, text) \
    { OPT_INT(struct params, key),                \
      .file_default = true,                       \
      .only_if = NETWORK,                         \
      .min = (least),                             \
      .max = (most),                              \
      .unit = (of),                               \
      .help = (text) },
#define REAL_OPTION(key, d, least, most, of, text)  \
    { OPT_REAL(struct params, key),                 \
      .file_default = true,                         \
      .only_if = ONLY_FOR(SHARED_##key, NETWORK, ), \
      .min = (least),                               \
      .max = (most),                                \
      .unit = (of),                                 \
      .help = (text) },
#define CHOICE_OPTION(key, d, all, text)                                  \
    { OPT_CHOICE(struct params, key), .optional = true, .choices = (all), \
      .only_if = ONLY_FOR(SHARED_##key, NETWORK, ),                       \
      .help = (text " (default: what the network file says)") },

enum { CHECKPOINT_SECONDS = 45 };

static const struct opt options[] = {
    { OPT_CHOICE(struct params, family), .text = "network",
      .choices = "network|logistic|extra_trees|boosting", .help = "what is trained" },
    { OPT_IN(struct params, network), .side = true, .only_if = NETWORK,
      .help = "network file: branches, layers, defaults of training" },
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "the table with the label column" },
    { OPT_IN(struct params, text), .optional = true, .only_if = NETWORK,
      .format = "hdf5:refit.tokens", .help = "words, for a text branch" },
    { OPT_IN(struct params, pixels), .optional = true, .only_if = NETWORK,
      .format = "hdf5:refit.images", .help = "pictures, for a pixels branch" },
    { OPT_IN(struct params, features), .optional = true, .format = "hdf5:refit.features",
      .help = "scaled columns, for a features branch and for families that read nothing else" },
    { OPT_IN(struct params, split), .optional = true, .format = "hdf5:refit.split",
      .help = "sides of the rows; without it every labelled row is for training" },
    { OPT_INS(struct params, warm_start), .optional = true, .only_if = NETWORK,
      .format = "hdf5:refit.model",
      .help = "models whose weights training begins with, where they fit" },
    { OPT_OUT(struct params, model), .format = "hdf5:refit.model",
      .help = "everything that prediction needs" },
    { OPT_OUT(struct params, last_model), .optional = true, .only_if = NETWORK,
      .format = "hdf5:refit.model",
      .help = "the same with the weights of the last epoch instead of those that keep chooses" },
    { OPT_OUT(struct params, history), .format = "json", .only_if = NETWORK,
      .help = "loss and accuracy of every epoch" },
    { OPT_OUT(struct params, history_csv), .optional = true, .only_if = NETWORK,
      .help = "the same, a line an epoch" },
    { OPT_OUT(struct params, steps_csv), .optional = true, .only_if = NETWORK,
      .help = "loss, accuracy, learning rate and gradient norm of every step" },
    { OPT_TEXT(struct params, checkpoint), .optional = true, .writes = true, .only_if = NETWORK,
      .help = "file written while training goes on and when SIGTERM ends it; if it is there, "
              "training goes on from it; removed at the end" },
    { OPT_REAL(struct params, checkpoint_seconds), .only_if = NETWORK, .def = CHECKPOINT_SECONDS,
      .min = 0, .max = 1e6, .unit = "s",
      .help = "how much work a kill can cost; 0: a checkpoint after every step" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9007199254740992.0,
      .help = "of initial weights, order of the rows, dropout; of trees and shuffles" },
    { OPT_TEXTS(struct params, class_weights), .optional = true,
      .help = "LABEL=WEIGHT: the weight of a class's rows, on top of class_weight's (default: what "
              "the network file says)" },
    { OPT_REAL(struct params, c), .def = 1, .min = 1e-12, .max = 1e12, .only_if = "family=logistic",
      .help = "weight of the rows against the penalty: the smaller, the stronger the penalty" },
    { OPT_CHOICE(struct params, penalty), .text = "l2", .choices = LOGISTIC_PENALTIES,
      .only_if = "family=logistic", .help = "on coefficients, never on intercepts" },
    { OPT_REAL(struct params, tolerance), .def = 1e-8, .min = 1e-15, .max = 1,
      .only_if = "family=logistic",
      .help = "converged when no item of the gradient of the mean over the rows is larger" },
    { OPT_INT(struct params, max_iterations), .def = 1000, .min = 1, .max = 1e9,
      .only_if = "family=logistic", .help = "more end the search, with a warning" },
    { OPT_OUT(struct params, importance), .optional = true, .only_if = TABULAR,
      .help = "CSV: by how much accuracy or R2 falls when a column is shuffled" },
    { OPT_INT(struct params, shuffles), .def = 5, .min = 1, .max = 1000, .only_if = TABULAR,
      .help = "of each column, for importance" },
    { OPT_TEXT(struct params, target), .optional = true, .only_if = TABULAR,
      .help = "column to learn in place of the table's label: a category or a number" },
    { OPT_INT(struct params, trees), .def = 100, .min = 1, .max = 1e6, .only_if = ANY_TREES,
      .help =
          "how many are grown; of boosting rounds, of one tree for each of three or more classes" },
    { OPT_CHOICE(struct params, criterion), .text = "auto", .choices = TREES_CRITERIA,
      .only_if = TREES, .help = "what a cut lowers; auto: gini of classes, mse of numbers" },
    { OPT_CHOICE(struct params, splitter), .text = "random", .choices = TREES_SPLITTERS,
      .only_if = TREES,
      .help = "thresholds: drawn (extra trees) or the best (with bootstrap: a random forest)" },
    { OPT_TEXT(struct params, max_features), .text = "auto", .only_if = TREES,
      .help = "columns tried at a node: auto (sqrt of classes, all of numbers), all, sqrt, log2, a "
              "count, or a share below 1" },
    { OPT_INT(struct params, max_depth), .def = 0, .min = 0, .max = 1e6, .only_if = ANY_TREES,
      .unit = "levels", .help = "0: no limit" },
    { OPT_INT(struct params, min_leaf), .def = 0, .min = 0, .max = 1e9, .unit = "rows",
      .only_if = ANY_TREES, .help = "a leaf has no fewer; 0: 1, of boosting 20" },
    { OPT_INT(struct params, max_leaves), .def = 31, .min = 2, .max = 65536, .only_if = BOOSTING,
      .help = "of a tree" },
    { OPT_INT(struct params, patience), .def = 10, .min = 0, .max = 1e6, .unit = "rounds",
      .only_if = BOOSTING,
      .help =
          "end when the loss of the validation rows is no lower for so long, and keep the round "
          "where it was least; 0: never" },
    { OPT_INT(struct params, min_split), .def = 2, .min = 2, .max = 1e9, .unit = "rows",
      .only_if = TREES, .help = "a node with fewer is a leaf" },
    { OPT_BOOL(struct params, bootstrap), .only_if = TREES,
      .help = "each tree learns from rows drawn with replacement" },
    { OPT_BOOL(struct params, out_of_bag), .only_if = TREES,
      .help = "accuracy or R2 by the trees that have not drawn the row" },
    { OPT_TEXT(struct params, weight), .optional = true, .only_if = ANY_TREES,
      .help = "column of the table with the weights of its rows" },
    NN_TRAINING_KEYS(INT_OPTION, REAL_OPTION, CHOICE_OPTION) /* a row each */
    { 0 },
};

/* ---- options over the network file's defaults ---- */

static void override(struct nn_training *t, const struct params *p)
{
#define SET_INT(key, ...)        \
    if (p->key != OPT_INT_UNSET) \
        t->key = p->key;
#define SET_REAL(key, ...) \
    if (!isnan(p->key))    \
        t->key = p->key;
#define SET_CHOICE(key, d, all, help) \
    if (p->key)                       \
        t->key = str_choice(all, p->key);
    NN_TRAINING_KEYS(SET_INT, SET_REAL, SET_CHOICE)
}

/* An option that is given must act: what a file sets may rest, for options switch it on and off. */
static int check_acts(const struct params *p, const struct nn_spec *spec, struct err *e)
{
    const struct nn_training *t = &spec->training;
    bool stops = t->stop_monitor != MONITOR_NONE, plateau = t->plateau_monitor != MONITOR_NONE;
    bool cosine = t->schedule == SCHEDULE_COSINE, step = t->schedule == SCHEDULE_STEP;
    const struct {
        bool acts;
        const char *wanted;
        struct {
            const char *name;
            bool given;
        } option[4];
    } rule[] = {
#define GIVEN_INT(key) { #key, p->key != OPT_INT_UNSET }
#define GIVEN_REAL(key)      \
    {                        \
#key, !isnan(p->key) \
    }
        { stops, "a stop_monitor", { GIVEN_INT(stop_patience), GIVEN_REAL(stop_min_delta) } },
        { plateau,
          "a plateau_monitor",
          { GIVEN_REAL(plateau_factor), GIVEN_REAL(plateau_min_delta), GIVEN_INT(plateau_patience),
            GIVEN_INT(plateau_cooldown) } },
        { cosine, "'schedule: cosine'", { GIVEN_REAL(schedule_floor) } },
        { spec->n_branch > 1, "a network of two branches or more", { GIVEN_REAL(auxiliary) } },
        { p->checkpoint != NULL,
          "--checkpoint",
          { { "checkpoint_seconds", p->checkpoint_seconds != CHECKPOINT_SECONDS } } },
        { step, "'schedule: step'", { GIVEN_INT(schedule_every), GIVEN_REAL(schedule_factor) } },
    };
    for (size_t i = 0; i < sizeof rule / sizeof *rule; i++)
        for (size_t k = 0; k < 4 && rule[i].option[k].name; k++)
            if (rule[i].option[k].given && !rule[i].acts)
                return err_set(e, ERR_USAGE, "--%s wants %s", rule[i].option[k].name,
                               rule[i].wanted);
    return 0;
}

int given_class_weights(struct nn_class_weights *w, const struct opt_list *list, struct err *e)
{
    double weight;
    if (list->n)
        nn_class_weights_release(w);
    for (size_t i = 0; i < list->n; i++) {
        const char *sign = strrchr(list->item[i], '=');
        if (!sign || !str_to_real(sign + 1, &weight) || weight < 0 || weight > NN_MAX_CLASS_WEIGHT)
            return err_set(e, ERR_USAGE, "--class_weights '%s': want LABEL=WEIGHT, 0 to %d",
                           list->item[i], NN_MAX_CLASS_WEIGHT);
        nn_class_weights_add(w, list->item[i], (size_t)(sign - list->item[i]), weight);
        for (size_t k = 0; k < i; k++)
            if (strcmp(w->label[k], w->label[i]) == 0)
                return err_set(e, ERR_USAGE, "--class_weights: '%s' is given twice", w->label[i]);
    }
    return 0;
}

/* ---- signals ---- */

static volatile sig_atomic_t caught;

static void catch (int number)
{
    caught = number;
}

/* Only where there is a checkpoint to write: else a signal does what it always does. */
static void catch_signals(void)
{
    struct sigaction a = { .sa_handler = catch, .sa_flags = SA_RESTART };
    sigemptyset(&a.sa_mask);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGINT, &a, NULL);
}

/* The end that the sender wanted, now that nothing is lost by it. */
static void obey(const struct err *e)
{
    log_info("%s", e->text);
    signal(caught, SIG_DFL);
    raise(caught);
}

static const char *wanted(const struct nn_spec *spec, enum nn_input input, const char *path)
{
    bool reads = nn_spec_branch(spec, input) ||
                 (input == NN_TEXT && nn_spec_branch(spec, NN_NGRAMS));
    if (path && !reads) {
        log_info("the network has no branch for '%s': it is not read", path);
        return NULL;
    }
    return path;
}

static int train_network(const struct params *p, struct err *e)
{
    struct nn_spec spec = { 0 };
    struct model_inputs in = { 0 };
    struct history history = { 0 };
    struct model *model = NULL;
    int rc;

    if ((rc = nn_spec_read(&spec, p->network, e)))
        goto out;
    override(&spec.training, p);
    if ((rc = given_class_weights(&spec.class_weights, &p->class_weights, e)))
        goto out;
    if ((rc = nn_training_check(&spec.training, e)) || (rc = check_acts(p, &spec, e)))
        goto out;
    struct model_files files = { .table = p->table,
                                 .text = wanted(&spec, NN_TEXT, p->text),
                                 .pixels = wanted(&spec, NN_PIXELS, p->pixels),
                                 .features = wanted(&spec, NN_FEATURES, p->features),
                                 .split = p->split };
    if ((rc = model_inputs_read(&in, &files, e)))
        goto out;
    struct fit fit = { .network = &spec,
                       .data = &in.data,
                       .warm_start = p->warm_start.item,
                       .n_warm_start = p->warm_start.n,
                       .wants_last = p->last_model != NULL,
                       .seed = (uint64_t)p->seed,
                       .threads = opt_threads(),
                       .checkpoint = p->checkpoint,
                       .checkpoint_seconds = p->checkpoint_seconds,
                       .interrupt = p->checkpoint ? &caught : NULL,
                       .history = &history };
    if (p->checkpoint && (rc = checkpoint_replaceable(p->checkpoint, e)))
        goto out;
    if (p->checkpoint)
        catch_signals();
    if ((rc = model_fit(&model, &fit, e))) {
        if (rc == ERR_RETRY && caught)
            obey(e);
        goto out;
    }
    if ((rc = model_save(model, p->model, e)))
        goto out;
    if (p->last_model) {
        model_use_last(model);
        if ((rc = model_save(model, p->last_model, e)))
            goto out;
    }
    if ((rc = history_write(&history, history_json, p->history, e)) ||
        (p->history_csv && (rc = history_write(&history, history_epochs_csv, p->history_csv, e))) ||
        (p->steps_csv && (rc = history_write(&history, history_steps_csv, p->steps_csv, e))))
        goto out;
    if (p->checkpoint && unlink(p->checkpoint) != 0 && errno != ENOENT)
        rc = err_sys(e, "cannot remove the checkpoint '%s'", p->checkpoint);
out:
    model_free(model);
    history_release(&history);
    model_inputs_release(&in);
    nn_spec_release(&spec);
    return rc;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    return strcmp(p->family, "network") == 0 ? train_network(p, e) : train_table(p, e);
}

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    struct nn_spec spec = { 0 };
    int rc = p->network ? nn_spec_read(&spec, p->network, e) : 0;
    size_t tried;
    if (rc == 0)
        rc = trees_max_features(&tried, p->max_features, 1, false, e);
    if (rc == 0)
        rc = given_class_weights(&spec.class_weights, &p->class_weights, e);
    if (rc == 0 && p->network) {
        override(&spec.training, p);
        if ((rc = nn_training_check(&spec.training, e)) == 0)
            rc = check_acts(p, &spec, e);
    }
    nn_spec_release(&spec);
    return rc;
}

static const struct stage stage = {
    .name = "train",
    .purpose = "learn a classifier from text, pictures and feature columns",
    .more = "Every parameter of a network but seed and checkpoint has its default in the network "
            "file's "
            "`training`.\n"
            "A branch of the network without its input file is an error; one whose input is empty "
            "is left out.\n\n"
            "train --describe-model FILE [--json] prints a network file or a model layer by layer: "
            "shapes, weights,\narithmetic, memory; train --describe-model --help has its options.",
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
    if (argc > 1 &&
        (strcmp(argv[1], "--describe-model") == 0 || strcmp(argv[1], "--describe_model") == 0))
        return describe_model_main(argc, argv);
    return stage_main(&stage, argc, argv);
}
