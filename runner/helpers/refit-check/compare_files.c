/* Where two outputs first differ: JSON, tar, bytes. */
#include "runner/helpers/refit-check/compare_files.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

/* ---- json ---- */

static void json_words(const json_t *value, struct str *out)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    str_addf(out, "%.80s%s", text ? text : "nothing", text && strlen(text) > 80 ? "..." : "");
    free(text);
}

static bool json_differs(json_t *was, json_t *is, const char *path, struct str *out);

/* The values of a key of two objects. */
static bool key_differs(json_t *was, json_t *is, const char *path, const char *key, struct str *out)
{
    char *below = str_format("%s%s%s", path, *path ? "." : "", key);
    bool found = json_differs(was, is, below, out);
    free(below);
    return found;
}

static bool json_differs(json_t *was, json_t *is, const char *path, struct str *out)
{
    if (was && is && json_equal(was, is))
        return false;
    if (json_is_object(was) && json_is_object(is)) {
        for (void *at = json_object_iter(is); at; at = json_object_iter_next(is, at)) {
            const char *key = json_object_iter_key(at);
            if (key_differs(json_object_get(was, key), json_object_iter_value(at), path, key, out))
                return true;
        }
        for (void *at = json_object_iter(was); at; at = json_object_iter_next(was, at)) {
            const char *key = json_object_iter_key(at);
            if (!json_object_get(is, key))
                return key_differs(json_object_iter_value(at), NULL, path, key, out);
        }
    }
    if (json_is_array(was) && json_is_array(is) && json_array_size(was) == json_array_size(is)) {
        for (size_t i = 0; i < json_array_size(is); i++) {
            char *below = str_format("%s[%zu]", path, i);
            bool found = json_differs(json_array_get(was, i), json_array_get(is, i), below, out);
            free(below);
            if (found)
                return true;
        }
    }
    str_addf(out, "'%s': ", path);
    json_words(is, out);
    str_addz(out, ", was ");
    json_words(was, out);
    return true;
}

static int compare_json(const char *was, const char *is, struct str *out, struct err *e)
{
    json_error_t why;
    json_t *a = json_load_file(was, JSON_DECODE_ANY, &why);
    json_t *b = a ? json_load_file(is, JSON_DECODE_ANY, &why) : NULL;
    int rc = 0;
    if (a && b)
        json_differs(a, b, "", out);
    else
        rc = err_set(e, ERR_DATA, "'%s' line %d: %s", a ? is : was, why.line, why.text);
    json_decref(a);
    json_decref(b);
    return rc;
}

/* ---- tar ---- */

static struct archive *open_tar(const char *path, struct err *e)
{
    struct archive *a = archive_read_new();
    archive_read_support_format_tar(a);
    if (archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK)
        return a;
    err_set(e, ERR_DATA, "'%s': %s", path, archive_error_string(a));
    archive_read_free(a);
    return NULL;
}

/* The contents of two members, byte by byte. */
static bool member_differs(struct archive *a, struct archive *b, const char *name, struct str *out)
{
    char x[8192], y[8192];
    for (long long at = 0;;) {
        la_ssize_t n = archive_read_data(a, x, sizeof x), m = archive_read_data(b, y, sizeof y);
        if (n <= 0 && m <= 0)
            return false;
        for (la_ssize_t i = 0; i < n && i < m; i++, at++)
            if (x[i] != y[i]) {
                str_addf(out, "member '%s': byte %lld", name, at);
                return true;
            }
        if (n != m) {
            str_addf(out, "member '%s': another length", name);
            return true;
        }
    }
}

static int compare_tar(const char *was, const char *is, struct str *out, struct err *e)
{
    struct archive *a = open_tar(was, e), *b = a ? open_tar(is, e) : NULL;
    struct archive_entry *x, *y;
    while (a && b) {
        bool more_a = archive_read_next_header(a, &x) == ARCHIVE_OK;
        bool more_b = archive_read_next_header(b, &y) == ARCHIVE_OK;
        if (!more_a && !more_b)
            break;
        if (!more_a || !more_b ||
            strcmp(archive_entry_pathname(x), archive_entry_pathname(y)) != 0) {
            str_addf(out, "member '%s', was '%s'", more_b ? archive_entry_pathname(y) : "none",
                     more_a ? archive_entry_pathname(x) : "none");
            break;
        }
        if (archive_entry_size(x) != archive_entry_size(y)) {
            str_addf(out, "member '%s': %lld bytes, was %lld", archive_entry_pathname(y),
                     (long long)archive_entry_size(y), (long long)archive_entry_size(x));
            break;
        }
        if (archive_entry_mtime(x) != archive_entry_mtime(y) ||
            archive_entry_mode(x) != archive_entry_mode(y) ||
            archive_entry_uid(x) != archive_entry_uid(y)) {
            str_addf(out, "member '%s': another time, mode or owner", archive_entry_pathname(y));
            break;
        }
        char *name = mem_strdup(archive_entry_pathname(y));
        bool differs = member_differs(a, b, name, out);
        free(name);
        if (differs)
            break;
    }
    if (a)
        archive_read_free(a);
    if (b)
        archive_read_free(b);
    return e->code;
}

