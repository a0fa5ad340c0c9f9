#include "io/registry_work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"

/* A claim is given up for dead after this, where the store cannot lock. */
enum { CLAIM_S = 24 * 3600 };

void registry_at_step(const struct registry_work *w, enum registry_step step)
{
    if (w->r->before)
        w->r->before(w->r->self, (int)step);
}

char *registry_version_key(const struct registry_work *w, const char *version, const char *object)
{
    return str_format("%s/%s/%s", w->q->name, version, object);
}

/* Store a JSON document. */
int registry_put_json(const struct registry_work *w, const char *key, json_t *doc,
                      enum store_when when, const char *tag, bool *out_done, struct err *e)
{
    char *text = jsonfile_text(doc), hex[HASH_HEX];
    struct store_source from = { .bytes = text, .n = strlen(text), .sha256 = hex };
    hash_bytes(text, from.n, hex);
    int rc = store_put(w->r->store, key, &from, when, tag, out_done, NULL, e);
    free(text);
    return rc;
}

/* Is a version there, and is it this package? Its manifest says so, and its bytes must agree. */
int registry_look_at_version(const struct registry_work *w, const char *version, int *out,
                             int64_t *out_modified_s, struct err *e)
{
    char *manifest = registry_version_key(w, version, "manifest.json"),
         *package = registry_version_key(w, version, "models.tar"), said[HASH_HEX] = "";
    struct store_object about = { 0 };
    json_t *doc = NULL;
    bool whole = false, same;
    int rc = registry_read(w->r, manifest, &doc, &about, e);

    *out = REGISTRY_NOT_THERE;
    *out_modified_s = about.modified_s;
    if (rc || (rc = store_look(w->r->store, package, &whole, NULL, e)))
        goto out;
    if (!doc && !whole)
        goto out;
    same = doc && registry_text(json_object_get(doc, "sha256"), said, sizeof said) &&
           strcmp(said, w->q->sha256) == 0;
    if (whole)
        *out = same ? REGISTRY_SAME : REGISTRY_OTHER;
    else
        *out = same ? REGISTRY_UNFINISHED_SAME : REGISTRY_UNFINISHED_OTHER;
    if (*out == REGISTRY_SAME)
        rc = store_fetch(w->r->store, package, NULL, said, e);
out:
    json_decref(doc);
    free(manifest);
    free(package);
    return rc;
}

void registry_name_version(struct registry_work *w, const char *version)
{
    size_t n = strlen(version);
    assert(n < sizeof w->made.version);
    memcpy(w->made.version, version, n + 1);
}

/* Take away the claim of a publisher that died. *out_gone: it is. */
static int give_up_claim(const struct registry_work *w, const char *version, int64_t since,
                         bool *out_gone, struct err *e)
{
    char *key = registry_version_key(w, version, "manifest.json");
    int rc = 0;
    *out_gone = w->alone || since + CLAIM_S < (int64_t)time(NULL);
    if (*out_gone)
        rc = store_remove(w->r->store, key, e);
    free(key);
    return rc;
}

/* The version that VERSION says: *out what is there. */
static int own_version(struct registry_work *w, int *out, struct err *e)
{
    const char *version = w->q->version, *name = w->q->name;
    int64_t since;
    bool gone = false;
    int rc = registry_look_at_version(w, version, out, &since, e);
    registry_name_version(w, version);
    if (rc)
        return rc;
    if (*out == REGISTRY_OTHER)
        return err_set(e, ERR_DATA, "version '%s' of '%s' exists with other content: raise VERSION",
                       version, name);
    if (*out == REGISTRY_UNFINISHED_OTHER &&
        (rc = give_up_claim(w, version, since, &gone, e)) == 0) {
        if (!gone)
            return err_set(e, ERR_RETRY,
                           "another publisher is at work on version '%s' of '%s', or died on it "
                           "less than a day ago",
                           version, name);
        *out = REGISTRY_NOT_THERE;
    }
    return rc;
}

int registry_newest_number(const struct registry_work *w, const char *dir, const char *ending,
                           int64_t *out, struct err *e)
{
    char **entry = NULL;
    size_t n = 0;
    int rc = store_list(w->r->store, dir, &entry, &n, e);
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t number = registry_number(entry[i], ending);
        *out = number > *out ? number : *out;
    }
    mem_free_texts(entry, n);
    return rc;
}

/* The version that is current if it is this package, else the newest number if it is, else the
 * next. */
