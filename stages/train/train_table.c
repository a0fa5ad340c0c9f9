/* The families of train that read feature columns alone. */
#include "train.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "models/logistic/logistic.h"
#include "models/model.h"

static void say_model(const struct model *m)
{
    struct str text = { 0 };
    model_describe(m, &text);
    for (char *line = text.text; line && *line;) {
        size_t n = strcspn(line, "\n");
        log_info("%.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
    str_release(&text);
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
        (rc = model_inputs_read(&in, &files, e)))
        goto out;
    struct logistic_options logistic = {
        .c = p->c,
        .penalty = (enum logistic_penalty)nn_choice(LOGISTIC_PENALTIES, p->penalty),
        .class_weight = p->class_weight ? (enum nn_class_weight)nn_choice(
                                              "none|balanced|one_minus_share", p->class_weight)
                                        : WEIGHT_NONE,
        .class_weights = &weights,
        .max_iterations = (size_t)p->max_iterations,
        .tolerance = p->tolerance,
    };
    struct fit fit = {
        .family = p->family, .logistic = &logistic, .data = &in.data, .threads = opt_threads()
    };
    if ((rc = model_fit(&model, &fit, e)) == 0) {
        say_model(model);
        rc = model_save(model, p->model, e);
    }
out:
    model_free(model);
    model_inputs_release(&in);
    nn_class_weights_release(&weights);
    return rc;
}
