#define _GNU_SOURCE
#include "tests/tools/crashlab/recorder.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tests/tools/crashlab/tracee.h"

struct inode {
    uint64_t number;
    size_t node;
};

struct recorder {
    struct record *r;
    struct disk live; /* with all changes made */
    char root[4096];
    dev_t device;
    struct inode *inode; /* (n_inode) the last entry of a number counts */
    size_t n_inode;
};

/* A name below the root. */
struct place {
    size_t dir;
    char *name; /* owned; NULL: outside */
};

static void see(void *self, uint64_t inode, size_t node)
{
    struct recorder *x = self;
    x->inode = mem_grow(x->inode, x->n_inode, sizeof *x->inode);
    x->inode[x->n_inode++] = (struct inode){ inode, node };
}

static void add(struct recorder *x, struct change c)
{
    struct record *r = x->r;
    r->change = mem_grow(r->change, r->n_change, sizeof *r->change);
    r->change[r->n_change++] = c;
    disk_apply(&x->live, &c);
}

/* The same node in both disks. */
static size_t new_node(struct recorder *x, enum node_kind kind, unsigned mode)
{
    disk_add(&x->r->before, kind, mode);
    return disk_add(&x->live, kind, mode);
}

/* ---- where ---- */

static char *link_of(pid_t pid, const char *what, int fd)
{
    char path[64], target[4096];
    if (fd >= 0)
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
    else
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    ssize_t n = readlink(path, target, sizeof target);
    return n > 0 ? mem_strndup(target, (size_t)n) : NULL;
}

/* The node of a path below the root, followed name by name; "" is the root itself. */
static size_t walk(const struct recorder *x, const char *path)
{
    size_t at = 0;
    while (*path && at != NO_NODE) {
        size_t n = strcspn(path, "/");
        char *name = mem_strndup(path, n);
        if (n > 0)
            at = disk_find(&x->live, at, name);
        free(name);
        path += n + (path[n] == '/');
    }
    return at;
}

/* "a/./b//../c" is "a/c". */
static char *straighten(const char *path)
{
    struct str out = { 0 };
    while (*path) {
        size_t n = strcspn(path, "/");
        if (n == 2 && strncmp(path, "..", 2) == 0) {
            while (out.n > 0 && out.text[out.n - 1] != '/')
                out.n--;
            out.n -= out.n > 0;
        } else if (n > 0 && !(n == 1 && *path == '.')) {
            str_addc(&out, '/');
            str_add(&out, path, n);
        }
        path += n + (path[n] == '/');
    }
    if (out.text)
        out.text[out.n] = '\0';
    return out.text ? str_take(&out) : mem_strdup("/");
}

static struct place place_of(const struct recorder *x, pid_t pid, int at, uint64_t address)
{
    struct place p = { 0 };
    char *text = tracee_text(pid, address), *base = NULL, *whole = NULL;
    if (!text)
        return p;
    if (*text != '/')
        base = link_of(pid, "cwd", at == AT_FDCWD ? -1 : at);
    if (*text == '/' || base) {
        char *joined = str_format("%s/%s", base ? base : "", text);
        whole = straighten(joined);
        free(joined);
    }
    size_t n = strlen(x->root);
    if (whole && strncmp(whole, x->root, n) == 0 && whole[n] == '/' && !str_ends(whole, "-shm")) {
        char *slash = strrchr(whole, '/');
        *slash = '\0';
        p.dir = slash == whole + n ? 0 : walk(x, whole + n + 1);
        p.name = p.dir == NO_NODE ? NULL : mem_strdup(slash + 1);
    }
    free(whole);
    free(base);
    free(text);
    return p;
}

static size_t node_of(const struct recorder *x, pid_t pid, int fd)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
    if (stat(path, &st) < 0 || st.st_dev != x->device ||
        !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return NO_NODE;
    for (size_t i = x->n_inode; i-- > 0;)
        if (x->inode[i].number == st.st_ino)
            return x->inode[i].node;
    return NO_NODE;
}

/* ---- what ---- */

static bool opens_to_create(const struct tracee_call *c, int *out_at, uint64_t *out_path,
                            uint64_t *out_flags)
{
    *out_at = AT_FDCWD;
    switch (c->nr) {
    case SYS_openat:
        *out_at = (int)c->arg[0];
        *out_path = c->arg[1];
        *out_flags = c->arg[2];
        return true;
#ifdef SYS_open
    case SYS_open:
        *out_path = c->arg[0];
        *out_flags = c->arg[1];
        return true;
    case SYS_creat:
        *out_path = c->arg[0];
        *out_flags = O_CREAT | O_TRUNC | O_WRONLY;
        return true;
#endif
    default:
        return false;
    }
}

