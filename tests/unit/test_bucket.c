#include "near.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/bucket.h"

enum { N = 1000, BATCH = 32, WINDOW = 8, LENGTH = 64 };

struct drawn {
    size_t before[N], order[N];
    int32_t length[N];
};

static struct drawn draw(uint64_t seed)
{
    struct drawn d;
    struct rng r;
    rng_init(&r, seed, 3);
    for (size_t i = 0; i < N; i++) {
        d.order[i] = i;
        d.length[i] = (int32_t)rng_below(&r, LENGTH + 1);
    }
    rng_shuffle(&r, d.order, N);
    memcpy(d.before, d.order, sizeof d.before);
    bucket_order(d.order, N, d.length, BATCH, WINDOW, &r);
    return d;
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void every_window_keeps_its_rows(void **state)
{
    (void)state;
    struct drawn d = draw(1);
    for (size_t first = 0; first < N; first += WINDOW * BATCH) {
        size_t n = N - first < WINDOW * BATCH ? (N - first) / BATCH * BATCH : WINDOW * BATCH;
        qsort(d.before + first, n, sizeof *d.before, ascending);
        qsort(d.order + first, n, sizeof *d.order, ascending);
        assert_memory_equal(d.before + first, d.order + first, n * sizeof *d.order);
    }
    size_t rest = N % BATCH; /* the last batch is the one that was drawn */
    qsort(d.before + N - rest, rest, sizeof *d.before, ascending);
    qsort(d.order + N - rest, rest, sizeof *d.order, ascending);
    assert_memory_equal(d.before + N - rest, d.order + N - rest, rest * sizeof *d.order);
}

static void a_batch_has_rows_of_like_length_longest_first(void **state)
{
    (void)state;
    struct drawn d = draw(2);
    int32_t padding = 0, words = 0;
    for (size_t first = 0; first < N / BATCH * BATCH; first += BATCH)
        for (size_t i = first; i < first + BATCH; i++) {
            int32_t longest = d.length[d.order[first]];
            assert_true(i == first || d.length[d.order[i]] <= d.length[d.order[i - 1]]);
            padding += longest - d.length[d.order[i]];
            words += d.length[d.order[i]];
        }
    assert_true(padding * 6 < words); /* unsorted, it is as much as the words */
}

static void the_seed_draws_the_order_of_the_batches(void **state)
{
    (void)state;
    struct drawn d = draw(5), same = draw(5), other = draw(6);
    assert_memory_equal(d.order, same.order, sizeof d.order);
    assert_memory_not_equal(d.order, other.order, sizeof d.order);
    size_t falls = 0; /* were the batches sorted too, none would be longer than the one before */
    for (size_t first = BATCH; first < WINDOW * BATCH; first += BATCH)
        falls += d.length[d.order[first]] <= d.length[d.order[first - BATCH]];
    assert_true(falls < WINDOW - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_window_keeps_its_rows),
        cmocka_unit_test(a_batch_has_rows_of_like_length_longest_first),
        cmocka_unit_test(the_seed_draws_the_order_of_the_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
