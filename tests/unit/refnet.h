#ifndef TESTS_REFNET_H
#define TESTS_REFNET_H

/* The same networks once more, in double, by plain loops over the definitions: what the engine is
 * held against. Only the dropout masks are the engine's own (test_dropout looks at those). Every
 * activation is (B, row), a row in Keras's order: steps (T, c), pictures (h, w, c). Weights are
 * read in the order of the parameter block. */

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/op.h"

struct ref_act {
    size_t T, h, w, c;
    double *x;
}; /* unused sizes are 1; a row has T h w c values */

struct ref {
    const struct nn_spec *spec;
    const struct nn_dims *dims;
    const struct nn_batch *b;
    const double *w; /* next weight */
    bool training;
    uint64_t draw;
    size_t op; /* number of the operator */
    double penalty;
};

static inline size_t ref_size(const struct ref_act *a)
{
    return a->T * a->h * a->w * a->c;
}

static inline struct ref_act ref_new(const struct ref *r, size_t T, size_t h, size_t w, size_t c)
{
    return (struct ref_act){ T, h, w, c, mem_calloc(r->b->n * T * h * w * c, sizeof(double)) };
}

static inline double ref_mask(const struct ref *r, size_t which, size_t row, size_t i, double rate)
{
    float one = 1, out;
    if (!r->training || rate <= 0)
        return 1;
    dropout_apply(&out, &one, 1, dropout_key(r->draw, r->op, which, row), i, rate);
    return (double)out;
}

static inline bool ref_live(const struct ref *r, size_t row, size_t t)
{
    const struct nn_branch *text = nn_spec_branch(r->spec, NN_TEXT);
    size_t n = (size_t)r->b->n_word[row], T = r->dims->length;
    return !text->mask || (text->pad_front ? t >= T - n : t < n);
}

static inline const double *ref_take(struct ref *r, size_t n, const struct nn_layer *kernel_of)
{
    const double *w = r->w;
    for (size_t i = 0; kernel_of && i < n; i++)
        r->penalty += (kernel_of->l1 + r->spec->training.l1) * fabs(w[i]) +
                      (kernel_of->l2 + r->spec->training.l2) * w[i] * w[i];
    r->w += n;
    return w;
}

static inline struct ref_act ref_embedding(struct ref *r, const struct nn_layer *l)
{
    size_t E = (size_t)l->size, T = r->dims->length;
    struct ref_act out = ref_new(r, T, 1, 1, E);
    const double *table = ref_take(r, r->dims->vocabulary * E, NULL);
    for (size_t i = 0; i < r->b->n * T; i++)
        for (size_t j = 0; j < E; j++)
            out.x[i * E + j] = table[(size_t)r->b->ids[i] * E + j];
    return out;
}

static inline double ref_sigmoid(double v)
{
    return 1 / (1 + exp(-v));
}

static inline struct ref_act ref_lstm(struct ref *r, const struct nn_layer *l,
                                      const struct ref_act *in)
{
    size_t I = in->c, H = (size_t)l->size, T = in->T;
    const double *W = ref_take(r, I * 4 * H, l), *U = ref_take(r, H * 4 * H, l),
                 *bias = ref_take(r, 4 * H, NULL);
    struct ref_act out = ref_new(r, l->all_steps ? T : 1, 1, 1, H);
    double *h = mem_calloc(H, sizeof *h), *c = mem_calloc(H, sizeof *c),
           *a = mem_calloc(4 * H, sizeof *a);
    for (size_t row = 0; row < r->b->n; row++) {
        for (size_t j = 0; j < H; j++)
            h[j] = c[j] = 0;
        for (size_t t = 0; t < T; t++) {
            if (!ref_live(r, row, t))
                continue;
            for (size_t k = 0; k < 4 * H; k++) {
                a[k] = bias[k];
                for (size_t i = 0; i < I; i++)
                    a[k] += in->x[(row * T + t) * I + i] * ref_mask(r, 0, row, i, l->rate) *
                            W[i * 4 * H + k];
                for (size_t i = 0; i < H; i++)
                    a[k] += h[i] * ref_mask(r, 1, row, i, l->recurrent_rate) * U[i * 4 * H + k];
            }
            for (size_t j = 0; j < H; j++) {
                c[j] = ref_sigmoid(a[H + j]) * c[j] + ref_sigmoid(a[j]) * tanh(a[2 * H + j]);
                h[j] = ref_sigmoid(a[3 * H + j]) * tanh(c[j]);
                if (l->all_steps)
                    out.x[(row * T + t) * H + j] = h[j];
            }
        }
        for (size_t j = 0; j < H && !l->all_steps; j++)
            out.x[row * H + j] = h[j];
    }
    free(h);
    free(c);
    free(a);
    return out;
}

