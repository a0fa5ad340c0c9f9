#include "io/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* The directory part of a path, "." if it has none; owned by the caller. */
int outfile_make_parent(const char *path, struct err *e)
{
    char *dir = str_parent(path);
    int rc = 0;
    for (char *p = dir + 1; rc == 0 && *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(dir, 0777) < 0 && errno != EEXIST)
            rc = err_sys(e, "cannot make directory '%s'", dir);
        *p = '/';
    }
    if (rc == 0 && mkdir(dir, 0777) < 0 && errno != EEXIST)
        rc = err_sys(e, "cannot make directory '%s'", dir);
    free(dir);
    return rc;
}

int outfile_sync_parent(const char *path, struct err *e)
{
    char *dir = str_parent(path);
    int rc = 0, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        rc = err_sys(e, "cannot sync directory '%s'", dir);
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

int outfile_open(struct outfile *o, const char *path, struct err *e)
{
    int rc = outfile_make_parent(path, e);
    if (rc)
        return rc;
    char *tmp = str_format("%s.tmp", path);
    FILE *fp = fopen(tmp, "wbe");
    if (!fp) {
        err_sys(e, "cannot create '%s'", tmp);
        free(tmp);
        return e->code;
    }
    *o = (struct outfile){ .path = mem_strdup(path), .tmp = tmp, .fp = fp };
    return 0;
}

static void forget(struct outfile *o)
{
    free(o->path);
    free(o->tmp);
    *o = (struct outfile){ 0 };
}

static int close_and(struct outfile *o,
                     int (*publish)(const char *tmp, const char *path, struct err *e),
                     struct err *e)
{
    int rc = 0;
    if (fflush(o->fp) != 0 || ferror(o->fp))
        rc = err_sys(e, "cannot write '%s'", o->tmp);
    if (fclose(o->fp) != 0 && rc == 0)
        rc = err_sys(e, "cannot close '%s'", o->tmp);
    if (rc == 0)
        rc = publish(o->tmp, o->path, e);
    else
        unlink(o->tmp);
    forget(o);
    return rc;
}

int outfile_commit(struct outfile *o, struct err *e)
{
    return close_and(o, outfile_publish, e);
}

int outfile_commit_scratch(struct outfile *o, struct err *e)
{
    return close_and(o, outfile_publish_scratch, e);
}

void outfile_abort(struct outfile *o)
{
    if (o->fp)
        fclose(o->fp);
    if (o->tmp)
        unlink(o->tmp);
    forget(o);
}

int outfile_put(const char *path, const void *bytes, size_t n, struct err *e)
{
    struct outfile o = { 0 };
    int rc = outfile_open(&o, path, e);
    if (rc)
        return rc;
    if (n && fwrite(bytes, 1, n, o.fp) != n) {
        err_sys(e, "cannot write '%s'", o.tmp);
        outfile_abort(&o);
        return e->code;
    }
    return outfile_commit(&o, e);
}

int outfile_publish_scratch(const char *tmp, const char *path, struct err *e)
{
    if (rename(tmp, path) == 0)
        return 0;
    err_sys(e, "cannot rename '%s' to '%s'", tmp, path);
    unlink(tmp);
    return e->code;
}

int outfile_publish(const char *tmp, const char *path, struct err *e)
{
    int rc = 0, fd = open(tmp, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        rc = err_sys(e, "cannot sync '%s'", tmp);
    if (fd >= 0)
        close(fd);
    if (rc)
        unlink(tmp);
    else if ((rc = outfile_publish_scratch(tmp, path, e)) == 0)
        rc = outfile_sync_parent(path, e);
    return rc;
}
