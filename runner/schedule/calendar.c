#include "runner/schedule/calendar.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "runner/schedule/tick.h"

enum { DAY_S = 86400, HOUR_S = 3600 };

bool calendar_times(const struct schedule *s, int64_t shift_s,
                    struct calendar_time out[CALENDAR_TIMES], size_t *out_n)
{
    *out_n = 0;
    for (int hour = 0; hour < 24; hour++) {
        for (int minute = 0; minute < 60; minute++) {
            if (!(s->when.hour >> hour & 1) || !(s->when.minute >> minute & 1))
                continue;
            if (*out_n == CALENDAR_TIMES)
                return false;
            int64_t t = hour * HOUR_S + minute * 60 + shift_s;
            int carry = t < 0 ? -1 : t >= DAY_S ? 1 : 0;
            out[(*out_n)++] = (struct calendar_time){ (int)(t - carry * DAY_S), carry };
        }
    }
    return true;
}

/* The days of the week, moved over midnight with the time. */
static uint32_t move_weekdays(uint32_t weekday, int carry)
{
    uint32_t moved = carry > 0 ? weekday << 1 | weekday >> 6 : weekday >> 1 | weekday << 6;
    return carry ? moved & 0x7f : weekday;
}

/* "1,15" of bits `min` to `max`; "*" if all are there. */
static void add_set(struct str *out, uint64_t bits, int min, int max, const char *format_all)
{
    bool first = true;
    uint64_t all = (UINT64_C(2) << max) - (UINT64_C(1) << min);
    if ((bits & all) == all) {
        str_addz(out, format_all);
        return;
    }
    for (int v = min; v <= max; v++) {
        if (!(bits >> v & 1))
            continue;
        str_addf(out, "%s%d", first ? "" : ",", v);
        first = false;
    }
}

/* ---- systemd ---- */

/* "Mon,Fri *-1-* " of the days that are in it. */
static void add_days(struct str *out, const struct cron *c, bool by_day, bool by_weekday, int carry)
{
    static const char names[] = "SunMonTueWedThuFriSat";
    uint32_t weekday = move_weekdays(c->weekday, carry);
    bool first = true;
    for (int d = 0; by_weekday && weekday != 0x7f && d < 7; d++) {
        if (weekday >> d & 1) {
            str_addf(out, "%s%.3s", first ? "" : ",", names + (ptrdiff_t)3 * d);
            first = false;
        }
    }
    str_addz(out, first ? "*-" : " *-");
    add_set(out, carry ? 0x1ffe : c->month, 1, 12, "*");
    str_addz(out, "-");
    add_set(out, by_day && !carry ? c->day : 0xfffffffe, 1, 31, "*");
    str_addz(out, " ");
}

/* One expression, or two where either kind of day will do. A time that was moved over midnight
 * elapses in every month and on every day of it. */
static void add_calendar(struct str *out, const struct schedule *s, int carry, const char *time)
{
    const struct cron *c = &s->when;
    bool either = !c->any_day && !c->any_weekday;
    const char *zone = s->zone.fixed ? "UTC" : s->zone.name;
    for (int pass = 0; pass < (either ? 2 : 1); pass++) {
        str_addz(out, "OnCalendar=");
        add_days(out, c, !either || pass == 0, !either || pass == 1, carry);
        str_addf(out, "%s %s\n", time, zone);
    }
}

