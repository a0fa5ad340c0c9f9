#include "base/civil.h"

#include <time.h>

bool civil_exists(struct civil c)
{
    static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (c.year % 4 == 0 && c.year % 100 != 0) || c.year % 400 == 0;
    return c.month >= 1 && c.month <= 12 && c.day >= 1 &&
           c.day <= length[c.month - 1] + (c.month == 2 && leap);
}

int64_t civil_to_days(struct civil c)
{
    int64_t y = c.year - (c.month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400, year = y - era * 400;
    int64_t day = (153 * (c.month + (c.month > 2 ? -3 : 9)) + 2) / 5 + c.day - 1;
    return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

struct civil civil_of_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                           day_of_era / 146096) /
                          365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9);
    return (struct civil){ year_of_era + era * 400 + (month <= 2), month,
                           (int)(day_of_year - (153 * m + 2) / 5 + 1) };
}

int civil_weekday(int64_t days)
{
    return (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
}

void civil_stamp(int64_t unix_s, char out[CIVIL_STAMP])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    strftime(out, CIVIL_STAMP, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
}
