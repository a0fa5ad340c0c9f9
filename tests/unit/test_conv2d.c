#include "gradcheck.h"

static void valid_and_same_padding_match_the_reference(void **state)
{
    (void)state;
    check_network(PICTURE_OF("{conv2d: 5, activation: relu, l1: 0.01}, {conv2d: 4, padding: same}, "
                             "flatten, dense: classes"),
                  small_dims);
}

static void kernels_of_other_sizes(void **state)
{
    (void)state;
    check_network(
        PICTURE_OF(
            "{conv2d: 3, kernel: 4, padding: same}, {conv2d: 4, kernel: 1, activation: relu}, "
            "{conv2d: 2, kernel: 5}, flatten, dense: classes"),
        small_dims);
}

static void channel_blocks_match_the_reference(void **state)
{
    (void)state;
    check_network(PICTURE_OF("{conv2d: 16, padding: same, activation: relu}, {conv2d: 32, padding: "
                             "same, activation: relu}, "
                             "{conv2d: 16, l2: 0.01}, flatten, dense: classes"),
                  small_dims);
}

static void blocked_kernels_of_other_sizes(void **state)
{
    (void)state;
    check_network(
        PICTURE_OF(
            "{conv2d: 16, kernel: 5, activation: relu}, {conv2d: 16, kernel: 2, padding: same}, "
            "relu, pool_space: mean, dense: classes"),
        small_dims);
}

static void a_kernel_larger_than_the_picture_is_refused(void **state)
{
    (void)state;
    struct case_data c = case_make(PICTURE_OF("{conv2d: 4, kernel: 11}, flatten, dense: classes"),
                                   small_dims, 2, 1);
    struct err e = { 0 };
    struct net *n = NULL;
    c.dims.batch = 2;
    assert_error(net_build(&n, &c.spec, &c.dims, 1, &e), ERR_USAGE, e,
                 "pixels.0_conv2d: a kernel of 11 does not fit into a picture of 9 x 11");
    assert_null(n);
    case_free(&c);
}

static void pictures_of_several_gemms(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.height = 40; /* 40 x 40 x 9 x 8 columns are more than one GEMM takes */
    dims.width = 40;
    check_network_at(PICTURE_OF("{conv2d: 8, padding: same, activation: relu}, maxpool: 5, "
                                "{conv2d: 4}, pool_space: max, dense: classes"),
                     dims, 2, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_and_same_padding_match_the_reference),
        cmocka_unit_test(kernels_of_other_sizes),
        cmocka_unit_test(channel_blocks_match_the_reference),
        cmocka_unit_test(blocked_kernels_of_other_sizes),
        cmocka_unit_test(a_kernel_larger_than_the_picture_is_refused),
        cmocka_unit_test(pictures_of_several_gemms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
