#ifndef RUNNER_ZONE_H
#define RUNNER_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Time zones: what local time is at an instant. The data is the system's (package tzdata, under
 * /usr/share/zoneinfo or $TZDIR) and is read by the C library. Instants are seconds since 1970 in
 * UTC; local times are seconds since 1970-01-01 00:00 of the local calendar. Not for use from
 * threads: the C library has one zone at a time. */

/** All zeros is UTC. */
struct zone {
    char *name;       /* as written, owned; an IANA name unless `fixed` */
    bool fixed;       /* UTC, UTC-8, UTC+5:30: the same offset all year */
    int64_t offset_s; /* fixed: local time minus UTC; UTC-8 is -28800 */
};

/**
 * Read "UTC", "UTC-8", "UTC+5:30" (hours ahead of UTC, as ISO 8601 writes it; a POSIX TZ has the
 * other sign) or an IANA name. ERR_USAGE: neither, with a did-you-mean, or the machine has no time
 * zone data at all. No file and line: the caller adds them.
 */
int zone_read(struct zone *z, const char *text, struct err *e);
void zone_release(struct zone *z);

/** What stood in TZ before. */
struct zone_use {
    char *before; /* owned */
    bool entered;
};

/** Between these two the zone is the C library's; all below is called there only. */
void zone_enter(const struct zone *z, struct zone_use *use);
void zone_leave(struct zone_use *use);

enum { ZONE_REACH_S = 27 * 3600 }; /* no clock is further from UTC, nor is put further */
#define ZONE_FOREVER INT64_MAX

/** Local time minus UTC. */
int64_t zone_offset(const struct zone *z, int64_t at_s);

/** The first instant in (from, limit] at which the offset is not the one just before it;
 * ZONE_FOREVER if there is none. A change that is taken back within a day is not seen; in the data
 * of 2025 none since 1940 is within four. */
int64_t zone_change(const struct zone *z, int64_t from_s, int64_t limit_s);

/** The first instant at which the local time is `local_s` or later; the last at which it is
 * `local_s` or earlier. */
int64_t zone_first(const struct zone *z, int64_t local_s);
int64_t zone_last(const struct zone *z, int64_t local_s);

/** "CET"; "UTC-8" for a fixed offset. */
void zone_abbreviation(const struct zone *z, int64_t at_s, char out[16]);

/**
 * Read "2026-03-29", "2026-03-29 02:30[:00]" (or with a T) in the zone, or with a Z behind it in
 * UTC. `last`: a day means its last second, and a local time that exists twice its second
 * occurrence; else a day means its first and such a time its first. False if it is none.
 */
bool zone_parse(const struct zone *z, const char *text, bool last, int64_t *out_s);

#endif
