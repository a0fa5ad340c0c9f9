#include "runner/plan/inputs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "runner/plan/canonical.h"

/* What the parts of the document share while it is built. */
struct builder {
    const struct graph *g;
    const struct stage_spec *s;
    const bool *above_runs;
    const struct file_view *files;
    struct str *out;
    bool complete;
    char *odd;                 /* the first text that is not UTF-8; owned */
    struct makers_found found; /* scratch */
};

/* ---- texts and keys ---- */

static void add_bytes(struct builder *b, const char *text, size_t n)
{
    if (!canonical_text(text, n, b->out) && !b->odd)
        b->odd = mem_strndup(text, n);
}

static void add_text(struct builder *b, const char *text)
{
    add_bytes(b, text, strlen(text));
}

static void add_item(struct builder *b, const char *text)
{
    canonical_next(b->out);
    add_text(b, text);
}

/* The keys of an object, to be sorted by their bytes. */
enum { FEW_KEYS = 16 };
struct key {
    const char *text; /* (n) borrowed */
    size_t n, at;     /* at: in the list that it is of */
};
struct keys {
    struct key few[FEW_KEYS], *key; /* (n); key: few, or owned */
    size_t n;
};

static void keys_init(struct keys *k, size_t room)
{
    k->key = room > FEW_KEYS ? mem_calloc(room, sizeof *k->key) : k->few;
    k->n = 0;
}

static void keys_add(struct keys *k, const char *text, size_t n)
{
    k->key[k->n] = (struct key){ text, n, k->n };
    k->n++;
}

