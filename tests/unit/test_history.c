#include "near.h"

#include "models/history.h"

/* Two epochs of two steps and 30 rows; the second was cut after one step. */
static struct history made(void)
{
    struct history h = { .epoch_steps = 2, .epoch_rows = 30, .kept = 2, .ending = ENDING_TIME };
    history_add(&h, &(struct epoch){ 1.5, 0.25, (double)NAN, (double)NAN, 0.001, 2, 30 });
    history_add(&h, &(struct epoch){ 0.75, 0.5, 0.8, 0.1 + 0.2, 1e-4, 0.125, 16 });
    for (int i = 0; i < 3; i++)
        history_add_step(&h, &(struct step){ 1.0 / (i + 1), 0.25 * i, 0.001, 2.5 });
    return h;
}

static void check_text(void (*as)(const struct history *h, struct str *out), const char *want)
{
    struct history h = made();
    struct str text = { 0 };
    as(&h, &text);
    assert_string_equal(text.text, want);
    str_release(&text);
    history_release(&h);
}

static void the_json_has_every_epoch_and_null_where_nothing_was_validated(void **state)
{
    (void)state;
    check_text(
        history_json,
        "{\n \"epochs\": [\n"
        "  {\"epoch\": 1, \"loss\": 1.5, \"accuracy\": 0.25, \"val_loss\": null, \"val_accuracy\": "
        "null, \"learning_rate\": 0.001, \"gradient_norm\": 2},\n"
        "  {\"epoch\": 2, \"loss\": 0.75, \"accuracy\": 0.5, \"val_loss\": 0.8, \"val_accuracy\": "
        "0.30000000000000004, \"learning_rate\": 0.0001, \"gradient_norm\": 0.125, \"cut\": true, "
        "\"rows\": 16}\n"
        " ],\n \"kept\": 2,\n \"stopped\": \"max_minutes\"\n}\n");
}

static void the_csv_has_a_line_an_epoch_and_empty_fields_where_nothing_was_validated(void **state)
{
    (void)state;
    check_text(history_epochs_csv,
               "epoch,rows,loss,accuracy,val_loss,val_accuracy,learning_rate,gradient_norm,kept\n"
               "1,30,1.5,0.25,,,0.001,2,0\n"
               "2,16,0.75,0.5,0.8,0.30000000000000004,0.0001,0.125,1\n");
}

static void the_csv_of_steps_has_their_epoch(void **state)
{
    (void)state;
    check_text(history_steps_csv, "step,epoch,loss,accuracy,learning_rate,gradient_norm\n"
                                  "1,1,1,0,0.001,2.5\n"
                                  "2,1,0.5,0.25,0.001,2.5\n"
                                  "3,2,0.3333333333333333,0.5,0.001,2.5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_has_every_epoch_and_null_where_nothing_was_validated),
        cmocka_unit_test(the_csv_has_a_line_an_epoch_and_empty_fields_where_nothing_was_validated),
        cmocka_unit_test(the_csv_of_steps_has_their_epoch),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
