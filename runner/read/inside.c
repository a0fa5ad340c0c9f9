#define _DEFAULT_SOURCE
#include "runner/read/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* The directory that was looked at last: as a rule the next output lies in the same one. */
struct memo {
    char *here;   /* the current directory without links; owned */
    char *parent; /* NULL: none yet; owned */
    char *real;   /* where that leads, if that is outside; owned */
};

static bool is_below(const char *real, const char *here)
{
    size_t n = strlen(here);
    return strcmp(here, "/") == 0 ||
           (strncmp(real, here, n) == 0 && (real[n] == '\0' || real[n] == '/'));
}

/* Where the directory leads, as far as it exists; owned by the caller, NULL if that cannot be told.
 */
static char *real_directory(const char *directory)
{
    char *at = mem_strdup(directory), *real = realpath(at, NULL);
    while (!real && errno == ENOENT && strcmp(at, ".") != 0) {
        char *above = str_parent(at);
        free(at);
        at = above;
        real = realpath(at, NULL);
    }
    free(at);
    return real;
}

/* Where the directory that holds `path` lies if that is outside, else NULL. */
static const char *leads_outside(struct memo *memo, const char *path)
{
    char *parent = str_parent(path);
    if (memo->parent && strcmp(memo->parent, parent) == 0) {
        free(parent);
        return memo->real;
    }
    free(memo->parent);
    free(memo->real);
    memo->parent = parent;
    memo->real = real_directory(parent);
    if (memo->real && is_below(memo->real, memo->here)) {
        free(memo->real);
        memo->real = NULL;
    }
    return memo->real;
}

static int check_stage(const struct manifest *m, const struct stage_spec *s, struct memo *memo,
                       struct err *e)
{
    const char *real;
    for (size_t i = 0; i < s->n_out; i++)
        if ((real = leads_outside(memo, s->out[i].path[0])))
            return manifest_fail(m, s->out[i].at, e,
                                 "stage '%s': outs.%s: '%s' leaves the project directory: '%s' "
                                 "leads to '%s'",
                                 s->name, s->out[i].name, s->out[i].path[0], memo->parent, real);
    if (s->checkpoint && (real = leads_outside(memo, s->checkpoint)))
        return manifest_fail(m, s->at, e,
                             "stage '%s': checkpoint: '%s' leaves the project directory: '%s' "
                             "leads to '%s'",
                             s->name, s->checkpoint, memo->parent, real);
    return 0;
}

int inside_check(const struct manifest *m, struct err *e)
{
    struct memo memo = { .here = realpath(".", NULL) };
    int rc = memo.here ? 0 : err_sys(e, "cannot find the current directory");
    for (size_t i = 0; i < m->n_stage && rc == 0; i++)
        if (m->stage[i].enabled)
            rc = check_stage(m, &m->stage[i], &memo, e);
    free(memo.here);
    free(memo.parent);
    free(memo.real);
    return rc;
}
