#include "near.h"

#include <math.h>

#include "models/nn/lstm_cell.h"

enum { H = 37 };

struct cell {
    float a[4 * H], b[4 * H], before[H], c[H], tc[H], h[H];
};

static struct cell draw(double spread)
{
    struct cell k;
    for (size_t j = 0; j < 4 * H; j++) {
        k.a[j] = (float)(spread * sin(3.7 * (double)j + spread));
        k.b[j] = (float)(0.3 * cos((double)j));
    }
    for (size_t j = 0; j < H; j++)
        k.before[j] = (float)(2 * sin(1.1 * (double)j));
    return k;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* Against libm, at sums from tiny to far out where the gates are 0 and 1. */
static void check(cell_forward_fn *forward)
{
    for (double spread = 1e-4; spread < 200; spread *= 1.37) {
        struct cell k = draw(spread), was = k;
        forward(k.a, k.b, k.before, k.c, k.tc, k.h, H);
        for (size_t j = 0; j < H; j++) {
            double s[4];
            for (size_t q = 0; q < 4; q++)
                s[q] = (double)(was.a[q * H + j] + was.b[q * H + j]);
            double c = sigmoid(s[1]) * (double)was.before[j] + sigmoid(s[0]) * tanh(s[2]);
            assert_near((double)k.a[j], sigmoid(s[0]), 1e-6, 0);
            assert_near((double)k.a[H + j], sigmoid(s[1]), 1e-6, 0);
            assert_near((double)k.a[2 * H + j], tanh(s[2]), 0, 1e-6);
            assert_near((double)k.a[3 * H + j], sigmoid(s[3]), 1e-6, 0);
            assert_near((double)k.c[j], c, 4e-6, 0);
            assert_near((double)k.tc[j], tanh((double)k.c[j]), 0, 1e-6);
            assert_near((double)k.h[j], (double)k.a[3 * H + j] * (double)k.tc[j], 1e-30, 1e-6);
        }
    }
}

static void gates_and_states_are_those_of_libm(void **state)
{
    (void)state;
    check(cell_forward);
    check(cell_forward_plain);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        check(cell_forward_avx2);
#endif
}

static void both_kinds_of_vectors_give_the_same_bits(void **state)
{
    (void)state;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        struct cell one = draw(3), other = one;
        cell_forward_avx512(one.a, one.b, one.before, one.c, one.tc, one.h, H);
        cell_forward_avx2(other.a, other.b, other.before, other.c, other.tc, other.h, H);
        assert_memory_equal(&one, &other, sizeof one);
        return;
    }
#endif
    print_message("no AVX-512 here: skipped\n");
}

static void a_sum_that_is_no_number_stays_none(void **state)
{
    (void)state;
    struct cell k = draw(1);
    k.a[2] = NAN;
    cell_forward(k.a, k.b, k.before, k.c, k.tc, k.h, H);
    assert_true(isnan(k.a[2]) && isnan(k.c[2]) && isnan(k.h[2]));
    assert_true(isfinite(k.h[3]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gates_and_states_are_those_of_libm),
        cmocka_unit_test(both_kinds_of_vectors_give_the_same_bits),
        cmocka_unit_test(a_sum_that_is_no_number_stays_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
