#ifndef RUNNER_STATE_INNER_H
#define RUNNER_STATE_INNER_H

#include "io/db.h"
#include "runner/memory/hashes.h"
#include "runner/memory/state.h"

/* What the parts of the memory share (state.c, hashes.c, committed.c); nobody else needs it. */

struct state {
    struct db db;
    bool has_wal; /* else every transaction is synced by SQLite itself */
    bool durable; /* the transaction that is open is not lazy */
    bool gather;  /* lazy transactions stay open: see state_gather */
    bool reading; /* a read transaction is open: many look-ups share one */
    struct hashes hashes;
};

/** Let the look-ups that follow share one snapshot, until state_rest. */
int state_start_reading(struct state *s, struct err *e);

#endif
