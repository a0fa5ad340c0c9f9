#define _GNU_SOURCE
#include "tests/tools/crashlab/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "num/hash.h"

size_t disk_add(struct disk *d, enum node_kind kind, unsigned mode)
{
    d->node = mem_grow(d->node, d->n_node, sizeof *d->node);
    d->node[d->n_node] = (struct node){ .kind = kind, .mode = mode };
    return d->n_node++;
}

static struct disk_entry *entry_of(const struct disk *d, size_t dir, const char *name)
{
    if (dir >= d->n_node)
        return NULL;
    for (size_t i = 0; i < d->node[dir].n_entry; i++)
        if (strcmp(d->node[dir].entry[i].name, name) == 0)
            return &d->node[dir].entry[i];
    return NULL;
}

size_t disk_find(const struct disk *d, size_t dir, const char *name)
{
    const struct disk_entry *entry = entry_of(d, dir, name);
    return entry ? entry->node : NO_NODE;
}

static void set_entry(struct disk *d, size_t dir, const char *name, size_t node)
{
    struct disk_entry *entry = entry_of(d, dir, name);
    struct node *in = &d->node[dir];
    if (entry) {
        entry->node = node;
        return;
    }
    in->entry = mem_grow(in->entry, in->n_entry, sizeof *in->entry);
    in->entry[in->n_entry++] = (struct disk_entry){ mem_strdup(name), node };
}

static void remove_entry(struct disk *d, size_t dir, const char *name)
{
    struct disk_entry *entry = entry_of(d, dir, name);
    struct node *in = &d->node[dir];
    if (!entry)
        return;
    free(entry->name);
    *entry = in->entry[--in->n_entry];
}

static void resize(struct node *f, size_t n)
{
    f->bytes = mem_realloc(f->bytes, n + 1, 1);
    if (n > f->n)
        memset(f->bytes + f->n, 0, n - f->n);
    f->n = n;
}

static void write_bytes(struct node *f, const struct change *c)
{
    if (f->n < c->offset + c->n)
        resize(f, c->offset + c->n);
    memcpy(f->bytes + c->offset, c->bytes, c->n);
}

/* A directory whose own creation was lost is reached by no name, so what happens in it is lost with
 * it. */
void disk_apply(struct disk *d, const struct change *c)
{
    size_t from, to;
    switch (c->kind) {
    case CHANGE_CREATE:
    case CHANGE_MKDIR:
    case CHANGE_LINK:
        set_entry(d, c->dir, c->name, c->node);
        break;
    case CHANGE_SYMLINK:
        set_entry(d, c->dir, c->name, c->node);
        write_bytes(&d->node[c->node], c);
        break;
    case CHANGE_UNLINK:
        remove_entry(d, c->dir, c->name);
        break;
    case CHANGE_RENAME:
        from = disk_find(d, c->dir, c->name);
        if (from == NO_NODE)
            break;
        remove_entry(d, c->dir, c->name);
        set_entry(d, c->to_dir, c->to, from);
        break;
    case CHANGE_EXCHANGE:
        from = disk_find(d, c->dir, c->name);
        to = disk_find(d, c->to_dir, c->to);
        if (from == NO_NODE || to == NO_NODE)
            break;
        set_entry(d, c->dir, c->name, to);
        set_entry(d, c->to_dir, c->to, from);
        break;
    case CHANGE_WRITE:
        write_bytes(&d->node[c->node], c);
        break;
    case CHANGE_TRUNCATE:
        resize(&d->node[c->node], c->offset);
        break;
    case CHANGE_SYNC:
        break;
    }
}

void disk_copy(struct disk *to, const struct disk *from)
{
    *to = (struct disk){ 0 };
    for (size_t i = 0; i < from->n_node; i++) {
        const struct node *f = &from->node[i];
        size_t at = disk_add(to, f->kind, f->mode);
        struct node *t = &to->node[at];
        if (f->n) {
            t->bytes = mem_calloc(f->n + 1, 1);
            memcpy(t->bytes, f->bytes, f->n);
            t->n = f->n;
        }
        for (size_t k = 0; k < f->n_entry; k++)
            set_entry(to, at, f->entry[k].name, f->entry[k].node);
    }
}

void disk_release(struct disk *d)
{
    for (size_t i = 0; i < d->n_node; i++) {
        for (size_t k = 0; k < d->node[i].n_entry; k++)
            free(d->node[i].entry[k].name);
        free(d->node[i].entry);
        free(d->node[i].bytes);
    }
    free(d->node);
    *d = (struct disk){ 0 };
}

/* Does fsync of `node` bring it to the disk? A rename is one change of two directories: where the
 * file system logs it, either brings it; the one that it moves into must. */
static bool covers(size_t node, const struct change *c)
{
    switch (c->kind) {
    case CHANGE_WRITE:
    case CHANGE_TRUNCATE:
        return c->node == node;
    case CHANGE_RENAME:
    case CHANGE_EXCHANGE:
        return c->to_dir == node;
    case CHANGE_SYNC:
        return true;
    default:
        return c->dir == node;
    }
}

