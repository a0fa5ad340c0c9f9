#include "io/registry_inner.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/remove_tree.h"

enum {
    TRIES = 1000,
    CLAIM_S = 24 * 3600, /* a claim is given up for dead after this, where the store cannot lock */
};

/* One change on its way. */
struct work {
    const struct registry *r;
    const struct registry_request *q;
    struct registry_request *own; /* the same, if it is set that asks: keys are found on the way */
    bool alone;                   /* the store holds a lock: what is unfinished is nobody's */
    struct registry_current before;
    struct store_object current; /* current.json as `before` was read */
    json_t *said, *keys;         /* owned: the fixed keys that it told; those that it will tell */
    struct store_pending *key;   /* of this source, which it borrows: */
    struct store_source source;
    char copy_sha256[HASH_HEX];
    char *scratch, *unpacked; /* owned: a directory, what goes to the key from it */
    struct registry_result made;
};

static void at_step(const struct work *w, enum registry_step step)
{
    if (w->r->before)
        w->r->before(w->r->self, (int)step);
}

static char *version_key(const struct work *w, const char *version, const char *object)
{
    return str_format("%s/%s/%s", w->q->name, version, object);
}

/* Store a JSON document. */
static int put_json(const struct work *w, const char *key, json_t *doc, enum store_when when,
                    const char *tag, bool *out_done, struct err *e)
{
    char *text = jsonfile_text(doc), hex[HASH_HEX];
    struct store_source from = { .bytes = text, .n = strlen(text), .sha256 = hex };
    hash_bytes(text, from.n, hex);
    int rc = store_put(w->r->store, key, &from, when, tag, out_done, NULL, e);
    free(text);
    return rc;
}

/* ---- the version ---------------------------------------------------------------------------- */

enum { NOT_THERE, SAME, OTHER, UNFINISHED_SAME, UNFINISHED_OTHER };

/* Is a version there, and is it this package? Its manifest says so, and its bytes must agree. */
static int look_at_version(const struct work *w, const char *version, int *out,
                           int64_t *out_modified_s, struct err *e)
{
    char *manifest = version_key(w, version, "manifest.json"),
         *package = version_key(w, version, "models.tar"), said[HASH_HEX] = "";
    struct store_object about = { 0 };
    json_t *doc = NULL;
    bool whole = false, same;
    int rc = registry_read(w->r, manifest, &doc, &about, e);

    *out = NOT_THERE;
    *out_modified_s = about.modified_s;
    if (rc || (rc = store_look(w->r->store, package, &whole, NULL, e)))
        goto out;
    if (!doc && !whole)
        goto out;
    same = doc && registry_text(json_object_get(doc, "sha256"), said, sizeof said) &&
           strcmp(said, w->q->sha256) == 0;
    if (whole)
        *out = same ? SAME : OTHER;
    else
        *out = same ? UNFINISHED_SAME : UNFINISHED_OTHER;
    if (*out == SAME)
        rc = store_fetch(w->r->store, package, NULL, said, e);
out:
    json_decref(doc);
    free(manifest);
    free(package);
    return rc;
}

static void set_version(struct work *w, const char *version)
{
    size_t n = strlen(version);
    assert(n < sizeof w->made.version);
    memcpy(w->made.version, version, n + 1);
}

/* Take away the claim of a publisher that died. *out_gone: it is. */
static int give_up_claim(const struct work *w, const char *version, int64_t since, bool *out_gone,
                         struct err *e)
{
    char *key = version_key(w, version, "manifest.json");
    int rc = 0;
    *out_gone = w->alone || since + CLAIM_S < (int64_t)time(NULL);
    if (*out_gone)
        rc = store_remove(w->r->store, key, e);
    free(key);
    return rc;
}

/* The version that VERSION says: *out what is there. */
static int own_version(struct work *w, int *out, struct err *e)
{
    const char *version = w->q->version, *name = w->q->name;
    int64_t since;
    bool gone = false;
    int rc = look_at_version(w, version, out, &since, e);
    set_version(w, version);
    if (rc)
        return rc;
    if (*out == OTHER)
        return err_set(e, ERR_DATA, "version '%s' of '%s' exists with other content: raise VERSION",
                       version, name);
    if (*out == UNFINISHED_OTHER && (rc = give_up_claim(w, version, since, &gone, e)) == 0) {
        if (!gone)
            return err_set(e, ERR_RETRY,
                           "another publisher is at work on version '%s' of '%s', or died on it "
                           "less than a day ago",
                           version, name);
        *out = NOT_THERE;
    }
    return rc;
}

