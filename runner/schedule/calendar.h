#ifndef RUNNER_CALENDAR_H
#define RUNNER_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "runner/schedule/schedule.h"

/* A schedule in the words of other schedulers: OnCalendar= of systemd, cron lines in UTC. They only
 * have to start refit whenever something is due, and may do so more often: refit decides what is.
 */

enum {
    CALENDAR_TIMES = 24,       /* times a day that are written out one by one */
    CALENDAR_AHEAD_DAYS = 3653 /* changes of the clocks so far ahead are written out */
};

/** A time of day, shifted: seconds of the day, and by how many days it was moved over midnight. */
struct calendar_time {
    int second;
    int carry; /* -1, 0, 1 */
};

/** The times of day of a schedule that is not of every hour, each `shift_s` later. False if there
 * are more than CALENDAR_TIMES. */
bool calendar_times(const struct schedule *s, int64_t shift_s,
                    struct calendar_time out[CALENDAR_TIMES], size_t *out_n);

/**
 * Add one line "OnCalendar=..." for each expression that together elapse whenever the schedule,
 * with its jitter, is due, among them each instant up to CALENDAR_AHEAD_DAYS after `now_s` that a
 * change of the clocks moves or repeats.
 */
void calendar_systemd(const struct schedule *s, const char *pipeline, int64_t now_s,
                      struct str *out);

/** The offsets of its zone within CALENDAR_AHEAD_DAYS, in order of time, and the largest change
 * among them. Returns how many, at most `room`. */
size_t calendar_offsets(const struct schedule *s, int64_t now_s, int64_t *out, size_t room,
                        int64_t *out_change_s);

/** Add the five fields of a cron line in UTC that fires at a time of calendar_times; where it was
 * moved over midnight and days of the month are restricted, on every day. */
void calendar_cron(const struct schedule *s, struct calendar_time t, struct str *out);

#endif
