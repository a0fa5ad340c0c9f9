#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/batch.h"
#include "models/identity.h"
#include "models/network.h"
#include "models/rows.h"
#include "models/trainer.h"

static void network_free(void *state)
{
    struct network *w = state;
    net_free(w->net);
    nn_spec_release(&w->spec);
    free(w->last);
    free(w->last_training);
    free(w);
}

static struct nn_dims dims_of(const struct model *m, size_t batch)
{
    const struct prep *p = &m->prep;
    return (struct nn_dims){ .vocabulary = p->vocab.n,
                             .length = p->shape.length,
                             .height = p->height,
                             .width = p->width,
                             .n_feature = p->n_feature,
                             .n_gram = p->grams.vocab.n,
                             .most_grams = p->grams.most,
                             .n_class = m->classes.n,
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

/* How the model came to be, for people: a pure function of inputs and options. */
static char *summary(const struct nn_training *t, const struct rows *rows, uint64_t seed,
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
    nn_training_json(t, &s);
    str_addz(&s, "}}");
    return str_take(&s);
}

static void log_network(const struct model *m, const struct rows *rows)
{
    struct str text = { 0 };
    log_info("%s model: %zu classes, %zu training rows, %zu validation rows", model_kind(m),
             m->classes.n, rows->n_train, rows->n_validation);
    model_describe(m, &text);
    for (char *line = text.text; line && *line;) {
        size_t n = strcspn(line, "\n");
        log_info("%.*s", (int)n, line);
        line += n + (line[n] == '\n');
    }
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
    char identity[HASH_HEX] = "";
    char *kernels = net_kernels(w->net);
    if (fit->checkpoint)
        identity_of_fit(fit, &w->spec, &m->prep, rows, kernels, net_weights(w->net),
                        fit->n_warm_start ? net_n_weight(w->net) : 0, identity);
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
        m->training = summary(&w->spec.training, rows, fit->seed, fit->history,
                              (size_t)fit->history->kept);
    if (rc == 0 && w->last)
        w->last_training = summary(&w->spec.training, rows, fit->seed, fit->history,
                                   fit->history->n);
    free(weight_of_class);
    return rc;
}

static int network_fit(struct model *m, const struct fit *fit, struct err *e)
{
    struct network *w = mem_calloc(1, sizeof *w);
    struct rows rows = { 0 };
    int rc;

    m->state = w;
    w->spec = *fit->network;
    *fit->network = (struct nn_spec){ 0 };
    if ((rc = rows_pick(&rows, fit->data, e)) ||
        (rc = prep_fit(&m->prep, &w->spec, fit->data, &rows, e)))
        goto out;
    m->classes = rows.classes;
    w->dims = dims_of(m, (size_t)w->spec.training.batch);
    if ((rc = net_build(&w->net, &w->spec, &w->dims, fit->threads, e)) == 0) {
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

static int network_predict(struct model *m, const struct model_data *data, const size_t *row,
                           size_t n, float *out, struct err *e)
{
    struct network *w = m->state;
    struct batcher batcher;
    (void)e;
    batcher_init(&batcher, &m->prep, data, w->dims.batch, NULL, NULL);
    for (size_t start = 0; start < n; start += w->dims.batch) {
        struct nn_batch b;
        batcher_fill(&batcher, row + start, n - start < w->dims.batch ? n - start : w->dims.batch,
                     &b);
        net_predict(w->net, &b, out + start * w->dims.n_class);
    }
    batcher_release(&batcher);
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

static void network_describe(const struct model *m, struct str *out)
{
    const struct network *w = m->state;
    const struct nn_param *p = net_params(w->net);
    for (size_t i = 0; i < net_n_param(w->net); i++) {
        str_addf(out, "  %-36s ", p[i].name);
        for (int k = 0; k < p[i].rank; k++)
            str_addf(out, "%s%zu", k ? " x " : "", p[i].shape[k]);
        str_addc(out, '\n');
    }
    str_addf(out, "  %zu weights", net_n_weight(w->net));
}

/* ---- file ---- */

static int save_weights(const struct network *w, struct h5 *h, struct err *e)
{
    const struct nn_param *p = net_params(w->net);
    const float *weight = net_weights(w->net);
    int rc = 0;
    for (size_t i = 0; i < net_n_param(w->net) && rc == 0; i++) {
        if (p[i].scaffold)
            continue;
        for (size_t k = p[i].offset; k < p[i].offset + p[i].n; k++)
            if (!isfinite(weight[k]))
                return err_set(e, ERR_DATA, "weight %zu of '%s' is not finite", k - p[i].offset,
                               p[i].name);
        char *name = str_format("weights/%s", p[i].name);
        rc = h5_write(h, name, H5_F32, p[i].rank, p[i].shape, weight + p[i].offset, e);
        free(name);
    }
    return rc;
}

static int network_save(const struct model *m, struct h5 *h, struct err *e)
{
    const struct network *w = m->state;
    char *kernels = net_kernels(w->net);
    int rc;
    if ((rc = h5_set_text(h, "/", "network", w->spec.text, e)) == 0 &&
        (rc = h5_set_text(h, "/", "kernels", kernels, e)) == 0 &&
        (rc = h5_set_int(h, "/", "batch", w->spec.training.batch, e)) == 0 &&
        (rc = h5_set_int(h, "/", "shards", w->spec.training.shards, e)) == 0)
        rc = save_weights(w, h, e);
    free(kernels);
    return rc;
}

static int load_param(const struct nn_param *p, float *weight, struct h5 *h, struct err *e)
{
    size_t dims[H5_MAX_RANK];
    char *name = str_format("weights/%s", p->name);
    int rc = h5_shape(h, name, H5_F32, p->rank, dims, e);
    for (int k = 0; rc == 0 && k < p->rank; k++)
        if (dims[k] != p->shape[k])
            rc = err_set(e, ERR_DATA, "'%s': size %d is %zu, the network wants %zu", name, k + 1,
                         dims[k], p->shape[k]);
    if (rc == 0)
        rc = h5_read_rows(h, name, H5_F32, 0, p->shape[0], weight + p->offset, e);
    for (size_t k = 0; rc == 0 && k < p->n; k++)
        if (!isfinite(weight[p->offset + k]))
            rc = err_set(e, ERR_DATA, "'%s': weight %zu is not finite", name, k);
    free(name);
    return rc;
}

static int load_weights(struct network *w, struct h5 *h, struct err *e)
{
    const struct nn_param *p = net_params(w->net);
    char **name = NULL;
    size_t n = 0;
    int rc = h5_list(h, "weights", &name, &n, e);
    if (rc)
        return rc;
    h5_free_strings(name, n);
    if (n != net_n_param(w->net))
        return err_set(e, ERR_DATA, "%zu weight tensors, the network has %zu", n,
                       net_n_param(w->net));
    for (size_t i = 0; i < net_n_param(w->net) && rc == 0; i++)
        rc = load_param(&p[i], net_weights(w->net), h, e);
    return rc;
}

/* The branches that the file has inputs for; an empty one was taken out in training. */
static int match_branches(struct network *w, const struct prep *p, struct err *e)
{
    for (int i = 0; i < N_NN_INPUT; i++) {
        enum nn_input input = (enum nn_input)i;
        bool has = nn_spec_branch(&w->spec, input) != NULL;
        if (has && !p->reads[i])
            nn_spec_drop(&w->spec, input);
        if (!has && p->reads[i])
            return err_set(e, ERR_DATA, "it has the input '%s', which its network does not read",
                           nn_input_name(input));
    }
    if (w->spec.n_branch == 0)
        return err_set(e, ERR_DATA, "it has no inputs");
    return 0;
}

static int load_spec(struct network *w, struct h5 *h, struct err *e)
{
    enum { MAX_BATCH = 65536, MAX_SHARDS = 64 };
    char *text = NULL;
    int64_t batch, shards;
    int rc;
    if ((rc = h5_get_text(h, "/", "network", &text, e)) ||
        (rc = h5_get_int(h, "/", "batch", &batch, e)) ||
        (rc = h5_get_int(h, "/", "shards", &shards, e)))
        goto out;
    if (batch < 1 || batch > MAX_BATCH || shards < 1 || shards > MAX_SHARDS) {
        rc = err_set(e, ERR_DATA, "batch %lld, shards %lld, want 1 to %d and 1 to %d",
                     (long long)batch, (long long)shards, MAX_BATCH, MAX_SHARDS);
        goto out;
    }
    if ((rc = nn_spec_parse(&w->spec, "network", text, e)))
        rc = e->code = ERR_DATA; /* here the network is data, not configuration */
    w->spec.training.batch = batch;
    w->spec.training.shards = shards;
    w->spec.training.auxiliary = 0; /* for prediction no branch needs a softmax */
out:
    free(text);
    return rc;
}

static int network_load(struct model *m, struct h5 *h, int threads, struct err *e)
{
    struct network *w = mem_calloc(1, sizeof *w);
    int rc;
    m->state = w;
    if ((rc = load_spec(w, h, e)) || (rc = match_branches(w, &m->prep, e)))
        return rc;
    w->dims = dims_of(m, (size_t)w->spec.training.batch);
    if ((rc = net_build(&w->net, &w->spec, &w->dims, threads, e)))
        return e->code = rc == ERR_USAGE ? ERR_DATA : rc;
    return load_weights(w, h, e);
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