static int newest_number(const struct work *w, const char *dir, const char *ending, int64_t *out,
                         struct err *e)
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
static int next_version(struct work *w, int *out, struct err *e)
{
    int64_t newest, since;
    bool gone = false;
    int rc;

    if (w->before.found && strcmp(w->before.sha256, w->q->sha256) == 0) {
        set_version(w, w->before.version);
        if ((rc = look_at_version(w, w->before.version, out, &since, e)) == 0 && *out != SAME)
            rc = err_set(e, ERR_DATA,
                         "'%s/%s/current.json' names version '%s', which is not there with that "
                         "SHA-256",
                         store_name(w->r->store), w->q->name, w->before.version);
        return rc;
    }
    if ((rc = newest_number(w, w->q->name, "", &newest, e)))
        return rc;
    *out = NOT_THERE;
    char *text = str_format("%lld", (long long)newest);
    if (newest)
        rc = look_at_version(w, text, out, &since, e);
    if (rc == 0 && *out == UNFINISHED_OTHER)
        rc = give_up_claim(w, text, since, &gone, e);
    if (rc == 0 && !gone && *out != SAME && *out != UNFINISHED_SAME) {
        free(text);
        text = str_format("%lld", (long long)newest + 1);
    }
    if (*out == OTHER || *out == UNFINISHED_OTHER)
        *out = NOT_THERE;
    set_version(w, text);
    free(text);
    return rc;
}

/* manifest.json; *out_taken: somebody else has just claimed the version. */
static int claim(struct work *w, bool *out_taken, struct err *e)
{
    char *key = version_key(w, w->made.version, "manifest.json");
    json_t *doc = json_pack("{s:s, s:s, s:s, s:I}", "name", w->q->name, "version", w->made.version,
                            "sha256", w->q->sha256, "size", (json_int_t)w->q->size);
    bool done = false;
    if (w->q->about)
        json_object_update_missing(doc, w->q->about);
    at_step(w, REGISTRY_CLAIM);
    int rc = put_json(w, key, doc, STORE_IF_NEW, NULL, &done, e);
    *out_taken = rc == 0 && !done;
    json_decref(doc);
    free(key);
    return rc;
}

/* models.tar of a version that is claimed by us, or by one who published the same. */
static int put_package(struct work *w, bool claimed_now, struct err *e)
{
    char *key = version_key(w, w->made.version, "models.tar");
    struct store_source from = { .path = w->q->package, .sha256 = w->q->sha256 };
    struct store_object about = { 0 };
    bool done;
    at_step(w, REGISTRY_PACKAGE);
    int rc = store_put(w->r->store, key, &from, STORE_IF_NEW, NULL, &done, &about, e);
    if (rc == 0) {
        w->made.created = done;
        memcpy(w->made.package_id, about.version, sizeof about.version);
    } else if (claimed_now) { /* so that nothing of this attempt stays */
        struct err ignored = { 0 };
        char *manifest = version_key(w, w->made.version, "manifest.json");
        store_remove(w->r->store, manifest, &ignored);
        free(manifest);
    }
    free(key);
    return rc;
}

/* What the run said that made the version. */
static int put_log(const struct work *w, struct err *e)
{
    char hex[HASH_HEX], *key = version_key(w, w->made.version, "log.txt");
    struct store_source from = { .path = w->q->log, .sha256 = hex };
    bool done;
    int rc = hash_file(w->q->log, hex, NULL, e);
    if (rc == 0)
        rc = store_put(w->r->store, key, &from, STORE_IF_NEW, NULL, &done, NULL, e);
    free(key);
    return rc;
}

static int read_before(struct work *w, struct err *e)
{
    json_t *doc;
    int rc = registry_read_current(w->r, w->q->name, &w->before, &w->current, &doc, e);
    json_decref(w->said);
    w->said = registry_keys_in(doc);
    json_decref(doc);
    return rc;
}

