#include "gradcheck.h"

static void relu_on_rows_steps_and_pictures(void **state)
{
    (void)state;
    check_network(FEATURES_OF("dense: 6, relu, dense: classes"), small_dims);
    check_network(TEXT_OF("embedding: 4, relu, pool_time: mean, dense: classes"), small_dims);
    check_network(PICTURE_OF("conv2d: 16, relu, flatten, dense: classes"), small_dims);
}

static void flatten_keeps_the_order_of_keras_whatever_the_layout(void **state)
{
    (void)state;
    check_network(TEXT_OF("embedding: 4, flatten, dense: classes"), small_dims);
    check_network(PICTURE_OF("conv2d: 32, flatten, dense: classes"), small_dims);
    check_network(FEATURES_OF("flatten, dense: classes"), small_dims);
}

static void concat_joins_branches_in_the_order_of_the_file(void **state)
{
    (void)state;
    check_network("network: 1\nbranches:\n  features: {layers: [{dense: 3}]}\n  pixels: {layers: "
                  "[conv2d: 16, pool_space: max]}\n"
                  "  text: {vocabulary: 9, length: 5, layers: [embedding: 4, lstm: 3]}\nhead: "
                  "[concat, dense: classes]\n",
                  small_dims);
    check_network("network: 1\nbranches:\n  features: {layers: [relu]}\nhead: [concat, dense: 4, "
                  "dense: classes]\n",
                  small_dims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relu_on_rows_steps_and_pictures),
        cmocka_unit_test(flatten_keeps_the_order_of_keras_whatever_the_layout),
        cmocka_unit_test(concat_joins_branches_in_the_order_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
