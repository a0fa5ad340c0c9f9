/* refit-check: are these outputs whole, and do they hold what they must? The runner asks before it
 * commits.
 *
 *   refit-check FORMAT PATH [--name NAME] [--require X]... [FORMAT PATH ...]
 *
 * FORMAT hdf5 (complete), hdf5:KIND (and of that kind; X is a dataset or group), json (parses; X is
 * a key of the object, "a.b" of one inside), tar (reads to the end; X is a member), html and any
 * (not empty). NAME stands for PATH in messages. One line for each problem; exit 65 if there is
 * one.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"

#include "runner/helpers/refit-check/compare_files.h"

/** One output to look at. Texts point into argv. */
struct request {
    const char *format, *path, *name;
    const char **require; /* (n_require) */
    size_t n_require;
};

static int problem(const struct request *r, struct err *e, const char *what)
{
    return err_set(e, ERR_DATA, "'%s': %s", r->name, what);
}

/* ---- formats ---- */

static int check_hdf5(const struct request *r, struct err *e)
{
    struct h5 h = { 0 };
    char *kind = NULL;
    const char *want = r->format[4] == ':' ? r->format + 5 : NULL;
    struct err why = { 0 };
    int rc = h5_open_any(&h, r->path, &kind, &why);

    if (rc)
        rc = err_set(e, why.code, "%s%s%s", strcmp(r->name, r->path) ? r->name : "",
                     strcmp(r->name, r->path) ? ": " : "", why.text);
    else if (want && strcmp(kind, want) != 0)
        rc = err_set(e, ERR_DATA, "'%s' is of kind '%s', want '%s'", r->name, kind, want);
    for (size_t i = 0; i < r->n_require && rc == 0; i++) {
        const char *name = r->require[i] + strspn(r->require[i], "/");
        if (!h5_has(&h, name))
            rc = err_set(e, ERR_DATA, "'%s' has no '%s'", r->name, r->require[i]);
    }
    free(kind);
    h5_close(&h);
    return rc;
}

/* The value of a key, or of "a.b" inside. */
static const json_t *json_at(const json_t *doc, const char *path)
{
    while (doc && *path) {
        size_t n = strcspn(path, ".");
        char *key = mem_strndup(path, n);
        doc = json_object_get(doc, key);
        free(key);
        path += n + (path[n] == '.');
    }
    return doc;
}

