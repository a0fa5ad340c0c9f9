#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/* A working directory of its own for a test binary: group set-up and tear-down for
 * cmocka_run_group_tests. */

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline int scratch_enter(void **state)
{
    static char dir[] = "/tmp/refit-unit.XXXXXX";
    *state = mkdtemp(dir);
    return *state && chdir(dir) == 0 ? 0 : -1;
}

static inline int scratch_remove(const char *path, const struct stat *st, int flag,
                                 struct FTW *where)
{
    (void)st, (void)flag, (void)where;
    return remove(path);
}

static inline int scratch_leave(void **state)
{
    return chdir("/") == 0 ? nftw(*state, scratch_remove, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

#endif
