#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"
#include "runner/schedule/tick.h"

/* Firings where the clocks change, worked out by hand, and what becomes of those that have passed.
 * tests/oracle walks every zone. */

enum { DAY_S = 86400 };

static const struct schedule plain = { .start_s = INT64_MIN,
                                       .end_s = INT64_MAX,
                                       .enabled = true,
                                       .catchup = CATCHUP_LATEST,
                                       .catchup_window_ms = (int64_t)DAY_S * 1000 };

/* Freed by schedule_release(s, 1). */
static struct schedule *make(const char *cron, const char *zone)
{
    struct schedule *s = mem_calloc(1, sizeof *s);
    struct str warning = { 0 };
    struct err e = { 0 };
    *s = plain;
    s->name = mem_strdup("nightly");
    assert_ok(cron_read(&s->when, cron, 0, &warning, &e), e);
    assert_ok(zone_read(&s->zone, zone, &e), e);
    str_release(&warning);
    return s;
}

static int64_t utc(const char *text)
{
    static const struct zone z = { .fixed = true };
    int64_t at;
    assert_true(zone_parse(&z, text, false, &at));
    return at;
}

static void add_time(struct str *out, int64_t at_s)
{
    int64_t days = at_s / DAY_S - (at_s % DAY_S < 0), rest = at_s - days * DAY_S;
    struct civil c = civil_of_days(days);
    str_addf(out, "%04d-%02d-%02d %02d:%02d", (int)c.year, c.month, c.day, (int)(rest / 3600),
             (int)(rest / 60 % 60));
    if (rest % 60)
        str_addf(out, ":%02d", (int)(rest % 60));
}

/* The first n firings from an instant of UTC, in UTC. */
static void assert_fires(const struct schedule *s, const char *from, int n, const char *want)
{
    static const char *const note[] = { "", " gap", " first", " second" };
    struct str got = { 0 };
    struct tick t = { .at_s = utc(from) - 1 };
    for (int i = 0; i < n && tick_next(s, "p", t.at_s, &t); i++) {
        if (i)
            str_addz(&got, ", ");
        add_time(&got, t.at_s);
        str_addz(&got, note[t.clock]);
    }
    assert_string_equal(str_text(&got), want);
    str_release(&got);
}

/* One line of a table: a schedule, and what it does. */
struct firing {
    const char *cron, *zone, *from;
    int n;
    const char *want;
    enum schedule_gap gap;
    enum schedule_fold fold;
};

static void check(const struct firing *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct schedule *s = make(f[i].cron, f[i].zone);
        s->gap = f[i].gap;
        s->fold = f[i].fold;
        assert_fires(s, f[i].from, f[i].n, f[i].want);
        schedule_release(s, 1);
    }
}

#define CHECK(table) check(table, sizeof(table) / sizeof *(table))

