#include "io/s3_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "io/s3_xml.h"

enum { MAX_PAGES = 10000 };

/* ---- pages ---------------------------------------------------------------------------------- */

/* A listing on its way. `item` gets the ends of elements, their paths without the root. */
struct listing {
    s3_xml_end *item;
    void (*end_of_page)(void *self); /* NULL: nothing to do there */
    void *self;
    const char *marker_path[2], *marker_name[2]; /* where the next page begins: told, asked for */
    char *marker[2];                             /* owned; NULL on the first page */
    bool more, encoded;                          /* of this page */
};

static int on_end(void *self, const char *path, const char *text)
{
    struct listing *l = self;
    const char *rest = strchr(path, '/');
    if (!rest)
        return 0;
    rest++;
    if (strcmp(rest, "IsTruncated") == 0)
        l->more = strcmp(text, "true") == 0;
    else if (strcmp(rest, "EncodingType") == 0)
        l->encoded = strcmp(text, "url") == 0;
    for (int i = 0; i < 2; i++)
        if (l->marker_path[i] && strcmp(rest, l->marker_path[i]) == 0) {
            free(l->marker[i]);
            l->marker[i] = mem_strdup(text);
        }
    return l->item(l->self, rest, text);
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int read_page(struct s3 *s, struct s3_call c, struct listing *l, struct err *e)
{
    struct s3_answer a = { 0 };
    char *before[2] = { mem_strdup(l->marker[0]), mem_strdup(l->marker[1]) };
    for (int i = 0; i < 2; i++)
        if (before[i])
            c.query[c.n_query++] = (struct s3_pair){ l->marker_name[i], before[i] };
    l->more = l->encoded = false;
    int rc = s3_call(s, &s->lane, &c, &a, NULL, e);
    if (rc == 0 && a.status < 300) {
        if ((rc = s3_xml_read(str_text(&a.text), a.text.n, on_end, l, e)))
            err_wrap(e, "'%s': %s", s->place.name, c.action);
        else if (l->more && same(before[0], l->marker[0]) && same(before[1], l->marker[1]))
            rc = err_set(e, ERR_DATA, "'%s': %s: the server tells the same page again",
                         s->place.name, c.action);
    }
    if (rc == 0 && l->end_of_page)
        l->end_of_page(l->self);
    free(before[0]);
    free(before[1]);
    s3_answer_release(&a);
    return rc;
}

static int read_pages(struct s3 *s, const struct s3_call *c, struct listing *l, struct err *e)
{
    int rc = read_page(s, *c, l, e);
    for (int n = 1; rc == 0 && l->more; n++)
        rc = n < MAX_PAGES ? read_page(s, *c, l, e)
                           : err_set(e, ERR_DATA, "'%s': %s: the list does not end", s->place.name,
                                     c->action);
    free(l->marker[0]);
    free(l->marker[1]);
    return rc;
}

/* ---- names ---------------------------------------------------------------------------------- */

struct names {
    struct listing list;
    char **name;
    size_t n, n_done; /* n_done: decoded, of earlier pages */
};

static int take_name(void *self, const char *path, const char *text)
{
    struct names *t = self;
    if (strcmp(path, "Contents/Key") != 0 && strcmp(path, "CommonPrefixes/Prefix") != 0)
        return 0;
    t->name = mem_grow(t->name, t->n, sizeof *t->name);
    t->name[t->n++] = mem_strdup(text);
    return 0;
}

static void decode(char *text)
{
    char *to = text, two[3] = "", *end;
    for (; *text; text++) {
        if (*text == '%' && text[1] && text[2]) {
            memcpy(two, text + 1, 2);
            long byte = strtol(two, &end, 16);
            if (!*end) {
                *to++ = (char)byte;
                text += 2;
                continue;
            }
        }
        *to++ = *text == '+' ? ' ' : *text;
    }
    *to = '\0';
}

static void decode_page(void *self)
{
    struct names *t = self;
    for (; t->n_done < t->n; t->n_done++)
        if (t->list.encoded)
            decode(t->name[t->n_done]);
}

/* From keys to names: false if it is none. */
static bool shorten(char *name, size_t n_prefix, const char *prefix)
{
    if (strncmp(name, prefix, n_prefix) != 0)
        return false;
    size_t n = strcspn(name + n_prefix, "/");
    memmove(name, name + n_prefix, n);
    name[n] = '\0';
    return n > 0 && name[0] != '.';
}

/* Sorted, each once, without those that are none. */
static void tidy(struct names *t, const char *prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (shorten(t->name[i], strlen(prefix), prefix))
            t->name[n++] = t->name[i];
        else
            free(t->name[i]);
    }
    str_sort(t->name, n);
    t->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (t->n && strcmp(t->name[t->n - 1], t->name[i]) == 0)
            free(t->name[i]);
        else
            t->name[t->n++] = t->name[i];
    }
}

