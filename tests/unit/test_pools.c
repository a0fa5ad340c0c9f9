#include "gradcheck.h"

static void maximum_over_time_under_both_masks(void **state)
{
    (void)state;
    check_network(
        TEXT_OF("embedding: 4, {dense: 5, activation: relu}, pool_time: max, dense: classes"),
        small_dims);
    check_network("network: 1\nbranches: {text: {vocabulary: 9, length: 5, pad: front, layers: "
                  "[embedding: 4, pool_time: max, "
                  "dense: classes]}}\ntraining: {shards: 3}\n",
                  small_dims);
}

static void mean_over_time_counts_words_only_under_a_mask(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 4, pool_time: mean, dense: classes"), small_dims);
    check_network("network: 1\nbranches: {text: {vocabulary: 9, length: 5, mask: false, layers: "
                  "[embedding: 4, pool_time: mean, "
                  "dense: classes]}}\ntraining: {shards: 3}\n",
                  small_dims);
}

static void maximum_and_mean_over_the_picture(void **state)
{
    (void)state;
    check_network(PICTURE_OF("{conv2d: 5}, pool_space: max, dense: classes"), small_dims);
    check_network(PICTURE_OF("{conv2d: 16}, pool_space: mean, dense: classes"), small_dims);
    check_network(
        PICTURE_OF(
            "{conv2d: 32, padding: same, activation: relu}, pool_space: max, dense: classes"),
        small_dims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maximum_over_time_under_both_masks),
        cmocka_unit_test(mean_over_time_counts_words_only_under_a_mask),
        cmocka_unit_test(maximum_and_mean_over_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
