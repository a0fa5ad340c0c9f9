#include "runner/plan/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/str.h"
#include "runner/execute/proc.h"

enum { MAX_TREE_DEPTH = 64, BIG = 1 << 20 };

/* A regular file that was just looked at, and its content hash. */
struct content {
    char *path; /* owned */
    struct file_stamp stamp;
    char hex[HASH_HEX];
    struct err why; /* it cannot be read */
};

static void read_one(void *ctx, int worker, size_t i)
{
    struct content **missing = ctx;
    (void)worker;
    hash_file(missing[i]->path, missing[i]->hex, NULL, &missing[i]->why);
}

/* Read files, on all processors where there is much to read. */
static int read_contents(struct state *s, struct content **missing, size_t n, struct err *e)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += missing[i]->stamp.size;
    if (bytes >= BIG && s) {
        int rc = state_flush(s, e);
        if (rc)
            return rc;
    }
    parallel_for(bytes >= BIG ? proc_cpus() : 1, n, read_one, missing);
    for (size_t i = 0; i < n; i++) {
        if (missing[i]->why.code) {
            *e = missing[i]->why;
            return e->code;
        }
    }
    return 0;
}

/* Remember what was read, if it has not changed meanwhile. */
static int keep_content(struct state *s, const struct content *c, int64_t began, struct err *e)
{
    struct stat st;
    if (stat(c->path, &st))
        return err_sys(e, "cannot look at '%s'", c->path);
    struct file_stamp after = file_stamp_of(&st);
    bool same = memcmp(&after, &c->stamp, sizeof after) == 0; /* nothing but 8-byte numbers in it */
    return same ? state_file_put(s, &c->stamp, began, c->hex, e) : 0;
}

/* Content hashes, from the cache where it knows the stamp. */
static int content_hashes(struct state *s, struct content *c, size_t n, struct err *e)
{
    struct content **missing = mem_calloc(n, sizeof(struct content *));
    size_t n_missing = 0;
    int64_t now = state_now_ns();
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool found = false;
        rc = s ? state_file_get(s, &c[i].stamp, &found, c[i].hex, e) : 0;
        if (!found)
            missing[n_missing++] = &c[i];
    }
    if (rc == 0 && n_missing > 0)
        rc = read_contents(s, missing, n_missing, e);
    for (size_t i = 0; i < n_missing && rc == 0 && s; i++)
        rc = keep_content(s, missing[i], now, e);
    free(missing);
    return rc;
}

/* What is no input: reading it would wait, or never end. */
static const char *kind_of(mode_t mode)
{
    return S_ISFIFO(mode)   ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
                            : "no file";
}

/* stat failed with `number`. A loop of links is a mistake of the project, not of the machine. */
__attribute__((format(printf, 3, 4))) static int cannot_look(int number, struct err *e,
                                                             const char *fmt, ...)
{
    char path[PATH_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    errno = number;
    return number == ELOOP
               ? err_set(e, ERR_USAGE, "'%s' is a symbolic link that leads to itself", path)
               : err_sys(e, "cannot look at '%s'", path);
}

static int content_hash(struct state *s, const char *path, const struct file_stamp *stamp,
                        char out_hex[HASH_HEX], struct err *e)
{
    bool found = false;
    int rc = s ? state_file_get(s, stamp, &found, out_hex, e) : 0;
    if (rc || found)
        return rc;
    struct content c = { .path = mem_strdup(path), .stamp = *stamp };
    if ((rc = content_hashes(s, &c, 1, e)) == 0)
        memcpy(out_hex, c.hex, HASH_HEX);
    free(c.path);
    return rc;
}

/* ---- directories ---- */

struct leaf {
    char *name; /* owned: below the root of the tree */
    struct file_stamp stamp;
};

struct tree {
    struct leaf *leaf; /* (n) */
    size_t n;
};

static void tree_release(struct tree *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->leaf[i].name);
    free(t->leaf);
    *t = (struct tree){ 0 };
}

/* printf would take most of the time of a directory of many files. */
static char *join(const char *directory, const char *name)
{
    struct str path = { 0 };
    str_addz(&path, directory);
    str_addz(&path, name);
    return str_take(&path);
}

/* Of the runner: its memory, and what stages have not committed yet or had committed before. */
static bool is_ours(const char *name)
{
    return strcmp(name, ".refit") == 0 || str_starts(name, ".refit-");
}

/* All files below an open directory, which is closed; `name` is where it lies in the tree ("" or
 * "a/b/"). */
