#include "runner/read/sources.h"

#include <stdlib.h>

#include "base/mem.h"
#include "runner/read/makers.h"
#include "runner/read/path.h"

/* No checkpoint and no output is this file, lies in it or holds it. */
static int file_kept(const struct manifest *m, const char *file, const char *what,
                     const struct makers *checkpoints, struct makers_found *found, struct err *e)
{
    char *path = path_normal(file);
    const struct stage_spec *s;
    int rc = 0;
    makers_find(checkpoints, path, found);
    if (found->n > 0) {
        s = &m->stage[found->item[0].stage];
        rc = manifest_fail(m, s->at, e, "stage '%s': checkpoint '%s' is %s", s->name, s->checkpoint,
                           what);
    } else {
        makers_find(&m->makers, path, found);
        if (found->n > 0) {
            s = &m->stage[found->item[0].stage];
            const struct file_ref *out = &s->out[found->item[0].out];
            rc = manifest_fail(m, out->at, e, "stage '%s': outs.%s: '%s' is %s", s->name, out->name,
                               out->path[0], what);
        }
    }
    free(path);
    return rc;
}

static int is_read(const struct manifest *m, const struct stage_spec *s, const char *kind,
                   const struct file_ref *ref, size_t n, const struct makers *checkpoints,
                   struct makers_found *found, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < ref[i].n_path; k++) {
            makers_find(checkpoints, ref[i].path[k], found);
            if (found->n > 0)
                return manifest_fail(m, ref[i].at, e,
                                     "stage '%s': %s '%s' is the checkpoint of stage '%s', which "
                                     "is removed when that is done",
                                     s->name, kind, ref[i].path[k],
                                     m->stage[found->item[0].stage].name);
        }
    return 0;
}

/* No checkpoint is an output, or another one. `at` is sorted by path. */
static int checkpoint_alone(const struct manifest *m, const struct maker *at, bool first,
                            struct makers_found *found, struct err *e)
{
    const struct stage_spec *s = &m->stage[at->stage];
    makers_find(&m->makers, at->path, found);
    if (found->n > 0)
        return manifest_fail(m, s->at, e, "stage '%s': checkpoint '%s' is an output of stage '%s'",
                             s->name, at->path, m->stage[found->item[0].stage].name);
    if (!first && path_related(at[-1].path, at->path))
        return manifest_fail(m, s->at, e, "stage '%s': checkpoint '%s' is that of stage '%s' too",
                             s->name, at->path, m->stage[at[-1].stage].name);
    return 0;
}

static void collect(const struct manifest *m, struct makers *checkpoints)
{
    struct maker *item = mem_calloc(m->n_stage, sizeof *item);
    size_t n = 0;
    for (size_t i = 0; i < m->n_stage; i++)
        if (m->stage[i].checkpoint && m->stage[i].enabled)
            item[n++] = (struct maker){ .path = m->stage[i].checkpoint, .stage = i };
    makers_of(checkpoints, item, n);
}

int sources_check(const struct manifest *m, struct err *e)
{
    struct makers checkpoints;
    struct makers_found found = { 0 };
    int rc;
    collect(m, &checkpoints);
    rc = file_kept(m, m->path, "the pipeline file", &checkpoints, &found, e);
    for (size_t i = 0; i < m->n_secret && rc == 0; i++)
        if (m->secret[i].file)
            rc = file_kept(m, m->secret[i].file, "the file of a secret", &checkpoints, &found, e);
    for (size_t i = 0; i < checkpoints.n && rc == 0; i++)
        rc = checkpoint_alone(m, &checkpoints.item[i], i == 0, &found, e);
    for (size_t i = 0; i < m->n_stage && rc == 0 && checkpoints.n > 0; i++) {
        const struct stage_spec *s = &m->stage[i];
        if ((rc = is_read(m, s, "dep", s->dep, s->n_dep, &checkpoints, &found, e)) == 0)
            rc = is_read(m, s, "code", s->code, s->n_code, &checkpoints, &found, e);
    }
    makers_found_release(&found);
    makers_release(&checkpoints);
    return rc;
}
