#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "scratch.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "base/str.h"
#include "io/jsonrows.h"

/* "LINE:a|b\n", ~ for no value; bad rows as "!LINE fault <detail>". */
static int on_row(void *ctx, const struct record *row, struct err *e)
{
    (void)e;
    str_addf(ctx, "%lld:", (long long)row->line);
    for (size_t i = 0; i < row->n; i++) {
        const char *text = row->field[i].text;
        assert_int_equal(text ? strlen(text) : 0, row->field[i].n);
        str_addf(ctx, "%s%s", i ? "|" : "", text ? text : "~");
    }
    str_addc(ctx, '\n');
    return 0;
}

static int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                  struct err *e)
{
    (void)e;
    str_addf(ctx, "!%lld %s <%s>\n", (long long)line, record_fault_name(fault), detail);
    return 0;
}

static const struct record_sink sink = { NULL, on_row, on_bad };
static bool seen[2];

static int read_text(const char *text, size_t n, size_t max_field, struct str *out, struct err *e)
{
    static char a[] = "a", b[] = "b", other[] = "B";
    static char *const names[] = { a, b, other };
    const struct jsonrows_field field[] = { { names, 1 }, { names + 1, 2 } };
    FILE *f = fopen("in.json", "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
    seen[0] = seen[1] = false;
    return jsonrows_read("in.json", field, 2, max_field, 200, NULL, &sink, out, seen, NULL, e);
}

static void reads(const char *text, const char *want)
{
    struct err e = { 0 };
    struct str out = { 0 };
    assert_ok(read_text(text, strlen(text), 100, &out, &e), e);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void refuses(const char *text, const char *why)
{
    struct err e = { 0 };
    struct str out = { 0 };
    assert_error(read_text(text, strlen(text), 100, &out, &e), ERR_DATA, e, why);
    str_release(&out);
}

static void lines_and_arrays_give_the_same_rows(void **state)
{
    (void)state;
    reads("{\"a\":1,\"b\":\"x\"}\n\n{\"b\":\"y\",\"a\":2}\r\n", "1:1|x\n3:2|y\n");
    reads("{\"a\":1}", "1:1|~\n");
    reads("[{\"a\":1,\"b\":\"x\"},\n {\"b\":\"y\",\n\"a\":2} ]\n", "1:1|x\n2:2|y\n");
    reads(" \n[ ]\n", "");
    reads("\xEF\xBB\xBF[{\"a\":\"]},{\\\"\"}]", "1:]},{\"|~\n");
}

static void values_become_text_as_they_are(void **state)
{
    (void)state;
    reads("[{\"a\":9007199254740993,\"b\":0.1},{\"a\":true,\"b\":null},"
          "{\"a\":{\"x\":[1,\"é\"]},\"b\":[]},{\"a\":1e300,\"B\":\"\"}]",
          "1:9007199254740993|0.1\n1:true|~\n1:{\"x\":[1,\"é\"]}|[]\n1:1e+300|\n");
    reads("{\"a\":\"\\u20ac\\ud83d\\ude00\",\"b\":-0.0}", "1:€😀|-0\n");
}

static void which_fields_there_are_is_told(void **state)
{
    (void)state;
    reads("{\"a\":1}\n{\"a\":null}\n", "1:1|~\n2:~|~\n");
    assert_true(seen[0]);
    assert_false(seen[1]);
    reads("{\"B\":null}\n", "1:~|~\n");
    assert_true(seen[1]);
}

static void a_bad_record_costs_itself(void **state)
{
    (void)state;
    reads("{\"a\":1}\n{\"a\":}\n[1]\n{\"a\":2}{\n{\"a\":3}\n{\"a\"",
          "1:1|~\n!2 bad JSON record <unexpected token near '}': {\"a\":}>\n"
          "!3 bad JSON record <no object: [1]>\n"
          "!4 bad JSON record <end of file expected near '{': {\"a\":2}{>\n"
          "5:3|~\n!6 bad JSON record <':' expected near end of file: {\"a\">\n");
    reads("[{\"a\":1},{\"a\":},7,\"x\",{\"a\":2}]",
          "1:1|~\n!1 bad JSON record <unexpected token near '}': {\"a\":}>\n"
          "!1 bad JSON record <no object: 7>\n"
          "!1 bad JSON record <no object: \"x\">\n1:2|~\n");
}

static void hostile_values_cost_their_record(void **state)
{
    struct str deep = { 0 }, out = { 0 };
    struct err e = { 0 };
    (void)state;
    reads("{\"a\":1,\"a\":2}\n{\"a\":1e400}\n{\"a\":99999999999999999999}\n{\"a\":NaN}\n"
          "{\"a\":\"\\u0000\"}\n{\"a\":\"\xFF\"}\n{\"a\":\"\\ud800\"}\n{\"b\":1}\n",
          "!1 bad JSON record <duplicate object key near '\"a\"': {\"a\":1,\"a\":2}>\n"
          "!2 bad JSON record <real number overflow near '1e400': {\"a\":1e400}>\n"
          "!3 bad JSON record <too big integer near '99999999999999999999': "
          "{\"a\":99999999999999999999}>\n"
          "!4 bad JSON record <invalid token near 'NaN': {\"a\":NaN}>\n"
          "!5 bad JSON record <\\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"': "
          "{\"a\":\"\\u0000\"}>\n"
          "!6 bad JSON record <unable to decode byte 0xff near '\"': {\"a\":\"?\"}>\n"
          "!7 bad JSON record <invalid Unicode '\\uD800' near '\"\\ud800\"': {\"a\":\"\\ud800\"}>\n"
          "8:~|1\n");
    for (int i = 0; i < 2; i++) { /* a million brackets, on a line and in an array */
        str_addz(&deep, i ? "[{\"a\":" : "{\"a\":");
        for (int j = 0; j < 1000000; j++)
            str_addc(&deep, '[');
        for (int j = 0; j < 1000000; j++)
            str_addc(&deep, ']');
        str_addz(&deep, i ? "},{\"a\":1}]" : "}\n{\"a\":1}\n");
        assert_ok(read_text(deep.text, deep.n, 100, &out, &e), e);
        assert_non_null(strstr(out.text, "!1 bad JSON record <maximum parsing depth reached"));
        assert_non_null(strstr(out.text, i ? "1:1|~" : "2:1|~"));
        str_clear(&deep);
        str_clear(&out);
    }
    str_addz(&deep, "{\"a\":\"");
    for (int j = 0; j < 101; j++)
        str_addc(&deep, 'x');
    str_addz(&deep, "\"}\n{\"a\":1}\n");
    assert_ok(read_text(deep.text, deep.n, 100, &out, &e), e);
    assert_non_null(strstr(out.text, "!1 field too long <xxx"));
    assert_true(str_ends(out.text, "\n2:1|~\n"));
    str_release(&deep);
    str_release(&out);
}

static void a_broken_file_is_refused(void **state)
{
    (void)state;
    refuses("", "'in.json' is empty, want an array of objects or an object a line");
    refuses("a,b\n1,2\n", "'in.json' is not JSON");
    refuses("[{\"a\":1},", "line 1: the file ends in its array, want , or ]");
    refuses("[{\"a\":1}", "line 1: the file ends in its array, want , or ]");
    refuses("[\n{\"a\":1},\n{\"a\":\"x]", "line 3: the record that begins here does not end");
    refuses("[{\"a\":1}\n{\"a\":2}]", "line 2: something else follows a record, want , or ]");
    refuses("[{\"a\":1}]\nx", "line 2: something follows the array");
}

/* 90 MB on one line, or in an array: told after 64 MiB, which the window holds. */
static void a_record_without_end_is_refused_in_bounded_memory(void **state)
{
    static char block[1 << 16];
    struct err e = { 0 };
    struct str text = { 0 }, out = { 0 };
    (void)state;
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 2; i++) {
        str_addz(&text, i ? "[{\"a\":\"" : "{\"a\":\"");
        for (int j = 0; j < 1400; j++)
            str_add(&text, block, sizeof block);
        if (i) {
            assert_error(read_text(text.text, text.n, 100, &out, &e), ERR_DATA, e,
                         "line 1: the record that begins here does not end within 64 MiB");
        } else {
            str_addz(&text, "\n{\"a\":1}\n");
            assert_ok(read_text(text.text, text.n, 100, &out, &e), e);
            assert_non_null(strstr(out.text, "!1 field too long <{\"a\":\"xxx"));
            assert_true(str_ends(out.text, "\n2:1|~\n"));
        }
        str_clear(&text);
        str_clear(&out);
    }
    str_release(&text);
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_and_arrays_give_the_same_rows),
        cmocka_unit_test(values_become_text_as_they_are),
        cmocka_unit_test(which_fields_there_are_is_told),
        cmocka_unit_test(a_bad_record_costs_itself),
        cmocka_unit_test(hostile_values_cost_their_record),
        cmocka_unit_test(a_broken_file_is_refused),
        cmocka_unit_test(a_record_without_end_is_refused_in_bounded_memory),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
