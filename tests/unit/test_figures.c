/* Figures of an evaluation against those of scikit-learn and scipy: roc, calibration, residuals,
 * rank, paired. */
#include "hashed.h"
#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "num/calibration.h"
#include "num/paired.h"
#include "num/rank.h"
#include "num/residuals.h"
#include "num/roc.h"

struct ranking {
    size_t n;
    double noise, auc, average_precision, brier;
    size_t n_point;
    double sum[3]; /* of the points' shares of negative and positive rows and precision */
    double said[CALIBRATION_BINS], share[CALIBRATION_BINS];
};
struct estimate {
    size_t n;
    double noise, r2, mae, rmse, max_error, bias, spearman;
};
struct pairing {
    size_t n;
    double shift;
    int right;
    double difference, p_value, p_worse;
};
#include "../ref/sklearn_metrics.h"

enum {
    N_RANKING = sizeof rankings / sizeof *rankings,
    N_ESTIMATE = sizeof estimates / sizeof *estimates,
    N_PAIRING = sizeof pairings / sizeof *pairings,
    MOST = 500
};

/* Scores and labels of a case, as the generator makes them. */
static void make_ranking(size_t number, float *score, uint8_t *positive)
{
    const struct ranking *r = &rankings[number];
    for (size_t i = 0; i < r->n; i++) {
        double s = floor((hashed_uniform(2 * number, i) + 1) * 32) / 64;
        score[i] = (float)s;
        positive[i] = s + r->noise * hashed_uniform(2 * number + 1, i) > .6;
    }
}

static void areas_under_curves_are_those_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RANKING; k++) {
        float score[MOST];
        uint8_t positive[MOST];
        struct scored row[MOST];
        struct roc r = { 0 };
        struct err e = { 0 };
        double sum[3] = { 0 };
        make_ranking(k, score, positive);
        for (size_t i = 0; i < rankings[k].n; i++)
            row[i] = (struct scored){ score[i], positive[i] };
        assert_ok(roc_fit(&r, row, rankings[k].n, &e), e);
        assert_near(r.auc, rankings[k].auc, 1e-12, 0);
        assert_near(r.average_precision, rankings[k].average_precision, 1e-12, 0);
        assert_int_equal(r.n, rankings[k].n_point);
        for (size_t i = 0; i < r.n; i++) {
            sum[0] += r.false_share[i];
            sum[1] += r.recall[i];
            sum[2] += r.precision[i];
        }
        for (int i = 0; i < 3; i++)
            assert_near(sum[i], rankings[k].sum[i], 1e-10, 0);
        roc_thin(&r, .05);
        assert_true(r.n <= 60 && r.n >= 10);
        assert_near(r.recall[r.n - 1], 1, 0, 0);
        assert_near(r.auc, rankings[k].auc, 1e-12, 0);
        roc_release(&r);
    }
}

static void calibration_is_that_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_RANKING; k++) {
        float score[MOST], both[2 * MOST];
        uint8_t positive[MOST];
        int32_t label[MOST];
        struct calibration c;
        double error = 0;
        size_t n = rankings[k].n;
        make_ranking(k, score, positive);
        calibration_fit(&c, score, positive, n);
        for (size_t i = 0; i < CALIBRATION_BINS; i++) {
            assert_near(c.said[i], rankings[k].said[i], 1e-12, 0);
            assert_near(c.share[i], rankings[k].share[i], 1e-12, 0);
            error += (double)c.count[i] / (double)n * fabs(c.said[i] - c.share[i]);
        }
        assert_near(c.error, error, 1e-12, 0);
        for (size_t i = 0; i < n; i++) {
            both[2 * i] = 1 - score[i];
            both[2 * i + 1] = score[i];
            label[i] = positive[i];
        }
        assert_near(calibration_brier(label, both, n, 2), rankings[k].brier, 1e-12, 0);
    }
}

static void brier_of_three_classes_is_the_sum_over_them(void **state)
{
    /* (.5, .3, .2) and the first is true: .25 + .09 + .04 */
    (void)state;
    assert_near(calibration_brier((int32_t[]){ 0 }, (float[]){ .5f, .3f, .2f }, 1, 3), .38, 1e-7,
                0);
}

