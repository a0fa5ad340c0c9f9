#include "io/s3_call.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "io/s3_credentials.h"
#include "io/s3_fault.h"

enum { MAX_HEADERS = 16, FIRST_PAUSE_MS = 200, LONGEST_PAUSE_MS = 20000 };

static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct s3_number s3_number(uint64_t n)
{
    struct s3_number out;
    snprintf(out.text, sizeof out.text, "%" PRIu64, n);
    return out;
}

int s3_prepare_keys(struct s3 *s, struct err *e)
{
    return s->keys.id ? 0 : s3_credentials(&s->keys, s->place.profile, e);
}

/* ---- one attempt ---------------------------------------------------------------------------- */

/* A request as it is signed and sent. */
struct message {
    struct s3_pair header[MAX_HEADERS];
    size_t n_header;
    struct str path, query;
    char time[20], range[40];
};

/* Kept in byte order of the names. */
static void add(struct message *m, const char *name, const char *value)
{
    size_t i = m->n_header++;
    for (; i && strcmp(m->header[i - 1].name, name) > 0; i--)
        m->header[i] = m->header[i - 1];
    m->header[i] = (struct s3_pair){ name, value };
}

static void set_time(struct message *m)
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(m->time, sizeof m->time, "%Y%m%dT%H%M%SZ", &tm);
}

static void fill(struct message *m, const struct s3 *s, const struct s3_call *c)
{
    str_addz(&m->path, s->place.base);
    if (c->key) {
        str_addc(&m->path, '/');
        s3_encode(&m->path, c->key, strlen(c->key), true);
    }
    if (m->path.n == 0)
        str_addc(&m->path, '/');
    s3_query(&m->query, c->query, c->n_query);
    set_time(m);
    add(m, "host", s->place.host);
    add(m, "x-amz-date", m->time);
    add(m, "x-amz-content-sha256", c->body.sha256 ? c->body.sha256 : nothing);
    if (s->keys.token)
        add(m, "x-amz-security-token", s->keys.token);
    if (c->body.md5)
        add(m, "content-md5", c->body.md5);
    for (size_t i = 0; i < c->n_header; i++)
        add(m, c->header[i].name, c->header[i].value);
    if (c->sink && c->sink->got && *c->sink->tag) { /* the rest of what broke off */
        snprintf(m->range, sizeof m->range, "bytes=%" PRIu64 "-", c->sink->got);
        add(m, "range", m->range);
        add(m, "if-match", c->sink->tag);
    }
}

static void ask(struct s3 *s, struct s3_lane *lane, const struct s3_call *c, struct s3_answer *a)
{
    struct s3_sink memory = { .max = S3_MAX_ANSWER };
    struct message m = { 0 };

    fill(&m, s, c);
    struct s3_signing signing = { .method = c->method,
                                  .path = m.path.text,
                                  .query = str_text(&m.query),
                                  .header = m.header,
                                  .n_header = m.n_header,
                                  .payload = c->body.sha256 ? c->body.sha256 : nothing,
                                  .time = m.time,
                                  .region = s->place.region,
                                  .service = "s3" };
    char *authorization = s3_sign(&signing, &s->keys);
    char *url = str_format("%s%s%s%s", s->place.endpoint, m.path.text, m.query.n ? "?" : "",
                           str_text(&m.query));
    add(&m, "authorization", authorization);
    struct s3_exchange x = { .method = c->method,
                             .url = url,
                             .header = m.header,
                             .n_header = m.n_header,
                             .body = &c->body,
                             .sink = c->sink ? c->sink : &memory,
                             .patient = c->patient };
    s3_wire(lane, &s->place, &x, a);
    free(url);
    free(authorization);
    str_release(&m.path);
    str_release(&m.query);
}

/* ---- again ---------------------------------------------------------------------------------- */

static void pause_before(int attempt, long retry_after_s)
{
    uint32_t random = 0;
    int64_t most = FIRST_PAUSE_MS;
    for (int i = 0; i < attempt && most < LONGEST_PAUSE_MS; i++)
        most *= 2;
    if (most > LONGEST_PAUSE_MS)
        most = LONGEST_PAUSE_MS;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = (uint32_t)clock();
    int64_t ms = (int64_t)(random % (uint32_t)(most + 1));
    if (retry_after_s > 0)
        ms += 1000 *
              (retry_after_s < LONGEST_PAUSE_MS / 1000 ? retry_after_s : LONGEST_PAUSE_MS / 1000);
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

/* After these nothing can have happened at the server. */
static bool never_arrived(const struct s3_answer *a)
{
    return a->failed == CURLE_COULDNT_CONNECT || a->failed == CURLE_COULDNT_RESOLVE_HOST ||
           a->failed == CURLE_COULDNT_RESOLVE_PROXY;
}

static int report(const struct s3 *s, const struct s3_call *c, const struct s3_fault *f,
                  int attempts, struct err *e)
{
    char count[40] = "";
    if (attempts > 1)
        snprintf(count, sizeof count, " (after %d attempts)", attempts);
    return err_set(e, f->code, "'s3://%s%s%s': %s: %s%s", s->place.bucket, c->key ? "/" : "",
                   c->key ? c->key : "", c->action, f->text, count);
}

int s3_call(struct s3 *s, struct s3_lane *lane, const struct s3_call *c, struct s3_answer *a,
            bool *unsure, struct err *e)
{
    struct s3_fault fault;
    int rc = s3_prepare_keys(s, e);
    if (rc)
        return err_wrap(e, "'%s'", s->place.name);
    for (int attempt = 1;; attempt++) {
        ask(s, lane, c, a);
        s3_judge(s, c, a, &fault);
        if (fault.code == 0)
            return 0;
        if (unsure && !never_arrived(a))
            *unsure = true;
        if (c->sink && c->sink->got && (a->status == 412 || a->status == 416)) {
            s3_sink_restart(c->sink); /* the object is another one now */
            fault.again = true;
        }
        if (!fault.again || attempt == s->place.attempts)
            return report(s, c, &fault, attempt, e);
        long after = a->retry_after_s;
        s3_answer_release(a);
        pause_before(attempt - 1, after);
    }
}

int s3_do(struct s3 *s, const struct s3_call *c, struct err *e)
{
    struct s3_answer a = { 0 };
    int rc = s3_call(s, &s->lane, c, &a, NULL, e);
    s3_answer_release(&a);
    return rc;
}
