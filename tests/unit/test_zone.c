#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/civil.h"
#include "runner/schedule/zone.h"

/* Names of zones, offsets, and local times as instants. */

static struct zone make(const char *name)
{
    struct zone z;
    struct err e = { 0 };
    assert_ok(zone_read(&z, name, &e), e);
    return z;
}

static int64_t utc(int64_t year, int month, int day, int hour, int minute)
{
    int64_t days = civil_to_days((struct civil){ year, month, day });
    return (days * 24 + hour) * 3600 + (int64_t)minute * 60;
}

static void a_fixed_offset_counts_ahead_of_utc(void **state)
{
    static const struct {
        const char *name;
        int64_t offset_s;
    } fixed[] = { { "UTC", 0 },
                  { "UTC-8", -28800 },
                  { "UTC+14", 50400 },
                  { "UTC+5:30", 19800 },
                  { "UTC-03:30", -12600 } };
    (void)state;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        struct zone z = make(fixed[i].name);
        struct zone_use use;
        char text[16];
        zone_enter(&z, &use);
        assert_int_equal(zone_offset(&z, 0), fixed[i].offset_s);
        assert_true(zone_change(&z, 0, utc(2100, 1, 1, 0, 0)) == ZONE_FOREVER);
        zone_abbreviation(&z, 0, text);
        assert_string_equal(text, fixed[i].name);
        zone_leave(&use);
        zone_release(&z);
    }
}

static void a_name_that_is_no_zone_is_refused(void **state)
{
    static const char *const bad[][2] = {
        { "Europe/Berlni", "did you mean 'Europe/Berlin'?" },
        { "new_york", "did you mean 'America/New_York'?" },
        { "EUROPE/LONDON", "did you mean 'Europe/London'?" },
        { "UTC+15", "is neither UTC" },
        { "UTC+5:3", "is neither UTC" },
        { "UTC+5:60", "is neither UTC" },
        { "UTC8", "is neither UTC" },
        { "", "is neither UTC" },
        { "/etc/localtime", "is neither UTC" },
        { "../zoneinfo/UTC", "is neither UTC" },
        { "Europe", "is neither UTC" },
        { "posixrules", "is neither UTC" },
        { "leapseconds", "is neither UTC" },
        { "zone.tab", "is neither UTC" },
        { "right/UTC", "is neither UTC" },
        { "localtime", "is neither UTC" },
        { "CST6CDT,M3.2.0,M11.1.0", "is neither UTC" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct zone z;
        struct err e = { 0 };
        assert_error(zone_read(&z, bad[i][0], &e), ERR_USAGE, e, bad[i][1]);
    }
}

static void a_machine_without_zone_data_is_told_of(void **state)
{
    struct zone z;
    struct err e = { 0 };
    (void)state;
    assert_int_equal(setenv("TZDIR", "/nonexistent", 1), 0);
    assert_error(zone_read(&z, "Europe/Berlin", &e), ERR_USAGE, e,
                 "there is no time zone data under /nonexistent (Debian: package tzdata)");
    assert_ok(zone_read(&z, "UTC-8", &e), e);
    zone_release(&z);
    assert_int_equal(unsetenv("TZDIR"), 0);
}

static void a_change_is_found_to_the_second(void **state)
{
    struct zone z = make("Europe/Berlin");
    struct zone_use use;
    int64_t spring = utc(2026, 3, 29, 1, 0);
    (void)state;
    zone_enter(&z, &use);
    assert_int_equal(zone_change(&z, utc(2026, 1, 1, 0, 0), utc(2027, 1, 1, 0, 0)), spring);
    assert_int_equal(zone_change(&z, spring - 1, spring), spring);
    assert_true(zone_change(&z, spring - 1000, spring - 1) == ZONE_FOREVER);
    assert_int_equal(zone_change(&z, spring, utc(2027, 1, 1, 0, 0)), utc(2026, 10, 25, 1, 0));
    assert_int_equal(zone_offset(&z, spring - 1), 3600);
    assert_int_equal(zone_offset(&z, spring), 7200);
    zone_leave(&use);
    zone_release(&z);
}

static void the_zone_of_the_process_comes_back(void **state)
{
    struct zone z = make("Asia/Tokyo");
    struct zone_use use;
    (void)state;
    assert_int_equal(setenv("TZ", "America/Lima", 1), 0);
    zone_enter(&z, &use);
    assert_int_equal(zone_offset(&z, 0), 9 * 3600);
    zone_leave(&use);
    assert_string_equal(getenv("TZ"), "America/Lima");
    assert_int_equal(unsetenv("TZ"), 0);
    zone_enter(&z, &use);
    zone_leave(&use);
    assert_null(getenv("TZ"));
    zone_release(&z);
}

static void a_local_time_is_read_with_its_gaps_and_folds(void **state)
{
    static const struct {
        const char *zone, *text;
        bool last;
        int year, month, day, hour, minute, second;
    } good[] = {
        { "Europe/Berlin", "2026-03-29", false, 2026, 3, 28, 23, 0, 0 },
        { "Europe/Berlin", "2026-03-29", true, 2026, 3, 29, 21, 59, 59 },
        { "Europe/Berlin", "2026-03-29 02:30", false, 2026, 3, 29, 1, 0, 0 },
        { "Europe/Berlin", "2026-03-29T02:30", true, 2026, 3, 29, 0, 59, 59 },
        { "Europe/Berlin", "2026-10-25 02:30:15", false, 2026, 10, 25, 0, 30, 15 },
        { "Europe/Berlin", "2026-10-25 02:30:15", true, 2026, 10, 25, 1, 30, 15 },
        { "Europe/Berlin", "2026-10-25T02:30Z", true, 2026, 10, 25, 2, 30, 0 },
        { "America/Sao_Paulo", "2018-02-17", true, 2018, 2, 18, 2, 59, 59 },
        { "America/Sao_Paulo", "2018-11-04", false, 2018, 11, 4, 3, 0, 0 },
        { "Pacific/Apia", "2011-12-30", false, 2011, 12, 30, 10, 0, 0 },
        { "UTC-8", "2026-01-01", false, 2026, 1, 1, 8, 0, 0 },
    };
    static const char *const bad[] = { "",
                                       "2026",
                                       "2026-13-01",
                                       "2026-02-29",
                                       "2026-1-1",
                                       "2026-01-01 ",
                                       "2026-01-01 24:00",
                                       "2026-01-01 1:00",
                                       "2026-01-01x",
                                       "2026-01-01T",
                                       "2026-01-01 01:60",
                                       "2026-01-01 01:00:60",
                                       "2026-01-01 01:00+01:00" };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct zone z = make(good[i].zone);
        int64_t at;
        assert_true(zone_parse(&z, good[i].text, good[i].last, &at));
        assert_int_equal(
            at, utc(good[i].year, good[i].month, good[i].day, good[i].hour, good[i].minute) +
                    good[i].second);
        zone_release(&z);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct zone z = { 0 };
        int64_t at;
        if (zone_parse(&z, bad[i], false, &at))
            fail_msg("'%s' is read", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fixed_offset_counts_ahead_of_utc),
        cmocka_unit_test(a_name_that_is_no_zone_is_refused),
        cmocka_unit_test(a_machine_without_zone_data_is_told_of),
        cmocka_unit_test(a_change_is_found_to_the_second),
        cmocka_unit_test(the_zone_of_the_process_comes_back),
        cmocka_unit_test(a_local_time_is_read_with_its_gaps_and_folds),
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
