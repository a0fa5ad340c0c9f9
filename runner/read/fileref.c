/* deps, outs and code of a stage. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/keys.h"
#include "runner/read/path.h"
#include "runner/read/reader.h"

struct mark reader_mark(const struct yaml *node)
{
    return (struct mark){ node->line, node->column };
}

int fileref_read_path(const struct yaml *node, const struct reference_scope *scope,
                      const char *what, char **out, struct err *e)
{
    const char *text;
    char *plain = NULL;
    int rc;

    if ((rc = yaml_text(node, what, &text, e)) || (rc = reference_plain(node, scope, &plain, e)))
        return rc;
    if (*plain == '\0' || yaml_is_null(node))
        rc = node_fail(node, e, "%s: the path is empty", what);
    for (const char *p = plain; rc == 0 && *p; p++)
        if ((unsigned char)*p < 0x20)
            rc = node_fail(node, e, "%s: a control character in a path", what);
    if (rc == 0)
        *out = path_normal(plain);
    free(plain);
    return rc;
}

/* The path or list of paths of a dep. */
static int paths_read(const struct yaml *node, const struct reference_scope *scope,
                      const char *what, struct file_ref *f, struct err *e)
{
    size_t n = node->kind == YAML_LIST ? node->n : 1;
    f->list = node->kind == YAML_LIST;
    f->path = mem_calloc(n, sizeof *f->path);
    for (size_t i = 0; i < n; i++) {
        int rc = fileref_read_path(f->list ? node->item[i] : node, scope, what, &f->path[i], e);
        if (rc)
            return rc;
        f->n_path++;
    }
    for (size_t i = 0; i < n; i++)
        f->list = f->list || path_is_glob(f->path[i]);
    return n ? 0 : node_fail(node, e, "%s: an empty list", what);
}

static int dep_read(const struct yaml *node, const struct reference_scope *scope, const char *what,
                    struct file_ref *f, struct err *e)
{
    const struct yaml *path = node, *optional = NULL;
    int rc;

    f->at = reader_mark(node);
    if (node->kind == YAML_MAP) {
        if ((rc = keys_only(node, what, dep_keys, KEY_ANYWHERE, e)))
            return rc;
        optional = yaml_get(node, "optional");
        if (!(path = yaml_get(node, "path")))
            return node_fail(node, e, "%s: 'path' is missing", what);
    }
    if (optional && (rc = yaml_bool(optional, "optional", &f->optional, e)))
        return rc;
    return paths_read(path, scope, what, f, e);
}

static int require_read(const struct yaml *list, const char *what, struct file_ref *f,
                        struct err *e)
{
    if (!list)
        return 0;
    if (list->kind != YAML_LIST)
        return node_fail(list, e, "%s: require: want a list of names", what);
    f->require = mem_calloc(list->n, sizeof *f->require);
    for (size_t i = 0; i < list->n; i++) {
        const char *text;
        int rc = yaml_text(list->item[i], "require", &text, e);
        if (rc)
            return rc;
        if (!*text)
            return node_fail(list->item[i], e, "%s: require: an empty name", what);
        f->require[f->n_require++] = mem_strdup(text);
    }
    return 0;
}

static int format_read(const struct yaml *node, const char *what, struct file_ref *f, struct err *e)
{
    const char *const *known = key_of(out_keys, "format")->choice;
    const char *text;
    int rc = node ? yaml_text(node, "format", &text, e) : 0;
    if (!node || rc)
        return rc;
    for (size_t i = 0; known[i] && !f->format; i++)
        if (strcmp(text, known[i]) == 0 || (str_starts(text, "hdf5:") && text[5]))
            f->format = mem_strdup(text);
    return f->format ? 0
                     : node_fail(node, e,
                                 "%s: format '%s' is not one of hdf5, hdf5:KIND, json, html, tar",
                                 what, text);
}

static int out_read(const struct yaml *node, const struct reference_scope *scope, const char *what,
                    struct file_ref *f, struct err *e)
{
    const struct yaml *path = node;
    int rc;

