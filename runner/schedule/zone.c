#define _DEFAULT_SOURCE /* tm_gmtoff, tm_zone */
#include "runner/schedule/zone.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"

static const int64_t day_s = 86400;

/* ---- names ---- */

/* "UTC", "UTC-8", "UTC+05:30" */
static bool fixed_offset(const char *text, int64_t *out_s)
{
    *out_s = 0;
    if (!str_starts(text, "UTC"))
        return false;
    text += 3;
    if (*text == '\0')
        return true;
    int sign = *text == '+' ? 1 : *text == '-' ? -1 : 0;
    size_t h = strspn(text + 1, "0123456789");
    if (sign == 0 || h < 1 || h > 2)
        return false;
    const char *rest = text + 1 + h;
    long hour = strtol(text + 1, NULL, 10), minute = 0;
    if (*rest == ':' && strspn(rest + 1, "0123456789") == 2 && rest[3] == '\0')
        minute = strtol(rest + 1, NULL, 10);
    else if (*rest)
        return false;
    if (hour > 14 || minute > 59)
        return false;
    *out_s = sign * (hour * 3600 + minute * 60);
    return true;
}

static const char *directory(void)
{
    const char *set = getenv("TZDIR"); /* the C library reads it too */
    return set && *set ? set : "/usr/share/zoneinfo";
}

static bool is_zone_file(const char *path)
{
    char magic[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool found = read(fd, magic, sizeof magic) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
    close(fd);
    return found;
}

/* Zones for people; not those that count leap seconds, nor what a machine calls its own. */
static bool is_name(const char *name)
{
    static const char *const not_zones[] = { "localtime", "posixrules", "Factory", "leapseconds" };
    if (*name == '\0' || *name == '/' || strstr(name, "..") || strlen(name) > 64 ||
        str_starts(name, "right/") || str_starts(name, "posix/"))
        return false;
    for (size_t i = 0; i < sizeof not_zones / sizeof *not_zones; i++)
        if (strcmp(name, not_zones[i]) == 0)
            return false;
    return true;
}

static bool zone_exists(const char *name)
{
    if (!is_name(name))
        return false;
    char *path = str_format("%s/%s", directory(), name);
    bool found = is_zone_file(path);
    free(path);
    return found;
}

struct names {
    char **name;
    size_t n;
};

/* All names below a directory of the data. */
static void list_names(const char *below, struct names *out)
{
    char *path = str_format("%s/%s", directory(), below);
    DIR *d = opendir(path);
    free(path);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        struct stat st;
        char *name = str_format("%s%s%s", below, *below ? "/" : "", entry->d_name);
        path = str_format("%s/%s", directory(), name);
        if (*entry->d_name != '.' && is_name(name) && stat(path, &st) == 0) {
            if (S_ISDIR(st.st_mode) && strcmp(name, "right") != 0 && strcmp(name, "posix") != 0) {
                list_names(name, out);
            } else if (is_zone_file(path)) {
                out->name = mem_grow(out->name, out->n, sizeof *out->name);
                out->name[out->n++] = name;
                name = NULL;
            }
        }
        free(path);
        free(name);
    }
    if (d)
        closedir(d);
}

/* "Berlin", "europe/berlin" and "Europe/Brelin" all mean Europe/Berlin. */
static const char *nearest(const char *text, const struct names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        const char *slash = strrchr(names->name[i], '/');
        if (strcasecmp(text, names->name[i]) == 0 || (slash && strcasecmp(text, slash + 1) == 0))
            return names->name[i];
    }
    return str_nearest(text, (const char *const *)names->name, names->n);
}

