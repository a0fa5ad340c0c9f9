#include "io/registry_inner.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"

enum { NAME_MAX_BYTES = 64 };

int registry_open(struct registry *r, const char *url, struct err *e)
{
    *r = (struct registry){ 0 };
    return store_open(&r->store, url, e);
}

void registry_release(struct registry *r)
{
    store_close(r->store);
    *r = (struct registry){ 0 };
}

void registry_result_release(struct registry_result *r)
{
    free(r->key);
    *r = (struct registry_result){ 0 };
}

/* ---- names ---------------------------------------------------------------------------------- */

bool registry_name_ok(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0' && name[0] != '.' &&
           strcmp(name, "history") != 0 && strcmp(name, "current.json") != 0;
}

int registry_check_key(const char *name, const char *key, struct err *e)
{
    size_t n_name = strlen(name);
    for (const char *part = key;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && *part == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return err_set(e, ERR_USAGE, "key '%s' is not a plain path inside the registry", key);
        part += n;
        if (*part == '\0')
            break;
    }
    if (strncmp(key, name, n_name) == 0 && (key[n_name] == '/' || key[n_name] == '\0'))
        return err_set(e, ERR_USAGE, "key '%s' lies in the directory of the model itself", key);
    for (const char *brace = strpbrk(key, "{}"); brace; brace = strpbrk(brace, "{}")) {
        if (!str_starts(brace, "{version}"))
            return err_set(e, ERR_USAGE, "key '%s': only {version} may stand in braces", key);
        brace += strlen("{version}");
    }
    return 0;
}

int registry_check_keys(const char *name, const char *key, const char *status, struct err *e)
{
    int rc = key ? registry_check_key(name, key, e) : 0;
    if (rc == 0 && status)
        rc = registry_check_key(name, status, e);
    if (rc == 0 && key && status && strcmp(key, status) == 0)
        rc = err_set(e, ERR_USAGE,
                     "key '%s': a model and the list of versions cannot both be there", key);
    return rc;
}

char *registry_key(const char *name, const char *rest)
{
    return str_format("%s/%s", name, rest);
}

int64_t registry_number(const char *name, const char *ending)
{
    size_t n = strspn(name, "0123456789");
    if (n == 0 || n > 15 || name[0] == '0' || strcmp(name + n, ending) != 0)
        return 0;
    return strtoll(name, NULL, 10);
}

/* ---- reading -------------------------------------------------------------------------------- */

bool registry_text(const json_t *j, char *out, size_t size)
{
    const char *text = json_string_value(j);
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n >= size)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

int registry_read(const struct registry *r, const char *key, json_t **out,
                  struct store_object *about, struct err *e)
{
    char *text, *name;
    size_t n;
    int rc = store_read(r->store, key, JSONFILE_MAX, &text, &n, about, e);
    *out = NULL;
    if (rc || !text)
        return rc;
    name = str_format("%s/%s", store_name(r->store), key);
    rc = jsonfile_parse(name, text, n, out, e);
    free(name);
    free(text);
    return rc;
}

int registry_read_current(const struct registry *r, const char *name, struct registry_current *out,
                          struct store_object *about, json_t **out_doc, struct err *e)
{
    char *key = registry_key(name, "current.json");
    json_t *doc;
    struct registry_current c = { .found = true };
    int rc = registry_read(r, key, &doc, about, e);

    *out = (struct registry_current){ 0 };
    if (out_doc)
        *out_doc = NULL;
    if (rc || !doc)
        goto out;
    if (!registry_text(json_object_get(doc, "version"), c.version, sizeof c.version) ||
        !registry_name_ok(c.version) ||
        !registry_text(json_object_get(doc, "sha256"), c.sha256, sizeof c.sha256) ||
        strlen(c.sha256) + 1 != HASH_HEX ||
        !registry_text(json_object_get(doc, "timestamp"), c.timestamp, sizeof c.timestamp))
        rc = err_set(e, ERR_DATA,
                     "'%s/%s' is damaged: want the texts version, sha256 and timestamp",
                     store_name(r->store), key);
    else
        *out = c;
    if (rc == 0 && out_doc)
        *out_doc = json_incref(doc);
out:
    json_decref(doc);
    free(key);
    return rc;
}

int registry_current(const struct registry *r, const char *name, struct registry_current *out,
                     struct err *e)
{
    return registry_read_current(r, name, out, NULL, NULL, e);
}

int registry_manifest(const struct registry *r, const char *name, const char *version, json_t **out,
                      struct err *e)
{
    char *key = str_format("%s/%s/manifest.json", name, version);
    int rc = registry_read(r, key, out, NULL, e);
    if (rc == 0 && !*out)
        rc = err_set(e, ERR_DATA, "'%s' has no version '%s' of '%s'", store_name(r->store), version,
                     name);
    free(key);
    return rc;
}

/* ---- looking around ------------------------------------------------------------------------- */

static int compare_versions(const void *a, const void *b)
{
    const char *x = ((const struct registry_version *)a)->version,
               *y = ((const struct registry_version *)b)->version;
    int64_t i = registry_number(x, ""), j = registry_number(y, "");
    return i != j ? (i < j ? 1 : -1) : strcmp(y, x);
}

