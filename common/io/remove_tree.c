#define _XOPEN_SOURCE 700 /* nftw */
#include "io/remove_tree.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

int make_scratch(const char *name, char **out, struct err *e)
{
    const char *tmp = str_getenv("TMPDIR");
    char *dir = str_format("%s/%s.XXXXXX", tmp ? tmp : "/tmp", name);
    if (mkdtemp(dir)) {
        *out = dir;
        return 0;
    }
    err_sys(e, "cannot make the directory '%s'", dir);
    free(dir);
    return e->code;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st, (void)flag, (void)where;
    return remove(path);
}

void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
