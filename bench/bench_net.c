/* bench_net: training and prediction speed of a network file, in samples a second.
 *
 *   bench_net [NETWORK [SIZE [BATCH [SECONDS]]]]     default: bench/reference.yaml 64 32 3
 *
 * Random words (8 to 32 a row), pictures and 20 features; 1 and 2 threads; JSON lines on stdout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/nn/optimizer.h"
#include "num/rng.h"

struct data {
    struct nn_dims dims;
    int32_t *ids, *n_word, *label;
    uint8_t *pixels;
    const uint8_t **row;
    float *features, *probability;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct data make_data(const struct nn_spec *s, size_t size, size_t batch)
{
    const struct nn_branch *text = nn_spec_branch(s, NN_TEXT);
    struct data d = { .dims = { .vocabulary = 20000,
                                .length = 32,
                                .height = size,
                                .width = size,
                                .n_feature = 20,
                                .n_class = 27,
                                .batch = batch } };
    struct rng r;
    rng_init(&r, 1, 0);
    if (text && text->vocabulary > 0)
        d.dims.vocabulary = (size_t)text->vocabulary;
    if (text && text->length > 0)
        d.dims.length = (size_t)text->length;
    size_t T = d.dims.length, n_pixel = 3 * size * size;
    d.ids = mem_calloc(batch * T, sizeof *d.ids);
    d.n_word = mem_calloc(batch, sizeof *d.n_word);
    d.label = mem_calloc(batch, sizeof *d.label);
    d.pixels = mem_calloc(batch, n_pixel);
    d.row = mem_calloc(batch, sizeof *d.row);
    d.features = mem_calloc(batch * 20, sizeof *d.features);
    d.probability = mem_calloc(batch * 27, sizeof *d.probability);
    for (size_t i = 0; i < batch; i++) {
        d.n_word[i] = (int32_t)(T / 4 + rng_below(&r, T - T / 4 + 1));
        d.label[i] = (int32_t)rng_below(&r, 27);
        d.row[i] = d.pixels + i * n_pixel;
        for (int32_t t = 0; t < d.n_word[i]; t++)
            d.ids[i * T + (size_t)t] = (int32_t)(rng_uniform(&r) * rng_uniform(&r) *
                                                 (double)d.dims.vocabulary);
        for (size_t k = 0; k < 20; k++)
            d.features[i * 20 + k] = (float)rng_normal(&r);
    }
    for (size_t i = 0; i < batch * n_pixel; i++)
        d.pixels[i] = (uint8_t)rng_below(&r, 256);
    return d;
}

static int run(const struct nn_spec *s, const struct data *d, int threads, double seconds,
               struct err *e)
{
    struct nn_batch b = { .n = d->dims.batch,
                          .ids = d->ids,
                          .n_word = d->n_word,
                          .pixels = d->row,
                          .features = d->features,
                          .label = d->label };
    struct net *n = NULL;
    struct optimizer a = { 0 };
    double loss = 0, start, train = 0, adam = 0, predict = 0;
    size_t n_train = 0, n_predict = 0;
    int rc = net_build(&n, s, &d->dims, threads, e);
    if (rc)
        return rc;
    net_init(n, 1);
    optimizer_init(&a, &(struct nn_training){ 0 }, net_n_weight(n));
    for (double begin = now(); rc == 0 && now() - begin < seconds; n_train++) {
        start = now();
        rc = net_train(n, &b, n_train, &loss, NULL, e);
        double middle = now();
        optimizer_step(&a, n, 1e-4);
        if (n_train > 0) {
            train += middle - start;
            adam += now() - middle;
        }
    }
    for (double begin = now(); now() - begin < seconds / 3; n_predict++) {
        start = now();
        net_predict(n, &b, d->probability);
        predict += now() - start;
    }
    double rows = (double)(d->dims.batch * (n_train - 1));
    char *kernels = net_kernels(n);
    printf("{\"threads\":%d,\"weights\":%zu,\"train_samples_s\":%.0f,\"step_ms\":%.3f,\"adam_ms\":%"
           ".3f,"
           "\"predict_samples_s\":%.0f,\"last_loss\":%.6f,\"kernels\":%s}\n",
           threads, net_n_weight(n), rows / (train + adam), 1e3 * train / (double)(n_train - 1),
           1e3 * adam / (double)(n_train - 1), (double)(d->dims.batch * n_predict) / predict, loss,
           kernels);
    free(kernels);
    optimizer_release(&a);
    net_free(n);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct nn_spec s = { 0 };
    long long size = 64, batch = 32;
    double seconds = 3;
    if (nn_start(argc, argv, &e) ||
        nn_spec_read(&s, argc > 1 ? argv[1] : "bench/reference.yaml", &e))
        return err_report(&e, "bench_net");
    if ((argc > 2 && !str_to_int(argv[2], &size)) || (argc > 3 && !str_to_int(argv[3], &batch)) ||
        (argc > 4 && !str_to_real(argv[4], &seconds)) || size < 1 || batch < 1)
        err_set(&e, ERR_USAGE, "usage: bench_net [NETWORK [SIZE [BATCH [SECONDS]]]]");
    struct data d = { 0 };
    if (e.code == 0)
        d = make_data(&s, (size_t)size, (size_t)batch);
    for (int threads = 1; e.code == 0 && threads <= 2; threads++)
        run(&s, &d, threads, seconds, &e);
    free(d.ids);
    free(d.n_word);
    free(d.label);
    free(d.pixels);
    free(d.row);
    free(d.features);
    free(d.probability);
    nn_spec_release(&s);
    return err_report(&e, "bench_net");
}
