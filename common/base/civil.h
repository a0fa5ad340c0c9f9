#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

/* Dates of the proleptic Gregorian calendar as days since 1970-01-01 (Hinnant, "chrono-compatible
 * low-level date algorithms", 2013: days_from_civil, civil_from_days). Months and days count from
 * 1. */

struct civil {
    int64_t year;
    int month, day;
};

/** Is there such a day? */
bool civil_exists(struct civil c);

/** The days since 1970-01-01 of a date that exists, and back. */
int64_t civil_to_days(struct civil c);
struct civil civil_of_days(int64_t days);

/** Unix seconds as "2026-11-21T10:00:00Z" (RFC 3339, UTC). */
enum { CIVIL_STAMP = 32 };
void civil_stamp(int64_t unix_s, char out[CIVIL_STAMP]);

/** 0 (Sunday) to 6. */
int civil_weekday(int64_t days);

#endif
