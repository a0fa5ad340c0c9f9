/* Softmax and cross-entropy: loss = 1/B sum over rows of w_r (-sum_c q_rc log p_rc), as Keras's
 * sample weights do it. q is the label as 1 and 0, smoothed by a: 1 - a + a / C and a / C (Szegedy
 * et al. 2016, section 7; Keras's and PyTorch's label_smoothing). The gradient in the logits is w_r
 * / B (p - q). Logits (n, C). */
#include <assert.h>
#include <math.h>

#include "models/nn/op.h"
#include "models/nn/simd.h"

NN_CLONES static float exponentials(float *restrict out, const float *restrict x, float most,
                                    size_t C)
{
    for (size_t j = 0; j < C; j++)
        out[j] = nn_exp(x[j] - most);
    float sum = 0; /* in order: the compiler keeps it so */
    for (size_t j = 0; j < C; j++)
        sum += out[j];
    return sum;
}

/* Probabilities of one row; returns its largest logit and the sum of exponentials through the
 * pointers. */
static size_t softmax(float *prob, const float *x, size_t C, float *out_most, float *out_sum)
{
    size_t best = 0;
    for (size_t j = 1; j < C; j++)
        if (x[j] > x[best])
            best = j;
    *out_most = x[best];
    *out_sum = exponentials(prob, x, x[best], C);
    for (size_t j = 0; j < C; j++)
        prob[j] /= *out_sum;
    return best;
}

/* sum_c q_c x_c */
static double smoothed(const float *x, size_t C, size_t label, double a)
{
    double sum = 0;
    for (size_t j = 0; j < C && a > 0; j++)
        sum += (double)x[j];
    return (1 - a) * (double)x[label] + a / (double)C * sum;
}

size_t cross_entropy(const struct pass *p, const float *x, double factor, float *prob, float *dx,
                     double *out_loss)
{
    const struct shard *s = p->shard;
    size_t C = p->net->dims.n_class, right = 0;
    double a = p->net->label_smoothing;
    float elsewhere = (float)(a / (double)C), at_label = (float)(1 - a + a / (double)C);

    for (size_t r = 0; r < s->n; r++, x += C, prob += C) {
        float most, sum;
        size_t best = softmax(prob, x, C, &most, &sum);
        if (!p->training)
            continue;
        size_t label = (size_t)p->batch->label[s->row + r];
        assert(label < C);
        double w = factor * (p->batch->weight ? (double)p->batch->weight[s->row + r] : 1);
        *out_loss += w * (log((double)sum) - (smoothed(x, C, label, a) - (double)most));
        right += best == label;
        float scale = (float)(w / (double)p->batch->n);
        for (size_t j = 0; j < C; j++)
            *dx++ = scale * (prob[j] - (j == label ? at_label : elsewhere));
    }
    return right;
}

void loss_run(const struct pass *p)
{
    const struct tensor *logits = &p->net->tensor[p->net->logits];
    struct shard *s = p->shard;
    s->loss = 0;
    s->right = cross_entropy(p, value_of(p, logits), 1, s->arena + p->net->probability,
                             p->training ? gradient_of(p, logits) : NULL, &s->loss);
}
