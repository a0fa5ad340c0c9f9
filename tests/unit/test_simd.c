#include "near.h"

#include <float.h>
#include <math.h>

#include "models/nn/simd.h"

/* Units in the last place of the true value. */
static double ulps(float found, double want)
{
    int exponent;
    frexp(want, &exponent);
    return fabs((double)found - want) / ldexp(1, exponent - FLT_MANT_DIG);
}

static double worst(float (*f)(float), double (*want)(double), double from, double to, double step)
{
    double most = 0;
    for (double x = from; x <= to; x += step) {
        float at = (float)x;
        most = fmax(most, ulps(f(at), want((double)at)));
    }
    return most;
}

static float exponential(float x)
{
    return nn_exp(x);
}

static float sigmoid(float x)
{
    return nn_sigmoid(x);
}

static double true_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static float tangent(float x)
{
    return nn_tanh(x);
}

static void the_functions_of_gates_and_softmax_are_within_their_bounds(void **state)
{
    (void)state;
    assert_true(worst(exponential, exp, -87, 88, 0.00037) < 2);
    assert_true(worst(sigmoid, true_sigmoid, -80, 80, 0.00041) < 4);
    assert_true(worst(tangent, tanh, -12, 12, 0.000053) < 3);
    assert_true(worst(tangent, tanh, -1e-3, 1e-3, 1e-8) < 3);
}

static void far_out_they_stay_numbers(void **state)
{
    (void)state;
    assert_true(nn_sigmoid(1000.0f) == 1.0f);
    assert_true(nn_sigmoid(-1000.0f) >= 0.0f && nn_sigmoid(-1000.0f) < 1e-37f);
    assert_true(nn_tanh(1000.0f) == 1.0f && nn_tanh(-1000.0f) == -1.0f);
    assert_true(isfinite(nn_exp(1000.0f)) && nn_exp(-1000.0f) > 0.0f);
    assert_true(isnan(nn_tanh(NAN)) && isnan(nn_sigmoid(NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_functions_of_gates_and_softmax_are_within_their_bounds),
        cmocka_unit_test(far_out_they_stay_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
