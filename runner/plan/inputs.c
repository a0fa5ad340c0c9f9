#include "runner/plan/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* What the parts of the document share while it is built. */
struct builder {
    const struct graph *g;
    const struct stage_spec *s;
    const bool *above_runs;
    const struct file_view *files;
    bool complete;
    struct makers_found found; /* scratch */
};

/* Has a stage above yet to make the file (or a part of the directory)? */
static bool is_pending(struct builder *b, const char *path)
{
    if (!b->above_runs)
        return false;
    makers_find(&b->g->m->makers, path, &b->found);
    for (size_t i = 0; i < b->found.n; i++)
        if (b->above_runs[b->found.item[i].stage])
            return true;
    return false;
}

static int is_missing(struct builder *b, struct mark at, const char *what, const char *name,
                      const char *path, struct err *e)
{
    const struct manifest *m = b->g->m;
    const char *found = path_is_glob(path) ? "matches no file" : "does not exist";
    makers_find(&m->makers, path, &b->found);
    for (size_t i = 0; i < b->found.n; i++) {
        const struct stage_spec *maker = &m->stage[b->found.item[i].stage];
        if (maker->enabled)
            return manifest_fail(m, at, e,
                                 "stage '%s': %s%s: '%s' %s; stage '%s' makes it: run that first",
                                 b->s->name, what, name, path, found, maker->name);
    }
    return manifest_fail(m, at, e, "stage '%s': %s%s: '%s' %s and no stage makes it", b->s->name,
                         what, name, path, found);
}

/* The hash as JSON, null if it is yet to be made; *out_exists as the seam says. */
static int hash_json(struct builder *b, const char *path, json_t **out, bool *out_exists,
                     struct err *e)
{
    char hex[HASH_HEX];
    *out_exists = true;
    *out = NULL;
    if (is_pending(b, path)) {
        b->complete = false;
        *out = json_null();
        return 0;
    }
    int rc = b->files->hash(b->files->self, path, out_exists, hex, e);
    if (rc == 0 && *out_exists)
        *out = json_string(hex);
    return rc;
}

static int program_json(struct builder *b, json_t *doc, struct err *e)
{
    json_t *sha;
    bool exists;
    if (b->s->described) /* asked for --describe, hashed then */
        return json_object_set_new(doc, "program", json_string(b->s->described->sha256));
    if (!b->s->program)
        return json_object_set_new(doc, "program", json_null());
    int rc = hash_json(b, b->s->program, &sha, &exists, e);
    if (rc == 0 && !exists)
        rc = is_missing(b, b->s->at, "cmd", "", b->s->program, e);
    if (rc == 0)
        json_object_set_new(doc, "program", sha);
    return rc;
}

static json_t *argv_json(const struct stage_spec *s)
{
    json_t *argv = json_array();
    if (s->run)
        json_array_append_new(argv, json_string(s->run));
    if (s->shell) {
        json_array_append_new(argv, json_string("sh"));
        json_array_append_new(argv, json_string("-c"));
    }
    for (size_t i = 0; i < s->n_cmd; i++)
        json_array_append_new(argv, json_string(s->cmd[i]));
    return argv;
}

/* [path, sha256] appended to `list`, or set in the object `map`, the path appended to `found`;
 * nothing of it where there is no such file. */
static int file_json(struct builder *b, const char *path, json_t *list, json_t *map,
                     struct path_list *found, bool *out_exists, struct err *e)
{
    json_t *sha;
    int rc = hash_json(b, path, &sha, out_exists, e);
    if (rc || !*out_exists)
        return rc;
    if (map)
        json_object_set_new(map, path, sha);
    else
        json_array_append_new(list, json_pack("[s, o]", path, sha));
    path_list_add(found, path);
    return 0;
}

/* One declared path, or what it matches. */
static int path_json(struct builder *b, const char *path, json_t *list, json_t *map,
                     struct path_list *found, struct err *e)
{
    struct path_list match = { 0 };
    bool exists;
    int rc;

