#include "io/s3_upload.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "io/s3_parts.h"
#include "io/s3_xml.h"

enum { MAX_LANES = 16, DAY_S = 86400 };

struct s3_upload {
    struct s3 *s;
    char *key, *id; /* owned */
    struct s3_parts parts;
    struct s3_progress progress;
    /* of the threads that send: */
    struct s3_lane lane[MAX_LANES];
    struct err failed[MAX_LANES];
    _Atomic bool stop;
};

static void release(struct s3_upload *u)
{
    for (int i = 1; i < MAX_LANES; i++)
        s3_lane_release(&u->lane[i]);
    s3_parts_release(&u->parts);
    free(u->key);
    free(u->id);
    free(u);
}

/* ---- what was broken off -------------------------------------------------------------------- */

/* *out_n: how many parts it has; 0 unless all are ours. */
static int try_upload(struct s3_upload *u, const char *id, size_t *out_n, struct err *e)
{
    struct s3_arrived *arrived = NULL;
    size_t n = 0;
    bool ours = false;
    int rc = s3_list_parts(u->s, u->key, id, &arrived, &n, e);
    if (rc == 0 && n)
        rc = s3_parts_take(&u->parts, arrived, n, &ours, e);
    *out_n = ours ? n : 0;
    free(arrived);
    return rc;
}

/* u->id stays NULL if there is none. */
static int find_upload(struct s3_upload *u, struct err *e)
{
    struct s3_begun *begun = NULL;
    size_t n = 0, n_there = 0;
    int rc = s3_list_uploads(u->s, u->key, &begun, &n, e);
    for (size_t i = 0; rc == 0 && n_there == 0 && i < n; i++) {
        if (strcmp(begun[i].key, u->key) != 0)
            continue;
        rc = try_upload(u, begun[i].id, &n_there, e);
        if (n_there)
            u->id = mem_strdup(begun[i].id);
    }
    if (rc == 0 && n_there)
        log_info("'s3://%s/%s': goes on with an upload that has %zu of %zu parts",
                 u->s->place.bucket, u->key, n_there, u->parts.n);
    s3_begun_free(begun, n);
    return rc;
}

/* ---- asking --------------------------------------------------------------------------------- */

struct wanted {
    const char *path;
    char *text; /* owned */
};

static int take_text(void *self, const char *path, const char *text)
{
    struct wanted *w = self;
    if (strcmp(path, w->path) == 0 && !w->text)
        w->text = mem_strdup(text);
    return 0;
}

static int create(struct s3_upload *u, struct err *e)
{
    struct s3_call c = { .action = "PutObject",
                         .method = "POST",
                         .key = u->key,
                         .query = { { "uploads", "" } },
                         .n_query = 1,
                         .header = { { "content-type", "application/octet-stream" },
                                     { "x-amz-meta-put", u->parts.source.from->sha256 } },
                         .n_header = 2,
                         .xml = true };
    struct wanted id = { .path = "InitiateMultipartUploadResult/UploadId" };
    struct s3_answer a = { 0 };
    int rc = s3_call(u->s, &u->s->lane, &c, &a, NULL, e);
    if (rc == 0)
        rc = s3_xml_read(str_text(&a.text), a.text.n, take_text, &id, e);
    if (rc == 0 && (!id.text || !*id.text))
        rc = err_set(e, ERR_IO, "'s3://%s/%s': the server names no upload", u->s->place.bucket,
                     u->key);
    if (rc)
        free(id.text);
    else
        u->id = id.text;
    s3_answer_release(&a);
    return rc;
}

/* One part, by one of the threads. */
static void send_part(void *self, int worker, size_t i)
{
    struct s3_upload *u = self;
    struct s3_part *part = &u->parts.part[i];
    struct s3_answer a = { 0 };
    struct s3_number number = s3_number(i + 1);
    char md5[S3_MD5_BASE64] = "";
    struct s3_lane *lane = worker ? &u->lane[worker] : &u->s->lane;

    if (*part->tag || atomic_load(&u->stop))
        return;
    struct s3_call c = { .action = "PutObject",
                         .method = "PUT",
                         .key = u->key,
                         .query = { { "partNumber", number.text }, { "uploadId", u->id } },
                         .n_query = 2 };
    c.body = s3_source_body(&u->parts.source, s3_part_offset(&u->parts, i),
                            s3_part_size(&u->parts, i));
    c.body.sha256 = part->sha256;
    c.body.trusted = true;
    if (u->s->place.md5) {
        base64_encode_raw(md5, MD5_DIGEST_SIZE, part->md5);
        c.body.md5 = md5;
    }
    lane->progress = &u->progress;
    int rc = s3_call(u->s, lane, &c, &a, NULL, &u->failed[worker]);
    lane->progress = NULL;
    if (rc == 0 && !*a.tag)
        rc = err_set(&u->failed[worker], ERR_IO, "'s3://%s/%s': part %zu has no ETag",
                     u->s->place.bucket, u->key, i + 1);
    if (rc)
        atomic_store(&u->stop, true);
    else
        memcpy(part->tag, a.tag, sizeof part->tag);
    s3_answer_release(&a);
}

static int send_parts(struct s3_upload *u, struct err *e)
{
    /* A limit of bandwidth is one of each connection. */
    int n_lane = u->s->place.max_rate ? 1 : u->s->place.parallel;
    u->progress.total = (int64_t)u->parts.source.size;
    for (size_t i = 0; i < u->parts.n; i++)
        if (*u->parts.part[i].tag)
            u->progress.done += (int64_t)s3_part_size(&u->parts, i);
    parallel_for(n_lane, u->parts.n, send_part, u);
    for (int i = 0; i < MAX_LANES; i++)
        if (u->failed[i].code) {
            *e = u->failed[i];
            return e->code;
        }
    return 0;
}

