#include "near.h"

#include "models/history.h"

static void the_json_has_every_epoch_and_null_where_nothing_was_validated(void **state)
{
    (void)state;
    struct history h = { 0 };
    struct str text = { 0 };
    history_add(&h, &(struct epoch){ 1.5, 0.25, (double)NAN, (double)NAN, 0.001 });
    history_add(&h, &(struct epoch){ 0.75, 0.5, 0.8, 0.1 + 0.2, 1e-4 });
    h.kept = 2;
    history_json(&h, &text);
    assert_string_equal(
        text.text,
        "{\n \"epochs\": [\n"
        "  {\"epoch\": 1, \"loss\": 1.5, \"accuracy\": 0.25, \"val_loss\": null, \"val_accuracy\": "
        "null, "
        "\"learning_rate\": 0.001},\n"
        "  {\"epoch\": 2, \"loss\": 0.75, \"accuracy\": 0.5, \"val_loss\": 0.8, \"val_accuracy\": "
        "0.30000000000000004, \"learning_rate\": 0.0001}\n"
        " ],\n \"kept\": 2,\n \"stopped\": \"\"\n}\n");
    str_release(&text);
    history_release(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_has_every_epoch_and_null_where_nothing_was_validated),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
