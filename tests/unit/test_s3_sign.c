#include "near.h"

#include <stdlib.h>
#include <string.h>

#include "io/s3_sign.h"

/* AWS's published examples: the Signature Version 4 test suite (service "service"), and "Examples:
 * Signature Calculations" of the S3 API reference. */

static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static char suite_secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static char s3_secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
static char suite_id[] = "AKIDEXAMPLE", s3_id[] = "AKIAIOSFODNN7EXAMPLE";

static void check(const struct s3_signing *s, char *id, char *secret, const char *names,
                  const char *signature)
{
    struct s3_keys keys = { .id = id, .secret = secret };
    char *found = s3_sign(s, &keys), date[9] = "";
    memcpy(date, s->time, 8);
    char *want = str_format("AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/%s/aws4_request, "
                            "SignedHeaders=%s, Signature=%s",
                            id, date, s->service, names, signature);
    assert_string_equal(found, want);
    free(want);
    free(found);
}

static void check_suite(const char *method, const char *path, const struct s3_pair *query,
                        size_t n_query, const char *signature)
{
    static const struct s3_pair header[] = { { "host", "example.amazonaws.com" },
                                             { "x-amz-date", "20150830T123600Z" } };
    struct str q = { 0 };
    s3_query(&q, query, n_query);
    struct s3_signing s = { .method = method,
                            .path = path,
                            .query = str_text(&q),
                            .header = header,
                            .n_header = 2,
                            .payload = nothing,
                            .time = "20150830T123600Z",
                            .region = "us-east-1",
                            .service = "service" };
    check(&s, suite_id, suite_secret, "host;x-amz-date", signature);
    str_release(&q);
}

static void the_examples_of_the_test_suite_come_out(void **state)
{
    (void)state;
    static const struct s3_pair order[] = { { "Param2", "value2" }, { "Param1", "value1" } };
    static const struct s3_pair one[] = { { "Param1", "value1" } };
    check_suite("GET", "/", NULL, 0,
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    check_suite("POST", "/", NULL, 0,
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    check_suite("GET", "/", order, 2,
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500");
    check_suite("POST", "/", one, 1,
                "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11");
}

static void the_examples_of_s3_come_out(void **state)
{
    (void)state;
    static const char put_hash[] =
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    static const struct s3_pair get[] = { { "host", "examplebucket.s3.amazonaws.com" },
                                          { "range", "bytes=0-9" },
                                          { "x-amz-content-sha256", nothing },
                                          { "x-amz-date", "20130524T000000Z" } };
    static const struct s3_pair put[] = { { "date", "Fri, 24 May 2013 00:00:00 GMT" },
                                          { "host", "examplebucket.s3.amazonaws.com" },
                                          { "x-amz-content-sha256", put_hash },
                                          { "x-amz-date", "20130524T000000Z" },
                                          { "x-amz-storage-class", "REDUCED_REDUNDANCY" } };
    static const struct s3_pair lifecycle[] = { { "lifecycle", "" } };
    static const struct s3_pair list[] = { { "prefix", "J" }, { "max-keys", "2" } };
    const struct s3_pair plain[] = { get[0], get[2], get[3] };
    struct str path = { 0 }, query = { 0 };
    struct s3_signing s = { .method = "GET",
                            .path = "/test.txt",
                            .query = "",
                            .header = get,
                            .n_header = 4,
                            .payload = nothing,
                            .time = "20130524T000000Z",
                            .region = "us-east-1",
                            .service = "s3" };
    check(&s, s3_id, s3_secret, "host;range;x-amz-content-sha256;x-amz-date",
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

    s3_encode(&path, "/test$file.text", 15, true);
    s.method = "PUT", s.path = path.text, s.header = put, s.n_header = 5, s.payload = put_hash;
    check(&s, s3_id, s3_secret, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");

    s.method = "GET", s.path = "/", s.header = plain, s.n_header = 3, s.payload = nothing;
    s3_query(&query, lifecycle, 1);
    s.query = query.text;
    check(&s, s3_id, s3_secret, "host;x-amz-content-sha256;x-amz-date",
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    str_clear(&query);
    s3_query(&query, list, 2);
    s.query = query.text;
    check(&s, s3_id, s3_secret, "host;x-amz-content-sha256;x-amz-date",
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    str_release(&path);
    str_release(&query);
}

static void blanks_in_a_header_do_not_change_the_signature(void **state)
{
    (void)state;
    const struct s3_pair tidy[] = { { "host", "h" }, { "x-a", "b c" } };
    const struct s3_pair wide[] = { { "host", "h " }, { "x-a", "  b   c" } };
    struct s3_keys keys = { .id = s3_id, .secret = s3_secret };
    struct s3_signing s = { .method = "GET",
                            .path = "/",
                            .query = "",
                            .header = tidy,
                            .n_header = 2,
                            .payload = nothing,
                            .time = "20130524T000000Z",
                            .region = "r",
                            .service = "s3" };
    char *a = s3_sign(&s, &keys);
    s.header = wide;
    char *b = s3_sign(&s, &keys);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void every_byte_is_encoded_but_the_plain_ones(void **state)
{
    (void)state;
    struct str s = { 0 };
    const char key[] = "a b/\xc3\xa9+=//..~-_.%&?#";
    s3_encode(&s, key, sizeof key - 1, true);
    assert_string_equal(s.text, "a%20b/%C3%A9%2B%3D//..~-_.%25%26%3F%23");
    str_clear(&s);
    s3_encode(&s, "a/b", 3, false);
    assert_string_equal(s.text, "a%2Fb");
    str_clear(&s);
    const struct s3_pair pairs[] = { { "prefix", "a/\xc3\xa9" },
                                     { "list-type", "2" },
                                     { "a", "" } };
    s3_query(&s, pairs, 3);
    assert_string_equal(s.text, "a=&list-type=2&prefix=a%2F%C3%A9");
    str_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_test_suite_come_out),
        cmocka_unit_test(the_examples_of_s3_come_out),
        cmocka_unit_test(blanks_in_a_header_do_not_change_the_signature),
        cmocka_unit_test(every_byte_is_encoded_but_the_plain_ones),
    };
    return cmocka_run_group_tests_name("s3_sign", tests, NULL, NULL);
}
