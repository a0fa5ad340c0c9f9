#include "near.h"

#include "models/monitor.h"

/* Sequences worked out by hand from the rules of Keras' ReduceLROnPlateau and EarlyStopping. */

static void a_loss_falls_and_an_accuracy_rises(void **state)
{
    (void)state;
    assert_true(monitor_better(MONITOR_VALIDATION_LOSS, 0.5, 0.6, 0));
    assert_false(monitor_better(MONITOR_VALIDATION_LOSS, 0.5, 0.5, 0));
    assert_false(monitor_better(MONITOR_VALIDATION_LOSS, 0.55, 0.6, 0.1));
    assert_true(monitor_better(MONITOR_VALIDATION_ACCURACY, 0.6, 0.5, 0));
    assert_false(monitor_better(MONITOR_VALIDATION_ACCURACY, 0.55, 0.5, 0.1));
    assert_true(
        monitor_better(MONITOR_VALIDATION_LOSS, 1e30, monitor_worst(MONITOR_VALIDATION_LOSS), 1));
    assert_true(monitor_better(MONITOR_VALIDATION_ACCURACY, 0,
                               monitor_worst(MONITOR_VALIDATION_ACCURACY), 1));
}

static void the_learning_rate_falls_after_patience_and_rests_for_the_cooldown(void **state)
{
    (void)state;
    const struct nn_training t = { .plateau_monitor = MONITOR_VALIDATION_LOSS,
                                   .plateau_factor = 0.5,
                                   .plateau_patience = 2,
                                   .plateau_cooldown = 2,
                                   .plateau_min_delta = 0.01 };
    /* epoch:                1    2     3      4    5    6    7     8    9    10 */
    const double loss[] = { 1.0, 0.9, 0.895, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.6 };
    const double want[] = { 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25 };
    struct plateau p;
    double rate = 1;
    plateau_init(&p, &t);
    for (size_t i = 0; i < sizeof loss / sizeof *loss; i++) {
        rate = plateau_step(&p, loss[i], rate);
        assert_near(rate, want[i], 0, 0);
    }
}

static void nothing_is_counted_during_the_cooldown(void **state)
{
    (void)state;
    const struct nn_training t = { .plateau_monitor = MONITOR_VALIDATION_ACCURACY,
                                   .plateau_factor = 0.5,
                                   .plateau_patience = 1,
                                   .plateau_cooldown = 2 };
    const double want[] = { 1.0, 0.5, 0.5, 0.25, 0.25, 0.125 };
    struct plateau p;
    double rate = 1;
    plateau_init(&p, &t);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        rate = plateau_step(&p, 0.7, rate);
        assert_near(rate, want[i], 0, 0);
    }
}

static void without_a_monitor_the_learning_rate_stays(void **state)
{
    (void)state;
    const struct nn_training t = { .plateau_monitor = MONITOR_NONE,
                                   .plateau_factor = 0.5,
                                   .plateau_patience = 1 };
    struct plateau p;
    plateau_init(&p, &t);
    for (int i = 0; i < 5; i++)
        assert_near(plateau_step(&p, 1, 0.25), 0.25, 0, 0);
}

static int64_t stops_after(const struct nn_training *t, const double *value, int64_t n)
{
    struct stopper s;
    stopper_init(&s, t);
    for (int64_t epoch = 1; epoch <= n; epoch++)
        if (stopper_step(&s, epoch, value[epoch - 1]))
            return epoch;
    return 0;
}

static void training_stops_when_nothing_has_become_better_for_patience_epochs(void **state)
{
    (void)state;
    const double loss[] = { 1.0, 0.8, 0.795, 0.792, 0.7, 0.7, 0.7, 0.7 };
    const double accuracy[] = { 0.5, 0.6, 0.6005, 0.6009, 0.7 };
    struct nn_training t = { .stop_monitor = MONITOR_VALIDATION_LOSS,
                             .stop_min_delta = 0.01,
                             .stop_patience = 3 };
    assert_int_equal(stops_after(&t, loss, 8), 8); /* .795 and .792 are no progress, .7 is */
    t.stop_patience = 2;
    assert_int_equal(stops_after(&t, loss, 8), 4);
    t = (struct nn_training){ .stop_monitor = MONITOR_VALIDATION_ACCURACY,
                              .stop_min_delta = 0.001,
                              .stop_patience = 2 };
    assert_int_equal(stops_after(&t, accuracy, 5), 4);
    t.stop_monitor = MONITOR_NONE;
    assert_int_equal(stops_after(&t, accuracy, 5), 0);
}

static void training_never_stops_after_the_first_epoch(void **state)
{
    (void)state;
    const double loss[] = { 1.0, 1.0, 1.0 };
    const struct nn_training t = { .stop_monitor = MONITOR_VALIDATION_LOSS, .stop_patience = 0 };
    assert_int_equal(stops_after(&t, loss, 3), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_falls_and_an_accuracy_rises),
        cmocka_unit_test(the_learning_rate_falls_after_patience_and_rests_for_the_cooldown),
        cmocka_unit_test(nothing_is_counted_during_the_cooldown),
        cmocka_unit_test(without_a_monitor_the_learning_rate_stays),
        cmocka_unit_test(training_stops_when_nothing_has_become_better_for_patience_epochs),
        cmocka_unit_test(training_never_stops_after_the_first_epoch),
    };
    return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