/* Instants that a change of the clocks moves or repeats: other schedulers leave them out. */
static void add_changes(struct str *out, const struct schedule *s, const char *pipeline,
                        int64_t now_s)
{
    int64_t until = now_s + (int64_t)CALENDAR_AHEAD_DAYS * DAY_S, change = now_s;
    for (;;) {
        struct zone_use use;
        struct tick t = { .at_s = change - ZONE_REACH_S };
        zone_enter(&s->zone, &use);
        change = zone_change(&s->zone, change, until);
        zone_leave(&use);
        if (change == ZONE_FOREVER)
            return;
        t.at_s = change - ZONE_REACH_S;
        while (tick_next(s, pipeline, t.at_s, &t) && t.at_s <= change + ZONE_REACH_S) {
            time_t due = (time_t)t.due_s;
            struct tm tm;
            if (t.clock == TICK_PLAIN || t.due_s <= now_s || !gmtime_r(&due, &tm))
                continue;
            str_addf(out, "OnCalendar=%04d-%02d-%02d %02d:%02d:%02d UTC\n", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        }
    }
}

/* Every hour, at the minutes of all its offsets. */
static void add_hourly(struct str *out, const struct schedule *s, int64_t now_s, int64_t jitter_s)
{
    int64_t offset[16], change;
    size_t n = calendar_offsets(s, now_s, offset, 16, &change);
    uint64_t minutes = 0;
    for (size_t i = 0; i < n; i++)
        for (int m = 0; m < 60; m++)
            if (s->when.minute >> m & 1)
                minutes |= UINT64_C(1)
                           << (((m * 60 + jitter_s - offset[i]) % HOUR_S + HOUR_S) % HOUR_S / 60);
    str_addz(out, "OnCalendar=*-*-* *:");
    add_set(out, minutes, 0, 59, "*");
    str_addf(out, ":%02d UTC\n", (int)(jitter_s % 60));
}

void calendar_systemd(const struct schedule *s, const char *pipeline, int64_t now_s,
                      struct str *out)
{
    struct calendar_time t[CALENDAR_TIMES];
    struct tick next;
    size_t n;
    char time[16];

    if (!tick_next(s, pipeline, now_s, &next))
        return;
    int64_t jitter_s = next.due_s - next.at_s;
    if (cron_every_hour(&s->when)) {
        add_hourly(out, s, now_s, jitter_s);
        return;
    }
    if (!calendar_times(s, jitter_s - (s->zone.fixed ? s->zone.offset_s : 0), t, &n)) {
        str_addz(out, "OnCalendar=*-*-* *:*:00 UTC\n");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int second = t[i].second;
        snprintf(time, sizeof time, "%02d:%02d:%02d", second / HOUR_S, second / 60 % 60,
                 second % 60);
        add_calendar(out, s, t[i].carry, time);
    }
    add_changes(out, s, pipeline, now_s);
}

/* ---- cron in UTC ---- */

size_t calendar_offsets(const struct schedule *s, int64_t now_s, int64_t *out, size_t room,
                        int64_t *out_change_s)
{
    int64_t until = now_s + (int64_t)CALENDAR_AHEAD_DAYS * DAY_S, last = 0;
    struct zone_use use;
    size_t n = 0;

    *out_change_s = 0;
    zone_enter(&s->zone, &use);
    for (int64_t at = now_s; at != ZONE_FOREVER; at = zone_change(&s->zone, at, until)) {
        int64_t offset = zone_offset(&s->zone, at), change = offset - last;
        size_t i = 0;
        while (i < n && out[i] != offset)
            i++;
        if (i == n && n < room)
            out[n++] = offset;
        change = change < 0 ? -change : change;
        if (at != now_s && change > *out_change_s)
            *out_change_s = change;
        last = offset;
    }
    zone_leave(&use);
    return n;
}

void calendar_cron(const struct schedule *s, struct calendar_time t, struct str *out)
{
    const struct cron *c = &s->when;
    bool every_day = t.carry && (!c->any_day || (c->month & 0x1ffe) != 0x1ffe);
    str_addf(out, "%d %d ", t.second / 60 % 60, t.second / HOUR_S);
    add_set(out, every_day ? 0xfffffffe : c->day, 1, 31, "*");
    str_addz(out, " ");
    add_set(out, every_day ? 0x1ffe : c->month, 1, 12, "*");
    str_addz(out, " ");
    add_set(out, every_day ? 0x7f : move_weekdays(c->weekday, t.carry), 0, 6, "*");
}
