#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "io/s3_source.h"
#include "io/s3_upload.h"
#include "io/s3_versions.h"

enum { MD5_AT_MOST = 16 << 20 }; /* beyond that MD5 takes longer than all else together */

/* One request for an object that needs no parts. */
struct putting {
    struct s3 *s;
    const char *key;
    struct s3_source source;
    char md5[S3_MD5_BASE64];
    char mark[33];
};

/* What tells our object from one that another publisher stored, whose bytes may be the same: an
 * answer that was lost and a server without conditions leave nothing else to ask for. */
static void make_mark(char out[33])
{
    uint64_t r[2] = { 0 };
    if (getrandom(r, sizeof r, 0) != sizeof r)
        r[0] = (uint64_t)time(NULL), r[1] = (uint64_t)clock();
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, r[0], r[1]);
}

/* Is what is there now what we stored? */
static int is_ours(struct putting *p, bool *out_ours, struct store_object *about, struct err *e)
{
    struct store_object there = { 0 };
    bool found = false;
    int rc = s3_look(p->s, p->key, NULL, &found, &there, e);
    *out_ours = rc == 0 && found && strcmp(there.mark, p->mark) == 0;
    if (*out_ours)
        *about = there;
    return rc;
}

static void describe(const struct putting *p, const struct s3_answer *a, struct store_object *out)
{
    time_t date = *a->date ? curl_getdate(a->date, NULL) : -1;
    s3_describe(a, out);
    out->size = p->source.size;
    out->modified_s = date > 0 ? date : time(NULL);
}

/* "tag" without its quotes, if that is how the server wants it. */
static void copy_tag(char out[80], const char *tag, bool bare)
{
    size_t n = strlen(tag);
    bool quoted = bare && n >= 2 && tag[0] == '"' && tag[n - 1] == '"';
    snprintf(out, 80, "%.*s", (int)(quoted ? n - 2 : n), tag + quoted);
}

/* *out_status: 2xx, 404, 412 or 501. */
static int ask(struct putting *p, enum store_when when, const char *tag, bool *out_unsure,
               int *out_status, struct store_object *about, struct err *e)
{
    struct s3_answer a = { 0 };
    struct s3_call c = { .action = "PutObject", .method = "PUT", .key = p->key };
    struct s3_progress progress = { .total = (int64_t)p->source.size };
    char same[80] = "";
    c.body = s3_source_body(&p->source, 0, p->source.size);
    c.body.sha256 = p->source.from->sha256;
    c.body.md5 = *p->md5 ? p->md5 : NULL;
    c.header[c.n_header++] = (struct s3_pair){ "content-type", "application/octet-stream" };
    c.header[c.n_header++] = (struct s3_pair){ "x-amz-meta-put", p->mark };
    if (when == STORE_IF_SAME)
        copy_tag(same, tag, p->s->bare_tags);
    s3_require(&c, when, same);
    if (p->source.fd >= 0)
        p->s->lane.progress = &progress;
    int rc = s3_call(p->s, &p->s->lane, &c, &a, out_unsure, e);
    p->s->lane.progress = NULL;
    *out_status = a.status;
    if (rc == 0 && a.status < 300)
        describe(p, &a, about);
    s3_answer_release(&a);
    return rc;
}

/* A server without conditional PUT: look, store, look again. */
static int put_and_look(struct putting *p, enum store_when when, const char *tag, bool *out_done,
                        struct store_object *about, struct err *e)
{
    bool holds, unsure = false;
    int status, rc = s3_holds(p->s, p->key, when, tag, &holds, e);
    if (rc || !holds)
        return rc;
    log_warn("%s has no conditional PUT (501): another publisher at this very moment is found "
             "afterwards only",
             p->s->place.endpoint);
    if ((rc = ask(p, STORE_ALWAYS, "", &unsure, &status, about, e)) ||
        (rc = is_ours(p, out_done, about, e)) || *out_done)
        return rc;
    return s3_clash(p->s, p->key, e);
}

/* 412, and yet it is the same object that is there? Then the tag is to be written otherwise, or, in
 * a versioned bucket of radosgw, there is no such condition and the order of versions decides. */
static int insist(struct putting *p, const char *tag, bool *out_unsure, int *out_status,
                  struct store_object *about, struct err *e)
{
    struct store_object there = { 0 };
    bool found = false;
    int rc = s3_look(p->s, p->key, NULL, &found, &there, e);
    if (rc || !found || strcmp(there.tag, tag) != 0)
        return rc;
    p->s->bare_tags = true;
    rc = ask(p, STORE_IF_SAME, tag, out_unsure, out_status, about, e);
    if (rc == 0 && *out_status == 412 && *there.version)
        rc = ask(p, STORE_ALWAYS, "", out_unsure, out_status, about, e);
    return rc;
}

static int put_small(struct putting *p, enum store_when when, const char *tag, bool *out_done,
                     struct store_object *about, struct err *e)
{
    bool unsure = false;
    int status, rc = ask(p, when, tag, &unsure, &status, about, e);
    *out_done = false;
    if (rc == 0 && status == 412 && when == STORE_IF_SAME && !unsure)
        rc = insist(p, tag, &unsure, &status, about, e);
    if (rc)
        return rc;
    if (status == 501)
        return put_and_look(p, when, tag, out_done, about, e);
    if (status >= 300 && unsure) /* an attempt whose answer did not arrive may have stored it */
        return is_ours(p, out_done, about, e);
    *out_done = status < 300;
    return 0;
}

static int put_in_parts(struct s3 *s, const char *key, const struct store_source *from,
                        enum store_when when, const char *tag, bool *out_done,
                        struct store_object *about, struct err *e)
{
    struct s3_upload *u = NULL;
    bool holds; /* before all parts are sent for nothing */
    int rc = s3_holds(s, key, when, tag, &holds, e);
    *out_done = false;
    if (rc || !holds || (rc = s3_upload_begin(&u, s, key, from, e)))
        return rc;
    return s3_upload_finish(u, when, tag, out_done, about, e);
}

static int set_md5(struct putting *p, struct err *e)
{
    uint8_t digest[MD5_DIGEST_SIZE];
    if (p->source.size > MD5_AT_MOST && !p->s->place.md5)
        return 0;
    int rc = s3_source_digest(&p->source, 0, p->source.size, (struct s3_digests){ .md5 = &digest },
                              e);
    if (rc == 0)
        base64_encode_raw(p->md5, sizeof digest, digest);
    return rc;
}

int s3_put(struct s3 *s, const char *key, const struct store_source *from, enum store_when when,
           const char *tag, bool *out_done, struct store_object *about, struct err *e)
{
    struct putting p = { .s = s, .key = key };
    int rc = s3_source_open(&p.source, from, e);
    if (rc)
        return rc;
    if (p.source.size > s->place.parts_above) {
        rc = put_in_parts(s, key, from, when, tag, out_done, about, e);
    } else if ((rc = set_md5(&p, e)) == 0) {
        make_mark(p.mark);
        rc = put_small(&p, when, tag, out_done, about, e);
    }
    if (rc == 0 && *out_done && when != STORE_ALWAYS && *about->version)
        rc = s3_settle(s, key, about->version, when, tag, out_done, e);
    s3_source_close(&p.source);
    return rc;
}
