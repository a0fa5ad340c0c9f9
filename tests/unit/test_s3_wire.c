/* What libcurl is told for a request; its functions are the ones here, and no server is asked. */
#include "near.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "io/s3_wire.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

enum { MANY = 80 };

/* Options as they were set, the numbers among them. */
static struct {
    CURLoption option;
    curl_off_t number;
} set[MANY];
static size_t n_set;
static char protocols[20];
static int a_curl;

CURL *curl_easy_init(void)
{
    return (CURL *)&a_curl;
}

void curl_easy_cleanup(CURL *curl)
{
    (void)curl;
}

void curl_easy_reset(CURL *curl)
{
    (void)curl;
    n_set = 0;
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list args;
    (void)curl;
    assert_true(n_set < MANY);
    va_start(args, option);
    set[n_set].option = option;
    set[n_set].number = 0;
    if (option < CURLOPTTYPE_OBJECTPOINT)
        set[n_set].number = va_arg(args, long);
    else if (option > CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB)
        set[n_set].number = va_arg(args, curl_off_t);
    else if (option == CURLOPT_PROTOCOLS_STR)
        snprintf(protocols, sizeof protocols, "%s", va_arg(args, const char *));
    va_end(args);
    n_set++;
    return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list args;
    (void)curl;
    va_start(args, info);
    if (info == CURLINFO_RESPONSE_CODE)
        *va_arg(args, long *) = 200;
    else
        *va_arg(args, curl_off_t *) = 0;
    va_end(args);
    return CURLE_OK;
}

CURLcode curl_easy_perform(CURL *curl)
{
    (void)curl;
    return CURLE_OK;
}

/* The last value of an option; -1: it was not set. */
static int64_t told(CURLoption option)
{
    int64_t value = -1;
    for (size_t i = 0; i < n_set; i++)
        if (set[i].option == option)
            value = set[i].number;
    return value;
}

static void ask(const struct s3_place *p, bool patient)
{
    struct s3_lane lane = { 0 };
    struct s3_body body = { 0 };
    struct s3_sink sink = { 0 };
    struct s3_answer a = { 0 };
    struct s3_exchange x = {
        .method = "GET", .url = "http://h/", .body = &body, .sink = &sink, .patient = patient
    };
    s3_wire(&lane, p, &x, &a);
    assert_int_equal(a.status, 200);
    s3_answer_release(&a);
    s3_lane_release(&lane);
}

static void a_limit_of_bandwidth_goes_both_ways(void **state)
{
    struct s3_place p = { .max_rate = 500 << 10, .connect_timeout_s = 10, .stall_timeout_s = 30 };
    (void)state;
    ask(&p, false);
    assert_int_equal(told(CURLOPT_MAX_SEND_SPEED_LARGE), 500 << 10);
    assert_int_equal(told(CURLOPT_MAX_RECV_SPEED_LARGE), 500 << 10);
    assert_int_equal(told(CURLOPT_LOW_SPEED_LIMIT), 1000);
    p.max_rate = 900; /* what is that slow because we want it is not stalled */
    ask(&p, false);
    assert_int_equal(told(CURLOPT_MAX_SEND_SPEED_LARGE), 900);
    assert_in_range(told(CURLOPT_LOW_SPEED_LIMIT), 1, 899);
    p.max_rate = 0;
    ask(&p, false);
    assert_int_equal(told(CURLOPT_MAX_SEND_SPEED_LARGE), 0);
    assert_int_equal(told(CURLOPT_MAX_RECV_SPEED_LARGE), 0);
}

static void every_request_has_an_end(void **state)
{
    struct s3_place p = { .connect_timeout_s = 11, .stall_timeout_s = 31 };
    (void)state;
    ask(&p, false);
    assert_int_equal(told(CURLOPT_CONNECTTIMEOUT), 11);
    assert_int_equal(told(CURLOPT_LOW_SPEED_TIME), 31);
    assert_int_equal(told(CURLOPT_TIMEOUT), 0);
    ask(&p, true); /* a copy or a completion says nothing for minutes */
    assert_int_equal(told(CURLOPT_LOW_SPEED_TIME), 0);
    assert_int_equal(told(CURLOPT_TIMEOUT), 600);
}

static void nothing_leads_to_another_place_or_around_tls(void **state)
{
    struct s3_place p = { .tls = true };
    (void)state;
    ask(&p, false);
    assert_string_equal(protocols, "https");
    assert_int_equal(told(CURLOPT_FOLLOWLOCATION), -1);
    assert_int_equal(told(CURLOPT_SSL_VERIFYPEER), -1); /* libcurl's own: yes */
    assert_int_equal(told(CURLOPT_SSL_VERIFYHOST), -1);
    assert_int_equal(told(CURLOPT_SSLVERSION), CURL_SSLVERSION_TLSv1_2);
    p.tls = false;
    ask(&p, false);
    assert_string_equal(protocols, "http");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_of_bandwidth_goes_both_ways),
        cmocka_unit_test(every_request_has_an_end),
        cmocka_unit_test(nothing_leads_to_another_place_or_around_tls),
    };
    return cmocka_run_group_tests_name("s3_wire", tests, NULL, NULL);
}
