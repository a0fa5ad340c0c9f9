#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/keys.h"
#include "runner/read/path.h"
#include "runner/read/reader.h"

static const int64_t on_exit_timeout_ms = 60000, on_exit_kill_after_ms = 10000;
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

bool is_name(const char *text)
{
    size_t n = strspn(text, letters);
    return n >= 1 && n <= 64 && text[n] == '\0' && *text != '-';
}

/* What can be referred to in a text of this stage: its own params before the pipeline's. */
struct own {
    struct reference_value *param, *env;
    size_t n_param, n_env;
    struct reference_scope paths; /* in deps, outs, code, checkpoint: no run-time references */
    struct reference_scope words; /* in cmd and env: everything */
};

static void own_release(struct own *own)
{
    reference_values_release(own->param, own->n_param);
    reference_values_release(own->env, own->n_env);
}

/* ---- params ---- */

static int param_value_read(const struct yaml *node, const struct reader *r, const struct yaml *map,
                            const struct stage_spec *s, const struct program_option *o, char **out,
                            struct err *e)
{
    struct reference_scope scope = reader_scope(r, map);
    const char *text;
    int rc;
    if ((rc = yaml_text(node, "params", &text, e)))
        return rc;
    if (yaml_is_null(node))
        return node_fail(node, e, "stage '%s': params: an empty value in a list", s->name);
    if ((rc = reference_resolve(node, &scope, out, e)) || (rc = contract_value(node, s, o, out, e)))
        return rc;
    return 0;
}

static int params_read(const struct reader *r, const struct yaml *map, struct stage_spec *s,
                       struct err *e)
{
    const struct yaml *params = yaml_get(map, "params");
    int rc;

    if (!params)
        return 0;
    if (params->kind != YAML_MAP)
        return node_fail(params, e, "stage '%s': params: want a mapping (name: value)", s->name);
    s->param = mem_calloc(params->n, sizeof *s->param);
    for (size_t i = 0; i < params->n; i++) {
        const struct yaml *key = params->key[i], *node = params->item[i];
        const struct program_option *o;
        struct param *p = &s->param[s->n_param++];
        p->name = mem_strdup(key->text);
        p->at = reader_mark(key);
        if (!is_name(key->text))
            return node_fail(key, e,
                             "stage '%s': params: '%s' is not a name of letters, digits, _ and -",
                             s->name, key->text);
        if ((rc = contract_option(key, s, key->text, PROGRAM_PARAM, &o, e)))
            return rc;
        if (node->kind == YAML_MAP)
            return node_fail(
                node, e, "stage '%s': params.%s: want a value or a list of values, found a mapping",
                s->name, p->name);
        if (node->kind == YAML_LIST && o && !o->list)
            return node_fail(node, e, "stage '%s': params.%s: want one value, found a list",
                             s->name, p->name);
        p->list = node->kind == YAML_LIST || (o && o->list);
        size_t n = node->kind == YAML_LIST ? node->n : 1;
        p->value = mem_calloc(n, sizeof *p->value);
        p->n_value = n;
        for (size_t k = 0; k < n; k++)
            if ((rc = param_value_read(node->kind == YAML_LIST ? node->item[k] : node, r, map, s, o,
                                       &p->value[k], e)))
                return rc;
    }
    return 0;
}

/* ---- the program ---- */

static int no_program(const struct yaml *at, const struct reader *r, const char *name,
                      struct err *e)
{
    const char **names = NULL;
    size_t n = 0;
    DIR *dir = opendir(r->libexec);
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        if (*d->d_name == '.')
            continue;
        names = mem_grow(names, n, sizeof *names);
        names[n++] = d->d_name;
    }
    const char *near = str_nearest(name, names, n);
    node_fail(at, e, "there is no program '%s' in %s%s%s%s", name, r->libexec,
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    if (dir)
        closedir(dir);
    free(names);
    return e->code;
}