static void a_time_in_a_gap_fires_at_the_first_instant_after_it(void **state)
{
    static const struct firing table[] = {
        { "30 2 * * *", "Europe/Berlin", "2026-03-28", 3,
          "2026-03-28 01:30, 2026-03-29 01:00 gap, 2026-03-30 00:30", GAP_NEXT, FOLD_FIRST },
        { "30 2 * * *", "Europe/Berlin", "2026-03-28", 2, "2026-03-28 01:30, 2026-03-30 00:30",
          GAP_SKIP, FOLD_FIRST },
        /* several times of one gap, and the first time after it, are one firing */
        { "0,20,40 2,3 * * *", "Europe/Berlin", "2026-03-29 00:00", 3,
          "2026-03-29 01:00 gap, 2026-03-29 01:20, 2026-03-29 01:40", GAP_NEXT, FOLD_FIRST },
        /* at midnight, and of half an hour */
        { "0 0 * * *", "America/Sao_Paulo", "2018-11-03", 3,
          "2018-11-03 03:00, 2018-11-04 03:00 gap, 2018-11-05 02:00", GAP_NEXT, FOLD_FIRST },
        { "0 0 * * *", "Asia/Beirut", "2022-03-26 22:00", 2,
          "2022-03-26 22:00 gap, 2022-03-27 21:00", GAP_NEXT, FOLD_FIRST },
        { "15 2 * * *", "Australia/Lord_Howe", "2026-10-03 15:00", 2,
          "2026-10-03 15:30 gap, 2026-10-04 15:15", GAP_NEXT, FOLD_FIRST },
        /* a day that a country left out: its firing comes with the next day's */
        { "0 12 * * *", "Pacific/Apia", "2011-12-29 22:00", 3,
          "2011-12-29 22:00, 2011-12-30 10:00 gap, 2011-12-30 22:00", GAP_NEXT, FOLD_FIRST },
        { "0 0 * * *", "Pacific/Apia", "2011-12-29 10:00", 3,
          "2011-12-29 10:00, 2011-12-30 10:00 gap, 2011-12-31 10:00", GAP_NEXT, FOLD_FIRST },
        { "0 12 30 12 *", "Pacific/Apia", "2011-01-01", 2, "2012-12-29 22:00, 2013-12-29 22:00",
          GAP_SKIP, FOLD_FIRST },
    };
    (void)state;
    CHECK(table);
}

static void a_time_that_comes_twice_fires_as_fold_says(void **state)
{
    static const struct firing table[] = {
        { "30 2 * * *", "Europe/Berlin", "2026-10-24 23:00", 2,
          "2026-10-25 00:30 first, 2026-10-26 01:30", GAP_NEXT, FOLD_FIRST },
        { "30 2 * * *", "Europe/Berlin", "2026-10-24 23:00", 2,
          "2026-10-25 01:30 second, 2026-10-26 01:30", GAP_NEXT, FOLD_LAST },
        { "30 2 * * *", "Europe/Berlin", "2026-10-24 23:00", 3,
          "2026-10-25 00:30 first, 2026-10-25 01:30 second, 2026-10-26 01:30", GAP_NEXT,
          FOLD_BOTH },
        /* the hour in front of midnight comes again */
        { "30 23 * * *", "America/Sao_Paulo", "2018-02-17", 3,
          "2018-02-17 01:30, 2018-02-18 01:30 first, 2018-02-19 02:30", GAP_NEXT, FOLD_FIRST },
        /* midnight itself comes twice, the day before in between */
        { "0 0 * * *", "America/St_Johns", "2010-11-07 02:00", 2,
          "2010-11-07 02:30 first, 2010-11-08 03:30", GAP_NEXT, FOLD_FIRST },
        { "0 0 * * *", "America/St_Johns", "2010-11-07 02:00", 2,
          "2010-11-07 03:30 second, 2010-11-08 03:30", GAP_NEXT, FOLD_LAST },
        /* half an hour again; and where winter time is the exception */
        { "45 1 * * *", "Australia/Lord_Howe", "2026-04-04 14:00", 2,
          "2026-04-04 14:45 first, 2026-04-05 15:15", GAP_NEXT, FOLD_FIRST },
        { "30 1 * * *", "Europe/Dublin", "2026-10-25", 2,
          "2026-10-25 00:30 first, 2026-10-26 01:30", GAP_NEXT, FOLD_FIRST },
        { "30 2 * * *", "Africa/Casablanca", "2026-02-15 00:00", 2,
          "2026-02-15 01:30 first, 2026-02-16 02:30", GAP_NEXT, FOLD_FIRST },
    };
    (void)state;
    CHECK(table);
}

