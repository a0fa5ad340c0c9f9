#include "io/models_tar.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/minisign.h"
#include "io/registry.h"
#include "io/wholefile.h"

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
    json_int_t size = json_integer_value(json_object_get(said, "size"));
    if ((json_int_t)found->size != size)
        return err_set(e, ERR_DATA,
                       "'%s' member '%s' is damaged: it has %llu bytes, its manifest says %lld",
                       path, name, (unsigned long long)found->size, (long long)size);
    if (strcmp(found->sha256, sha256) != 0)
        return err_set(e, ERR_DATA, "'%s' member '%s' is damaged: SHA-256 %s, its manifest says %s",
                       path, name, found->sha256, sha256);
    return 0;
}

static int check_members(const char *path, const struct tarfile *t, const json_t *manifest,
                         struct err *e)
{
    const json_t *list = json_object_get(manifest, "members");
    size_t n = json_array_size(list), more = tarfile_find(t, PACKAGE_SIGNATURE) ? 2 : 1;
    int rc = 0;
    if (!json_is_array(list) || json_integer_value(json_object_get(manifest, "manifest")) != 1)
        return err_set(e, ERR_DATA, "'%s': manifest.json is not version 1 of a package's manifest",
                       path);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = check_member(path, t, json_array_get(list, i), e);
    if (rc == 0 && n + more != t->n) /* names are distinct in the file; in the list a repeated one
                                     makes the numbers differ */
        rc = err_set(e, ERR_DATA, "'%s' has %zu members beside manifest.json, which lists %zu",
                     path, t->n - more, n);
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

void package_release(struct package *p)
{
    json_decref(p->manifest);
    tarfile_release(&p->members);
    *p = (struct package){ 0 };
}

/* manifest.json and its signature, NULL if there is none. */
static int check_signature(const char *path, const struct tarfile_entry *manifest,
                           const struct tarfile_entry *signature, const char *key, struct err *e)
{
    int rc = minisign_check_public(key, e);
    if (rc)
        return rc;
    rc = signature ? minisign_verify(key, manifest->bytes, manifest->size, signature->bytes,
                                     signature->size, e)
                   : err_set(e, ERR_DATA, "it is not signed: want '%s'", PACKAGE_SIGNATURE);
    return rc ? err_wrap(e, "'%s'", path) : 0;
}

int package_read(struct package *p, const char *path, const char *dir, const char *key,
                 struct err *e)
{
    static const char *const keep[] = { "manifest.json", "VERSION", PACKAGE_SIGNATURE };
    struct package made = { 0 };
    int rc = tarfile_read(&made.members, path, keep, 3, dir, e);
    const struct tarfile_entry *file = rc ? NULL : tarfile_find(&made.members, "manifest.json");

