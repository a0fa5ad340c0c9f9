#ifndef RUNNER_STATE_H
#define RUNNER_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"
#include "runner/plan.h"

/* The runner's memory: one SQLite database .refit/refit.db (WAL, synchronous FULL, short transactions, any number of
 * readers). */

struct state;

/** Open, creating it if `create`; without it a missing database gives an empty one in memory. */
int state_open(struct state **out, bool create, struct err *e);
void state_close(struct state *s);

/** What identifies a file's content without reading it (git's index uses the same). */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t mtime_ns, ctime_ns;
};

/** Hash of a file that was hashed before with this very stamp; *out_found false otherwise. */
int state_file_get(struct state *s, const struct file_stamp *stamp, bool *out_found, char out_hex[HASH_HEX],
                   struct err *e);
int state_file_put(struct state *s, const struct file_stamp *stamp, const char hex[HASH_HEX], struct err *e);

/** --describe of a program, by the hash of its executable; *out_json is owned by the caller, NULL if not cached. */
int state_describe_get(struct state *s, const char hex[HASH_HEX], char **out_json, struct err *e);
int state_describe_put(struct state *s, const char hex[HASH_HEX], const char *json, struct err *e);

/** The past of one pipeline, as plan sees it. `s` and `pipeline` must outlive the view. */
struct state_history {
    struct state *s;
    const char *pipeline;
};
struct history_view state_history_view(struct state_history *h);

#endif