static void every_hour_is_an_interval_and_follows_real_time(void **state)
{
    static const struct firing table[] = {
        { "30 * * * *", "Europe/Berlin", "2026-03-29 00:00", 3,
          "2026-03-29 00:30, 2026-03-29 01:30, 2026-03-29 02:30", GAP_NEXT, FOLD_FIRST },
        { "30 * * * *", "Europe/Berlin", "2026-10-25 00:00", 3,
          "2026-10-25 00:30 first, 2026-10-25 01:30 second, 2026-10-25 02:30", GAP_NEXT,
          FOLD_FIRST },
        { "*/15 0-23 * * *", "Australia/Lord_Howe", "2026-04-04 14:30", 4,
          "2026-04-04 14:30 first, 2026-04-04 14:45 first, 2026-04-04 15:00 second, "
          "2026-04-04 15:15 second",
          GAP_NEXT, FOLD_LAST },
        { "0 * * * *", "Australia/Lord_Howe", "2026-10-03 14:30", 2,
          "2026-10-03 14:30, 2026-10-03 16:00", GAP_NEXT, FOLD_FIRST },
        /* steps within some hours are times of day: nothing is lost */
        { "*/30 2 * * *", "Europe/Berlin", "2026-03-29 00:00", 2,
          "2026-03-29 01:00 gap, 2026-03-30 00:00", GAP_NEXT, FOLD_FIRST },
        { "0 */2 * * *", "Europe/Berlin", "2026-03-28 23:00", 3,
          "2026-03-28 23:00, 2026-03-29 01:00 gap, 2026-03-29 02:00", GAP_NEXT, FOLD_FIRST },
    };
    (void)state;
    CHECK(table);
}

static void rare_days_are_found(void **state)
{
    static const struct firing table[] = {
        { "0 0 29 2 *", "Europe/Berlin", "2096-01-01", 2, "2096-02-28 23:00, 2104-02-28 23:00",
          GAP_NEXT, FOLD_FIRST },
        { "0 0 29 2 */7", "UTC", "2026-01-01", 2, "2032-02-29 00:00, 2060-02-29 00:00", GAP_NEXT,
          FOLD_FIRST },
        { "0 12 13 * fri", "UTC", "2026-02-12", 3,
          "2026-02-13 12:00, 2026-02-20 12:00, 2026-02-27 12:00", GAP_NEXT, FOLD_FIRST },
        { "0 3 * * mon", "UTC-8", "2026-11-21", 2, "2026-11-23 11:00, 2026-11-30 11:00", GAP_NEXT,
          FOLD_FIRST },
        { "59 23 31 12 *", "UTC", "9998-12-31 23:59", 3, "9998-12-31 23:59, 9999-12-31 23:59",
          GAP_NEXT, FOLD_FIRST },
        { "0 0 1 1 *", "Europe/Berlin", "1938-06-01", 2, "1938-12-31 23:00, 1939-12-31 23:00",
          GAP_NEXT, FOLD_FIRST },
    };
    (void)state;
    CHECK(table);
}

static void nothing_fires_outside_of_start_and_end(void **state)
{
    (void)state;
    struct schedule *s = make("0 12 * * *", "UTC");
    s->start_s = utc("2026-05-02 12:00");
    s->end_s = utc("2026-05-04 12:00");
    assert_fires(s, "2020-01-01", 9, "2026-05-02 12:00, 2026-05-03 12:00, 2026-05-04 12:00");
    s->start_s++;
    s->end_s--;
    assert_fires(s, "2020-01-01", 9, "2026-05-03 12:00");
    schedule_release(s, 1);
}

/* What is decided at `now` after `watermark`: "F" and the time of what fires, "M"... */
static struct tick_plan assert_plan(const struct schedule *s, const char *watermark,
                                    const char *now, const char *want)
{
    struct str got = { 0 };
    struct tick_plan p;
    tick_plan(s, "p", utc(watermark), utc(now), &p);
    for (size_t i = 0; i < p.n; i++) {
        str_addz(&got, i ? ", " : "");
        add_time(&got, p.list[i].tick.at_s);
        str_addf(&got, "%s%s", p.list[i].fate == TICK_FIRE ? "" : ": ",
                 p.list[i].fate == TICK_FIRE ? "" : p.list[i].reason);
    }
    assert_string_equal(str_text(&got), want);
    str_release(&got);
    assert_int_equal(p.watermark_s, utc(now) > utc(watermark) ? utc(now) : utc(watermark));
    return p;
}

