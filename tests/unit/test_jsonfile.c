#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/jsonfile.h"
#include "io/outfile.h"

static void a_text_that_is_no_utf_8_is_a_string_all_the_same(void **state)
{
    static const char *const in[] = { "", "a\xc3\xa9",
                                      "\xff"
                                      "a\xc3",
                                      "\xc3(" };
    static const char *const want[] = { "", "a\xc3\xa9",
                                        "\xef\xbf\xbd"
                                        "a\xef\xbf\xbd",
                                        "\xef\xbf\xbd(" };
    (void)state;
    assert_null(jsonfile_string(NULL));
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        json_t *string = jsonfile_string(in[i]);
        assert_string_equal(json_string_value(string), want[i]);
        json_decref(string);
    }
}

static void text_is_readable_and_numbers_are_short(void **state)
{
    static const char in[] =
        "{\"b\":0.1,\"a\":[1,2.5,\"\\\"x\\u00e9\"],\"o\":{\"deep\":[[1],{}]},\"n\":null,\"t\":true,"
        "\"e\":{},\"big\":12345678901234,\"third\":0.3333333333333333}";
    static const char want[] = "{\n"
                               "  \"b\": 0.1,\n"
                               "  \"a\": [1, 2.5, \"\\\"x\xc3\xa9\"],\n"
                               "  \"o\": {\n"
                               "    \"deep\": [\n"
                               "      [1],\n"
                               "      {}\n"
                               "    ]\n"
                               "  },\n"
                               "  \"n\": null,\n"
                               "  \"t\": true,\n"
                               "  \"e\": {},\n"
                               "  \"big\": 12345678901234,\n"
                               "  \"third\": 0.3333333333333333\n"
                               "}\n";
    struct err e = { 0 };
    json_t *doc, *again;
    (void)state;
    assert_ok(jsonfile_parse("x", in, strlen(in), &doc, &e), e);
    char *text = jsonfile_text(doc);
    assert_string_equal(text, want);
    assert_ok(jsonfile_parse("x", text, strlen(text), &again, &e), e);
    assert_true(json_equal(doc, again));
    free(text);
    json_decref(doc);
    json_decref(again);
}

static void what_is_no_object_is_refused_with_its_place(void **state)
{
    struct err e = { 0 };
    json_t *doc = NULL;
    (void)state;
    assert_error(jsonfile_parse("m.json", "{\"a\":\n 1,}", 10, &doc, &e), ERR_DATA, e,
                 "'m.json' line 2 column");
    assert_error(jsonfile_parse("m.json", "", 0, &doc, &e), ERR_DATA, e, "is not JSON");
    assert_error(jsonfile_parse("m.json", "[1]", 3, &doc, &e), ERR_DATA, e, "no object");
    assert_error(jsonfile_parse("m.json", "{\"a\":1,\"a\":2}", 13, &doc, &e), ERR_DATA, e,
                 "duplicate");
    assert_error(jsonfile_parse("m.json", "{\"a\":NaN}", 9, &doc, &e), ERR_DATA, e, "is not JSON");
    assert_error(jsonfile_parse("m.json", "{} {}", 5, &doc, &e), ERR_DATA, e, "is not JSON");
    assert_null(doc);
}

static void files_are_read_and_written_whole(void **state)
{
    char path[] = "/tmp/refit-json.XXXXXX";
    struct err e = { 0 };
    int fd = mkstemp(path);
    json_t *doc = json_pack("{s:i}", "a", 7), *back = NULL;
    (void)state;
    assert_true(fd >= 0 && close(fd) == 0);
    assert_ok(jsonfile_write(path, doc, &e), e);
    assert_ok(jsonfile_read(path, &back, &e), e);
    assert_true(json_equal(doc, back));
    json_decref(back);
    assert_int_equal(truncate(path, (off_t)JSONFILE_MAX + 1), 0); /* sparse */
    assert_error(jsonfile_read(path, &back, &e), ERR_DATA, e, "want at most");
    unlink(path);
    assert_error(jsonfile_read(path, &back, &e), ERR_IO, e, "cannot open");
    assert_error(jsonfile_read("/tmp", &back, &e), ERR_IO, e, "not a regular file");
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_that_is_no_utf_8_is_a_string_all_the_same),
        cmocka_unit_test(text_is_readable_and_numbers_are_short),
        cmocka_unit_test(what_is_no_object_is_refused_with_its_place),
        cmocka_unit_test(files_are_read_and_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
