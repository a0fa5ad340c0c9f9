#include "gradcheck.h"

static void dense_layers_match_the_reference(void **state)
{
    (void)state;
    check_network(
        FEATURES_OF("{dense: 7, activation: relu, l1: 0.01}, {dense: 5, l2: 0.02}, dense: classes"),
        small_dims);
}

/* Whose weights' gradient is computed in several parts, and the batch's rows in more than one. */
static void a_large_layer_matches_the_reference(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.n_feature = 300;
    check_network(FEATURES_OF("{dense: 70, activation: relu, l2: 0.01}, dense: classes"), dims);
    check_network_at(FEATURES_OF("{dense: 20, activation: relu}, dense: classes"), dims, 280, 300);
}

static void training_penalties_reach_every_kernel_and_no_bias(void **state)
{
    (void)state;
    check_network(
        "network: 1\nbranches: {features: {layers: [{dense: 7, l1: 0.1}, dense: classes]}}\n"
        "training: {shards: 2, l1: 0.003, l2: 0.05}\n",
        small_dims);
}

static void dense_runs_on_every_step(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 4, {dense: 6, activation: relu}, lstm: 3, dense: classes"),
                  small_dims);
}

/* x = (1, 2), W = [[1, -1], [0.5, 2]], b = (0, 1): y = (2, 4); softmax and loss by hand. */
static void a_value_worked_out_by_hand(void **state)
{
    (void)state;
    struct nn_dims dims = { .n_feature = 2, .n_class = 2, .batch = 1 };
    struct nn_spec s = { 0 };
    struct net *n = NULL;
    struct err e = { 0 };
    float x[] = { 1, 2 }, p[2], w[] = { 1, -1, 0.5f, 2, 0, 1 };
    int32_t label = 0;
    double loss;
    size_t right;
    struct nn_batch b = { .n = 1, .features = x, .label = &label };
    assert_ok(nn_spec_parse(&s, "case", FEATURES_OF("dense: classes"), &e), e);
    assert_ok(net_build(&n, &s, &dims, 1, &e), e);
    memcpy(net_weights(n), w, sizeof w);
    net_predict(n, &b, p);
    assert_near((double)p[0], 1 / (1 + exp(2)), 1e-7, 0);
    assert_ok(net_train(n, &b, 0, &loss, &right, &e), e);
    assert_near(loss, log(1 + exp(2)), 1e-6, 0);
    assert_int_equal(right, 0);
    double g = 1 / (1 + exp(2)) - 1; /* p0 - 1 */
    double want[] = { g, -g, 2 * g, -2 * g, g, -g };
    for (size_t i = 0; i < 6; i++)
        assert_near((double)net_gradients(n)[i], want[i], 1e-6, 1e-6);
    net_free(n);
    nn_spec_release(&s);
}

static void smoothed_labels(void **state)
{
    (void)state;
    check_network("network: 1\nbranches: {features: {layers: [{dense: 5, activation: relu}, dense: "
                  "classes]}}\ntraining: {shards: 3, label_smoothing: 0.3}\n",
                  small_dims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_layers_match_the_reference),
        cmocka_unit_test(a_large_layer_matches_the_reference),
        cmocka_unit_test(training_penalties_reach_every_kernel_and_no_bias),
        cmocka_unit_test(dense_runs_on_every_step),
        cmocka_unit_test(a_value_worked_out_by_hand),
        cmocka_unit_test(smoothed_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
