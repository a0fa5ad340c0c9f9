#ifndef RUNNER_PLAN_H
#define RUNNER_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"
#include "runner/manifest.h"

/* plan: a pure function of manifest, file states and history: which stages run, which are reused, and why. It sees
 * the disk and the past only through two seams, so that tests run it on a virtual disk; --dry-run, explain and a
 * real run call the same function. */

/** Seam: look at a file. `self` is handed to every call. */
struct file_view {
    void *self;
    /** SHA-256 of a file's content, or of a directory as a tree; sets *out_exists; ERR_IO. */
    int (*hash)(void *self, const char *path, bool *out_exists, char out_hex[HASH_HEX], struct err *e);
    /** Sorted matches of a glob (a path without wildcards: itself if it exists); owned by the caller. */
    int (*glob)(void *self, const char *pattern, char ***out, size_t *out_n, struct err *e);
};

/** One committed output. */
struct committed_out {
    char *name, *path;
    char sha256[HASH_HEX];
};

/** The last commit of a stage. All owned. */
struct commit_record {
    char *run_id;
    char fingerprint[HASH_HEX];
    json_t *inputs;       /* the document whose hash is the fingerprint: explain compares two of them */
    struct committed_out *out;
    size_t n_out;
};

/** Seam: the past. `*out_found` false: the stage was never committed. */
struct history_view {
    void *self;
    int (*last_commit)(void *self, const char *stage, bool *out_found, struct commit_record *out, struct err *e);
};

void commit_record_release(struct commit_record *r);

enum plan_action {
    PLAN_REUSE,    /* the committed outputs are what it would make */
    PLAN_RUN,
    PLAN_DEFERRED, /* a stage above runs first: decided again when it has finished (it may yet be reused) */
    PLAN_OFF,      /* disabled or not selected */
};

/** What is known about the stages above while a run goes on. */
enum upstream_state { UPSTREAM_SETTLED, UPSTREAM_WILL_RUN, UPSTREAM_OFF };

struct decision {
    enum plan_action action;
    char *reason;                 /* "never run", "params.epochs: 30 -> 10", "forced", "up to date"; owned */
    json_t *inputs;               /* owned; NULL when deferred or off */
    char fingerprint[HASH_HEX];
    struct commit_record last;    /* when found */
    bool has_last;
};

void decision_release(struct decision *d);

/**
 * Decide one stage whose upstream states are known ((n_stage) `upstream`, by stage index).
 *   force  run even if nothing changed
 *   errors ERR_USAGE with file:line:column for a dep that does not exist
 */
int plan_stage(const struct manifest *m, size_t stage, const enum upstream_state *upstream, bool force,
               const struct file_view *files, const struct history_view *history, struct decision *out,
               struct err *e);

#endif