/* ---- anything ---- */

static int compare_bytes(const char *was, const char *is, struct str *out, struct err *e)
{
    FILE *a = fopen(was, "re"), *b = a ? fopen(is, "re") : NULL;
    long long at = 0;
    int x = 0, y = 0;
    if (!b)
        err_sys(e, "cannot open '%s'", a ? is : was);
    while (b && x == y && x != EOF) {
        x = getc(a);
        y = getc(b);
        at += x == y;
    }
    if (b && (ferror(a) || ferror(b)))
        err_sys(e, "cannot read '%s'", ferror(a) ? was : is);
    else if (b && x != y)
        str_addf(out, "byte %lld%s", at,
                 x == EOF   ? ": it is longer"
                 : y == EOF ? ": it ends there"
                            : "");
    if (a)
        fclose(a);
    if (b)
        fclose(b);
    return e->code;
}

/* ---- directories ---- */

static int no_dots(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int compare_any(const char *was, const char *is, const char *name, struct str *out,
                       struct err *e);

/* The entries of two directories in the order of their names; `name` is where they lie, "" or
 * "a/". */
static int compare_directories(const char *was, const char *is, const char *name, struct str *out,
                               struct err *e)
{
    struct dirent **a = NULL, **b = NULL;
    int n = scandir(was, &a, no_dots, alphasort), m = scandir(is, &b, no_dots, alphasort);
    if (n < 0 || m < 0)
        err_sys(e, "cannot read the directory '%s'", n < 0 ? was : is);
    for (int i = 0; e->code == 0 && out->n == 0 && (i < n || i < m); i++) {
        int order = i >= n ? 1 : i >= m ? -1 : strcmp(a[i]->d_name, b[i]->d_name);
        if (order != 0) {
            str_addf(out, "file '%s%s' is %s", name, order < 0 ? a[i]->d_name : b[i]->d_name,
                     order < 0 ? "missing" : "new");
            break;
        }
        char *x = str_format("%s/%s", was, a[i]->d_name),
             *y = str_format("%s/%s", is, a[i]->d_name);
        char *below = str_format("%s%s", name, a[i]->d_name);
        compare_any(x, y, below, out, e);
        free(below);
        free(y);
        free(x);
    }
    for (int i = 0; i < n; i++)
        free(a[i]);
    for (int i = 0; i < m; i++)
        free(b[i]);
    free(a);
    free(b);
    return e->code;
}

/* Two files, or two directories, called `name` below an output. */
static int compare_any(const char *was, const char *is, const char *name, struct str *out,
                       struct err *e)
{
    struct stat x, y;
    struct str where = { 0 };
    if (stat(was, &x) < 0 || stat(is, &y) < 0)
        return err_sys(e, "cannot look at '%s' and '%s'", was, is);
    if (S_ISDIR(x.st_mode) != S_ISDIR(y.st_mode)) {
        str_addf(out, "'%s' is a %s, was a %s", name, S_ISDIR(y.st_mode) ? "directory" : "file",
                 S_ISDIR(x.st_mode) ? "directory" : "file");
    } else if (S_ISDIR(x.st_mode)) {
        char *below = str_format("%s/", name);
        compare_directories(was, is, below, out, e);
        free(below);
    } else if (compare_bytes(was, is, &where, e) == 0 && where.n > 0) {
        str_addf(out, "file '%s': %s", name, str_text(&where));
    }
    str_release(&where);
    return e->code;
}

int compare_files(const char *format, const char *was, const char *is, struct str *out,
                  struct err *e)
{
    struct stat st;
    if (stat(was, &st) == 0 && S_ISDIR(st.st_mode))
        return compare_directories(was, is, "", out, e);
    if (strcmp(format, "hdf5") == 0 || str_starts(format, "hdf5:"))
        return compare_hdf5(was, is, out, e);
    if (strcmp(format, "json") == 0)
        return compare_json(was, is, out, e);
    if (strcmp(format, "tar") == 0)
        return compare_tar(was, is, out, e);
    return compare_bytes(was, is, out, e);
}
