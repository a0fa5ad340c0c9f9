/* package: everything that a consumer of the model needs, as one reproducible tar file.
 *
 *   in   model, metrics, report, extra files or directories, version
 *   out  package  models.tar: manifest.json first, then the other members in the byte order of
 * their names
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/minisign.h"
#include "io/models_tar.h"
#include "io/registry.h"
#include "io/table.h"
#include "io/tarfile.h"
#include "io/marks.h"
#include "io/wholefile.h"
#include "models/modelfile.h"
#include "stages/package/pack.h"

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
    { OPT_IN(struct params, table), .format = "hdf5:refit.table", .optional = true,
      .help = "the table that it was trained on: its hash, rows and sources for the manifest" },
    { OPT_IN(struct params, sign_key), .optional = true,
      .help = "minisign's secret key, without a password: signs manifest.json" },
    { OPT_OUT(struct params, package), .format = "tar", .help = "the package" },
    { OPT_TEXTS(struct params, include),
      .help = "pattern of extra files that come in, such as '*.json' (default: all)" },
    { OPT_TEXTS(struct params, exclude),
      .help = "pattern of extra files that stay out, such as '*.log'" },
    { 0 },
};

/* ---- the rest ------------------------------------------------------------------------------- */

/* The one line of the version file: *out is owned by the caller. */
static int read_version(const char *path, char **out, struct err *e)
{
    char *line;
    size_t n;
    int rc = wholefile_read(path, 255, &line, &n, e);
    if (rc)
        return rc;
    bool text = strlen(line) == n;
    while (n && strchr("\r\n \t", line[n - 1]))
        line[--n] = '\0';
    if (!text || !registry_name_ok(line)) {
        free(line);
        return err_set(e, ERR_DATA,
                       "'%s': want one line with a version of letters, digits, '.', '_', '-'",
                       path);
    }
    *out = line;
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
    rc = pack_text(p, "VERSION", str_format("%s\n", version), e);
    free(version);
    return rc;
}

/* The figures without the long lists (curves, confusion matrix): what gate compares with. */
static json_t *without_lists(json_t *metrics)
{
    json_t *out = json_object();
    for (void *at = json_object_iter(metrics); at; at = json_object_iter_next(metrics, at)) {
        json_t *value = json_object_iter_value(at);
        json_t *kept = json_is_object(value) ? without_lists(value) : json_incref(value);
        bool empty = json_is_object(kept) && json_object_size(kept) == 0;
        if (!empty && !json_is_array(kept))
            json_object_set(out, json_object_iter_key(at), kept);
        json_decref(kept);
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
    return pack_add(p, (struct tarfile_member){ .name = "metrics.json", .path = in->metrics }, e);
}

static int add_model(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    struct modelfile m = { 0 };
    int rc = modelfile_read(&m, in->model, e);
    if (rc)
        return rc;
    json_t *preprocessing = NULL, *tokenizer = modelfile_tokenizer(&m),
           *mapper = modelfile_mapper(&m);
    json_object_set_new(manifest, "model",
                        json_pack("{s:s, s:s, s:I, s:I}", "family", m.family, "kind", m.kind,
                                  "classes", (json_int_t)m.n_class, "vocabulary",
                                  (json_int_t)m.n_word));
    if ((rc = pack_add(p, (struct tarfile_member){ .name = "model.h5", .path = in->model }, e)) ==
        0)
        rc = pack_json(p, "mapper.json", mapper, e);
    if (rc == 0 && tokenizer)
        rc = pack_json(p, "tokenizer_config.json", tokenizer, e);
    if (rc == 0 && (rc = modelfile_preprocessing(&m, &preprocessing, e)))
        err_wrap(e, "'%s'", in->model);
    if (preprocessing)
        rc = pack_json(p, "preprocessing.json", preprocessing, e);
    json_decref(preprocessing);
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

/* ---- where it comes from -------------------------------------------------------------------- */

/* What the runner says of the work that this is: the same work has the same. By hand: nothing. */
static void add_origin(json_t *manifest)
{
    const char *pipeline = getenv("REFIT_PIPELINE"), *fingerprint = getenv("REFIT_FINGERPRINT");
    if (pipeline && fingerprint)
        json_object_set_new(
            manifest, "origin",
            json_pack("{s:s, s:s}", "pipeline", pipeline, "fingerprint", fingerprint));
}

static json_t *sources_of(const struct marks *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_table; i++) {
        const struct mark_table *t = &m->table[i];
        for (size_t k = 0; k < t->n_source; k++)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "table", t->name, "name",
                                                  t->source[k].name, "sha256", t->source[k].sha256,
                                                  "bytes", (json_int_t)t->source[k].bytes));
        if (t->above)
            json_array_append_new(list,
                                  json_pack("{s:s, s:s}", "table", t->name, "above", t->above));
    }
    return list;
}

