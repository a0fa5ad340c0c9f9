#include "io/s3_upload.h"

#include <inttypes.h>
#include <nettle/base16.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "io/s3_source.h"
#include "io/s3_xml.h"

enum { MAX_PARTS = 10000, MAX_LANES = 16, DAY_S = 86400 };

struct part {
    char sha256[HASH_HEX];
    uint8_t md5[MD5_DIGEST_SIZE]; /* where it is wanted */
    char tag[80];                 /* "": not there yet */
};

struct s3_upload {
    struct s3 *s;
    char *key, *id; /* owned */
    struct s3_source source;
    uint64_t part_size;
    size_t n_part;
    struct part *part; /* (n_part), owned */
    bool has_md5;
    struct s3_progress progress;
    /* of the threads that send: */
    struct s3_lane lane[MAX_LANES];
    struct err failed[MAX_LANES];
    _Atomic bool stop;
};

static uint64_t offset_of(const struct s3_upload *u, size_t i)
{
    return i * u->part_size;
}

static uint64_t size_of(const struct s3_upload *u, size_t i)
{
    return i + 1 < u->n_part ? u->part_size : u->source.size - offset_of(u, i);
}

static void release(struct s3_upload *u)
{
    for (int i = 1; i < MAX_LANES; i++)
        s3_lane_release(&u->lane[i]);
    s3_source_close(&u->source);
    free(u->key);
    free(u->id);
    free(u->part);
    free(u);
}

/* ---- digests -------------------------------------------------------------------------------- */

/* All parts, and with them the whole: what is sent is what was promised. */
static int hash_parts(struct s3_upload *u, struct err *e)
{
    char hex[HASH_HEX];
    struct hash whole;
    hash_init(&whole);
    u->has_md5 = u->s->place.md5;
    for (size_t i = 0; i < u->n_part; i++) {
        struct s3_digests out = { .whole = &whole, .sha256 = &u->part[i].sha256 };
        if (u->has_md5)
            out.md5 = &u->part[i].md5;
        int rc = s3_source_digest(&u->source, offset_of(u, i), size_of(u, i), out, e);
        if (rc)
            return rc;
    }
    hash_hex(&whole, hex);
    if (strcmp(hex, u->source.from->sha256) != 0)
        return err_set(e, ERR_DATA, "'%s' changed while it was published: SHA-256 %s, want %s",
                       u->source.from->path ? u->source.from->path : u->key, hex,
                       u->source.from->sha256);
    return 0;
}

/* Only where there is something to compare them with: MD5 takes as long as all else together. */
static int need_md5(struct s3_upload *u, struct err *e)
{
    for (size_t i = 0; !u->has_md5 && i < u->n_part; i++) {
        int rc = s3_source_digest(&u->source, offset_of(u, i), size_of(u, i),
                                  (struct s3_digests){ .md5 = &u->part[i].md5 }, e);
        if (rc)
            return rc;
    }
    u->has_md5 = true;
    return 0;
}

static void hex_of(const uint8_t md5[MD5_DIGEST_SIZE], char out[2 * MD5_DIGEST_SIZE + 1])
{
    base16_encode_update(out, MD5_DIGEST_SIZE, md5);
    out[2 * (size_t)MD5_DIGEST_SIZE] = '\0';
}

/* An ETag with its quotes or without. */
static bool tag_is(const char *tag, const char *text)
{
    size_t n = strlen(text);
    tag += *tag == '"';
    return strncmp(tag, text, n) == 0 && (tag[n] == '\0' || strcmp(tag + n, "\"") == 0);
}

/* ---- what was broken off -------------------------------------------------------------------- */

/* Go on with an upload if all its parts are ours. *out_n: how many it has. */
static int try_upload(struct s3_upload *u, const char *id, size_t *out_n, struct err *e)
{
    struct s3_arrived *arrived = NULL;
    size_t n = 0;
    int rc = s3_list_parts(u->s, u->key, id, &arrived, &n, e);
    bool ours = n > 0;
    if (rc == 0 && ours)
        rc = need_md5(u, e);
    for (size_t i = 0; rc == 0 && ours && i < n; i++) {
        char hex[2 * MD5_DIGEST_SIZE + 1];
        ours = arrived[i].number >= 1 && (uint64_t)arrived[i].number <= u->n_part &&
               arrived[i].size == size_of(u, (size_t)arrived[i].number - 1);
        if (!ours)
            break;
        hex_of(u->part[arrived[i].number - 1].md5, hex);
        ours = tag_is(arrived[i].tag, hex);
    }
    *out_n = rc == 0 && ours ? n : 0;
    for (size_t i = 0; i < *out_n; i++)
        memcpy(u->part[arrived[i].number - 1].tag, arrived[i].tag, sizeof arrived[i].tag);
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
                 u->s->place.bucket, u->key, n_there, u->n_part);
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
                         .header = { { "content-type", "application/octet-stream" } },
                         .n_header = 1,
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
    struct part *part = &u->part[i];
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
    c.body = s3_source_body(&u->source, offset_of(u, i), size_of(u, i));
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
    u->progress.total = (int64_t)u->source.size;
    for (size_t i = 0; i < u->n_part; i++)
        if (*u->part[i].tag)
            u->progress.done += (int64_t)size_of(u, i);
    parallel_for(n_lane, u->n_part, send_part, u);
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
    if ((rc = s3_prepare_keys(s, e)) || (rc = s3_source_open(&u->source, from, e)))
        goto out;
    u->part_size = s->place.part_size;
    if (u->source.size / u->part_size >= MAX_PARTS)
        u->part_size = u->source.size / (MAX_PARTS - 1);
    u->n_part = u->source.size ? (size_t)((u->source.size - 1) / u->part_size + 1) : 1;
    u->part = mem_calloc(u->n_part, sizeof *u->part);
    if ((rc = hash_parts(u, e)) || (rc = find_upload(u, e)) || (!u->id && (rc = create(u, e))))
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

