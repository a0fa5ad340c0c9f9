#ifndef IMPORT_SERIES_H
#define IMPORT_SERIES_H

#include <stdbool.h>
#include <stddef.h>

/* Files that come again and again, a day or a shop each: their names differ in digits alone. */

/** Are the names the same but for the digits in them? */
bool series_same(const char *a, const char *b);

/** Where in `a` the digits begin in which it differs from such a `b`, with what is before them of a
 * date: at "2024" in day-2024-11-01.csv and day-2024-11-02.csv. */
size_t series_start(const char *a, const char *b);

/** "day-[0-9]*.csv" for day-2024-11-01.csv and the start of its digits. Owned by the caller. */
char *series_pattern(const char *name, size_t start);

#endif