static bool begins(void *self, struct tracee_call *c)
{
    struct recorder *x = self;
    uint64_t path, flags;
    int at;
    if (opens_to_create(c, &at, &path, &flags) && (flags & (O_CREAT | O_TRUNC))) {
        struct place p = place_of(x, c->pid, at, path);
        c->note = p.name && disk_find(&x->live, p.dir, p.name) == NO_NODE;
        free(p.name);
    }
    return false;
}

static void opened(struct recorder *x, const struct tracee_call *c, int at, uint64_t path,
                   uint64_t flags)
{
    char link[64];
    struct stat st;
    size_t node;
    if (!(flags & (O_CREAT | O_TRUNC)))
        return;
    if (c->note) {
        struct place p = place_of(x, c->pid, at, path);
        snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)c->pid, (int)c->result);
        if (!p.name || stat(link, &st) < 0) {
            free(p.name);
            return;
        }
        node = new_node(x, NODE_FILE, st.st_mode & 0777);
        see(x, st.st_ino, node);
        add(x,
            (struct change){ .kind = CHANGE_CREATE, .dir = p.dir, .name = p.name, .node = node });
    } else if ((flags & O_TRUNC) && (node = node_of(x, c->pid, (int)c->result)) != NO_NODE) {
        add(x, (struct change){ .kind = CHANGE_TRUNCATE, .node = node });
    }
}

static uint64_t position(pid_t pid, int fd)
{
    char path[64], text[256];
    unsigned long long at = 0;
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)pid, fd);
    FILE *f = fopen(path, "re");
    if (f && fgets(text, sizeof text, f) && str_starts(text, "pos:"))
        at = strtoull(text + 4, NULL, 10);
    if (f)
        fclose(f);
    return at;
}

/* `address` has the bytes, or `n_iov` of struct iovec that have. */
static void wrote(struct recorder *x, const struct tracee_call *c, uint64_t offset,
                  uint64_t address, size_t n_iov)
{
    size_t n = (size_t)c->result, done = 0, node = node_of(x, c->pid, (int)c->arg[0]);
    if (node == NO_NODE || n == 0)
        return;
    unsigned char *bytes = mem_calloc(n, 1);
    if (n_iov == 0) {
        tracee_read(c->pid, address, bytes, n);
    } else {
        for (size_t i = 0; i < n_iov && done < n; i++) {
            struct iovec part = { 0 };
            tracee_read(c->pid, address + i * sizeof part, &part, sizeof part);
            size_t take = part.iov_len < n - done ? part.iov_len : n - done;
            tracee_read(c->pid, (uint64_t)(uintptr_t)part.iov_base, bytes + done, take);
            done += take;
        }
    }
    add(x, (struct change){
               .kind = CHANGE_WRITE, .node = node, .offset = offset, .bytes = bytes, .n = n });
}

/* The kernel copied into it: the whole file as it is now. */
static void copied(struct recorder *x, const struct tracee_call *c, int fd)
{
    char path[64];
    struct str s = { 0 };
    char chunk[65536];
    ssize_t got = 0;
    size_t node = node_of(x, c->pid, fd);
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)c->pid, fd);
    int from = node == NO_NODE ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    while (from >= 0 && (got = read(from, chunk, sizeof chunk)) > 0)
        str_add(&s, chunk, (size_t)got);
    if (from >= 0) {
        close(from);
        add(x, (struct change){ .kind = CHANGE_WRITE,
                                .node = node,
                                .bytes = (unsigned char *)str_take(&s),
                                .n = s.n });
    }
}

static void renamed(struct recorder *x, const struct tracee_call *c, int at, uint64_t from,
                    int to_at, uint64_t to, bool exchange)
{
    struct place a = place_of(x, c->pid, at, from), b = place_of(x, c->pid, to_at, to);
    if (!a.name || !b.name) {
        free(a.name);
        free(b.name);
        return;
    }
    add(x, (struct change){ .kind = exchange ? CHANGE_EXCHANGE : CHANGE_RENAME,
                            .dir = a.dir,
                            .name = a.name,
                            .to_dir = b.dir,
                            .to = b.name });
}

