#include "io/s3_fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "io/s3_xml.h"

/* What <Error> says. */
struct said {
    bool is_error;
    char code[64], message[300], region[64], endpoint[200], request_time[40], server_time[40];
};

/* Text of an answer as a terminal may have it. */
static void copy_clean(char *out, size_t room, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < room; text++)
        out[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
    out[n] = '\0';
}

static int on_end(void *self, const char *path, const char *text)
{
    struct said *s = self;
    static const struct {
        const char *path;
        size_t at, room;
    } field[] = {
        { "Error/Code", offsetof(struct said, code), sizeof s->code },
        { "Error/Message", offsetof(struct said, message), sizeof s->message },
        { "Error/Region", offsetof(struct said, region), sizeof s->region },
        { "Error/Endpoint", offsetof(struct said, endpoint), sizeof s->endpoint },
        { "Error/RequestTime", offsetof(struct said, request_time), sizeof s->request_time },
        { "Error/ServerTime", offsetof(struct said, server_time), sizeof s->server_time },
    };
    for (size_t i = 0; i < sizeof field / sizeof *field; i++)
        if (strcmp(path, field[i].path) == 0)
            copy_clean((char *)s + field[i].at, field[i].room, text);
    if (strcmp(path, "Error") == 0)
        s->is_error = true;
    return 0;
}

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(word, *list) == 0)
            return true;
    return false;
}

static void set(struct s3_fault *f, int code, bool again, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void set(struct s3_fault *f, int code, bool again, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    f->code = code;
    f->again = again;
}

/* ---- no whole answer ------------------------------------------------------------------------ */

static void judge_silence(const struct s3 *s, const struct s3_call *c, const struct s3_answer *a,
                          struct s3_fault *out)
{
    const struct s3_place *p = &s->place;
    char why[CURL_ERROR_SIZE];
    copy_clean(why, sizeof why, *a->why ? a->why : curl_easy_strerror(a->failed));
    switch (a->failed) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        set(out, ERR_RETRY, true, "cannot reach %s: %s", p->endpoint, why);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        set(out, ERR_RETRY, true, "%s is too slow (connect_timeout %d s, stall_timeout %d s): %s",
            p->endpoint, p->connect_timeout_s, p->stall_timeout_s, why);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        set(out, ERR_IO, false,
            "%s is not trusted: %s (AWS_CA_BUNDLE or SSL_CERT_FILE names certificates of your own)",
            p->endpoint, why);
        return;
    case CURLE_URL_MALFORMAT:
    case CURLE_FAILED_INIT:
    case CURLE_OUT_OF_MEMORY:
        set(out, ERR_IO, false, "%s: %s", p->endpoint, why);
        return;
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK:
        break;
    default:
        set(out, ERR_RETRY, true, "%s broke off: %s", p->endpoint, why);
        return;
    }
    if (a->changed)
        set(out, ERR_DATA, false, "the source changed while it was sent: SHA-256 is not %s",
            c->body.sha256);
    else if (a->too_long)
        set(out, ERR_DATA, false, "the answer is longer than the %zu bytes that it may have",
            c->sink ? c->sink->max : (size_t)S3_MAX_ANSWER);
    else if (c->sink && c->sink->file_errno)
        set(out, ERR_IO, false, "cannot write what came: %s", strerror(c->sink->file_errno));
    else
        set(out, ERR_RETRY, true, "%s broke off: %s", p->endpoint, why);
}

/* ---- an answer that is an error ------------------------------------------------------------- */

static void judge_clock(const struct said *said, const struct s3_answer *a, struct s3_fault *out)
{
    char here[CIVIL_STAMP];
    civil_stamp((int64_t)time(NULL), here);
    set(out, ERR_IO, false,
        "the clocks differ by too much (RequestTimeTooSkewed): here it is %s, the server says %s",
        here,
        *said->server_time ? said->server_time
        : *a->date         ? a->date
                           : "nothing of its own");
}

static void judge_elsewhere(const struct s3 *s, const struct said *said, const struct s3_answer *a,
                            struct s3_fault *out)
{
    const char *region = *said->region ? said->region : a->region;
    char location[200];
    copy_clean(location, sizeof location, *said->endpoint ? said->endpoint : a->location);
    location[strcspn(location, "?#")] = '\0';
    if (*region && strcmp(region, s->place.region) != 0)
        set(out, ERR_IO, false, "bucket '%s' is in region '%s', not '%s': say region=%s in the URL",
            s->place.bucket, region, s->place.region, region);
    else if (*location)
        set(out, ERR_IO, false,
            "the server says (%d) that bucket '%s' is at '%s': redirections are not followed, say "
            "endpoint=... in the URL",
            a->status, s->place.bucket, location);
    else
        set(out, ERR_IO, false, "the server says (%d) that bucket '%s' is elsewhere, not where",
            a->status, s->place.bucket);
}

