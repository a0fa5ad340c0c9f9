#include "near.h"

#include <string.h>

#include "base/str.h"
#include "io/s3_xml.h"

static int note(void *self, const char *path, const char *text)
{
    str_addf(self, "%s=%s\n", path, text);
    return 0;
}

static void elements_are_told_at_their_end(void **state)
{
    static const char text[] =
        "<?xml version=\"1.0\"?>\n<a xmlns=\"http://x\">\n <b> &lt;1&#233; </b><s:c "
        "xmlns:s='y'><![CDATA[2]]></s:c><b/></a>\n";
    struct str s = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(s3_xml_read(text, sizeof text - 1, note, &s, &e), e);
    assert_string_equal(s.text, "a/b=<1\xc3\xa9\na/c=2\na/b=\na=\n");
    str_release(&s);
}

static void what_is_no_plain_document_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "garbage",
        "<a>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a>\x01</a>",
        "<a>&x;</a>",
        "<a>\xff\xfe</a>",
        "<s:/>",
        "<a><s: xmlns='x'><b/></s:></a>",
        "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY x \"xx\"><!ENTITY y \"&x;&x;\">]><a>&y;</a>",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct str s = { 0 };
        struct err e = { 0 };
        assert_error(s3_xml_read(bad[i], strlen(bad[i]), note, &s, &e), ERR_DATA, e, "no XML");
        str_release(&s);
    }
}

static void what_is_nested_too_deeply_is_refused(void **state)
{
    (void)state;
    for (int depth = 16; depth <= 17; depth++) {
        struct str text = { 0 }, s = { 0 };
        struct err e = { 0 };
        for (int i = 0; i < depth; i++)
            str_addz(&text, "<a>");
        for (int i = 0; i < depth; i++)
            str_addz(&text, "</a>");
        int rc = s3_xml_read(text.text, text.n, note, &s, &e);
        if (depth == 16)
            assert_ok(rc, e);
        else
            assert_error(rc, ERR_DATA, e, "nested too deeply");
        str_release(&text);
        str_release(&s);
    }
}

/* The parser may tell the end of an empty element that it was stopped at. */
static void a_name_without_end_is_refused(void **state)
{
    static const char *const around[][2] = { { "<", "/>" }, { "<a><", "/></a>" }, { "<", ">" } };
    (void)state;
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        struct str text = { 0 }, s = { 0 };
        struct err e = { 0 };
        str_addz(&text, around[i][0]);
        for (int k = 0; k < 1100; k++)
            str_addc(&text, 'a');
        str_addz(&text, around[i][1]);
        assert_error(s3_xml_read(text.text, text.n, note, &s, &e), ERR_DATA, e, "nested too");
        assert_string_equal(str_text(&s), "");
        str_release(&text);
        str_release(&s);
    }
}

static void a_text_without_end_is_refused(void **state)
{
    struct str text = { 0 }, s = { 0 };
    struct err e = { 0 };
    (void)state;
    str_addz(&text, "<a>");
    for (int i = 0; i < 70000; i++)
        str_addc(&text, 'x');
    str_addz(&text, "</a>");
    assert_error(s3_xml_read(text.text, text.n, note, &s, &e), ERR_DATA, e, "64 KiB");
    str_release(&text);
    str_release(&s);
}

static int stop_at_b(void *self, const char *path, const char *text)
{
    (void)text;
    ++*(int *)self;
    return strcmp(path, "a/b") == 0 ? ERR_RETRY : 0;
}

static void the_reader_can_stop(void **state)
{
    struct err e = { 0 };
    int n = 0;
    (void)state;
    assert_int_equal(s3_xml_read("<a><b/><c/></a>", 15, stop_at_b, &n, &e), ERR_RETRY);
    assert_int_equal(n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_told_at_their_end),
        cmocka_unit_test(what_is_no_plain_document_is_refused),
        cmocka_unit_test(what_is_nested_too_deeply_is_refused),
        cmocka_unit_test(a_name_without_end_is_refused),
        cmocka_unit_test(a_text_without_end_is_refused),
        cmocka_unit_test(the_reader_can_stop),
    };
    return cmocka_run_group_tests_name("s3_xml", tests, NULL, NULL);
}
