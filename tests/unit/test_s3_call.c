/* Asking again: s3_wire and nanosleep are the ones here, so that nothing waits. */
#include "near.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/s3_call.h"

enum { MANY = 40 };

/* What the server answers, one after another; the last one again and again. */
static const struct s3_answer *script;
static size_t n_script, n_asked;
static int64_t pause_ms[MANY];
static size_t n_pause;

void s3_wire(struct s3_lane *l, const struct s3_place *p, const struct s3_exchange *x,
             struct s3_answer *a)
{
    (void)l, (void)p, (void)x;
    *a = script[n_asked < n_script ? n_asked : n_script - 1];
    n_asked++;
}

void s3_answer_release(struct s3_answer *a)
{
    *a = (struct s3_answer){ 0 };
}

void s3_sink_restart(struct s3_sink *s)
{
    (void)s;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
    (void)left;
    assert_true(n_pause < MANY);
    pause_ms[n_pause++] = (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
    return 0;
}

static int ask(const struct s3_answer *answers, size_t n, int attempts, bool *unsure, struct err *e)
{
    static char bucket[] = "models", endpoint[] = "http://h", host[] = "h", base[] = "/models",
                region[] = "us-east-1", id[] = "id", secret[] = "secret";
    struct s3 s = { .place = { .bucket = bucket,
                               .endpoint = endpoint,
                               .host = host,
                               .base = base,
                               .region = region,
                               .attempts = attempts },
                    .keys = { .id = id, .secret = secret } };
    struct s3_call c = { .action = "GetObject", .method = "GET", .key = "k" };
    struct s3_answer a = { 0 };
    script = answers;
    n_script = n;
    n_asked = n_pause = 0;
    return s3_call(&s, &s.lane, &c, &a, unsure, e);
}

static void pauses_grow_at_random_up_to_twenty_seconds(void **state)
{
    static const struct s3_answer busy = { .status = 503 };
    int64_t longest = 0;
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct err e = { 0 };
        assert_error(ask(&busy, 1, 12, NULL, &e), ERR_RETRY, e, "(after 12 attempts)");
        assert_int_equal(n_asked, 12);
        assert_int_equal(n_pause, 11);
        for (size_t i = 0; i < n_pause; i++) {
            int64_t most = i < 7 ? 200 << i : 20000;
            assert_in_range(pause_ms[i], 0, most);
            longest = pause_ms[i] > longest ? pause_ms[i] : longest;
        }
    }
    assert_in_range(longest, 12800, 20000); /* one of 200 that are up to 20 s: surely */
}

static void a_server_that_says_when_is_heeded(void **state)
{
    static const struct s3_answer answers[] = { { .status = 503, .retry_after_s = 7 },
                                                { .status = 429, .retry_after_s = 86400 },
                                                { .status = 200 } };
    struct err e = { 0 };
    (void)state;
    assert_ok(ask(answers, 3, 5, NULL, &e), e);
    assert_int_equal(n_pause, 2);
    assert_in_range(pause_ms[0], 7000, 7200);
    assert_in_range(pause_ms[1], 20000, 20400); /* not for a day */
}

static void what_will_not_pass_is_asked_once(void **state)
{
    static const struct s3_answer denied = { .status = 403 };
    struct err e = { 0 };
    (void)state;
    assert_error(ask(&denied, 1, 5, NULL, &e), ERR_IO, e, "may not do s3:GetObject");
    assert_int_equal(n_asked, 1);
    assert_int_equal(n_pause, 0);
}

static void an_attempt_that_never_arrived_had_no_effect(void **state)
{
    static const struct s3_answer down[] = { { .failed = CURLE_COULDNT_CONNECT },
                                             { .failed = CURLE_COULDNT_RESOLVE_HOST },
                                             { .status = 200 } },
                                  lost[] = { { .failed = CURLE_RECV_ERROR }, { .status = 200 } };
    bool unsure = false;
    struct err e = { 0 };
    (void)state;
    assert_ok(ask(down, 3, 5, &unsure, &e), e);
    assert_false(unsure);
    assert_ok(ask(lost, 2, 5, &unsure, &e), e);
    assert_true(unsure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_grow_at_random_up_to_twenty_seconds),
        cmocka_unit_test(a_server_that_says_when_is_heeded),
        cmocka_unit_test(what_will_not_pass_is_asked_once),
        cmocka_unit_test(an_attempt_that_never_arrived_had_no_effect),
    };
    return cmocka_run_group_tests_name("s3_call", tests, NULL, NULL);
}
