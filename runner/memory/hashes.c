/* The part of state.h that remembers the hashes of files. */
#include "runner/memory/hashes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "runner/memory/state_inner.h"

enum { MAX_PENDING = 4096, MAX_KNOWN = 1 << 17, MAX_LOADED = MAX_KNOWN / 4 };

struct file_stamp file_stamp_of(const struct stat *st)
{
    return (struct file_stamp){
        .device = st->st_dev,
        .inode = st->st_ino,
        .size = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec
    };
}

int64_t state_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool state_racy(const struct file_stamp *stamp, int64_t hashed_ns)
{
    return stamp->mtime_ns + STATE_RACY_NS > hashed_ns;
}

/* Inside a transaction. */
int hashes_write(struct state *s, struct err *e)
{
    struct hashes *h = &s->hashes;
    struct query q;
    int rc = 0;
    for (size_t i = 0; i < h->n_pending && rc == 0; i++) {
        const struct pending *p = &h->pending[i];
        if (p->tree) {
            if ((rc = db_query(&s->db, &q, "INSERT OR REPLACE INTO trees VALUES(?,?)", e)))
                break;
            db_text(&q, p->key);
        } else {
            if ((rc = db_query(&s->db, &q, "INSERT OR REPLACE INTO files VALUES(?,?,?,?,?,?)", e)))
                break;
            db_int(&q, (int64_t)p->stamp.device);
            db_int(&q, (int64_t)p->stamp.inode);
            db_int(&q, (int64_t)p->stamp.size);
            db_int(&q, p->stamp.mtime_ns);
            db_int(&q, p->stamp.ctime_ns);
        }
        db_text(&q, p->hex);
        rc = db_done(&q, e);
    }
    h->n_pending = 0;
    return rc;
}

void hashes_release(struct hashes *h)
{
    free(h->pending);
    free(h->known);
    *h = (struct hashes){ 0 };
}

/* ---- in this process ---- */

/* Where the file is, or would be. */
static struct known *place_of(const struct hashes *h, const struct file_stamp *stamp)
{
    uint64_t mixed = (stamp->inode ^ stamp->device << 32) * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(mixed >> 32) & (h->room - 1);
    while (h->known[i].stamp.inode != 0 &&
           (h->known[i].stamp.inode != stamp->inode || h->known[i].stamp.device != stamp->device))
        i = (i + 1) & (h->room - 1);
    return &h->known[i];
}

static void make_room(struct hashes *h)
{
    struct hashes old = *h;
    if (h->n_known * 2 < h->room)
        return;
    /* Beyond that many it begins anew: the database has them. */
    h->room = old.room == 0 ? 64 : old.room < MAX_KNOWN ? old.room * 2 : 64;
    h->n_known = 0;
    h->complete = h->complete && h->room > old.room;
    h->known = mem_calloc(h->room, sizeof *h->known);
    for (size_t i = 0; i < old.room && h->room > old.room; i++) {
        if (old.known[i].stamp.inode == 0)
            continue;
        *place_of(h, &old.known[i].stamp) = old.known[i];
        h->n_known++;
    }
    free(old.known);
}

static int nibble(char c)
{
    return c >= 'a' ? c - 'a' + 10 : c - '0';
}

