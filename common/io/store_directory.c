#define _DEFAULT_SOURCE /* flock */
#include "io/store_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "io/wholefile.h"

/* Objects as files below a directory. One is written under another name in its directory, synced,
 * read back, and then renamed, or linked where nothing may be replaced. */

struct directory {
    struct store store; /* first */
    char *root;         /* owned */
    int lock;           /* -1: not held */
};

static const char UNFINISHED[] = ".new-"; /* what files begin with that are not whole yet */

static char *path_of(const struct store *s, const char *key)
{
    const char *root = ((const struct directory *)s)->root;
    return *key ? str_format("%s/%s", root, key) : mem_strdup(root);
}

static void describe(const struct stat *st, struct store_object *out)
{
    if (!out)
        return;
    *out = (struct store_object){ .size = (uint64_t)st->st_size, .modified_s = st->st_mtim.tv_sec };
    snprintf(out->tag, sizeof out->tag, "%llu-%lld-%lld.%09ld", (unsigned long long)st->st_ino,
             (long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static void directory_close(struct store *s)
{
    struct directory *d = (struct directory *)s;
    if (d->lock >= 0)
        close(d->lock);
    free(d->root);
    free(s->name);
    free(d);
}

/* ---- reading -------------------------------------------------------------------------------- */

static int look(struct store *s, const char *key, bool *out_found, struct store_object *about,
                struct err *e)
{
    char *path = path_of(s, key);
    struct stat st;
    int rc = 0;
    *out_found = stat(path, &st) == 0;
    if (*out_found && !S_ISREG(st.st_mode))
        rc = err_set(e, ERR_IO, "'%s' is not a file", path);
    else if (*out_found)
        describe(&st, about);
    else if (errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(e, "cannot look at '%s'", path);
    free(path);
    return rc;
}

static int directory_read(struct store *s, const char *key, size_t max, char **out, size_t *out_n,
                          struct store_object *about, struct err *e)
{
    char *path = path_of(s, key);
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *out = NULL;
    *out_n = 0;
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(e, "cannot open '%s'", path);
    else if (fd >= 0 && fstat(fd, &st) < 0)
        rc = err_sys(e, "cannot look at '%s'", path);
    else if (fd >= 0 && (rc = wholefile_read_open(fd, path, max, out, out_n, e)) == 0)
        describe(&st, about);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

static int list(struct store *s, const char *prefix, char ***out, size_t *out_n, struct err *e)
{
    char *path = path_of(s, prefix);
    DIR *d = opendir(path);
    int rc = 0;
    *out = NULL;
    *out_n = 0;
    if (!d && errno != ENOENT && (errno != ENOTDIR || !*prefix)) /* the root is a directory */
        rc = err_sys(e, "cannot read directory '%s'", path);
    for (struct dirent *at; d && (at = readdir(d));) {
        if (at->d_name[0] == '.')
            continue;
        *out = mem_grow(*out, *out_n, sizeof **out);
        (*out)[(*out_n)++] = mem_strdup(at->d_name);
    }
    if (d)
        closedir(d);
    str_sort(*out, *out_n);
    free(path);
    return rc;
}

/* ---- copying -------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t n, const char *path, struct err *e)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_sys(e, "cannot write '%s'", path);
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

static int pump(const char *from, int out, const char *to, struct err *e)
{
    enum { CHUNK = 1 << 18 };
    int in = open(from, O_RDONLY | O_CLOEXEC), rc = 0;
    ssize_t got;
    if (in < 0)
        return err_sys(e, "cannot open '%s'", from);
    char *chunk = mem_calloc(CHUNK, 1);
    while (rc == 0 && (got = read(in, chunk, CHUNK)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        rc = got < 0 ? err_sys(e, "cannot read '%s'", from)
                     : write_all(out, chunk, (size_t)got, to, e);
    }
    free(chunk);
    close(in);
    return rc;
}

/* Write `to`, sync it if it is to be kept, and read it back for its hash. On error no file stays.
 */
static int write_file(const struct store_source *from, const char *to, bool kept,
                      char out_hex[HASH_HEX], struct err *e)
{
    int rc, out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0)
        return err_sys(e, "cannot create '%s'", to);
    rc = from->path ? pump(from->path, out, to, e) : write_all(out, from->bytes, from->n, to, e);
    if (rc == 0 && kept && fsync(out) < 0)
        rc = err_sys(e, "cannot sync '%s'", to);
    if (kept) /* reads back from the disk; may be ignored */
        posix_fadvise(out, 0, 0, POSIX_FADV_DONTNEED);
    if (close(out) < 0 && rc == 0)
        rc = err_sys(e, "cannot close '%s'", to);
    if (rc == 0)
        rc = hash_file(to, out_hex, NULL, e);
    if (rc)
        unlink(to);
    return rc;
}

/* As write_file, with the hash that it must have. */
static int write_checked(const struct store_source *from, const char *to, struct err *e)
{
    char hex[HASH_HEX];
    int rc = write_file(from, to, true, hex, e);
    if (rc || strcmp(hex, from->sha256) == 0)
        return rc;
    unlink(to);
    return from->path
               ? err_set(e, ERR_DATA, "'%s' changed while it was published: SHA-256 %s, want %s",
                         from->path, hex, from->sha256)
               : err_set(e, ERR_IO, "'%s' reads back with SHA-256 %s, want %s", to, hex,
                         from->sha256);
}

static int directory_fetch(struct store *s, const char *key, const char *path, const char *sha256,
                           struct err *e)
{
    char *from = path_of(s, key), *tmp = path ? str_format("%s.tmp", path) : NULL,
         hex[HASH_HEX] = "";
    struct store_source source = { .path = from };
    int rc;
    if (access(from, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        rc = err_set(e, ERR_DATA, "'%s' is not there", from);
    else if (!path)
        rc = hash_file(from, hex, NULL, e);
    else if ((rc = outfile_make_parent(path, e)) == 0)
        rc = write_file(&source, tmp, false, hex, e);
    if (rc == 0 && sha256 && strcmp(hex, sha256) != 0) {
        rc = err_set(e, ERR_DATA, "'%s' is damaged: its SHA-256 is %s, want %s", from, hex, sha256);
        if (path)
            unlink(tmp);
    }
    if (rc == 0 && path)
        rc = outfile_publish_scratch(tmp, path, e);
    free(from);
    free(tmp);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int describe_file(const char *path, struct store_object *about, struct err *e)
{
    struct stat st;
    if (!about)
        return 0;
    if (stat(path, &st) < 0)
        return err_sys(e, "cannot look at '%s'", path);
    describe(&st, about);
    return 0;
}

/* Give the whole file `tmp` its name, if the condition holds. */
static int settle(struct store *s, const char *key, const char *tmp, const char *path,
                  enum store_when when, const char *tag, bool *out_done, struct err *e)
{
    struct store_object there = { 0 };
    bool found = false;
    int rc = 0;
    if (when == STORE_IF_NEW) {
        *out_done = link(tmp, path) == 0;
        if (!*out_done && errno != EEXIST)
            return err_sys(e, "cannot link '%s'", path);
        unlink(tmp);
        return *out_done ? outfile_sync_parent(path, e) : 0;
    }
    if (when == STORE_IF_SAME && (rc = look(s, key, &found, &there, e)))
        return rc;
    *out_done = when == STORE_ALWAYS || (found && strcmp(there.tag, tag) == 0);
    return *out_done ? outfile_publish(tmp, path, e) : 0;
}

static int put(struct store *s, const char *key, const struct store_source *from,
               enum store_when when, const char *tag, bool *out_done, struct store_object *about,
               struct err *e)
{
    char *path = path_of(s, key), *dir = str_parent(path),
         *tmp = str_format("%s/%s%ld", dir, UNFINISHED, (long)getpid());
    int rc;
    *out_done = false;
    if ((rc = outfile_make_parent(path, e)))
        goto out;
    if ((rc = write_checked(from, tmp, e))) {
        err_wrap(e, "'%s'", path);
        goto out;
    }
    rc = settle(s, key, tmp, path, when, tag, out_done, e);
    if (!*out_done)
        unlink(tmp);
    if (rc == 0 && *out_done)
        rc = describe_file(path, about, e);
out:
    free(path);
    free(dir);
    free(tmp);
    return rc;
}

struct pending {
    struct store_pending base; /* first */
    char *tmp, *path;          /* owned */
};

static void abandon(struct store_pending *base)
{
    struct pending *p = (struct pending *)base;
    unlink(p->tmp);
    free(p->tmp);
    free(p->path);
    free(p);
}

static int prepare(struct store *s, const char *key, const struct store_source *from,
                   const char *twin, struct store_pending **out, struct err *e)
{
    char *path = path_of(s, key);
    struct pending *p = mem_calloc(1, sizeof *p);
    struct stat st;
    int rc;
    (void)twin;
    *p = (struct pending){ .base.s = s, .tmp = str_format("%s.tmp", path), .path = path };
    rc = stat(path, &st) == 0 && S_ISDIR(st.st_mode)
             ? err_set(e, ERR_IO, "key '%s' is a directory", path)
             : outfile_make_parent(path, e);
    if (rc == 0)
        rc = write_checked(from, p->tmp, e);
    if (rc)
        abandon(&p->base);
    else
        *out = &p->base;
    return rc;
}

static int finish(struct store_pending *base, struct store_object *about, struct err *e)
{
    struct pending *p = (struct pending *)base;
    int rc = outfile_publish(p->tmp, p->path, e);
    if (rc == 0)
        rc = describe_file(p->path, about, e);
    free(p->tmp);
    free(p->path);
    free(p);
    return rc;
}

static int directory_remove(struct store *s, const char *key, struct err *e)
{
    char *path = path_of(s, key), *dir = str_parent(path);
    int rc = 0;
    if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(e, "cannot remove '%s'", path);
    if (rc == 0 && rmdir(dir) == 0) /* it was the last one of its directory */
        rc = outfile_sync_parent(dir, e);
    else if (rc == 0 && errno != ENOENT && errno != ENOTDIR)
        rc = outfile_sync_parent(path, e);
    free(path);
    free(dir);
    return rc;
}

/* ---- one publisher at a time ---------------------------------------------------------------- */

/* What publishers that died left behind, `depth` directories below this one, too; a directory that
 * has nothing any more goes with it. */
static void sweep(const char *dir, int depth)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *at; (at = readdir(d));) {
        char *path = str_format("%s/%s", dir, at->d_name);
        if (str_starts(at->d_name, UNFINISHED))
            unlink(path);
        else if (depth > 0 && at->d_name[0] != '.')
            sweep(path, depth - 1);
        free(path);
    }
    closedir(d);
    rmdir(dir); /* if it is empty */
}

static int lock(struct store *s, const char *prefix, bool *out_held, struct err *e)
{
    struct directory *d = (struct directory *)s;
    char *dir = path_of(s, prefix), *path = str_format("%s/.lock", dir);
    int rc = outfile_make_parent(path, e), locked;
    *out_held = false;
    if (rc == 0 && (d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
        rc = err_sys(e, "cannot open '%s'", path);
    if (rc == 0) {
        while ((locked = flock(d->lock, LOCK_EX)) < 0 && errno == EINTR)
            ;
        *out_held = locked == 0;
        if (*out_held)
            sweep(dir, 1);
    }
    free(path);
    free(dir);
    return rc;
}

static void unlock(struct store *s)
{
    struct directory *d = (struct directory *)s;
    if (d->lock >= 0)
        close(d->lock);
    d->lock = -1;
}

int store_directory_open(struct store **out, const char *root, struct err *e)
{
    static const struct store_kind kind = {
        .close = directory_close,
        .read = directory_read,
        .look = look,
        .fetch = directory_fetch,
        .put = put,
        .prepare = prepare,
        .finish = finish,
        .abandon = abandon,
        .remove = directory_remove,
        .list = list,
        .lock = lock,
        .unlock = unlock,
    };
    struct directory *d = mem_calloc(1, sizeof *d);
    (void)e;
    *d = (struct directory){ { &kind, mem_strdup(root) }, mem_strdup(root), -1 };
    *out = &d->store;
    return 0;
}
