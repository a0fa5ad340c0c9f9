#ifndef RUNNER_STATE_H
#define RUNNER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/db.h"
#include "num/hash.h"
#include "runner/plan/plan.h"

/* The runner's memory: one SQLite database .refit/refit.db (WAL, synchronous FULL, short
 * transactions, any number of readers). Here: opening it, the hash cache, the cached --describe,
 * what was committed and the intents to commit. Runs and attempts are in ledger.h. */

#define STATE_DIR ".refit"

enum {
    STATE_VERSION = 2,
    STATE_RACY_NS = 20000000, /* the coarsest file time stamp that we reckon with (a kernel tick of
                                 10 ms, twice) */
};

struct state;

/** Open, creating it if `create`; without it a missing database gives an empty one in memory, and
 * one that may not be written to can be read. */
int state_open(struct state **out, bool create, struct err *e);

/** Writes what is pending (an error there loses cached hashes only). */
void state_close(struct state *s);

/** The connection, for ledger.c: begin and commit by state_begin and state_commit. */
struct db *state_db(struct state *s);

/** A write transaction, together with the hashes that are pending. After state_commit it is on the
 * disk. */
int state_begin(struct state *s, struct err *e);

/** As state_begin, but it reaches the disk only with the next one that is not lazy (a power cut may
 * undo it, never half of it): for what recovery restores, as the record of a commit from its
 * intent, or can do without. */
int state_begin_lazy(struct state *s, struct err *e);
int state_commit(struct state *s, struct err *e);

/** From now on lazy transactions are gathered into one, which state_flush ends, and so does a
 * state_begin. Other processes cannot write while it is open: flush it before anything that takes
 * its time. */
void state_gather(struct state *s);
int state_flush(struct state *s, struct err *e);

/** All that was committed so far, lazily too, is on the disk afterwards. */
int state_sync(struct state *s, struct err *e);

/** Let go of the snapshot that the last reads share; call it before waiting for something. */
void state_rest(struct state *s);

/** What identifies a file's content without reading it (git's index uses the same). */
struct file_stamp {
    uint64_t device, inode, size;
    int64_t mtime_ns, ctime_ns;
};

struct stat;
struct file_stamp file_stamp_of(const struct stat *st);

/** CLOCK_REALTIME in nanoseconds, for state_file_put. */
int64_t state_now_ns(void);

/** Hash of a file that was hashed before with this very stamp; *out_found false otherwise. */
int state_file_get(struct state *s, const struct file_stamp *stamp, bool *out_found,
                   char out_hex[HASH_HEX], struct err *e);

/** Read all hashes at once, before many files are asked for: cheaper than one look-up a file. */
int state_files_load(struct state *s, struct err *e);

/**
 * Remember the hash of a file. The stamp was taken before reading began, at `hashed_ns`, and found
 * the same after it. A file that was modified within STATE_RACY_NS before that is not remembered: a
 * later write in the same tick of the clock could not be seen in its stamp (git's racy-timestamp
 * guard). Written with the next transaction or at close.
 */
int state_file_put(struct state *s, const struct file_stamp *stamp, int64_t hashed_ns,
                   const char hex[HASH_HEX], struct err *e);

/** Hash of a directory as a tree, by the hash of the names and stamps of all in it: one look-up
 * instead of one a file. Put it only when state_racy is false for every file. */
int state_tree_get(struct state *s, const char key[HASH_HEX], bool *out_found,
                   char out_hex[HASH_HEX], struct err *e);
int state_tree_put(struct state *s, const char key[HASH_HEX], const char hex[HASH_HEX],
                   struct err *e);
bool state_racy(const struct file_stamp *stamp, int64_t hashed_ns);

/** --describe of a program, by the hash of its executable; *out_json is owned by the caller, NULL
 * if not cached. */
int state_describe_get(struct state *s, const char hex[HASH_HEX], char **out_json, struct err *e);
int state_describe_put(struct state *s, const char hex[HASH_HEX], const char *json, struct err *e);

/** The past of one pipeline, as plan sees it. `s` and `pipeline` must outlive the view. A stage
 * whose last commit is blocked (exit 98, not approved) counts as never committed. */
struct state_history {
    struct state *s;
    const char *pipeline;
    struct last_commits *all; /* NULL unless state_history_load has read them */
};
struct history_view state_history_view(struct state_history *h);

/** Read at once what the planning of n_stage stages asks for, where that is cheaper than one
 * look-up a stage; what others commit later is then not seen until state_history_forget. */
int state_history_load(struct state_history *h, size_t n_stage, struct err *e);
void state_history_forget(struct state_history *h);

/** One output about to be put in place. All owned. */
struct intent_out {
    char *name, *path; /* declared */
    char *staged;      /* where the new one lies until it is in place, and the old one after that */
    char sha256[HASH_HEX]; /* of the new one; "" until it is known */
    bool had_old;          /* `path` existed */
    bool directory;        /* the new one is */
    uint64_t size;         /* of the new file */
    bool stays;            /* a persistent out of a blocked attempt: staged until it is approved */
    int64_t mtime_ns;      /* that the new file was given; 0: not known */
};

/** The outputs of a stage that were checked, hashed and synced, and the commit that they will
 * become. All owned. */
struct intent {
    int64_t id;    /* 0 until it is recorded */
    bool intended; /* it must be recorded before anything is placed: see commit.h */
    char *pipeline, *run, *stage;
    int64_t attempt;
    bool blocked; /* exit 98: in place for a person to look at; reuse needs an approval */
    char fingerprint[HASH_HEX];
    char *inputs;                 /* JSON text */
    char *approved_by, *approval; /* a blocked commit that is to count: who says so, and why */
    struct intent_out *out;
    size_t n_out;
};

void intent_release(struct intent *i);

/** Record n intents at once, durably; sets their ids. */
int state_intents_put(struct state *s, struct intent *const *list, size_t n, struct err *e);

/** All intents of a pipeline, oldest first; the array is owned by the caller. */
int state_intents(struct state *s, const char *pipeline, struct intent **out, size_t *out_n,
                  struct err *e);

/** Inside a transaction: the intent has become a commit (`committed`), or was taken back. */
int state_intent_close(struct state *s, const struct intent *i, bool committed, struct err *e);

#endif