static int run_read(const struct reader *r, struct stage_spec *s, const struct yaml *map,
                    struct err *e)
{
    const struct yaml *run = yaml_get(map, "run");
    const char *name = s->name;
    int rc = run ? yaml_text(run, "run", &name, e) : 0;
    if (rc)
        return rc;
    if (!is_name(name))
        return node_fail(run, e,
                         "stage '%s': run: '%s' is not the name of a program (another one: cmd)",
                         s->name, name);
    s->run = mem_strdup(name);
    s->program = str_format("%s/%s", r->libexec, name);
    return access(s->program, X_OK) == 0 ? 0 : no_program(run ? run : map, r, name, e);
}

/* The executable of a cmd: a path as it stands, a word by PATH. */
static int find_command(struct reader *r, const struct yaml *at, struct stage_spec *s,
                        struct err *e)
{
    if (reference_open(s->cmd[0]))
        return node_fail(at, e, "stage '%s': cmd: the program must be known before the stage runs",
                         s->name);
    char *word = reference_text(s->cmd[0]);
    if (strchr(word, '/')) {
        s->program = path_normal(word);
    } else if (r->word && strcmp(word, r->word) == 0) { /* as the stage before */
        s->program = mem_strdup(r->word_program);
    } else {
        const char *path = getenv("PATH");
        for (const char *p = path ? path : "/usr/bin:/bin"; p && !s->program;) {
            size_t n = strcspn(p, ":");
            char *file = str_format("%.*s/%s", (int)n, p, word);
            if (n > 0 && access(file, X_OK) == 0)
                s->program = mem_strdup(file);
            free(file);
            p = p[n] ? p + n + 1 : NULL;
        }
    }
    int rc = s->program
                 ? 0
                 : node_fail(at, e, "stage '%s': there is no program '%s' in PATH", s->name, word);
    if (rc == 0) {
        free(r->word);
        free(r->word_program);
        r->word = word;
        r->word_program = mem_strdup(s->program);
    } else {
        free(word);
    }
    return rc;
}

/* cmd is read before params are: its words are resolved in cmd_resolve. Here only what kind it is.
 */
static int cmd_read(struct stage_spec *s, const struct yaml *cmd, struct err *e)
{
    if (cmd->kind == YAML_MAP || (cmd->kind == YAML_LIST ? cmd->n == 0 : *cmd->text == '\0'))
        return node_fail(cmd, e, "stage '%s': cmd: want a list of words, or a text for sh -c",
                         s->name);
    s->shell = cmd->kind == YAML_SCALAR;
    return 0;
}

static int cmd_resolve(struct reader *r, struct stage_spec *s, const struct yaml *cmd,
                       const struct reference_scope *scope, struct err *e)
{
    struct reference_scope own = *scope;
    own.shell = s->shell;
    size_t n = s->shell ? 1 : cmd->n;
    s->cmd = mem_calloc(n, sizeof *s->cmd);
    for (; s->n_cmd < n; s->n_cmd++) {
        const struct yaml *word = s->shell ? cmd : cmd->item[s->n_cmd];
        const char *text;
        int rc = yaml_text(word, "cmd", &text, e);
        if (rc == 0 && s->n_cmd == 0 && *text == '\0')
            rc = node_fail(word, e, "stage '%s': cmd: the program is empty", s->name);
        if (rc == 0)
            rc = reference_resolve(word, &own, &s->cmd[s->n_cmd], e);
        if (rc)
            return rc;
    }
    return s->shell ? 0 : find_command(r, cmd->item[0], s, e);
}

/* Does one of n templates mention ${outs.NAME}? */
static bool mentions(char *const *text, size_t n, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < n; i++)
        for (const char *p = text[i]; (p = strstr(p, "${outs."));)
            if (strncmp(p += 7, name, length) == 0 && p[length] == '}')
                return true;
    return false;
}

