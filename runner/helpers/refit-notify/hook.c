/* A message for a command: JSON on standard input, the most wanted of it in the environment. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/helpers/refit-notify/deliver.h"

enum { TIMEOUT_S = 60, N_ENV = 11 };

static char *inherit(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return str_format("%s=%s", name, value ? value : otherwise);
}

static char **environment(const struct delivery *d)
{
    static const char *const key[] = { "event", "pipeline", "run", "state", "subject" };
    char **env = mem_calloc(N_ENV, sizeof *env);
    size_t n = 0;
    env[n++] = inherit("PATH", "/usr/local/bin:/usr/bin:/bin");
    env[n++] = inherit("HOME", "/");
    env[n++] = mem_strdup("LANG=C.UTF-8");
    env[n++] = mem_strdup("TZ=UTC");
    for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
        struct str entry = { 0 };
        str_addz(&entry, "REFIT_");
        for (const char *p = key[i]; *p; p++)
            str_addc(&entry, (char)(*p - 'a' + 'A'));
        str_addf(&entry, "=%s", delivery_text(d, key[i]));
        env[n++] = str_take(&entry);
    }
    const char *stage = json_string_value(
        json_object_get(json_object_get(d->message, "stage"), "name"));
    env[n++] = str_format("REFIT_STAGE=%s", stage ? stage : "");
    env[n] = NULL;
    return env;
}

static bool is_executable(const char *word)
{
    if (strchr(word, '/'))
        return access(word, X_OK) == 0;
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        char *file = str_format("%.*s/%s", (int)n, p, word);
        bool found = n > 0 && access(file, X_OK) == 0;
        free(file);
        if (found)
            return true;
        p += n + (p[n] == ':');
    }
    return false;
}

int hook_run(struct delivery *d, const json_t *words, struct err *e)
{
    size_t n = json_array_size(words);
    char **argv = mem_calloc(n + 1, sizeof *argv), **env = environment(d);
    int status = 0, rc = 0;

    for (size_t i = 0; i < n; i++)
        argv[i] = mem_strdup(json_string_value(json_array_get(words, i)));
    if (!is_executable(argv[0]))
        rc = err_set(e, ERR_RETRY, "'%s' is not an executable file", argv[0]);
    else if (!d->check)
        rc = delivery_run(argv, env, d->document, TIMEOUT_S, &status, e);
    if (rc && (status == ERR_USAGE || status == ERR_DATA)) /* it says that trying is no use */
        rc = e->code = ERR_DATA;
    mem_free_texts(argv, n);
    mem_free_texts(env, N_ENV - 1);
    return rc;
}
