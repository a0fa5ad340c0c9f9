#include "gradcheck.h"

#include "models/nn/optimizer.h"

/* Everything at once: all inputs, masks, batch norm, every kind of dropout, channel blocks,
 * penalties. */
#define FUSION(pad, shards)                                                                        \
    "network: 1\nbranches:\n"                                                                      \
    "  text: {vocabulary: 9, length: 5, pad: " pad                                                 \
    ", layers: [embedding: 4, {lstm: 5, steps: all, dropout: 0.2}, "                               \
    "dropout: 0.3, {lstm: 4, recurrent_dropout: 0.2}, {dense: 6, activation: relu}, "              \
    "batch_norm]}\n"                                                                               \
    "  pixels: {layers: [{conv2d: 16, padding: same, activation: relu}, maxpool: 2, {conv2d: 32, " \
    "l1: 0.001}, "                                                                                 \
    "batch_norm, relu, dropout: 0.3, flatten, {dense: 6, activation: relu}]}\n"                    \
    "  features: {layers: [batch_norm, {dense: 5, activation: relu}]}\n"                           \
    "head: [concat, {dense: 8, activation: relu}, dropout: 0.4, dense: classes]\n"                 \
    "training: {shards: " shards ", l2: 0.0001}\n"

/* Weights after five steps of training, B rows a time; the last batch is shorter. */
static float *trained(const char *network, struct nn_dims dims, size_t B, int threads,
                      enum nn_kernels kernels, size_t *out_n)
{
    struct case_data c = case_make(network, dims, B, 8);
    struct err e = { 0 };
    struct net *n = NULL;
    struct optimizer a = { 0 };
    double loss;
    c.dims.batch = B;
    assert_ok(net_build_with(&n, &c.spec, &c.dims, threads, kernels, &e), e);
    net_init(n, 42);
    optimizer_init(&a, &(struct nn_training){ 0 }, net_n_weight(n));
    for (uint64_t step = 0; step < 5; step++) {
        c.b.n = step == 4 ? B - 3 : B;
        assert_ok(net_train(n, &c.b, step, &loss, NULL, &e), e);
        optimizer_step(&a, n, 0.01);
    }
    *out_n = net_n_weight(n);
    float *w = mem_calloc(*out_n, sizeof *w);
    memcpy(w, net_weights(n), *out_n * sizeof *w);
    optimizer_release(&a);
    net_free(n);
    case_free(&c);
    return w;
}

static void a_fusion_of_everything_matches_the_reference(void **state)
{
    (void)state;
    check_network(FUSION("end", "3"), small_dims);
    check_network_at(FUSION("front", "4"), small_dims, 5, 5);
}

static void one_shard_or_one_row_matches_the_reference(void **state)
{
    (void)state;
    check_network_at(FUSION("end", "1"), small_dims, 4, 4);
    check_network_at(FUSION("end", "8"), small_dims, 3, 3);
    check_network_at(FEATURES_OF("dense: 3, dense: classes"), small_dims, 1, 4);
}

static void weights_are_the_same_bits_for_1_2_and_3_threads(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.height = dims.width = 20; /* large enough for Winograd, and for a dense layer in parts */
    for (int kind = KERNELS_AUTO; kind <= KERNELS_OPENBLAS; kind++) {
        enum nn_kernels kernels = (enum nn_kernels)kind;
        size_t n, m;
        float *one = trained(FUSION("end", "4"), dims, 10, 1, kernels, &n);
        for (int threads = 2; threads <= 3; threads++) {
            float *more = trained(FUSION("end", "4"), dims, 10, threads, kernels, &m);
            assert_int_equal(n, m);
            assert_memory_equal(one, more, n * sizeof *one);
            free(more);
        }
        free(one);
    }
}

static void all_kinds_of_kernels_agree(void **state)
{
    (void)state;
    enum { N_KIND = KERNELS_OPENBLAS + 1 };
    struct nn_dims dims = small_dims;
    struct err e = { 0 };
    dims.height = dims.width = 64; /* Winograd, two pictures at a time, of shards of two or three */
    dims.batch = 10;
    struct case_data c = case_make(FUSION("end", "4"), dims, 10, 8);
    struct net *net[N_KIND] = { NULL };
    char *kernels[N_KIND];
    double loss[N_KIND];
    for (int kind = 0; kind < N_KIND; kind++) {
        assert_ok(net_build_with(&net[kind], &c.spec, &dims, 1, (enum nn_kernels)kind, &e), e);
        net_init(net[kind], 42);
        assert_ok(net_train(net[kind], &c.b, 1, &loss[kind], NULL, &e), e);
        assert_near(loss[kind], loss[0], 0, 1e-5);
        kernels[kind] = net_kernels(net[kind]);
    }
    for (size_t k = 0; k < net_n_param(net[0]); k++) {
        const struct nn_param *p = &net_params(net[0])[k];
        const float *want = net_gradients(net[KERNELS_OPENBLAS]) + p->offset;
        double largest = 1e-2; /* a bias before batch norm has gradient 0 */
        for (size_t i = 0; i < p->n; i++)
            largest = fmax(largest, fabs((double)want[i]));
        for (int kind = 0; kind < KERNELS_OPENBLAS; kind++)
            for (size_t i = 0; i < p->n; i++)
                assert_near((double)net_gradients(net[kind])[p->offset + i], (double)want[i],
                            1e-4 * largest, 0);
    }
    assert_non_null(strstr(kernels[KERNELS_OPENBLAS], "\"pixels.0_conv2d\":\"im2col + sgemm\""));
#if REFIT_DNNL
    assert_non_null(strstr(kernels[KERNELS_ONEDNN], "\"pixels.0_conv2d\":\"oneDNN "));
#endif
    for (int kind = 0; kind < N_KIND; kind++) {
        free(kernels[kind]);
        net_free(net[kind]);
    }
    case_free(&c);
}

