#ifndef CRASHLAB_DISK_H
#define CRASHLAB_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A small file system in memory: what a directory held before a program ran, each change that the
 * program made to it, and what is on the disk when the power fails after some of them and others
 * had not been synced. POSIX promises no more than that: the bytes of a file are on the disk after
 * fsync of the file, a name after fsync of its directory; until then each change may be there or
 * not, in any combination. */

enum change_kind {
    CHANGE_CREATE, /* a new empty file gets a name */
    CHANGE_MKDIR,
    CHANGE_SYMLINK,
    CHANGE_LINK,   /* `node` gets one more name */
    CHANGE_UNLINK, /* or rmdir */
    CHANGE_RENAME, /* over what is there */
    CHANGE_EXCHANGE,
    CHANGE_WRITE,
    CHANGE_TRUNCATE, /* or extended by zeros, to `offset` */
    CHANGE_SYNC,     /* fsync of `node`: no change, but all before it that touched `node` is safe */
};

struct change {
    enum change_kind kind;
    size_t dir, to_dir; /* nodes of the directories whose names change */
    char *name, *to;    /* names in them; owned */
    size_t node;        /* what is written, synced, linked or made */
    uint64_t offset;
    unsigned char *bytes; /* (n), owned; of a symlink its target */
    size_t n;
    unsigned mode;
};

struct disk_entry {
    char *name; /* owned */
    size_t node;
};

enum node_kind { NODE_FILE, NODE_DIR, NODE_LINK };

struct node {
    enum node_kind kind;
    unsigned mode;
    unsigned char *bytes; /* (n) of a file or symlink; owned */
    size_t n;
    struct disk_entry *entry; /* (n_entry) of a directory; owned */
    size_t n_entry;
};

/** All zeros is no disk; node 0 is the root. */
struct disk {
    struct node *node; /* (n_node) */
    size_t n_node;
};

#define NO_NODE SIZE_MAX

size_t disk_add(struct disk *d, enum node_kind kind, unsigned mode);

/** The entry of that name; NO_NODE if there is none. */
size_t disk_find(const struct disk *d, size_t dir, const char *name);

/** Make it so; a change whose names are not there (an earlier one was lost) does nothing. */
void disk_apply(struct disk *d, const struct change *c);

/** An independent copy. */
void disk_copy(struct disk *to, const struct disk *from);
void disk_release(struct disk *d);

/** Which of the changes before `end` are not safe if the power fails then: (end) flags. */
void disk_unsynced(const struct change *c, size_t end, bool *out);

/** Read a directory into an empty disk; `seen` is told the inode of every node. ERR_IO. */
int disk_load(struct disk *d, const char *path,
              void (*seen)(void *self, uint64_t inode, size_t node), void *self, struct err *e);

/** Write it below a directory that is there and empty. ERR_IO. */
int disk_store(const struct disk *d, const char *path, struct err *e);

/** A text that is equal for equal trees: names, modes and the hashes of contents. */
void disk_hash(const struct disk *d, char *out_hex);

#endif