    if (!path_is_glob(path) || is_pending(b, path))
        return file_json(b, path, list, map, found, &exists, e);
    rc = b->files->glob(b->files->self, path, &match, e);
    if (rc == 0 && match.n > 1 && b->files->warm)
        b->files->warm(b->files->self, match.path, match.n);
    for (size_t i = 0; rc == 0 && i < match.n; i++) {
        rc = file_json(b, match.path[i], list, map, found, &exists, e);
        if (rc == 0 && !exists) /* it was there a moment ago */
            rc = err_set(e, ERR_IO, "'%s' has vanished", match.path[i]);
    }
    path_list_release(&match);
    return rc;
}

/* What lies there cannot be hashed: say whose it is. */
static int cannot_use(const struct builder *b, struct mark at, const char *what, const char *name,
                      struct err *e)
{
    return err_wrap(e, "%s:%zu:%zu: stage '%s': %s%s", b->g->m->path, at.line, at.column,
                    b->s->name, what, name);
}

/* Several deps that are plain files are read side by side. */
static void warm_deps(struct builder *b)
{
    struct path_list plain = { 0 };
    if (!b->files->warm)
        return;
    for (size_t i = 0; i < b->s->n_dep; i++)
        for (size_t k = 0; k < b->s->dep[i].n_path; k++)
            if (!path_is_glob(b->s->dep[i].path[k]) && !is_pending(b, b->s->dep[i].path[k]))
                path_list_add(&plain, b->s->dep[i].path[k]);
    if (plain.n > 1)
        b->files->warm(b->files->self, plain.path, plain.n);
    path_list_release(&plain);
}

static int deps_json(struct builder *b, json_t *doc, struct path_list *out_dep, struct err *e)
{
    json_t *deps = json_object();
    if (b->s->n_dep > 1 || (b->s->n_dep == 1 && b->s->dep[0].n_path > 1))
        warm_deps(b);
    json_object_set_new(doc, "deps", deps);
    for (size_t i = 0; i < b->s->n_dep; i++) {
        const struct file_ref *f = &b->s->dep[i];
        json_t *list = json_array();
        json_object_set_new(deps, f->name, list);
        for (size_t k = 0; k < f->n_path; k++) {
            size_t before = out_dep[i].n;
            int rc = path_json(b, f->path[k], list, NULL, &out_dep[i], e);
            if (rc)
                return cannot_use(b, f->at, "deps.", f->name, e);
            if (rc == 0 && out_dep[i].n == before && !f->optional)
                rc = is_missing(b, f->at, "deps.", f->name, f->path[k], e);
            if (rc)
                return rc;
        }
        if (json_array_size(list) == 0)
            json_object_del(deps, f->name);
    }
    return 0;
}

static int code_json(struct builder *b, json_t *doc, struct err *e)
{
    json_t *code = json_object();
    json_object_set_new(doc, "code", code);
    for (size_t i = 0; i < b->s->n_code; i++) {
        struct path_list found = { 0 };
        int rc = path_json(b, b->s->code[i].path[0], NULL, code, &found, e);
        if (rc)
            cannot_use(b, b->s->code[i].at, "code", "", e);
        if (rc == 0 && found.n == 0)
            rc = is_missing(b, b->s->code[i].at, "code", "", b->s->code[i].path[0], e);
        path_list_release(&found);
        if (rc)
            return rc;
    }
    return 0;
}

static json_t *params_json(const struct stage_spec *s)
{
    json_t *params = json_object();
    for (size_t i = 0; i < s->n_param; i++) {
        const struct param *p = &s->param[i];
        if (!p->list) {
            json_object_set_new(params, p->name, json_string(p->value[0]));
            continue;
        }
        json_t *list = json_array();
        for (size_t k = 0; k < p->n_value; k++)
            json_array_append_new(list, json_string(p->value[k]));
        json_object_set_new(params, p->name, list);
    }
    return params;
}

