#include "io/s3_parts.h"

#include <nettle/base16.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_PARTS = 10000 };

uint64_t s3_part_offset(const struct s3_parts *p, size_t i)
{
    return i * p->size;
}

uint64_t s3_part_size(const struct s3_parts *p, size_t i)
{
    return i + 1 < p->n ? p->size : p->source.size - s3_part_offset(p, i);
}

static int hash_parts(struct s3_parts *p, bool md5, struct err *e)
{
    const struct store_source *from = p->source.from;
    char hex[HASH_HEX];
    struct hash whole;
    hash_init(&whole);
    for (size_t i = 0; i < p->n; i++) {
        struct s3_digests out = { .whole = &whole, .sha256 = &p->part[i].sha256 };
        if (md5)
            out.md5 = &p->part[i].md5;
        int rc = s3_source_digest(&p->source, s3_part_offset(p, i), s3_part_size(p, i), out, e);
        if (rc)
            return rc;
    }
    p->has_md5 = md5;
    hash_hex(&whole, hex);
    if (strcmp(hex, from->sha256) != 0)
        return err_set(e, ERR_DATA, "'%s' changed while it was published: SHA-256 %s, want %s",
                       from->path ? from->path : "what is published", hex, from->sha256);
    return 0;
}

int s3_parts_open(struct s3_parts *out, const struct s3_place *place,
                  const struct store_source *from, struct err *e)
{
    struct s3_parts p = { .size = place->part_size };
    int rc = s3_source_open(&p.source, from, e);
    if (rc)
        return rc;
    if (p.source.size / p.size >= MAX_PARTS)
        p.size = p.source.size / (MAX_PARTS - 1);
    p.n = p.source.size ? (size_t)((p.source.size - 1) / p.size + 1) : 1;
    p.part = mem_calloc(p.n, sizeof *p.part);
    if ((rc = hash_parts(&p, place->md5, e)))
        s3_parts_release(&p);
    else
        *out = p;
    return rc;
}

void s3_parts_release(struct s3_parts *p)
{
    s3_source_close(&p->source);
    free(p->part);
    *p = (struct s3_parts){ 0 };
}

/* ---- what has arrived ----------------------------------------------------------------------- */

/* Only where there is something to compare them with: MD5 takes as long as all else together. */
static int need_md5(struct s3_parts *p, struct err *e)
{
    for (size_t i = 0; !p->has_md5 && i < p->n; i++) {
        int rc = s3_source_digest(&p->source, s3_part_offset(p, i), s3_part_size(p, i),
                                  (struct s3_digests){ .md5 = &p->part[i].md5 }, e);
        if (rc)
            return rc;
    }
    p->has_md5 = true;
    return 0;
}

/* An ETag with its quotes or without. */
static bool tag_is(const char *tag, const uint8_t md5[MD5_DIGEST_SIZE])
{
    enum { HEX = 2 * MD5_DIGEST_SIZE };
    char hex[HEX];
    base16_encode_update(hex, MD5_DIGEST_SIZE, md5);
    tag += *tag == '"';
    return strncmp(tag, hex, HEX) == 0 && (tag[HEX] == '\0' || strcmp(tag + HEX, "\"") == 0);
}

static bool is_ours(const struct s3_parts *p, const struct s3_arrived *a)
{
    return a->number >= 1 && (uint64_t)a->number <= p->n &&
           a->size == s3_part_size(p, (size_t)a->number - 1) &&
           tag_is(a->tag, p->part[a->number - 1].md5);
}

int s3_parts_take(struct s3_parts *p, const struct s3_arrived *arrived, size_t n, bool *out_ours,
                  struct err *e)
{
    int rc = need_md5(p, e);
    *out_ours = rc == 0;
    for (size_t i = 0; *out_ours && i < n; i++)
        *out_ours = is_ours(p, &arrived[i]);
    for (size_t i = 0; *out_ours && i < n; i++)
        memcpy(p->part[arrived[i].number - 1].tag, arrived[i].tag, sizeof arrived[i].tag);
    return rc;
}

void s3_parts_document(const struct s3_parts *p, struct str *out)
{
    str_addz(out, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < p->n; i++) {
        str_addf(out, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
        for (const char *c = p->part[i].tag; *c; c++) {
            if (strchr("<>&\"", *c))
                str_addf(out, "&#%d;", *c);
            else
                str_addc(out, *c);
        }
        str_addz(out, "</ETag></Part>");
    }
    str_addz(out, "</CompleteMultipartUpload>");
}
