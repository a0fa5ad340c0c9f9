#include "near.h"

#include <stdlib.h>

#include "models/rows.h"
#include "tests/tools/toy.h"

static void classes_are_the_levels_of_the_training_rows_in_their_order(void **state)
{
    (void)state;
    struct toy t;
    struct rows r = { 0 };
    struct err e = { 0 };
    toy_make(&t, 100, 5);
    assert_ok(rows_pick(&r, &t.data, &e), e);
    assert_int_equal(r.classes.n, 3); /* "teal" has no row */
    assert_string_equal(r.classes.label[0], "red");
    assert_string_equal(r.classes.label[2], "blue");
    assert_string_equal(r.classes.name[1], "Grün");
    assert_int_equal(classes_find(&r.classes, "blue"), 2);
    assert_int_equal(classes_find(&r.classes, "teal"), -1);
    assert_int_equal(r.n_train, 70);
    assert_int_equal(r.n_validation, 20);
    assert_int_equal(r.validation[1], 7);
    assert_int_equal(r.class_of_row[7], t.table.col->code[7]);
    rows_release(&r);
    toy_release(&t);
}

static void a_label_that_only_validation_rows_have_is_no_class(void **state)
{
    (void)state;
    struct toy t;
    struct rows r = { 0 };
    struct err e = { 0 };
    toy_make(&t, 100, 5);
    t.table.col->code[2] = 3; /* row 2 is for validation */
    assert_ok(rows_pick(&r, &t.data, &e), e);
    assert_int_equal(r.classes.n, 3);
    assert_int_equal(r.n_validation, 19);
    assert_int_equal(r.validation[0], 7);
    assert_int_equal(r.class_of_row[2], -1);
    rows_release(&r);
    toy_release(&t);
}

static void without_sides_every_labelled_row_is_for_training(void **state)
{
    (void)state;
    struct toy t;
    struct rows r = { 0 };
    struct err e = { 0 };
    toy_make(&t, 100, 5);
    t.data.sides = NULL;
    t.table.col->valid = mem_calloc(100, 1);
    memset(t.table.col->valid, 1, 100);
    t.table.col->valid[3] = 0;
    t.table.col->code[3] = -1;
    assert_ok(rows_pick(&r, &t.data, &e), e);
    assert_int_equal(r.n_train, 99);
    assert_int_equal(r.n_validation, 0);
    assert_int_equal(r.train[3], 4);
    rows_release(&r);
    toy_release(&t);
}

static void one_label_is_not_enough(void **state)
{
    (void)state;
    struct toy t;
    struct rows r = { 0 };
    struct err e = { 0 };
    toy_make(&t, 100, 5);
    for (int i = 0; i < 100; i++)
        t.table.col->code[i] = 1;
    assert_error(rows_pick(&r, &t.data, &e), ERR_DATA, e,
                 "all 70 training rows have the same 'colour', 'green'");
    free(t.table.roles.label);
    t.table.roles.label = NULL;
    assert_error(rows_pick(&r, &t.data, &e), ERR_DATA, e, "label");
    toy_release(&t);
}

static void class_weights_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    const size_t count[] = { 6, 3, 1 };
    float weight[3];
    classes_weigh(WEIGHT_NONE, count, 3, weight);
    assert_near((double)weight[0], 1, 0, 0);
    classes_weigh(WEIGHT_BALANCED, count, 3, weight); /* 10 / (3 n) */
    assert_near((double)weight[0], 0.5555556, 1e-6, 0);
    assert_near((double)weight[1], 1.1111111, 1e-6, 0);
    assert_near((double)weight[2], 3.3333333, 1e-6, 0);
    classes_weigh(WEIGHT_ONE_MINUS_SHARE, count, 3, weight);
    assert_near((double)weight[0], 0.4, 1e-6, 0);
    assert_near((double)weight[1], 0.7, 1e-6, 0);
    assert_near((double)weight[2], 0.9, 1e-6, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_the_levels_of_the_training_rows_in_their_order),
        cmocka_unit_test(a_label_that_only_validation_rows_have_is_no_class),
        cmocka_unit_test(without_sides_every_labelled_row_is_for_training),
        cmocka_unit_test(one_label_is_not_enough),
        cmocka_unit_test(class_weights_are_those_worked_out_by_hand),
    };
    return cmocka_run_group_tests_name("classes", tests, NULL, NULL);
}