static int settle_version(struct work *w, struct err *e)
{
    bool taken = true;
    int rc = 0;
    for (int i = 0; rc == 0 && taken && i < TRIES; i++) {
        int there = NOT_THERE;
        bool claimed = false;
        taken = false;
        if ((rc = read_before(w, e)) == 0)
            rc = w->q->version ? own_version(w, &there, e) : next_version(w, &there, e);
        if (rc == 0 && there == NOT_THERE) {
            rc = claim(w, &taken, e);
            claimed = rc == 0 && !taken;
        }
        if (rc == 0 && !taken && there != SAME)
            rc = put_package(w, claimed, e);
    }
    if (rc == 0 && taken)
        rc = err_set(e, ERR_RETRY, "'%s/%s': every version number was taken by another publisher",
                     store_name(w->r->store), w->q->name);
    return rc;
}

/* ---- the current model ---------------------------------------------------------------------- */

/* Does the last entry of the history say what we are about to say? Its publisher may have died
 * right after it. */
static int said_already(const struct work *w, const char *dir, int64_t n, bool *out, struct err *e)
{
    char *key = str_format("%s/%lld.json", dir, (long long)n);
    json_t *doc = NULL;
    int rc = registry_read(w->r, key, &doc, NULL, e);
    const char *version = json_string_value(json_object_get(doc, "version")),
               *sha256 = json_string_value(json_object_get(doc, "sha256"));
    *out = version && sha256 && strcmp(version, w->made.version) == 0 &&
           strcmp(sha256, w->q->sha256) == 0;
    json_decref(doc);
    free(key);
    return rc;
}

static json_t *entry(const struct work *w)
{
    return json_pack("{s:s, s:s, s:s}", "version", w->made.version, "sha256", w->q->sha256,
                     "timestamp", w->made.timestamp);
}

/* history/<n>.json under the first number that is free. */
static int add_history(struct work *w, const char *dir, struct err *e)
{
    bool done = false;
    int rc = 0;
    for (int64_t n = w->made.history + 1; rc == 0 && !done; n++) {
        char *key = str_format("%s/%lld.json", dir, (long long)n);
        json_t *doc = entry(w);
        json_object_set_new(doc, "n", json_integer(n));
        json_object_set_new(doc, "previous",
                            w->before.found ? json_string(w->before.version) : json_null());
        rc = put_json(w, key, doc, STORE_IF_NEW, NULL, &done, e);
        w->made.history = n;
        json_decref(doc);
        free(key);
    }
    return rc;
}

static int write_history(struct work *w, struct err *e)
{
    char *dir = registry_key(w->q->name, "history");
    bool said = false;
    int rc = newest_number(w, dir, ".json", &w->made.history, e);
    if (rc == 0 && w->made.changed && (rc = said_already(w, dir, w->made.history, &said, e)) == 0 &&
        !said) {
        at_step(w, REGISTRY_HISTORY);
        rc = add_history(w, dir, e);
    }
    free(dir);
    return rc;
}

/* *out_done: false if another publisher has changed it meanwhile. */
static int write_current(struct work *w, bool *out_done, struct err *e)
{
    char *key = registry_key(w->q->name, "current.json");
    json_t *doc = entry(w);
    json_object_update(doc, w->keys);
    at_step(w, REGISTRY_CURRENT);
    int rc = put_json(w, key, doc, w->before.found ? STORE_IF_SAME : STORE_IF_NEW,
                      w->before.found ? w->current.tag : NULL, out_done, e);
    json_decref(doc);
    free(key);
    return rc;
}

/* Make made.version current; of several at once the last one wins, and the history has them all. */
static int make_current(struct work *w, struct err *e)
{
    bool done = false;
    int rc = 0;
    for (int i = 0; rc == 0 && !done && i < TRIES; i++) {
        if (i > 0 && (rc = read_before(w, e)))
            return rc;
        w->made.changed = !w->before.found || strcmp(w->before.version, w->made.version) != 0 ||
                          strcmp(w->before.sha256, w->q->sha256) != 0;
        memcpy(w->made.previous, w->before.version, sizeof w->made.previous);
        memcpy(w->made.timestamp, w->before.timestamp, sizeof w->made.timestamp);
        if (w->made.changed)
            civil_stamp((int64_t)time(NULL), w->made.timestamp);
        done = !w->made.changed && json_equal(w->said, w->keys);
        if ((rc = write_history(w, e)) == 0 && !done)
            rc = write_current(w, &done, e);
    }
    if (rc == 0 && !done)
        rc = err_set(e, ERR_RETRY, "'%s/%s/current.json' is changed by others again and again",
                     store_name(w->r->store), w->q->name);
    return rc;
}

