#include "io/store_inner.h"

#include <string.h>

#include "base/str.h"

int store_open(struct store **out, const char *url, struct err *e)
{
    const char *root = url, *colon = strstr(url, "://");
    if (str_starts(url, "file://"))
        root = url + 7;
    else if (str_starts(url, "file:"))
        root = url + 5;
    else if (str_starts(url, "s3://"))
        return store_s3_open(out, url, e);
    else if (colon)
        return err_set(e, ERR_USAGE,
                       "registry '%s': the scheme '%.*s' is not known; want a directory, as PATH "
                       "or file:PATH, or s3://BUCKET/PREFIX",
                       url, (int)(colon - url), url);
    if (!*root)
        return err_set(e, ERR_USAGE, "registry '%s' names no directory", url);
    return store_directory_open(out, root, e);
}

void store_close(struct store *s)
{
    if (s)
        s->kind->close(s);
}

const char *store_name(const struct store *s)
{
    return s->name;
}

int store_read(struct store *s, const char *key, size_t max, char **out, size_t *out_n,
               struct store_object *about, struct err *e)
{
    return s->kind->read(s, key, max, out, out_n, about, e);
}

int store_look(struct store *s, const char *key, bool *out_found, struct store_object *about,
               struct err *e)
{
    return s->kind->look(s, key, out_found, about, e);
}

int store_fetch(struct store *s, const char *key, const char *path, const char *sha256,
                struct err *e)
{
    return s->kind->fetch(s, key, path, sha256, e);
}

int store_put(struct store *s, const char *key, const struct store_source *from,
              enum store_when when, const char *tag, bool *out_done, struct store_object *about,
              struct err *e)
{
    return s->kind->put(s, key, from, when, tag, out_done, about, e);
}

int store_prepare(struct store *s, const char *key, const struct store_source *from,
                  const char *twin, struct store_pending **out, struct err *e)
{
    return s->kind->prepare(s, key, from, twin, out, e);
}

int store_finish(struct store_pending *p, struct store_object *about, struct err *e)
{
    return p->s->kind->finish(p, about, e);
}

void store_abandon(struct store_pending *p)
{
    if (p)
        p->s->kind->abandon(p);
}

int store_remove(struct store *s, const char *key, struct err *e)
{
    return s->kind->remove(s, key, e);
}

int store_list(struct store *s, const char *prefix, char ***out, size_t *out_n, struct err *e)
{
    return s->kind->list(s, prefix, out, out_n, e);
}

int store_lock(struct store *s, const char *prefix, bool *out_held, struct err *e)
{
    return s->kind->lock(s, prefix, out_held, e);
}

void store_unlock(struct store *s)
{
    s->kind->unlock(s);
}
