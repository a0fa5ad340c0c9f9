#include "near.h"

#include "base/mem.h"
#include "num/rng.h"
#include "runner/plan/queue.h"

static void the_least_key_comes_first_and_among_equals_the_least_place(void **state)
{
    struct queue q = { 0 };
    struct waiting w;
    (void)state;
    assert_null(queue_first(&q));
    assert_false(queue_take(&q, &w));
    queue_add(&q, (struct waiting){ 5, 1, 51 });
    queue_add(&q, (struct waiting){ -1, 9, 9 });
    queue_add(&q, (struct waiting){ 5, 0, 50 });
    queue_add(&q, (struct waiting){ -1, 2, 2 });
    assert_int_equal(queue_first(&q)->stage, 2);
    static const size_t want[] = { 2, 9, 50, 51 };
    for (size_t i = 0; i < 4; i++) {
        assert_true(queue_take(&q, &w));
        assert_int_equal(w.stage, want[i]);
    }
    assert_false(queue_take(&q, &w));
    queue_release(&q);
}

static void many_come_out_in_order_while_others_come_in(void **state)
{
    struct queue q = { 0 };
    struct waiting w;
    struct rng rng;
    size_t n_in = 0, n_out = 0;
    int64_t last = -1; /* keys only grow, as instants do */
    (void)state;
    rng_init(&rng, 7, 0);
    while (n_out < 5000) {
        if (n_in < 5000 && rng_below(&rng, 3) > 0) {
            queue_add(&q, (struct waiting){ .key = last + (int64_t)rng_below(&rng, 50) + 1,
                                            .place = n_in });
            n_in++;
        } else if (queue_take(&q, &w)) {
            assert_true(w.key >= last);
            last = w.key;
            n_out++;
        }
    }
    assert_int_equal(q.n, 0);
    queue_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_key_comes_first_and_among_equals_the_least_place),
        cmocka_unit_test(many_come_out_in_order_while_others_come_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
