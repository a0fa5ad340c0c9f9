#include "gradcheck.h"

static void rows_are_looked_up_and_gradients_summed_over_repeated_words(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 4, flatten, dense: classes"), small_dims);
}

static void without_a_mask_the_padding_is_a_word_too(void **state)
{
    (void)state;
    check_network("network: 1\nbranches: {text: {vocabulary: 9, length: 5, mask: false, layers: "
                  "[embedding: 4, flatten, "
                  "dense: classes]}}\ntraining: {shards: 4}\n",
                  small_dims);
}

static void rows_that_are_not_in_the_batch_have_gradient_zero(void **state)
{
    (void)state;
    struct case_data c = case_make(TEXT_OF("embedding: 4, pool_time: mean, dense: classes"),
                                   small_dims, 4, 3);
    struct err e = { 0 };
    struct net *n = NULL;
    double loss;
    c.dims.batch = 4;
    c.dims.vocabulary = 40; /* words 9 .. 39 never occur */
    assert_ok(net_build(&n, &c.spec, &c.dims, 1, &e), e);
    net_init(n, 1);
    for (size_t i = 0; i < c.dims.length * 4; i++)
        c.ids[i] += c.ids[i] ? 20 : 0;
    assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
    for (size_t i = 0; i < c.dims.length * 4; i++)
        c.ids[i] -= c.ids[i] ? 20 : 0;
    assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
    for (size_t i = 0; i < 40 * 4; i++)
        if (i / 4 == 0 || i / 4 >= 9)
            assert_true(net_gradients(n)[i] == 0);
    net_free(n);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_looked_up_and_gradients_summed_over_repeated_words),
        cmocka_unit_test(without_a_mask_the_padding_is_a_word_too),
        cmocka_unit_test(rows_that_are_not_in_the_batch_have_gradient_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