static int read_version(const struct registry *r, const char *name, struct registry_version *v,
                        struct err *e)
{
    char *manifest = str_format("%s/%s/manifest.json", name, v->version),
         *package = str_format("%s/%s/models.tar", name, v->version);
    struct store_object about = { 0 }, tar = { 0 };
    int rc = registry_read(r, manifest, &v->manifest, &about, e);
    if (rc == 0 && v->manifest)
        rc = store_look(r->store, package, &v->whole, &tar, e);
    v->modified_s = v->whole ? tar.modified_s : about.modified_s;
    free(manifest);
    free(package);
    return rc;
}

int registry_versions(const struct registry *r, const char *name, struct registry_version **out,
                      size_t *out_n, struct err *e)
{
    char **entry = NULL;
    size_t n = 0, n_version = 0;
    struct registry_version *list;
    struct registry_current current;
    int rc;
    *out = NULL;
    *out_n = 0;
    if ((rc = registry_current(r, name, &current, e)) ||
        (rc = store_list(r->store, name, &entry, &n, e)))
        return rc;
    list = mem_calloc(n, sizeof *list);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct registry_version v = { .version = entry[i] };
        if (!registry_name_ok(entry[i]) || (rc = read_version(r, name, &v, e)) || !v.manifest)
            continue;
        v.version = mem_strdup(v.version);
        v.current = current.found && strcmp(current.version, v.version) == 0;
        list[n_version++] = v;
    }
    mem_free_texts(entry, n);
    if (rc) {
        registry_versions_free(list, n_version);
        return rc;
    }
    qsort(list, n_version, sizeof *list, compare_versions);
    *out = list;
    *out_n = n_version;
    return 0;
}

void registry_versions_free(struct registry_version *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(v[i].version);
        json_decref(v[i].manifest);
    }
    free(v);
}

int registry_models(const struct registry *r, char ***out, size_t *out_n, struct err *e)
{
    char **entry = NULL;
    size_t n = 0, kept = 0;
    int rc = store_list(r->store, "", &entry, &n, e);
    for (size_t i = 0; i < n; i++) {
        char *key = registry_key(entry[i], "current.json");
        bool is_model = false;
        if (rc == 0 && registry_name_ok(entry[i]))
            rc = store_look(r->store, key, &is_model, NULL, e);
        free(key);
        if (is_model)
            entry[kept++] = entry[i];
        else
            free(entry[i]);
    }
    if (rc) {
        mem_free_texts(entry, kept);
        entry = NULL;
        kept = 0;
    }
    *out = entry;
    *out_n = kept;
    return rc;
}

static int compare_entries(const void *a, const void *b)
{
    int64_t i = registry_number(*(char *const *)a, ".json"),
            j = registry_number(*(char *const *)b, ".json");
    return i < j ? -1 : i > j;
}

int registry_history(const struct registry *r, const char *name, json_t **out, struct err *e)
{
    char *dir = registry_key(name, "history"), **entry = NULL;
    size_t n = 0;
    json_t *list = json_array();
    int rc = store_list(r->store, dir, &entry, &n, e);
    if (n)
        qsort(entry, n, sizeof *entry, compare_entries);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        json_t *doc = NULL;
        char *key = registry_key(dir, entry[i]);
        if (registry_number(entry[i], ".json"))
            rc = registry_read(r, key, &doc, NULL, e);
        if (doc)
            json_array_append_new(list, doc);
        free(key);
    }
    mem_free_texts(entry, n);
    free(dir);
    if (rc)
        json_decref(list);
    *out = rc ? NULL : list;
    return rc;
}

int registry_version_hash(const struct registry *r, const char *name, const char *version,
                          char out_hex[HASH_HEX], struct err *e)
{
    json_t *manifest = NULL;
    int rc = registry_manifest(r, name, version, &manifest, e);
    if (rc == 0 && (!registry_text(json_object_get(manifest, "sha256"), out_hex, HASH_HEX) ||
                    strlen(out_hex) + 1 != HASH_HEX))
        rc = err_set(e, ERR_DATA, "'%s/%s/%s/manifest.json' is damaged: want a text sha256",
                     store_name(r->store), name, version);
    json_decref(manifest);
    return rc;
}

int registry_fetch(const struct registry *r, const char *name, const char *version,
                   const char *path, struct err *e)
{
    char sha256[HASH_HEX];
    int rc = registry_version_hash(r, name, version, sha256, e);
    if (rc == 0) {
        char *key = str_format("%s/%s/models.tar", name, version);
        rc = store_fetch(r->store, key, path, sha256, e);
        free(key);
    }
    return rc;
}

int registry_remove(const struct registry *r, const char *name, const char *version, struct err *e)
{
    static const char *const object[] = { "models.tar", "log.txt", "manifest.json" };
    struct registry_current current;
    bool held;
    int rc = store_lock(r->store, name, &held, e);
    if (rc == 0)
        rc = registry_current(r, name, &current, e);
    if (rc == 0 && current.found && strcmp(current.version, version) == 0)
        rc = err_set(e, ERR_USAGE, "version '%s' of '%s' is the current one: it stays", version,
                     name);
    for (size_t i = 0; rc == 0 && i < sizeof object / sizeof *object; i++) {
        char *key = str_format("%s/%s/%s", name, version, object[i]);
        rc = store_remove(r->store, key, e);
        free(key);
    }
    store_unlock(r->store);
    return rc;
}