static void make_document(const struct s3_upload *u, struct str *out)
{
    str_addz(out, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < u->n_part; i++) {
        str_addf(out, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        for (const char *p = u->part[i].tag; *p; p++) {
            if (strchr("<>&\"", *p))
                str_addf(out, "&#%d;", *p);
            else
                str_addc(out, *p);
        }
        str_addz(out, "</ETag></Part>");
    }
    str_addz(out, "</CompleteMultipartUpload>");
}

/* The ETag of the whole: MD5 of the parts' MD5s, and how many there are. */
static void tag_of_whole(const struct s3_upload *u, char out[64])
{
    struct md5_ctx md5;
    uint8_t digest[MD5_DIGEST_SIZE];
    char hex[2 * MD5_DIGEST_SIZE + 1];
    md5_init(&md5);
    for (size_t i = 0; i < u->n_part; i++)
        md5_update(&md5, MD5_DIGEST_SIZE, u->part[i].md5);
    md5_digest(&md5, sizeof digest, digest);
    hex_of(digest, hex);
    snprintf(out, 64, "%s-%zu", hex, u->n_part);
}

static int complete(struct s3_upload *u, enum store_when when, const char *tag, bool *out_unsure,
                    struct s3_answer *a, struct err *e)
{
    struct str document = { 0 };
    char sha256[HASH_HEX];
    make_document(u, &document);
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
    if (when != STORE_ALWAYS) {
        c.accept |= S3_NOT_MET | S3_NOT_IMPLEMENTED;
        c.header[c.n_header++] = when == STORE_IF_NEW ? (struct s3_pair){ "if-none-match", "*" }
                                                      : (struct s3_pair){ "if-match", tag };
    }
    int rc = s3_call(u->s, &u->s->lane, &c, a, out_unsure, e);
    str_release(&document);
    return rc;
}

/* The upload is gone, or an answer was lost: is what is there now what we sent? */
static int is_there(struct s3_upload *u, bool *out_there, struct store_object *about, struct err *e)
{
    char tag[64];
    bool found = false;
    struct store_object there = { 0 };
    int rc = need_md5(u, e);
    if (rc || (rc = s3_look(u->s, u->key, &found, &there, e)))
        return rc;
    tag_of_whole(u, tag);
    *out_there = found && there.size == u->source.size && tag_is(there.tag, tag);
    if (*out_there && about)
        *about = there;
    return 0;
}

static int give_up(struct s3_upload *u, struct err *e)
{
    struct s3_call c = { .action = "AbortMultipartUpload",
                         .method = "DELETE",
                         .key = u->key,
                         .query = { { "uploadId", u->id } },
                         .n_query = 1,
                         .accept = S3_NOT_THERE };
    struct s3_answer a = { 0 };
    int rc = s3_call(u->s, &u->s->lane, &c, &a, NULL, e);
    s3_answer_release(&a);
    return rc;
}

static int describe(struct s3_upload *u, const char *version, struct store_object *about,
                    struct err *e)
{
    bool found = false;
    struct store_object there = { 0 };
    if (!about)
        return 0;
    int rc = s3_look(u->s, u->key, &found, &there, e);
    if (rc)
        return rc;
    *about = there;
    if (*version)
        snprintf(about->version, sizeof about->version, "%s", version);
    return 0;
}

int s3_upload_finish(struct s3_upload *u, enum store_when when, const char *tag, bool *out_done,
                     struct store_object *about, struct err *e)
{
    struct s3_answer a = { 0 };
    struct err ignored = { 0 };
    bool unsure = false;
    int rc = complete(u, when, tag, &unsure, &a, e);
    if (rc == 0 && a.status == 501) {
        /* No conditions: they were looked at before the parts were sent, and this is what is left.
         */
        s3_answer_release(&a);
        rc = complete(u, STORE_ALWAYS, NULL, &unsure, &a, e);
    }
    *out_done = rc == 0 && a.status < 300;
    if (*out_done)
        rc = describe(u, a.version, about, e);
    else if (rc == 0 &&
             (a.status == 404 || unsure)) /* done by an attempt that we heard nothing of? */
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
