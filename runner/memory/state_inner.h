#ifndef RUNNER_STATE_INNER_H
#define RUNNER_STATE_INNER_H

#include "io/db.h"
#include "runner/memory/hashes.h"
#include "runner/memory/state.h"

/* What the parts of the memory share (state.c, hashes.c, committed.c,
 * approvals.c, provenance.c); nobody else needs it. */

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

/** A column of the current row that holds a hash; what is none leaves `out_hex` as it is. */
void state_get_hash(struct query *q, int column, char out_hex[HASH_HEX]);

/** Add the outputs of a commit, in order, to r. */
int state_commit_outs(struct state *s, int64_t commit, struct commit_record *r, struct err *e);

#endif