static int walk(struct tree *t, int fd, const char *root, const char *name, int depth,
                struct err *e)
{
    DIR *dir = fdopendir(fd);
    const struct dirent *d;
    int rc = 0;

    if (!dir) {
        rc = err_sys(e, "cannot read directory '%s/%s'", root, name);
        close(fd);
        return rc;
    }
    while (rc == 0 && (errno = 0, d = readdir(dir))) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || is_ours(d->d_name))
            continue;
        if (fstatat(fd, d->d_name, &st, 0)) {
            rc = cannot_look(errno, e, "%s/%s%s", root, name, d->d_name);
        } else if (S_ISDIR(st.st_mode)) {
            char *below = str_format("%s%s/", name, d->d_name);
            int sub = depth < MAX_TREE_DEPTH
                          ? openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                          : -1;
            if (depth >= MAX_TREE_DEPTH)
                rc = err_set(e, ERR_USAGE,
                             "'%s' has directories nested over %d deep (a loop of symbolic links?)",
                             root, MAX_TREE_DEPTH);
            else
                rc = sub < 0 ? err_sys(e, "cannot open directory '%s/%s'", root, below)
                             : walk(t, sub, root, below, depth + 1, e);
            free(below);
        } else if (S_ISREG(st.st_mode)) {
            t->leaf = mem_grow(t->leaf, t->n, sizeof *t->leaf);
            t->leaf[t->n++] = (struct leaf){ join(name, d->d_name), file_stamp_of(&st) };
        } else {
            rc = err_set(e, ERR_USAGE, "'%s/%s%s' is %s: want files and directories", root, name,
                         d->d_name, kind_of(st.st_mode));
        }
    }
    if (rc == 0 && errno)
        rc = err_sys(e, "cannot read directory '%s/%s'", root, name);
    closedir(dir);
    return rc;
}

static int compare_leaf(const void *a, const void *b)
{
    return strcmp(((const struct leaf *)a)->name, ((const struct leaf *)b)->name);
}

/* All files below a directory, sorted by name. */
static int list(struct tree *t, const char *root, struct err *e)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? err_sys(e, "cannot open directory '%s'", root) : walk(t, fd, root, "", 0, e);
    if (rc == 0 && t->n > 1)
        qsort(t->leaf, t->n, sizeof *t->leaf, compare_leaf);
    return rc;
}

/* What the cache knows a tree by: the names and stamps of all files. */
static void tree_key(const struct tree *t, char out_hex[HASH_HEX])
{
    struct str text = { 0 };
    for (size_t i = 0; i < t->n; i++) {
        str_add(&text, t->leaf[i].name, strlen(t->leaf[i].name) + 1);
        str_add(&text, (const char *)&t->leaf[i].stamp, sizeof t->leaf[i].stamp);
    }
    hash_bytes(str_text(&text), text.n, out_hex);
    str_release(&text);
}

static int tree_content(struct state *s, const char *root, const struct tree *t,
                        char out_hex[HASH_HEX], struct err *e)
{
    struct hash h;
    struct content *c = mem_calloc(t->n, sizeof *c);
    for (size_t i = 0; i < t->n; i++)
        c[i] = (struct content){ .path = str_format("%s/%s", root, t->leaf[i].name),
                                 .stamp = t->leaf[i].stamp };
    int rc = content_hashes(s, c, t->n, e);
    hash_init(&h);
    for (size_t i = 0; i < t->n; i++) {
        hash_add_text(&h, t->leaf[i].name);
        hash_add_text(&h, c[i].hex);
        free(c[i].path);
    }
    hash_hex(&h, out_hex);
    free(c);
    return rc;
}

static int tree_hash(struct state *s, const char *root, char out_hex[HASH_HEX], struct err *e)
{
    struct tree tree = { 0 }, again = { 0 };
    char key[HASH_HEX], key_again[HASH_HEX];
    bool found = false, racy = false;
    int64_t now = state_now_ns();
    int rc = list(&tree, root, e);

    if (rc)
        goto out;
    tree_key(&tree, key);
    if (s && ((rc = state_tree_get(s, key, &found, out_hex, e)) || found))
        goto out;
    if ((rc = tree_content(s, root, &tree, out_hex, e)) || !s)
        goto out;
    for (size_t i = 0; i < tree.n; i++)
        racy = racy || state_racy(&tree.leaf[i].stamp, now);
    if (racy || (rc = list(&again, root, e)))
        goto out;
    tree_key(&again, key_again);
    if (strcmp(key, key_again) == 0) /* nothing changed while it was read */
        rc = state_tree_put(s, key, out_hex, e);
out:
    tree_release(&again);
    tree_release(&tree);
    return rc;
}