static void know(struct hashes *h, const struct file_stamp *stamp, const char *hex)
{
    if (stamp->inode == 0)
        return;
    make_room(h);
    struct known *k = place_of(h, stamp);
    h->n_known += k->stamp.inode == 0;
    k->stamp = *stamp;
    for (size_t i = 0; i < sizeof k->digest; i++)
        k->digest[i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
}

/* With whatever stamp. */
static bool knows_file(const struct hashes *h, const struct file_stamp *stamp)
{
    return h->room > 0 && place_of(h, stamp)->stamp.inode != 0;
}

static bool recall(const struct hashes *h, const struct file_stamp *stamp, char out_hex[HASH_HEX])
{
    static const char digit[] = "0123456789abcdef";
    const struct known *k = h->room > 0 ? place_of(h, stamp) : NULL;
    if (!k || memcmp(&k->stamp, stamp, sizeof *stamp) != 0) /* nothing but 8-byte numbers in it */
        return false;
    for (size_t i = 0; i < sizeof k->digest; i++) {
        out_hex[2 * i] = digit[k->digest[i] >> 4];
        out_hex[2 * i + 1] = digit[k->digest[i] & 15];
    }
    out_hex[HASH_HEX - 1] = '\0';
    return true;
}

/* ---- in the database ---- */

static int keep_pending(struct state *s, const struct pending *p, struct err *e)
{
    if (s->hashes.n_pending == MAX_PENDING) {
        if (sqlite3_db_readonly(s->db.handle, "main") == 1)
            return 0; /* who may only look remembers as long as he looks */
        int rc = state_begin_lazy(s, e);
        if (rc || (rc = state_commit(s, e)))
            return rc;
    }
    struct hashes *h = &s->hashes;
    h->pending = mem_grow(h->pending, h->n_pending, sizeof *h->pending);
    h->pending[h->n_pending++] = *p;
    return 0;
}

/* One hash out of a query with its parameters bound. */
static int take_hash(struct query *q, bool *out_found, char out_hex[HASH_HEX], struct err *e)
{
    int rc = db_step(q, out_found, e);
    if (rc || !*out_found) {
        if (rc == 0)
            db_end(q);
        return rc;
    }
    const unsigned char *hex = sqlite3_column_text(q->stmt, 0);
    *out_found = hex && strlen((const char *)hex) == HASH_HEX - 1;
    if (*out_found)
        memcpy(out_hex, hex, HASH_HEX);
    db_end(q);
    return 0;
}

int state_file_get(struct state *s, const struct file_stamp *stamp, bool *out_found,
                   char out_hex[HASH_HEX], struct err *e)
{
    struct query q;
    *out_found = recall(&s->hashes, stamp, out_hex);
    if (*out_found || s->hashes.complete)
        return 0;
    int rc = state_start_reading(s, e);
    if (rc || (rc = db_query(&s->db, &q,
                             "SELECT sha256 FROM files WHERE device=? AND inode=? AND size=? AND "
                             "mtime=? AND ctime=?",
                             e)))
        return rc;
    db_int(&q, (int64_t)stamp->device);
    db_int(&q, (int64_t)stamp->inode);
    db_int(&q, (int64_t)stamp->size);
    db_int(&q, stamp->mtime_ns);
    db_int(&q, stamp->ctime_ns);
    rc = take_hash(&q, out_found, out_hex, e);
    if (rc == 0 && *out_found)
        know(&s->hashes, stamp, out_hex);
    return rc;
}

int state_files_load(struct state *s, struct err *e)
{
    struct query q;
    bool row;
    size_t n = 0;
    int rc = state_start_reading(s, e);
    if (rc ||
        (rc = db_query(&s->db, &q,
                       "SELECT device, inode, size, mtime, ctime, sha256 FROM files LIMIT ?", e)))
        return rc;
    db_int(&q, MAX_LOADED);
    for (; (rc = db_step(&q, &row, e)) == 0 && row; n++) {
        struct file_stamp stamp = { .device = (uint64_t)db_get_int(&q, 0),
                                    .inode = (uint64_t)db_get_int(&q, 1),
                                    .size = (uint64_t)db_get_int(&q, 2),
                                    .mtime_ns = db_get_int(&q, 3),
                                    .ctime_ns = db_get_int(&q, 4) };
        const char *hex = (const char *)sqlite3_column_text(q.stmt, 5);
        if (hex && strlen(hex) == HASH_HEX - 1 && !knows_file(&s->hashes, &stamp))
            know(&s->hashes, &stamp, hex);
    }
    if (rc == 0)
        db_end(&q);
    s->hashes.complete = rc == 0 && n < MAX_LOADED;
    return rc;
}

int state_file_put(struct state *s, const struct file_stamp *stamp, int64_t hashed_ns,
                   const char hex[HASH_HEX], struct err *e)
{
    struct pending p = { .stamp = *stamp };
    if (state_racy(stamp, hashed_ns))
        return 0;
    memcpy(p.hex, hex, HASH_HEX);
    know(&s->hashes, stamp, hex);
    return keep_pending(s, &p, e);
}

int state_tree_get(struct state *s, const char key[HASH_HEX], bool *out_found,
                   char out_hex[HASH_HEX], struct err *e)
{
    struct query q;
    int rc = state_start_reading(s, e);
    if (rc || (rc = db_query(&s->db, &q, "SELECT sha256 FROM trees WHERE key=?", e)))
        return rc;
    db_text(&q, key);
    return take_hash(&q, out_found, out_hex, e);
}

int state_tree_put(struct state *s, const char key[HASH_HEX], const char hex[HASH_HEX],
                   struct err *e)
{
    struct pending p = { .tree = true };
    memcpy(p.key, key, HASH_HEX);
    memcpy(p.hex, hex, HASH_HEX);
    return keep_pending(s, &p, e);
}
