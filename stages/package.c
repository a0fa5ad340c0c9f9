/* package: everything that a consumer of the model needs, as one reproducible tar file.
 *
 *   in   model, metrics, report, extra files or directories, version
 *   out  package  models.tar: manifest.json first, then the other members in the byte order of
 * their names
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/registry.h"
#include "io/tarfile.h"
#include "models/modelfile.h"

struct params {
    const char *model, *metrics, *report, *version, *package;
    struct opt_list extra, exclude;
};

static const struct opt options[] = {
    { OPT_IN(struct params, model), .format = "hdf5:refit.model",
      .help = "model.h5 of the package" },
    { OPT_IN(struct params, metrics), .format = "json", .help = "metrics.json of the package" },
    { OPT_IN(struct params, report), .format = "html", .optional = true,
      .help = "report.html of the package" },
    { OPT_INS(struct params, extra), .optional = true,
      .help = "a further file, packed under its base name, or a directory with all files in it" },
    { OPT_IN(struct params, version), .optional = true, .side = true,
      .help = "a file with one line: the version; without it the registry numbers" },
    { OPT_OUT(struct params, package), .format = "tar", .help = "the package" },
    { OPT_TEXTS(struct params, exclude),
      .help = "pattern of extra files that stay out, such as '*.log'" },
    { 0 },
};

/* The members so far; the texts that they point at belong to `owned`. */
struct pack {
    struct tarfile_member *member;
    size_t n;
    char **owned;
    size_t n_owned;
};

static char *own(struct pack *p, char *text)
{
    p->owned = mem_grow(p->owned, p->n_owned, sizeof *p->owned);
    return p->owned[p->n_owned++] = text;
}

static void pack_release(struct pack *p)
{
    for (size_t i = 0; i < p->n_owned; i++)
        free(p->owned[i]);
    free(p->owned);
    free(p->member);
    *p = (struct pack){ 0 };
}

static int add(struct pack *p, struct tarfile_member m, struct err *e)
{
    if (!tarfile_name_ok(m.name))
        return err_set(e, ERR_DATA,
                       "'%s' cannot be the name of a member: want a plain relative path in UTF-8",
                       m.name);
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->member[i].name, m.name) == 0)
            return err_set(e, ERR_DATA, "extra '%s' has the name of another member, '%s'",
                           m.path ? m.path : m.name, m.name);
    if (p->n == TARFILE_MAX_MEMBERS)
        return err_set(e, ERR_DATA, "more than %d files to pack", TARFILE_MAX_MEMBERS);
    p->member = mem_grow(p->member, p->n, sizeof *p->member);
    p->member[p->n++] = m;
    return tarfile_hash(&p->member[p->n - 1], e);
}

static int add_text(struct pack *p, const char *name, char *text, struct err *e)
{
    own(p, text);
    return add(p, (struct tarfile_member){ .name = name, .bytes = text, .n = strlen(text) }, e);
}

static int add_json(struct pack *p, const char *name, json_t *doc, struct err *e)
{
    return add_text(p, name, jsonfile_text(doc), e);
}

/* ---- extras --------------------------------------------------------------------------------- */

static bool excluded(const struct opt_list *patterns, const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    for (size_t i = 0; i < patterns->n; i++)
        if (fnmatch(patterns->item[i], name, 0) == 0 || fnmatch(patterns->item[i], base, 0) == 0)
            return true;
    return false;
}

static int add_extra(struct pack *p, const struct opt_list *exclude, const char *path,
                     const char *name, int depth, struct err *e);

static int add_directory(struct pack *p, const struct opt_list *exclude, const char *path,
                         const char *name, int depth, struct err *e)
{
    enum { MAX_DEPTH = 32 };
    struct dirent **entry;
    int rc = 0, n = scandir(path, &entry, NULL, NULL); /* the members are sorted at the end */
    if (n < 0)
        return err_sys(e, "cannot read directory '%s'", path);
    if (depth > MAX_DEPTH)
        rc = err_set(e, ERR_DATA, "'%s' is nested too deeply: want at most %d directories", path,
                     MAX_DEPTH);
    for (int i = 0; i < n; i++) {
        const char *base = entry[i]->d_name;
        if (rc == 0 && strcmp(base, ".") != 0 && strcmp(base, "..") != 0) {
            char *inner = own(p, str_format("%s/%s", path, base));
            rc = add_extra(p, exclude, inner, own(p, str_format("%s/%s", name, base)), depth + 1,
                           e);
        }
        free(entry[i]);
    }
    free(entry);
    return rc;
}

static int add_extra(struct pack *p, const struct opt_list *exclude, const char *path,
                     const char *name, int depth, struct err *e)
{
    struct stat st;
    if (excluded(exclude, name))
        return 0;
    if (stat(path, &st) < 0)
        return err_sys(e, "cannot open extra '%s'", path);
    if (S_ISDIR(st.st_mode))
        return add_directory(p, exclude, path, name, depth, e);
    return add(p, (struct tarfile_member){ .name = name, .path = path }, e);
}

static int add_extras(struct pack *p, const struct params *in, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->extra.n; i++) {
        char *path = own(p, mem_strdup(in->extra.item[i]));
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
            path[--n] = '\0';
        const char *slash = strrchr(path, '/');
        rc = add_extra(p, &in->exclude, path, slash ? slash + 1 : path, 0, e);
    }
    return rc;
}

/* ---- the rest ------------------------------------------------------------------------------- */

