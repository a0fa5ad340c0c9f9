#include "near.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "num/rng.h"
#include "runner/plan/canonical.h"

static void assert_same(const json_t *doc)
{
    struct str text = { 0 };
    char *want = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
    canonical_add(doc, &text);
    assert_string_equal(str_text(&text), want);
    str_release(&text);
    free(want);
}

static void every_character_is_written_as_jansson_writes_it(void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        char text[] = { 'a', (char)c, (char)c, 'z', '\0' };
        json_t *doc = json_pack("{s:[s, s, n, I], s:s}", text, text, text + 2, (json_int_t)-c, "k",
                                "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
        assert_same(doc);
        json_decref(doc);
    }
}

static void keys_are_sorted_by_their_bytes(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 11, 0);
    for (size_t n = 0; n < 60; n++) {
        json_t *doc = json_object();
        for (size_t i = 0; i < n; i++) {
            char key[8] = { 0 };
            for (size_t k = 0; k < 1 + rng_below(&rng, 6); k++)
                key[k] = (char)("ab./_-Z\"\\~"[rng_below(&rng, 10)]);
            json_object_set_new(doc, key, i % 3 ? json_object() : json_array());
        }
        assert_same(doc);
        json_decref(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_written_as_jansson_writes_it),
        cmocka_unit_test(keys_are_sorted_by_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
