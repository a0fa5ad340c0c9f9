#include "runner/read/manifest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/inside.h"
#include "runner/read/keys.h"
#include "runner/read/path.h"
#include "runner/read/profile.h"
#include "runner/read/reader.h"
#include "runner/read/sources.h"

enum { SCHEMA = 1 };

int manifest_fail(const struct manifest *m, struct mark at, struct err *e, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_USAGE, "%s:%zu:%zu: %s", m->path, at.line, at.column, text);
}

int manifest_stage(const struct manifest *m, const char *name, size_t *out, struct err *e)
{
    for (*out = 0; *out < m->n_stage; (*out)++)
        if (strcmp(m->stage[*out].name, name) == 0)
            return 0;
    const char **names = mem_calloc(m->n_stage, sizeof *names);
    for (size_t i = 0; i < m->n_stage; i++)
        names[i] = m->stage[i].name;
    const char *near = str_nearest(name, names, m->n_stage);
    err_set(e, ERR_USAGE, "%s has no stage '%s'%s%s%s", m->path, name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return e->code;
}

void reference_values_release(struct reference_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(v[i].name);
        free(v[i].value);
    }
    free(v);
}

struct reference_scope reader_scope(const struct reader *r, const struct yaml *stage)
{
    return (struct reference_scope){ .outside = r->outside,
                                     .param = r->param,
                                     .env = r->env,
                                     .n_param = r->n_param,
                                     .n_env = r->n_env,
                                     .stage = stage };
}

bool is_variable(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n >= 1 && n <= 200 && text[n] == '\0' && !(*text >= '0' && *text <= '9') &&
           !str_starts(text, "REFIT_");
}

int env_read(const struct yaml *map, const struct reference_scope *scope,
             struct reference_value **env, size_t *n_env, struct err *e)
{
    if (map->kind != YAML_MAP)
        return node_fail(map, e, "env: want a mapping (NAME: value)");
    for (size_t i = 0; i < map->n; i++) {
        const char *name = map->key[i]->text, *text;
        char *value = NULL;
        size_t at = 0;
        int rc;
        if (!is_variable(name))
            return node_fail(map->key[i], e, "env: '%s' is not a name of a variable%s", name,
                             str_starts(name, "REFIT_") ? " (REFIT_... are the runner's own)" : "");
        if ((rc = yaml_text(map->item[i], "env", &text, e)) ||
            (rc = reference_resolve(map->item[i], scope, &value, e)))
            return rc;
        while (at < *n_env && strcmp((*env)[at].name, name) != 0)
            at++;
        if (at < *n_env) {
            free((*env)[at].value);
            (*env)[at].value = value;
            continue;
        }
        *env = mem_grow(*env, *n_env, sizeof **env);
        (*env)[(*n_env)++] = (struct reference_value){ mem_strdup(name), value };
    }
    return 0;
}

/* ---- the head of the file ---- */

static int head_read(struct reader *r, struct err *e)
{
    const struct yaml *version = yaml_get(r->root, "refit"), *name = yaml_get(r->root, "name");
    const struct yaml *description = yaml_get(r->root, "description"),
                      *jobs = yaml_get(r->root, "jobs");
    const char *text;
    long long n = 0;
    int rc;

    if (!version)
        return node_fail(r->root, e, "'refit: %d' is missing (the version of this format)", SCHEMA);
    if ((rc = yaml_text(version, "refit", &text, e)))
        return rc;
    if (!str_to_int(text, &n) || n != SCHEMA)
        return node_fail(version, e, "refit: found version '%s', want %d", text, SCHEMA);
    if (!name)
        return node_fail(r->root, e, "'name' of the pipeline is missing");
    if ((rc = yaml_text(name, "name", &text, e)))
        return rc;
    if (!is_name(text))
        return node_fail(name, e, "name '%s': want letters, digits, _ and -, at most 64", text);
    r->m->name = mem_strdup(text);
    if (description) {
        if ((rc = yaml_text(description, "description", &text, e)))
            return rc;
        r->m->description = mem_strdup(text);
    }
    n = 0;
    if ((rc = key_int(jobs, "jobs", key_of(pipeline_keys, "jobs"), &n, e)))
        return rc;
    r->m->jobs = n;
    const struct yaml *timeout = yaml_get(r->root, "timeout");
    if (timeout && strcmp(timeout->text, "none") != 0)
        return duration_read(timeout, "timeout", &r->m->timeout_ms, e);
    return 0;
}

