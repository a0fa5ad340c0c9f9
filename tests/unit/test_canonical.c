#include "near.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runner/plan/canonical.h"

static void assert_same(const char *text)
{
    struct str got = { 0 };
    json_t *doc = json_string(text);
    char *want = json_dumps(doc, JSON_ENCODE_ANY);
    assert_true(canonical_text(text, strlen(text), &got));
    assert_string_equal(str_text(&got), want);
    str_release(&got);
    json_decref(doc);
    free(want);
}

static void every_character_is_written_as_jansson_writes_it(void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        char text[] = { 'a', (char)c, (char)c, 'z', '\0' };
        assert_same(text);
        assert_same(text + 2);
    }
    assert_same("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    assert_same("");
}

static void what_is_not_utf_8_is_told(void **state)
{
    struct str out = { 0 };
    (void)state;
    assert_false(canonical_text("d\xE9j\xE0", 4, &out));
    assert_false(canonical_text("\xED\xA0\x80", 3, &out)); /* half a surrogate pair */
    str_release(&out);
}

static void entries_are_parted_by_commas(void **state)
{
    struct str out = { 0 };
    (void)state;
    str_addc(&out, '[');
    for (int i = 0; i < 3; i++) {
        canonical_next(&out);
        assert_true(canonical_text("[", 1, &out));
    }
    assert_string_equal(str_text(&out), "[\"[\",\"[\",\"[\"");
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_written_as_jansson_writes_it),
        cmocka_unit_test(what_is_not_utf_8_is_told),
        cmocka_unit_test(entries_are_parted_by_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
