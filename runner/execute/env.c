/* The environment that a stage sees, and the secrets in it. */
#define _DEFAULT_SOURCE
#include "runner/execute/env.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/secret.h"
#include "runner/execute/mask.h"

void env_put(struct env *v, char *entry)
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

void env_plain(struct env *v)
{
    env_inherit(v, "PATH", "/usr/local/bin:/usr/bin:/bin");
    env_inherit(v, "HOME", NULL);
    env_put(v, mem_strdup("LANG=C.UTF-8"));
    env_put(v, mem_strdup("TZ=UTC"));
}

void env_base(struct env *v, const struct run *r, const struct work *w)
{
    int cpus = proc_cpus();
    int64_t threads = w->spec->cpus > 0 && w->spec->cpus < cpus ? w->spec->cpus : cpus;
    env_plain(v);
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
    env_put(v, str_format("REFIT_PIPELINE=%s", r->m.name));
    env_put(v, str_format("REFIT_FINGERPRINT=%s", w->decision.fingerprint));
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
        secret_free(v->entry[i]);
    free(v->entry);
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

static int find_secret(struct run *r, size_t i, const char *stage, struct err *e)
{
    const struct secret_ref *ref = &r->m.secret[i];
    struct err why = { 0 };
    char *value = NULL;
    if (secret_value(ref->name, ref->env, ref->file, &value, &why))
        return manifest_fail(&r->m, ref->at, e, "stage '%s': %s", stage, why.text);
    r->secret[i] = str_format("%s=%s", ref->name, value);
    secret_free(value);
    return 0;
}

/* What is given with -p is kept with the run, for retry. */
static int check_set(const struct run *r, struct err *e)
{
    for (size_t i = 0; i < r->o.n_set; i++) {
        const char *text = r->o.set[i];
        char *masked = mask_text(&r->mask, text);
        bool same = strcmp(masked, text) == 0;
        free(masked);
        if (!same)
            return err_set(e, ERR_USAGE,
                           "-p %.*s: holds the value of a secret, which must not stand in the "
                           "history: name it under secrets of the stage",
                           (int)strcspn(text, "="), text);
    }
    return 0;
}

int secrets_resolve(struct run *r, struct err *e)
{
    const char *stage;
    for (size_t i = 0; i < r->m.n_secret; i++) {
        const struct secret_ref *ref = &r->m.secret[i];
        int rc;
        if (r->secret[i] || !is_named(r, ref->name, &stage))
            continue;
        if ((rc = find_secret(r, i, stage, e)))
            return rc;
        if (!mask_add(&r->mask, ref->name, r->secret[i] + strlen(ref->name) + 1)) {
            char *text = str_format("secret '%s' has less than %d bytes: it is not masked in logs",
                                    ref->name, (int)MASK_MIN);
            show_line(&r->show, SHOW_YELLOW, true, "warning", stage, text);
            free(text);
        }
    }
    mask_prepare(&r->mask);
    return check_set(r, e);
}

void secrets_release(struct run *r)
{
    for (size_t i = 0; r->secret && i < r->m.n_secret; i++)
        secret_free(r->secret[i]);
    free(r->secret);
    r->secret = NULL;
    mask_release(&r->mask);
}
