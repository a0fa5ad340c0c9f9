#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "num/partition.h"

#define SHARE(a, b, c)                                                                \
    {                                                                                 \
        [PARTITION_TRAIN] = (a), [PARTITION_VALIDATION] = (b), [PARTITION_TEST] = (c) \
    }

static void check_sizes(const size_t *found, size_t train, size_t validation, size_t test,
                        size_t nothing)
{
    if (found[0] != train || found[1] != validation || found[2] != test || found[3] != nothing)
        fail_msg("sizes %zu %zu %zu %zu, want %zu %zu %zu %zu", found[0], found[1], found[2],
                 found[3], train, validation, test, nothing);
}

static void sizes(size_t n, double a, double b, double c, size_t out[N_PARTITION])
{
    double share[N_PARTITION] = SHARE(a, b, c);
    partition_shares(share);
    partition_sizes(n, share, out);
}

static void test_and_validation_round_up_as_scikit_learn_does(void **state)
{
    size_t s[N_PARTITION];
    (void)state;
    sizes(891, 0.8, 0, 0.2, s);
    check_sizes(s, 712, 0, 179, 0);
    sizes(891, 0.8, 0.1, 0.1, s);
    check_sizes(s, 711, 90, 90, 0);
    sizes(30, 0.8, 0.1, 0.1, s); /* 0.1 * 30 is 3.0000000000000004 in some orders of operation */
    check_sizes(s, 24, 3, 3, 0);
    sizes(100, 0.5, 0.1, 0.1, s);
    check_sizes(s, 50, 10, 10, 30);
    sizes(7, 0.1, 0.2, 0.1, s);
    check_sizes(s, 1, 2, 1, 3); /* 0.7 rounds down to nothing, but training gets one */
    sizes(0, 0.8, 0.1, 0.1, s);
    check_sizes(s, 0, 0, 0, 0);
}

static void training_gets_a_row_even_of_very_few(void **state)
{
    size_t s[N_PARTITION];
    (void)state;
    sizes(1, 0.8, 0.1, 0.1, s);
    check_sizes(s, 1, 0, 0, 0);
    sizes(2, 0.8, 0.1, 0.1, s);
    check_sizes(s, 1, 0, 1, 0);
    sizes(3, 0, 0.5, 0.5, s); /* unless nobody wants to train */
    check_sizes(s, 0, 1, 2, 0);
}

static void a_class_is_divided_by_the_largest_remainder(void **state)
{
    double share[N_PARTITION] = SHARE(0.7, 0.2, 0.1), behind[N_PARTITION] = { 0 };
    size_t s[N_PARTITION];
    (void)state;
    partition_shares(share);
    partition_class_sizes(9, share, behind,
                          s); /* 6.3 1.8 0.9: 6 1 0, then test (.9), then validation (.8) */
    check_sizes(s, 6, 2, 1, 0);
    assert_near(behind[PARTITION_TRAIN], 0.3, 1e-12, 0);
    assert_near(behind[PARTITION_VALIDATION], -0.2, 1e-12, 0);
    assert_near(behind[PARTITION_TEST], -0.1, 1e-12, 0);
}

static void equal_remainders_go_to_the_side_that_is_behind(void **state)
{
    double share[N_PARTITION] = SHARE(0.8, 0.1, 0.1), behind[N_PARTITION] = { 0 };
    size_t s[N_PARTITION], total[N_PARTITION] = { 0 };
    (void)state;
    partition_shares(share);
    for (int c = 0; c < 20; c++) {
        partition_class_sizes(5, share, behind, s); /* 4 .5 .5 each time */
        assert_int_equal(s[PARTITION_TRAIN], 4);
        for (int k = 0; k < N_PARTITION; k++)
            total[k] += s[k];
    }
    check_sizes(total, 80, 10, 10, 0);
}

static void a_tiny_class_gets_its_first_row_into_training(void **state)
{
    double share[N_PARTITION] = SHARE(0.2, 0.4, 0.4), behind[N_PARTITION] = { 0 };
    size_t s[N_PARTITION];
    (void)state;
    partition_shares(share);
    partition_class_sizes(1, share, behind, s);
    check_sizes(s, 1, 0, 0, 0);
    partition_class_sizes(2, share, behind, s);
    assert_int_equal(s[PARTITION_TRAIN], 1);
}

enum { N = 1000, N_CLASS = 7 };

struct fixture {
    size_t row[N];
    int32_t code[N];
    uint8_t side[N];
    size_t size[N_CLASS];
};

/* 1000 rows, every 10th without label; class c has about (c + 1) / 28 of the others */
static size_t fill(struct fixture *f)
{
    size_t n = 0;
    memset(f, 0, sizeof *f);
    memset(f->side, PARTITION_SIDE_NOTHING, N);
    for (size_t i = 0; i < N; i++) {
        size_t left = i % 28;
        int32_t c = 0;
        f->code[i] = -1;
        if (i % 10 == 9)
            continue;
        while (left > (size_t)c) {
            left -= (size_t)c + 1;
            c++;
        }
        f->code[i] = c;
        f->size[c]++;
        f->row[n++] = i;
    }
    return n;
}

static size_t count(const struct fixture *f, int32_t class, uint8_t side)
{
    size_t n = 0;
    for (size_t i = 0; i < N; i++)
        n += f->code[i] == class && f->side[i] == side;
    return n;
}

