#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/batch.h"
#include "models/identity.h"
#include "models/nn/memory.h"
#include "models/network.h"
#include "models/rows.h"
#include "models/trainer.h"

static void network_free(void *state)
{
    network_release(state);
    free(state);
}

void network_release(struct network *w)
{
    predictor_release(&w->predictor);
    net_free(w->net);
    nn_spec_release(&w->spec);
    free(w->last);
    free(w->last_training);
    *w = (struct network){ 0 };
}

struct nn_dims network_dims(const struct prep *p, size_t n_class, size_t batch)
{
    return (struct nn_dims){ .vocabulary = p->vocab.n,
                             .length = p->shape.length,
                             .height = p->height,
                             .width = p->width,
                             .n_feature = p->n_feature,
                             .n_gram = p->grams.vocab.n,
                             .most_grams = p->grams.most,
                             .n_class = n_class,
                             .batch = batch };
}

/* ---- fit ---- */

static void add_real(struct str *s, const char *key, double value)
{
    str_addf(s, "\"%s\": ", key);
    if (isfinite(value))
        str_add_real(s, value);
    else
        str_addz(s, "null");
    str_addz(s, ", ");
}

static void add_class_weights(struct str *s, const struct nn_class_weights *w)
{
    if (w->n == 0)
        return;
    json_t *map = json_object();
    for (size_t i = 0; i < w->n; i++)
        json_object_set_new(map, w->label[i], json_real(w->weight[i]));
    char *text = json_dumps(map, JSON_REAL_PRECISION(17));
    str_addf(s, ", \"class_weights\": %s", text);
    free(text);
    json_decref(map);
}

/* How the model came to be, for people: a pure function of inputs and options. */
static char *summary(const struct nn_spec *spec, const struct rows *rows, uint64_t seed,
                     const struct history *h, size_t epoch)
{
    const struct epoch *kept = &h->epoch[epoch - 1];
    struct str s = { 0 };
    str_addf(&s, "{\"rows\": {\"train\": %zu, \"validation\": %zu}, ", rows->n_train,
             rows->n_validation);
    str_addf(&s,
             "\"seed\": %llu, \"epochs\": %zu, \"stopped\": \"%s\", \"kept\": {\"epoch\": %lld, ",
             (unsigned long long)seed, h->n, history_ending(h), (long long)epoch);
    add_real(&s, "loss", kept->loss);
    add_real(&s, "accuracy", kept->accuracy);
    add_real(&s, "val_loss", kept->val_loss);
    add_real(&s, "val_accuracy", kept->val_accuracy);
    add_real(&s, "learning_rate", kept->learning_rate);
    s.n -= 2; /* the last comma */
    str_addz(&s, "}, \"options\": {");
    nn_training_json(&spec->training, &s);
    add_class_weights(&s, &spec->class_weights);
    str_addz(&s, "}}");
    return str_take(&s);
}

static void log_network(const struct model *m, const struct rows *rows)
{
    const struct network *w = m->state;
    struct str text = { 0 };
    log_info("%s model: %zu classes, %zu training rows, %zu validation rows", model_kind(m),
             m->classes.n, rows->n_train, rows->n_validation);
    model_describe(m, &text);
    log_lines(str_text(&text));
    str_release(&text);
    struct nn_memory memory = net_memory(w->net, &w->spec.training);
    net_memory_text(w->net, &memory, &text);
    log_info("%s", text.text);
    str_release(&text);
}

/* NULL if all classes weigh 1. */
static int weigh_classes(const struct network *w, const struct rows *rows, float **out,
                         struct err *e)
{
    size_t n = rows->classes.n;
    if (w->spec.training.class_weight == WEIGHT_NONE && w->spec.class_weights.n == 0)
        return 0;
    size_t *count = mem_calloc(n, sizeof *count);
    *out = mem_calloc(n, sizeof **out);
    classes_count(&rows->classes, rows->class_of_row, rows->train, rows->n_train, count);
    classes_weigh((enum nn_class_weight)w->spec.training.class_weight, count, n, *out);
    free(count);
    return classes_weigh_given(&rows->classes, &w->spec.class_weights, *out, e);
}

