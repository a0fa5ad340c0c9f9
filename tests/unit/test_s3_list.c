/* Lists of an S3 server in pages; s3_call is the one here. */
#include "near.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/s3_list.h"

/* What the server tells: a page for each request, made by `page`. */
static void (*page)(struct str *out, int n, const struct s3_call *c);
static int n_asked;

int s3_call(struct s3 *s, struct s3_lane *lane, const struct s3_call *c, struct s3_answer *a,
            bool *unsure, struct err *e)
{
    (void)s, (void)lane, (void)unsure, (void)e;
    a->status = 200;
    page(&a->text, n_asked++, c);
    return 0;
}

static struct s3 server(void)
{
    static char name[] = "s3://models";
    return (struct s3){ .place.name = name };
}

static const char *query(const struct s3_call *c, const char *name)
{
    for (size_t i = 0; i < c->n_query; i++)
        if (strcmp(c->query[i].name, name) == 0)
            return c->query[i].value;
    return "-";
}

/* Another marker each time, and always more. */
static void endless(struct str *out, int n, const struct s3_call *c)
{
    (void)c;
    str_addf(out,
             "<R><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>"
             "<NextKeyMarker>%d</NextKeyMarker><NextPartNumberMarker>%d</NextPartNumberMarker></R>",
             n, n, n);
}

static void lists_without_end_are_refused(void **state)
{
    struct s3 s = server();
    char **name;
    struct s3_begun *begun;
    struct s3_arrived *part;
    size_t n;
    struct err e = { 0 };
    (void)state;
    page = endless;
    assert_int_equal(s3_list_names(&s, "p/", &name, &n, &e), ERR_DATA);
    assert_non_null(strstr(e.text, "does not end"));
    e = (struct err){ 0 };
    assert_int_equal(s3_list_uploads(&s, "p/", &begun, &n, &e), ERR_DATA);
    assert_non_null(strstr(e.text, "does not end"));
    e = (struct err){ 0 };
    assert_int_equal(s3_list_parts(&s, "p/k", "id", &part, &n, &e), ERR_DATA);
    assert_non_null(strstr(e.text, "does not end"));
}

/* Two pages; the second one is asked for with the marker of the first. */
static void two_pages(struct str *out, int n, const struct s3_call *c)
{
    assert_string_equal(query(c, "continuation-token"), n ? "a+b" : "-");
    if (n == 0)
        str_addz(out, "<R><EncodingType>url</EncodingType><Contents><Key>p/b%2B</Key></Contents>"
                      "<CommonPrefixes><Prefix>p/d/</Prefix></CommonPrefixes><IsTruncated>true"
                      "</IsTruncated><NextContinuationToken>a+b</NextContinuationToken></R>");
    else
        str_addz(out, "<R><Contents><Key>p/a%2B</Key></Contents><Contents><Key>p/d</Key>"
                      "</Contents><IsTruncated>false</IsTruncated></R>");
}

static void names_of_all_pages_are_sorted_and_stand_once(void **state)
{
    static const char *const want[] = { "a%2B", "b+", "d" };
    struct s3 s = server();
    char **name = NULL;
    size_t n = 0;
    struct err e = { 0 };
    (void)state;
    page = two_pages;
    n_asked = 0;
    assert_ok(s3_list_names(&s, "p/", &name, &n, &e), e);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(name[i], want[i]);
    mem_free_texts(name, n);
}

static void two_markers(struct str *out, int n, const struct s3_call *c)
{
    assert_string_equal(query(c, "key-marker"), n ? "k" : "-");
    assert_string_equal(query(c, "upload-id-marker"), n == 0 ? "-" : n == 1 ? "u1" : "u2");
    str_addf(out,
             "<R><Upload><Key>k</Key><UploadId>u%d</UploadId><Initiated>1970-01-02T00:00:00Z"
             "</Initiated></Upload><IsTruncated>%s</IsTruncated><NextKeyMarker>k</NextKeyMarker>"
             "<NextUploadIdMarker>u%d</NextUploadIdMarker></R>",
             n + 1, n < 2 ? "true" : "false", n + 1);
}

static void uploads_of_one_key_may_fill_pages(void **state)
{
    struct s3 s = server();
    struct s3_begun *begun = NULL;
    size_t n = 0;
    struct err e = { 0 };
    (void)state;
    page = two_markers;
    n_asked = 0;
    assert_ok(s3_list_uploads(&s, "k", &begun, &n, &e), e);
    assert_int_equal(n, 3);
    assert_string_equal(begun[2].id, "u3");
    assert_int_equal(begun[0].initiated_s, 86400);
    s3_begun_free(begun, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_without_end_are_refused),
        cmocka_unit_test(names_of_all_pages_are_sorted_and_stand_once),
        cmocka_unit_test(uploads_of_one_key_may_fill_pages),
    };
    return cmocka_run_group_tests_name("s3_list", tests, NULL, NULL);
}
