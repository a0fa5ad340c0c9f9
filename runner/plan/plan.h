#ifndef RUNNER_PLAN_H
#define RUNNER_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"
#include "runner/plan/argv.h"
#include "runner/plan/graph.h"

/* plan: a pure function of manifest, file states and history: which stages run, which are reused,
 * and why. It sees the disk and the past only through two seams, so that tests run it on a virtual
 * disk; --dry-run, explain and a real run call the same function. */

/** Seam: look at a file. `self` is handed to every call. */
struct file_view {
    void *self;
    /** SHA-256 of a file's content, or of a directory as a tree; sets *out_exists; ERR_IO. */
    int (*hash)(void *self, const char *path, bool *out_exists, char out_hex[HASH_HEX],
                struct err *e);
    /** Sorted matches of a glob (a path without wildcards: itself if it exists); owned by the
     * caller. */
    int (*glob)(void *self, const char *pattern, struct path_list *out, struct err *e);
    /** These are about to be asked for: read what must be read side by side. May be NULL. */
    void (*warm)(void *self, char *const *path, size_t n);
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
    char *text;     /* the document whose hash is the fingerprint */
    json_t *inputs; /* the same, read by commit_record_read: explain compares two of them */
    struct committed_out *out;
    size_t n_out;
};

/** Seam: the past. `*out_found` false: the stage was never committed. */
struct history_view {
    void *self;
    int (*last_commit)(void *self, const char *stage, bool *out_found, struct commit_record *out,
                       struct err *e);
};

/** Set r->inputs from r->text where it is not yet. ERR_DATA if the text is damaged. Few stages need
 * it: equal fingerprints say enough. */
int commit_record_read(struct commit_record *r, struct err *e);

/** plan_differences between its inputs and the document `now`. ERR_DATA as commit_record_read. */
int commit_record_differences(struct commit_record *r, const char *now, struct path_list *out,
                              struct err *e);
void commit_record_release(struct commit_record *r);

enum plan_action {
    PLAN_REUSE, /* the committed outputs are what it would make */
    PLAN_RUN,
    PLAN_DEFERRED, /* a stage above runs first: decided again when it has finished (it may yet be
                      reused) */
    PLAN_OFF,      /* disabled or not selected */
};

struct decision {
    enum plan_action action;
    char *reason; /* "never run", "params.epochs: 30 -> 10", "forced", "up to date"; owned */
    char *inputs; /* the document of inputs.h; owned; NULL while a stage above is yet to run, and
                     when off */
    char fingerprint[HASH_HEX]; /* its SHA-256; "" without inputs */
    struct path_list *dep; /* (n_dep) per dep of the stage the files found, for stage_argv; owned */
    size_t n_dep;
    struct commit_record last; /* when found */
    bool has_last;
};

void decision_release(struct decision *d);

/** Keep the action and its reason alone. */
void decision_trim(struct decision *d);

/**
 * Decide one stage. Call it again when the stages above have finished: then action is REUSE or RUN,
 * with inputs. above_runs  (n_stage) true for a stage that is running or will run before this one;
 * NULL: none. Then the answer is RUN where that is certain already, else DEFERRED force       run
 * even if nothing changed (a frozen stage with a commit is reused even so) errors      ERR_USAGE
 * with file:line:column for a dep that does not exist
 */
int plan_stage(const struct graph *g, size_t stage, const bool *above_runs, bool force,
               const struct file_view *files, const struct history_view *history,
               struct decision *out, struct err *e);

/**
 * Everything that makes a stage with a last commit (`d`) run again, one text an entry: what differs
 * in its inputs (of those above_runs leaves unknown nothing), which outputs were changed or are
 * gone.
 */
int plan_changes(const struct graph *g, size_t stage, const bool *above_runs,
                 const struct file_view *files, struct decision *d, struct path_list *out,
                 struct err *e);

/** The decisions of all stages. */
struct plan {
    struct decision *stage; /* (n) by stage index */
    size_t n;
};

/** Decide every selected stage in order, taking for granted that what runs changes its outputs. */
int plan_all(const struct graph *g, const bool *selected, bool force, const struct file_view *files,
             const struct history_view *history, struct plan *out, struct err *e);
void plan_release(struct plan *p);

/** Number of stages that run or are deferred. */
size_t plan_work(const struct plan *p);

/** "run", "reuse", "deferred", "off" */
const char *plan_action_name(enum plan_action action);

/**
 * What differs between two inputs documents, one text an entry ("params.epochs: 30 -> 10",
 * "deps.table: work/table.h5 changed"), in order of importance. Hashes that are null (not known
 * yet) are equal to everything.
 */
void plan_differences(const json_t *old, const json_t *now, struct path_list *out);

#endif
