/* A network to and from a group of a model file (docs/formats.md). */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/network.h"

/* A name inside a group of the file, owned by the caller; "" is the root. */
static char *inside(const char *group, const char *name)
{
    return *group ? str_format("%s/%s", group, name) : mem_strdup(name);
}

static const char *object(const char *group)
{
    return *group ? group : "/";
}

static int save_weights(const struct network *w, struct h5 *h, const char *group, struct err *e)
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
        char *weights = inside(group, "weights"), *name = inside(weights, p[i].name);
        rc = h5_write(h, name, H5_F32, p[i].rank, p[i].shape, weight + p[i].offset, e);
        free(name);
        free(weights);
    }
    return rc;
}

int network_write(const struct network *w, struct h5 *h, const char *group, struct err *e)
{
    const char *to = object(group);
    char *kernels = net_kernels(w->net);
    int rc = *group ? h5_group(h, group, e) : 0;
    if (rc == 0 && (rc = h5_set_text(h, to, "network", w->spec.text, e)) == 0 &&
        (rc = h5_set_text(h, to, "kernels", kernels, e)) == 0 &&
        (rc = h5_set_int(h, to, "batch", w->spec.training.batch, e)) == 0 &&
        (rc = h5_set_int(h, to, "shards", w->spec.training.shards, e)) == 0 &&
        (rc = h5_set_int(h, to, "kernel_choice", w->spec.training.kernels, e)) == 0)
        rc = save_weights(w, h, group, e);
    free(kernels);
    return rc;
}

static int load_param(const struct nn_param *p, float *weight, struct h5 *h, const char *weights,
                      struct err *e)
{
    size_t dims[H5_MAX_RANK];
    char *name = inside(weights, p->name);
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

static int load_weights(struct network *w, struct h5 *h, const char *group, struct err *e)
{
    const struct nn_param *p = net_params(w->net);
    char **name = NULL, *weights = inside(group, "weights");
    size_t n = 0;
    int rc = h5_list(h, weights, &name, &n, e);
    if (rc == 0)
        mem_free_texts(name, n);
    if (rc == 0 && n != net_n_param(w->net))
        rc = err_set(e, ERR_DATA, "%zu weight tensors, the network has %zu", n,
                     net_n_param(w->net));
    for (size_t i = 0; i < net_n_param(w->net) && rc == 0; i++)
        rc = load_param(&p[i], net_weights(w->net), h, weights, e);
    free(weights);
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

static int load_spec(struct network *w, struct h5 *h, const char *from, struct err *e)
{
    enum { MAX_BATCH = 65536, MAX_SHARDS = 64 };
    char *text = NULL;
    int64_t batch, shards, kernels = KERNELS_AUTO;
    int rc;
    if ((rc = h5_get_text(h, from, "network", &text, e)) ||
        (rc = h5_get_int(h, from, "batch", &batch, e)) ||
        (rc = h5_get_int(h, from, "shards", &shards, e)) ||
        (h5_has_attr(h, from, "kernel_choice") &&
         (rc = h5_get_int(h, from, "kernel_choice", &kernels, e))))
        goto out;
    if (batch < 1 || batch > MAX_BATCH || shards < 1 || shards > MAX_SHARDS) {
        rc = err_set(e, ERR_DATA, "batch %lld, shards %lld, want 1 to %d and 1 to %d",
                     (long long)batch, (long long)shards, MAX_BATCH, MAX_SHARDS);
        goto out;
    }
    if (kernels < KERNELS_AUTO || kernels > KERNELS_OPENBLAS) {
        rc = err_set(e, ERR_DATA, "kernel_choice %lld, want 0 to %d", (long long)kernels,
                     KERNELS_OPENBLAS);
        goto out;
    }
    if ((rc = nn_spec_parse(&w->spec, "network", text, e)))
        rc = e->code = ERR_DATA; /* here the network is data, not configuration */
    w->spec.training.batch = batch;
    w->spec.training.shards = shards;
    w->spec.training.kernels = (int)kernels;
    w->spec.training.auxiliary = 0; /* for prediction no branch needs a softmax */
out:
    free(text);
    return rc;
}

int network_read(struct network *w, const struct prep *p, size_t n_class, struct h5 *h,
                 const char *group, int threads, struct err *e)
{
    int rc;
    if ((rc = load_spec(w, h, object(group), e)) || (rc = match_branches(w, p, e)))
        return rc;
    w->dims = network_dims(p, n_class, (size_t)w->spec.training.batch);
    if ((rc = net_build(&w->net, &w->spec, &w->dims, threads, e)))
        return e->code = rc == ERR_USAGE ? ERR_DATA : rc;
    if ((rc = load_weights(w, h, group, e)) == 0)
        net_prepare(w->net); /* the first row to come does not wait for it */
    return rc;
}