/* A command learns where an output is staged from its reference alone. */
static int outs_told(const struct yaml *map, const struct stage_spec *s, struct err *e)
{
    const struct yaml *outs = yaml_get(map, "outs");
    for (size_t i = 0; i < s->n_out && outs->kind == YAML_MAP; i++) { /* a list has no names */
        const char *name = s->out[i].name;
        if (!mentions(s->cmd, s->n_cmd, name) && !mentions(s->env, s->n_env, name))
            return node_fail(yaml_get(outs, name), e,
                             "stage '%s': outs.%s: the command has no ${outs.%s}, so it cannot "
                             "make it",
                             s->name, name, name);
    }
    return 0;
}

int stage_read_program(struct reader *r, size_t i, const struct yaml *map, struct err *e)
{
    struct stage_spec *s = &r->m->stage[i];
    const struct yaml *cmd = yaml_get(map, "cmd"), *enabled = yaml_get(map, "enabled");
    char what[80];
    int rc;

    snprintf(what, sizeof what, "stage '%s'", r->stage_name[i]);
    if ((rc = keys_only(map, what, stage_keys, KEY_ANYWHERE, e)))
        return rc;
    s->name = mem_strdup(r->stage_name[i]);
    s->at = reader_mark(map);
    s->enabled = true;
    if (cmd && yaml_get(map, "run"))
        return node_fail(cmd, e, "stage '%s': run and cmd: want one of them", s->name);
    if (enabled && (rc = yaml_bool(enabled, "enabled", &s->enabled, e)))
        return rc;
    return cmd ? cmd_read(s, cmd, e) : run_read(r, s, map, e);
}

/* ---- the rest ---- */

static int flags_read(const struct yaml *map, struct stage_spec *s, struct err *e)
{
    const struct yaml *always = yaml_get(map, "always_changed"), *frozen = yaml_get(map, "frozen");
    int rc;
    if ((always && (rc = yaml_bool(always, "always_changed", &s->always_changed, e))) ||
        (frozen && (rc = yaml_bool(frozen, "frozen", &s->frozen, e))))
        return rc;
    if (s->always_changed && s->frozen)
        return node_fail(frozen, e, "stage '%s': always_changed and frozen contradict each other",
                         s->name);
    return 0;
}

static int secrets_read(const struct reader *r, const struct yaml *map, struct stage_spec *s,
                        struct err *e)
{
    const struct yaml *list = reader_setting(r, map, "secrets", NULL);
    if (!list)
        return 0;
    if (list->kind != YAML_LIST)
        return node_fail(list, e, "stage '%s': secrets: want a list of names", s->name);
    const char **names = mem_calloc(r->m->n_secret, sizeof *names);
    for (size_t i = 0; i < r->m->n_secret; i++)
        names[i] = r->m->secret[i].name;
    s->secret = mem_calloc(list->n, sizeof *s->secret);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->n; i++) {
        const char *text;
        bool known = false;
        if ((rc = yaml_text(list->item[i], "secrets", &text, e)))
            break;
        for (size_t k = 0; k < r->m->n_secret; k++)
            known = known || strcmp(names[k], text) == 0;
        for (size_t k = 0; k < s->n_secret && rc == 0; k++)
            if (strcmp(s->secret[k], text) == 0)
                rc = node_fail(list->item[i], e, "stage '%s': secret '%s' is given twice", s->name,
                               text);
        if (rc == 0 && !known) {
            const char *near = str_nearest(text, names, r->m->n_secret);
            rc = node_fail(list->item[i], e,
                           "stage '%s': there is no secret '%s' under the pipeline's secrets%s%s%s",
                           s->name, text, near ? "; did you mean '" : "", near ? near : "",
                           near ? "'?" : "");
        }
        if (rc == 0)
            s->secret[s->n_secret++] = mem_strdup(text);
    }
    str_sort(s->secret, s->n_secret);
    free(names);
    return rc;
}

