#include "near.h"

#include <stdio.h>

#include "runner/execute/retry.h"

static int temporary[] = { 75 };
static const struct retry plain = { .max = 3,
                                    .delay_ms = 1000,
                                    .max_delay_ms = 60000,
                                    .backoff = 1,
                                    .on_exit = temporary,
                                    .n_on_exit = 1 };

/* The delay before the attempt after `attempt`; -1: none. */
static int64_t delay_after(const struct retry *r, int exit_code, bool timed_out, int64_t attempt,
                           uint64_t seed)
{
    struct retry_case c = { exit_code, timed_out, attempt, seed };
    int64_t ms = -2;
    return retry_again(r, &c, &ms) ? ms : -1;
}

/* A seed in the middle: no jitter either way. */
static const uint64_t middle = UINT64_C(1) << 63;

static void what_is_listed_is_tried_again_and_nothing_else(void **unused)
{
    (void)unused;
    int listed[] = { 3, 75, 124 };
    struct retry r = plain;
    assert_int_equal(delay_after(&r, 75, false, 1, middle), 1000);
    for (int status = -1; status < 256; status++)
        if (status != 75)
            assert_int_equal(delay_after(&r, status, false, 1, middle), -1);
    r.on_exit = listed;
    r.n_on_exit = 3;
    assert_int_equal(delay_after(&r, 3, false, 1, middle), 1000);
    assert_int_equal(delay_after(&r, 4, false, 1, middle), -1);
}

static void a_timeout_is_tried_again_only_where_that_is_asked_for(void **unused)
{
    (void)unused;
    struct retry r = plain;
    assert_int_equal(delay_after(&r, -1, true, 1, middle), -1);
    assert_int_equal(delay_after(&r, 75, true, 1, middle), -1); /* it ended so because of TERM */
    r.on_timeout = true;
    assert_int_equal(delay_after(&r, -1, true, 1, middle), 1000);
    assert_int_equal(delay_after(&r, -1, false, 1, middle), -1); /* a signal of its own */
}

static void after_the_last_attempt_there_is_no_other(void **unused)
{
    (void)unused;
    struct retry r = plain;
    assert_int_equal(delay_after(&r, 75, false, 3, middle), 1000);
    assert_int_equal(delay_after(&r, 75, false, 4, middle), -1);
    r.max = 0;
    assert_int_equal(delay_after(&r, 75, false, 1, middle), -1);
}

static void the_delay_grows_to_its_limit(void **unused)
{
    (void)unused;
    struct retry r = plain;
    static const int64_t want[] = { 1000, 3000, 9000, 27000, 60000, 60000 };
    r.max = 1000;
    r.backoff = 3;
    for (int64_t k = 1; k <= 6; k++)
        assert_int_equal(delay_after(&r, 75, false, k, middle), want[k - 1]);
    r.backoff = 100;
    assert_int_equal(delay_after(&r, 75, false, 1000, middle), 60000); /* 100^999 is no number */
    r.delay_ms = 90000;
    assert_int_equal(delay_after(&r, 75, false, 1, middle), 60000);
}

static void jitter_is_up_to_its_share_either_way(void **unused)
{
    (void)unused;
    struct retry r = plain;
    r.jitter = 0.2;
    assert_int_equal(delay_after(&r, 75, false, 1, 0), 800);
    assert_int_equal(delay_after(&r, 75, false, 1, UINT64_MAX), 1200);
    assert_int_equal(delay_after(&r, 75, false, 1, middle), 1000);
    r.jitter = 1;
    assert_int_equal(delay_after(&r, 75, false, 1, 0), 0);
}

static void the_seed_is_of_run_stage_and_attempt(void **unused)
{
    (void)unused;
    uint64_t seed = retry_seed("20261121-030000", "train", 1);
    assert_true(seed == retry_seed("20261121-030000", "train", 1));
    assert_true(seed != retry_seed("20261121-030001", "train", 1));
    assert_true(seed != retry_seed("20261121-030000", "trai", 1));
    assert_true(seed != retry_seed("20261121-030000", "train", 2));
    /* Spread over the whole range: of 1000 runs about half are in either half. */
    int low = 0;
    for (int i = 0; i < 1000; i++) {
        char run[16];
        snprintf(run, sizeof run, "run-%d", i);
        low += retry_seed(run, "train", 1) < middle;
    }
    assert_true(low > 430 && low < 570);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_listed_is_tried_again_and_nothing_else),
        cmocka_unit_test(a_timeout_is_tried_again_only_where_that_is_asked_for),
        cmocka_unit_test(after_the_last_attempt_there_is_no_other),
        cmocka_unit_test(the_delay_grows_to_its_limit),
        cmocka_unit_test(jitter_is_up_to_its_share_either_way),
        cmocka_unit_test(the_seed_is_of_run_stage_and_attempt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