/* A pipeline param may refer to the environment and to params above it. */
static int params_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "params");
    if (!map)
        return 0;
    if (map->kind != YAML_MAP)
        return node_fail(map, e, "params: want a mapping (name: value)");
    r->param = mem_calloc(map->n, sizeof *r->param);
    for (size_t i = 0; i < map->n; i++) {
        struct reference_scope scope = reader_scope(r, NULL);
        const char *name = map->key[i]->text;
        char *value = NULL;
        int rc;
        if (!is_name(name))
            return node_fail(
                map->key[i], e,
                "params: '%s' is not a name of letters, digits, _ and - (a dot means: of "
                "a stage)",
                name);
        if (map->item[i]->kind != YAML_SCALAR)
            return node_fail(map->item[i], e,
                             "params.%s: want a text, found a %s (structure is a file, given as a "
                             "dep)",
                             name, map->item[i]->kind == YAML_LIST ? "list" : "mapping");
        if ((rc = reference_resolve(map->item[i], &scope, &value, e)))
            return rc;
        r->param[r->n_param++] = (struct reference_value){ mem_strdup(name), value };
    }
    return 0;
}

/* The pipeline's environment: refers to the runner's own only. */
static int pipeline_env_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "env");
    struct reference_scope scope = { .outside = r->outside };
    return map ? env_read(map, &scope, &r->env, &r->n_env, e) : 0;
}

static int secret_read(const struct yaml *key, const struct yaml *map, struct secret_ref *s,
                       struct err *e)
{
    const struct yaml *env, *file;
    const char *text;
    int rc;

    s->name = mem_strdup(key->text);
    s->at = (struct mark){ key->line, key->column };
    if (!is_variable(key->text))
        return node_fail(key, e, "secrets: '%s' is not a name of a variable", key->text);
    if (map->kind != YAML_MAP)
        return node_fail(map, e,
                         "secrets.%s: want {env: NAME} or {file: PATH}: a value has no place here",
                         s->name);
    if ((rc = keys_only(map, "secrets", keys_below(pipeline_keys, "secrets"), KEY_ANYWHERE, e)))
        return rc;
    env = yaml_get(map, "env");
    file = yaml_get(map, "file");
    if (!env == !file)
        return node_fail(map, e, "secrets.%s: want one of env and file", s->name);
    if ((rc = yaml_text(env ? env : file, "secrets", &text, e)))
        return rc;
    if (!*text)
        return node_fail(map, e, "secrets.%s: the %s is empty", s->name, env ? "name" : "path");
    *(env ? &s->env : &s->file) = mem_strdup(text);
    return 0;
}

static int secrets_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "secrets");
    int rc = 0;
    if (!map)
        return 0;
    if (map->kind != YAML_MAP)
        return node_fail(map, e, "secrets: want a mapping (NAME: {env: NAME} or {file: PATH})");
    r->m->secret = mem_calloc(map->n, sizeof *r->m->secret);
    for (size_t i = 0; rc == 0 && i < map->n; i++)
        rc = secret_read(map->key[i], map->item[i], &r->m->secret[r->m->n_secret++], e);
    return rc;
}

static int retention_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "retention");
    const struct key *keys = keys_below(pipeline_keys, "retention");
    long long runs = 30, days = 90;
    int rc;
    if ((map && (rc = keys_only(map, "retention", keys, KEY_ANYWHERE, e))) ||
        (rc = key_int(yaml_get(map, "runs"), "retention.runs", key_of(keys, "runs"), &runs, e)) ||
        (rc = key_int(yaml_get(map, "days"), "retention.days", key_of(keys, "days"), &days, e)))
        return rc;
    r->m->retention = (struct retention){ .runs = runs, .days = days };
    return 0;
}

static int defaults_read(struct reader *r, struct err *e)
{
    r->defaults = yaml_get(r->root, "defaults");
    return r->defaults ? keys_only(r->defaults, "defaults", stage_keys, KEY_DEFAULTS, e) : 0;
}

static int profiles_read(struct reader *r, struct err *e)
{
    const struct yaml *map = yaml_get(r->root, "profiles");
    if (!map || yaml_is_null(map))
        return 0;
    if (map->kind != YAML_MAP)
        return node_fail(map, e, "profiles: want a mapping (name: partial pipeline)");
    r->m->profile = mem_calloc(map->n, sizeof *r->m->profile);
    for (size_t i = 0; i < map->n; i++) {
        if (!is_name(map->key[i]->text))
            return node_fail(map->key[i], e, "profiles: '%s' is not a name", map->key[i]->text);
        r->m->profile[r->m->n_profile++] = mem_strdup(map->key[i]->text);
    }
    return 0;
}

/* ---- stages ---- */

