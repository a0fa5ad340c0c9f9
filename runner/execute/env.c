/* The environment that a stage sees, and the secrets in it. */
#define _DEFAULT_SOURCE
#include "runner/execute/env.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static void env_put(struct env *v, char *entry)
{
    size_t n = strcspn(entry, "=") + 1;
    for (size_t i = 0; i < v->n; i++) {
        if (strncmp(v->entry[i], entry, n) == 0) {
            free(v->entry[i]);
            v->entry[i] = entry;
            return;
        }
    }
    v->entry = mem_realloc(v->entry, v->n + 2, sizeof *v->entry);
    v->entry[v->n++] = entry;
    v->entry[v->n] = NULL;
}

static void env_inherit(struct env *v, const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    if (value || otherwise)
        env_put(v, str_format("%s=%s", name, value ? value : otherwise));
}

char *env_mark(const struct run *r, const struct work *w)
{
    return str_format("REFIT_RUN=%s/%s/%s.%lld", r->here, r->directory, w->spec->name,
                      (long long)w->number);
}

void env_base(struct env *v, const struct run *r, const struct work *w)
{
    int cpus = proc_cpus();
    int64_t threads = w->spec->cpus > 0 && w->spec->cpus < cpus ? w->spec->cpus : cpus;
    env_inherit(v, "PATH", "/usr/local/bin:/usr/bin:/bin");
    env_inherit(v, "HOME", NULL);
    env_put(v, mem_strdup("LANG=C.UTF-8"));
    env_put(v, mem_strdup("TZ=UTC"));
    env_put(v, str_format("REFIT_THREADS=%lld", (long long)threads));
    env_put(v, mem_strdup("OMP_NUM_THREADS=1"));
    env_put(v, mem_strdup("OPENBLAS_NUM_THREADS=1"));
    env_put(v, env_mark(r, w));
}

int env_make(struct env *v, const struct run *r, const struct work *w,
             const struct attempt_files *files, struct err *e)
{
    char **declared = NULL;
    int rc = stage_env(w->spec, files, &declared, e);
    env_base(v, r, w);
    for (size_t i = 0; rc == 0 && declared[i]; i++)
        env_put(v, mem_strdup(declared[i]));
    for (size_t i = 0; rc == 0 && i < w->spec->n_secret; i++)
        for (size_t k = 0; k < r->m.n_secret; k++)
            if (strcmp(r->m.secret[k].name, w->spec->secret[i]) == 0 && r->secret[k])
                env_put(v, mem_strdup(r->secret[k]));
    argv_free(declared);
    return rc;
}

void env_release(struct env *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->entry[i]);
    free(v->entry);
}

/* Value of a secret's file: its first line. */
static int read_secret(const struct secret_ref *ref, char **out, struct err *e)
{
    char text[65536];
    int fd = open(ref->file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n < 0)
        err_sys(e, "secret '%s': cannot read '%s'", ref->name, ref->file);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return e->code;
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *out = str_format("%s=%s", ref->name, text);
    explicit_bzero(text, sizeof text);
    return 0;
}

static bool is_named(const struct run *r, const char *secret, const char **out_stage)
{
    for (size_t i = 0; i < r->m.n_stage; i++) {
        const struct work *w = &r->work[i];
        if (w->state != WORK_PENDING && w->state != WORK_READY)
            continue;
        for (size_t k = 0; k < w->spec->n_secret; k++) {
            if (strcmp(w->spec->secret[k], secret) == 0) {
                *out_stage = w->spec->name;
                return true;
            }
        }
    }
    return false;
}

int secrets_resolve(struct run *r, struct err *e)
{
    const char *stage;
    for (size_t i = 0; i < r->m.n_secret; i++) {
        const struct secret_ref *ref = &r->m.secret[i];
        if (r->secret[i] || !is_named(r, ref->name, &stage))
            continue;
        if (ref->file) {
            struct err why = { 0 };
            if (read_secret(ref, &r->secret[i], &why))
                return manifest_fail(&r->m, ref->at, e, "stage '%s': %s", stage, why.text);
        } else if (getenv(ref->env)) {
            r->secret[i] = str_format("%s=%s", ref->name, getenv(ref->env));
        } else {
            return manifest_fail(
                &r->m, ref->at, e,
                "secret '%s' of stage '%s': the environment variable '%s' is not set", ref->name,
                stage, ref->env);
        }
    }
    return 0;
}
