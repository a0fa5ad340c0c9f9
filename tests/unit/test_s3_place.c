#include "near.h"

#include <stdlib.h>
#include <string.h>

#include "io/s3_credentials.h"
#include "io/s3_place.h"

static int forget_environment(void **state)
{
    static const char *const name[] = { "AWS_ENDPOINT_URL",
                                        "AWS_ENDPOINT_URL_S3",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_ACCESS",
                                        "AWS_SECRET_KEY",
                                        "AWS_PROFILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "HOME" };
    (void)state;
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        unsetenv(name[i]);
    return 0;
}

static void check(const char *url, const char *endpoint, const char *base, const char *prefix)
{
    struct s3_place p = { 0 };
    struct err e = { 0 };
    assert_ok(s3_place_parse(&p, url, &e), e);
    assert_string_equal(p.endpoint, endpoint);
    assert_string_equal(p.base, base);
    assert_string_equal(p.prefix, prefix);
    s3_place_release(&p);
}

static void a_bucket_stands_in_the_host_or_in_the_path(void **state)
{
    (void)state;
    check("s3://models", "https://models.s3.us-east-1.amazonaws.com", "", "");
    check("s3://models/a/b/", "https://models.s3.us-east-1.amazonaws.com", "", "a/b");
    check("s3://models?region=eu-west-3", "https://models.s3.eu-west-3.amazonaws.com", "", "");
    check("s3://models?region=cn-north-1", "https://models.s3.cn-north-1.amazonaws.com.cn", "", "");
    check("s3://my.models", "https://s3.us-east-1.amazonaws.com", "/my.models", "");
    check("s3://models?style=path", "https://s3.us-east-1.amazonaws.com", "/models", "");
    check("s3://models/a b?endpoint=http://127.0.0.1:7480", "http://127.0.0.1:7480", "/models",
          "a b");
    check("s3://models?endpoint=https://h:443/&style=host", "https://models.h", "", "");
    check("s3://models?endpoint=http://h:80", "http://h", "/models", "");
    check("s3://models?endpoint=https%3A%2F%2F[::1]:9000/s3/v%201", "https://[::1]:9000",
          "/s3/v%201/models", "");
    check("s3://models//a//b", "https://models.s3.us-east-1.amazonaws.com", "", "/a//b");
}

static void the_environment_names_region_and_endpoint(void **state)
{
    setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
    check("s3://models", "https://models.s3.eu-west-1.amazonaws.com", "", "");
    setenv("AWS_REGION", "eu-west-2", 1);
    check("s3://models", "https://models.s3.eu-west-2.amazonaws.com", "", "");
    check("s3://models?region=eu-west-3", "https://models.s3.eu-west-3.amazonaws.com", "", "");
    setenv("AWS_ENDPOINT_URL", "https://s3.example.org", 1);
    check("s3://models", "https://s3.example.org", "/models", "");
    setenv("AWS_ENDPOINT_URL_S3", "https://s3.example.com", 1);
    check("s3://models", "https://s3.example.com", "/models", "");
    check("s3://models?endpoint=https://h", "https://h", "/models", "");
    forget_environment(state);
}

static void parameters_are_read(void **state)
{
    (void)state;
    struct s3_place p = { 0 };
    struct err e = { 0 };
    assert_ok(s3_place_parse(&p, "s3://models/x", &e), e);
    assert_true(p.verify && p.tls && !p.md5 && p.attempts == 8 && p.max_rate == 0);
    assert_int_equal(p.part_size, 16 << 20);
    assert_int_equal(p.parts_above, 256 << 20);
    assert_string_equal(p.name, "s3://models/x");
    s3_place_release(&p);
    assert_ok(s3_place_parse(&p,
                             "s3://models?verify=false&md5=true&attempts=2&part_size=5M&max_rate="
                             "500K&parallel=1&connect_timeout=3&stall_timeout=4&profile=a%20b&"
                             "endpoint=http://h",
                             &e),
              e);
    assert_true(!p.verify && !p.tls && p.md5 && p.attempts == 2 && p.parallel == 1);
    assert_int_equal(p.part_size, 5 << 20);
    assert_int_equal(p.parts_above, 5 << 20);
    assert_int_equal(p.max_rate, 500 << 10);
    assert_int_equal(p.connect_timeout_s, 3);
    assert_int_equal(p.stall_timeout_s, 4);
    assert_string_equal(p.profile, "a b");
    s3_place_release(&p);
}

static void what_cannot_be_a_bucket_is_refused(void **state)
{
    static const char *const bad[][2] = {
        { "s3://", "names no bucket" },
        { "s3:///key", "names no bucket" },
        { "s3://ab", "no bucket's name" },
        { "s3://-models", "no bucket's name" },
        { "s3://mod els", "no bucket's name" },
        { "s3://models@host", "no bucket's name" },
        { "s3://Models?style=host", "want style=path" },
        { "s3://models?endpoint=host:9000", "want https://HOST" },
        { "s3://models?endpoint=ftp://host", "want https://HOST" },
        { "s3://models?endpoint=https://", "host name or address" },
        { "s3://models?endpoint=https://a%0d%0ab", "host name or address" },
        { "s3://models?endpoint=https://h%3Fx", "want no query" },
        { "s3://models?style=virtual", "want path or host" },
        { "s3://models?part_size=0", "part_size" },
        { "s3://models?part_size=6G", "part_size" },
        { "s3://models?attempts=x", "whole number" },
        { "s3://models?verify=maybe", "true or false" },
        { "s3://models?verify", "NAME=VALUE" },
        { "s3://models?profile=%zz", "NAME=VALUE" },
        { "s3://models?region=a%20b", "region" },
        { "s3://models?size=1", "parameter 'size' is not known" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct s3_place p = { 0 };
        struct err e = { 0 };
        assert_error(s3_place_parse(&p, bad[i][0], &e), ERR_USAGE, e, bad[i][1]);
        assert_null(p.name);
    }
}

static void a_password_in_an_endpoint_is_not_told(void **state)
{
    (void)state;
    struct s3_place p = { 0 };
    struct err e = { 0 };
    assert_error(s3_place_parse(&p, "s3://models?endpoint=https://me:hunter2@h", &e), ERR_USAGE, e,
                 "holds a user");
    assert_null(strstr(e.text, "hunter2"));
    e = (struct err){ 0 };
    assert_error(s3_place_parse(&p, "s3://models?endpoint=me:hunter2@h", &e), ERR_USAGE, e, "want");
    assert_null(strstr(e.text, "hunter2"));
}

/* ---- credentials ---------------------------------------------------------------------------- */

static void keys_come_from_the_environment(void **state)
{
    struct s3_keys k = { 0 };
    struct err e = { 0 };
    assert_error(s3_credentials(&k, NULL, &e), ERR_IO, e, "no credentials");
    setenv("AWS_ACCESS", "old", 1);
    assert_error(s3_credentials(&k, NULL, &e), ERR_IO, e, "AWS_SECRET_KEY is not");
    setenv("AWS_SECRET_KEY", "oldsecret", 1);
    e = (struct err){ 0 };
    assert_ok(s3_credentials(&k, NULL, &e), e);
    assert_string_equal(k.id, "old");
    assert_null(k.token);
    s3_keys_release(&k);
    setenv("AWS_ACCESS_KEY_ID", "id:with:colons", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    assert_ok(s3_credentials(&k, NULL, &e), e);
    assert_string_equal(k.id, "id:with:colons");
    assert_string_equal(k.secret, "secret");
    assert_string_equal(k.token, "token");
    s3_keys_release(&k);
    setenv("AWS_SECRET_ACCESS_KEY", "sec\r\nret", 1);
    assert_error(s3_credentials(&k, NULL, &e), ERR_IO, e, "control character");
    assert_null(strstr(e.text, "ret"));
    forget_environment(state);
}

static void a_profile_is_found_in_the_file(void **state)
{
    static const char text[] = "# keys\n[default]\r\naws_access_key_id = A\r\n"
                               "aws_secret_access_key=S = x\n\n[ two ]\naws_access_key_id=B\n"
                               "aws_secret_access_key=T\naws_session_token=U\nregion=x\n"
                               "[half]\naws_access_key_id=B\n";
    struct s3_keys k = { 0 };
    struct err e = { 0 };
    bool found;
    (void)state;
    assert_error(s3_credentials_parse(&k, "f", text, "default", &found, &e), ERR_IO, e, "space");
    e = (struct err){ 0 };
    assert_ok(s3_credentials_parse(&k, "f", text, "two", &found, &e), e);
    assert_true(found);
    assert_string_equal(k.id, "B");
    assert_string_equal(k.secret, "T");
    assert_string_equal(k.token, "U");
    assert_string_equal(k.source, "'f' [two]");
    s3_keys_release(&k);
    assert_ok(s3_credentials_parse(&k, "f", text, "three", &found, &e), e);
    assert_false(found);
    assert_error(s3_credentials_parse(&k, "f", text, "half", &found, &e), ERR_IO, e,
                 "'f' [half] has no aws_secret_access_key");
    assert_error(s3_credentials_parse(&k, "f", "[a]\nhunter2\n", "a", &found, &e), ERR_IO, e,
                 "line 2");
    assert_null(strstr(e.text, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_stands_in_the_host_or_in_the_path),
        cmocka_unit_test(the_environment_names_region_and_endpoint),
        cmocka_unit_test(parameters_are_read),
        cmocka_unit_test(what_cannot_be_a_bucket_is_refused),
        cmocka_unit_test(a_password_in_an_endpoint_is_not_told),
        cmocka_unit_test(keys_come_from_the_environment),
        cmocka_unit_test(a_profile_is_found_in_the_file),
    };
    return cmocka_run_group_tests_name("s3_place", tests, forget_environment, NULL);
}