static void what_was_missed_is_made_up_for_as_catchup_says(void **state)
{
    (void)state;
    struct schedule *s = make("0 * * * *", "UTC");
    struct tick_plan p;
    s->catchup_window_ms = 2 * 3600000;
    p = assert_plan(s, "2026-05-01 05:00", "2026-05-01 09:30",
                    "2026-05-01 06:00: older than catchup_window, 2026-05-01 07:00: older than "
                    "catchup_window, 2026-05-01 08:00: catchup: latest, and a later one has come, "
                    "2026-05-01 09:00");
    assert_int_equal(p.next_s, utc("2026-05-01 10:00"));
    tick_plan_release(&p);
    s->catchup = CATCHUP_ALL;
    p = assert_plan(s, "2026-05-01 06:00", "2026-05-01 10:00",
                    "2026-05-01 07:00: older than catchup_window, 2026-05-01 08:00, "
                    "2026-05-01 09:00, 2026-05-01 10:00");
    tick_plan_release(&p);
    s->catchup = CATCHUP_NONE;
    p = assert_plan(s, "2026-05-01 06:00", "2026-05-01 08:01",
                    "2026-05-01 07:00: catchup: none, 2026-05-01 08:00");
    tick_plan_release(&p);
    p = assert_plan(s, "2026-05-01 07:00", "2026-05-01 08:01:01",
                    "2026-05-01 08:00: catchup: none");
    tick_plan_release(&p);
    schedule_release(s, 1);
}

static void the_edge_of_the_window_is_inside(void **state)
{
    (void)state;
    struct schedule *s = make("0 0 * * *", "UTC");
    struct tick_plan p = assert_plan(s, "2026-05-01 12:00", "2026-05-03",
                                     "2026-05-02 00:00: "
                                     "catchup: latest, and a later one has come, 2026-05-03 00:00");
    tick_plan_release(&p);
    s->when.day = 1u << 2;
    s->when.any_day = false;
    p = assert_plan(s, "2026-05-01 12:00", "2026-05-03", "2026-05-02 00:00");
    tick_plan_release(&p);
    p = assert_plan(s, "2026-05-01 12:00", "2026-05-03 00:00:01",
                    "2026-05-02 00:00: older than catchup_window");
    tick_plan_release(&p);
    s->catchup_window_ms = 1;
    p = assert_plan(s, "2026-05-01 12:00", "2026-05-02 00:01", "2026-05-02 00:00");
    tick_plan_release(&p);
    schedule_release(s, 1);
}

static void a_clock_that_was_set_back_fires_nothing_twice(void **state)
{
    (void)state;
    struct schedule *s = make("0 * * * *", "UTC");
    struct tick_plan p = assert_plan(s, "2026-05-01 09:30", "2026-05-01 07:00", "");
    assert_int_equal(p.next_s, utc("2026-05-01 10:00"));
    tick_plan_release(&p);
    p = assert_plan(s, "2026-05-01 09:30", "2026-05-01 09:30", "");
    tick_plan_release(&p);
    schedule_release(s, 1);
}

static void of_more_than_a_thousand_the_newest_are_told(void **state)
{
    (void)state;
    struct schedule *s = make("* * * * *", "Europe/Berlin");
    struct tick_plan p;
    s->catchup = CATCHUP_ALL;
    s->catchup_window_ms = (int64_t)3660 * DAY_S * 1000;
    tick_plan(s, "p", utc("2026-01-01"), utc("2027-01-01"), &p);
    assert_int_equal(p.n, TICK_MAX);
    assert_int_equal(p.n_more, 365 * 1440 - TICK_MAX);
    for (size_t i = 0; i < p.n; i++) {
        assert_int_equal(p.list[i].tick.at_s, utc("2027-01-01") - 60 * (int64_t)(p.n - 1 - i));
        assert_int_equal(p.list[i].fate, TICK_FIRE);
    }
    tick_plan_release(&p);
    schedule_release(s, 1);
}