static int by_text(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int c = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static void keys_sort(struct keys *k)
{
    if (k->n > 1)
        qsort(k->key, k->n, sizeof *k->key, by_text);
}

static void keys_release(struct keys *k)
{
    if (k->key != k->few)
        free(k->key);
}

static void add_key(struct builder *b, const struct key *key)
{
    canonical_next(b->out);
    add_bytes(b, key->text, key->n);
    str_addc(b->out, ':');
}

/* ---- files ---- */

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

/* "" if it is yet to be made; *out_exists as the seam says. */
static int hash_of(struct builder *b, const char *path, bool *out_exists, char out_hex[HASH_HEX],
                   struct err *e)
{
    *out_exists = true;
    *out_hex = '\0';
    if (is_pending(b, path)) {
        b->complete = false;
        return 0;
    }
    return b->files->hash(b->files->self, path, out_exists, out_hex, e);
}

static void add_hash(struct builder *b, const char hex[HASH_HEX])
{
    if (!*hex) {
        str_addz(b->out, "null");
        return;
    }
    str_addc(b->out, '"');
    str_add(b->out, hex, HASH_HEX - 1);
    str_addc(b->out, '"');
}

/* One declared path, or what it matches, appended to `found`. */
static int expand(struct builder *b, const char *path, struct path_list *found, struct err *e)
{
    struct path_list match = { 0 };
    if (!path_is_glob(path) || is_pending(b, path)) {
        path_list_add(found, path);
        return 0;
    }
    int rc = b->files->glob(b->files->self, path, &match, e);
    if (rc == 0 && match.n > 1 && b->files->warm)
        b->files->warm(b->files->self, match.path, match.n);
    for (size_t i = 0; i < match.n; i++)
        path_list_take(found, match.path[i]);
    free(match.path);
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

/* ---- the parts ---- */

static void add_argv(struct builder *b)
{
    str_addz(b->out, "{\"argv\":[");
    if (b->s->run)
        add_item(b, b->s->run);
    if (b->s->shell)
        str_addz(b->out, "\"sh\",\"-c\"");
    for (size_t i = 0; i < b->s->n_cmd; i++)
        add_item(b, b->s->cmd[i]);
    str_addc(b->out, ']');
}

/* The entry of `code` that names the path, or matches it. */
static struct mark code_mark(const struct stage_spec *s, const char *path)
{
    for (size_t i = 0; i < s->n_code; i++)
        if (strcmp(s->code[i].path[0], path) == 0)
            return s->code[i].at;
    return s->at;
}

static int add_code_file(struct builder *b, const struct key *path, struct err *e)
{
    struct mark at = code_mark(b->s, path->text);
    char hex[HASH_HEX];
    bool exists;
    int rc = hash_of(b, path->text, &exists, hex, e);
    if (rc)
        return cannot_use(b, at, "code", "", e);
    if (!exists)
        return is_missing(b, at, "code", "", path->text, e);
    add_key(b, path);
    add_hash(b, hex);
    return 0;
}

static int add_code(struct builder *b, struct err *e)
{
    struct path_list found = { 0 };
    struct keys k;
    int rc = 0;

    for (size_t i = 0; i < b->s->n_code && rc == 0; i++) {
        const struct file_ref *f = &b->s->code[i];
        size_t before = found.n;
        if ((rc = expand(b, f->path[0], &found, e)))
            cannot_use(b, f->at, "code", "", e);
        else if (found.n == before)
            rc = is_missing(b, f->at, "code", "", f->path[0], e);
    }
    keys_init(&k, found.n);
    for (size_t i = 0; i < found.n; i++)
        keys_add(&k, found.path[i], strlen(found.path[i]));
    keys_sort(&k);
    str_addz(b->out, ",\"code\":{");
    for (size_t i = 0; i < k.n && rc == 0; i++)
        if (i == 0 || by_text(&k.key[i - 1], &k.key[i]) != 0) /* two patterns may match it */
            rc = add_code_file(b, &k.key[i], e);
    str_addc(b->out, '}');
    keys_release(&k);
    path_list_release(&found);
    return rc;
}

/* [path, sha256]; *out_exists false: nothing. */
static int add_dep_file(struct builder *b, const char *path, bool *out_exists, struct err *e)
{
    char hex[HASH_HEX];
    int rc = hash_of(b, path, out_exists, hex, e);
    if (rc || !*out_exists)
        return rc;
    canonical_next(b->out);
    str_addc(b->out, '[');
    add_text(b, path);
    str_addc(b->out, ',');
    add_hash(b, hex);
    str_addc(b->out, ']');
    return 0;
}

/* What one path of a dep stands for. */
static int add_dep_path(struct builder *b, const struct file_ref *f, const char *path,
                        struct path_list *found, struct err *e)
{
    size_t before = found->n;
    int rc = expand(b, path, found, e);
    for (size_t i = before; i < found->n && rc == 0; i++) {
        bool exists;
        rc = add_dep_file(b, found->path[i], &exists, e);
        if (rc == 0 && !exists && path_is_glob(path)) /* it was there a moment ago */
            rc = err_set(e, ERR_IO, "'%s' has vanished", found->path[i]);
        else if (rc == 0 && !exists)
            free(found->path[--found->n]);
    }
    if (rc)
        return cannot_use(b, f->at, "deps.", f->name, e);
    return found->n > before || f->optional ? 0 : is_missing(b, f->at, "deps.", f->name, path, e);
}

static int add_deps(struct builder *b, struct path_list *out_dep, struct err *e)
{
    struct keys k;
    int rc = 0;

    if (b->s->n_dep > 1 || (b->s->n_dep == 1 && b->s->dep[0].n_path > 1))
        warm_deps(b);
    keys_init(&k, b->s->n_dep);
    for (size_t i = 0; i < b->s->n_dep; i++)
        keys_add(&k, b->s->dep[i].name, strlen(b->s->dep[i].name));
    keys_sort(&k);
    str_addz(b->out, ",\"deps\":{");
    for (size_t i = 0; i < k.n && rc == 0; i++) {
        const struct file_ref *f = &b->s->dep[k.key[i].at];
        struct path_list *found = &out_dep[k.key[i].at];
        size_t before = b->out->n;
        add_key(b, &k.key[i]);
        str_addc(b->out, '[');
        for (size_t p = 0; p < f->n_path && rc == 0; p++)
            rc = add_dep_path(b, f, f->path[p], found, e);
        str_addc(b->out, ']');
        if (found->n == 0) /* an optional one that is not there */
            str_cut(b->out, before);
    }
    str_addc(b->out, '}');
    keys_release(&k);
    return rc;
}

static void add_env(struct builder *b)
{
    struct keys k;
    keys_init(&k, b->s->n_env);
    for (size_t i = 0; i < b->s->n_env; i++)
        keys_add(&k, b->s->env[i], strcspn(b->s->env[i], "="));
    keys_sort(&k);
    str_addz(b->out, ",\"env\":{");
    for (size_t i = 0; i < k.n; i++) {
        add_key(b, &k.key[i]);
        add_text(b, k.key[i].text + k.key[i].n + 1);
    }
    str_addc(b->out, '}');
    keys_release(&k);
}

static void add_outs(struct builder *b)
{
    struct keys k;
    keys_init(&k, b->s->n_out);
    for (size_t i = 0; i < b->s->n_out; i++)
        keys_add(&k, b->s->out[i].name, strlen(b->s->out[i].name));
    keys_sort(&k);
    str_addz(b->out, ",\"outs\":{");
    for (size_t i = 0; i < k.n; i++) {
        add_key(b, &k.key[i]);
        add_text(b, b->s->out[k.key[i].at].path[0]);
    }
    str_addc(b->out, '}');
    keys_release(&k);
}

static void add_params(struct builder *b)
{
    struct keys k;
    keys_init(&k, b->s->n_param);
    for (size_t i = 0; i < b->s->n_param; i++)
        keys_add(&k, b->s->param[i].name, strlen(b->s->param[i].name));
    keys_sort(&k);
    str_addz(b->out, ",\"params\":{");
    for (size_t i = 0; i < k.n; i++) {
        const struct param *p = &b->s->param[k.key[i].at];
        add_key(b, &k.key[i]);
        if (!p->list) {
            add_text(b, p->value[0]);
            continue;
        }
        str_addc(b->out, '[');
        for (size_t v = 0; v < p->n_value; v++)
            add_item(b, p->value[v]);
        str_addc(b->out, ']');
    }
    str_addc(b->out, '}');
    keys_release(&k);
}

static int add_program(struct builder *b, struct err *e)
{
    const char *hash = b->s->described ? b->s->described->sha256 : ""; /* when it was asked */
    char hex[HASH_HEX];
    bool exists = true;
    str_addz(b->out, ",\"program\":");
    if (!b->s->described && b->s->program) {
        int rc = hash_of(b, b->s->program, &exists, hex, e);
        if (rc)
            return rc;
        hash = hex;
    }
    if (!exists)
        return is_missing(b, b->s->at, "cmd", "", b->s->program, e);
    add_hash(b, hash);
    return 0;
}

static void add_secrets(struct builder *b)
{
    str_addf(b->out, ",\"schema\":%d,\"secrets\":[", (int)INPUTS_SCHEMA);
    for (size_t i = 0; i < b->s->n_secret; i++)
        add_item(b, b->s->secret[i]);
    str_addz(b->out, "]}");
}

/* The document could not be read again. */
static int refuse_odd(const struct builder *b, struct err *e)
{
    for (char *p = b->odd; *(p += utf8_prefix(p, strlen(p)));)
        *p = '?';
    return manifest_fail(b->g->m, b->s->at, e, "stage '%s': '%s' is not UTF-8", b->s->name, b->odd);
}

int inputs_build(const struct graph *g, size_t stage, const bool *above_runs,
                 const struct file_view *files, struct str *out, struct path_list *out_dep,
                 bool *out_complete, struct err *e)
{
    enum { USUAL = 700 };
    struct builder b = { .g = g,
                         .s = &g->m->stage[stage],
                         .above_runs = above_runs,
                         .files = files,
                         .out = out,
                         .complete = true };
    int rc;

    str_reserve(out, USUAL);
    add_argv(&b);
    if ((rc = add_code(&b, e)) || (rc = add_deps(&b, out_dep, e)))
        goto out;
    add_env(&b);
    add_outs(&b);
    add_params(&b);
    if ((rc = add_program(&b, e)))
        goto out;
    add_secrets(&b);
    if (b.odd)
        rc = refuse_odd(&b, e);
    *out_complete = b.complete;
out:
    free(b.odd);
    makers_found_release(&b.found);
    return rc;
}

bool inputs_hold(const struct graph *g, size_t stage, const char *inputs,
                 const struct file_view *files)
{
    size_t n_dep = g->m->stage[stage].n_dep;
    struct path_list *dep = mem_calloc(n_dep, sizeof *dep);
    struct str now = { 0 };
    struct err ignored = { 0 };
    bool complete,
        hold = inputs_build(g, stage, NULL, files, &now, dep, &complete, &ignored) == 0 &&
               strcmp(now.text, inputs) == 0;
    for (size_t i = 0; i < n_dep; i++)
        path_list_release(&dep[i]);
    free(dep);
    str_release(&now);
    return hold;
}

json_t *inputs_read(const char *inputs)
{
    return json_loads(inputs, 0, NULL);
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
