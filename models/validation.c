#include "models/validation.h"

#include <math.h>

/* What net_train adds to the loss. */
static double penalties(struct net *net)
{
    const struct nn_param *p = net_params(net);
    const float *w = net_weights(net);
    double sum = 0;
    for (size_t i = 0; i < net_n_param(net); i++) {
        double l1 = 0, l2 = 0;
        if (p[i].l1 == 0 && p[i].l2 == 0)
            continue;
        for (size_t k = p[i].offset; k < p[i].offset + p[i].n; k++) {
            l1 += fabs((double)w[k]);
            l2 += (double)w[k] * (double)w[k];
        }
        sum += p[i].l1 * l1 + p[i].l2 * l2;
    }
    return sum;
}

static size_t largest(const float *p, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        at = p[i] > p[at] ? i : at;
    return at;
}

bool validate(struct net *net, struct batcher *b, const struct rows *rows, float *probability,
              bool (*stop)(const void *arg), const void *arg, double *out_loss,
              double *out_accuracy)
{
    size_t right = 0, n_class = rows->classes.n;
    double sum = 0;
    for (size_t start = 0; start < rows->n_validation; start += b->max) {
        size_t n = rows->n_validation - start < b->max ? rows->n_validation - start : b->max;
        struct nn_batch batch;
        if (stop(arg))
            return false;
        batcher_fill(b, rows->validation + start, n, &batch);
        net_predict(net, &batch, probability);
        for (size_t i = 0; i < n; i++) {
            const float *p = probability + i * n_class;
            sum -= log(fmax((double)p[batch.label[i]], 1e-7));
            right += largest(p, n_class) == (size_t)batch.label[i];
        }
    }
    *out_loss = sum / (double)rows->n_validation + penalties(net);
    *out_accuracy = (double)right / (double)rows->n_validation;
    return true;
}