static bool judge_name(const struct s3 *s, const struct s3_call *c, const struct s3_answer *a,
                       const struct said *said, struct s3_fault *out)
{
    static const char *const full[] = { "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull",
                                        "InsufficientCapacity", NULL };
    static const char *const corrupt[] = { "BadDigest", "InvalidDigest", "IncompleteBody",
                                           "XAmzContentSHA256Mismatch", NULL };
    static const char *const elsewhere[] = { "PermanentRedirect",
                                             "TemporaryRedirect",
                                             "Redirect",
                                             "AuthorizationHeaderMalformed",
                                             "IllegalLocationConstraintException",
                                             NULL };
    const char *source = s->keys.source ? s->keys.source : "?", *code = said->code;
    if (strcmp(code, "RequestTimeTooSkewed") == 0)
        judge_clock(said, a, out);
    else if (strcmp(code, "NoSuchBucket") == 0)
        set(out, ERR_IO, false, "there is no bucket '%s' at %s", s->place.bucket,
            s->place.endpoint);
    else if (strcmp(code, "InvalidAccessKeyId") == 0)
        set(out, ERR_IO, false, "the server does not know the key id (of %s)", source);
    else if (strcmp(code, "SignatureDoesNotMatch") == 0)
        set(out, ERR_IO, false, "the secret key does not belong to the key id (of %s): %s", source,
            code);
    else if (strcmp(code, "ExpiredToken") == 0 || strcmp(code, "InvalidToken") == 0)
        set(out, ERR_IO, false, "the session token is no longer, or not, valid (of %s): %s", source,
            code);
    else if (is_one_of(code, full))
        set(out, ERR_IO, false, "bucket '%s' is full (%s)", s->place.bucket, code);
    else if (is_one_of(code, corrupt))
        set(out, ERR_DATA, true, "the server got other bytes than were signed (%s)", code);
    else if (is_one_of(code, elsewhere) || (a->status >= 300 && a->status < 400))
        judge_elsewhere(s, said, a, out);
    else if (strcmp(code, "AccessDenied") == 0 || (a->status == 403 && !*code))
        set(out, ERR_IO, false, "access denied: the key of %s may not do s3:%s here%s%s", source,
            c->action, *said->message ? ": " : "", said->message);
    else
        return false;
    return true;
}

/* What may pass by itself. */
static bool may_pass(int status, const char *code)
{
    static const char *const busy[] = { "SlowDown",
                                        "SlowDownRead",
                                        "SlowDownWrite",
                                        "InternalError",
                                        "ServiceUnavailable",
                                        "RequestTimeout",
                                        "Throttling",
                                        "RequestLimitExceeded",
                                        "OperationAborted",
                                        "Busy",
                                        "ConditionalRequestConflict",
                                        "TooManyRequests",
                                        NULL };
    return is_one_of(code, busy) || status == 408 || status == 425 || status == 429 ||
           (status >= 500 && status != 501 && status != 505 && status != 507);
}

static void judge_error(const struct s3 *s, const struct s3_call *c, const struct s3_answer *a,
                        const struct said *said, struct s3_fault *out)
{
    char what[96] = "";
    if (*said->code)
        snprintf(what, sizeof what, "%s", said->code);
    else
        snprintf(what, sizeof what, "status %d", a->status);
    const char *colon = *said->message ? ": " : "";
    if (may_pass(a->status, said->code))
        set(out, ERR_RETRY, true, "the server says %s (%d)%s%s", what, a->status, colon,
            said->message);
    else if (judge_name(s, c, a, said, out))
        return;
    else if (a->status < 300) /* 200, and yet an <Error>: what it is may pass */
        set(out, ERR_RETRY, true, "the server says %s with status %d%s%s", what, a->status, colon,
            said->message);
    else if (a->status == 507)
        set(out, ERR_IO, false, "bucket '%s' is full (507)", s->place.bucket);
    else if (a->status == 407)
        set(out, ERR_IO, false, "the proxy wants a user and a password (407)");
    else
        set(out, ERR_IO, false, "the server says %s (%d)%s%s", what, a->status, colon,
            said->message);
}

static bool is_accepted(const struct s3_call *c, const struct s3_answer *a, const struct said *said)
{
    switch (a->status) {
    case 404:
        return (c->accept & S3_NOT_THERE) && strcmp(said->code, "NoSuchBucket") != 0;
    case 412:
        return c->accept & S3_NOT_MET;
    case 416:
        return c->accept & S3_NO_RANGE;
    case 501:
        return c->accept & S3_NOT_IMPLEMENTED;
    default:
        return false;
    }
}

/* A proxy or the server may tell what it was sent: a session token among it. */
static void hide(char *text, const char *secret)
{
    size_t n = secret ? strlen(secret) : 0;
    for (char *at = text; n && (at = strstr(at, secret)); at += n)
        memset(at, '*', n);
}

void s3_judge(const struct s3 *s, const struct s3_call *c, const struct s3_answer *a,
              struct s3_fault *out)
{
    struct said said = { 0 };
    struct err e = { 0 };
    /* An error that goes on and on has said its status. */
    bool whole = a->failed == CURLE_OK || (a->too_long && a->status >= 300);
    bool good = whole && a->status >= 200 && a->status < 300;
    int bad_xml = 0;

    *out = (struct s3_fault){ 0 };
    if (!whole) {
        judge_silence(s, c, a, out);
    } else if (!good || c->xml) {
        bad_xml = s3_xml_read(str_text(&a->text), a->text.n, on_end, &said, &e);
        if (good && bad_xml)
            set(out, ERR_RETRY, true, "%s: %s", s->place.endpoint, e.text);
        else if (!is_accepted(c, a, &said) && (!good || said.is_error) &&
                 !((c->accept & S3_ANY) && !may_pass(a->status, said.code)))
            judge_error(s, c, a, &said, out);
    }
    hide(out->text, s->keys.secret);
    hide(out->text, s->keys.token);
}