static inline struct ref_act ref_conv2d(struct ref *r, const struct nn_layer *l,
                                        const struct ref_act *in)
{
    size_t k = (size_t)l->kernel, C = in->c, O = (size_t)l->size, pad = l->same ? (k - 1) / 2 : 0;
    const double *W = ref_take(r, k * k * C * O, l), *bias = ref_take(r, O, NULL);
    struct ref_act out = ref_new(r, 1, l->same ? in->h : in->h - k + 1,
                                 l->same ? in->w : in->w - k + 1, O);
    for (size_t row = 0; row < r->b->n; row++)
        for (size_t i = 0; i < out.h; i++)
            for (size_t j = 0; j < out.w; j++)
                for (size_t o = 0; o < O; o++) {
                    double s = bias[o];
                    for (size_t u = 0; u < k; u++)
                        for (size_t v = 0; v < k; v++)
                            for (size_t c = 0; c < C && i + u >= pad && i + u < in->h + pad &&
                                               j + v >= pad && j + v < in->w + pad;
                                 c++)
                                s += in->x[((row * in->h + i + u - pad) * in->w + j + v - pad) * C +
                                           c] *
                                     W[((u * k + v) * C + c) * O + o];
                    out.x[((row * out.h + i) * out.w + j) * O + o] = l->activation == NN_ACT_RELU &&
                                                                             s < 0
                                                                         ? 0
                                                                         : s;
                }
    return out;
}

static inline struct ref_act ref_maxpool(struct ref *r, const struct nn_layer *l,
                                         const struct ref_act *in)
{
    size_t k = (size_t)l->size, C = in->c;
    struct ref_act out = ref_new(r, 1, in->h / k, in->w / k, C);
    for (size_t row = 0; row < r->b->n; row++)
        for (size_t i = 0; i < out.h; i++)
            for (size_t j = 0; j < out.w; j++)
                for (size_t c = 0; c < C; c++) {
                    double best = -HUGE_VAL;
                    for (size_t u = 0; u < k; u++)
                        for (size_t v = 0; v < k; v++)
                            best = fmax(
                                best,
                                in->x[((row * in->h + i * k + u) * in->w + j * k + v) * C + c]);
                    out.x[((row * out.h + i) * out.w + j) * C + c] = best;
                }
    return out;
}

static inline struct ref_act ref_dense(struct ref *r, const struct nn_layer *l,
                                       const struct ref_act *in)
{
    size_t I = in->c, O = l->size < 0 ? r->dims->n_class : (size_t)l->size;
    const double *W = ref_take(r, I * O, l), *bias = ref_take(r, O, NULL);
    struct ref_act out = ref_new(r, in->T, 1, 1, O);
    for (size_t m = 0; m < r->b->n * in->T; m++)
        for (size_t o = 0; o < O; o++) {
            double s = bias[o];
            for (size_t i = 0; i < I; i++)
                s += in->x[m * I + i] * W[i * O + o];
            out.x[m * O + o] = l->activation == NN_ACT_RELU && s < 0 ? 0 : s;
        }
    return out;
}

static inline struct ref_act ref_batch_norm(struct ref *r, const struct ref_act *in)
{
    size_t C = in->c, N = r->b->n * in->h * in->w;
    const double *gamma = ref_take(r, C, NULL), *beta = ref_take(r, C, NULL);
    const double *running_mean = ref_take(r, C, NULL), *running_variance = ref_take(r, C, NULL);
    struct ref_act out = ref_new(r, 1, in->h, in->w, C);
    for (size_t c = 0; c < C; c++) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < N; i++)
            mean += in->x[i * C + c] / (double)N;
        for (size_t i = 0; i < N; i++)
            variance += (in->x[i * C + c] - mean) * (in->x[i * C + c] - mean) / (double)N;
        if (!r->training || N == 1) {
            mean = running_mean[c];
            variance = running_variance[c];
        }
        for (size_t i = 0; i < N; i++)
            out.x[i * C + c] = (in->x[i * C + c] - mean) / sqrt(variance + 1e-3) * gamma[c] +
                               beta[c];
    }
    return out;
}

