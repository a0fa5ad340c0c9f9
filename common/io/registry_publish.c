#include "io/registry_work.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/remove_tree.h"

/* ---- the current model ---------------------------------------------------------------------- */

/* Does the last entry of the history say what we are about to say? Its publisher may have died
 * right after it. */
static int said_already(const struct registry_work *w, const char *dir, int64_t n, bool *out,
                        struct err *e)
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

static json_t *entry(const struct registry_work *w)
{
    return json_pack("{s:s, s:s, s:s}", "version", w->made.version, "sha256", w->q->sha256,
                     "timestamp", w->made.timestamp);
}

/* history/<n>.json under the first number that is free. */
static int add_history(struct registry_work *w, const char *dir, struct err *e)
{
    bool done = false;
    int rc = 0;
    for (int64_t n = w->made.history + 1; rc == 0 && !done; n++) {
        char *key = str_format("%s/%lld.json", dir, (long long)n);
        json_t *doc = entry(w);
        json_object_set_new(doc, "n", json_integer(n));
        json_object_set_new(doc, "previous",
                            w->before.found ? json_string(w->before.version) : json_null());
        rc = registry_put_json(w, key, doc, STORE_IF_NEW, NULL, &done, e);
        w->made.history = n;
        json_decref(doc);
        free(key);
    }
    return rc;
}

static int write_history(struct registry_work *w, struct err *e)
{
    char *dir = registry_key(w->q->name, "history");
    bool said = false;
    int rc = registry_newest_number(w, dir, ".json", &w->made.history, e);
    if (rc == 0 && w->made.changed && (rc = said_already(w, dir, w->made.history, &said, e)) == 0 &&
        !said) {
        registry_at_step(w, REGISTRY_HISTORY);
        rc = add_history(w, dir, e);
    }
    free(dir);
    return rc;
}

/* *out_done: false if another publisher has changed it meanwhile. */
static int write_current(struct registry_work *w, bool *out_done, struct err *e)
{
    char *key = registry_key(w->q->name, "current.json");
    json_t *doc = entry(w);
    json_object_update(doc, w->keys);
    registry_at_step(w, REGISTRY_CURRENT);
    int rc = registry_put_json(w, key, doc, w->before.found ? STORE_IF_SAME : STORE_IF_NEW,
                               w->before.found ? w->current.tag : NULL, out_done, e);
    json_decref(doc);
    free(key);
    return rc;
}

/* Make made.version current; of several at once the last one wins, and the history has them all. */
static int make_current(struct registry_work *w, struct err *e)
{
    bool done = false;
    int rc = 0;
    for (int i = 0; rc == 0 && !done && i < REGISTRY_TRIES; i++) {
        if (i > 0 && (rc = registry_read_before(w, e)))
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
static int prepare_key(struct registry_work *w, struct err *e)
{
    char *twin = registry_version_key(w, w->made.version, "models.tar");
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
    registry_at_step(w, REGISTRY_COPY);
    if (rc == 0)
        rc = store_prepare(w->r->store, w->made.key, &w->source, w->q->copy ? NULL : twin, &w->key,
                           e);
    free(twin);
    return rc;
}

static int publish_key(struct registry_work *w, struct err *e)
{
    struct store_object about = { 0 };
    registry_at_step(w, REGISTRY_KEY);
    int rc = store_finish(w->key, &about, e);
    w->key = NULL;
    memcpy(w->made.key_id, about.version, sizeof about.version);
    return rc;
}

/* The list at the status key, or an empty one; *out_tag is what it has now. */
static int read_status(const struct registry_work *w, json_t **out, struct store_object *about,
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

static int check_status(const struct registry_work *w, struct err *e)
{
    json_t *list;
    int rc = read_status(w, &list, NULL, e);
    json_decref(list);
    return rc;
}

/* One more line, unless the last one says it already: its publisher may have died right after it.
 */
static int add_status(struct registry_work *w, struct err *e)
{
    bool done = false;
    int rc = 0;
    for (int i = 0; rc == 0 && !done && i < REGISTRY_TRIES; i++) {
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
            rc = registry_put_json(w, w->q->status, list, *about.tag ? STORE_IF_SAME : STORE_IF_NEW,
                                   *about.tag ? about.tag : NULL, &done, e);
        }
        json_decref(list);
    }
    return rc || done ? rc
                      : err_set(e, ERR_RETRY, "'%s/%s' is changed by others again and again",
                                store_name(w->r->store), w->q->status);
}

/* All is prepared: the new model, then whoever knows it by a fixed key. */
static int go_over(struct registry_work *w, struct err *e)
{
    int rc = make_current(w, e);
    if (rc == 0 && w->key)
        rc = publish_key(w, e);
    if (rc == 0 && w->q->status)
        rc = add_status(w, e);
    return rc;
}

static int publish(struct registry_work *w, struct err *e)
{
    int rc = w->q->status ? check_status(w, e) : 0; /* refused before any change */
    if (rc == 0)
        rc = registry_settle_version(w, e);
    if (rc == 0 && w->q->key)
        rc = prepare_key(w, e);
    if (rc == 0 && !w->keys)
        w->keys = registry_keys_of(w->q, NULL);
    return rc ? rc : go_over(w, e);
}

/* What lies at the key when a version is set: of a key with {version} what its publisher put there.
 */
static int prepare_key_again(struct registry_work *w, struct err *e)
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

static int set(struct registry_work *w, struct err *e)
{
    int there;
    int64_t since;
    int rc = registry_read_before(w, e);
    registry_name_version(w, w->q->version);
    if (rc == 0 && (rc = registry_look_at_version(w, w->q->version, &there, &since, e)) == 0 &&
        there != REGISTRY_SAME)
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
static int locked(struct registry_work *w, int (*step)(struct registry_work *w, struct err *e),
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
    struct registry_work w = { .r = r, .q = q };
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
    struct registry_work w = { .r = r, .q = &q, .own = &q };
    int rc = check_names(name, version, e);
    if (rc == 0)
        rc = registry_version_hash(r, name, version, sha256, e);
    return rc ? rc : locked(&w, set, out, e);
}
