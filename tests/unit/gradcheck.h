#ifndef TESTS_GRADCHECK_H
#define TESTS_GRADCHECK_H

/* A network file and sizes in; random rows and weights; then, failing the test: loss and
 * probabilities against the reference, and every parameter's gradient against central differences
 * of the reference, in double. */

#include "near.h"

#include <stdio.h>

#include "num/rng.h"
#include "refnet.h"

struct case_data {
    struct nn_spec spec;
    struct nn_dims dims;
    struct nn_batch b;
    int32_t *ids, *n_word, *label, *gram;
    float *gram_value;
    size_t *gram_first;
    uint8_t *pixels;
    const uint8_t **row;
    float *features, *weight;
};

/* Every row has some of the n-grams: row 0 none, row 1 as many as there may be. */
static inline void add_grams(struct case_data *c, size_t n, uint64_t seed)
{
    struct rng r;
    rng_init(&r, seed, 98);
    c->gram = mem_calloc(n * c->dims.most_grams, sizeof *c->gram);
    c->gram_value = mem_calloc(n * c->dims.most_grams, sizeof *c->gram_value);
    c->gram_first = mem_calloc(n + 1, sizeof *c->gram_first);
    for (size_t i = 0, at = 0; i < n; i++) {
        size_t want = i == 0   ? 0
                      : i == 1 ? c->dims.most_grams
                               : rng_below(&r, c->dims.most_grams + 1);
        size_t step = c->dims.n_gram / (want + 1), first = rng_below(&r, step + 1);
        for (size_t k = 0; k < want; k++, at++) {
            c->gram[at] = (int32_t)(first + k * step);
            c->gram_value[at] = (float)(0.2 + rng_uniform(&r));
        }
        c->gram_first[i + 1] = at;
    }
}

/* n rows of random input; row 0 has no words, row 1 all of them; one of three rows counts half. */
static inline struct case_data case_make(const char *network, struct nn_dims dims, size_t n,
                                         uint64_t seed)
{
    struct case_data c = { .dims = dims };
    struct err e = { 0 };
    struct rng r;
    rng_init(&r, seed, 99);
    assert_ok(nn_spec_parse(&c.spec, "case", network, &e), e);
    const struct nn_branch *text = nn_spec_branch(&c.spec, NN_TEXT);
    size_t T = dims.length, n_pixel = 3 * dims.height * dims.width;
    c.ids = mem_calloc(n * T, sizeof *c.ids);
    c.n_word = mem_calloc(n, sizeof *c.n_word);
    c.label = mem_calloc(n, sizeof *c.label);
    c.weight = mem_calloc(n, sizeof *c.weight);
    c.pixels = mem_calloc(n, n_pixel);
    c.row = mem_calloc(n, sizeof *c.row);
    c.features = mem_calloc(n * dims.n_feature, sizeof *c.features);
    for (size_t i = 0; i < n; i++) {
        size_t words = i == 0 ? 0 : i == 1 ? T : rng_below(&r, T + 1);
        c.n_word[i] = (int32_t)words;
        for (size_t t = 0; t < words; t++)
            c.ids[i * T + (text && text->pad_front ? T - words : 0) + t] =
                (int32_t)(1 + rng_below(&r, dims.vocabulary - 1));
        c.label[i] = (int32_t)rng_below(&r, dims.n_class);
        c.weight[i] = i % 3 == 2 ? 0.5f : 1;
        c.row[i] = c.pixels + i * n_pixel;
        for (size_t k = 0; k < dims.n_feature; k++)
            c.features[i * dims.n_feature + k] = (float)rng_normal(&r);
    }
    for (size_t i = 0; i < n * n_pixel; i++)
        c.pixels[i] = (uint8_t)rng_below(&r, 256);
    add_grams(&c, n, seed);
    c.b = (struct nn_batch){ .n = n,
                             .ids = c.ids,
                             .n_word = c.n_word,
                             .pixels = c.row,
                             .features = c.features,
                             .label = c.label,
                             .weight = c.weight,
                             .gram = c.gram,
                             .gram_value = c.gram_value,
                             .gram_first = c.gram_first };
    return c;
}

static inline void case_free(struct case_data *c)
{
    free(c->ids);
    free(c->n_word);
    free(c->label);
    free(c->weight);
    free(c->gram);
    free(c->gram_value);
    free(c->gram_first);
    free(c->pixels);
    free(c->row);
    free(c->features);
    nn_spec_release(&c->spec);
}

