#ifndef RUNNER_SCHEDULE_H
#define RUNNER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/yaml.h"

/* When a pipeline runs by itself: the entries of `schedule:`, read and validated here, fired by the
 * scheduler. */

enum schedule_kind { SCHEDULE_WEEKLY, SCHEDULE_DAILY, SCHEDULE_CRON };
enum schedule_catchup { CATCHUP_NONE, CATCHUP_LATEST, CATCHUP_ALL };
enum schedule_overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_CANCEL };

/**
 * One entry. Every kind is kept as the sets of a cron line: a local time fires if its minute, hour
 * and month are in the sets and its day is: by `day` and `weekday` both, or by either where both
 * are restricted (Vixie's rule).
 */
struct schedule {
    char *name; /* given, or weekly, daily, cron */
    enum schedule_kind kind;
    char *text;                /* as written: "monday 00:00" */
    uint64_t minute;           /* bits 0 to 59 */
    uint32_t hour;             /* bits 0 to 23 */
    uint32_t day, month;       /* bits 1 to 31, 1 to 12 */
    uint32_t weekday;          /* bits 0 (Sunday) to 6 */
    bool any_day, any_weekday; /* the field is * */
    char *timezone;            /* as written; "UTC" by default */
    bool fixed; /* UTC or UTC+h[:mm]; else an IANA name with a file under /usr/share/zoneinfo */
    int64_t offset_s; /* fixed: local time minus UTC, in seconds; UTC-8 is -28800 */
    enum schedule_catchup catchup;
    enum schedule_overlap overlap;
    int64_t catchup_window_ms;
    size_t *target, *force; /* (n_target), (n_force) indices of stages */
    size_t n_target, n_force;
    size_t line, column;
};

/**
 * Read the list under `schedule:`. `stage` (n_stage) are the names that targets and force may use.
 *   errors  ERR_USAGE at the node; *out is then NULL
 */
int schedule_read(const struct yaml *list, const char *const *stage, size_t n_stage,
                  struct schedule **out, size_t *out_n, struct err *e);

void schedule_release(struct schedule *s, size_t n);

/** "500ms", "30s", "15m", "2h", "3d" in milliseconds. ERR_USAGE at the node. */
int duration_read(const struct yaml *node, const char *what, int64_t *out_ms, struct err *e);

#endif
