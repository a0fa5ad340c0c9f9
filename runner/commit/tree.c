#define _GNU_SOURCE
#include "runner/commit/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

enum { MAX_SIZE_DEPTH = 64 };

/* Names in a directory, without "." and ".."; collected first, because removing while reading may
 * skip some. */
static int list_names(const char *path, char ***out, size_t *out_n, struct err *e)
{
    struct dirent *entry;
    char **name = NULL;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        err_sys(e, "cannot open the directory '%s'", path);
        if (fd >= 0)
            close(fd);
        return e->code;
    }
    errno = 0;
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            name = mem_grow(name, n, sizeof *name);
            name[n++] = mem_strdup(entry->d_name);
        }
        errno = 0;
    }
    int failed = errno;
    closedir(dir);
    *out = name;
    *out_n = n;
    errno = failed;
    return failed ? err_sys(e, "cannot read the directory '%s'", path) : 0;
}

/* Call `what` on every path in a directory (and the matching one under `to`, which may be NULL). */
static int each(const char *path, const char *to,
                int (*what)(const char *, const char *, struct err *), struct err *e)
{
    char **name = NULL;
    size_t n = 0;
    int rc = list_names(path, &name, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        char *inner = str_format("%s/%s", path, name[i]);
        char *inner_to = to ? str_format("%s/%s", to, name[i]) : NULL;
        rc = what(inner, inner_to, e);
        free(inner);
        free(inner_to);
    }
    for (size_t i = 0; i < n; i++)
        free(name[i]);
    free(name);
    return rc;
}

static int remove_one(const char *path, const char *unused, struct err *e)
{
    (void)unused;
    return tree_remove(path, e);
}

int tree_remove(const char *path, struct err *e)
{
    int rc;
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return err_sys(e, "cannot remove '%s'", path);
    if ((rc = each(path, NULL, remove_one, e)))
        return rc;
    return rmdir(path) < 0 && errno != ENOENT ? err_sys(e, "cannot remove '%s'", path) : 0;
}

int tree_empty(const char *path, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "cannot look at '%s'", path);
    return S_ISDIR(st.st_mode) ? each(path, NULL, remove_one, e) : tree_remove(path, e);
}

static int sync_one(const char *path, const char *unused, struct err *e)
{
    (void)unused;
    return tree_sync(path, e);
}

int tree_sync(const char *path, struct err *e)
{
    struct stat st;
    int rc = 0;
    if (lstat(path, &st) < 0)
        return err_sys(e, "cannot look at '%s'", path);
    if (S_ISDIR(st.st_mode) && (rc = each(path, NULL, sync_one, e)))
        return rc;
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return 0; /* a link lies in its directory */
    return tree_sync_directory(path, e);
}

int tree_sync_directory(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    if (fsync(fd) < 0)
        rc = err_sys(e, "cannot write '%s' to the disk", path);
    close(fd);
    return rc;
}

static int copy_bytes(int from, int to, const char *path, struct err *e)
{
    enum { CHUNK = 1 << 18 };
    ssize_t got = 0;
    int rc = 0;
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    char *chunk = mem_calloc(CHUNK, 1);
    while (rc == 0 && (got = read(from, chunk, CHUNK)) > 0)
        for (ssize_t done = 0, put; done < got && rc == 0; done += put)
            if ((put = write(to, chunk + done, (size_t)(got - done))) < 0)
                rc = err_sys(e, "cannot write a copy of '%s'", path);
    if (rc == 0 && got < 0)
        rc = err_sys(e, "cannot read '%s'", path);
    free(chunk);
    return rc;
}

static int copy_file(const char *from, const char *to, mode_t mode, struct err *e)
{
    int rc = 0, in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    if (in < 0)
        return err_sys(e, "cannot open '%s'", from);
    out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    if (out < 0)
        rc = err_sys(e, "cannot make '%s'", to);
    else
        rc = copy_bytes(in, out, from, e);
    if (out >= 0 && close(out) < 0 && rc == 0)
        rc = err_sys(e, "cannot write '%s'", to);
    close(in);
    return rc;
}

static int copy_link(const char *from, const char *to, struct err *e)
{
    char target[4096];
    ssize_t n = readlink(from, target, sizeof target - 1);
    if (n < 0)
        return err_sys(e, "cannot read the link '%s'", from);
    target[n] = '\0';
    return symlink(target, to) < 0 ? err_sys(e, "cannot make the link '%s'", to) : 0;
}

int tree_copy(const char *from, const char *to, struct err *e)
{
    struct stat st;
    if (lstat(from, &st) < 0)
        return err_sys(e, "cannot look at '%s'", from);
    if (S_ISLNK(st.st_mode))
        return copy_link(from, to, e);
    if (S_ISREG(st.st_mode))
        return copy_file(from, to, st.st_mode, e);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "'%s' is neither a file nor a directory", from);
    if (mkdir(to, st.st_mode & 0777) < 0)
        return err_sys(e, "cannot make the directory '%s'", to);
    return each(from, to, tree_copy, e);
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int tree_make(const char *path, struct err *e)
{
    int rc = 0, made = mkdir(path, 0777);
    if (made < 0 && errno == EEXIST && is_directory(path))
        return 0;
    char *above = str_parent(path);
    if (made < 0 && errno == ENOENT && (rc = tree_make(above, e)) == 0)
        made = mkdir(path, 0777);
    if (rc == 0 && made < 0)
        rc = err_sys(e, "cannot make the directory '%s'", path);
    if (rc == 0)
        rc = tree_sync_directory(above, e);
    free(above);
    return rc;
}

static int64_t size_at(int at, const char *path, int depth)
{
    struct stat st;
    if (depth > MAX_SIZE_DEPTH || fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    int64_t sum = (int64_t)st.st_blocks * 512;
    int fd = S_ISDIR(st.st_mode) ? openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (const struct dirent *d; dir && (d = readdir(dir));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            sum += size_at(fd, d->d_name, depth + 1);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
    return sum;
}

int64_t tree_size(const char *path)
{
    return size_at(AT_FDCWD, path, 0);
}