static void an_edge_belongs_to_the_bin_below(void **state)
{
    struct calibration c;
    (void)state;
    calibration_fit(&c, (float[]){ 0, .5f, .51f, 1 }, (uint8_t[]){ 0, 1, 0, 1 }, 4);
    assert_int_equal(c.count[0], 1);
    assert_int_equal(c.count[4], 1);
    assert_int_equal(c.count[5], 1);
    assert_int_equal(c.count[9], 1);
    assert_true(isnan(c.said[3]) && isnan(c.share[3]));
}

static void without_positive_or_negative_rows_there_is_no_area(void **state)
{
    struct scored all[2] = { { .5f, 1 }, { .25f, 1 } }, none[2] = { { .5f, 0 }, { .25f, 0 } };
    struct roc r = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(roc_fit(&r, all, 2, &e), e);
    assert_true(isnan(r.auc));
    assert_near(r.average_precision, 1, 0, 0);
    assert_ok(roc_fit(&r, none, 2, &e), e);
    assert_true(isnan(r.auc) && isnan(r.average_precision));
    roc_thin(&r, .01);
    assert_error(roc_fit(&r, all, 0, &e), ERR_DATA, e, "no rows");
    all[1].score = NAN;
    assert_error(roc_fit(&r, all, 2, &e), ERR_DATA, e, "the score is not finite");
    assert_int_equal(r.n_negative, 2); /* as it was */
    roc_release(&r);
}

static void one_score_for_all_rows_is_no_ranking(void **state)
{
    struct scored same[3] = { { .5f, 1 }, { .5f, 0 }, { .5f, 0 } };
    struct roc r = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(roc_fit(&r, same, 3, &e), e);
    assert_int_equal(r.n, 2);
    assert_near(r.auc, .5, 0, 0);
    assert_near(r.average_precision, 1.0 / 3, 1e-15, 0);
    roc_release(&r);
}

static void errors_of_a_regression_are_those_of_scikit_learn_and_scipy(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_ESTIMATE; k++) {
        const struct estimate *want = &estimates[k];
        double truth[MOST];
        float found[MOST];
        struct residuals r;
        struct err e = { 0 };
        for (size_t i = 0; i < want->n; i++) {
            truth[i] = nearbyint(hashed_uniform(100 + 2 * k, i) * 20);
            found[i] = (float)(truth[i] + want->noise * 10 * hashed_uniform(101 + 2 * k, i));
        }
        assert_ok(residuals_compute(&r, truth, found, want->n, &e), e);
        assert_near(r.r2, want->r2, 1e-12, 0);
        assert_near(r.mae, want->mae, 1e-6, 0); /* scikit-learn's sum is of float32 */
        assert_near(r.rmse, want->rmse, 1e-12, 1e-12);
        assert_near(r.max_error, want->max_error, 1e-12, 0);
        assert_near(r.bias, want->bias, 1e-12, 1e-9);
        assert_near(r.spearman, want->spearman, 1e-12, 0);
    }
}

static void a_constant_truth_has_the_r2_of_scikit_learn_and_no_rank(void **state)
{
    struct residuals r;
    struct err e = { 0 };
    (void)state;
    assert_ok(residuals_compute(&r, (double[]){ 3, 3 }, (float[]){ 3, 4 }, 2, &e), e);
    assert_near(r.r2, 0, 0, 0);
    assert_true(isnan(r.spearman));
    assert_ok(residuals_compute(&r, (double[]){ 3, 3 }, (float[]){ 3, 3 }, 2, &e), e);
    assert_near(r.r2, 1, 0, 0);
    assert_ok(residuals_compute(&r, (double[]){ 3 }, (float[]){ 5 }, 1, &e), e);
    assert_true(isnan(r.r2) && isnan(r.spearman));
    assert_near(r.bias, 2, 0, 0);
    assert_error(residuals_compute(&r, (double[]){ 3 }, (float[]){ INFINITY }, 1, &e), ERR_DATA, e,
                 "row 0: the estimate is not finite");
    assert_error(residuals_compute(&r, (double[]){ (double)NAN }, (float[]){ 1 }, 1, &e), ERR_DATA,
                 e, "row 0: the truth is not finite");
    assert_error(residuals_compute(&r, NULL, NULL, 0, &e), ERR_DATA, e, "no rows");
}

