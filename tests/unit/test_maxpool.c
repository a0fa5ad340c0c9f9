#include "gradcheck.h"

static void windows_match_the_reference_and_incomplete_ones_are_left_out(void **state)
{
    (void)state;
    check_network(PICTURE_OF("{conv2d: 5}, maxpool: 2, flatten, dense: classes"), small_dims);
    check_network(
        PICTURE_OF(
            "{conv2d: 3, padding: same, activation: relu}, maxpool: 3, flatten, dense: classes"),
        small_dims);
}

static void the_relu_of_the_convolution_above_is_masked_after_pooling(void **state)
{
    (void)state;
    check_network(PICTURE_OF("{conv2d: 16, padding: same, activation: relu}, maxpool: 2, {conv2d: "
                             "32, padding: same, activation: relu}, "
                             "maxpool: 2, flatten, dense: classes"),
                  small_dims);
}

static void pooling_the_picture_itself(void **state)
{
    (void)state;
    check_network(PICTURE_OF("maxpool: 2, {conv2d: 16}, flatten, dense: classes"), small_dims);
}

static void a_window_larger_than_the_picture_is_refused(void **state)
{
    (void)state;
    struct case_data c = case_make(PICTURE_OF("maxpool: 10, flatten, dense: classes"), small_dims,
                                   2, 1);
    struct err e = { 0 };
    struct net *n = NULL;
    c.dims.batch = 2;
    assert_error(net_build(&n, &c.spec, &c.dims, 1, &e), ERR_USAGE, e,
                 "pixels.0_maxpool: a window of 10 does not fit into a picture of 9 x 11");
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_match_the_reference_and_incomplete_ones_are_left_out),
        cmocka_unit_test(the_relu_of_the_convolution_above_is_masked_after_pooling),
        cmocka_unit_test(pooling_the_picture_itself),
        cmocka_unit_test(a_window_larger_than_the_picture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
