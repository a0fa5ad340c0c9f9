#include "stages/package/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/models_tar.h"

char *pack_own(struct pack *p, char *text)
{
    p->owned = mem_grow(p->owned, p->n_owned, sizeof *p->owned);
    return p->owned[p->n_owned++] = text;
}

void pack_release(struct pack *p)
{
    for (size_t i = 0; i < p->n_owned; i++)
        free(p->owned[i]);
    free(p->owned);
    free(p->member);
    *p = (struct pack){ 0 };
}

int pack_add(struct pack *p, struct tarfile_member m, struct err *e)
{
    if (!tarfile_name_ok(m.name))
        return err_set(e, ERR_DATA,
                       "'%s' cannot be the name of a member: want a plain relative path in UTF-8",
                       m.name);
    for (size_t i = 0; i < p->n; i++) {
        const char *other = p->member[i].name, *extra = m.path ? m.path : m.name;
        if (strcmp(other, m.name) == 0)
            return err_set(e, ERR_DATA, "extra '%s' has the name of another member, '%s'", extra,
                           m.name);
        if (tarfile_names_clash(other, m.name))
            return err_set(e, ERR_DATA, "extra '%s' would be '%s', beside the member '%s'", extra,
                           m.name, other);
    }
    if (p->n == TARFILE_MAX_MEMBERS)
        return err_set(e, ERR_DATA, "more than %d files to pack", TARFILE_MAX_MEMBERS);
    p->member = mem_grow(p->member, p->n, sizeof *p->member);
    p->member[p->n++] = m;
    return tarfile_hash(&p->member[p->n - 1], e);
}

int pack_text(struct pack *p, const char *name, char *text, struct err *e)
{
    pack_own(p, text);
    return pack_add(p, (struct tarfile_member){ .name = name, .bytes = text, .n = strlen(text) },
                    e);
}

int pack_json(struct pack *p, const char *name, json_t *doc, struct err *e)
{
    return pack_text(p, name, jsonfile_text(doc), e);
}

/* ---- extras --------------------------------------------------------------------------------- */

/* Does the name, or the end of it, fit one of the patterns? */
static bool fits(const struct opt_list *patterns, const char *name)
{
    const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name;
    for (size_t i = 0; i < patterns->n; i++)
        if (fnmatch(patterns->item[i], name, 0) == 0 || fnmatch(patterns->item[i], base, 0) == 0)
            return true;
    return false;
}

static int add_extra(struct pack *p, const struct params *in, const char *path, const char *name,
                     int depth, struct err *e);

static int add_directory(struct pack *p, const struct params *in, const char *path,
                         const char *name, int depth, struct err *e)
{
    enum { MAX_DEPTH = 32 };
    struct dirent **entry;
    int rc = 0, n = scandir(path, &entry, NULL, NULL); /* the members are sorted at the end */
    if (n < 0)
        return err_sys(e, "cannot read directory '%s'", path);
    if (depth > MAX_DEPTH)
        rc = err_set(e, ERR_DATA, "'%s' is nested too deeply: want at most %d directories", path,
                     MAX_DEPTH);
    for (int i = 0; i < n; i++) {
        const char *base = entry[i]->d_name;
        if (rc == 0 && strcmp(base, ".") != 0 && strcmp(base, "..") != 0) {
            char *inner = pack_own(p, str_format("%s/%s", path, base));
            rc = add_extra(p, in, inner, pack_own(p, str_format("%s/%s", name, base)), depth + 1,
                           e);
        }
        free(entry[i]);
    }
    free(entry);
    return rc;
}

static int add_extra(struct pack *p, const struct params *in, const char *path, const char *name,
                     int depth, struct err *e)
{
    struct stat st;
    if (fits(&in->exclude, name))
        return 0;
    if (stat(path, &st) < 0)
        return err_sys(e, "cannot open extra '%s'", path);
    if (S_ISDIR(st.st_mode))
        return add_directory(p, in, path, name, depth, e);
    if (in->include.n && !fits(&in->include, name))
        return 0;
    if (strcmp(name, PACKAGE_SIGNATURE) == 0 || strcmp(name, PACKAGE_PULLED) == 0)
        return err_set(e, ERR_DATA, "extra '%s': that name is not free, refit writes such a file",
                       path);
    return pack_add(p, (struct tarfile_member){ .name = name, .path = path }, e);
}

int pack_extras(struct pack *p, const struct params *in, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->extra.n; i++) {
        char *path = pack_own(p, mem_strdup(in->extra.item[i]));
        size_t n = strlen(path);
        while (n > 1 && path[n - 1] == '/')
            path[--n] = '\0';
        const char *slash = strrchr(path, '/');
        rc = add_extra(p, in, path, slash ? slash + 1 : path, 0, e);
    }
    return rc;
}