/* ---- the seam ---- */

int files_look(const char *path, struct stat *out, bool *out_exists, struct err *e)
{
    *out_exists = stat(path, out) == 0;
    if (!*out_exists)
        return errno == ENOENT || errno == ENOTDIR ? 0 : cannot_look(errno, e, "%s", path);
    if (!S_ISDIR(out->st_mode) && !S_ISREG(out->st_mode))
        return err_set(e, ERR_USAGE, "'%s' is %s: want a file or a directory", path,
                       kind_of(out->st_mode));
    return 0;
}

int files_hash(struct state *s, const char *path, bool *out_exists, char out_hex[HASH_HEX],
               struct err *e)
{
    struct stat st;
    int rc = files_look(path, &st, out_exists, e);
    if (rc || !*out_exists)
        return rc;
    if (S_ISDIR(st.st_mode))
        return tree_hash(s, path, out_hex, e);
    struct file_stamp stamp = file_stamp_of(&st);
    return content_hash(s, path, &stamp, out_hex, e);
}

void files_one_look(struct files *f, bool on)
{
    for (size_t i = 0; i < FILES_RECENT; i++) {
        free(f->recent[i].path);
        f->recent[i].path = NULL;
    }
    f->one_look = on;
}

static int view_hash(void *self, const char *path, bool *out_exists, char out_hex[HASH_HEX],
                     struct err *e)
{
    struct files *f = self;
    for (size_t i = 0; i < FILES_RECENT && f->one_look; i++) {
        if (!f->recent[i].path || strcmp(f->recent[i].path, path) != 0)
            continue;
        *out_exists = f->recent[i].exists;
        memcpy(out_hex, f->recent[i].hex, HASH_HEX);
        return 0;
    }
    int rc = files_hash(f->s, path, out_exists, out_hex, e);
    if (rc || !f->one_look)
        return rc;
    size_t at = f->n_look++ % FILES_RECENT;
    free(f->recent[at].path);
    f->recent[at].path = mem_strdup(path);
    f->recent[at].exists = *out_exists;
    if (*out_exists)
        memcpy(f->recent[at].hex, out_hex, HASH_HEX);
    return 0;
}

static void view_warm(void *self, char *const *path, size_t n)
{
    const struct files *f = self;
    struct content *c = mem_calloc(n, sizeof *c);
    struct err ignored = { 0 }; /* found again by who asks for the file */
    struct stat st;
    size_t n_file = 0;
    for (size_t i = 0; i < n && f->s; i++)
        if (stat(path[i], &st) == 0 && S_ISREG(st.st_mode))
            c[n_file++] = (struct content){ .path = mem_strdup(path[i]),
                                            .stamp = file_stamp_of(&st) };
    content_hashes(f->s, c, n_file, &ignored);
    for (size_t i = 0; i < n_file; i++)
        free(c[i].path);
    free(c);
}

static int glob_failed(const char *path, int number)
{
    return number != ENOENT && number != ENOTDIR &&
           path != NULL; /* a directory that cannot be read is an error */
}

static int view_glob(void *self, const char *pattern, struct path_list *out, struct err *e)
{
    struct stat st;
    glob_t found = { 0 };
    (void)self;

    *out = (struct path_list){ 0 };
    if (!path_is_glob(pattern)) {
        if (stat(pattern, &st) == 0)
            path_list_add(out, pattern);
        else if (errno != ENOENT && errno != ENOTDIR)
            return cannot_look(errno, e, "%s", pattern);
        return 0;
    }
    int rc = glob(pattern, GLOB_NOSORT, glob_failed, &found);
    if (rc == GLOB_ABORTED)
        rc = err_sys(e, "cannot read the directories of '%s'", pattern);
    else
        rc = rc == GLOB_NOSPACE ? err_set(e, ERR_MEMORY, "out of memory for '%s'", pattern) : 0;
    for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
        path_list_add(out, found.gl_pathv[i]);
    globfree(&found);
    path_list_sort(out);
    return rc;
}

struct file_view files_view(struct files *f)
{
    return (struct file_view){ .self = f, .hash = view_hash, .glob = view_glob, .warm = view_warm };
}
