#include "near.h"

#include <poll.h>
#include <stdbool.h>

#include "base/mem.h"
#include "runner/execute/pool.h"

enum { N = 200 };

struct job {
    size_t number, result;
};

static void square(void *arg)
{
    struct job *j = arg;
    j->result = j->number * j->number;
}

/* Sleep until the descriptor is readable, then take all that there is; returns how many. */
static size_t wait_and_take(struct pool *p, bool seen[N])
{
    struct pollfd fd = { .fd = pool_fd(p), .events = POLLIN };
    struct job *j;
    size_t n = 0;
    assert_int_equal(poll(&fd, 1, 60000), 1);
    while ((j = pool_take(p))) {
        assert_int_equal(j->result, j->number * j->number);
        assert_false(seen[j->number]);
        seen[j->number] = true;
        n++;
    }
    return n;
}

static void every_job_is_done_once_and_comes_back(void **state)
{
    struct err e = { 0 };
    struct pool *p;
    struct job job[N];
    bool seen[N] = { false };
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        size_t n = 0;
        memset(seen, 0, sizeof seen);
        assert_ok(pool_new(&p, threads, &e), e);
        for (size_t i = 0; i < N; i++) {
            job[i] = (struct job){ .number = i };
            pool_add(p, square, &job[i]);
        }
        while (n < N)
            n += wait_and_take(p, seen);
        struct pollfd fd = { .fd = pool_fd(p), .events = POLLIN };
        assert_int_equal(poll(&fd, 1, 0), 0); /* nothing is left to hear of */
        pool_free(p);
    }
}

static void a_pool_is_freed_with_jobs_in_it(void **state)
{
    struct err e = { 0 };
    struct pool *p;
    struct job job[N];
    (void)state;
    pool_free(NULL);
    assert_ok(pool_new(&p, 2, &e), e);
    for (size_t i = 0; i < N; i++) {
        job[i] = (struct job){ .number = i };
        pool_add(p, square, &job[i]);
    }
    pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_is_done_once_and_comes_back),
        cmocka_unit_test(a_pool_is_freed_with_jobs_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
