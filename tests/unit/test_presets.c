#include "gradcheck.h"

static size_t count(const char *preset, size_t size, size_t length)
{
    char path[200];
    struct nn_spec s = { 0 };
    struct net *n = NULL;
    struct err e = { 0 };
    snprintf(path, sizeof path, "models/presets/%s.yaml", preset);
    assert_ok(nn_spec_read(&s, path, &e), e);
    const struct nn_branch *text = nn_spec_branch(&s, NN_TEXT);
    struct nn_dims dims = { .vocabulary = text ? (size_t)text->vocabulary : 0,
                            .length = length,
                            .height = size,
                            .width = size,
                            .n_feature = 12,
                            .n_gram = 50000,
                            .n_class = 27,
                            .batch = 1 };
    assert_ok(net_build(&n, &s, &dims, 1, &e), e);
    size_t weights = net_n_weight(n);
    net_free(n);
    nn_spec_release(&s);
    return weights;
}

static void fusion_small_has_the_weights_of_the_old_system(void **state)
{
    (void)state;
    assert_int_equal(count("fusion-small", 250, 10), 2292363);
}

static void fusion_76_has_the_weights_of_the_old_system(void **state)
{
    (void)state;
    assert_int_equal(count("fusion-76", 250, 200), 1220875);
}

static void the_other_presets_have_the_weights_worked_out_by_hand(void **state)
{
    (void)state;
    assert_int_equal(count("fusion", 64, 64), 8171495);
    assert_int_equal(count("text", 64, 64), 2641830);
    assert_int_equal(count("image", 64, 64), 430971);
}

static void pictures_of_another_size_than_the_file_says_are_refused(void **state)
{
    (void)state;
    struct nn_spec s = { 0 };
    struct net *n = NULL;
    struct err e = { 0 };
    struct nn_dims dims = {
        .vocabulary = 100, .length = 10, .height = 64, .width = 64, .n_class = 27, .batch = 1
    };
    assert_ok(nn_spec_read(&s, "models/presets/fusion-small.yaml", &e), e);
    assert_error(net_build(&n, &s, &dims, 1, &e), ERR_USAGE, e,
                 "made for pictures of 250 x 250, these are 64 x 64");
    nn_spec_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fusion_small_has_the_weights_of_the_old_system),
        cmocka_unit_test(fusion_76_has_the_weights_of_the_old_system),
        cmocka_unit_test(the_other_presets_have_the_weights_worked_out_by_hand),
        cmocka_unit_test(pictures_of_another_size_than_the_file_says_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
