#include "near.h"

#include <stdio.h>

#include "base/civil.h"
#include "runner/schedule/cron.h"

/* cron lines as sets, and the calendar that finds their next time. */

static const uint64_t slot = UINT64_C(0x123456789abcdef1);

static struct cron read(const char *text, const char *want_warning)
{
    struct cron c;
    struct str warning = { 0 };
    struct err e = { 0 };
    assert_ok(cron_read(&c, text, slot, &warning, &e), e);
    if (*want_warning ? !strstr(str_text(&warning), want_warning) : warning.n != 0)
        fail_msg("'%s' is warned of: '%s', want '%s'", text, str_text(&warning), want_warning);
    str_release(&warning);
    return c;
}

static uint64_t bits(const char *field)
{
    char text[64];
    snprintf(text, sizeof text, "%s * * * *", field);
    return read(text, "").minute;
}

#define BIT(n) (UINT64_C(1) << (n))

static void fields_are_lists_of_ranges_and_steps(void **state)
{
    (void)state;
    assert_true(bits("5") == BIT(5));
    assert_true(bits("5,7,5") == (BIT(5) | BIT(7)));
    assert_true(bits("10-12") == (BIT(10) | BIT(11) | BIT(12)));
    assert_true(bits("*/20") == (BIT(0) | BIT(20) | BIT(40)));
    assert_true(bits("10-50/20") == (BIT(10) | BIT(30) | BIT(50)));
    assert_true(bits("25/20") == (BIT(25) | BIT(45))); /* as Vixie's cron: 25-59/20 */
    assert_true(bits("*") == BIT(60) - 1);
    struct cron c = read("\t0  3 * JAN,february-4 sat-sun ", "");
    assert_true(c.month == (BIT(1) | BIT(2) | BIT(3) | BIT(4)) && c.weekday == (BIT(6) | BIT(0)));
    assert_true(c.any_day && !c.any_weekday);
    assert_true(read("0 0 * * 5-7", "").weekday == (BIT(5) | BIT(6) | BIT(0)));
    assert_true(cron_every_hour(&c) == false);
    c = read("@hourly", "");
    assert_true(cron_every_hour(&c));
}

static void a_shorthand_is_its_line(void **state)
{
    static const char *const same[][2] = {
        { "@daily", "0 0 * * *" },   { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * sun" },
        { "@monthly", "0 0 1 * *" }, { "@yearly", "0 0 1 1 *" },   { "@Annually", "0 0 1 1 *" }
    };
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct cron a = read(same[i][0], ""), b = read(same[i][1], "");
        assert_true(a.minute == b.minute && a.hour == b.hour && a.day == b.day &&
                    a.month == b.month && a.weekday == b.weekday && a.any_day == b.any_day &&
                    a.any_weekday == b.any_weekday);
    }
}

static void h_is_a_slot_of_the_name(void **state)
{
    struct str warning = { 0 };
    struct err e = { 0 };
    struct cron c;
    uint64_t minutes = 0;
    (void)state;
    for (uint64_t i = 0; i < 4000; i++) {
        assert_ok(cron_read(&c, "H H H * H", i * UINT64_C(0x9e3779b97f4a7c15), &warning, &e), e);
        assert_true(c.minute && !(c.minute & (c.minute - 1)) && c.hour && !(c.hour & (c.hour - 1)));
        assert_true(c.day && c.day < BIT(29) && c.weekday && c.weekday < BIT(7));
        minutes |= c.minute;
    }
    assert_true(minutes == BIT(60) - 1);
    str_release(&warning);
    c = read("H/15 * * * *", "");
    assert_int_equal(__builtin_popcountll(c.minute), 4);
    assert_true((c.minute & 0x7fff) * (BIT(0) | BIT(15) | BIT(30) | BIT(45)) == c.minute);
    assert_true(read("H/15 * * * *", "").minute == c.minute);
}