static json_t *env_json(const struct stage_spec *s)
{
    json_t *env = json_object();
    for (size_t i = 0; i < s->n_env; i++) {
        const char *equals = strchr(s->env[i], '=');
        char *name = mem_strndup(s->env[i], (size_t)(equals - s->env[i]));
        json_object_set_new(env, name, json_string(equals + 1));
        free(name);
    }
    return env;
}

static json_t *outs_json(const struct stage_spec *s)
{
    json_t *outs = json_object();
    for (size_t i = 0; i < s->n_out; i++)
        json_object_set_new(outs, s->out[i].name, json_string(s->out[i].path[0]));
    return outs;
}

static json_t *secrets_json(const struct stage_spec *s)
{
    json_t *secrets = json_array();
    for (size_t i = 0; i < s->n_secret; i++)
        json_array_append_new(secrets, json_string(s->secret[i]));
    return secrets;
}

int inputs_build(const struct graph *g, size_t stage, const bool *above_runs,
                 const struct file_view *files, json_t **out, struct path_list *out_dep,
                 bool *out_complete, struct err *e)
{
    const struct stage_spec *s = &g->m->stage[stage];
    struct builder b = { g, s, above_runs, files, true, { 0 } };
    json_t *doc = json_object();
    int rc;

    json_object_set_new(doc, "schema", json_integer(INPUTS_SCHEMA));
    json_object_set_new(doc, "argv", argv_json(s));
    json_object_set_new(doc, "params", params_json(s));
    json_object_set_new(doc, "env", env_json(s));
    json_object_set_new(doc, "outs", outs_json(s));
    json_object_set_new(doc, "secrets", secrets_json(s));
    if ((rc = program_json(&b, doc, e)) == 0 && (rc = code_json(&b, doc, e)) == 0)
        rc = deps_json(&b, doc, out_dep, e);
    makers_found_release(&b.found);
    if (rc) {
        json_decref(doc);
        return rc;
    }
    *out = doc;
    *out_complete = b.complete;
    return 0;
}

void inputs_paths(const json_t *inputs, struct path_list *out)
{
    json_t *deps = json_object_get(inputs, "deps"), *code = json_object_get(inputs, "code");
    for (void *at = json_object_iter(deps); at; at = json_object_iter_next(deps, at)) {
        const json_t *list = json_object_iter_value(at);
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *path = json_string_value(json_array_get(json_array_get(list, i), 0));
            if (path)
                path_list_add(out, path);
        }
    }
    for (void *at = json_object_iter(code); at; at = json_object_iter_next(code, at))
        path_list_add(out, json_object_iter_key(at));
}

/* Is the path as `want` has it: a hash, or NULL where it was not there? */
static bool holds(const struct file_view *files, const char *path, const json_t *want)
{
    struct err ignored = { 0 };
    char hex[HASH_HEX];
    bool exists;
    if (path_is_glob(path) || files->hash(files->self, path, &exists, hex, &ignored))
        return false;
    return exists ? want && strcmp(hex, json_string_value(want)) == 0 : !want;
}

static const json_t *hash_in(const json_t *list, const char *path)
{
    const json_t *entry;
    size_t i;
    json_array_foreach(list, i, entry) if (strcmp(json_string_value(json_array_get(entry, 0)),
                                                  path) == 0) return json_array_get(entry, 1);
    return NULL;
}

bool inputs_hold(const struct stage_spec *s, const json_t *inputs, const struct file_view *files)
{
    const json_t *deps = json_object_get(inputs, "deps"), *code = json_object_get(inputs, "code");
    bool same = s->described || !s->program ||
                holds(files, s->program, json_object_get(inputs, "program"));
    for (size_t i = 0; i < s->n_dep; i++) {
        const json_t *list = json_object_get(deps, s->dep[i].name);
        for (size_t k = 0; k < s->dep[i].n_path && same; k++)
            same = holds(files, s->dep[i].path[k], hash_in(list, s->dep[i].path[k]));
    }
    for (size_t i = 0; i < s->n_code && same; i++)
        same = holds(files, s->code[i].path[0], json_object_get(code, s->code[i].path[0]));
    return same;
}
