#ifndef RUNNER_HASHES_H
#define RUNNER_HASHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "num/hash.h"
#include "runner/memory/state.h"

/* The hashes that state.h remembers, as one process holds them: those that it has looked up or
 * found itself, so that a table that seven stages read is asked for once, and those that wait to be
 * written. */

/** A hash to remember, held back until the next transaction: one write for many files. */
struct pending {
    struct file_stamp stamp;
    bool tree; /* `key` instead of `stamp` */
    char key[HASH_HEX], hex[HASH_HEX];
};

struct known {
    struct file_stamp stamp; /* inode 0: a free place */
    uint8_t digest[SHA256_DIGEST_SIZE];
};

struct hashes {
    struct pending *pending; /* (n_pending) owned */
    size_t n_pending;
    struct known *known;  /* (room) by device and inode, open addressing; owned */
    size_t n_known, room; /* room: a power of two, or 0 */
    bool complete;        /* everything in the database is in `known` */
};

struct state;

/** Write what is pending; inside a transaction. */
int hashes_write(struct state *s, struct err *e);

void hashes_release(struct hashes *h);

#endif
