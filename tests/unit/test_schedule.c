#include "near.h"

#include "models/rate_schedule.h"

static struct nn_training training(void)
{
    struct nn_training t;
    struct err e = { 0 };
    assert_ok(nn_training_read(&t, NULL, NULL, &e), e);
    t.epochs = 10;
    return t;
}

static void without_a_schedule_the_rate_is_the_base(void **state)
{
    (void)state;
    struct nn_training t = training();
    for (size_t step = 0; step < 40; step++)
        assert_near(schedule_rate(&t, 0.25, step, 4), 0.25, 0, 0);
}

static void warm_up_rises_step_by_step_to_the_base(void **state)
{
    (void)state;
    struct nn_training t = training();
    t.warmup = 1.2; /* epochs of 4 steps: 4.8, so 5 steps */
    assert_near(schedule_rate(&t, 1, 0, 4), 0.2, 1e-15, 0);
    assert_near(schedule_rate(&t, 1, 3, 4), 0.8, 1e-15, 0);
    assert_near(schedule_rate(&t, 1, 4, 4), 1, 1e-15, 0);
    assert_near(schedule_rate(&t, 1, 5, 4), 1, 1e-15, 0);
}

static void the_cosine_falls_from_the_base_to_the_floor(void **state)
{
    (void)state;
    struct nn_training t = training();
    t.schedule = SCHEDULE_COSINE;
    assert_near(schedule_rate(&t, 2, 0, 4), 2, 1e-15, 0);
    assert_near(schedule_rate(&t, 2, 20, 4), 1, 1e-12, 0); /* half of 40 steps */
    assert_near(schedule_rate(&t, 2, 39, 4), 1 + cos(3.14159265358979323846 * 39 / 40), 1e-12, 0);
    t.schedule_floor = 0.1;
    assert_near(schedule_rate(&t, 2, 20, 4), 1.1, 1e-12, 0);
    assert_near(schedule_rate(&t, 2, 40, 4), 0.2, 1e-12, 0);
    assert_near(schedule_rate(&t, 2, 400, 4), 0.2, 1e-12, 0);
    t.warmup = 5; /* the 20 steps after it, from the base on */
    assert_near(schedule_rate(&t, 2, 19, 4), 2, 1e-12, 0);
    assert_near(schedule_rate(&t, 2, 20, 4), 2, 1e-12, 0);
    assert_near(schedule_rate(&t, 2, 30, 4), 1.1, 1e-12, 0);
    t.warmup = 10; /* nothing is left for the cosine */
    assert_near(schedule_rate(&t, 2, 39, 4), 2, 1e-12, 0);
    assert_near(schedule_rate(&t, 2, 40, 4), 0.2, 1e-12, 0);
}

static void steps_fall_after_whole_periods(void **state)
{
    (void)state;
    struct nn_training t = training();
    t.schedule = SCHEDULE_STEP;
    t.schedule_every = 3;
    t.schedule_factor = 0.5;
    assert_near(schedule_rate(&t, 8, 11, 4), 8, 1e-15, 0);
    assert_near(schedule_rate(&t, 8, 12, 4), 4, 1e-15, 0);
    assert_near(schedule_rate(&t, 8, 23, 4), 4, 1e-15, 0);
    assert_near(schedule_rate(&t, 8, 36, 4), 1, 1e-15, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_schedule_the_rate_is_the_base),
        cmocka_unit_test(warm_up_rises_step_by_step_to_the_base),
        cmocka_unit_test(the_cosine_falls_from_the_base_to_the_floor),
        cmocka_unit_test(steps_fall_after_whole_periods),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
