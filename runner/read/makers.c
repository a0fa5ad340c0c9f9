#include "runner/read/makers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/read/manifest.h"
#include "runner/read/path.h"

/* The slash comes before every other byte, so that "a/b" follows "a" before "a-c" does. */
static int rank(unsigned char c)
{
    return c == '/' ? 1 : c == '\0' ? 0 : c + 1;
}

/* The first n bytes of `path`, or all of it, against the whole of `other`. */
static int compare(const char *path, size_t n, const char *other)
{
    size_t i = 0;
    while (i < n && path[i] == other[i] && path[i])
        i++;
    return (i < n ? rank((unsigned char)path[i]) : 0) - rank((unsigned char)other[i]);
}

static int by_path(const void *a, const void *b)
{
    const struct maker *x = a, *y = b;
    int c = compare(x->path, strlen(x->path), y->path);
    return c ? c : (x->stage > y->stage) - (x->stage < y->stage);
}

static int by_stage(const void *a, const void *b)
{
    const struct maker *x = a, *y = b;
    if (x->stage != y->stage)
        return x->stage < y->stage ? -1 : 1;
    return (x->out > y->out) - (x->out < y->out);
}

void makers_of(struct makers *x, struct maker *item, size_t n)
{
    *x = (struct makers){ .item = item, .n = n };
    if (x->n > 1)
        qsort(x->item, x->n, sizeof *x->item, by_path);
    /* What lies in a directory follows it: where two overlap, two neighbours do. */
    for (size_t i = 1; i < x->n && !x->overlap; i++)
        x->overlap = path_related(x->item[i - 1].path, x->item[i].path);
}

void makers_init(struct makers *x, const struct stage_spec *stage, size_t n_stage)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < n_stage; i++)
        n += stage[i].n_out;
    struct maker *item = mem_calloc(n, sizeof *item);
    for (size_t i = 0; i < n_stage; i++)
        for (size_t k = 0; k < stage[i].n_out; k++)
            item[at++] = (struct maker){ stage[i].out[k].path[0], i, k };
    makers_of(x, item, n);
}

void makers_release(struct makers *x)
{
    free(x->item);
    *x = (struct makers){ 0 };
}

/* The first entry that is not before the first n bytes of `path`. */
static size_t lower_bound(const struct makers *x, const char *path, size_t n)
{
    size_t low = 0, high = x->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(path, n, x->item[middle].path) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add(struct makers_found *out, const struct maker *m)
{
    out->item = mem_grow(out->item, out->n, sizeof *out->item);
    out->item[out->n++] = *m;
}

/* Bytes of the path before its first component that is a pattern, without the slash: all of it
 * where there is none. */
static size_t plain_part(const char *path)
{
    size_t n = strcspn(path, "*?[");
    if (path[n] == '\0')
        return n;
    while (n > 0 && path[n] != '/')
        n--;
    return n;
}

void makers_find(const struct makers *x, const char *path, struct makers_found *out)
{
    size_t n = strcmp(path, ".") == 0 ? 0 : plain_part(path), i;

    out->n = 0;
    if (*path == '/')
        return;                       /* an out is relative */
    for (size_t k = 1; k <= n; k++) { /* the directories that the path lies in, and itself */
        if (k < n && path[k] != '/')
            continue;
        for (i = lower_bound(x, path, k); i < x->n && compare(path, k, x->item[i].path) == 0; i++)
            add(out, &x->item[i]);
    }
    i = n > 0 ? lower_bound(x, path, n) : 0;
    for (; i < x->n && strncmp(x->item[i].path, path, n) == 0; i++) {
        char next = n > 0 ? x->item[i].path[n] : '/';
        if (next != '/' && next != '\0')
            break;
        if (next == '/' && path_related(path, x->item[i].path))
            add(out, &x->item[i]);
    }
    if (out->n > 1)
        qsort(out->item, out->n, sizeof *out->item, by_stage);
}

void makers_found_release(struct makers_found *f)
{
    free(f->item);
    *f = (struct makers_found){ 0 };
}