static int stage_names_read(struct reader *r, const struct yaml *stages, struct err *e)
{
    if (!stages)
        return node_fail(r->root, e, "'stages' is missing");
    if (stages->kind != YAML_MAP || stages->n == 0)
        return node_fail(stages, e, "stages: want a mapping (name: {deps, outs, params...})");
    if (stages->n > KEYS_MAX_STAGES)
        return node_fail(stages, e, "stages: found %zu, want at most %d", stages->n,
                         KEYS_MAX_STAGES);
    r->stage_name = mem_calloc(stages->n, sizeof *r->stage_name);
    for (size_t i = 0; i < stages->n; i++) {
        r->stage_name[i] = stages->key[i]->text;
        if (!is_name(r->stage_name[i]))
            return node_fail(stages->key[i], e,
                             "stages: '%s' is not a name of letters, digits, _ and -, at most 64",
                             r->stage_name[i]);
        if (strcmp(r->stage_name[i], "on_exit") == 0)
            return node_fail(stages->key[i], e,
                             "stages: 'on_exit' is what the pipeline's on_exit is called");
    }
    r->m->stage = mem_calloc(stages->n, sizeof *r->m->stage);
    r->m->n_stage = stages->n;
    return 0;
}

/* Ask every program once. */
static int programs_describe(struct reader *r, const struct yaml *stages, struct state *s,
                             struct err *e)
{
    struct manifest *m = r->m;
    char **path = mem_calloc(m->n_stage, sizeof *path);
    size_t *used_by = mem_calloc(m->n_stage, sizeof *used_by), n = 0;
    int rc;

    for (size_t i = 0; i < m->n_stage; i++) {
        size_t k = 0;
        if (!m->stage[i].run)
            continue;
        while (k < n && strcmp(path[k], m->stage[i].program) != 0)
            k++;
        used_by[i] = k;
        if (k == n)
            path[n++] = m->stage[i].program;
    }
    m->program = mem_calloc(n, sizeof *m->program);
    rc = program_describe(m->program, path, n, s, e);
    if (rc == 0) {
        m->n_program = n;
        for (size_t i = 0; i < m->n_stage; i++)
            m->stage[i].described = m->stage[i].run ? m->program[used_by[i]] : NULL;
    } else if (rc == ERR_USAGE) {
        err_wrap(e, "%s:%zu:%zu", stages->file, stages->line, stages->column);
    }
    free(used_by);
    free(path);
    return rc;
}

/* ---- between stages ---- */

/* Is `path` an out, or inside an out, of a stage that is enabled (or not)? `found` is of
 * makers_find. */
static const struct stage_spec *producer(const struct manifest *m, const struct makers_found *found,
                                         const char *path, bool enabled)
{
    for (size_t i = 0; i < found->n; i++) {
        const struct stage_spec *s = &m->stage[found->item[i].stage];
        size_t n = strlen(found->item[i].path);
        if (s->enabled == enabled && strncmp(path, found->item[i].path, n) == 0 &&
            (path[n] == '\0' || path[n] == '/'))
            return s;
    }
    return NULL;
}

static void remove_path(struct file_ref *f, size_t i)
{
    free(f->path[i]);
    f->n_path--;
    memmove(f->path + i, f->path + i + 1, (f->n_path - i) * sizeof *f->path);
}

static void remove_dep(struct stage_spec *s, size_t i)
{
    free(s->dep[i].name);
    free(s->dep[i].path);
    s->n_dep--;
    memmove(s->dep + i, s->dep + i + 1, (s->n_dep - i) * sizeof *s->dep);
}

/* Leave out what only disabled stages make, where the stage can do without. */
static int drop_disabled(struct manifest *m, struct stage_spec *s, struct makers_found *found,
                         struct err *e)
{
    for (size_t i = s->n_dep; i-- > 0;) {
        struct file_ref *f = &s->dep[i];
        const struct program_option *o = s->described ? program_option(s->described, f->name)
                                                      : NULL;
        for (size_t k = f->n_path; k-- > 0;) {
            makers_find(&m->makers, f->path[k], found);
            const struct stage_spec *off = producer(m, found, f->path[k], false);
            if (!off || producer(m, found, f->path[k], true))
                continue;
            if (!f->optional && !(o && !o->required))
                return manifest_fail(
                    m, f->at, e,
                    "stage '%s': deps.%s: '%s' is made by stage '%s', which is disabled", s->name,
                    f->name, f->path[k], off->name);
            remove_path(f, k);
        }
        if (f->n_path == 0)
            remove_dep(s, i);
    }
    return 0;
}

/* *io_program: the last one that was found executable; many stages run the same. */
static int link_check(struct manifest *m, struct stage_spec *s, struct makers_found *found,
                      const char **io_program, struct err *e)
{
    if (s->run || !s->program || strcmp(s->program, *io_program) == 0) {
        /* in libexec, the shell, or seen */
    } else if (access(s->program, X_OK) == 0) {
        *io_program = s->program;
    } else {
        makers_find(&m->makers, s->program, found);
        if (!producer(m, found, s->program, true))
            return manifest_fail(m, s->at, e, "stage '%s': cmd: '%s' is not an executable file",
                                 s->name, s->program);
    }
    return 0;
}