    f->at = reader_mark(node);
    if (node->kind == YAML_MAP) {
        const struct yaml *persist = yaml_get(node, "persist");
        if ((rc = keys_only(node, what, out_keys, KEY_ANYWHERE, e)) ||
            (rc = format_read(yaml_get(node, "format"), what, f, e)) ||
            (rc = require_read(yaml_get(node, "require"), what, f, e)) ||
            (persist && (rc = yaml_bool(persist, "persist", &f->persist, e))))
            return rc;
        if (!(path = yaml_get(node, "path")))
            return node_fail(node, e, "%s: 'path' is missing", what);
    }
    f->path = mem_calloc(1, sizeof *f->path);
    if ((rc = fileref_read_path(path, scope, what, &f->path[0], e)))
        return rc;
    f->n_path = 1;
    const char *p = f->path[0];
    if (!path_inside(p))
        return node_fail(path, e, "%s: '%s' leaves the project directory: outputs stay inside it",
                         what, p);
    if (strcmp(p, ".") == 0 || strcmp(p, ".refit") == 0 || str_starts(p, ".refit/"))
        return node_fail(path, e, "%s: '%s' cannot be an output", what, p);
    if (path_is_glob(p))
        return node_fail(
            path, e,
            "%s: '%s': an output has one name, no pattern (a directory may hold many files)", what,
            p);
    if (f->persist && (strcmp(p, "work") == 0 || str_starts(p, "work/")))
        return node_fail(
            path, e, "%s: '%s': a persistent output must not lie under work/, which may be deleted",
            what, p);
    return 0;
}

static int duplicate_name(const struct yaml *at, const struct file_ref *f, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].name, f[n].name) == 0)
            return node_fail(at, e, "'%s' is given twice", f[n].name);
    return 0;
}

/* "stage 'split': outs.table", as messages begin. */
static char *what_is(const struct stage_spec *s, const char *key, const struct yaml *name)
{
    struct str what = { 0 };
    str_addz(&what, "stage '");
    str_addz(&what, s->name);
    str_addz(&what, "': ");
    str_addz(&what, key);
    if (name) {
        str_addc(&what, '.');
        str_addz(&what, name->text);
    }
    return str_take(&what);
}

int fileref_read(const struct yaml *node, const struct stage_spec *s,
                 const struct reference_scope *scope, enum program_kind kind, struct file_ref **out,
                 size_t *out_n, struct err *e)
{
    const char *key = kind == PROGRAM_IN ? "deps" : "outs";
    int rc = 0;

    if (!node)
        return 0;
    if (node->kind == YAML_SCALAR || (node->kind == YAML_LIST && s->run))
        return node_fail(node, e, "stage '%s': %s: want a mapping of names%s", s->name, key,
                         s->run ? ", the options of the program: {name: path}"
                                : ": {name: path}, or a list of paths");
    *out = mem_calloc(node->n, sizeof **out);
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml *name = node->kind == YAML_MAP ? node->key[i] : node->item[i];
        const struct program_option *o = NULL;
        struct file_ref *f = &(*out)[(*out_n)++];
        char *what = what_is(s, key, node->kind == YAML_MAP ? name : NULL);
        if (node->kind == YAML_MAP && !is_name(name->text))
            rc = node_fail(name, e, "%s: want a name of letters, digits, _ and -", what);
        if (rc == 0)
            rc = contract_option(name, s, name->text, kind, &o, e);
        if (rc == 0)
            rc = kind == PROGRAM_IN ? dep_read(node->item[i], scope, what, f, e)
                                    : out_read(node->item[i], scope, what, f, e);
        if (rc == 0 && f->list && o && !o->list)
            rc = node_fail(node->item[i], e,
                           "%s: program '%s' takes one file here: found a list or a pattern", what,
                           s->run);
        free(what);
        if (rc)
            return rc;
        f->name = mem_strdup(node->kind == YAML_MAP ? name->text : f->path[0]);
        if (!f->format && o && kind == PROGRAM_OUT)
            f->format = mem_strdup(o->format);
        if (f->n_require && (!f->format || strcmp(f->format, "html") == 0))
            return node_fail(node->item[i], e,
                             "stage '%s': %s.%s: require needs a format: hdf5, json or tar",
                             s->name, key, f->name);
        if ((rc = duplicate_name(name, *out, *out_n - 1, e)))
            return rc;
    }
    return 0;
}

int fileref_read_code(const struct yaml *node, struct stage_spec *s,
                      const struct reference_scope *scope, struct err *e)
{
    if (!node)
        return 0;
    size_t n = node->kind == YAML_LIST ? node->n : 1;
    s->code = mem_calloc(n, sizeof *s->code);
    for (size_t i = 0; i < n; i++) {
        const struct yaml *item = node->kind == YAML_LIST ? node->item[i] : node;
        struct file_ref *f = &s->code[s->n_code++];
        int rc;
        f->at = reader_mark(item);
        f->path = mem_calloc(1, sizeof *f->path);
        if ((rc = fileref_read_path(item, scope, "code", &f->path[0], e)))
            return rc;
        f->n_path = 1;
        f->name = mem_strdup(f->path[0]);
        if ((rc = duplicate_name(item, s->code, s->n_code - 1, e)))
            return rc;
    }
    return 0;
}

void fileref_release(struct file_ref *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(f[i].name);
        free(f[i].format);
        mem_free_texts(f[i].path, f[i].n_path);
        mem_free_texts(f[i].require, f[i].n_require);
    }
    free(f);
}
