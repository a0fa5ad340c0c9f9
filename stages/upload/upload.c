/* upload: publish a package in a registry and make it the current model.
 *
 *   in   package  models.tar of package: every member is held against the manifest first
 *        copy     file that lies at the fixed key instead of the package
 *   out  receipt  what was published, where and when: the only output with a time in it
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/models_tar.h"
#include "io/registry.h"
#include "io/remove_tree.h"
#include "stages/upload/run_log.h"

struct params {
    const char *package, *copy, *public_key, *receipt;
    const char *registry, *name, *key, *status_key, *log;
};

static const struct opt options[] = {
    { OPT_IN(struct params, package), .format = "tar", .help = "package to publish" },
    { OPT_IN(struct params, copy), .optional = true,
      .help = "file that lies at --key instead of the package" },
    { OPT_IN(struct params, public_key), .optional = true,
      .help = "minisign's public key that must have signed the package" },
    { OPT_OUT(struct params, receipt), .format = "json", .help = "what was published" },
    { OPT_TEXT(struct params, registry), .text = "registry",
      .help = "where: PATH or file:PATH of a directory, or s3://BUCKET/PREFIX" },
    { OPT_TEXT(struct params, name), .optional = true,
      .help = "name of the model in the registry; must be given" },
    { OPT_TEXT(struct params, key), .optional = true,
      .help = "path in the registry that always has the newest package (or copy), for readers that "
              "know one name only; "
              "{version} is filled in" },
    { OPT_TEXT(struct params, status_key), .optional = true,
      .help = "path in the registry of a JSON list of {current_version, timestamp}, to which every "
              "change of the current model is added" },
    { OPT_TEXT(struct params, log), .optional = true,
      .help =
          "directory with the run's logs (${run.dir}): as they stand now they are kept beside a "
          "new version, as log.txt" },
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
    if (p->name && (rc = registry_check_keys(p->name, p->key, p->status_key, e)))
        return rc;
    if (p->status_key && strchr(p->status_key, '{'))
        return err_set(e, ERR_USAGE, "--status_key '%s': it is one for all versions, no {version}",
                       p->status_key);
    rc = registry_open(&r, p->registry, e);
    registry_release(&r);
    return rc;
}

/* ---- publishing ----------------------------------------------------------------------------- */

static int write_receipt(const struct params *p, const struct registry_result *r,
                         const char *sha256, uint64_t size, struct err *e)
{
    json_t *doc = json_pack("{s:o, s:s, s:s, s:s, s:I, s:b, s:b, s:o, s:s, s:I}", "registry",
                            jsonfile_string(p->registry), "name", p->name, "version", r->version,
                            "sha256", sha256, "size", (json_int_t)size, "created", r->created,
                            "changed", r->changed, "previous",
                            *r->previous ? json_string(r->previous) : json_null(), "timestamp",
                            r->timestamp, "history", (json_int_t)r->history);
    if (r->key)
        json_object_set_new(doc, "key", jsonfile_string(r->key));
    if (*r->package_id) /* of a versioned bucket */
        json_object_set_new(doc, "package_version_id", json_string(r->package_id));
    if (*r->key_id)
        json_object_set_new(doc, "key_version_id", json_string(r->key_id));
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

/* registry_publish with the logs of the run gathered in a file that is gone afterwards. */
static int publish(const struct params *p, const struct registry *registry,
                   struct registry_request *q, struct registry_result *made, struct err *e)
{
    char *dir;
    if (!p->log)
        return registry_publish(registry, q, made, e);
    int rc = make_scratch("refit-upload", &dir, e);
    if (rc)
        return rc;
    char *log = str_format("%s/log.txt", dir);
    q->log = log;
    if ((rc = run_log_gather(p->log, log, e)) == 0)
        rc = registry_publish(registry, q, made, e);
    q->log = NULL;
    remove_tree(dir);
    free(log);
    free(dir);
    return rc;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct registry registry = { 0 };
    struct registry_result made = { 0 };
    struct registry_request q = { .name = p->name,
                                  .package = p->package,
                                  .key = p->key,
                                  .copy = p->copy,
                                  .status = p->status_key };
    struct package package = { 0 };
    char sha256[HASH_HEX];
    uint64_t size;
    int rc;

    if (!p->name)
        return err_set(e, ERR_USAGE, "--name is missing: name of the model in the registry");
    if ((rc = check(p, e)) || (rc = registry_open(&registry, p->registry, e)) ||
        (rc = hash_file(p->package, sha256, &size, e)) ||
        (rc = package_read(&package, p->package, NULL, p->public_key, e)))
        goto out;
    q.sha256 = sha256;
    q.size = size;
    q.version = package.version;
    q.about = package.manifest;
    if ((rc = publish(p, &registry, &q, &made, e)))
        goto out;
    report(p, &made);
    rc = write_receipt(p, &made, sha256, size, e);
out:
    registry_result_release(&made);
    package_release(&package);
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
