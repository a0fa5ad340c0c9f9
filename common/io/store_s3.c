#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "io/s3_upload.h"
#include "io/store_inner.h"

/* A store in an S3 bucket: a key is the prefix of the URL, "/", and the key. */

struct bucket {
    struct store store; /* first */
    struct s3 *s3;      /* owned */
};

static struct s3 *s3_of(struct store *s)
{
    return ((struct bucket *)s)->s3;
}

static char *whole_key(struct store *s, const char *key)
{
    const char *prefix = s3_of(s)->place.prefix;
    return *prefix ? str_format("%s/%s", prefix, key) : mem_strdup(key);
}

static void s3_store_close(struct store *s)
{
    s3_close(s3_of(s));
    free(s->name);
    free(s);
}

/* ---- reading -------------------------------------------------------------------------------- */

static int read_object(struct store *s, const char *key, size_t max, char **out, size_t *out_n,
                       struct store_object *about, struct err *e)
{
    char *whole = whole_key(s, key);
    int rc = s3_read(s3_of(s), whole, max, out, out_n, about, e);
    free(whole);
    return rc;
}

static int look_at(struct store *s, const char *key, bool *out_found, struct store_object *about,
                   struct err *e)
{
    char *whole = whole_key(s, key);
    int rc = s3_look(s3_of(s), whole, NULL, out_found, about, e);
    free(whole);
    return rc;
}

static int fetch(struct store *s, const char *key, const char *path, const char *sha256,
                 struct err *e)
{
    char *whole = whole_key(s, key), hex[HASH_HEX];
    struct outfile file = { 0 };
    int rc = path ? outfile_open(&file, path, e) : 0;
    if (rc == 0)
        rc = s3_fetch(s3_of(s), whole, NULL, path ? fileno(file.fp) : -1, hex, e);
    if (rc == 0 && sha256 && strcmp(hex, sha256) != 0)
        rc = err_set(e, ERR_DATA, "'%s/%s' is damaged: its SHA-256 is %s, want %s", s->name, key,
                     hex, sha256);
    if (rc)
        outfile_abort(&file);
    else if (path)
        rc = outfile_commit_scratch(&file, e);
    free(whole);
    return rc;
}

static int list_names(struct store *s, const char *prefix, char ***out, size_t *out_n,
                      struct err *e)
{
    struct str below = { 0 };
    str_addz(&below, s3_of(s)->place.prefix);
    if (below.n)
        str_addc(&below, '/');
    if (*prefix)
        str_addf(&below, "%s/", prefix);
    int rc = s3_list_names(s3_of(s), str_text(&below), out, out_n, e);
    str_release(&below);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int put_object(struct store *s, const char *key, const struct store_source *from,
                      enum store_when when, const char *tag, bool *out_done,
                      struct store_object *about, struct err *e)
{
    char *whole = whole_key(s, key);
    struct store_object stored = { 0 };
    int rc = s3_put(s3_of(s), whole, from, when, tag, out_done, &stored, e);
    if (rc == 0 && *out_done)
        rc = s3_verify(s3_of(s), whole, from->sha256, when, &stored, e);
    if (rc == 0 && *out_done && about)
        *about = stored;
    free(whole);
    return rc;
}

struct s3_pending {
    struct store_pending base; /* first */
    char *key, *twin;          /* owned; twin: copy it; NULL */
    char sha256[HASH_HEX];
    struct s3_upload *upload; /* owned; NULL: copy the twin */
};

static void forget(struct s3_pending *p)
{
    free(p->key);
    free(p->twin);
    free(p);
}

static void abandon(struct store_pending *base)
{
    struct s3_pending *p = (struct s3_pending *)base;
    s3_upload_abort(p->upload);
    forget(p);
}

static int prepare(struct store *s, const char *key, const struct store_source *from,
                   const char *twin, struct store_pending **out, struct err *e)
{
    static const uint64_t most = 5ULL << 30; /* that S3 copies in one request */
    struct s3_pending *p = mem_calloc(1, sizeof *p);
    struct store_object about = { 0 };
    bool found = false;
    int rc = 0;
    *p = (struct s3_pending){ .base.s = s, .key = whole_key(s, key) };
    memcpy(p->sha256, from->sha256, sizeof p->sha256);
    if (twin) {
        p->twin = whole_key(s, twin);
        rc = s3_look(s3_of(s), p->twin, NULL, &found, &about, e);
    }
    if (rc == 0 && (!found || about.size > most)) {
        free(p->twin);
        p->twin = NULL;
        rc = s3_upload_begin(&p->upload, s3_of(s), p->key, from, e);
    }
    if (rc)
        forget(p);
    else
        *out = &p->base;
    return rc;
}

static int finish(struct store_pending *base, struct store_object *about, struct err *e)
{
    struct s3_pending *p = (struct s3_pending *)base;
    struct s3 *s3 = s3_of(base->s);
    struct store_object stored = { 0 };
    bool done;
    int rc = p->twin ? s3_copy(s3, p->twin, p->key, &stored, e)
                     : s3_upload_finish(p->upload, STORE_ALWAYS, NULL, &done, &stored, e);
    if (rc == 0)
        rc = s3_verify(s3, p->key, p->sha256, STORE_ALWAYS, &stored, e);
    if (rc == 0 && about)
        *about = stored;
    forget(p);
    return rc;
}

static int remove_object(struct store *s, const char *key, struct err *e)
{
    char *whole = whole_key(s, key);
    int rc = s3_remove(s3_of(s), whole, e);
    free(whole);
    return rc;
}

/* ---- publishers side by side ---------------------------------------------------------------- */

static int lock(struct store *s, const char *prefix, bool *out_held, struct err *e)
{
    char *whole = whole_key(s, prefix), *below = str_format("%s/", whole);
    *out_held = false; /* S3 has no lock: conditional PUTs decide */
    int rc = s3_prepare_keys(s3_of(s), e);
    if (rc == 0)
        s3_sweep(s3_of(s), below);
    free(below);
    free(whole);
    return rc;
}

static void unlock(struct store *s)
{
    (void)s;
}

int store_s3_open(struct store **out, const char *url, struct err *e)
{
    static const struct store_kind kind = {
        .close = s3_store_close,
        .read = read_object,
        .look = look_at,
        .fetch = fetch,
        .put = put_object,
        .prepare = prepare,
        .finish = finish,
        .abandon = abandon,
        .remove = remove_object,
        .list = list_names,
        .lock = lock,
        .unlock = unlock,
    };
    struct s3 *s3;
    int rc = s3_open(&s3, url, e);
    if (rc)
        return rc;
    struct bucket *b = mem_calloc(1, sizeof *b);
    *b = (struct bucket){ { &kind, mem_strdup(s3->place.name) }, s3 };
    *out = &b->store;
    return 0;
}
