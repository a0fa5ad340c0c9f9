#include "runner/commit/staging.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/commit/tree.h"

char *staging_path(const char *pipeline, const char *stage, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    return str_format("%.*s.refit-%s-%s/%s", (int)n, path, pipeline, stage, path + n);
}

void staging_init(struct staging *s, const char *pipeline, const struct stage_spec *stage)
{
    *s = (struct staging){ .out = mem_calloc(stage->n_out, sizeof *s->out), .n_out = stage->n_out };
    for (size_t i = 0; i < stage->n_out; i++) {
        s->out[i] = staging_path(pipeline, stage->name, stage->out[i].path[0]);
        char *dir = mem_strndup(s->out[i], (size_t)(strrchr(s->out[i], '/') - s->out[i]));
        size_t k = 0;
        while (k < s->n_dir && strcmp(s->dir[k], dir) != 0)
            k++;
        if (k < s->n_dir) {
            free(dir);
            continue;
        }
        s->dir = mem_grow(s->dir, s->n_dir, sizeof *s->dir);
        s->dir[s->n_dir++] = dir;
    }
}

void staging_release(struct staging *s)
{
    for (size_t i = 0; i < s->n_out; i++)
        free(s->out[i]);
    for (size_t i = 0; i < s->n_dir; i++)
        free(s->dir[i]);
    free(s->out);
    free(s->dir);
    *s = (struct staging){ 0 };
}

int staging_make(const struct staging *s, const struct stage_spec *stage, struct err *e)
{
    int rc = staging_remove(s, e);
    for (size_t i = 0; i < s->n_dir && rc == 0; i++)
        if (mkdir(s->dir[i], 0777) < 0)
            rc = errno == ENOENT ? tree_make(s->dir[i], e)
                                 : err_sys(e, "cannot make the directory '%s'", s->dir[i]);
    for (size_t i = 0; i < s->n_out && rc == 0; i++)
        if (stage->out[i].persist && access(stage->out[i].path[0], F_OK) == 0)
            rc = tree_copy(stage->out[i].path[0], s->out[i], e);
    return rc;
}

int staging_remove(const struct staging *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < s->n_dir && rc == 0; i++)
        rc = tree_remove(s->dir[i], e);
    return rc;
}

char *staging_text(const struct staging *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n_dir; i++)
        json_array_append_new(list, json_string(s->dir[i]));
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

int staging_sweep(const char *text, struct err *e)
{
    size_t i;
    int rc = 0;
    json_t *dir, *list = text ? json_loads(text, 0, NULL) : NULL;
    json_array_foreach(list, i, dir)
    {
        /* Only what we can have made: a damaged memory must not make us remove something else. */
        const char *path = json_string_value(dir), *slash = path ? strrchr(path, '/') : NULL;
        if (path && str_starts(slash ? slash + 1 : path, ".refit-") && rc == 0)
            rc = tree_remove(path, e);
    }
    json_decref(list);
    return rc;
}