static int check_json(const struct request *r, struct err *e)
{
    json_error_t why;
    int rc = 0;
    json_t *doc = json_load_file(r->path, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (!doc)
        return err_set(e, ERR_DATA, "'%s' line %d: %s", r->name, why.line, why.text);
    for (size_t i = 0; i < r->n_require && rc == 0; i++)
        if (!json_object_get(doc, r->require[i]) && !json_at(doc, r->require[i]))
            rc = err_set(e, ERR_DATA, "'%s' has no key '%s'", r->name, r->require[i]);
    json_decref(doc);
    return rc;
}

static int check_tar(const struct request *r, struct err *e)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    bool *found = mem_calloc(r->n_require + 1, sizeof *found);
    size_t n_member = 0;
    int got, rc = 0;

    archive_read_support_format_tar(a);
    got = archive_read_open_filename(a, r->path, 1 << 16);
    while (got == ARCHIVE_OK && (got = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        for (size_t i = 0; i < r->n_require; i++)
            found[i] |= name && strcmp(name, r->require[i]) == 0;
        n_member++;
        got = archive_read_data_skip(a); /* reads them all: a truncated member fails here */
    }
    if (got != ARCHIVE_EOF)
        rc = err_set(e, ERR_DATA, "'%s' is no whole tar archive: %s", r->name,
                     archive_error_string(a));
    else if (n_member == 0)
        rc = problem(r, e, "the archive is empty");
    for (size_t i = 0; i < r->n_require && rc == 0; i++)
        if (!found[i])
            rc = err_set(e, ERR_DATA, "'%s' has no member '%s'", r->name, r->require[i]);
    free(found);
    archive_read_free(a);
    return rc;
}

static int check_any(const struct request *r, struct err *e)
{
    struct stat st;
    if (stat(r->path, &st) < 0)
        return err_sys(e, "'%s'", r->name);
    if (S_ISREG(st.st_mode) && st.st_size == 0)
        return problem(r, e, "the file is empty");
    if (r->n_require > 0)
        return err_set(e, ERR_USAGE, "'%s': format '%s' can require nothing", r->name, r->format);
    return 0;
}

static int check(const struct request *r, struct err *e)
{
    if (strcmp(r->format, "hdf5") == 0 || str_starts(r->format, "hdf5:"))
        return check_hdf5(r, e);
    int rc = check_any(&(struct request){ .format = r->format, .path = r->path, .name = r->name },
                       e);
    if (rc)
        return rc;
    if (strcmp(r->format, "json") == 0)
        return check_json(r, e);
    if (strcmp(r->format, "tar") == 0)
        return check_tar(r, e);
    if (strcmp(r->format, "html") == 0 || strcmp(r->format, "any") == 0)
        return check_any(r, e);
    return err_set(e, ERR_USAGE,
                   "'%s': unknown format '%s', want hdf5, hdf5:KIND, json, tar, html or any",
                   r->name, r->format);
}

/* ---- command line ---- */

/* The next request of argv[*at...]. */
static int next_request(struct request *r, int argc, char **argv, int *at, struct err *e)
{
    if (argv[*at][0] == '-')
        return err_set(
            e, ERR_USAGE,
            "unknown option '%s'; usage: refit-check FORMAT PATH [--name NAME] [--require X]...",
            argv[*at]);
    if (*at + 1 >= argc)
        return err_set(e, ERR_USAGE, "format '%s' without a path", argv[*at]);
    r->format = argv[(*at)++];
    r->path = r->name = argv[(*at)++];
    r->n_require = 0;
    while (*at < argc &&
           (strcmp(argv[*at], "--require") == 0 || strcmp(argv[*at], "--name") == 0)) {
        bool require = argv[*at][2] == 'r';
        if (*at + 1 >= argc)
            return err_set(e, ERR_USAGE, "'%s' wants a value", argv[*at]);
        if (require)
            r->require[r->n_require++] = argv[*at + 1];
        else
            r->name = argv[*at + 1];
        *at += 2;
    }
    return 0;
}

static const char help[] =
    "refit-check: are these files whole, and do they hold what they must?\n\n"
    "usage: refit-check FORMAT PATH [--name NAME] [--require X]... [FORMAT PATH ...]\n"
    "       refit-check --compare FORMAT WAS IS\n\n"
    "Formats:\n"
    "  hdf5, hdf5:KIND   complete, and of that kind; X is a dataset or group\n"
    "  json              parses; X is a key of the object, \"a.b\" of one inside\n"
    "  tar               reads to the end; X is a member\n"
    "  html, any         not empty\n\n"
    "NAME stands for PATH in messages. refit runs it before it commits outputs. One line for each\n"
    "problem; exit 65 if there is one.\n\n"
    "--compare prints where the file IS first differs from WAS (of hdf5: object, attribute, "
    "element;\n"
    "json: value; tar: member; else: byte), and ends with 1 then, with 0 if they hold the same.\n";

static int compare(char **argv, struct err *e)
{
    struct str where = { 0 };
    int rc = compare_files(argv[2], argv[3], argv[4], &where, e);
    if (rc == 0 && where.n > 0)
        printf("%s\n", str_text(&where));
    if (rc == 0 && where.n > 0)
        rc = 1;
    str_release(&where);
    return err_stdout(e) == 0 ? rc : ERR_IO;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct request r = { .require = mem_calloc((size_t)argc, sizeof *r.require) };
    int at = 1, status = 0;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        free(r.require);
        err_stdout(&e);
        return err_report(&e, "refit-check");
    }
    if (argc == 5 && strcmp(argv[1], "--compare") == 0) {
        status = compare(argv, &e);
        err_report(&e, "refit-check");
        free(r.require);
        return status;
    }
    if (argc < 2)
        status = err_set(
            &e, ERR_USAGE,
            "usage: refit-check FORMAT PATH [--name NAME] [--require X]... [FORMAT PATH ...]");
    err_report(&e, "refit-check");
    while (at < argc && status != ERR_USAGE) {
        e = (struct err){ 0 };
        int rc = next_request(&r, argc, argv, &at, &e);
        if (rc == 0)
            rc = check(&r, &e);
        if (rc && (status == 0 || rc == ERR_USAGE))
            status = rc;
        err_report(&e, "refit-check");
    }
    free(r.require);
    return status;
}
