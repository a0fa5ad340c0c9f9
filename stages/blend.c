/* blend: late fusion. Two models that were trained apart become one, mixed by the weight that is
 * best on the validation rows.
 *
 *   in   models (two refit.model of different inputs), table (labels), text, pixels, features: what
 *        the models read; split
 *   out  model (refit.model)
 */
#include <math.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opt.h"
#include "models/late_fusion.h"

struct params {
    struct opt_list models;
    const char *table, *text, *pixels, *features, *split, *model;
    double weight;
};

static const struct opt options[] = {
    { OPT_INS(struct params, models), .format = "hdf5:refit.model",
      .help = "two models of the same classes and different inputs" },
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "the table with the label column" },
    { OPT_IN(struct params, text), .optional = true, .format = "hdf5:refit.tokens",
      .help = "words, if a model reads them" },
    { OPT_IN(struct params, pixels), .optional = true, .format = "hdf5:refit.images",
      .help = "pictures, if a model reads them" },
    { OPT_IN(struct params, features), .optional = true, .format = "hdf5:refit.features",
      .help = "scaled columns, if a model reads them" },
    { OPT_IN(struct params, split), .optional = true, .format = "hdf5:refit.split",
      .help = "which rows are for validation" },
    { OPT_OUT(struct params, model), .format = "hdf5:refit.model", .help = "both as one model" },
    { OPT_REAL(struct params, weight), .file_default = true, .min = 0, .max = 1,
      .help = "of the first model, without a search" },
    { 0 },
};

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct model_inputs in = { 0 };
    struct model *model = NULL;
    struct late_choice choice;
    struct model_files files = { .table = p->table,
                                 .text = p->text,
                                 .pixels = p->pixels,
                                 .features = p->features,
                                 .split = p->split };
    int rc;

    if (p->models.n != 2)
        return err_set(e, ERR_USAGE, "--models: %zu models, want 2", p->models.n);
    if ((rc = model_inputs_read(&in, &files, e)) ||
        (rc = late_fusion_fit(&model, p->models.item, &in.data, p->weight, opt_threads(), &choice,
                              e)))
        goto out;
    if (choice.n_row)
        log_info("%g x '%s' + %g x '%s': accuracy %.4f, loss %.4f on %zu validation rows",
                 choice.weight, p->models.item[0], 1 - choice.weight, p->models.item[1],
                 choice.accuracy, choice.loss, choice.n_row);
    rc = model_save(model, p->model, e);
out:
    model_free(model);
    model_inputs_release(&in);
    return rc;
}

static const struct stage stage = {
    .name = "blend",
    .purpose = "late fusion: two models mixed by the weight that is best on validation",
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