static void what_is_seldom_meant_is_warned_of(void **state)
{
    (void)state;
    read("*/45 * * * *", "minute '*/45' is not every 45: it is 0, 45 and then 0 again");
    read("0 */7 * * *", "hour '*/7' is not every 7: it is 0, 7, 14, 21 and then 0 again");
    read("0 0 */2 * *", "day of the month '*/2' is not every 2");
    read("0 0 * */5 *", "month '*/5' is not every 5: it is 1, 6, 11 and then 1 again");
    read("0 0 * * */2", "day of the week '*/2' is not every 2: it is 0, 2, 4, 6 and then 0 again");
    read("*/15 */6 * */3 *", "");
    read("0 0 13 * fri", "it fires if either fits");
    read("0 0 13 * *", "");
}

static void a_line_that_cannot_be_is_refused(void **state)
{
    static const char *const bad[][2] = {
        { "", "'' has 0 fields: want 5" },
        { "* * * *", "has 4 fields" },
        { "0 0 * * * root", "more than 5 fields" },
        { "-5 * * * *", "minute '-5': want numbers" },
        { "60 * * * *", "minute '60': out of range (0 to 59)" },
        { "0 24 * * *", "hour '24': out of range" },
        { "0 0 0 * *", "day of the month '0': out of range (1 to 31)" },
        { "0 0 * 13 *", "month '13': out of range" },
        { "0 0 * * 8", "day of the week '8': out of range" },
        { "0 0 * * fry", "day of the week 'fry': want numbers, names" },
        { "1-70 * * * *", "out of range" },
        { "9-3 * * * *", "a range runs backwards" },
        { "*/0 * * * *", "a step is 1 or more" },
        { "*/60 * * * *", "the step is out of range" },
        { "1/ * * * *", "the step is out of range" },
        { "1,,2 * * * *", "want numbers" },
        { "1- * * * *", "want numbers" },
        { "999999999999 * * * *", "want numbers" },
        { "0 0 31 2,4,6,9,11 *", "never fires" },
        { "0 0 30 2 *", "never fires" },
        { "@reboot", "'@reboot' is not one of @hourly" },
        { "@weekli", "did you mean '@weekly'?" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct str warning = { 0 };
        struct err e = { 0 };
        struct cron c;
        assert_error(cron_read(&c, bad[i][0], slot, &warning, &e), ERR_USAGE, e, bad[i][1]);
        str_release(&warning);
    }
}

/* The next time of a line, against every minute that follows. */
static void the_next_time_is_the_first_that_is_in_it(void **state)
{
    static const char *const lines[] = { "30 2 * * *", "*/20 0-22 * * *", "0 0 13 * fri",
                                         "59 23 28-31 2,12 *", "0 0 */2 * */2" };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct str warning = { 0 };
        struct err e = { 0 };
        struct cron c;
        assert_ok(cron_read(&c, lines[i], 0, &warning, &e), e);
        str_release(&warning);
        int64_t begin = civil_to_days((struct civil){ 1967, 11, 3 }) * 86400, next = begin - 1;
        for (int64_t t = begin; t < begin + (int64_t)1200 * 86400; t += 60) {
            int64_t days = t / 86400 - (t % 86400 < 0), minute = (t - days * 86400) / 60;
            struct civil date = civil_of_days(days);
            bool day = c.day >> date.day & 1, weekday = c.weekday >> ((days + 70004) % 7) & 1;
            bool in = (c.minute >> (minute % 60) & 1) && (c.hour >> (minute / 60) & 1) &&
                      (c.month >> date.month & 1) &&
                      (c.any_day || c.any_weekday ? day && weekday : day || weekday);
            if (!in)
                continue;
            assert_true(cron_next(&c, next + 1, &next));
            assert_int_equal(next, t);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_lists_of_ranges_and_steps),
        cmocka_unit_test(a_shorthand_is_its_line),
        cmocka_unit_test(h_is_a_slot_of_the_name),
        cmocka_unit_test(what_is_seldom_meant_is_warned_of),
        cmocka_unit_test(a_line_that_cannot_be_is_refused),
        cmocka_unit_test(the_next_time_is_the_first_that_is_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
