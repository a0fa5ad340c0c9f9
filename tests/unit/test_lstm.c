#include "gradcheck.h"

static void the_last_step_matches_the_reference(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 4, lstm: 5, dense: classes"), small_dims);
}

static void layers_of_all_steps_under_a_mask_at_the_end(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 4, {lstm: 5, steps: all}, {lstm: 3, steps: all}, pool_time: "
                          "mean, dense: classes"),
                  small_dims);
}

static void padding_in_front(void **state)
{
    (void)state;
    check_network("network: 1\nbranches: {text: {vocabulary: 9, length: 5, pad: front, layers: "
                  "[embedding: 4, {lstm: 5, "
                  "steps: all}, lstm: 3, dense: classes]}}\ntraining: {shards: 3}\n",
                  small_dims);
}

static void without_a_mask_the_padding_is_read(void **state)
{
    (void)state;
    check_network("network: 1\nbranches: {text: {vocabulary: 9, length: 5, mask: false, layers: "
                  "[embedding: 4, {lstm: 5, "
                  "steps: all}, lstm: 3, dense: classes]}}\ntraining: {shards: 3}\n",
                  small_dims);
}

static void dropout_of_input_and_state_has_one_mask_for_all_steps(void **state)
{
    (void)state;
    check_network(
        TEXT_OF("embedding: 4, {lstm: 5, steps: all, dropout: 0.5, recurrent_dropout: 0.5}, "
                "{lstm: 3, dropout: 0.3, recurrent_dropout: 0.6, l2: 0.01}, dense: classes"),
        small_dims);
}

static void wider_than_a_vector_register(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 19, lstm: 21, dense: classes"), small_dims);
}

static void a_batch_without_words_has_no_gradient_from_the_one_before(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    struct err e = { 0 };
    struct net *n = NULL;
    double loss;
    dims.batch = 6;
    struct case_data c = case_make(TEXT_OF("embedding: 4, lstm: 5, dense: classes"), dims, 6, 3);
    assert_ok(net_build(&n, &c.spec, &dims, 2, &e), e);
    net_init(n, 1);
    assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
    memset(c.n_word, 0, 6 * sizeof *c.n_word);
    assert_ok(net_train(n, &c.b, 2, &loss, NULL, &e), e);
    for (size_t k = 0; k < 4; k++) /* embeddings, kernel, recurrent kernel, bias */
        for (size_t i = 0; i < net_params(n)[k].n; i++)
            assert_true(net_gradients(n)[net_params(n)[k].offset + i] == 0);
    net_free(n);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_step_matches_the_reference),
        cmocka_unit_test(layers_of_all_steps_under_a_mask_at_the_end),
        cmocka_unit_test(padding_in_front),
        cmocka_unit_test(without_a_mask_the_padding_is_read),
        cmocka_unit_test(dropout_of_input_and_state_has_one_mask_for_all_steps),
        cmocka_unit_test(wider_than_a_vector_register),
        cmocka_unit_test(a_batch_without_words_has_no_gradient_from_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
