#include "models/modelsource.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/models_tar.h"
#include "io/registry.h"
#include "io/remove_tree.h"

static const char member[] = "model.h5";

/* The model among the members that lie in `dir`; messages call it by the package's own name. */
static int load_member(struct modelsource *s, const char *dir, int threads, struct model **out,
                       struct err *e)
{
    char *path = str_format("%s/%s", dir, member), *shown = str_format("%s: %s", s->shown, member);
    int rc = access(path, F_OK) != 0
                 ? err_set(e, ERR_DATA, "'%s' has no member '%s': not a model's package", s->shown,
                           member)
                 : model_load(out, path, threads, e);
    if (rc)
        err_replace(e, path, shown);
    free(shown);
    free(path);
    return rc;
}

static void take_version(struct modelsource *s, const struct package *p)
{
    if (!s->found)
        s->found = mem_strdup(p->version);
}

static int load_package(struct modelsource *s, const char *path, const char *dir, int threads,
                        struct model **out, struct err *e)
{
    struct package p = { 0 };
    int rc = hash_file(path, s->sha256, NULL, e);
    if (rc == 0 && (rc = package_read(&p, path, dir, s->key, e)) == 0) {
        take_version(s, &p);
        rc = load_member(s, dir, threads, out, e);
    }
    if (rc)
        err_replace(e, path, s->shown);
    package_release(&p);
    return rc;
}

static int load_folder(struct modelsource *s, int threads, struct model **out, struct err *e)
{
    struct package p = { 0 };
    int rc = package_read_directory(&p, s->path, PACKAGE_PULLED, s->key, e);
    if (rc == 0) {
        take_version(s, &p);
        rc = load_member(s, s->path, threads, out, e);
    }
    package_release(&p);
    return rc;
}

/* The package as `dir`/models.tar. */
static int fetch(struct modelsource *s, const char *path, struct err *e)
{
    struct registry r = { 0 };
    struct registry_current current = { 0 };
    const char *version = s->version;
    int rc;
    if (!registry_name_ok(s->name) || (version && !registry_name_ok(version)))
        return err_set(e, ERR_USAGE, "'%s': want a name of letters, digits, '.', '_', '-'",
                       registry_name_ok(s->name) ? version : s->name);
    if ((rc = registry_open(&r, s->registry, e)))
        return rc;
    if (!version && (rc = registry_current(&r, s->name, &current, e)) == 0) {
        version = current.version;
        if (!current.found)
            rc = err_set(e, ERR_DATA, "'%s' has no current model '%s'", s->registry, s->name);
    }
    if (rc == 0) {
        s->found = mem_strdup(version);
        free(s->shown);
        s->shown = str_format("%s version %s", s->name, version);
        rc = registry_fetch(&r, s->name, version, path, e);
    }
    registry_release(&r);
    return rc;
}

/* A file of a package is checked and unpacked where nobody else writes. */
static int load_unpacked(struct modelsource *s, int threads, struct model **out, struct err *e)
{
    char *dir;
    int rc = make_scratch("refit-model", &dir, e);
    if (rc)
        return rc;
    char *inside = str_format("%s/members", dir), *tar = str_format("%s/models.tar", dir);
    rc = mkdir(inside, 0700) == 0 ? 0 : err_sys(e, "cannot make the directory '%s'", inside);
    if (rc == 0 && s->registry)
        rc = fetch(s, tar, e);
    if (rc == 0)
        rc = load_package(s, s->registry ? tar : s->path, inside, threads, out, e);
    remove_tree(dir);
    free(tar);
    free(inside);
    free(dir);
    return rc;
}

/* 0: something else, or not there: model_load will say so. */
static char first_byte(const char *path)
{
    char c = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) {
        if (read(fd, &c, 1) != 1)
            c = 0;
        close(fd);
    }
    return c;
}

int modelsource_load(struct modelsource *s, int threads, struct model **out, struct err *e)
{
    struct stat st;
    s->shown = mem_strdup(s->registry ? s->registry : s->path);
    bool folder = !s->registry && stat(s->path, &st) == 0 && S_ISDIR(st.st_mode);
    char c = s->registry || folder ? 0 : first_byte(s->path);
    if (s->registry || (c && c != '\x89')) /* HDF5 files begin with it */
        return load_unpacked(s, threads, out, e);
    if (folder)
        return load_folder(s, threads, out, e);
    return s->key ? err_set(e, ERR_USAGE, "'%s' is no package, which alone can be signed by '%s'",
                            s->path, s->key)
                  : model_load(out, s->path, threads, e);
}

json_t *modelsource_json(const struct modelsource *s, const struct model *m)
{
    return json_pack("{s:o*, s:o*, s:s*, s:s*, s:s*, s:s}", "path", jsonfile_string(s->path),
                     "registry", jsonfile_string(s->registry), "name", s->name, "version", s->found,
                     "sha256", *s->sha256 ? s->sha256 : NULL, "kind", model_kind(m));
}

void modelsource_release(struct modelsource *s)
{
    free(s->shown);
    free(s->found);
    s->shown = s->found = NULL;
}