static int next_version(struct registry_work *w, int *out, struct err *e)
{
    int64_t newest, since;
    bool gone = false;
    int rc;

    if (w->before.found && strcmp(w->before.sha256, w->q->sha256) == 0) {
        registry_name_version(w, w->before.version);
        if ((rc = registry_look_at_version(w, w->before.version, out, &since, e)) == 0 &&
            *out != REGISTRY_SAME)
            rc = err_set(e, ERR_DATA,
                         "'%s/%s/current.json' names version '%s', which is not there with that "
                         "SHA-256",
                         store_name(w->r->store), w->q->name, w->before.version);
        return rc;
    }
    if ((rc = registry_newest_number(w, w->q->name, "", &newest, e)))
        return rc;
    *out = REGISTRY_NOT_THERE;
    char *text = str_format("%lld", (long long)newest);
    if (newest)
        rc = registry_look_at_version(w, text, out, &since, e);
    if (rc == 0 && *out == REGISTRY_UNFINISHED_OTHER)
        rc = give_up_claim(w, text, since, &gone, e);
    if (rc == 0 && !gone && *out != REGISTRY_SAME && *out != REGISTRY_UNFINISHED_SAME) {
        free(text);
        text = str_format("%lld", (long long)newest + 1);
    }
    if (*out == REGISTRY_OTHER || *out == REGISTRY_UNFINISHED_OTHER)
        *out = REGISTRY_NOT_THERE;
    registry_name_version(w, text);
    free(text);
    return rc;
}

/* manifest.json; *out_taken: somebody else has just claimed the version. */
static int claim(struct registry_work *w, bool *out_taken, struct err *e)
{
    char *key = registry_version_key(w, w->made.version, "manifest.json");
    json_t *doc = json_pack("{s:s, s:s, s:s, s:I}", "name", w->q->name, "version", w->made.version,
                            "sha256", w->q->sha256, "size", (json_int_t)w->q->size);
    bool done = false;
    if (w->q->about)
        json_object_update_missing(doc, w->q->about);
    registry_at_step(w, REGISTRY_CLAIM);
    int rc = registry_put_json(w, key, doc, STORE_IF_NEW, NULL, &done, e);
    *out_taken = rc == 0 && !done;
    json_decref(doc);
    free(key);
    return rc;
}

/* models.tar of a version that is claimed by us, or by one who published the same. */
static int put_package(struct registry_work *w, bool claimed_now, struct err *e)
{
    char *key = registry_version_key(w, w->made.version, "models.tar");
    struct store_source from = { .path = w->q->package, .sha256 = w->q->sha256 };
    struct store_object about = { 0 };
    bool done;
    registry_at_step(w, REGISTRY_PACKAGE);
    int rc = store_put(w->r->store, key, &from, STORE_IF_NEW, NULL, &done, &about, e);
    if (rc == 0) {
        w->made.created = done;
        memcpy(w->made.package_id, about.version, sizeof about.version);
    } else if (claimed_now) { /* so that nothing of this attempt stays */
        struct err ignored = { 0 };
        char *manifest = registry_version_key(w, w->made.version, "manifest.json");
        store_remove(w->r->store, manifest, &ignored);
        free(manifest);
    }
    free(key);
    return rc;
}

/* What the run said that made the version. */
static int put_log(const struct registry_work *w, struct err *e)
{
    char hex[HASH_HEX], *key = registry_version_key(w, w->made.version, "log.txt");
    struct store_source from = { .path = w->q->log, .sha256 = hex };
    bool done;
    int rc = hash_file(w->q->log, hex, NULL, e);
    if (rc == 0)
        rc = store_put(w->r->store, key, &from, STORE_IF_NEW, NULL, &done, NULL, e);
    free(key);
    return rc;
}

int registry_read_before(struct registry_work *w, struct err *e)
{
    json_t *doc;
    int rc = registry_read_current(w->r, w->q->name, &w->before, &w->current, &doc, e);
    json_decref(w->said);
    w->said = registry_keys_in(doc);
    json_decref(doc);
    return rc;
}

int registry_settle_version(struct registry_work *w, struct err *e)
{
    bool taken = true;
    int rc = 0;
    for (int i = 0; rc == 0 && taken && i < REGISTRY_TRIES; i++) {
        int there = REGISTRY_NOT_THERE;
        bool claimed = false;
        taken = false;
        if ((rc = registry_read_before(w, e)) == 0)
            rc = w->q->version ? own_version(w, &there, e) : next_version(w, &there, e);
        if (rc == 0 && there == REGISTRY_NOT_THERE) {
            rc = claim(w, &taken, e);
            claimed = rc == 0 && !taken;
        }
        if (rc == 0 && !taken && there != REGISTRY_SAME)
            rc = put_package(w, claimed, e);
    }
    if (rc == 0 && taken)
        rc = err_set(e, ERR_RETRY, "'%s/%s': every version number was taken by another publisher",
                     store_name(w->r->store), w->q->name);
    if (rc == 0 && w->q->log)
        rc = put_log(w, e);
    return rc;
}
