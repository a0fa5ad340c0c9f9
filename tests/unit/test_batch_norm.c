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
        cmocka_unit_test(running_statistics_move_by_a_hundredth),
        cmocka_unit_test(or_by_what_the_layer_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