/* ---- publishing ----------------------------------------------------------------------------- */

static char *fill_version(const char *key, const char *version)
{
    struct str s = { 0 };
    const char *hole;
    for (; (hole = strstr(key, "{version}")); key = hole + strlen("{version}")) {
        str_add(&s, key, (size_t)(hole - key));
        str_addz(&s, version);
    }
    str_addz(&s, key);
    return str_take(&s);
}

/* All of what goes to the key but its name, so that a full disk shows before anything has changed.
 */
static int prepare_key(struct work *w, struct err *e)
{
    char *twin = version_key(w, w->made.version, "models.tar");
    int rc = 0;
    w->source = (struct store_source){ .path = w->q->package, .sha256 = w->q->sha256 };
    if (w->q->copy) {
        rc = hash_file(w->q->copy, w->copy_sha256, NULL, e);
        w->source = (struct store_source){ .path = w->q->copy, .sha256 = w->copy_sha256 };
    }
    if (rc == 0 && !w->keys)
        w->keys = registry_keys_of(w->q, w->copy_sha256);
    if (!w->made.key)
        w->made.key = fill_version(w->q->key, w->made.version);
    at_step(w, REGISTRY_COPY);
    if (rc == 0)
        rc = store_prepare(w->r->store, w->made.key, &w->source, w->q->copy ? NULL : twin, &w->key,
                           e);
    free(twin);
    return rc;
}

static int publish_key(struct work *w, struct err *e)
{
    struct store_object about = { 0 };
    at_step(w, REGISTRY_KEY);
    int rc = store_finish(w->key, &about, e);
    w->key = NULL;
    memcpy(w->made.key_id, about.version, sizeof about.version);
    return rc;
}

/* The list at the status key, or an empty one; *out_tag is what it has now. */
static int read_status(const struct work *w, json_t **out, struct store_object *about,
                       struct err *e)
{
    char *text;
    size_t n;
    json_error_t why;
    int rc = store_read(w->r->store, w->q->status, JSONFILE_MAX, &text, &n, about, e);
    *out = NULL;
    if (rc)
        return rc;
    *out = text ? json_loadb(text, n, JSON_REJECT_DUPLICATES, &why) : json_array();
    free(text);
    if (!json_is_array(*out)) {
        json_decref(*out);
        *out = NULL;
        rc = err_set(e, ERR_DATA, "'%s/%s' is no JSON list: what stands at the status key is kept",
                     store_name(w->r->store), w->q->status);
    }
    return rc;
}

static int check_status(const struct work *w, struct err *e)
{
    json_t *list;
    int rc = read_status(w, &list, NULL, e);
    json_decref(list);
    return rc;
}

/* One more line, unless the last one says it already: its publisher may have died right after it.
 */
static int add_status(struct work *w, struct err *e)
{
    bool done = false;
    int rc = 0;
    for (int i = 0; rc == 0 && !done && i < TRIES; i++) {
        struct store_object about = { 0 };
        json_t *list = NULL;
        if ((rc = read_status(w, &list, &about, e)))
            break;
        const json_t *last = json_array_get(list, json_array_size(list) - 1);
        const char *version = json_string_value(json_object_get(last, "current_version"));
        done = version && strcmp(version, w->made.version) == 0;
        if (!done) {
            json_array_append_new(list, json_pack("{s:s, s:s}", "current_version", w->made.version,
                                                  "timestamp", w->made.timestamp));
            rc = put_json(w, w->q->status, list, *about.tag ? STORE_IF_SAME : STORE_IF_NEW,
                          *about.tag ? about.tag : NULL, &done, e);
        }
        json_decref(list);
    }
    return rc || done ? rc
                      : err_set(e, ERR_RETRY, "'%s/%s' is changed by others again and again",
                                store_name(w->r->store), w->q->status);
}

/* All is prepared: the new model, then whoever knows it by a fixed key. */
static int go_over(struct work *w, struct err *e)
{
    int rc = make_current(w, e);
    if (rc == 0 && w->key)
        rc = publish_key(w, e);
    if (rc == 0 && w->q->status)
        rc = add_status(w, e);
    return rc;
}

