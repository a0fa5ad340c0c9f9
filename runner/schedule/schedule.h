#ifndef RUNNER_SCHEDULE_H
#define RUNNER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/yaml.h"
#include "runner/schedule/cron.h"
#include "runner/schedule/zone.h"

/* When a pipeline runs by itself: the entries of `schedule:`, read and validated here, fired by the
 * scheduler. */

enum schedule_catchup { CATCHUP_NONE, CATCHUP_LATEST, CATCHUP_ALL };
enum schedule_overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_CANCEL };
enum schedule_gap { GAP_NEXT, GAP_SKIP };
enum schedule_fold { FOLD_FIRST, FOLD_LAST, FOLD_BOTH };

/** One entry. Every kind is kept as the sets of a cron line. */
struct schedule {
    char *name;       /* given, or weekly, daily, cron */
    const char *kind; /* weekly, daily, cron: a literal */
    char *text;       /* as written: "monday 00:00" */
    struct cron when; /* local times of the zone */
    struct zone zone; /* UTC by default */
    enum schedule_gap gap;
    enum schedule_fold fold;
    int64_t jitter_ms;      /* fires up to this later, always by the same amount; 0: on time */
    int64_t start_s, end_s; /* fires from and to these instants, both included; INT64_MIN,
                               INT64_MAX: unbounded */
    bool enabled;
    enum schedule_catchup catchup;
    enum schedule_overlap overlap;
    int64_t catchup_window_ms;
    size_t *target, *force; /* (n_target), (n_force) indices of stages */
    size_t n_target, n_force;
    char *profile; /* NULL: none */
    char **set;    /* (n_set) "name=value" or "stage.name=value", as -p has them */
    size_t n_set;
    char **warning; /* (n_warning) what is legal but seldom meant */
    size_t n_warning;
    size_t line, column;
};

/**
 * Read the list under `schedule:` of a pipeline file; `root` has the stages, params and profiles
 * that an entry may name.
 *   errors  ERR_USAGE at the node; *out is then NULL
 */
int schedule_read(const struct yaml *root, const char *pipeline, struct schedule **out,
                  size_t *out_n, struct err *e);

/** The entry of that name. ERR_USAGE with a did-you-mean. */
int schedule_find(const struct schedule *s, size_t n, const char *name, size_t *out, struct err *e);

/** Drawn from the names of pipeline and schedule: the same on every machine and at every time. */
uint64_t schedule_slot(const char *pipeline, const char *name);

void schedule_release(struct schedule *s, size_t n);

/** "500ms", "30s", "15m", "2h", "3d" in milliseconds. Returns NULL, or what is wrong with it. */
const char *duration_parse(const char *text, int64_t *out_ms);

/** The same of a node. ERR_USAGE there. */
int duration_read(const struct yaml *node, const char *what, int64_t *out_ms, struct err *e);

#endif
