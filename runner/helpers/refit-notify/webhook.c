/* A message as the body of a POST. Redirects are not followed: what stands in a URL or a header is
 * for that host alone. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runner/helpers/refit-notify/deliver.h"

enum { CONNECT_MS = 5000, TOTAL_MS = 10000, MAX_ANSWER = 65536, MAX_LINE = 200 };

/* The beginning of the answer; more of it is not wanted. */
static size_t take(char *bytes, size_t size, size_t n, void *to)
{
    struct str *answer = to;
    size_t room = MAX_ANSWER - answer->n, all = size * n;
    str_add(answer, bytes, all < room ? all : room);
    return all <= room ? all : 0;
}

/* ": " and the first line, bytes that a terminal could obey replaced. */
static void add_first_line(struct str *out, const struct str *answer)
{
    const char *p = str_text(answer);
    p += strspn(p, " \t\r\n");
    if (*p)
        str_addz(out, ": ");
    for (size_t n = 0; *p && *p != '\n' && *p != '\r' && n < MAX_LINE; p++, n++)
        str_addc(out, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
}

static int judge(struct delivery *d, CURL *curl, const struct str *answer, struct err *e)
{
    long status = 0;
    curl_off_t after = 0;
    const char *to = NULL;
    struct str text = { 0 };
    int rc;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &to);
    if (status >= 200 && status < 300)
        return 0;
    bool later = status < 200 || status >= 500 || status == 408 || status == 425 || status == 429;
    str_addf(&text, "it answered %ld", status);
    if (later && after > 0) {
        d->retry_after_s = (long)after;
        str_addf(&text, ", to be asked again after %ld s", d->retry_after_s);
    }
    if (to) {
        const char *host = strstr(to, "://");
        size_t n = host ? (size_t)(host - to) + 3 + strcspn(host + 3, "/?#") : 0;
        str_addf(&text, ", a redirection to %.*s, which is not followed", (int)n, to);
    }
    add_first_line(&text, answer);
    rc = err_set(e, later ? ERR_RETRY : ERR_DATA, "%s", str_text(&text));
    str_release(&text);
    return rc;
}

static int check_url(const char *url, struct err *e)
{
    CURLU *u = curl_url();
    char *scheme = NULL;
    CURLUcode why = curl_url_set(u, CURLUPART_URL, url, 0);
    int rc = 0;
    if (why == CURLUE_OK)
        why = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
    if (why != CURLUE_OK)
        rc = err_set(e, ERR_DATA, "the webhook's URL is none: %s", curl_url_strerror(why));
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        rc = err_set(e, ERR_DATA, "the webhook's URL is of '%s', want https or http", scheme);
    curl_free(scheme);
    curl_url_cleanup(u);
    return rc;
}

static int add_headers(struct delivery *d, struct curl_slist **list, struct err *e)
{
    const char *name;
    json_t *value;
    int rc = 0;
    *list = curl_slist_append(*list, "Content-Type: application/json");
    *list = curl_slist_append(*list, "Expect:");
    json_object_foreach(json_object_get(d->channel, "header"), name, value)
    {
        char *text = NULL;
        if ((rc = delivery_resolve(d, json_string_value(value), &text, e)))
            break;
        char *line = str_format("%s: %s", name, text);
        *list = curl_slist_append(*list, line);
        free(line);
        free(text);
    }
    return rc;
}

static int post(struct delivery *d, CURL *curl, const char *url, struct curl_slist *headers,
                struct err *e)
{
    char why[CURL_ERROR_SIZE] = "";
    struct str answer = { 0 };
    int rc = 0;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, d->document);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "refit/" REFIT_VERSION);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    CURLcode got = curl_easy_perform(curl);
    /* An answer that is too long has said enough. */
    if (got == CURLE_OK || got == CURLE_WRITE_ERROR)
        rc = judge(d, curl, &answer, e);
    else
        rc = err_set(e, ERR_RETRY, "%s", *why ? why : curl_easy_strerror(got));
    str_release(&answer);
    return rc;
}

int webhook_send(struct delivery *d, const char *template, struct err *e)
{
    struct curl_slist *headers = NULL;
    CURL *curl = NULL;
    char *url = NULL;
    int rc = delivery_resolve(d, template, &url, e);

    if (rc || (rc = check_url(url, e)) || (rc = add_headers(d, &headers, e)) || d->check)
        goto out;
    curl = curl_easy_init();
    rc = curl ? post(d, curl, url, headers, e) : err_set(e, ERR_IO, "libcurl cannot be started");
out:
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    free(url);
    return rc;
}
