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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_step_matches_the_reference),
        cmocka_unit_test(layers_of_all_steps_under_a_mask_at_the_end),
        cmocka_unit_test(padding_in_front),
        cmocka_unit_test(without_a_mask_the_padding_is_read),
        cmocka_unit_test(dropout_of_input_and_state_has_one_mask_for_all_steps),
        cmocka_unit_test(wider_than_a_vector_register),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