static int publish(struct work *w, struct err *e)
{
    int rc = w->q->status ? check_status(w, e) : 0; /* refused before any change */
    if (rc == 0)
        rc = settle_version(w, e);
    if (rc == 0 && w->q->log)
        rc = put_log(w, e);
    if (rc == 0 && w->q->key)
        rc = prepare_key(w, e);
    if (rc == 0 && !w->keys)
        w->keys = registry_keys_of(w->q, NULL);
    return rc ? rc : go_over(w, e);
}

/* What lies at the key when a version is set: of a key with {version} what its publisher put there.
 */
static int prepare_key_again(struct work *w, struct err *e)
{
    bool there = false;
    json_t *copy = json_object_get(w->keys, "copy");
    int rc = 0;
    w->made.key = fill_version(w->q->key, w->made.version);
    if (strcmp(w->made.key, w->q->key) != 0)
        rc = store_look(w->r->store, w->made.key, &there, NULL, e);
    w->made.key_stays = rc == 0 && !there && json_is_null(copy);
    if (rc || there || w->made.key_stays || (rc = make_scratch("refit-registry", &w->scratch, e)) ||
        (rc = registry_unpack(w->r, w->q, json_string_value(copy), w->scratch, &w->unpacked, e)))
        return rc;
    *(copy ? &w->own->copy : &w->own->package) = w->unpacked;
    return prepare_key(w, e);
}

static int set(struct work *w, struct err *e)
{
    int there;
    int64_t since;
    int rc = read_before(w, e);
    set_version(w, w->q->version);
    if (rc == 0 && (rc = look_at_version(w, w->q->version, &there, &since, e)) == 0 &&
        there != SAME)
        rc = err_set(e, ERR_DATA, "version '%s' of '%s' is unfinished: it has no models.tar",
                     w->q->version, w->q->name);
    if (rc)
        return rc;
    w->keys = json_incref(w->said);
    w->own->key = json_string_value(json_object_get(w->keys, "key"));
    w->own->status = json_string_value(json_object_get(w->keys, "status_key"));
    if ((rc = registry_check_keys(w->q->name, w->q->key, w->q->status, e)) ||
        (w->q->status && (rc = check_status(w, e))) ||
        (w->q->key && (rc = prepare_key_again(w, e))))
        return rc;
    return go_over(w, e);
}

/* Between the lock and its release, where the store has one. */
static int locked(struct work *w, int (*step)(struct work *w, struct err *e),
                  struct registry_result *out, struct err *e)
{
    int rc = store_lock(w->r->store, w->q->name, &w->alone, e);
    if (rc == 0)
        rc = step(w, e);
    store_unlock(w->r->store);
    store_abandon(w->key);
    if (w->scratch)
        remove_tree(w->scratch);
    free(w->scratch);
    free(w->unpacked);
    json_decref(w->said);
    json_decref(w->keys);
    if (rc)
        registry_result_release(&w->made);
    else
        *out = w->made;
    return rc;
}

static int check_names(const char *name, const char *version, struct err *e)
{
    bool name_ok = registry_name_ok(name);
    return name_ok && (!version || registry_name_ok(version))
               ? 0
               : err_set(e, ERR_USAGE,
                         "'%s' is not a name for a %s: want letters, digits, '.', '_', '-', not "
                         "starting with '.'",
                         name_ok ? version : name, name_ok ? "version" : "model");
}

int registry_publish(const struct registry *r, const struct registry_request *q,
                     struct registry_result *out, struct err *e)
{
    struct work w = { .r = r, .q = q };
    int rc = check_names(q->name, q->version, e);
    if (rc == 0)
        rc = registry_check_keys(q->name, q->key, q->status, e);
    return rc ? rc : locked(&w, publish, out, e);
}

int registry_set(const struct registry *r, const char *name, const char *version,
                 struct registry_result *out, struct err *e)
{
    char sha256[HASH_HEX];
    struct registry_request q = { .name = name, .version = version, .sha256 = sha256 };
    struct work w = { .r = r, .q = &q, .own = &q };
    int rc = check_names(name, version, e);
    if (rc == 0)
        rc = registry_version_hash(r, name, version, sha256, e);
    return rc ? rc : locked(&w, set, out, e);
}