static int links_check(struct manifest *m, struct err *e)
{
    struct makers_found found = { 0 };
    const char *program = "";
    bool any_off = false;
    int rc = 0;
    makers_init(&m->makers, m->stage, m->n_stage);
    for (size_t i = 0; i < m->n_stage; i++)
        any_off |= !m->stage[i].enabled;
    for (size_t i = 0; i < m->n_stage && rc == 0; i++)
        if (m->stage[i].enabled &&
            (!any_off || (rc = drop_disabled(m, &m->stage[i], &found, e)) == 0))
            rc = link_check(m, &m->stage[i], &found, &program, e);
    makers_found_release(&found);
    return rc;
}

static int resolve(struct reader *r, struct yaml *root, const struct manifest_options *o,
                   struct state *s, struct err *e)
{
    int rc;
    if ((rc = keys_only(root, "pipeline", pipeline_keys, KEY_ANYWHERE, e)) ||
        (rc = profiles_read(r, e)) || (rc = null_apply(root, e)) ||
        (o && o->profile && (rc = profile_apply(root, o->profile, e))) ||
        (rc = null_apply(root, e)) || (o && (rc = override_apply(root, o->set, o->n_set, e))))
        return rc;
    const struct yaml *stages = yaml_get(root, "stages");
    if ((rc = head_read(r, e)) || (rc = pipeline_env_read(r, e)) || (rc = params_read(r, e)) ||
        (rc = secrets_read(r, e)) || (rc = secrets_guard(root, r->m, e)) ||
        (rc = pools_read(r, e)) || (rc = farewell_read(r, e)) || (rc = defaults_read(r, e)) ||
        (rc = retention_read(r, e)) || (rc = stage_names_read(r, stages, e)))
        return rc;
    for (size_t i = 0; i < stages->n; i++)
        if ((rc = stage_read_program(r, i, stages->item[i], e)))
            return rc;
    if ((rc = programs_describe(r, stages, s, e)))
        return rc;
    for (size_t i = 0; i < stages->n; i++)
        if ((rc = stage_read(r, i, stages->item[i], e)))
            return rc;
    if ((rc = links_check(r->m, e)) || (rc = inside_check(r->m, e)) ||
        (rc = sources_check(r->m, e)) || (rc = channels_read(r, e)))
        return rc;
    return schedule_read(root, r->m->name, &r->m->schedule, &r->m->n_schedule, e);
}

int manifest_read(struct manifest *m, const char *path, const struct manifest_options *o,
                  struct state *s, struct err *e)
{
    struct yaml *root = NULL;
    char *libexec = NULL;
    struct outside outside = { .given = o ? o->outside : NULL, .n_given = o ? o->n_outside : 0 };
    struct reader r = { .m = m, .outside = &outside };
    int rc;

    *m = (struct manifest){ 0 };
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return err_set(
            e, ERR_USAGE,
            "there is no pipeline file '%s' here (-f FILE names another one, -C DIR goes "
            "elsewhere first)",
            path);
    if ((rc = yaml_read(&root, path, e)))
        return rc;
    if (o && o->libexec)
        libexec = mem_strdup(o->libexec);
    else if ((rc = program_directory(&libexec, e)))
        goto out;
    m->path = mem_strdup(path);
    r.root = root;
    r.libexec = libexec;
    rc = resolve(&r, root, o, s, e);
    m->outside = outside.used;
    m->n_outside = outside.n_used;
out:
    reference_values_release(r.param, r.n_param);
    reference_values_release(r.env, r.n_env);
    stage_release(&r.usual);
    free(r.stage_name);
    free(r.word);
    free(r.word_program);
    free(libexec);
    yaml_release(root);
    if (rc)
        manifest_release(m);
    return rc;
}

void manifest_release(struct manifest *m)
{
    for (size_t i = 0; i < m->n_stage; i++)
        stage_release(&m->stage[i]);
    if (m->on_exit)
        stage_release(m->on_exit);
    free(m->on_exit);
    for (size_t i = 0; i < m->n_program; i++)
        program_free(m->program[i]);
    for (size_t i = 0; i < m->n_secret; i++) {
        free(m->secret[i].name);
        free(m->secret[i].env);
        free(m->secret[i].file);
    }
    mem_free_texts(m->outside, m->n_outside);
    for (size_t i = 0; i < m->n_pool; i++)
        free(m->pool[i].name);
    free(m->pool);
    for (size_t i = 0; i < m->n_profile; i++)
        free(m->profile[i]);
    schedule_release(m->schedule, m->n_schedule);
    makers_release(&m->makers);
    channels_release(&m->channels);
    free(m->stage);
    free(m->program);
    free(m->secret);
    free(m->profile);
    free(m->name);
    free(m->description);
    free(m->path);
    *m = (struct manifest){ 0 };
}
