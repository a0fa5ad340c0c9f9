#include "near.h"

#include <stdatomic.h>

#include "base/parallel.h"

enum { N = 1000 };

struct tally {
    atomic_int seen[N];
    atomic_int bad_worker;
};

static void count(void *ctx, int worker, size_t i)
{
    struct tally *t = ctx;
    atomic_fetch_add(&t->seen[i], 1);
    if (worker < 0 || worker >= 8)
        atomic_fetch_add(&t->bad_worker, 1);
}

static void every_item_is_done_once_by_any_number_of_threads(void **state)
{
    (void)state;
    for (int n_thread = 0; n_thread <= 8; n_thread++) {
        static struct tally t;
        memset(&t, 0, sizeof t);
        parallel_for(n_thread, N, count, &t);
        for (size_t i = 0; i < N; i++)
            assert_int_equal(atomic_load(&t.seen[i]), 1);
        assert_int_equal(atomic_load(&t.bad_worker), 0);
    }
}

static void no_items_are_no_work(void **state)
{
    (void)state;
    parallel_for(4, 0, count, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once_by_any_number_of_threads),
        cmocka_unit_test(no_items_are_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