int s3_list_names(struct s3 *s, const char *prefix, char ***out, size_t *out_n, struct err *e)
{
    struct names t = { .list = { .item = take_name,
                                 .end_of_page = decode_page,
                                 .marker_path = { "NextContinuationToken" },
                                 .marker_name = { "continuation-token" } } };
    struct s3_call c = { .action = "ListBucket",
                         .method = "GET",
                         .query = { { "list-type", "2" },
                                    { "delimiter", "/" },
                                    { "encoding-type", "url" },
                                    { "prefix", prefix } },
                         .n_query = 4,
                         .xml = true };

    t.list.self = &t;
    int rc = read_pages(s, &c, &t.list, e);
    if (rc) {
        mem_free_texts(t.name, t.n);
        t.name = NULL;
        t.n = 0;
    } else {
        tidy(&t, prefix);
    }
    *out = t.name;
    *out_n = t.n;
    return rc;
}

/* ---- uploads -------------------------------------------------------------------------------- */

struct uploads {
    struct listing list;
    struct s3_begun *begun, now;
    size_t n;
};

/* 2026-11-21T20:30:32.123Z; 0: no such thing. */
static int64_t to_time(const char *text)
{
    int y, mo, d, h, mi, s;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &y, &mo, &d, &h, &mi, &s) != 6)
        return 0;
    struct civil day = { .year = y, .month = mo, .day = d };
    return civil_exists(day) ? civil_to_days(day) * 86400 + h * 3600 + mi * 60 + s : 0;
}

static void keep_text(char **to, const char *text)
{
    free(*to);
    *to = mem_strdup(text);
}

static int take_upload(void *self, const char *path, const char *text)
{
    struct uploads *t = self;
    if (strcmp(path, "Upload/Key") == 0)
        keep_text(&t->now.key, text);
    else if (strcmp(path, "Upload/UploadId") == 0)
        keep_text(&t->now.id, text);
    else if (strcmp(path, "Upload/Initiated") == 0)
        t->now.initiated_s = to_time(text);
    else if (strcmp(path, "Upload") == 0 && t->now.key && t->now.id) {
        t->begun = mem_grow(t->begun, t->n, sizeof *t->begun);
        t->begun[t->n++] = t->now;
        t->now = (struct s3_begun){ 0 };
    }
    return 0;
}

void s3_begun_free(struct s3_begun *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(b[i].key);
        free(b[i].id);
    }
    free(b);
}

int s3_list_uploads(struct s3 *s, const char *prefix, struct s3_begun **out, size_t *out_n,
                    struct err *e)
{
    struct uploads t = { .list = { .item = take_upload,
                                   .marker_path = { "NextKeyMarker", "NextUploadIdMarker" },
                                   .marker_name = { "key-marker", "upload-id-marker" } } };
    struct s3_call c = { .action = "ListBucketMultipartUploads",
                         .method = "GET",
                         .query = { { "uploads", "" }, { "prefix", prefix } },
                         .n_query = 2,
                         .accept = S3_ANY,
                         .xml = true };

    t.list.self = &t;
    int rc = read_pages(s, &c, &t.list, e);
    free(t.now.key);
    free(t.now.id);
    if (rc) {
        s3_begun_free(t.begun, t.n);
        t.begun = NULL;
        t.n = 0;
    }
    *out = t.begun;
    *out_n = t.n;
    return rc;
}

/* ---- parts ---------------------------------------------------------------------------------- */

struct parts {
    struct listing list;
    struct s3_arrived *part, now;
    size_t n;
};

static int take_part(void *self, const char *path, const char *text)
{
    struct parts *t = self;
    long long number;
    if (strcmp(path, "Part/PartNumber") == 0 && str_to_int(text, &number)) {
        t->now.number = number;
    } else if (strcmp(path, "Part/Size") == 0 && str_to_int(text, &number) && number >= 0) {
        t->now.size = (uint64_t)number;
    } else if (strcmp(path, "Part/ETag") == 0) {
        snprintf(t->now.tag, sizeof t->now.tag, "%s", text);
    } else if (strcmp(path, "Part") == 0) {
        t->part = mem_grow(t->part, t->n, sizeof *t->part);
        t->part[t->n++] = t->now;
        t->now = (struct s3_arrived){ 0 };
    }
    return 0;
}

int s3_list_parts(struct s3 *s, const char *key, const char *id, struct s3_arrived **out,
                  size_t *out_n, struct err *e)
{
    struct parts t = { .list = { .item = take_part,
                                 .marker_path = { "NextPartNumberMarker" },
                                 .marker_name = { "part-number-marker" } } };
    struct s3_call c = { .action = "ListMultipartUploadParts",
                         .method = "GET",
                         .key = key,
                         .query = { { "uploadId", id } },
                         .n_query = 1,
                         .accept = S3_ANY,
                         .xml = true };

    t.list.self = &t;
    int rc = read_pages(s, &c, &t.list, e);
    if (rc) {
        free(t.part);
        t.part = NULL;
        t.n = 0;
    }
    *out = t.part;
    *out_n = t.n;
    return rc;
}