static int train(struct model *m, const struct fit *fit, const struct rows *rows, struct err *e)
{
    struct network *w = m->state;
    char *identity = NULL;
    char *kernels = net_kernels(w->net);
    if (fit->checkpoint)
        identity = identity_of_fit(fit, &w->spec, &m->prep, rows, kernels, net_weights(w->net),
                                   fit->n_warm_start ? net_n_weight(w->net) : 0);
    free(kernels);
    float *weight_of_class = NULL;
    struct augment augment;
    augment_init(&augment, &w->spec, fit->seed);
    int rc = weigh_classes(w, rows, &weight_of_class, e);
    if (fit->wants_last)
        w->last = mem_aligned(net_n_weight(w->net), sizeof *w->last);
    struct trainer trainer = { .net = w->net,
                               .options = &w->spec.training,
                               .prep = &m->prep,
                               .data = fit->data,
                               .rows = rows,
                               .seed = fit->seed,
                               .weight_of_class = weight_of_class,
                               .augment = &augment,
                               .checkpoint = fit->checkpoint,
                               .checkpoint_seconds = fit->checkpoint_seconds,
                               .interrupt = fit->interrupt,
                               .last = w->last,
                               .identity = identity };
    if (rc == 0 && (rc = trainer_run(&trainer, fit->history, e)) == 0)
        m->training = summary(&w->spec, rows, fit->seed, fit->history, (size_t)fit->history->kept);
    if (rc == 0 && w->last)
        w->last_training = summary(&w->spec, rows, fit->seed, fit->history, fit->history->n);
    free(weight_of_class);
    free(identity);
    return rc;
}

/* Memory is planned for a batch: for no more rows than there are. */
static void fit_batch(struct nn_training *t, const struct rows *rows)
{
    size_t most = rows->n_train > rows->n_validation ? rows->n_train : rows->n_validation;
    if ((size_t)t->batch <= most)
        return;
    log_info("batch %lld: there are %zu rows for training, a step has them all",
             (long long)t->batch, rows->n_train);
    t->batch = (int64_t)most;
}

static int check_batch(const struct network *w, struct err *e)
{
    const char *layer = w->dims.batch == 1 ? net_wants_rows(w->net) : NULL;
    return layer ? err_set(e, ERR_USAGE, "%s: learns nothing from batches of 1 row, want 2 or more",
                           layer)
                 : 0;
}

static int network_fit(struct model *m, const struct fit *fit, struct err *e)
{
    struct network *w = mem_calloc(1, sizeof *w);
    struct rows rows = { 0 };
    int rc;

    m->state = w;
    w->spec = *fit->network;
    *fit->network = (struct nn_spec){ 0 };
    if (w->spec.training.kernels == KERNELS_ONEDNN && !net_has_onednn())
        return err_set(e, ERR_USAGE,
                       "kernels 'onednn': there are none for this processor or in this build");
    if ((rc = rows_pick(&rows, fit->data, e)) ||
        (rc = prep_fit(&m->prep, &w->spec, fit->data, &rows, e)))
        goto out;
    m->classes = rows.classes;
    fit_batch(&w->spec.training, &rows);
    w->dims = network_dims(&m->prep, m->classes.n, (size_t)w->spec.training.batch);
    if ((rc = net_build(&w->net, &w->spec, &w->dims, fit->threads, e)) == 0 &&
        (rc = check_batch(w, e)) == 0) {
        net_init(w->net, fit->seed);
        log_network(m, &rows);
        rc = network_warm_start(m, fit->warm_start, fit->n_warm_start, e);
        rc = rc ? rc : train(m, fit, &rows, e);
    }
    rows.classes = (struct classes){ 0 }; /* the model has them */
out:
    rows_release(&rows);
    return rc;
}

/* ---- predict ---- */

void network_run(struct network *w, const struct prep *p, const struct model_data *data,
                 const size_t *row, size_t n, float *out)
{
    predictor_run(&w->predictor, w->net, &w->dims, p, data, row, n, out);
}

static int network_predict(struct model *m, const struct model_data *data, const size_t *row,
                           size_t n, float *out, struct err *e)
{
    (void)e;
    network_run(m->state, &m->prep, data, row, n, out);
    return 0;
}

static void network_use_last(struct model *m)
{
    struct network *w = m->state;
    if (!w->last)
        return;
    memcpy(net_weights(w->net), w->last, net_n_weight(w->net) * sizeof *w->last);
    free(m->training);
    m->training = mem_strdup(w->last_training);
}

void network_print(const struct network *w, struct str *out)
{
    const struct nn_param *p = net_params(w->net);
    for (size_t i = 0; i < net_n_param(w->net); i++) {
        str_addf(out, "  %-36s ", p[i].name);
        for (int k = 0; k < p[i].rank; k++)
            str_addf(out, "%s%zu", k ? " x " : "", p[i].shape[k]);
        str_addc(out, '\n');
    }
    str_addf(out, "  %zu weights", net_n_weight(w->net));
}

static void network_describe(const struct model *m, struct str *out)
{
    network_print(m->state, out);
}

/* ---- file ---- */

static int network_save(const struct model *m, struct h5 *h, struct err *e)
{
    return network_write(m->state, h, "", e);
}

static int network_load(struct model *m, struct h5 *h, int threads, struct err *e)
{
    struct network *w = mem_calloc(1, sizeof *w);
    m->state = w;
    return network_read(w, &m->prep, m->classes.n, h, "", threads, e);
}

const struct model_family model_network = {
    .name = "network",
    .fit = network_fit,
    .use_last = network_use_last,
    .predict = network_predict,
    .save = network_save,
    .load = network_load,
    .describe = network_describe,
    .free = network_free,
};
