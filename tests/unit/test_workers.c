#include "near.h"

#include <stdlib.h>

#include "models/nn/workers.h"

struct work {
    size_t n;
    int done[1000];
    float tiny;
};

static void mark(void *arg, size_t i, int worker)
{
    struct work *w = arg;
    (void)worker;
    for (volatile int k = 0; k < 3000;
         k++) /* long enough that a caller who does not wait is found out */
        ;
    w->done[i]++;
}

static void halve_a_denormal(void *arg, size_t i, int worker)
{
    struct work *w = arg;
    volatile float tiny = w->tiny;
    (void)worker;
    w->done[i] = tiny * 0.5f == 0;
}

static void every_task_runs_once_in_every_round(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 4; threads++) {
        struct workers *w = NULL;
        struct err e = { 0 };
        struct work *work = calloc(1, sizeof *work);
        assert_ok(workers_new(&w, threads, &e), e);
        for (size_t round = 0; round < 300; round++) {
            workers_run(w, round % 40, mark, work);
            size_t before = 0, sum = 0;
            for (size_t i = 0; i < 40; i++)
                sum += (size_t)work->done[i];
            for (size_t r = 0; r <= round; r++)
                before += r % 40;
            assert_int_equal(sum, before);
        }
        for (size_t i = 0, rounds = 300; i < 40; i++) {
            size_t want = 0;
            for (size_t round = 0; round < rounds; round++)
                want += i < round % 40;
            assert_int_equal(work->done[i], want);
        }
        free(work);
        workers_free(w);
    }
}

static void tasks_run_with_denormals_flushed_and_the_caller_keeps_its_mode(void **state)
{
    (void)state;
#ifdef __SSE__
    struct workers *w = NULL;
    struct err e = { 0 };
    struct work *work = calloc(1, sizeof *work);
    volatile float tiny = 3e-39f;
    work->tiny = tiny;
    assert_ok(workers_new(&w, 3, &e), e);
    workers_run(w, 100, halve_a_denormal, work);
    for (size_t i = 0; i < 100; i++)
        assert_true(work->done[i]);
    assert_true(tiny * 0.5f != 0);
    free(work);
    workers_free(w);
#endif
}

static void freeing_nothing_is_harmless(void **state)
{
    (void)state;
    workers_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once_in_every_round),
        cmocka_unit_test(tasks_run_with_denormals_flushed_and_the_caller_keeps_its_mode),
        cmocka_unit_test(freeing_nothing_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
