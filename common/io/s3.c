#include "io/s3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int s3_open(struct s3 **out, const char *url, struct err *e)
{
    struct s3_place place = { 0 };
    int rc = s3_place_parse(&place, url, e);
    if (rc)
        return rc;
    struct s3 *s = mem_calloc(1, sizeof *s);
    *s = (struct s3){ .place = place, .lane.speaks = true };
    *out = s;
    return 0;
}

void s3_close(struct s3 *s)
{
    if (!s)
        return;
    s3_lane_release(&s->lane);
    s3_keys_release(&s->keys);
    s3_place_release(&s->place);
    free(s);
}

void s3_describe(const struct s3_answer *a, struct store_object *out)
{
    *out = (struct store_object){ .size = a->size, .modified_s = a->modified_s };
    memcpy(out->tag, a->tag, sizeof out->tag);
    memcpy(out->version, a->version, sizeof out->version);
    memcpy(out->mark, a->mark, sizeof out->mark);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void add_version(struct s3_call *c, const char *version)
{
    if (!version || !*version)
        return;
    c->action = "GetObjectVersion";
    c->query[c->n_query++] = (struct s3_pair){ "versionId", version };
}

/* A HEAD that is refused does not say why, and its 404 may be the bucket's: one byte of the object
 * is asked for, to be told. *out_found: it is there by now. */
static int ask_why(struct s3 *s, const char *key, const char *version, bool *out_found,
                   struct err *e)
{
    struct s3_answer a = { 0 };
    struct s3_call c = { .action = "GetObject",
                         .method = "GET",
                         .key = key,
                         .header = { { "range", "bytes=0-0" } },
                         .n_header = 1,
                         .accept = S3_NOT_THERE | S3_NO_RANGE };
    add_version(&c, version);
    int rc = s3_call(s, &s->lane, &c, &a, NULL, e);
    *out_found = rc == 0 && a.status != 404;
    s3_answer_release(&a);
    return rc;
}

int s3_look(struct s3 *s, const char *key, const char *version, bool *out_found,
            struct store_object *about, struct err *e)
{
    struct s3_call c = { .action = "GetObject", .method = "HEAD", .key = key, .accept = S3_ANY };
    bool again = false;
    int rc;
    add_version(&c, version);
    *out_found = false;
    for (int i = 0; i < 2; i++) {
        struct s3_answer a = { 0 };
        rc = s3_call(s, &s->lane, &c, &a, NULL, e);
        *out_found = rc == 0 && a.status < 300;
        if (*out_found && about)
            s3_describe(&a, about);
        s3_answer_release(&a);
        if (rc || *out_found || (rc = ask_why(s, key, version, &again, e)) || !again)
            return rc;
    }
    return err_set(e, ERR_RETRY, "'s3://%s/%s': it comes and goes", s->place.bucket, key);
}

int s3_read(struct s3 *s, const char *key, size_t max, char **out, size_t *out_n,
            struct store_object *about, struct err *e)
{
    struct s3_sink sink = { .max = max };
    struct s3_answer a = { 0 };
    struct s3_call c = {
        .action = "GetObject", .method = "GET", .key = key, .sink = &sink, .accept = S3_NOT_THERE
    };
    int rc = s3_call(s, &s->lane, &c, &a, NULL, e);
    *out = NULL;
    *out_n = 0;
    if (rc == 0 && a.status < 300) {
        if (about)
            s3_describe(&a, about);
        *out_n = a.text.n;
        *out = str_take(&a.text);
    }
    s3_answer_release(&a);
    return rc;
}

/* As s3_fetch; *out_tag is what it has by then. */
static int fetch(struct s3 *s, const char *key, const char *version, int fd, char out_hex[HASH_HEX],
                 char out_tag[80], struct err *e)
{
    struct hash hash;
    struct s3_progress progress = { 0 };
    struct s3_sink sink = { .to_file = true, .fd = fd, .hash = &hash };
    struct s3_answer a = { 0 };
    struct s3_call c = {
        .action = "GetObject", .method = "GET", .key = key, .sink = &sink, .accept = S3_NOT_THERE
    };
    add_version(&c, version);
    if (fd >= 0)
        sink.block = mem_realloc(NULL, S3_BLOCK, 1);
    hash_init(&hash);
    s->lane.progress = &progress;
    int rc = s3_call(s, &s->lane, &c, &a, NULL, e);
    s->lane.progress = NULL;
    if (rc == 0 && a.status == 404)
        rc = err_set(e, ERR_DATA, "'s3://%s/%s' is not there", s->place.bucket, key);
    if (rc == 0)
        hash_hex(&hash, out_hex);
    memcpy(out_tag, a.tag, sizeof a.tag);
    free(sink.block);
    s3_answer_release(&a);
    return rc;
}

int s3_fetch(struct s3 *s, const char *key, const char *version, int fd, char out_hex[HASH_HEX],
             struct err *e)
{
    char tag[80];
    return fetch(s, key, version, fd, out_hex, tag, e);
}

int s3_verify(struct s3 *s, const char *key, const char *sha256, enum store_when when,
              const struct store_object *about, struct err *e)
{
    char hex[HASH_HEX], tag[80];
    struct err ignored = { 0 };
    assert(about);
    if (!s->place.verify)
        return 0;
    int rc = fetch(s, key, about->version, -1, hex, tag, e);
    if (rc || strcmp(hex, sha256) == 0)
        return rc;
    if (when == STORE_IF_NEW && strcmp(tag, about->tag) == 0)
        s3_remove(s, key, &ignored);
    return err_set(e, ERR_DATA, "'s3://%s/%s' reads back with SHA-256 %s, want %s", s->place.bucket,
                   key, hex, sha256);
}

/* ---- changing ------------------------------------------------------------------------------- */

void s3_require(struct s3_call *c, enum store_when when, const char *tag)
{
    if (when == STORE_ALWAYS)
        return;
    c->accept |= S3_NOT_MET | S3_NOT_IMPLEMENTED;
    if (when == STORE_IF_NEW) {
        c->header[c->n_header++] = (struct s3_pair){ "if-none-match", "*" };
    } else {
        c->accept |= S3_NOT_THERE;
        c->header[c->n_header++] = (struct s3_pair){ "if-match", tag };
    }
}

int s3_holds(struct s3 *s, const char *key, enum store_when when, const char *tag, bool *out_holds,
             struct err *e)
{
    struct store_object there = { 0 };
    bool found = false;
    int rc = when == STORE_ALWAYS ? 0 : s3_look(s, key, NULL, &found, &there, e);
    *out_holds = when == STORE_IF_SAME ? found && strcmp(there.tag, tag) == 0 : !found;
    return rc;
}

int s3_clash(const struct s3 *s, const char *key, struct err *e)
{
    return err_set(e, ERR_DATA,
                   "'s3://%s/%s': another publisher stored it at the same time, and the server has "
                   "no conditional PUT: what was stored here is lost",
                   s->place.bucket, key);
}

int s3_copy(struct s3 *s, const char *from, const char *to, struct store_object *about,
            struct err *e)
{
    struct str source = { 0 };
    struct s3_answer a = { 0 };
    bool found;

    str_addf(&source, "/%s/", s->place.bucket);
    s3_encode(&source, from, strlen(from), true);
    struct s3_call c = { .action = "PutObject",
                         .method = "PUT",
                         .key = to,
                         .header = { { "x-amz-copy-source", source.text } },
                         .n_header = 1,
                         .xml = true,
                         .patient = true };
    int rc = s3_call(s, &s->lane, &c, &a, NULL, e);
    if (rc == 0)
        rc = s3_look(s, to, a.version, &found, about, e);
    s3_answer_release(&a);
    str_release(&source);
    return rc;
}

int s3_remove(struct s3 *s, const char *key, struct err *e)
{
    struct s3_call c = {
        .action = "DeleteObject", .method = "DELETE", .key = key, .accept = S3_NOT_THERE
    };
    return s3_do(s, &c, e);
}
