#include "near.h"

#include <stdio.h>

#include "base/utf8.h"

static void is_prefix(const char *text, size_t n, size_t want)
{
    if (utf8_prefix(text, n) != want)
        fail_msg("'%s': prefix of %zu bytes, want %zu", text, utf8_prefix(text, n), want);
}

static void what_utf8_allows_is_valid(void **state)
{
    (void)state;
    is_prefix("", 0, 0);
    is_prefix("a\0b", 3, 3);
    is_prefix("plain ASCII text of more than eight bytes é", 44, 44);
    is_prefix("\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", 16, 16);
    is_prefix("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8, 8);
}

static void what_it_forbids_ends_the_prefix(void **state)
{
    static const char *const bad[] = { "\x80",
                                       "\xC0\x80",
                                       "\xC1\xBF",
                                       "\xE0\x9F\xBF",
                                       "\xED\xA0\x80",
                                       "\xF0\x8F\xBF\xBF",
                                       "\xF4\x90\x80\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xFF",
                                       "\xC3",
                                       "\xC3(",
                                       "\xE2\x82",
                                       "\xE2\x82(",
                                       "\xF0\x9F\x98",
                                       "\xF0\x9F\x98(" };
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_prefix(bad[i], strlen(bad[i]), 0);
        int n = snprintf(text, sizeof text, "twelve bytes%s", bad[i]);
        is_prefix(text, (size_t)n, 12);
    }
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_cut("abc", 2), 2);
    assert_int_equal(utf8_cut("aé", 2), 1);
    assert_int_equal(utf8_cut("aé", 3), 3);
    assert_int_equal(utf8_cut("\xE2\x82\xAC", 1), 0);
    assert_int_equal(utf8_cut("\xE2\x82\xAC", 2), 0);
    assert_int_equal(utf8_cut("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(utf8_cut("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(utf8_cut("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_utf8_allows_is_valid),
        cmocka_unit_test(what_it_forbids_ends_the_prefix),
        cmocka_unit_test(texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
