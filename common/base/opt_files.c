#define _XOPEN_SOURCE 700 /* realpath */
#include "base/opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* A place in the file system that an option names. */
struct place {
    const struct opt *option;
    const char *path;
    char *entry; /* owned: which directory entry it is, whatever the way to it */
    char *file;  /* owned: which file it is, links followed; NULL: none yet */
};

struct places {
    struct place *item;
    size_t n;
};

static void add(struct places *places, const struct opt *o, const char *path)
{
    char *parent = str_parent(path), *real = realpath(parent, NULL);
    const char *slash = strrchr(path, '/');
    places->item = mem_realloc(places->item, places->n + 1, sizeof *places->item);
    places->item[places->n++] = (struct place){
        .option = o,
        .path = path,
        .entry = str_format("%s/%s", real ? real : parent, slash ? slash + 1 : path),
        .file = realpath(path, NULL),
    };
    free(parent);
    free(real);
}

static bool is_written(const struct opt *o)
{
    return o->kind == OPT_KIND_OUT || o->writes;
}

static struct places list_places(const struct opt *opts, const void *params)
{
    struct places places = { 0 };
    for (const struct opt *o = opts; o->name; o++) {
        const void *field = (const char *)params + o->offset;
        if (o->kind != OPT_KIND_IN && !is_written(o))
            continue;
        if (o->list) {
            const struct opt_list *list = field;
            for (size_t i = 0; i < list->n; i++)
                add(&places, o, list->item[i]);
        } else if (*(const char *const *)field) {
            add(&places, o, *(const char *const *)field);
        }
    }
    return places;
}

static int check_place(const struct place *p, struct err *e)
{
    struct stat st;
    if (!*p->path)
        return err_set(e, ERR_USAGE, "--%s is an empty path", p->option->name);
    bool folder = p->option->format && strcmp(p->option->format, "directory") == 0;
    if (stat(p->path, &st) == 0 && !(folder ? S_ISDIR(st.st_mode) : S_ISREG(st.st_mode)))
        return err_set(e, ERR_IO, "--%s: '%s' is there and not a %s", p->option->name, p->path,
                       folder ? "directory" : "regular file");
    char *parent = str_parent(p->path), *inside = str_format("%s/.", parent);
    if (access(inside, W_OK | X_OK) != 0 && errno != ENOENT)
        err_sys(e, "--%s '%s': no file can be made in '%s'", p->option->name, p->path, parent);
    free(inside);
    free(parent);
    return e->code;
}

static bool same(const struct place *written, const struct place *other)
{
    return strcmp(written->entry, other->entry) == 0 ||
           (!is_written(other->option) && other->file && strcmp(written->entry, other->file) == 0);
}

int opt_check_files(const struct stage *stage, const void *params, struct err *e)
{
    struct places places = list_places(stage->opts, params);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < places.n; i++) {
        const struct place *p = &places.item[i];
        rc = is_written(p->option) ? check_place(p, e) : 0;
        for (size_t j = 0; rc == 0 && is_written(p->option) && j < places.n; j++)
            if (i != j && same(p, &places.item[j]))
                rc = err_set(e, ERR_USAGE, "--%s '%s' is the file of --%s, too", p->option->name,
                             p->path, places.item[j].option->name);
    }
    for (size_t i = 0; i < places.n; i++) {
        free(places.item[i].entry);
        free(places.item[i].file);
    }
    free(places.item);
    return rc;
}
