/* train: learn a classifier from prepared inputs, as a network file describes it.
 *
 *   in   network (YAML), table (labels); text, pixels, features: one for each branch of the
 * network; split out  model (refit.model), history (JSON)
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "models/history.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "models/nn/spec.h"

struct params {
    const char *network, *table, *text, *pixels, *features, *split, *model, *history, *checkpoint;
    int64_t seed, batch, epochs, shards, stop_patience, plateau_patience, plateau_cooldown;
    double learning_rate, l1, l2, stop_min_delta, plateau_factor, plateau_min_delta;
    const char *class_weight, *keep, *stop_monitor, *plateau_monitor;
};

#define MONITORS "none|validation_loss|validation_accuracy"

static const struct opt options[] = {
    { OPT_IN(struct params, network), .side = true,
      .help = "network file: branches, layers, defaults of training" },
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "the table with the label column" },
    { OPT_IN(struct params, text), .optional = true, .format = "hdf5:refit.tokens",
      .help = "words, for a text branch" },
    { OPT_IN(struct params, pixels), .optional = true, .format = "hdf5:refit.images",
      .help = "pictures, for a pixels branch" },
    { OPT_IN(struct params, features), .optional = true, .format = "hdf5:refit.features",
      .help = "scaled columns, for a features branch" },
    { OPT_IN(struct params, split), .optional = true, .format = "hdf5:refit.split",
      .help = "sides of the rows; without it every labelled row is for training" },
    { OPT_OUT(struct params, model), .format = "hdf5:refit.model",
      .help = "everything that prediction needs" },
    { OPT_OUT(struct params, history), .format = "json",
      .help = "loss and accuracy of every epoch" },
    { OPT_TEXT(struct params, checkpoint), .optional = true,
      .help = "file written after every epoch; if it is there, training goes on from it; removed "
              "at the end" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9007199254740992.0,
      .help = "of initial weights, order of the rows, dropout" },
    { OPT_INT(struct params, batch), .file_default = true, .min = 1, .max = 65536, .unit = "rows",
      .help = "rows for one step" },
    { OPT_INT(struct params, epochs), .file_default = true, .min = 1, .max = 1000000,
      .help = "passes over the rows at most" },
    { OPT_REAL(struct params, learning_rate), .file_default = true, .min = 1e-9, .max = 10,
      .help = "of Adam, at the start" },
    { OPT_REAL(struct params, l1), .file_default = true, .min = 0, .max = 10,
      .help = "penalty: l1 x sum |w| of every kernel" },
    { OPT_REAL(struct params, l2), .file_default = true, .min = 0, .max = 10,
      .help = "penalty: l2 x sum w^2 of every kernel" },
    { OPT_INT(struct params, shards), .file_default = true, .min = 1, .max = 64,
      .help = "parts of a batch that threads share out; part of the result, the number of threads "
              "is not" },
    { OPT_CHOICE(struct params, class_weight), .optional = true,
      .choices = "none|balanced|one_minus_share",
      .help = "weight of a row in the loss: 1, N/(C n_c), or 1 - n_c/N (default: what the network "
              "file says)" },
    { OPT_CHOICE(struct params, keep), .optional = true,
      .choices = "last|validation_loss|validation_accuracy",
      .help = "weights of which epoch the model gets (default: what the network file says)" },
    { OPT_CHOICE(struct params, stop_monitor), .optional = true, .choices = MONITORS,
      .help = "stop early when this gets no better (default: what the network file says)" },
    { OPT_REAL(struct params, stop_min_delta), .file_default = true, .min = 0, .max = 1e6,
      .help = "what counts as better" },
    { OPT_INT(struct params, stop_patience), .file_default = true, .min = 1, .max = 1000000,
      .unit = "epochs", .help = "how long to wait" },
    { OPT_CHOICE(struct params, plateau_monitor), .optional = true, .choices = MONITORS,
      .help = "lower the learning rate when this gets no better (default: what the network file "
              "says)" },
    { OPT_REAL(struct params, plateau_factor), .file_default = true, .min = 1e-6, .max = 0.999999,
      .help = "new learning rate / old one" },
    { OPT_REAL(struct params, plateau_min_delta), .file_default = true, .min = 0, .max = 1e6,
      .help = "what counts as better" },
    { OPT_INT(struct params, plateau_patience), .file_default = true, .min = 1, .max = 1000000,
      .unit = "epochs", .help = "how long to wait" },
    { OPT_INT(struct params, plateau_cooldown), .file_default = true, .min = 0, .max = 1000000,
      .unit = "epochs", .help = "rest after a lower learning rate" },
    { 0 },
};

/* ---- options over the network file's defaults ---- */