/* dropout, relu: value by value */
static inline struct ref_act ref_each(struct ref *r, const struct nn_layer *l,
                                      const struct ref_act *in)
{
    struct ref_act out = ref_new(r, in->T, in->h, in->w, in->c);
    size_t size = ref_size(in);
    for (size_t row = 0; row < r->b->n; row++)
        for (size_t i = 0; i < size; i++) {
            double v = in->x[row * size + i];
            out.x[row * size + i] = l->op == NN_RELU ? fmax(v, 0)
                                                     : v * ref_mask(r, 0, row, i, l->rate);
        }
    return out;
}

static inline struct ref_act ref_flatten(struct ref *r, const struct ref_act *in)
{
    struct ref_act out = ref_new(r, 1, 1, 1, ref_size(in));
    for (size_t i = 0; i < r->b->n * out.c; i++)
        if (in->T == 1 || ref_live(r, i / out.c, i % out.c / in->c))
            out.x[i] = in->x[i];
    return out;
}

static inline struct ref_act ref_pool(struct ref *r, const struct nn_layer *l,
                                      const struct ref_act *in)
{
    size_t C = in->c, N = in->T * in->h * in->w;
    struct ref_act out = ref_new(r, 1, 1, 1, C);
    for (size_t row = 0; row < r->b->n; row++)
        for (size_t c = 0; c < C; c++) {
            double sum = 0, most = 0;
            size_t n = 0;
            for (size_t i = 0; i < N; i++) {
                if (l->op == NN_POOL_TIME && !ref_live(r, row, i))
                    continue;
                double v = in->x[(row * N + i) * C + c];
                most = n == 0 ? v : fmax(most, v);
                sum += v;
                n++;
            }
            out.x[row * C + c] = l->mean ? (n ? sum / (double)n : 0) : most;
        }
    return out;
}

static inline struct ref_act ref_embedding_bag(struct ref *r, const struct nn_layer *l)
{
    size_t C = l->size < 0 ? r->dims->n_class : (size_t)l->size;
    const double *table = ref_take(r, r->dims->n_gram * C, NULL), *bias = ref_take(r, C, NULL);
    struct ref_act out = ref_new(r, 1, 1, 1, C);
    for (size_t row = 0; row < r->b->n; row++)
        for (size_t j = 0; j < C; j++) {
            double s = bias[j];
            size_t first = r->b->gram_first[row];
            for (size_t k = first; k < r->b->gram_first[row + 1]; k++)
                s += (double)r->b->gram_value[k] * ref_mask(r, 0, row, k - first, l->rate) *
                     table[(size_t)r->b->gram[k] * C + j];
            out.x[row * C + j] = l->activation == NN_ACT_RELU && s < 0 ? 0 : s;
        }
    return out;
}

static inline struct ref_act ref_layer(struct ref *r, const struct nn_layer *l,
                                       const struct ref_act *in)
{
    switch (l->op) {
    case NN_EMBEDDING:
        return ref_embedding(r, l);
    case NN_EMBEDDING_BAG:
        return ref_embedding_bag(r, l);
    case NN_LSTM:
        return ref_lstm(r, l, in);
    case NN_CONV2D:
        return ref_conv2d(r, l, in);
    case NN_MAXPOOL:
        return ref_maxpool(r, l, in);
    case NN_DENSE:
        return ref_dense(r, l, in);
    case NN_BATCH_NORM:
        return ref_batch_norm(r, in);
    case NN_FLATTEN:
        return ref_flatten(r, in);
    case NN_POOL_TIME:
    case NN_POOL_SPACE:
        return ref_pool(r, l, in);
    default:
        return ref_each(r, l, in);
    }
}

static inline struct ref_act ref_chain(struct ref *r, const struct nn_layer *l, size_t n,
                                       struct ref_act a)
{
    for (size_t i = 0; i < n; i++) {
        struct ref_act next = ref_layer(r, &l[i], &a);
        free(a.x);
        a = next;
        r->op++;
    }
    return a;
}

static inline struct ref_act ref_input(const struct ref *r, enum nn_input input)
{
    size_t h = r->dims->height, w = r->dims->width, d = r->dims->n_feature;
    if (input == NN_NGRAMS)
        return ref_new(r, 1, 1, 1, 1); /* the layer reads the batch */
    struct ref_act a = input == NN_PIXELS     ? ref_new(r, 1, h, w, 3)
                       : input == NN_FEATURES ? ref_new(r, 1, 1, 1, d)
                                              : ref_new(r, r->dims->length, 1, 1, 1);
    for (size_t row = 0; row < r->b->n; row++)
        for (size_t i = 0; i < ref_size(&a); i++)
            a.x[row * ref_size(&a) + i] = input == NN_PIXELS ? r->b->pixels[row][i] / 255.0
                                          : input == NN_FEATURES
                                              ? (double)r->b->features[row * d + i]
                                              : 0;
    return a;
}