static void every_class_keeps_its_shares(void **state)
{
    double share[N_PARTITION] = SHARE(0.6, 0.2, 0.1);
    struct fixture f;
    size_t n = fill(&f);
    (void)state;
    partition_shares(share);
    partition_stratified(f.side, f.row, n, f.code, N_CLASS, share, 42);
    for (int32_t c = 0; c < N_CLASS; c++) {
        double has = (double)f.size[c];
        assert_near((double)count(&f, c, 0), 0.6 * has, 1.0, 0);
        assert_near((double)count(&f, c, 1), 0.2 * has, 1.0, 0);
        assert_near((double)count(&f, c, 2), 0.1 * has, 1.0, 0);
        assert_int_equal(count(&f, c, 0) + count(&f, c, 1) + count(&f, c, 2) + count(&f, c, 255),
                         f.size[c]);
    }
    assert_int_equal(count(&f, -1, 255), N - n); /* rows that were not drawn are untouched */
}

static void another_seed_draws_other_rows_the_same_seed_the_same(void **state)
{
    double share[N_PARTITION] = SHARE(0.5, 0, 0.5);
    struct fixture a, b, c;
    size_t n = fill(&a);
    (void)state;
    fill(&b);
    fill(&c);
    partition_shares(share);
    partition_random(a.side, a.row, n, share, 7);
    partition_random(b.side, b.row, n, share, 7);
    partition_random(c.side, c.row, n, share, 8);
    assert_memory_equal(a.side, b.side, N);
    assert_true(memcmp(a.side, c.side, N) != 0);
    partition_stratified(a.side, a.row, n, a.code, N_CLASS, share, 7);
    partition_stratified(b.side, b.row, n, b.code, N_CLASS, share, 7);
    partition_stratified(c.side, c.row, n, c.code, N_CLASS, share, 8);
    assert_memory_equal(a.side, b.side, N);
    assert_true(memcmp(a.side, c.side, N) != 0);
}

static void a_random_draw_mixes_the_order_of_the_rows(void **state)
{
    double share[N_PARTITION] = SHARE(0.5, 0, 0.5);
    struct fixture f;
    size_t n = fill(&f), early = 0;
    (void)state;
    partition_shares(share);
    partition_random(f.side, f.row, n, share, 1);
    for (size_t i = 0; i < n / 2; i++)
        early += f.side[f.row[i]] == 0;
    assert_near((double)early, (double)n / 4, 60, 0); /* hypergeometric, sd 7.5: 8 sd */
}

static void a_balanced_draw_takes_as_many_of_every_class(void **state)
{
    struct fixture f;
    uint8_t is_short[N_CLASS];
    size_t n = fill(&f);
    (void)state;
    partition_balanced(f.side, f.row, n, f.code, N_CLASS, 40, 10, 42, is_short);
    for (int32_t c = 0; c < N_CLASS; c++) {
        size_t has = f.size[c], train = has < 40 ? has : 40, rest = has - train,
               validation = rest < 10 ? rest : 10;
        assert_int_equal(count(&f, c, 0), train);
        assert_int_equal(count(&f, c, 1), validation);
        assert_int_equal(count(&f, c, 2), rest - validation);
        assert_int_equal(is_short[c], has < 50);
    }
    assert_true(f.size[0] < 40 && f.size[0] > 0 && f.size[6] > 50); /* both cases occur */
}

static void the_latest_rows_are_for_test_and_an_instant_is_not_cut(void **state)
{
    (void)state;
    const int64_t day[] = { 9, 1, 5, 5, 3, 7, 5, 8, 2, 4 };
    const size_t row[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
    uint8_t side[10];
    double share[N_PARTITION] = SHARE(.5, .2, .2); /* 5, 2, 2 and the oldest one for nothing */
    partition_shares(share);
    partition_ordered(side, row, 10, day, share);
    /* 1 | 2 3 4 5 5 +5 | 7 | 8 9: the third 5 stays with the others */
    const uint8_t want[] = { 2, 255, 0, 0, 0, 1, 0, 2, 0, 0 };
    assert_memory_equal(side, want, sizeof want);
}

static void folds_in_time_are_those_of_scikit_learn_and_an_instant_is_not_cut(void **state)
{
    (void)state;
    const int64_t day[] = { 9, 1, 5, 6, 3, 7, 10, 8, 2, 4, 0 };
    const size_t row[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
    uint8_t fold[11];
    /* TimeSeriesSplit(3) of 11 rows: 0 to 4 | 5 6 | 7 8 | 9 10 */
    partition_ordered_folds(fold, row, 11, day, 3);
    const uint8_t want[] = { 2, 255, 0, 0, 255, 1, 2, 1, 255, 255, 255 };
    assert_memory_equal(fold, want, sizeof want);
    /* Two days among four parts: what would begin inside of a day is empty. */
    const int64_t days[] = { 1, 2, 1, 2, 1, 2, 1, 2 };
    partition_ordered_folds(fold, row, 8, days, 3);
    const uint8_t few[] = { 255, 1, 255, 1, 255, 1, 255, 1 };
    assert_memory_equal(fold, few, sizeof few);
    partition_ordered_folds(fold, row, 2, day, 3); /* no row for a fold */
    assert_true(fold[0] == 255 && fold[1] == 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_and_validation_round_up_as_scikit_learn_does),
        cmocka_unit_test(training_gets_a_row_even_of_very_few),
        cmocka_unit_test(a_class_is_divided_by_the_largest_remainder),
        cmocka_unit_test(equal_remainders_go_to_the_side_that_is_behind),
        cmocka_unit_test(a_tiny_class_gets_its_first_row_into_training),
        cmocka_unit_test(every_class_keeps_its_shares),
        cmocka_unit_test(another_seed_draws_other_rows_the_same_seed_the_same),
        cmocka_unit_test(a_random_draw_mixes_the_order_of_the_rows),
        cmocka_unit_test(a_balanced_draw_takes_as_many_of_every_class),
        cmocka_unit_test(the_latest_rows_are_for_test_and_an_instant_is_not_cut),
        cmocka_unit_test(folds_in_time_are_those_of_scikit_learn_and_an_instant_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