    if (rc == 0 && !file)
        rc = err_set(e, ERR_DATA, "'%s' has no manifest.json: want a package made by package",
                     path);
    if (file && (rc = jsonfile_parse("manifest.json", file->bytes, file->size, &made.manifest, e)))
        err_wrap(e, "'%s'", path);
    if (rc == 0 && (rc = check_members(path, &made.members, made.manifest, e)) == 0)
        rc = check_version(path, &made.members, made.manifest, &made.version, e);
    if (rc == 0 && key)
        rc = check_signature(path, file, tarfile_find(&made.members, PACKAGE_SIGNATURE), key, e);
    if (rc)
        package_release(&made);
    else
        *p = made;
    return rc;
}

/* ---- members in a directory ----------------------------------------------------------------- */

static const json_t *find_member(const json_t *manifest, const char *name)
{
    size_t i;
    json_t *said;
    json_array_foreach(json_object_get(manifest, "members"), i, said)
    {
        const char *it = json_string_value(json_object_get(said, "name"));
        if (it && strcmp(it, name) == 0)
            return said;
    }
    return NULL;
}

static int check_file(const char *dir, const json_t *said, struct err *e)
{
    const char *name = json_string_value(json_object_get(said, "name"));
    struct tarfile_entry found = { 0 };
    struct tarfile one = { .entry = &found, .n = 1 };
    char *path = str_format("%s/%s", dir, name ? name : "");
    int rc = name && tarfile_name_ok(name)
                 ? hash_file(path, found.sha256, &found.size, e)
                 : err_set(e, ERR_DATA, "'%s/manifest.json' has a member without a plain name",
                           dir);
    if (rc == ERR_IO && access(path, F_OK) < 0)
        rc = err_set(e, ERR_DATA, "'%s' is not there: manifest.json lists it", path);
    if (rc == 0) {
        found.name = mem_strdup(name);
        rc = check_member(dir, &one, said, e);
        free(found.name);
    }
    free(path);
    return rc;
}

/* No file below dir/rest that the manifest does not list. */
static int check_strangers(const char *dir, const char *rest, const char *own,
                           const json_t *manifest, int depth, struct err *e)
{
    enum { MAX_DEPTH = 32 };
    char *path = *rest ? str_format("%s/%s", dir, rest) : mem_strdup(dir);
    DIR *d = depth < MAX_DEPTH ? opendir(path) : NULL;
    int rc = d ? 0 : err_sys(e, "cannot read directory '%s'", path);
    for (struct dirent *at; rc == 0 && (at = readdir(d));) {
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0)
            continue;
        char *name = *rest ? str_format("%s/%s", rest, at->d_name) : mem_strdup(at->d_name),
             *full = str_format("%s/%s", dir, name);
        struct stat st;
        if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
            rc = check_strangers(dir, name, own, manifest, depth + 1, e);
        else if (strcmp(name, "manifest.json") != 0 && strcmp(name, PACKAGE_SIGNATURE) != 0 &&
                 strcmp(name, own) != 0 && !find_member(manifest, name))
            rc = err_set(e, ERR_DATA, "'%s' is not of the package: its manifest does not list it",
                         full);
        free(name);
        free(full);
    }
    if (d)
        closedir(d);
    free(path);
    return rc;
}

/* What check_signature does with members of a tar file, of a folder. */
static int check_folder_signature(const char *dir, const struct tarfile_entry *manifest,
                                  const char *key, struct err *e)
{
    struct tarfile_entry signature = { 0 };
    char *path = str_format("%s/%s", dir, PACKAGE_SIGNATURE);
    size_t n = 0;
    int rc = access(path, F_OK) == 0
                 ? wholefile_read(path, TARFILE_MAX_KEPT, &signature.bytes, &n, e)
                 : 0;
    signature.size = n;
    if (rc == 0)
        rc = check_signature(dir, manifest, signature.bytes ? &signature : NULL, key, e);
    free(signature.bytes);
    free(path);
    return rc;
}

/* The manifest, and with a key its signature. */
static int read_folder_manifest(const char *dir, const char *key, json_t **out, struct err *e)
{
    struct tarfile_entry file = { 0 };
    char *path = str_format("%s/manifest.json", dir);
    size_t n = 0;
    int rc = access(path, F_OK) == 0
                 ? wholefile_read(path, JSONFILE_MAX, &file.bytes, &n, e)
                 : err_set(e, ERR_DATA, "'%s' has no manifest.json: it is no package", dir);
    file.size = n;
    if (rc == 0)
        rc = jsonfile_parse(path, file.bytes, n, out, e);
    if (rc == 0 && !json_is_array(json_object_get(*out, "members")))
        rc = err_set(e, ERR_DATA, "'%s' lists no members", path);
    if (rc == 0 && key)
        rc = check_folder_signature(dir, &file, key, e);
    free(file.bytes);
    free(path);
    return rc;
}

int package_read_directory(struct package *p, const char *dir, const char *own, const char *key,
                           struct err *e)
{
    json_t *manifest = NULL, *said;
    size_t i;
    int rc = read_folder_manifest(dir, key, &manifest, e);
    if (rc == 0)
        rc = check_strangers(dir, "", own, manifest, 0, e);
    json_array_foreach(json_object_get(manifest, "members"), i, said)
    {
        if (rc == 0)
            rc = check_file(dir, said, e);
    }
    if (rc) {
        json_decref(manifest);
        return rc;
    }
    *p = (struct package){ .manifest = manifest,
                           .version = json_string_value(json_object_get(manifest, "version")) };
    return 0;
}