void disk_unsynced(const struct change *c, size_t end, bool *out)
{
    for (size_t i = 0; i < end; i++) {
        out[i] = c[i].kind != CHANGE_SYNC;
        for (size_t k = i + 1; k < end && out[i]; k++)
            out[i] = !(c[k].kind == CHANGE_SYNC && covers(c[k].node, &c[i]));
    }
}

/* ---- the real one ---- */

static int load_file(struct node *f, const char *path, struct err *e)
{
    unsigned char chunk[65536];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    while ((got = read(fd, chunk, sizeof chunk)) > 0) {
        size_t at = f->n;
        resize(f, f->n + (size_t)got);
        memcpy(f->bytes + at, chunk, (size_t)got);
    }
    close(fd);
    return got < 0 ? err_sys(e, "cannot read '%s'", path) : 0;
}

static int load(struct disk *d, const char *path, size_t *out,
                void (*seen)(void *, uint64_t, size_t), void *self, struct err *e)
{
    struct stat st;
    char target[4096];
    struct dirent *entry;
    int rc = 0;

    if (lstat(path, &st) < 0)
        return err_sys(e, "cannot look at '%s'", path);
    enum node_kind kind = S_ISDIR(st.st_mode)   ? NODE_DIR
                          : S_ISLNK(st.st_mode) ? NODE_LINK
                                                : NODE_FILE;
    size_t at = disk_add(d, kind, st.st_mode & 0777);
    *out = at;
    seen(self, st.st_ino, at);
    if (kind == NODE_FILE)
        return load_file(&d->node[at], path, e);
    if (kind == NODE_LINK) {
        ssize_t n = readlink(path, target, sizeof target);
        resize(&d->node[at], n > 0 ? (size_t)n : 0);
        memcpy(d->node[at].bytes, target, d->node[at].n);
        return 0;
    }
    DIR *dir = opendir(path);
    if (!dir)
        return err_sys(e, "cannot open '%s'", path);
    while (rc == 0 && (entry = readdir(dir))) {
        size_t child;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *below = str_format("%s/%s", path, entry->d_name);
        rc = load(d, below, &child, seen, self, e);
        if (rc == 0)
            set_entry(d, at, entry->d_name, child);
        free(below);
    }
    closedir(dir);
    return rc;
}

int disk_load(struct disk *d, const char *path, void (*seen)(void *, uint64_t, size_t), void *self,
              struct err *e)
{
    size_t root;
    return load(d, path, &root, seen, self, e);
}

static int store_file(const struct node *f, const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, f->mode);
    bool ok = fd >= 0 && write(fd, f->bytes, f->n) == (ssize_t)f->n;
    if (fd >= 0 && close(fd) < 0)
        ok = false;
    return ok ? 0 : err_sys(e, "cannot write '%s'", path);
}

static int store(const struct disk *d, size_t at, const char *path, struct err *e)
{
    const struct node *dir = &d->node[at];
    int rc = 0;
    for (size_t i = 0; i < dir->n_entry && rc == 0; i++) {
        const struct node *f = &d->node[dir->entry[i].node];
        char *below = str_format("%s/%s", path, dir->entry[i].name);
        if (f->kind == NODE_FILE) {
            rc = store_file(f, below, e);
        } else if (f->kind == NODE_LINK) {
            char *target = mem_strndup((const char *)f->bytes, f->n);
            if (symlink(target, below) < 0)
                rc = err_sys(e, "cannot make '%s'", below);
            free(target);
        } else if (mkdir(below, f->mode) < 0) {
            rc = err_sys(e, "cannot make '%s'", below);
        } else {
            rc = store(d, dir->entry[i].node, below, e);
        }
        free(below);
    }
    return rc;
}

int disk_store(const struct disk *d, const char *path, struct err *e)
{
    return store(d, 0, path, e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct disk_entry *)a)->name, ((const struct disk_entry *)b)->name);
}

static void hash_below(const struct disk *d, size_t at, struct hash *h)
{
    const struct node *dir = &d->node[at];
    if (dir->n_entry > 1)
        qsort(dir->entry, dir->n_entry, sizeof *dir->entry, by_name);
    for (size_t i = 0; i < dir->n_entry; i++) {
        const struct node *f = &d->node[dir->entry[i].node];
        unsigned char what[2] = { (unsigned char)f->kind, (unsigned char)f->mode };
        hash_add_text(h, dir->entry[i].name);
        hash_add(h, what, sizeof what);
        if (f->kind == NODE_DIR)
            hash_below(d, dir->entry[i].node, h);
        else
            hash_add(h, f->bytes, f->n);
        hash_add_text(h, "end");
    }
}

void disk_hash(const struct disk *d, char *out_hex)
{
    struct hash h;
    hash_init(&h);
    hash_below(d, 0, &h);
    hash_hex(&h, out_hex);
}