static void linked(struct recorder *x, const struct tracee_call *c, int at, uint64_t from,
                   int to_at, uint64_t to)
{
    struct place a = place_of(x, c->pid, at, from), b = place_of(x, c->pid, to_at, to);
    size_t node = a.name ? disk_find(&x->live, a.dir, a.name) : NO_NODE;
    free(a.name);
    if (b.name && node != NO_NODE)
        add(x, (struct change){ .kind = CHANGE_LINK, .dir = b.dir, .name = b.name, .node = node });
    else
        free(b.name);
}

static void made_directory(struct recorder *x, const struct tracee_call *c, int at, uint64_t path)
{
    struct place p = place_of(x, c->pid, at, path);
    struct stat st;
    if (!p.name)
        return;
    char *text = tracee_text(c->pid, path), *cwd = link_of(c->pid, "cwd", -1);
    char *whole = *text == '/' ? mem_strdup(text) : str_format("%s/%s", cwd ? cwd : "", text);
    size_t node = new_node(x, NODE_DIR, 0777);
    if (stat(whole, &st) == 0)
        see(x, st.st_ino, node);
    add(x, (struct change){ .kind = CHANGE_MKDIR, .dir = p.dir, .name = p.name, .node = node });
    free(whole);
    free(cwd);
    free(text);
}

static void removed(struct recorder *x, const struct tracee_call *c, int at, uint64_t path)
{
    struct place p = place_of(x, c->pid, at, path);
    if (p.name)
        add(x, (struct change){ .kind = CHANGE_UNLINK, .dir = p.dir, .name = p.name });
}

static void made_symlink(struct recorder *x, const struct tracee_call *c, uint64_t target, int at,
                         uint64_t path)
{
    struct place p = place_of(x, c->pid, at, path);
    char *text = tracee_text(c->pid, target);
    if (p.name && text)
        add(x, (struct change){ .kind = CHANGE_SYMLINK,
                                .dir = p.dir,
                                .name = p.name,
                                .node = new_node(x, NODE_LINK, 0777),
                                .bytes = (unsigned char *)text,
                                .n = strlen(text) });
    else
        free(text);
}

static void synced(struct recorder *x, const struct tracee_call *c)
{
    size_t node = node_of(x, c->pid, (int)c->arg[0]);
    if (node != NO_NODE)
        add(x, (struct change){ .kind = CHANGE_SYNC, .node = node });
}

static void truncated(struct recorder *x, const struct tracee_call *c, uint64_t n)
{
    size_t node = node_of(x, c->pid, (int)c->arg[0]);
    if (node != NO_NODE && x->live.node[node].n != n)
        add(x, (struct change){ .kind = CHANGE_TRUNCATE, .node = node, .offset = n });
}

static void ends(void *self, struct tracee_call *c)
{
    struct recorder *x = self;
    uint64_t path, flags, *a = c->arg;
    int at;
    if (c->result < 0)
        return;
    if (opens_to_create(c, &at, &path, &flags)) {
        opened(x, c, at, path, flags);
        return;
    }
    switch (c->nr) {
    case SYS_write:
        wrote(x, c, position(c->pid, (int)a[0]) - (uint64_t)c->result, a[1], 0);
        break;
    case SYS_writev:
        wrote(x, c, position(c->pid, (int)a[0]) - (uint64_t)c->result, a[1], a[2]);
        break;
    case SYS_pwrite64:
        wrote(x, c, a[3], a[1], 0);
        break;
    case SYS_pwritev:
    case SYS_pwritev2:
        wrote(x, c, a[3], a[1], a[2]);
        break;
    case SYS_copy_file_range:
        copied(x, c, (int)a[2]);
        break;
    case SYS_sendfile:
        copied(x, c, (int)a[0]);
        break;
    case SYS_ioctl:
        if (a[1] == FICLONE)
            copied(x, c, (int)a[0]);
        break;
    case SYS_ftruncate:
        truncated(x, c, a[1]);
        break;
    case SYS_fallocate:
        if (a[1] == 0 && (at = (int)a[0]) >= 0) {
            size_t node = node_of(x, c->pid, at);
            if (node != NO_NODE && x->live.node[node].n < a[2] + a[3])
                truncated(x, c, a[2] + a[3]);
        }
        break;
    case SYS_renameat:
    case SYS_renameat2:
        renamed(x, c, (int)a[0], a[1], (int)a[2], a[3],
                c->nr == SYS_renameat2 && (a[4] & RENAME_EXCHANGE));
        break;
    case SYS_linkat:
        linked(x, c, (int)a[0], a[1], (int)a[2], a[3]);
        break;
    case SYS_symlinkat:
        made_symlink(x, c, a[0], (int)a[1], a[2]);
        break;
    case SYS_mkdirat:
        made_directory(x, c, (int)a[0], a[1]);
        break;
    case SYS_unlinkat:
        removed(x, c, (int)a[0], a[1]);
        break;
    case SYS_fsync:
    case SYS_fdatasync:
        synced(x, c);
        break;
#ifdef SYS_rename
    case SYS_rename:
        renamed(x, c, AT_FDCWD, a[0], AT_FDCWD, a[1], false);
        break;
    case SYS_link:
        linked(x, c, AT_FDCWD, a[0], AT_FDCWD, a[1]);
        break;
    case SYS_symlink:
        made_symlink(x, c, a[0], AT_FDCWD, a[1]);
        break;
    case SYS_mkdir:
        made_directory(x, c, AT_FDCWD, a[0]);
        break;
    case SYS_unlink:
    case SYS_rmdir:
        removed(x, c, AT_FDCWD, a[0]);
        break;
#endif
    default:
        break;
    }
}

