/* upload: publish a package in a registry and make it the current model.
 *
 *   in   package  models.tar of package: the hash of every member is held against its manifest
 * first copy     file that lies at the fixed key instead of the package out  receipt  what was
 * published, where and when: the only output with a time in it
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "io/jsonfile.h"
#include "io/registry.h"
#include "io/tarfile.h"

struct params {
    const char *package, *copy, *receipt;
    const char *registry, *name, *key;
};

static const struct opt options[] = {
    { OPT_IN(struct params, package), .format = "tar", .help = "package to publish" },
    { OPT_IN(struct params, copy), .optional = true,
      .help = "file that lies at --key instead of the package" },
    { OPT_OUT(struct params, receipt), .format = "json", .help = "what was published" },
    { OPT_TEXT(struct params, registry), .text = "registry",
      .help = "where: PATH or file:PATH of a directory" },
    { OPT_TEXT(struct params, name), .optional = true,
      .help = "name of the model in the registry; must be given" },
    { OPT_TEXT(struct params, key), .optional = true,
      .help = "path in the registry that always has the newest package (or copy), for readers that "
              "know one name only; "
              "{version} is filled in" },
    { 0 },
};

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    struct registry r = { 0 };
    int rc;
    if (p->name && !registry_name_ok(p->name))
        return err_set(e, ERR_USAGE,
                       "--name '%s': want letters, digits, '.', '_', '-', not starting with '.'",
                       p->name);
    if (p->copy && !p->key)
        return err_set(e, ERR_USAGE, "--copy is what lies at --key: want --key, too");
    if (p->name && p->key && (rc = registry_check_key(p->name, p->key, e)))
        return rc;
    rc = registry_open(&r, p->registry, e);
    registry_release(&r);
    return rc;
}

/* ---- the package against its manifest ------------------------------------------------------- */

static int check_member(const char *path, const struct tarfile *t, const json_t *said,
                        struct err *e)
{
    const char *name = json_string_value(json_object_get(said, "name"));
    const char *sha256 = json_string_value(json_object_get(said, "sha256"));
    const struct tarfile_entry *found = name ? tarfile_find(t, name) : NULL;
    if (!name || !sha256 || !json_is_integer(json_object_get(said, "size")))
        return err_set(e, ERR_DATA, "'%s': manifest.json has a member without name, size or sha256",
                       path);
    if (!found)
        return err_set(e, ERR_DATA, "'%s': manifest.json names the member '%s', which is not there",
                       path, name);
    if (strcmp(found->sha256, sha256) != 0 ||
        (json_int_t)found->size != json_integer_value(json_object_get(said, "size")))
        return err_set(e, ERR_DATA, "'%s' member '%s' is damaged: SHA-256 %s, its manifest says %s",
                       path, name, found->sha256, sha256);
    return 0;
}

static int check_members(const char *path, const struct tarfile *t, const json_t *manifest,
                         struct err *e)
{
    const json_t *list = json_object_get(manifest, "members");
    size_t n = json_array_size(list);
    int rc = 0;
    if (!json_is_array(list) || json_integer_value(json_object_get(manifest, "manifest")) != 1)
        return err_set(e, ERR_DATA, "'%s': manifest.json is not version 1 of a package's manifest",
                       path);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_member(path, t, json_array_get(list, i), e);
    if (rc == 0 && n + 1 != t->n) /* names are distinct in the file; in the list a repeated one
                                     makes the numbers differ */
        rc = err_set(e, ERR_DATA, "'%s' has %zu members beside manifest.json, which lists %zu",
                     path, t->n - 1, n);
    return rc;
}

/* VERSION, if there is one, and what the manifest says about it must agree. */
static int check_version(const char *path, const struct tarfile *t, const json_t *manifest,
                         const char **out, struct err *e)
{
    const struct tarfile_entry *file = tarfile_find(t, "VERSION");
    const json_t *said = json_object_get(manifest, "version");
    const char *version = json_string_value(said);
    *out = NULL;
    if (!file && !said)
        return 0;
    size_t n = version ? strlen(version) : 0;
    if (!file || !file->bytes || !version || file->size != n + 1 ||
        memcmp(file->bytes, version, n) != 0 || file->bytes[n] != '\n' ||
        !registry_name_ok(version))
        return err_set(e, ERR_DATA,
                       "'%s': VERSION and the version in manifest.json are not one and the same",
                       path);
    *out = version;
    return 0;
}

