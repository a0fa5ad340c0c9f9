#ifndef RUNNER_CRON_H
#define RUNNER_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* The five fields of a cron line as sets, and the local times that they hold. What a local time is
 * in UTC, and whether it exists on that day, is the business of tick.c. */

/**
 * A local time is in it if its minute, hour and month are in the sets and its day is: by `day` and
 * `weekday` both, or by either where both are restricted (Vixie's rule; a field that begins with *
 * is not restricted).
 */
struct cron {
    uint64_t minute;     /* bits 0 to 59 */
    uint32_t hour;       /* bits 0 to 23 */
    uint32_t day, month; /* bits 1 to 31, 1 to 12 */
    uint32_t weekday;    /* bits 0 (Sunday) to 6 */
    bool any_day, any_weekday;
};

/** Every day, at no time yet. */
struct cron cron_every_day(void);

/**
 * Read "minute hour day month weekday" or @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
 * @annually. A field is a list of *, N, N-M, each with /STEP; months and days of the week have
 * names; 7 is Sunday too; H is a value of the field, and H/STEP a first one, drawn from `slot`.
 *   warning  what is legal but seldom meant is added here, a sentence a line
 *   errors   ERR_USAGE with the field, found and wanted; also if no such day ever comes
 */
int cron_read(struct cron *c, const char *text, uint64_t slot, struct str *warning, struct err *e);

/** "21:00" as the one time of c. False if it is no time of day. */
bool cron_read_clock(struct cron *c, const char *text);

/** The weekday of n bytes, a name or its first three letters in any case: 0 (Sunday) to 6, -1. */
int cron_weekday(const char *text, size_t n);

/** The names of the days, for a did-you-mean: (7). */
extern const char *const cron_weekdays[];

/** All 24 hours are in it: what is meant is an interval, not times of day. */
bool cron_every_hour(const struct cron *c);

/**
 * The first local time at or after `local_s` that is in it, in seconds since 1970-01-01 00:00 of
 * the local calendar; false if there is none up to the year 9999. Costs a step for each month, and
 * for each day of the months in it.
 */
bool cron_next(const struct cron *c, int64_t local_s, int64_t *out_s);

#endif
