#include "near.h"

#include <math.h>

#include "num/psi.h"

static void equal_shares_do_not_move(void **state)
{
    const double a[] = { 10, 20, 30 };
    (void)state;
    assert_near(psi(a, a, 3), 0, 0, 0);
}

/* By hand: half a count on each bin makes the shares 3/4, 1/4 and 1/4, 3/4: 2 * 1/2 * ln 3. */
static void a_swap_of_shares_is_worked_out_by_hand(void **state)
{
    const double a[] = { 1, 0 }, b[] = { 0, 1 };
    (void)state;
    assert_near(psi(a, b, 2), log(3), 1e-15, 1e-15);
    assert_near(psi(b, a, 2), log(3), 1e-15, 1e-15);
}

static void empty_bins_and_samples_give_a_finite_figure(void **state)
{
    const double a[] = { 0, 0, 1000 }, b[] = { 1000, 0, 0 }, none[] = { 0, 0, 0 };
    (void)state;
    assert_true(isfinite(psi(a, b, 3)) && psi(a, b, 3) > 10);
    assert_near(psi(none, none, 3), 0, 0, 0);
    assert_near(psi_chance(a, none, 3), 0, 0, 0);
    assert_near(psi(a, b, 0), 0, 0, 0);
}

static void chance_falls_with_the_rows(void **state)
{
    const double a[] = { 50, 50 }, b[] = { 10, 15, 0 }, c[] = { 40, 5, 5 };
    (void)state;
    assert_near(psi_chance(a, a, 2), 0.02, 1e-12, 0);
    assert_near(psi_chance(b, c, 3), 2 * (1 / 25. + 1 / 50.), 1e-12, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_shares_do_not_move),
        cmocka_unit_test(a_swap_of_shares_is_worked_out_by_hand),
        cmocka_unit_test(empty_bins_and_samples_give_a_finite_figure),
        cmocka_unit_test(chance_falls_with_the_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