int zone_read(struct zone *z, const char *text, struct err *e)
{
    struct names names = { 0 };

    *z = (struct zone){ .name = mem_strdup(text) };
    z->fixed = fixed_offset(text, &z->offset_s);
    if (z->fixed || zone_exists(text))
        return 0;
    list_names("", &names);
    const char *near = nearest(text, &names);
    if (names.n == 0)
        err_set(e, ERR_USAGE,
                "'%s': there is no time zone data under %s (Debian: package tzdata); without it "
                "only UTC, UTC-8, UTC+5:30... are known",
                text, directory());
    else
        err_set(e, ERR_USAGE,
                "'%s' is neither UTC, UTC-8, UTC+5:30... nor a time zone such as Europe/Berlin"
                "%s%s%s",
                text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    mem_free_texts(names.name, names.n);
    zone_release(z);
    return e->code;
}

void zone_release(struct zone *z)
{
    free(z->name);
    *z = (struct zone){ 0 };
}

/* ---- the C library's zone ---- */

void zone_enter(const struct zone *z, struct zone_use *use)
{
    *use = (struct zone_use){ 0 };
    if (z->fixed || !z->name)
        return;
    use->before = mem_strdup(getenv("TZ"));
    use->entered = true;
    char *value = str_format(":%s", z->name);
    setenv("TZ", value, 1);
    free(value);
    tzset();
}

void zone_leave(struct zone_use *use)
{
    if (!use->entered)
        return;
    if (use->before)
        setenv("TZ", use->before, 1);
    else
        unsetenv("TZ");
    tzset();
    free(use->before);
    *use = (struct zone_use){ 0 };
}

int64_t zone_offset(const struct zone *z, int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm;
    if (z->fixed || !z->name)
        return z->offset_s;
    return localtime_r(&at, &tm) ? tm.tm_gmtoff : 0;
}

int64_t zone_change(const struct zone *z, int64_t from_s, int64_t limit_s)
{
    if (z->fixed || !z->name)
        return ZONE_FOREVER;
    int64_t offset = zone_offset(z, from_s);
    for (int64_t low = from_s; low < limit_s;) {
        int64_t high = low + day_s < limit_s ? low + day_s : limit_s;
        if (zone_offset(z, high) == offset) {
            low = high;
            continue;
        }
        while (high - low > 1) {
            int64_t middle = low + (high - low) / 2;
            if (zone_offset(z, middle) == offset)
                low = middle;
            else
                high = middle;
        }
        return high;
    }
    return ZONE_FOREVER;
}

int64_t zone_first(const struct zone *z, int64_t local_s)
{
    int64_t limit = local_s + 2 * day_s;
    for (int64_t at = local_s - 2 * day_s;;) {
        int64_t change = zone_change(z, at, limit), t = local_s - zone_offset(z, at);
        if (t < at)
            t = at; /* it does not exist: the first instant behind it */
        if (t < change)
            return t;
        at = change;
    }
}

int64_t zone_last(const struct zone *z, int64_t local_s)
{
    int64_t limit = local_s + 2 * day_s, last = local_s - 2 * day_s;
    for (int64_t at = last;;) {
        int64_t change = zone_change(z, at, limit), t = local_s - zone_offset(z, at);
        if (t >= at)
            last = t < change ? t : change - 1;
        if (change == ZONE_FOREVER)
            return last;
        at = change;
    }
}

void zone_abbreviation(const struct zone *z, int64_t at_s, char out[16])
{
    time_t at = (time_t)at_s;
    struct tm tm;
    if (z->fixed || !z->name)
        snprintf(out, 16, "%s", z->name ? z->name : "UTC");
    else
        snprintf(out, 16, "%s", localtime_r(&at, &tm) && tm.tm_zone ? tm.tm_zone : "");
}

/* ---- dates and times as people write them ---- */

/* Exactly n digits at *p, which moves on, and then `after` unless it is 0. */
static bool digits(const char **p, size_t n, char after, int *out)
{
    *out = 0;
    for (; n > 0; n--, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        *out = *out * 10 + **p - '0';
    }
    if (after && *(*p)++ != after)
        return false;
    return true;
}

bool zone_parse(const struct zone *z, const char *text, bool last, int64_t *out_s)
{
    struct zone_use use;
    struct civil date;
    int year, hour = 0, minute = 0, second = 0;
    const char *p = text;

    if (!digits(&p, 4, '-', &year) || !digits(&p, 2, '-', &date.month) ||
        !digits(&p, 2, '\0', &date.day))
        return false;
    date.year = year;
    bool day = *p == '\0';
    if (!day) {
        if ((*p != ' ' && *p != 'T') || (p++, !digits(&p, 2, ':', &hour)) ||
            !digits(&p, 2, '\0', &minute))
            return false;
        if (*p == ':' && (p++, !digits(&p, 2, '\0', &second)))
            return false;
    }
    bool utc = *p == 'Z';
    if (p[utc] != '\0' || !civil_exists(date) || hour > 23 || minute > 59 || second > 59)
        return false;
    int64_t local = ((civil_to_days(date) * 24 + hour) * 60 + minute) * 60 + second;
    if (day && last)
        local += day_s - 1;
    if (utc) {
        *out_s = local;
        return true;
    }
    zone_enter(z, &use);
    *out_s = last ? zone_last(z, local) : zone_first(z, local);
    zone_leave(&use);
    return true;
}
