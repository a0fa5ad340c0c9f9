#include "stages/upload/run_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* The names of the logs, sorted. */
static int list_logs(const char *dir, char ***out, size_t *out_n, struct err *e)
{
    DIR *d = opendir(dir);
    *out = NULL;
    *out_n = 0;
    if (!d)
        return err_sys(e, "cannot read the directory of logs '%s'", dir);
    for (struct dirent *at; (at = readdir(d));) {
        if (at->d_name[0] == '.' || !str_ends(at->d_name, ".log"))
            continue;
        *out = mem_grow(*out, *out_n, sizeof **out);
        (*out)[(*out_n)++] = mem_strdup(at->d_name);
    }
    closedir(d);
    str_sort(*out, *out_n);
    return 0;
}

/* What has been written to it by now: a stage may be at work, this one is. */
static int append(FILE *to, const char *dir, const char *name, struct err *e)
{
    char block[1 << 16], *path = str_format("%s/%s", dir, name);
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        rc = err_sys(e, "cannot open '%s'", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(e, ERR_IO, "'%s' is not a regular file", path);
    for (off_t left = rc ? 0 : st.st_size; rc == 0 && left > 0;) {
        ssize_t n = read(fd, block, left < (off_t)sizeof block ? (size_t)left : sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = err_sys(e, "cannot read '%s'", path);
        if (n <= 0)
            break;
        fwrite(block, 1, (size_t)n, to);
        left -= n;
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

int run_log_gather(const char *dir, const char *path, struct err *e)
{
    char **name;
    size_t n;
    int rc = list_logs(dir, &name, &n, e);
    FILE *to = rc ? NULL : fopen(path, "wbe");
    if (rc == 0 && !to)
        rc = err_sys(e, "cannot create '%s'", path);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        fprintf(to, "%s==> %s <==\n", i ? "\n" : "", name[i]);
        rc = append(to, dir, name[i], e);
    }
    if (to && (ferror(to) || fclose(to) != 0) && rc == 0)
        rc = err_sys(e, "cannot write '%s'", path);
    mem_free_texts(name, n);
    return rc;
}
