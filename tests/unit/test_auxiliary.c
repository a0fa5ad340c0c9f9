#include "gradcheck.h"

#define FUSION(training)                                                           \
    "network: 1\nbranches:\n"                                                      \
    "  text: {vocabulary: 9, length: 5, layers: [{embedding: 4}, {lstm: 3}]}\n"    \
    "  pixels: {layers: [{conv2d: 4, activation: relu}, maxpool: 2, flatten]}\n"   \
    "  features: {layers: [relu]}\n"                                               \
    "head: [concat, {dense: 5, activation: relu}, dropout: 0.3, dense: classes]\n" \
    "training: {shards: 3, l2: 0.01, " training "}\n"

static void losses_of_branches_match_the_reference(void **state)
{
    (void)state;
    check_network(FUSION("auxiliary: 0.3"), small_dims);
}

static void they_change_nothing_in_prediction(void **state)
{
    (void)state;
    struct case_data c = case_make(FUSION("auxiliary: 0.3"), small_dims, 6, 3);
    struct err e = { 0 };
    float found[2][18];
    c.dims.batch = 6;
    for (int i = 0; i < 2; i++) {
        struct net *n = NULL;
        c.spec.training.auxiliary = i ? 0 : 0.3;
        assert_ok(net_build(&n, &c.spec, &c.dims, 1, &e), e);
        for (size_t k = 0; k < net_n_param(n); k++)
            for (size_t j = 0; j < net_params(n)[k].n && !net_params(n)[k].scaffold; j++)
                net_weights(n)[net_params(n)[k].offset + j] = 0.01f * (float)(j % 17) - 0.08f;
        net_predict(n, &c.b, found[i]);
        net_free(n);
    }
    assert_memory_equal(found[0], found[1], sizeof found[0]);
    case_free(&c);
}

static void the_part_of_the_loss_is_told(void **state)
{
    (void)state;
    struct case_data c = case_make(FUSION("auxiliary: 0.3"), small_dims, 6, 3);
    struct err e = { 0 };
    struct net *n = NULL;
    double loss, *w;
    c.dims.batch = 6;
    assert_ok(net_build(&n, &c.spec, &c.dims, 2, &e), e);
    case_weights(n, &w);
    assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
    c.spec.training.auxiliary = 1e-300; /* the same weights, no part of the loss to speak of */
    assert_near(loss - net_auxiliary_loss(n), ref_loss(&c.spec, &c.dims, &c.b, w, true, 1, NULL),
                1e-5, 0);
    assert_true(net_auxiliary_loss(n) > 0.5);
    free(w);
    net_free(n);
    case_free(&c);
}

static void one_branch_alone_has_no_loss_of_its_own(void **state)
{
    (void)state;
    struct case_data c = case_make("network: 1\nbranches: {features: {layers: [{dense: 4}]}}\n"
                                   "head: [{dense: classes}]\ntraining: {auxiliary: 1}\n",
                                   small_dims, 6, 3);
    struct err e = { 0 };
    struct net *n = NULL;
    c.dims.batch = 6;
    assert_ok(net_build(&n, &c.spec, &c.dims, 1, &e), e);
    assert_int_equal(net_n_param(n), 4);
    net_free(n);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_of_branches_match_the_reference),
        cmocka_unit_test(they_change_nothing_in_prediction),
        cmocka_unit_test(the_part_of_the_loss_is_told),
        cmocka_unit_test(one_branch_alone_has_no_loss_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
