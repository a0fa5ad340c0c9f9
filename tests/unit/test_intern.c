#include "near.h"

#include <stdio.h>

#include "base/intern.h"

static void texts_are_numbered_by_first_appearance(void **state)
{
    (void)state;
    struct intern in = { 0 };
    assert_int_equal(intern_add(&in, "b", 1), 0);
    assert_int_equal(intern_add(&in, "a", 1), 1);
    assert_int_equal(intern_add(&in, "bc", 1), 0); /* one byte of it */
    assert_int_equal(intern_add(&in, "", 0), 2);
    assert_int_equal(intern_add(&in, "", 0), 2);
    assert_int_equal(intern_add(&in, "bc", 2), 3);
    assert_int_equal(in.n, 4);
    assert_string_equal(intern_get(&in, 0), "b");
    assert_string_equal(intern_get(&in, 2), "");
    intern_release(&in);
    assert_int_equal(in.n, 0);
}

static void many_texts_are_all_found_again(void **state)
{
    (void)state;
    struct intern in = { 0 };
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100000; i++) {
            char text[16];
            int n = snprintf(text, sizeof text, "w%d", i);
            assert_int_equal(intern_add(&in, text, (size_t)n), i);
        }
    }
    assert_int_equal(in.n, 100000);
    assert_string_equal(intern_get(&in, 99999), "w99999");
    intern_release(&in);
}

static void a_set_takes_the_texts_of_another(void **state)
{
    (void)state;
    struct intern a = { 0 }, b = { 0 };
    intern_add(&a, "b", 1);
    intern_add(&a, "", 0);
    intern_add(&a, "été", 5);
    intern_add(&b, "été", 5);
    assert_int_equal(intern_join(&b, &a, 0), 1);
    assert_int_equal(intern_join(&b, &a, 2), 0);
    assert_int_equal(intern_join(&b, &a, 1), 2);
    assert_int_equal(intern_join(&b, &a, 1), 2);
    assert_int_equal(intern_add(&b, "b", 1), 1); /* found by its own hash */
    assert_int_equal(b.n, 3);
    assert_string_equal(intern_get(&b, 1), "b");
    intern_release(&a);
    intern_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_numbered_by_first_appearance),
        cmocka_unit_test(many_texts_are_all_found_again),
        cmocka_unit_test(a_set_takes_the_texts_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
