#include "near.h"

#include <float.h>
#include <stdlib.h>

#include "base/str.h"

static void a_string_grows_and_is_taken(void **state)
{
    (void)state;
    struct str s = { 0 };
    assert_string_equal(str_text(&s), "");
    for (int i = 0; i < 1000; i++)
        str_addf(&s, "%d,", i);
    assert_int_equal(s.n, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(s.text), s.n);
    char *text = str_take(&s);
    assert_memory_equal(text, "0,1,2,", 6);
    assert_null(s.text);
    free(text);
}

static void a_string_is_printed_to_and_cut(void **state)
{
    struct str s = { 0 };
    (void)state;
    str_addf(&s, "%s", "");
    assert_string_equal(str_text(&s), "");
    for (int n = 0; n < 600; n++) { /* short ones and long ones */
        size_t before = s.n;
        str_addf(&s, "%*d", n, 7);
        assert_int_equal(s.n - before, n < 1 ? 1 : n);
        assert_int_equal(s.text[s.n - 1], '7');
        assert_int_equal(strlen(s.text), s.n);
    }
    str_cut(&s, s.n + 1);
    assert_int_equal(strlen(s.text), s.n);
    str_cut(&s, 1);
    assert_string_equal(str_text(&s), "7");
    str_release(&s);
}

static void the_nearest_word_is_a_slip_away_or_none(void **state)
{
    (void)state;
    static const char *const words[] = { "deps", "outs", "params", "timeout", "seed" };
    assert_string_equal(str_nearest("dep", words, 5), "deps");
    assert_string_equal(str_nearest("tiemout", words, 5), "timeout");
    assert_string_equal(str_nearest("param", words, 5), "params");
    assert_null(str_nearest("registry", words, 5));
    assert_null(str_nearest("", words, 5));
    assert_null(str_nearest("x", words, 5));
}

static void numbers_are_the_whole_text_or_nothing(void **state)
{
    (void)state;
    long long i;
    double d;
    assert_true(str_to_int("-42", &i) && i == -42);
    assert_true(str_to_int("9223372036854775807", &i));
    assert_false(str_to_int("9223372036854775808", &i));
    assert_false(str_to_int("", &i));
    assert_false(str_to_int(" 1", &i));
    assert_false(str_to_int("1x", &i));
    assert_false(str_to_int("1.0", &i));
    assert_true(str_to_real("1e-5", &d) && d == 1e-5);
    assert_true(str_to_real("-.5", &d) && d == -.5);
    assert_false(str_to_real("nan", &d));
    assert_false(str_to_real("inf", &d));
    assert_false(str_to_real("1e999", &d));
    assert_false(str_to_real("0x10", &d));
    assert_false(str_to_real("1,5", &d));
    assert_false(str_to_real("", &d));
}

static void booleans_have_few_spellings(void **state)
{
    (void)state;
    bool b;
    assert_true(str_to_bool("true", &b) && b);
    assert_true(str_to_bool("No", &b) && !b);
    assert_true(str_to_bool("0", &b) && !b);
    assert_false(str_to_bool("2", &b));
    assert_false(str_to_bool("", &b));
}

static void the_shortest_text_reads_back_as_the_same_number(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.1, "0.1" }, { 1, "1" }, { -2.5e-9, "-2.5e-09" }, { 1.0 / 3, "0.3333333333333333" }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str s = { 0 };
        str_add_real(&s, cases[i].value);
        assert_string_equal(s.text, cases[i].text);
        str_release(&s);
    }
    struct str s = { 0 };
    str_add_real(&s, DBL_MAX);
    assert_true(strtod(s.text, NULL) == DBL_MAX);
    str_release(&s);
}

static void the_directory_of_a_path(void **unused)
{
    static const char *const path[][2] = {
        { "a/b/c.h5", "a/b" }, { "c.h5", "." }, { "/c.h5", "/" }, { "./c", "." }, { "/a/b", "/a" },
    };
    (void)unused;
    for (size_t i = 0; i < sizeof path / sizeof *path; i++) {
        char *found = str_parent(path[i][0]);
        assert_string_equal(found, path[i][1]);
        free(found);
    }
}

static void texts_are_sorted_by_their_bytes(void **state)
{
    char z[] = "z", e[] = "\xc3\xa9", a[] = "a", b[] = "B", none[] = "";
    char *text[] = { z, e, a, b, none };
    (void)state;
    str_sort(NULL, 0);
    str_sort(text, 5);
    assert_ptr_equal(text[0], none);
    assert_ptr_equal(text[1], b);
    assert_ptr_equal(text[2], a);
    assert_ptr_equal(text[3], z);
    assert_ptr_equal(text[4], e);
}

static void an_empty_variable_is_none(void **state)
{
    (void)state;
    unsetenv("REFIT_TEST_VARIABLE");
    assert_null(str_getenv("REFIT_TEST_VARIABLE"));
    setenv("REFIT_TEST_VARIABLE", "", 1);
    assert_null(str_getenv("REFIT_TEST_VARIABLE"));
    setenv("REFIT_TEST_VARIABLE", "x", 1);
    assert_string_equal(str_getenv("REFIT_TEST_VARIABLE"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_grows_and_is_taken),
        cmocka_unit_test(a_string_is_printed_to_and_cut),
        cmocka_unit_test(the_nearest_word_is_a_slip_away_or_none),
        cmocka_unit_test(numbers_are_the_whole_text_or_nothing),
        cmocka_unit_test(booleans_have_few_spellings),
        cmocka_unit_test(the_directory_of_a_path),
        cmocka_unit_test(the_shortest_text_reads_back_as_the_same_number),
        cmocka_unit_test(texts_are_sorted_by_their_bytes),
        cmocka_unit_test(an_empty_variable_is_none),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
