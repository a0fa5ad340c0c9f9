#include "gradcheck.h"

static void statistics_are_of_the_whole_batch_not_of_a_shard(void **state)
{
    (void)state;
    check_network(
        FEATURES_OF(
            "{dense: 7, activation: relu}, batch_norm, {dense: 5}, batch_norm, dense: classes"),
        small_dims);
}

static void channels_of_pictures(void **state)
{
    (void)state;
    check_network(
        PICTURE_OF(
            "{conv2d: 5}, batch_norm, relu, maxpool: 2, batch_norm, flatten, dense: classes"),
        small_dims);
    check_network(
        PICTURE_OF("batch_norm, {conv2d: 16}, batch_norm, relu, pool_space: mean, dense: classes"),
        small_dims);
}

static void one_row_takes_the_running_statistics(void **state)
{
    (void)state;
    struct nn_dims dims = { .n_feature = 3, .n_class = 2, .batch = 4 };
    struct case_data c = case_make(FEATURES_OF("{dense: 4}, batch_norm: 0.5, dense: classes"), dims,
                                   1, 1);
    struct err e = { 0 };
    struct net *n = NULL;
    double loss, after;
    assert_ok(net_build(&n, &c.spec, &c.dims, 1, &e), e);
    assert_string_equal(net_wants_rows(n), "features.1_batch_norm");
    net_init(n, 1);
    const struct nn_param *p = net_params(n);
    assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
    for (size_t i = 0; i < p[4].n; i++) {
        assert_near((double)net_weights(n)[p[4].offset + i], 0, 0, 0);
        assert_near((double)net_weights(n)[p[5].offset + i], 1, 0, 0);
    }
    double norm = 0; /* what lies above learns from it */
    for (size_t i = 0; i < p[0].n; i++)
        norm += fabs((double)net_gradients(n)[p[0].offset + i]);
    assert_true(norm > 1e-6);
    for (size_t i = 0; i < net_n_weight(n); i++)
        net_weights(n)[i] -= 0.01f * net_gradients(n)[i];
    assert_ok(net_train(n, &c.b, 1, &after, NULL, &e), e);
    assert_true(after < loss);
    net_free(n);
    case_free(&c);
}

static void one_row_has_the_gradients_of_the_definition(void **state)
{
    (void)state;
    check_network_at(FEATURES_OF("{dense: 7}, batch_norm, dense: classes"), small_dims, 1, 4);
}

static void pictures_have_more_than_one_value(void **state)
{
    (void)state;
    struct case_data c = case_make(PICTURE_OF("{conv2d: 2}, batch_norm, flatten, dense: classes"),
                                   small_dims, 2, 1);
    struct err e = { 0 };
    struct net *n = NULL;
    c.dims.batch = 2;
    assert_ok(net_build(&n, &c.spec, &c.dims, 1, &e), e);
    assert_null(net_wants_rows(n));
    net_free(n);
    case_free(&c);
}

static void check_running(const char *network, double mean, double variance)
{
    struct nn_dims dims = { .n_feature = 1, .n_class = 2, .batch = 4 };
    struct case_data c = case_make(network, dims, 4, 1);
    struct err e = { 0 };
    struct net *n = NULL;
    double loss;
    float x[] = { 1, 3, 5, 7 }; /* mean 4, variance 5 */
    c.b.features = x;
    assert_ok(net_build(&n, &c.spec, &c.dims, 1, &e), e);
    net_init(n, 1);
    assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
    const struct nn_param *p = net_params(n);
    assert_string_equal(p[2].name, "features.0_batch_norm.moving_mean");
    assert_false(p[2].trainable);
    assert_near((double)net_weights(n)[p[2].offset], mean, 1e-6, 0);
    assert_near((double)net_weights(n)[p[3].offset], variance, 1e-6, 0);
    net_free(n);
    case_free(&c);
}

static void running_statistics_move_by_a_hundredth(void **state)
{
    (void)state;
    check_running(FEATURES_OF("batch_norm, dense: classes"), 0.04, 0.99 + 0.05);
}

static void or_by_what_the_layer_says(void **state)
{
    (void)state;
    check_running(FEATURES_OF("batch_norm: 0.9, dense: classes"), 0.4, 0.9 + 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_of_the_whole_batch_not_of_a_shard),
        cmocka_unit_test(channels_of_pictures),
        cmocka_unit_test(one_row_takes_the_running_statistics),
        cmocka_unit_test(one_row_has_the_gradients_of_the_definition),
        cmocka_unit_test(pictures_have_more_than_one_value),
        cmocka_unit_test(running_statistics_move_by_a_hundredth),
        cmocka_unit_test(or_by_what_the_layer_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
