/* The engine against PyTorch: the same network, data and first weights, 20 steps of SGD.
 * tests/ref/torch_sgd.py made the numbers and says how weights and data come about. */
#include "hashed.h"
#include "near.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/op.h"
#include "models/nn/optimizer.h"
#include "tests/ref/torch_sgd.h"

enum { B = 16, T = 24, SIDE = 32, VOCABULARY = 1000, N_CLASS = 27, STEPS = 20, BATCHES = 2 };
enum { PIXELS = SIDE * SIDE * 3, IDS = 200, BYTES = 201, LABELS = 202 };

static const char network[] =
    "network: 1\n"
    "branches:\n"
    "  text: {vocabulary: 1000, length: 24, pad: end, layers: [embedding: 128, lstm: 128]}\n"
    "  pixels:\n"
    "    layers:\n"
    "      - {conv2d: 32, kernel: 3, padding: same, activation: relu}\n"
    "      - maxpool: 2\n"
    "      - {conv2d: 64, kernel: 3, padding: same, activation: relu}\n"
    "      - maxpool: 2\n"
    "      - {conv2d: 128, kernel: 3, padding: same, activation: relu}\n"
    "      - maxpool: 2\n"
    "      - flatten\n"
    "      - {dense: 128, activation: relu}\n"
    "head: [concat, {dense: 128, activation: relu}, dense: classes]\n"
    "training: {optimizer: sgd}\n";

static int32_t whole(uint64_t stream, size_t i, int32_t below)
{
    int32_t n = (int32_t)(((float)hashed_uniform(stream, i) + 1.0f) / 2.0f * (float)below);
    return n < below ? n : below - 1;
}

static void set_weights(struct net *n)
{
    for (size_t k = 0; k < net_n_param(n); k++) {
        const struct nn_param *p = &net_params(n)[k];
        size_t fan = p->rank > 1 && p->shape[0] != VOCABULARY ? p->n / p->shape[p->rank - 1] : 100;
        for (size_t i = 0; i < p->n; i++)
            net_weights(n)[p->offset + i] = (float)hashed_uniform(k, i) / sqrtf((float)fan);
    }
}

static void twenty_losses_are_those_of_pytorch(void **state)
{
    (void)state;
    struct nn_spec spec = { 0 };
    struct err e = { 0 };
    struct nn_dims dims = { .vocabulary = VOCABULARY,
                            .length = T,
                            .height = SIDE,
                            .width = SIDE,
                            .n_class = N_CLASS,
                            .batch = B };
    int32_t *ids = mem_calloc(BATCHES * B * T, sizeof *ids), n_word[B], label[BATCHES * B];
    uint8_t *bytes = mem_calloc(BATCHES * B, PIXELS);
    const uint8_t *row[BATCHES * B];
    assert_ok(nn_spec_parse(&spec, "network", network, &e), e);
    for (size_t i = 0; i < BATCHES * B * T; i++)
        ids[i] = 1 + whole(IDS, i, VOCABULARY - 1);
    for (size_t i = 0; i < (size_t)BATCHES * B * PIXELS; i++)
        bytes[i] = (uint8_t)whole(BYTES, i, 256);
    for (size_t i = 0; i < BATCHES * B; i++) {
        row[i] = bytes + i * PIXELS;
        label[i] = whole(LABELS, i, N_CLASS);
        n_word[i % B] = T;
    }
    for (int kind = KERNELS_AUTO; kind <= KERNELS_OPENBLAS; kind++) {
        struct net *n = NULL;
        struct optimizer o = { 0 };
        assert_ok(net_build_with(&n, &spec, &dims, 2, (enum nn_kernels)kind, &e), e);
        optimizer_init(&o, &spec.training, net_n_weight(n));
        set_weights(n);
        for (size_t s = 0; s < STEPS; s++) {
            size_t k = s % BATCHES;
            struct nn_batch b = { .n = B,
                                  .ids = ids + k * B * T,
                                  .n_word = n_word,
                                  .pixels = row + k * B,
                                  .label = label + k * B };
            struct nn_step step;
            assert_ok(optimizer_train(&o, n, &b, s, 0.5, &step, &e), e);
            assert_near(step.loss, torch_loss[s], 0, 1e-4);
        }
        optimizer_release(&o);
        net_free(n);
    }
    free(ids);
    free(bytes);
    nn_spec_release(&spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_losses_are_those_of_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