/* Which data: the table's hash, its rows, and how far its sources were read (of an incremental
 * import). */
static int add_data(const struct params *in, json_t *manifest, struct err *e)
{
    char sha256[HASH_HEX];
    struct table t = { 0 };
    struct marks marks = { 0 };
    int rc;
    if (!in->table)
        return 0;
    if ((rc = hash_file(in->table, sha256, NULL, e)) == 0 &&
        (rc = table_read_pictures(&t, in->table, e)) == 0 &&
        (rc = marks_read(&marks, in->table, e)) == 0) {
        json_t *data = json_pack("{s:s, s:I, s:s, s:s}", "table", t.name, "rows",
                                 (json_int_t)t.n_row, "keys_sha256", t.keys_sha256, "sha256",
                                 sha256);
        if (marks.n_table)
            json_object_set_new(data, "sources", sources_of(&marks));
        json_object_set_new(manifest, "data", data);
    }
    marks_release(&marks);
    table_release(&t);
    return rc;
}

/* The manifest lists all members and stands before them; its signature, if any, is the second. */
static int add_manifest(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    json_t *list = json_array();
    size_t n = p->n;
    char *text, *signature;
    int rc;
    qsort(p->member, n, sizeof *p->member, compare_members);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:s}", "name", p->member[i].name, "size",
                                              (json_int_t)p->member[i].size, "sha256",
                                              p->member[i].sha256));
    json_object_set_new(manifest, "members", list);
    text = pack_own(p, jsonfile_text(manifest));
    if (in->sign_key && (rc = minisign_sign(in->sign_key, text, strlen(text),
                                            "manifest.json of a refit package", &signature, e)))
        return rc;
    if ((rc = pack_add(
             p, (struct tarfile_member){ "manifest.json", .bytes = text, .n = strlen(text) }, e)) ||
        (in->sign_key && (rc = pack_text(p, PACKAGE_SIGNATURE, signature, e))))
        return rc;
    size_t n_first = p->n - n;
    struct tarfile_member first[2];
    memcpy(first, p->member + n, n_first * sizeof *first);
    memmove(p->member + n_first, p->member, n * sizeof *first);
    memcpy(p->member, first, n_first * sizeof *first);
    return 0;
}

static int gather(struct pack *p, const struct params *in, json_t *manifest, struct err *e)
{
    int rc;
    if ((rc = add_model(p, in, manifest, e)) || (rc = add_version(p, in, manifest, e)) ||
        (rc = add_metrics(p, in, manifest, e)))
        return rc;
    if (in->report &&
        (rc = pack_add(p, (struct tarfile_member){ .name = "report.html", .path = in->report }, e)))
        return rc;
    add_origin(manifest);
    if ((rc = pack_extras(p, in, e)) || (rc = add_data(in, manifest, e)))
        return rc;
    return add_manifest(p, in, manifest, e);
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
    .more =
        "Members: manifest.json, then model.h5, metrics.json, mapper.json (class index -> "
        "code), report.html,\n"
        "tokenizer_config.json (Keras form; with a text branch), VERSION and the extras, in "
        "the byte order of their\n"
        "names. Patterns of --include and --exclude are held against the name and the base name of "
        "extras only.\n\n"
        "package --verify FILE [--public_key FILE] checks a package: every member, and its "
        "signature.\n\n"
        "Example: package --model model.h5 --metrics metrics.json --report report.html "
        "--package models.tar",
};

/* package --verify FILE [--public_key FILE] */
static int verify(int argc, char **argv)
{
    bool key = argc == 5 && strcmp(argv[3], "--public_key") == 0;
    struct package package = { 0 };
    struct err e = { 0 };
    size_t n;
    if (argc != 3 && !key)
        return err_set(&e, ERR_USAGE, "usage: package --verify FILE [--public_key FILE]"),
               err_report(&e, stage.name);
    if (package_read(&package, argv[2], NULL, key ? argv[4] : NULL, &e) == 0) {
        n = package.members.n;
        log_info("'%s': %zu members, each as manifest.json says%s", argv[2], n,
                 key ? "; signed by the key" : "");
    }
    package_release(&package);
    return err_report(&e, stage.name);
}

int main(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "--verify") == 0 ? verify(argc, argv)
                                                        : stage_main(&stage, argc, argv);
}
