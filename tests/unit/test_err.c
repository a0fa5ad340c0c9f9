#include "near.h"

#include <errno.h>

static void the_code_is_returned_and_kept(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_int_equal(err_set(&e, ERR_DATA, "'%s' line %d", "a.csv", 7), 65);
    assert_int_equal(e.code, 65);
    assert_string_equal(e.text, "'a.csv' line 7");
}

static void a_system_error_names_its_cause(void **state)
{
    (void)state;
    struct err e = { 0 };
    errno = ENOSPC;
    assert_int_equal(err_sys(&e, "cannot write '%s'", "x"), ERR_IO);
    assert_string_equal(e.text, "cannot write 'x': No space left on device");
}

static void wrapping_keeps_the_code_and_puts_the_place_first(void **state)
{
    (void)state;
    struct err e = { 0 };
    err_set(&e, ERR_DATA, "inner");
    assert_int_equal(err_wrap(&e, "outer %d", 1), ERR_DATA);
    assert_string_equal(e.text, "outer 1: inner");
}

static void a_name_is_replaced_everywhere_within_the_room(void **state)
{
    (void)state;
    struct err e = { 0 };
    err_set(&e, ERR_DATA, "/tmp/x: in /tmp/x/y, /tmp");
    err_replace(&e, "/tmp/x", "models.tar");
    assert_string_equal(e.text, "models.tar: in models.tar/y, /tmp");
    memset(e.text, 'x', sizeof e.text - 1);
    err_replace(&e, "x", "yy");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_int_equal(e.code, ERR_DATA);
}

static void a_text_that_is_too_long_is_cut_not_overrun(void **state)
{
    (void)state;
    struct err e = { 0 };
    char long_text[3000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    err_set(&e, ERR_DATA, "%s", long_text);
    err_wrap(&e, "%s", long_text);
    errno = EIO;
    err_sys(&e, "%s", long_text);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_code_is_returned_and_kept),
        cmocka_unit_test(a_system_error_names_its_cause),
        cmocka_unit_test(wrapping_keeps_the_code_and_puts_the_place_first),
        cmocka_unit_test(a_name_is_replaced_everywhere_within_the_room),
        cmocka_unit_test(a_text_that_is_too_long_is_cut_not_overrun),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