/* Start weights, with everything that starts at 0 or 1 moved away from there. */
static inline void case_weights(struct net *n, double **out_copy)
{
    struct rng r;
    rng_init(&r, 5, 5);
    net_init(n, 11);
    for (size_t p = 0; p < net_n_param(n); p++) {
        const struct nn_param *q = &net_params(n)[p];
        for (size_t i = 0; i < q->n; i++) {
            float *w = &net_weights(n)[q->offset + i];
            if (q->rank == 1)
                *w += (float)(0.2 * (rng_uniform(&r) - 0.3));
        }
    }
    *out_copy = mem_calloc(net_n_weight(n), sizeof **out_copy);
    for (size_t i = 0; i < net_n_weight(n); i++)
        (*out_copy)[i] = (double)net_weights(n)[i];
}

static inline void check_probabilities(const struct case_data *c, struct net *n, const double *w)
{
    size_t size = c->b.n * c->dims.n_class;
    float *found = mem_calloc(size, sizeof *found);
    double *want = mem_calloc(size, sizeof *want);
    net_predict(n, &c->b, found);
    ref_loss(&c->spec, &c->dims, &c->b, w, false, 0, want);
    for (size_t i = 0; i < size; i++)
        assert_near((double)found[i], want[i], 2e-6, 2e-5);
    free(found);
    free(want);
}

/* About 20 places of every tensor, spread over it. */
static inline void check_gradients(const struct case_data *c, struct net *n, double *w,
                                   uint64_t draw)
{
    const double step =
        1e-7; /* small: a ReLU that crosses 0 within it would spoil the difference */
    for (size_t p = 0; p < net_n_param(n); p++) {
        const struct nn_param *q = &net_params(n)[p];
        double largest = 0;
        for (size_t i = 0; i < q->n; i++)
            largest = fmax(largest, fabs((double)net_gradients(n)[q->offset + i]));
        for (size_t i = 0; i < q->n && q->trainable; i += 1 + q->n / 20) {
            double *at = &w[q->offset + i], kept = *at;
            *at = kept + step;
            double above = ref_loss(&c->spec, &c->dims, &c->b, w, true, draw, NULL);
            *at = kept - step;
            double below = ref_loss(&c->spec, &c->dims, &c->b, w, true, draw, NULL);
            *at = kept;
            double want = (above - below) / (2 * step),
                   found = (double)net_gradients(n)[q->offset + i];
            if (!(fabs(found - want) <= 1e-6 + 1e-4 * largest + 1e-3 * fabs(want)))
                fail_msg("gradient of %s[%zu] is %.9g, want %.9g (largest of the tensor %.3g)",
                         q->name, i, found, want, largest);
        }
    }
}

static inline void check_built(const struct case_data *c, struct net *n)
{
    struct err e = { 0 };
    double *w, loss;
    size_t right;
    case_weights(n, &w);
    check_probabilities(c, n, w);
    for (uint64_t draw = 7; draw < 9;
         draw++) { /* twice: nothing may be left over from the batch before */
        for (size_t i = 0; i < net_n_weight(n); i++) /* running statistics have moved */
            net_weights(n)[i] = (float)w[i];
        assert_ok(net_train(n, &c->b, draw, &loss, &right, &e), e);
        assert_near(loss, ref_loss(&c->spec, &c->dims, &c->b, w, true, draw, NULL), 1e-6, 1e-5);
        if (draw == 8)
            check_gradients(c, n, w, draw);
    }
    assert_true(right <= c->b.n);
    free(w);
}

/* n rows in a network planned for `room` rows, with all kinds of kernels. */
static inline void check_network_at(const char *network, struct nn_dims dims, size_t n, size_t room)
{
    struct case_data c = case_make(network, dims, n, 3);
    struct err e = { 0 };
    for (int kernels = KERNELS_AUTO; kernels <= KERNELS_OPENBLAS; kernels++) {
        struct net *net = NULL;
        c.dims.batch = room;
        assert_ok(net_build_with(&net, &c.spec, &c.dims, 2, (enum nn_kernels)kernels, &e), e);
        check_built(&c, net);
        net_free(net);
    }
    case_free(&c);
}

static inline void check_network(const char *network, struct nn_dims dims)
{
    check_network_at(network, dims, 6, 6);
    check_network_at(network, dims, 5, 9); /* shards of different sizes, fewer rows than planned */
}

#define TEXT_OF(layers)                                                        \
    "network: 1\nbranches: {text: {vocabulary: 9, length: 5, layers: [" layers \
    "]}}\ntraining: {shards: 3}\n"
#define PICTURE_OF(layers) \
    "network: 1\nbranches: {pixels: {layers: [" layers "]}}\ntraining: {shards: 3}\n"
#define FEATURES_OF(layers) \
    "network: 1\nbranches: {features: {layers: [" layers "]}}\ntraining: {shards: 3}\n"

static const struct nn_dims small_dims = { .vocabulary = 9,
                                           .length = 5,
                                           .height = 9,
                                           .width = 11,
                                           .n_feature = 4,
                                           .n_gram = 13,
                                           .most_grams = 5,
                                           .n_class = 3 };

#endif