static void training_learns(void **state)
{
    (void)state;
    /* the label is the sign of a feature */
    struct nn_dims dims = small_dims;
    dims.batch = 24;
    struct case_data c = case_make(FUSION("end", "4"), dims, 24, 8);
    struct err e = { 0 };
    struct net *n = NULL;
    struct optimizer a = { 0 };
    double loss, first = 0;
    size_t right = 0;
    for (size_t i = 0; i < 24; i++)
        c.label[i] = c.features[i * dims.n_feature] > 0;
    assert_ok(net_build(&n, &c.spec, &dims, 2, &e), e);
    net_init(n, 1);
    optimizer_init(&a, &(struct nn_training){ 0 }, net_n_weight(n));
    for (uint64_t step = 0; step < 200; step++) {
        assert_ok(net_train(n, &c.b, step, &loss, &right, &e), e);
        first = step == 0 ? loss : first;
        optimizer_step(&a, n, 0.01);
    }
    assert_true(loss < 0.3 * first);
    assert_true(right >= 20);
    optimizer_release(&a);
    net_free(n);
    case_free(&c);
}

static void a_loss_that_is_not_finite_is_an_error(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.batch = 3;
    struct case_data c = case_make(FUSION("end", "2"), dims, 3, 8);
    struct err e = { 0 };
    struct net *n = NULL;
    double loss;
    assert_ok(net_build(&n, &c.spec, &dims, 1, &e), e);
    net_init(n, 1);
    net_weights(n)[net_n_weight(n) - 1] = NAN;
    assert_error(net_train(n, &c.b, 1, &loss, NULL, &e), ERR_DATA, e, "the loss is not finite");
    net_free(n);
    case_free(&c);
}

static void a_seed_decides_the_start_and_a_layer_more_changes_no_other(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.batch = 1;
    struct case_data c = case_make(FEATURES_OF("dense: 5, dense: classes"), dims, 1, 8);
    struct case_data d = case_make(FEATURES_OF("dense: 5, dropout: 0.1, dense: classes"), dims, 1,
                                   8);
    struct err e = { 0 };
    struct net *a = NULL, *b = NULL;
    assert_ok(net_build(&a, &c.spec, &dims, 1, &e), e);
    assert_ok(net_build(&b, &d.spec, &dims, 2, &e), e);
    net_init(a, 1);
    net_init(b, 1);
    assert_string_equal(net_params(a)[0].name, "features.0_dense.kernel");
    assert_memory_equal(net_weights(a), net_weights(b), 20 * sizeof(float));
    net_init(b, 2);
    assert_memory_not_equal(net_weights(a), net_weights(b), 20 * sizeof(float));
    double limit = sqrt(6.0 / 9), largest = 0;
    for (size_t i = 0; i < 20; i++)
        largest = fmax(largest, fabs((double)net_weights(a)[i]));
    assert_true(largest <= limit && largest > 0.7 * limit);
    net_free(a);
    net_free(b);
    case_free(&c);
    case_free(&d);
}

static void recurrent_kernels_start_with_orthonormal_rows_and_forget_gates_open(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.batch = 1;
    struct case_data c = case_make(TEXT_OF("embedding: 4, lstm: 8, dense: classes"), dims, 1, 8);
    struct err e = { 0 };
    struct net *n = NULL;
    assert_ok(net_build(&n, &c.spec, &dims, 1, &e), e);
    net_init(n, 3);
    const struct nn_param *u = &net_params(n)[2], *bias = &net_params(n)[3];
    assert_string_equal(u->name, "text.1_lstm.recurrent_kernel");
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 8; j++) {
            double dot = 0;
            for (size_t k = 0; k < 32; k++)
                dot += (double)net_weights(n)[u->offset + i * 32 + k] *
                       (double)net_weights(n)[u->offset + j * 32 + k];
            assert_near(dot, i == j, 1e-6, 0);
        }
    for (size_t k = 0; k < 32; k++)
        assert_true(net_weights(n)[bias->offset + k] == (k >= 8 && k < 16 ? 1 : 0));
    net_free(n);
    case_free(&c);
}

static void a_dropped_branch_leaves_a_network_of_the_others(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.batch = 4;
    dims.n_feature = 0;
    struct case_data c = case_make(FUSION("end", "3"), small_dims, 4, 8);
    struct err e = { 0 };
    struct net *n = NULL;
    assert_error(net_build(&n, &c.spec, &dims, 1, &e), ERR_USAGE, e,
                 "reads features, but there are none");
    nn_spec_drop(&c.spec, NN_FEATURES);
    assert_int_equal(c.spec.n_branch, 2);
    assert_ok(net_build(&n, &c.spec, &dims, 1, &e), e);
    c.dims = dims;
    check_built(&c, n);
    net_free(n);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fusion_of_everything_matches_the_reference),
        cmocka_unit_test(one_shard_or_one_row_matches_the_reference),
        cmocka_unit_test(weights_are_the_same_bits_for_1_2_and_3_threads),
        cmocka_unit_test(all_kinds_of_kernels_agree),
        cmocka_unit_test(training_learns),
        cmocka_unit_test(a_loss_that_is_not_finite_is_an_error),
        cmocka_unit_test(a_seed_decides_the_start_and_a_layer_more_changes_no_other),
        cmocka_unit_test(recurrent_kernels_start_with_orthonormal_rows_and_forget_gates_open),
        cmocka_unit_test(a_dropped_branch_leaves_a_network_of_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