int s3_upload_begin(struct s3_upload **out, struct s3 *s, const char *key,
                    const struct store_source *from, struct err *e)
{
    struct s3_upload *u = mem_calloc(1, sizeof *u);
    int rc;
    u->s = s;
    u->key = mem_strdup(key);
    if ((rc = s3_prepare_keys(s, e)) || (rc = s3_parts_open(&u->parts, &s->place, from, e)) ||
        (rc = find_upload(u, e)) || (!u->id && (rc = create(u, e))))
        goto out;
    rc = send_parts(u, e);
out:
    if (rc)
        release(u);
    else
        *out = u;
    return rc;
}

/* ---- the end -------------------------------------------------------------------------------- */

static int complete(struct s3_upload *u, enum store_when when, const char *tag, bool *out_unsure,
                    struct s3_answer *a, struct err *e)
{
    struct str document = { 0 };
    char sha256[HASH_HEX];
    s3_parts_document(&u->parts, &document);
    hash_bytes(document.text, document.n, sha256);
    struct s3_call c = { .action = "PutObject",
                         .method = "POST",
                         .key = u->key,
                         .query = { { "uploadId", u->id } },
                         .n_query = 1,
                         .header = { { "content-type", "application/xml" } },
                         .n_header = 1,
                         .body = { .bytes = document.text, .n = document.n, .sha256 = sha256 },
                         .accept = S3_NOT_THERE,
                         .xml = true,
                         .patient = true };
    s3_require(&c, when, tag);
    int rc = s3_call(u->s, &u->s->lane, &c, a, out_unsure, e);
    str_release(&document);
    return rc;
}

/* Where the server has conditions it decides. One without (501), or that takes no notice of them
 * (radosgw 16), was asked just before. */
static int complete_if(struct s3_upload *u, enum store_when when, const char *tag, bool *out_unsure,
                       struct s3_answer *a, struct err *e)
{
    bool holds;
    int rc = s3_holds(u->s, u->key, when, tag, &holds, e);
    if (rc == 0 && !holds)
        a->status = 412;
    else if (rc == 0)
        rc = complete(u, when, tag, out_unsure, a, e);
    if (rc == 0 && a->status == 501) {
        s3_answer_release(a);
        rc = complete(u, STORE_ALWAYS, NULL, out_unsure, a, e);
    }
    return rc;
}

static bool is_ours(const struct s3_upload *u, const struct store_object *there)
{
    return strcmp(there->mark, u->parts.source.from->sha256) == 0;
}

/* It was stored, in place of whatever was there. */
static int describe(struct s3_upload *u, enum store_when when, const char *version,
                    struct store_object *about, struct err *e)
{
    bool found = false;
    int rc = s3_look(u->s, u->key, version, &found, about, e);
    if (rc == 0 && found && *about->mark && !is_ours(u, about) && when != STORE_ALWAYS)
        rc = s3_clash(u->s, u->key, e);
    return rc;
}

/* The upload is gone, or an answer was lost: is what is there now what we sent? */
static int is_there(struct s3_upload *u, bool *out_there, struct store_object *about, struct err *e)
{
    bool found = false;
    struct store_object there = { 0 };
    int rc = s3_look(u->s, u->key, NULL, &found, &there, e);
    *out_there = rc == 0 && found && is_ours(u, &there);
    if (*out_there)
        *about = there;
    return rc;
}

static int give_up(struct s3_upload *u, struct err *e)
{
    struct s3_call c = { .action = "AbortMultipartUpload",
                         .method = "DELETE",
                         .key = u->key,
                         .query = { { "uploadId", u->id } },
                         .n_query = 1,
                         .accept = S3_NOT_THERE };
    return s3_do(u->s, &c, e);
}

int s3_upload_finish(struct s3_upload *u, enum store_when when, const char *tag, bool *out_done,
                     struct store_object *about, struct err *e)
{
    struct s3_answer a = { 0 };
    struct err ignored = { 0 };
    bool unsure = false;
    int rc = complete_if(u, when, tag, &unsure, &a, e);
    *out_done = rc == 0 && a.status < 300;
    if (*out_done)
        rc = describe(u, when, a.version, about, e);
    else if (rc == 0 && (a.status == 404 || unsure)) /* by an attempt that we heard nothing of? */
        rc = is_there(u, out_done, about, e);
    if (rc == 0 && !*out_done && a.status == 404)
        rc = err_set(e, ERR_RETRY,
                     "'s3://%s/%s': the upload is gone: somebody else ended it at the same time",
                     u->s->place.bucket, u->key);
    if (a.status == 501 || (a.status == 412 && !*out_done))
        give_up(u, &ignored);
    s3_answer_release(&a);
    release(u);
    return rc;
}

void s3_upload_abort(struct s3_upload *u)
{
    struct err ignored = { 0 };
    if (!u)
        return;
    give_up(u, &ignored);
    release(u);
}

void s3_sweep(struct s3 *s, const char *prefix)
{
    struct s3_begun *begun = NULL;
    struct err ignored = { 0 };
    size_t n = 0;
    if (s3_list_uploads(s, prefix, &begun, &n, &ignored))
        return;
    for (size_t i = 0; i < n; i++) {
        struct s3_upload u = { .s = s, .key = begun[i].key, .id = begun[i].id };
        if (begun[i].initiated_s && time(NULL) - begun[i].initiated_s > DAY_S)
            give_up(&u, &ignored);
    }
    s3_begun_free(begun, n);
}