static void set_int(int64_t *at, int64_t option)
{
    if (option != OPT_INT_UNSET)
        *at = option;
}

static void set_real(double *at, double option)
{
    if (!isnan(option))
        *at = option;
}

/* The number of a choice in its list; opt_parse has seen to it that it is there. */
static int choice(const char *text, const char *const *list)
{
    int i = 0;
    while (list[i] && strcmp(list[i], text) != 0)
        i++;
    return i;
}

static void override(struct nn_training *t, const struct params *p)
{
    static const char *const weights[] = { "none", "balanced", "one_minus_share", NULL };
    static const char *const keeps[] = { "last", "validation_loss", "validation_accuracy", NULL };
    static const char *const monitors[] = { "none", "validation_loss", "validation_accuracy",
                                            NULL };
    set_int(&t->batch, p->batch);
    set_int(&t->epochs, p->epochs);
    set_int(&t->shards, p->shards);
    set_real(&t->learning_rate, p->learning_rate);
    set_real(&t->l1, p->l1);
    set_real(&t->l2, p->l2);
    set_real(&t->stop_min_delta, p->stop_min_delta);
    set_int(&t->stop_patience, p->stop_patience);
    set_real(&t->plateau_factor, p->plateau_factor);
    set_real(&t->plateau_min_delta, p->plateau_min_delta);
    set_int(&t->plateau_patience, p->plateau_patience);
    set_int(&t->plateau_cooldown, p->plateau_cooldown);
    if (p->class_weight)
        t->class_weight = (enum nn_class_weight)choice(p->class_weight, weights);
    if (p->keep)
        t->keep = (enum nn_keep)choice(p->keep, keeps);
    if (p->stop_monitor)
        t->stop_monitor = (enum nn_monitor)choice(p->stop_monitor, monitors);
    if (p->plateau_monitor)
        t->plateau_monitor = (enum nn_monitor)choice(p->plateau_monitor, monitors);
}

static const char *wanted(const struct nn_spec *spec, enum nn_input input, const char *path)
{
    if (path && !nn_spec_branch(spec, input)) {
        log_info("the network has no branch for '%s': it is not read", path);
        return NULL;
    }
    return path;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct nn_spec spec = { 0 };
    struct model_inputs in = { 0 };
    struct history history = { 0 };
    struct model *model = NULL;
    int rc;

    if ((rc = nn_spec_read(&spec, p->network, e)))
        goto out;
    override(&spec.training, p);
    struct model_files files = { .table = p->table,
                                 .text = wanted(&spec, NN_TEXT, p->text),
                                 .pixels = wanted(&spec, NN_PIXELS, p->pixels),
                                 .features = wanted(&spec, NN_FEATURES, p->features),
                                 .split = p->split };
    if ((rc = model_inputs_read(&in, &files, e)))
        goto out;
    struct fit fit = { .network = &spec,
                       .data = &in.data,
                       .seed = (uint64_t)p->seed,
                       .threads = opt_threads(),
                       .checkpoint = p->checkpoint,
                       .history = &history };
    if ((rc = model_fit(&model, &fit, e)) || (rc = model_save(model, p->model, e)) ||
        (rc = history_write(&history, p->history, e)))
        goto out;
    if (p->checkpoint && unlink(p->checkpoint) != 0)
        rc = err_sys(e, "cannot remove the checkpoint '%s'", p->checkpoint);
out:
    model_free(model);
    history_release(&history);
    model_inputs_release(&in);
    nn_spec_release(&spec);
    return rc;
}

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    struct nn_spec spec = { 0 };
    int rc = p->network ? nn_spec_read(&spec, p->network, e) : 0;
    nn_spec_release(&spec);
    return rc;
}

static const struct stage stage = {
    .name = "train",
    .purpose = "learn a classifier from text, pictures and feature columns",
    .more = "Every parameter but seed and checkpoint has its default in the network file's "
            "`training`.\n"
            "A branch of the network without its input file is an error; one whose input is empty "
            "is left out.",
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