static void quantiles_are_numpys(void **state)
{
    double x[4] = { 1, 2, 4, 8 };
    (void)state;
    assert_near(residuals_quantile(x, 4, 0), 1, 0, 0);
    assert_near(residuals_quantile(x, 4, .5), 3, 0, 0);
    assert_near(residuals_quantile(x, 4, .9), 6.8, 1e-12, 0);
    assert_near(residuals_quantile(x, 4, 1), 8, 0, 0);
    assert_near(residuals_quantile(x, 1, .9), 1, 0, 0);
}

static void equal_values_share_their_rank(void **state)
{
    double x[5] = { 3, 1, 3, 2, 3 };
    static const double want[5] = { 4, 1, 4, 2, 4 };
    (void)state;
    rank_average(x, 5, x);
    for (int i = 0; i < 5; i++)
        assert_near(x[i], want[i], 0, 0);
    assert_near(rank_spearman((double[]){ 1, 2, 3 }, (double[]){ 1, 20, 30 }, 3), 1, 1e-15, 0);
    assert_near(rank_spearman((double[]){ 1, 2, 3 }, (double[]){ 9, 5, 1 }, 3), -1, 1e-15, 0);
}

static void the_test_of_pairs_is_that_of_scipy(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_PAIRING; k++) {
        const struct pairing *want = &pairings[k];
        double d[MOST];
        struct paired found;
        for (size_t i = 0; i < want->n; i++) {
            d[i] = hashed_uniform(200 + k, i) + want->shift;
            if (want->right)
                d[i] = d[i] > .5 ? 1 : d[i] < -.5 ? -1 : 0;
        }
        paired_test(&found, d, want->n, 1, 1);
        assert_true(found.exact);
        assert_near(found.difference, want->difference, 1e-12, 0);
        assert_near(found.p_value, want->p_value, 1e-12, 1e-9);
        assert_near(found.p_worse, want->p_worse, 1e-12, 1e-9);
    }
}

static void many_pairs_are_drawn_the_same_by_any_number_of_threads(void **state)
{
    double d[MOST];
    struct paired one, three;
    (void)state;
    for (size_t i = 0; i < MOST; i++) /* mean .05, standard error .0258: z is about 2 */
        d[i] = hashed_uniform(300, i) + .05;
    paired_test(&one, d, MOST, 7, 1);
    paired_test(&three, d, MOST, 7, 3);
    assert_false(one.exact);
    assert_near(three.p_value, one.p_value, 0, 0);
    assert_near(three.p_worse, one.p_worse, 0, 0);
    double mean = 0, square = 0;
    for (size_t i = 0; i < MOST; i++) {
        mean += d[i] / MOST;
        square += d[i] * d[i];
    }
    double z = mean * MOST / sqrt(square); /* under random signs nearly normal */
    assert_near(one.p_value, erfc(fabs(z) / sqrt(2)), .012, 0);
    assert_near(one.p_worse, erfc(-z / sqrt(2)) / 2, .012, 0);
}

static void equal_models_do_not_differ(void **state)
{
    double d[3] = { 0 };
    struct paired p;
    (void)state;
    paired_test(&p, d, 3, 1, 2);
    assert_int_equal(p.n_differ, 0);
    assert_near(p.p_value, 1, 0, 0);
    assert_near(p.p_worse, 1, 0, 0);
    assert_near(p.difference, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_under_curves_are_those_of_scikit_learn),
        cmocka_unit_test(calibration_is_that_of_scikit_learn),
        cmocka_unit_test(brier_of_three_classes_is_the_sum_over_them),
        cmocka_unit_test(an_edge_belongs_to_the_bin_below),
        cmocka_unit_test(without_positive_or_negative_rows_there_is_no_area),
        cmocka_unit_test(one_score_for_all_rows_is_no_ranking),
        cmocka_unit_test(errors_of_a_regression_are_those_of_scikit_learn_and_scipy),
        cmocka_unit_test(a_constant_truth_has_the_r2_of_scikit_learn_and_no_rank),
        cmocka_unit_test(quantiles_are_numpys),
        cmocka_unit_test(equal_values_share_their_rank),
        cmocka_unit_test(the_test_of_pairs_is_that_of_scipy),
        cmocka_unit_test(many_pairs_are_drawn_the_same_by_any_number_of_threads),
        cmocka_unit_test(equal_models_do_not_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
