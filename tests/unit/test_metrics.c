#include "near.h"

#include "num/metrics.h"

/* Three classes, six rows; the largest probabilities say 0 2 1 0 0 1. */
static const int32_t label[6] = { 0, 1, 2, 0, 1, 2 };
static const float probability[18] = {
    .8f, .1f, .1f, /* 0 right */
    .1f, .2f, .7f, /* 1 said to be 2 */
    .1f, .6f, .3f, /* 2 said to be 1 */
    .5f, .3f, .2f, /* 0 right */
    .6f, .2f, .2f, /* 1 said to be 0 */
    .2f, .5f, .3f, /* 2 said to be 1 */
};

static void the_example_of_scikit_learn_comes_out(void **state)
{
    /* f1_score([0,1,2,0,1,2], [0,2,1,0,0,1]): macro and weighted 0.2666..., classes .8, 0, 0 (its
     * own documentation) */
    struct metrics m = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_compute(&m, label, probability, 6, 3, &e), e);
    assert_int_equal(m.n, 6);
    assert_int_equal(m.right, 2);
    assert_near(m.accuracy, 1.0 / 3, 1e-15, 0);
    assert_near(m.macro_f1, .8 / 3, 1e-15, 0);
    assert_near(m.weighted_f1, .8 / 3, 1e-15, 0);
    assert_near(m.class[0].precision, 2.0 / 3, 1e-15, 0);
    assert_near(m.class[0].recall, 1, 0, 0);
    assert_near(m.class[0].f1, .8, 1e-15, 0);
    assert_near(m.class[1].f1, 0, 0, 0);
    assert_int_equal(m.class[1].predicted, 2);
    static const int64_t want[9] = { 2, 0, 0, 1, 0, 1, 0, 2, 0 };
    for (int i = 0; i < 9; i++)
        assert_int_equal(m.count[i], want[i]);
    metrics_release(&m);
    assert_null(m.count);
}

static void cross_entropy_is_the_mean_of_minus_log(void **state)
{
    struct metrics m = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_compute(&m, label, probability, 6, 3, &e), e);
    assert_near(m.loss, -(log(.8) + log(.2) + log(.3) + log(.5) + log(.2) + log(.3)) / 6, 1e-7, 0);
    metrics_release(&m);
}

static void a_probability_of_zero_costs_as_much_as_one_of_1e_7(void **state)
{
    struct metrics m = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_compute(&m, (int32_t[]){ 1 }, (float[]){ 1, 0 }, 1, 2, &e), e);
    assert_near(m.loss, 16.118095650958319, 1e-12, 0);
    metrics_release(&m);
}

static void weighted_f1_weighs_by_rows_and_macro_does_not(void **state)
{
    /* labels 0 0 0 1, said 0 0 1 1: F1 of 0 = 2*2/(2+3) = .8, of 1 = 2*1/(2+1) = 2/3 */
    struct metrics m = { 0 };
    struct err e = { 0 };
    float p[8] = { 1, 0, 1, 0, 0, 1, 0, 1 };
    (void)state;
    assert_ok(metrics_compute(&m, (int32_t[]){ 0, 0, 0, 1 }, p, 4, 2, &e), e);
    assert_near(m.macro_f1, (.8 + 2.0 / 3) / 2, 1e-15, 0);
    assert_near(m.weighted_f1, (3 * .8 + 2.0 / 3) / 4, 1e-15, 0);
    metrics_release(&m);
}

static void a_class_that_never_occurs_is_no_part_of_the_macro_mean(void **state)
{
    struct metrics m = { 0 };
    struct err e = { 0 };
    float p[6] = { 1, 0, 0, 0, 1, 0 };
    (void)state;
    assert_ok(metrics_compute(&m, (int32_t[]){ 0, 1 }, p, 2, 3, &e), e);
    assert_near(m.macro_f1, 1, 0, 0);
    assert_near(m.class[2].f1, 0, 0, 0);
    metrics_release(&m);
}

static void equal_probabilities_mean_the_first_class(void **state)
{
    struct metrics m = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_compute(&m, (int32_t[]){ 0 }, (float[]){ .5f, .5f }, 1, 2, &e), e);
    assert_int_equal(m.right, 1);
    metrics_release(&m);
}