int record_run(struct record *r, char *const *argv, int *out_status, struct err *e)
{
    struct recorder x = { .r = r };
    struct tracee_watch w = { .self = &x, .descendants = true, .begins = begins, .ends = ends };
    struct stat st;
    int rc = 0;

    *r = (struct record){ 0 };
    if (!getcwd(x.root, sizeof x.root) || stat(".", &st) < 0)
        return err_sys(e, "cannot find the current directory");
    x.device = st.st_dev;
    if ((rc = disk_load(&r->before, ".", see, &x, e)) == 0) {
        disk_copy(&x.live, &r->before);
        rc = tracee_run(argv, &w, out_status, e);
    }
    disk_release(&x.live);
    free(x.inode);
    return rc;
}

void record_release(struct record *r)
{
    for (size_t i = 0; i < r->n_change; i++) {
        free(r->change[i].name);
        free(r->change[i].to);
        free(r->change[i].bytes);
    }
    free(r->change);
    disk_release(&r->before);
    *r = (struct record){ 0 };
}

bool record_changes(long nr, const uint64_t *arg, const char **out_name)
{
    static const struct {
        long nr;
        const char *name;
    } call[] = {
        { SYS_pwrite64, "pwrite64" },   { SYS_writev, "writev" },
        { SYS_ftruncate, "ftruncate" }, { SYS_fsync, "fsync" },
        { SYS_fdatasync, "fdatasync" }, { SYS_renameat, "renameat" },
        { SYS_renameat2, "renameat2" }, { SYS_linkat, "linkat" },
        { SYS_mkdirat, "mkdirat" },     { SYS_unlinkat, "unlinkat" },
        { SYS_symlinkat, "symlinkat" }, { SYS_utimensat, "utimensat" },
        { SYS_clone, "clone" },         { SYS_clone3, "clone3" },
        { SYS_kill, "kill" },           { SYS_fallocate, "fallocate" },
#ifdef SYS_rename
        { SYS_rename, "rename" },       { SYS_link, "link" },
        { SYS_mkdir, "mkdir" },         { SYS_unlink, "unlink" },
        { SYS_rmdir, "rmdir" },         { SYS_vfork, "vfork" },
        { SYS_fork, "fork" },           { SYS_symlink, "symlink" },
#endif
    };
    for (size_t i = 0; i < sizeof call / sizeof *call; i++) {
        if (call[i].nr == nr) {
            *out_name = call[i].name;
            return true;
        }
    }
    *out_name = nr == SYS_write ? "write" : "openat";
    return (nr == SYS_write && arg[0] > 2) ||
           (nr == SYS_openat && (arg[2] & (O_CREAT | O_TRUNC)) != 0);
}

char *record_text(const struct change *c)
{
    static const char *const verb[] = { "create", "mkdir", "symlink",  "link",     "unlink",
                                        "rename", "swap",  "write to", "truncate", "sync" };
    if (c->to)
        return str_format("%s %s -> %s", verb[c->kind], c->name, c->to);
    if (c->name)
        return str_format("%s %s", verb[c->kind], c->name);
    return str_format("%s node %zu (%zu bytes at %llu)", verb[c->kind], c->node, c->n,
                      (unsigned long long)c->offset);
}