static void a_disabled_schedule_decides_nothing_and_forgets_the_past(void **state)
{
    (void)state;
    struct schedule *s = make("0 * * * *", "UTC");
    s->enabled = false;
    struct tick_plan p = assert_plan(s, "2026-05-01 05:00", "2026-05-01 09:30", "");
    assert_true(p.next_s == INT64_MAX);
    tick_plan_release(&p);
    schedule_release(s, 1);
}

static void jitter_moves_the_start_and_not_the_name(void **state)
{
    (void)state;
    struct schedule *s = make("0 * * * *", "UTC");
    int64_t at = utc("2026-05-01 05:00"), jitter;
    struct tick t;
    struct tick_plan p;
    s->jitter_ms = 900000;
    assert_true(tick_next(s, "p", at - 1, &t));
    assert_int_equal(t.at_s, at);
    jitter = t.due_s - t.at_s;
    assert_true(jitter > 60 && jitter < 900); /* drawn from "p" and "nightly": always the same */
    assert_true(tick_next(s, "q", at - 1, &t));
    assert_true(t.due_s - t.at_s != jitter);
    tick_plan(s, "p", at - 1, at + jitter - 1, &p);
    assert_true(p.n == 0 && p.next_s == at + jitter && p.watermark_s < at);
    int64_t watermark = p.watermark_s;
    tick_plan_release(&p);
    tick_plan(s, "p", watermark, at + jitter, &p);
    assert_true(p.n == 1 && p.list[0].tick.at_s == at && p.watermark_s == at);
    tick_plan_release(&p);
    schedule_release(s, 1);
}

/* Whatever the clock does, each instant is decided at most once and in order. */
static void a_jumping_clock_decides_each_instant_once(void **state)
{
    static const char *const crons[] = { "*/7 * * * *", "30 2 * * *", "0 0 * * 0" };
    uint64_t random = 1;
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct schedule *s = make(crons[k], "America/St_Johns");
        s->jitter_ms = 1800000;
        s->catchup = CATCHUP_ALL;
        int64_t now = utc("2010-10-01"), watermark = now, last = now, high = now;
        for (int i = 0; i < 2000; i++) {
            struct tick_plan p;
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            now += (int64_t)(random >> 33) % 40000 - 15000;
            high = now > high ? now : high;
            tick_plan(s, "p", watermark, now, &p);
            assert_true(p.watermark_s >= watermark && p.watermark_s <= high);
            for (size_t j = 0; j < p.n; j++) {
                assert_true(p.list[j].tick.at_s > last);
                last = p.list[j].tick.at_s;
                assert_true(last > watermark && p.list[j].tick.due_s <= now);
            }
            assert_true(last <= p.watermark_s && p.next_s > p.watermark_s);
            watermark = p.watermark_s;
            tick_plan_release(&p);
        }
        schedule_release(s, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_in_a_gap_fires_at_the_first_instant_after_it),
        cmocka_unit_test(a_time_that_comes_twice_fires_as_fold_says),
        cmocka_unit_test(every_hour_is_an_interval_and_follows_real_time),
        cmocka_unit_test(rare_days_are_found),
        cmocka_unit_test(nothing_fires_outside_of_start_and_end),
        cmocka_unit_test(what_was_missed_is_made_up_for_as_catchup_says),
        cmocka_unit_test(the_edge_of_the_window_is_inside),
        cmocka_unit_test(a_clock_that_was_set_back_fires_nothing_twice),
        cmocka_unit_test(of_more_than_a_thousand_the_newest_are_told),
        cmocka_unit_test(a_disabled_schedule_decides_nothing_and_forgets_the_past),
        cmocka_unit_test(jitter_moves_the_start_and_not_the_name),
        cmocka_unit_test(a_jumping_clock_decides_each_instant_once),
    };
    struct zone z;
    struct err e = { 0 };
    if (zone_read(&z, "Europe/Berlin", &e)) {
        printf("1..0 # SKIP no time zone data (package tzdata)\n");
        return 0;
    }
    zone_release(&z);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