static int read_package(const char *path, json_t **out_manifest, const char **out_version,
                        struct err *e)
{
    static const char *const keep[] = { "manifest.json", "VERSION" };
    struct tarfile t = { 0 };
    json_t *manifest = NULL;
    int rc = tarfile_read(&t, path, keep, 2, e);
    const struct tarfile_entry *file = rc ? NULL : tarfile_find(&t, "manifest.json");

    if (rc == 0 && !file)
        rc = err_set(e, ERR_DATA, "'%s' has no manifest.json: want a package made by package",
                     path);
    if (file && (rc = jsonfile_parse("manifest.json", file->bytes, file->size, &manifest, e)))
        err_wrap(e, "'%s'", path);
    if (rc == 0 && (rc = check_members(path, &t, manifest, e)) == 0)
        rc = check_version(path, &t, manifest, out_version, e);
    tarfile_release(&t);
    if (rc)
        json_decref(manifest);
    else
        *out_manifest = manifest;
    return rc;
}

/* ---- publishing ----------------------------------------------------------------------------- */

static int write_receipt(const struct params *p, const struct registry_result *r,
                         const char *sha256, uint64_t size, struct err *e)
{
    json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:b, s:o, s:s, s:I}", "registry",
                            p->registry, "name", p->name, "version", r->version, "sha256", sha256,
                            "size", (json_int_t)size, "created", r->created, "changed", r->changed,
                            "previous", *r->previous ? json_string(r->previous) : json_null(),
                            "timestamp", r->timestamp, "history", (json_int_t)r->history);
    if (r->key)
        json_object_set_new(doc, "key", json_string(r->key));
    int rc = jsonfile_write(p->receipt, doc, e);
    json_decref(doc);
    return rc;
}

static void report(const struct params *p, const struct registry_result *r)
{
    if (!r->changed)
        log_info("%s version %s is current already: this very package, nothing new was published",
                 p->name, r->version);
    else
        log_info("%s version %s is current now%s%s%s", p->name, r->version,
                 r->created ? "" : " (it was there already)", *r->previous ? ", before: " : "",
                 r->previous);
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct registry registry = { 0 };
    struct registry_result made = { 0 };
    struct registry_request q = {
        .name = p->name, .package = p->package, .key = p->key, .copy = p->copy
    };
    json_t *manifest = NULL;
    char sha256[HASH_HEX];
    uint64_t size;
    int rc;

    if (!p->name)
        return err_set(e, ERR_USAGE, "--name is missing: name of the model in the registry");
    if ((rc = check(p, e)) || (rc = registry_open(&registry, p->registry, e)) ||
        (rc = hash_file(p->package, sha256, &size, e)) ||
        (rc = read_package(p->package, &manifest, &q.version, e)))
        goto out;
    q.sha256 = sha256;
    q.size = size;
    q.about = manifest;
    if ((rc = registry_publish(&registry, &q, &made, e)))
        goto out;
    report(p, &made);
    rc = write_receipt(p, &made, sha256, size, e);
out:
    registry_result_release(&made);
    json_decref(manifest);
    registry_release(&registry);
    return rc;
}

static const struct stage stage = {
    .name = "upload",
    .purpose = "publish a package in a registry and make it the current model",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more = "The version is the package's VERSION, else the next number. A package equal to the "
            "current one makes no new\n"
            "version. An existing version is never overwritten: other content under its name is "
            "refused (65). Whatever\n"
            "happens on the way, the model that was current stays current until the new one is "
            "complete.\n\n"
            "Example: upload --package models.tar --receipt upload.json --registry registry --name "
            "products --key "
            "models.tar",
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
