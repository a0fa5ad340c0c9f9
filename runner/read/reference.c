#include "runner/read/reference.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/read/manifest.h"
#include "runner/read/path.h"

const char *piece_next(const char *p, struct piece *out)
{
    if (*p == '\0')
        return NULL;
    *out = (struct piece){ PIECE_TEXT, p, 1 };
    if (p[0] == '$' && p[1] == '$') {
        out->kind = PIECE_DOLLAR;
        return p + 2;
    }
    if (p[0] == '$' && p[1] == '{') {
        const char *end = strchr(p, '}');
        *out = (struct piece){ end ? PIECE_NAME : PIECE_UNCLOSED, p + 2,
                               end ? (size_t)(end - p - 2) : strlen(p + 2) };
        return end ? end + 1 : p + strlen(p);
    }
    out->n += strcspn(p + 1, "$");
    return p + out->n;
}

int node_fail(const struct yaml *at, struct err *e, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at->line == 0)
        return err_set(e, ERR_USAGE, "%s: %s", at->file, text);
    return yaml_fail(at, e, "%s", text);
}

static const struct reference_value *find_value(const struct reference_value *v, size_t n,
                                                const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    return NULL;
}

static int unknown_value(const struct yaml *at, const char *kind, const char *name,
                         const struct reference_value *v, size_t n, const char *why, struct err *e)
{
    const char **names = mem_calloc(n, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = v[i].name;
    const char *near = str_nearest(name, names, n);
    node_fail(at, e, "${%s.%s}: %s%s%s%s", kind, name, why, near ? "; did you mean '" : "",
              near ? near : "", near ? "'?" : "");
    free(names);
    return e->code;
}

/* An entry of a plain list is called by its path, as it is written. */
static bool is_listed(const struct yaml *list, const char *name)
{
    char *path = path_normal(name);
    bool found = false;
    for (size_t i = 0; i < list->n && strcmp(path, name) == 0; i++) {
        const struct yaml *item = list->item[i], *inner = yaml_get(item, "path");
        found |= strcmp((inner ? inner : item)->text, name) == 0;
    }
    free(path);
    return found;
}

/* ${deps.n} and ${outs.n}: the stage must have that name. */
static int check_file_name(const struct yaml *at, const struct yaml *stage, const char *kind,
                           const char *name, struct err *e)
{
    const struct yaml *map = yaml_get(stage, kind);
    if (yaml_get(map, name))
        return 0;
    if (map && map->kind == YAML_LIST)
        return is_listed(map, name)
                   ? 0
                   : node_fail(at, e,
                               "${%s.%s}: no entry of %s is written so (without a name it is "
                               "called by its path; else write name: path)",
                               kind, name, kind);
    size_t n = map ? map->n : 0;
    const char **names = mem_calloc(n, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = map->key[i]->text;
    const char *near = str_nearest(name, names, n);
    node_fail(at, e, "${%s.%s}: the stage has no such name under %s%s%s%s", kind, name, kind,
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return e->code;
}

static int check_secret(const struct yaml *at, const struct reference_scope *scope,
                        const char *name, struct err *e)
{
    if (!scope->secret)
        return node_fail(at, e,
                         "'${secrets.%s}' may stand only in a webhook and its header under "
                         "notify; a stage names its secrets under `secrets`",
                         name);
    const char **names = mem_calloc(scope->n_secret, sizeof *names);
    bool found = false;
    for (size_t i = 0; i < scope->n_secret; i++) {
        names[i] = scope->secret[i].name;
        found |= strcmp(names[i], name) == 0;
    }
    const char *near = str_nearest(name, names, scope->n_secret);
    if (!found)
        node_fail(at, e, "${secrets.%s}: `secrets` has no such name%s%s%s", name,
                  near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return found ? 0 : e->code;
}

static int check_run_time(const struct yaml *at, const struct reference_scope *scope,
                          const char *name, struct err *e)
{
    static const char *const known[] = { "checkpoint",  "run.id",           "run.dir",
                                         "run.attempt", "run.scheduled_at", "run.state" };
    if (str_starts(name, "secrets."))
        return check_secret(at, scope, name + 8, e);
    bool file = str_starts(name, "deps.") || str_starts(name, "outs.");
    bool run = false, checkpoint = strcmp(name, "checkpoint") == 0;
    for (size_t i = 1; i < sizeof known / sizeof *known; i++)
        run = run || strcmp(name, known[i]) == 0;

    if (!file && !run && !checkpoint) {
        const char *near = str_nearest(name, known, sizeof known / sizeof *known);
        return node_fail(
            at, e,
            "unknown reference '${%s}'%s%s%s (want params.x, env.X, deps.n, outs.n, "
            "checkpoint, run.id, run.dir, run.attempt or run.scheduled_at; $$ is a dollar)",
            name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    if (!scope->stage)
        return node_fail(at, e, "'${%s}' is known only while a stage runs, not here", name);
    if (file) {
        char kind[5] = { 0 };
        memcpy(kind, name, 4);
        return check_file_name(at, scope->stage, kind, name + 5, e);
    }
    if (strcmp(name, "run.state") == 0 && !scope->ending)
        return node_fail(at, e, "'${run.state}' is known only to on_exit: how the run ended");
    if (checkpoint && !yaml_get(scope->stage, "checkpoint"))
        return node_fail(at, e, "'${checkpoint}': the stage has no checkpoint");
    return 0;
}

/* A value, which is a template, for the shell: what it says literally in quotes. */
static void add_quoted(struct str *out, const char *value)
{
    struct str literal = { 0 }, quoted = { 0 };
    struct piece piece = { .kind = PIECE_TEXT };
    for (const char *p = value; p;) {
        p = piece_next(p, &piece);
        if (p && piece.kind != PIECE_NAME) {
            str_add(&literal, piece.text, piece.n);
            continue;
        }
        if (literal.n > 0 || *value == '\0')
            reference_shell_word(str_text(&literal), &quoted);
        reference_escape(str_text(&quoted), out);
        str_clear(&literal);
        str_clear(&quoted);
        if (p)
            str_addf(out, "${%.*s}", (int)piece.n, piece.text); /* quoted when it is filled in */
    }
    str_release(&literal);
    str_release(&quoted);
}

static void add_template(const struct reference_scope *scope, const char *value, struct str *out)
{
    if (scope->shell)
        add_quoted(out, value);
    else
        str_addz(out, value);
}

static const char *value_in(const char *const *list, size_t n, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (strncmp(list[i], name, length) == 0 && list[i][length] == '=')
            return list[i] + length + 1;
    return NULL;
}

/* As it was when the run began that is retried, else as it is; remembered for the next retry. */
static const char *outside_value(struct outside *o, const char *name)
{
    const char *value = value_in(o->given, o->n_given, name);
    if (!value)
        value = getenv(name);
    if (value && !value_in((const char *const *)o->used, o->n_used, name)) {
        o->used = mem_grow(o->used, o->n_used, sizeof *o->used);
        o->used[o->n_used++] = str_format("%s=%s", name, value);
    }
    return value;
}

static int resolve_name(const struct yaml *at, const struct reference_scope *scope,
                        const char *name, struct str *out, struct err *e)
{
    const struct reference_value *v;
    int rc;

    if (str_starts(name, "params.")) {
        const struct yaml *own = yaml_get(yaml_get(scope->stage, "params"), name + 7);
        if (own && own->kind == YAML_LIST)
            return node_fail(at, e, "${params.%s}: want a parameter of one value, found a list",
                             name + 7);
        if (!(v = find_value(scope->param, scope->n_param, name + 7)))
            return unknown_value(at, "params", name + 7, scope->param, scope->n_param,
                                 "there is no such parameter", e);
        add_template(scope, v->value, out);
        return 0;
    }
    if (str_starts(name, "env.")) {
        const char *outside;
        struct str value = { 0 };
        if ((v = find_value(scope->env, scope->n_env, name + 4)))
            str_addz(&value, v->value);
        else if ((outside = outside_value(scope->outside, name + 4)))
            reference_escape(outside, &value);
        else
            return unknown_value(at, "env", name + 4, scope->env, scope->n_env,
                                 "neither the file nor the environment has such a variable", e);
        add_template(scope, str_text(&value), out);
        str_release(&value);
        return 0;
    }
    if ((rc = check_run_time(at, scope, name, e)))
        return rc;
    str_addz(out, "${");
    str_addz(out, name);
    str_addc(out, '}');
    return 0;
}

int reference_resolve(const struct yaml *at, const struct reference_scope *scope, char **out,
                      struct err *e)
{
    struct str text = { 0 };
    struct piece piece;
    int rc = 0;

    if (!strchr(at->text, '$')) { /* most texts */
        *out = mem_strdup(at->text);
        return 0;
    }
    for (const char *p = at->text; rc == 0 && (p = piece_next(p, &piece));) {
        if (piece.kind == PIECE_UNCLOSED) {
            rc = node_fail(at, e, "'${%.*s' has no closing brace",
                           (int)(piece.n < 60 ? piece.n : 60), piece.text);
        } else if (piece.kind == PIECE_NAME) {
            char *name = mem_strndup(piece.text, piece.n);
            rc = resolve_name(at, scope, name, &text, e);
            free(name);
        } else {
            /* A lone dollar is doubled too, so that what follows it can never make a reference of
             * it. */
            char *literal = mem_strndup(piece.text, piece.n);
            reference_escape(literal, &text);
            free(literal);
        }
    }
    if (rc == 0)
        *out = str_take(&text);
    str_release(&text);
    return rc;
}

int reference_plain(const struct yaml *at, const struct reference_scope *scope, char **out,
                    struct err *e)
{
    char *template = NULL;
    int rc = reference_resolve(at, scope, &template, e);
    if (rc == 0 && !strchr(template, '$')) {
        *out = template;
        return 0;
    }
    if (rc == 0 && reference_open(template))
        rc = node_fail(at, e, "'%s' holds a reference that is known only while a stage runs",
                       template);
    if (rc == 0)
        *out = reference_text(template);
    free(template);
    return rc;
}

bool reference_open(const char *template)
{
    struct piece piece;
    for (const char *p = template; (p = piece_next(p, &piece));)
        if (piece.kind == PIECE_NAME)
            return true;
    return false;
}

void reference_escape(const char *text, struct str *out)
{
    for (; *text; text++) {
        if (*text == '$')
            str_addc(out, '$');
        str_addc(out, *text);
    }
}

void reference_shell_word(const char *text, struct str *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
    if (*text && text[strspn(text, plain)] == '\0') {
        str_addz(out, text);
        return;
    }
    str_addc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            str_addz(out, "'\\''");
        else
            str_addc(out, *text);
    }
    str_addc(out, '\'');
}

char *reference_text(const char *template)
{
    struct str text = { 0 };
    struct piece piece;
    for (const char *p = template; (p = piece_next(p, &piece));) {
        if (piece.kind == PIECE_NAME)
            str_addf(&text, "${%.*s}", (int)piece.n, piece.text);
        else
            str_add(&text, piece.text, piece.n);
    }
    return str_take(&text);
}