static void bad_input_is_refused_and_changes_nothing(void **state)
{
    struct metrics m = { .n = 77 };
    struct err e = { 0 };
    (void)state;
    assert_error(metrics_compute(&m, label, probability, 0, 3, &e), ERR_DATA, e, "no rows");
    assert_error(metrics_compute(&m, (int32_t[]){ 3 }, probability, 1, 3, &e), ERR_DATA, e,
                 "row 0: label 3, want 0 to 2");
    assert_error(metrics_compute(&m, (int32_t[]){ -1 }, probability, 1, 3, &e), ERR_DATA, e,
                 "label -1");
    assert_error(metrics_compute(&m, label, (float[]){ 1, 0, 0, 0, NAN, 0 }, 2, 3, &e), ERR_DATA, e,
                 "row 1: the probability of class 1 is not finite");
    assert_int_equal(m.n, 77);
}

static void the_weight_with_the_best_accuracy_wins(void **state)
{
    /* Row 0: a is right and sure, b is wrong: right while .9w + .3(1-w) > .5, w > 1/3.
     * Row 1: b is right, a is wrong: right while .2w + .8(1-w) > .5, w < 1/2. Both: .34 .. .49.
     * Cross-entropy -log(.3 + .6w) - log(.8 - .6w) is least where (.3 + .6w)(.8 - .6w) is largest:
     * w = 5/12, so .42. */
    float a[4] = { .9f, .1f, .8f, .2f }, b[4] = { .3f, .7f, .2f, .8f };
    struct blend out;
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_blend(&out, (int32_t[]){ 0, 1 }, a, b, 2, 2, &e), e);
    assert_near(out.weight, .42, 0, 0);
    assert_near(out.accuracy, 1, 0, 0);
    assert_near(out.loss, -(log(.3 + .6 * .42) + log(.8 - .6 * .42)) / 2, 1e-7, 0);
}

static void two_equal_models_are_mixed_half_and_half(void **state)
{
    float a[2] = { .75f, .25f };
    struct blend out;
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_blend(&out, (int32_t[]){ 0 }, a, a, 1, 2, &e), e);
    assert_near(out.weight, .5, 0, 0);
}

static void a_useless_model_gets_no_weight(void **state)
{
    float good[4] = { 1, 0, 0, 1 }, bad[4] = { 0, 1, 1, 0 };
    struct blend out;
    struct err e = { 0 };
    (void)state;
    assert_ok(metrics_blend(&out, (int32_t[]){ 0, 1 }, bad, good, 2, 2, &e), e);
    assert_near(out.weight, 0, 0, 0);
    assert_ok(metrics_blend(&out, (int32_t[]){ 0, 1 }, good, bad, 2, 2, &e), e);
    assert_near(out.weight, 1, 0, 0);
    assert_error(metrics_blend(&out, (int32_t[]){ 0, 2 }, good, bad, 2, 2, &e), ERR_DATA, e,
                 "label 2");
}

static void the_interval_is_wilsons(void **state)
{
    /* 81 of 263, Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: .2553 to .3662 */
    double low, high;
    (void)state;
    metrics_interval(81, 263, &low, &high);
    assert_near(low, .2553, 5e-5, 0);
    assert_near(high, .3662, 5e-5, 0);
    metrics_interval(0, 20, &low, &high); /* the same table: 0 to .1611 */
    assert_near(low, 0, 0, 0);
    assert_near(high, .1611, 5e-5, 0);
    metrics_interval(20, 20, &low, &high);
    assert_near(high, 1, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_scikit_learn_comes_out),
        cmocka_unit_test(cross_entropy_is_the_mean_of_minus_log),
        cmocka_unit_test(a_probability_of_zero_costs_as_much_as_one_of_1e_7),
        cmocka_unit_test(weighted_f1_weighs_by_rows_and_macro_does_not),
        cmocka_unit_test(a_class_that_never_occurs_is_no_part_of_the_macro_mean),
        cmocka_unit_test(equal_probabilities_mean_the_first_class),
        cmocka_unit_test(bad_input_is_refused_and_changes_nothing),
        cmocka_unit_test(the_weight_with_the_best_accuracy_wins),
        cmocka_unit_test(two_equal_models_are_mixed_half_and_half),
        cmocka_unit_test(a_useless_model_gets_no_weight),
        cmocka_unit_test(the_interval_is_wilsons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