/* Side by side; takes the parts' storage. */
static inline struct ref_act ref_concat(struct ref *r, struct ref_act *part, size_t n)
{
    size_t C = 0, at = 0;
    for (size_t k = 0; k < n; k++)
        C += part[k].c;
    struct ref_act out = ref_new(r, 1, 1, 1, C);
    for (size_t k = 0; k < n; k++) {
        for (size_t row = 0; row < r->b->n; row++)
            for (size_t j = 0; j < part[k].c; j++)
                out.x[row * C + at + j] = part[k].x[row * part[k].c + j];
        at += part[k].c;
        free(part[k].x);
    }
    return out;
}

static inline double ref_cross_entropy(const struct ref *r, const struct ref_act *logits,
                                       double *out_probability)
{
    const struct nn_batch *b = r->b;
    double loss = 0, smoothing = r->training ? r->spec->training.label_smoothing : 0;
    for (size_t row = 0; row < b->n; row++) {
        const double *x = logits->x + row * logits->c;
        double most = -HUGE_VAL, sum = 0;
        for (size_t j = 0; j < logits->c; j++)
            most = fmax(most, x[j]);
        for (size_t j = 0; j < logits->c; j++)
            sum += exp(x[j] - most);
        for (size_t j = 0; j < logits->c && out_probability; j++)
            out_probability[row * logits->c + j] = exp(x[j] - most) / sum;
        for (size_t j = 0; j < logits->c && b->label; j++) {
            double hard = j == (size_t)b->label[row] ? 1 - smoothing : 0;
            loss += (b->weight ? (double)b->weight[row] : 1) *
                    (hard + smoothing / (double)logits->c) * (log(sum) - (x[j] - most)) /
                    (double)b->n;
        }
    }
    return loss;
}

/* The loss of a branch's own softmax. */
static inline double ref_auxiliary(struct ref *r, const struct ref_act *branch)
{
    const struct nn_layer dense = { .op = NN_DENSE, .size = -1 };
    double before = r->penalty;
    struct ref_act logits = ref_dense(r, &dense, branch);
    double loss = ref_cross_entropy(r, &logits, NULL);
    r->penalty = before; /* its kernel has none */
    r->op++;
    free(logits.x);
    return r->training ? r->spec->training.auxiliary * loss : 0;
}

/* Loss (penalties included) and probabilities (B, C; may be NULL) for these weights. */
static inline double ref_loss(const struct nn_spec *s, const struct nn_dims *dims,
                              const struct nn_batch *b, const double *weights, bool training,
                              uint64_t draw, double *out_probability)
{
    struct ref r = { s, dims, b, weights, training, draw, 0, 0 };
    struct ref_act deep[N_NN_INPUT], wide[N_NN_INPUT + 1] = { 0 }, a;
    size_t n_deep = 0, n_wide = 0;
    double loss = 0;
    for (size_t i = 0; i < s->n_branch; i++) {
        const struct nn_branch *branch = &s->branch[i];
        bool ends = nn_ends_in_classes(branch->layer, branch->n_layer);
        r.op++; /* the input is an operator too */
        a = ref_chain(&r, branch->layer, branch->n_layer, ref_input(&r, branch->input));
        if (s->n_branch > 1 && s->training.auxiliary > 0 && !ends)
            loss += ref_auxiliary(&r, &a);
        *(ends ? &wide[n_wide++] : &deep[n_deep++]) = a;
    }
    bool joins = s->n_head && s->head[0].op == NN_CONCAT;
    if (n_deep) {
        r.op += joins;
        a = joins ? ref_concat(&r, deep, n_deep) : deep[0];
        wide[n_wide++] = ref_chain(&r, s->head + joins, s->n_head - joins, a);
    }
    a = wide[0];
    for (size_t k = 1; k < n_wide; k++) {
        for (size_t i = 0; i < b->n * dims->n_class; i++)
            a.x[i] += wide[k].x[i];
        free(wide[k].x);
    }
    loss += ref_cross_entropy(&r, &a, out_probability);
    free(a.x);
    return loss + r.penalty;
}

#endif
