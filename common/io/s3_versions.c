#include "io/s3_versions.h"

#include <stdio.h>
#include <string.h>

#include "io/s3_xml.h"

/* The list tells versions of a key from the newest to the oldest: what is wanted is the one after
 * ours. */
struct search {
    const char *key, *version;
    char at_key[1100], at_version[80], at_tag[80]; /* of the element that is being read */
    bool ours, before;                             /* found: ours, the one before it in time */
    bool before_is_there;                          /* and that one is no mark of a removal */
    char before_tag[80];
};

static void copy(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text);
}

static int take(void *self, const char *path, const char *text)
{
    struct search *t = self;
    const char *field = strrchr(path, '/');
    bool version = strncmp(path, "ListVersionsResult/Version", 26) == 0;
    bool removal = strncmp(path, "ListVersionsResult/DeleteMarker", 31) == 0;
    if (!field || (!version && !removal))
        return 0;
    if (strcmp(field, "/Key") == 0)
        copy(t->at_key, sizeof t->at_key, text);
    else if (strcmp(field, "/VersionId") == 0)
        copy(t->at_version, sizeof t->at_version, text);
    else if (strcmp(field, "/ETag") == 0)
        copy(t->at_tag, sizeof t->at_tag, text);
    if (strcmp(field, "/Version") != 0 && strcmp(field, "/DeleteMarker") != 0)
        return 0;
    if (t->ours && !t->before && strcmp(t->at_key, t->key) == 0) {
        t->before = true;
        t->before_is_there = version;
        copy(t->before_tag, sizeof t->before_tag, t->at_tag);
    }
    t->ours |= strcmp(t->at_key, t->key) == 0 && strcmp(t->at_version, t->version) == 0;
    t->at_key[0] = t->at_version[0] = t->at_tag[0] = '\0';
    return 0;
}

/* One page from our version on holds the next older one: nobody stores a thousand meanwhile. */
static int look(struct s3 *s, struct search *t, struct err *e)
{
    struct s3_call c = { .action = "ListBucketVersions",
                         .method = "GET",
                         .query = { { "versions", "" }, { "prefix", t->key } },
                         .n_query = 2,
                         .accept = S3_ANY,
                         .xml = true };
    struct s3_answer a = { 0 };
    int rc = s3_call(s, &s->lane, &c, &a, NULL, e);
    if (rc == 0 && a.status < 300)
        rc = s3_xml_read(str_text(&a.text), a.text.n, take, t, e);
    s3_answer_release(&a);
    return rc;
}

static int remove_version(struct s3 *s, const char *key, const char *version, struct err *e)
{
    struct s3_call c = { .action = "DeleteObjectVersion",
                         .method = "DELETE",
                         .key = key,
                         .query = { { "versionId", version } },
                         .n_query = 1,
                         .accept = S3_NOT_THERE };
    return s3_do(s, &c, e);
}

int s3_settle(struct s3 *s, const char *key, const char *version, enum store_when when,
              const char *tag, bool *out_done, struct err *e)
{
    struct search t = { .key = key, .version = version };
    int rc = look(s, &t, e);
    *out_done = true;
    if (rc || !t.ours)
        return rc;
    bool there = t.before && t.before_is_there;
    *out_done = when == STORE_IF_NEW ? !there : there && strcmp(t.before_tag, tag) == 0;
    return *out_done ? 0 : remove_version(s, key, version, e);
}
