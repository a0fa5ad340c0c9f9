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

static bool are_beside(const char *a, const char *b)
{
    size_t n = (size_t)(strrchr(a, '/') ? strrchr(a, '/') - a + 1 : 0);
    return strncmp(a, b, n) == 0 && strchr(b + n, '/') == NULL;
}

/* Take the k-th out of the list; owned by the caller. */
static char *take(struct staging_spare *spare, size_t k)
{
    char *dir = spare->dir[k];
    spare->n--;
    memmove(&spare->dir[k], &spare->dir[k + 1], (spare->n - k) * sizeof *spare->dir);
    return dir;
}

/* Give a spare directory that name; false if there is none, or something bars the way. */
static bool take_over(struct staging_spare *spare, const char *dir)
{
    for (size_t k = 0; k < spare->n; k++) {
        if (!are_beside(spare->dir[k], dir))
            continue;
        char *old = take(spare, k);
        bool taken = rename(old, dir) == 0;
        if (!taken)
            rmdir(old);
        free(old);
        return taken;
    }
    return false;
}

static int make_directory(const char *dir, struct staging_spare *spare, struct err *e)
{
    if (take_over(spare, dir) || mkdir(dir, 0777) == 0)
        return 0;
    int rc = errno == EEXIST ? tree_remove(dir, e) : 0; /* an attempt before this one left it */
    return rc ? rc : tree_make(dir, e);
}

int staging_make(const struct staging *s, const struct stage_spec *stage,
                 struct staging_spare *spare, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < s->n_dir && rc == 0; i++)
        rc = make_directory(s->dir[i], spare, e);
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

int staging_put_aside(const struct staging *s, struct staging_spare *spare, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < s->n_dir && rc == 0; i++) {
        if (spare->n == STAGING_SPARES) {
            char *oldest = take(spare, 0);
            rc = tree_remove(oldest, e);
            free(oldest);
        }
        if (rc == 0 && (rc = tree_empty(s->dir[i], e)) == 0)
            spare->dir[spare->n++] = mem_strdup(s->dir[i]);
    }
    return rc;
}

int staging_spare_remove(struct staging_spare *spare, struct err *e)
{
    int rc = 0;
    while (spare->n > 0) {
        char *dir = take(spare, spare->n - 1);
        if (rc == 0)
            rc = tree_remove(dir, e);
        free(dir);
    }
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