static int needs_read(const struct reader *r, size_t self, const struct yaml *list, struct err *e)
{
    struct stage_spec *s = &r->m->stage[self];
    if (!list)
        return 0;
    if (list->kind != YAML_LIST)
        return node_fail(list, e, "stage '%s': needs: want a list of stages", s->name);
    s->needs = mem_calloc(list->n, sizeof *s->needs);
    for (size_t i = 0; i < list->n; i++) {
        const char *text;
        size_t k = 0;
        int rc = yaml_text(list->item[i], "needs", &text, e);
        if (rc)
            return rc;
        while (k < r->m->n_stage && strcmp(r->stage_name[k], text) != 0)
            k++;
        if (k == r->m->n_stage) {
            const char *near = str_nearest(text, r->stage_name, k);
            return node_fail(list->item[i], e, "stage '%s': needs: there is no stage '%s'%s%s%s",
                             s->name, text, near ? "; did you mean '" : "", near ? near : "",
                             near ? "'?" : "");
        }
        if (k == self)
            return node_fail(list->item[i], e, "stage '%s' needs itself", s->name);
        if (r->m->stage[k].enabled)
            s->needs[s->n_needs++] = k;
    }
    return 0;
}

/* The environment that the stage declares: the pipeline's, the defaults', its own. */
static int stage_env_read(const struct reader *r, const struct yaml *map, struct own *own,
                          struct err *e)
{
    const struct yaml *maps[2] = { yaml_get(r->defaults, "env"), yaml_get(map, "env") };
    struct reference_scope scope = reader_scope(r, map);
    for (size_t i = 0; i < r->n_env; i++) {
        own->env = mem_grow(own->env, own->n_env, sizeof *own->env);
        own->env[own->n_env++] = (struct reference_value){ mem_strdup(r->env[i].name),
                                                           mem_strdup(r->env[i].value) };
    }
    for (int i = 0; i < 2; i++) {
        int rc = maps[i] ? env_read(maps[i], &scope, &own->env, &own->n_env, e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static void keep_env(const struct own *own, struct stage_spec *s)
{
    s->env = mem_calloc(own->n_env, sizeof *s->env);
    for (; s->n_env < own->n_env; s->n_env++)
        s->env[s->n_env] = str_format("%s=%s", own->env[s->n_env].name, own->env[s->n_env].value);
    str_sort(s->env, s->n_env);
}

/* The stage's own params (of one value), then the pipeline's. */
static void collect_params(const struct reader *r, const struct stage_spec *s, struct own *own)
{
    own->param = mem_calloc(s->n_param + r->n_param, sizeof *own->param);
    for (size_t i = 0; i < s->n_param; i++)
        if (s->param[i].n_value == 1)
            own->param[own->n_param++] = (struct reference_value){
                mem_strdup(s->param[i].name), mem_strdup(s->param[i].value[0])
            };
    for (size_t i = 0; i < r->n_param; i++)
        own->param[own->n_param++] = (struct reference_value){ mem_strdup(r->param[i].name),
                                                               mem_strdup(r->param[i].value) };
}

static int checkpoint_read(const struct yaml *node, struct stage_spec *s,
                           const struct reference_scope *scope, struct err *e)
{
    int rc;
    if (!node)
        return 0;
    if (s->described && !program_option(s->described, "checkpoint"))
        return node_fail(node, e, "stage '%s': program '%s' keeps no checkpoint", s->name, s->run);
    if ((rc = fileref_read_path(node, scope, "checkpoint", &s->checkpoint, e)))
        return rc;
    if (!path_inside(s->checkpoint) || path_is_glob(s->checkpoint) ||
        strcmp(s->checkpoint, ".") == 0)
        return node_fail(node, e,
                         "stage '%s': checkpoint: '%s' is not a file inside the project directory",
                         s->name, s->checkpoint);
    return 0;
}

/* A name cannot be a declared variable, which is kept in the history, and a secret at once. */
static int secrets_check(const struct yaml *map, const struct stage_spec *s, struct err *e)
{
    for (size_t i = 0; i < s->n_secret; i++)
        for (size_t k = 0; k < s->n_env; k++)
            if (str_starts(s->env[k], s->secret[i]) && s->env[k][strlen(s->secret[i])] == '=')
                return node_fail(map, e, "stage '%s': '%s' is both a secret and in env", s->name,
                                 s->secret[i]);
    return 0;
}

int stage_read(struct reader *r, size_t i, const struct yaml *map, struct err *e)
{
    struct stage_spec *s = &r->m->stage[i];
    struct own own = { 0 };
    int rc;

    if ((rc = params_read(r, map, s, e)) || (rc = stage_env_read(r, map, &own, e)))
        goto out;
    collect_params(r, s, &own);
    own.words = reader_scope(r, map);
    own.words.param = own.param;
    own.words.n_param = own.n_param;
    own.words.env = own.env;
    own.words.n_env = own.n_env;
    own.paths = own.words;
    own.paths.stage = NULL;
    keep_env(&own, s);
    if ((rc = fileref_read(yaml_get(map, "deps"), s, &own.paths, PROGRAM_IN, &s->dep, &s->n_dep,
                           e)) ||
        (rc = fileref_read(yaml_get(map, "outs"), s, &own.paths, PROGRAM_OUT, &s->out, &s->n_out,
                           e)) ||
        (rc = fileref_read_code(reader_setting(r, map, "code", NULL), s, &own.paths, e)) ||
        (rc = checkpoint_read(yaml_get(map, "checkpoint"), s, &own.paths, e)) ||
        (rc = s->run ? 0 : cmd_resolve(r, s, yaml_get(map, "cmd"), &own.words, e)) ||
        (rc = s->run ? 0 : outs_told(map, s, e)) ||
        (rc = needs_read(r, i, yaml_get(map, "needs"), e)) || (rc = secrets_read(r, map, s, e)) ||
        (rc = secrets_check(map, s, e)) || (rc = flags_read(map, s, e)) ||
        (rc = limits_read(r, map, s, e)) || (rc = order_read(r, map, s, e)) ||
        (rc = contract_check(map, s, e)))
        goto out;
out:
    own_release(&own);
    return rc;
}

int farewell_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "on_exit"), *cmd = yaml_get(map, "cmd"),
                      *timeout = yaml_get(map, "timeout");
    struct reference_scope scope = reader_scope(r, map);
    int rc;
    if (!map)
        return 0;
    if ((rc = keys_only(map, "on_exit", keys_below(pipeline_keys, "on_exit"), KEY_ANYWHERE, e)))
        return rc;
    if (!cmd)
        return node_fail(map, e, "on_exit: 'cmd' is missing");
    struct stage_spec *s = mem_calloc(1, sizeof *s);
    *s = (struct stage_spec){ .name = mem_strdup("on_exit"),
                              .pool = NO_POOL,
                              .timeout_ms = on_exit_timeout_ms,
                              .kill_after_ms = on_exit_kill_after_ms,
                              .at = reader_mark(map) };
    r->m->on_exit = s;
    scope.ending = true;
    s->env = mem_calloc(r->n_env, sizeof *s->env);
    for (; s->n_env < r->n_env; s->n_env++) {
        char *value = reference_text(r->env[s->n_env].value);
        s->env[s->n_env] = str_format("%s=%s", r->env[s->n_env].name, value);
        free(value);
    }
    if (timeout && (rc = duration_read(timeout, "on_exit.timeout", &s->timeout_ms, e)))
        return rc;
    return (rc = cmd_read(s, cmd, e)) ? rc : cmd_resolve(r, s, cmd, &scope, e);
}

void stage_release(struct stage_spec *s)
{
    for (size_t i = 0; i < s->n_param; i++) {
        free(s->param[i].name);
        mem_free_texts(s->param[i].value, s->param[i].n_value);
    }
    free(s->param);
    fileref_release(s->dep, s->n_dep);
    fileref_release(s->out, s->n_out);
    fileref_release(s->code, s->n_code);
    mem_free_texts(s->cmd, s->n_cmd);
    mem_free_texts(s->env, s->n_env);
    mem_free_texts(s->secret, s->n_secret);
    free(s->retry.on_exit);
    free(s->needs);
    free(s->checkpoint);
    free(s->program);
    free(s->run);
    free(s->name);
    *s = (struct stage_spec){ 0 };
}