/* The one line of the version file: *out is owned by the caller. */
static int read_version(const char *path, char **out, struct err *e)
{
    char line[256] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        return err_sys(e, "cannot open '%s'", path);
    size_t n = fread(line, 1, sizeof line - 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    if (failed)
        return err_set(e, ERR_IO, "cannot read '%s'", path);
    while (n && strchr("\r\n \t", line[n - 1]))
        line[--n] = '\0';
    if (strlen(line) != n || !registry_name_ok(line))
        return err_set(e, ERR_DATA,
                       "'%s': want one line with a version of letters, digits, '.', '_', '-'",
                       path);
    *out = mem_strdup(line);
    return 0;
}

static int add_version(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    char *version;
    int rc;
    if (!in->version)
        return 0;
    if ((rc = read_version(in->version, &version, e)))
        return rc;
    json_object_set_new(manifest, "version", json_string(version));
    rc = add_text(p, "VERSION", str_format("%s\n", version), e);
    free(version);
    return rc;
}

/* The figures without the long lists (curves, confusion matrix): what gate compares with. */
static json_t *without_lists(json_t *metrics)
{
    json_t *out = json_object();
    for (void *at = json_object_iter(metrics); at; at = json_object_iter_next(metrics, at)) {
        json_t *value = json_object_iter_value(at);
        if (json_is_object(value))
            json_object_set_new(out, json_object_iter_key(at), without_lists(value));
        else if (!json_is_array(value))
            json_object_set(out, json_object_iter_key(at), value);
    }
    return out;
}

static bool has_number(json_t *object)
{
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
        if (json_is_number(json_object_iter_value(at)))
            return true;
    return false;
}

static int add_metrics(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    json_t *metrics;
    int rc = jsonfile_read(in->metrics, &metrics, e);
    if (rc)
        return rc;
    json_t *figures = without_lists(metrics);
    json_decref(metrics);
    json_object_set_new(manifest, "metrics", figures);
    if (!has_number(figures))
        return err_set(e, ERR_DATA, "'%s' holds no figure: not a metrics.json", in->metrics);
    return add(p, (struct tarfile_member){ .name = "metrics.json", .path = in->metrics }, e);
}

static int add_model(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    struct modelfile m = { 0 };
    int rc = modelfile_read(&m, in->model, e);
    if (rc)
        return rc;
    json_t *tokenizer = modelfile_tokenizer(&m), *mapper = modelfile_mapper(&m);
    json_object_set_new(manifest, "model",
                        json_pack("{s:s, s:s, s:I, s:I}", "family", m.family, "kind", m.kind,
                                  "classes", (json_int_t)m.n_class, "vocabulary",
                                  (json_int_t)m.n_word));
    if ((rc = add(p, (struct tarfile_member){ .name = "model.h5", .path = in->model }, e)) == 0)
        rc = add_json(p, "mapper.json", mapper, e);
    if (rc == 0 && tokenizer)
        rc = add_json(p, "tokenizer_config.json", tokenizer, e);
    json_decref(tokenizer);
    json_decref(mapper);
    modelfile_release(&m);
    return rc;
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct tarfile_member *)a)->name,
                  ((const struct tarfile_member *)b)->name);
}

/* List all members in the manifest, put it before them. */
static int add_manifest(struct pack *p, json_t *manifest, struct err *e)
{
    json_t *list = json_array();
    qsort(p->member, p->n, sizeof *p->member, compare_members);
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "name", p->member[i].name, "size",
                                              (json_int_t)p->member[i].size, "sha256",
                                              p->member[i].sha256));
    json_object_set_new(manifest, "members", list);
    int rc = add_json(p, "manifest.json", manifest, e);
    if (rc)
        return rc;
    struct tarfile_member last = p->member[p->n - 1];
    memmove(p->member + 1, p->member, (p->n - 1) * sizeof *p->member);
    p->member[0] = last;
    return 0;
}

static int gather(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    int rc;
    if ((rc = add_model(p, in, manifest, e)) || (rc = add_version(p, in, manifest, e)) ||
        (rc = add_metrics(p, in, manifest, e)))
        return rc;
    if (in->report &&
        (rc = add(p, (struct tarfile_member){ .name = "report.html", .path = in->report }, e)))
        return rc;
    if ((rc = add_extras(p, in, e)))
        return rc;
    return add_manifest(p, manifest, e);
}

static int run(const void *params, struct err *e)
{
    const struct params *in = params;
    struct pack p = { 0 };
    json_t *manifest = json_pack("{s:i, s:s}", "manifest", 1, "refit", REFIT_VERSION);
    uint64_t bytes = 0;
    int rc = gather(&p, in, manifest, e);

    for (size_t i = 0; i < p.n; i++)
        bytes += p.member[i].size;
    if (rc == 0 && (rc = tarfile_write(in->package, p.member, p.n, e)) == 0)
        log_info("%zu members, %.1f MB", p.n, (double)bytes / 1e6);
    json_decref(manifest);
    pack_release(&p);
    return rc;
}

static int check(const void *params, struct err *e)
{
    const struct params *in = params;
    char *version = NULL;
    int rc = in->version ? read_version(in->version, &version, e) : 0;
    free(version);
    return rc;
}

static const struct stage stage = {
    .name = "package",
    .purpose = "put model, metrics, report and label files into one reproducible models.tar",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more = "Members: manifest.json, then model.h5, metrics.json, mapper.json (class index -> "
            "code), report.html,\n"
            "tokenizer_config.json (Keras form; with a text branch), VERSION and the extras, in "
            "the byte order of their\n"
            "names. Patterns of --exclude are held against the name and the base name of extras "
            "only.\n\n"
            "Example: package --model model.h5 --metrics metrics.json --report report.html "
            "--package models.tar",
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
