#include "runner/read/path.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

char *path_normal(const char *path)
{
    bool absolute = *path == '/';
    char *out = mem_calloc(strlen(path) + 3, 1);
    size_t n = 0, floor = 0; /* floor: bytes that no ".." may take away */

    if (absolute)
        out[n++] = '/', floor = 1;
    for (const char *p = path; *p;) {
        size_t len = strcspn(p, "/");
        bool up = len == 2 && p[0] == '.' && p[1] == '.';
        if (up && n > floor) {
            while (n > floor && out[n - 1] != '/')
                n--;
            if (n > floor)
                n--; /* the slash itself */
        } else if (len > 0 && !(len == 1 && *p == '.') && !(up && absolute)) {
            if (n > 0 && out[n - 1] != '/')
                out[n++] = '/';
            memcpy(out + n, p, len);
            n += len;
            if (up)
                floor = n;
        }
        p += len;
        p += strspn(p, "/");
    }
    if (n == 0)
        out[n++] = '.';
    out[n] = '\0';
    return out;
}

bool path_is_glob(const char *path)
{
    return strpbrk(path, "*?[") != NULL;
}

bool path_inside(const char *path)
{
    return *path != '/' && strcmp(path, "..") != 0 && !str_starts(path, "../");
}

static bool is_pattern(const char *text, size_t n)
{
    return memchr(text, '*', n) || memchr(text, '?', n) || memchr(text, '[', n);
}

/* One component of each: equal, or one is a pattern for the other. Two patterns count as related if
 * they are equal or both could match something; that is decided by taking either as a text. */
static bool component_related(const char *a, size_t n_a, const char *b, size_t n_b)
{
    if (n_a == n_b && memcmp(a, b, n_a) == 0)
        return true;
    if (!is_pattern(a, n_a) && !is_pattern(b, n_b))
        return false;
    char *x = mem_strndup(a, n_a), *y = mem_strndup(b, n_b);
    bool related = (is_pattern(a, n_a) && fnmatch(x, y, FNM_PERIOD) == 0) ||
                   (is_pattern(b, n_b) && fnmatch(y, x, FNM_PERIOD) == 0);
    free(y);
    free(x);
    return related;
}

bool path_related(const char *a, const char *b)
{
    if (strcmp(a, ".") == 0)
        return path_inside(b);
    if (strcmp(b, ".") == 0)
        return path_inside(a);
    if ((*a == '/') != (*b == '/'))
        return false;
    while (*a && *b) {
        size_t n_a = strcspn(a, "/"), n_b = strcspn(b, "/");
        if (!component_related(a, n_a, b, n_b))
            return false;
        a += n_a;
        b += n_b;
        a += *a == '/';
        b += *b == '/';
    }
    return true;
}

void path_list_take(struct path_list *l, char *path)
{
    l->path = mem_grow(l->path, l->n, sizeof *l->path);
    l->path[l->n++] = path;
}

void path_list_add(struct path_list *l, const char *path)
{
    path_list_take(l, mem_strdup(path));
}

void path_list_sort(struct path_list *l)
{
    str_sort(l->path, l->n);
}

void path_list_release(struct path_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->path[i]);
    free(l->path);
    *l = (struct path_list){ 0 };
}
