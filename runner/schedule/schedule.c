#include "runner/schedule/schedule.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/keys.h"

static const char zone_directory[] = "/usr/share/zoneinfo/";
static const int64_t day_ms = 86400000, default_window_ms = 86400000;

int duration_read(const struct yaml *node, const char *what, int64_t *out_ms, struct err *e)
{
    static const struct {
        const char *name;
        int64_t ms;
    } unit[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    const char *text;
    int rc = yaml_text(node, what, &text, e);
    if (rc)
        return rc;
    size_t digits = strspn(text, "0123456789");
    char *number = mem_strndup(text, digits);
    long long n = 0;
    bool whole = str_to_int(number, &n);
    free(number);
    for (size_t i = 0; whole && i < sizeof unit / sizeof *unit; i++) {
        if (strcmp(text + digits, unit[i].name) != 0)
            continue;
        if (n < 1 || n > 3660 * day_ms / unit[i].ms)
            return yaml_fail(node, e, "%s: '%s' is out of range: want 1ms to 3660d", what, text);
        *out_ms = n * unit[i].ms;
        return 0;
    }
    return yaml_fail(node, e, "%s: '%s' is not a duration: want 500ms, 30s, 15m, 2h or 3d", what,
                     text);
}

/* ---- times of day, days ---- */

static const char *const weekdays[] = { "sunday",   "monday", "tuesday",  "wednesday",
                                        "thursday", "friday", "saturday", NULL };
static const char *const months[] = { "january",  "february", "march",  "april",     "may",
                                      "june",     "july",     "august", "september", "october",
                                      "november", "december", NULL };

/* "09:30" */
static bool parse_clock(const char *text, struct schedule *s)
{
    size_t h = strspn(text, "0123456789");
    if (h < 1 || h > 2 || text[h] != ':' || strspn(text + h + 1, "0123456789") != 2 ||
        text[h + 3] != '\0')
        return false;
    long hour = strtol(text, NULL, 10), minute = strtol(text + h + 1, NULL, 10);
    if (hour > 23 || minute > 59)
        return false;
    s->hour = 1u << hour;
    s->minute = 1ull << minute;
    return true;
}

/* A name, whole or its first three letters, in any case: its index, or -1. */
static int find_name(const char *text, size_t n, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if ((n == 3 || n == strlen(names[i])) && strncasecmp(text, names[i], n) == 0)
            return i;
    return -1;
}

static int daily_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    if (!parse_clock(node->text, s))
        return yaml_fail(node, e, "daily: '%s' is not a time of day: want \"21:00\"", node->text);
    s->weekday = 0x7f;
    s->any_weekday = true;
    return 0;
}

/* "monday 00:00", "tuesday, friday 06:30" */
static int weekly_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    const char *p = node->text;
    for (;;) {
        p += strspn(p, " ");
        size_t n = strcspn(p, ", ");
        int day = find_name(p, n, weekdays);
        if (day < 0) {
            char *word = mem_strndup(p, n);
            const char *near = str_nearest(word, weekdays, 7);
            yaml_fail(node, e,
                      "weekly: '%s' is not a day of the week%s%s%s (want \"monday 00:00\")", word,
                      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            free(word);
            return e->code;
        }
        s->weekday |= 1u << day;
        p += n;
        p += strspn(p, " ");
        if (*p != ',')
            break;
        p++;
    }
    if (!parse_clock(p, s))
        return yaml_fail(node, e, "weekly: '%s' is not a time of day: want \"monday 00:00\"", p);
    return 0;
}

/* ---- cron ---- */

struct cron_field {
    const char *what;
    int min, max;
    const char *const *names; /* NULL: numbers only */
    int first;                /* number of names[0] */
};

static const struct cron_field cron_fields[5] = {
    { "minute", 0, 59, NULL, 0 },
    { "hour", 0, 23, NULL, 0 },
    { "day of the month", 1, 31, NULL, 0 },
    { "month", 1, 12, months, 1 },
    { "day of the week", 0, 7, weekdays, 0 },
};

/* One number or name at *p, which moves on; -1 if it is neither. */
static int cron_value(const char **p, const struct cron_field *f)
{
    size_t n = strspn(*p, "0123456789");
    int v = -1;
    if (n > 0 && n <= 2) {
        v = (int)strtol(*p, NULL, 10);
    } else if (n == 0 && f->names) {
        n = strspn(*p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        int name = find_name(*p, n, f->names);
        v = name < 0 ? -1 : name + f->first;
    }
    *p += n;
    return v;
}

/* "*", "5", "1-5", each with "/step", separated by commas; sets bits. Returns what is wrong, NULL
 * if nothing. */
static const char *cron_parse(const char *p, const struct cron_field *f, uint64_t *out_bits,
                              bool *out_any)
{
    *out_bits = 0;
    *out_any = *p == '*';
    for (;;) {
        int low = f->min, high = f->max, step = 1;
        bool star = *p == '*';
        if (star) {
            p++;
        } else {
            low = high = cron_value(&p, f);
            if (*p == '-') {
                p++;
                high = cron_value(&p, f);
            }
        }
        if (low < 0 || high < 0)
            return "want numbers, names, *, ranges and steps";
        if (low < f->min || high > f->max)
            return "out of range";
        if (low > high)
            return "a range runs backwards";
        if (*p == '/') {
            p++;
            size_t n = strspn(p, "0123456789");
            step = n >= 1 && n <= 2 ? (int)strtol(p, NULL, 10) : 0;
            if (step < 1 || step > f->max)
                return "the step is out of range";
            if (low == high && !star)
                high = f->max;
            p += n;
        }
        for (int v = low; v <= high; v += step)
            *out_bits |= 1ull << v;
        if (*p == '\0')
            return NULL;
        if (*p++ != ',')
            return "want numbers, names, *, ranges and steps";
    }
}

/* Is there a day in the sets that some year has? */
static bool ever_fires(const struct schedule *s)
{
    static const int days[] = { 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (s->any_day || !s->any_weekday)
        return true; /* restricted days of the week fire by themselves */
    for (int month = 1; month <= 12; month++)
        for (int day = 1; (s->month >> month & 1) && day <= days[month]; day++)
            if (s->day >> day & 1)
                return true;
    return false;
}

static int cron_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    uint64_t bits[5];
    bool any[5];
    char *text = mem_strdup(node->text), *p = text;
    int rc = 0;

    for (int i = 0; i < 5; i++) {
        p += strspn(p, " \t");
        size_t n = strcspn(p, " \t");
        char *next = p + n + (p[n] != '\0');
        p[n] = '\0';
        if (n == 0) {
            rc = yaml_fail(node, e,
                           "cron: '%s' has %d fields: want 5 (minute hour day month weekday)",
                           node->text, i);
            goto out;
        }
        const char *wrong = cron_parse(p, &cron_fields[i], &bits[i], &any[i]);
        if (wrong) {
            rc = yaml_fail(node, e, "cron: %s '%s': %s (%d to %d)", cron_fields[i].what, p, wrong,
                           cron_fields[i].min, cron_fields[i].max);
            goto out;
        }
        p = next;
    }
    p += strspn(p, " \t");
    if (*p) {
        rc = yaml_fail(node, e, "cron: '%s' has more than 5 fields (minute hour day month weekday)",
                       node->text);
        goto out;
    }
    s->minute = bits[0];
    s->hour = (uint32_t)bits[1];
    s->day = (uint32_t)bits[2];
    s->month = (uint32_t)bits[3];
    s->weekday = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f); /* 7 is Sunday too */
    s->any_day = any[2];
    s->any_weekday = any[4];
    if (!ever_fires(s))
        rc = yaml_fail(node, e, "cron: '%s' never fires: no such day in those months", node->text);
out:
    free(text);
    return rc;
}

/* ---- time zones ---- */

/* "UTC", "UTC-8", "UTC+05:30": hours ahead of UTC, as ISO 8601 writes it (a POSIX TZ has the other
 * sign). */
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
    const char *rest = text + 1 + h;
    if (sign == 0 || h < 1 || h > 2)
        return false;
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

static bool zone_exists(const char *name)
{
    char magic[4];
    bool found = false;
    if (*name == '\0' || *name == '/' || strstr(name, "..") || strlen(name) > 100)
        return false;
    char *path = str_format("%s%s", zone_directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        found = read(fd, magic, sizeof magic) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
        close(fd);
    }
    free(path);
    return found;
}

static int timezone_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    const char *text = "UTC";
    int rc = node ? yaml_text(node, "timezone", &text, e) : 0;
    if (rc)
        return rc;
    s->timezone = mem_strdup(text);
    s->fixed = fixed_offset(text, &s->offset_s);
    if (!s->fixed && !zone_exists(text))
        return yaml_fail(node, e,
                         "timezone: '%s' is neither UTC, UTC-8, UTC+5:30... nor a name under %s",
                         text, zone_directory);
    return 0;
}

/* ---- one entry ---- */

static int stages_read(const struct yaml *list, const char *what, const char *const *stage,
                       size_t n_stage, size_t **out, size_t *out_n, struct err *e)
{
    if (!list)
        return 0;
    if (list->kind != YAML_LIST)
        return yaml_fail(list, e, "%s: want a list of stages: [train]", what);
    *out = mem_calloc(list->n, sizeof **out);
    for (size_t i = 0; i < list->n; i++) {
        const char *name;
        size_t k = 0;
        int rc = yaml_text(list->item[i], what, &name, e);
        if (rc)
            return rc;
        while (k < n_stage && strcmp(stage[k], name) != 0)
            k++;
        if (k == n_stage) {
            const char *near = str_nearest(name, stage, n_stage);
            return yaml_fail(list->item[i], e, "%s: there is no stage '%s'%s%s%s", what, name,
                             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        (*out)[(*out_n)++] = k;
    }
    return 0;
}

static int when_read(const struct yaml *map, struct schedule *s, struct err *e)
{
    static const struct {
        const char *key;
        enum schedule_kind kind;
        int (*read)(const struct yaml *node, struct schedule *s, struct err *e);
    } when[] = { { "weekly", SCHEDULE_WEEKLY, weekly_read },
                 { "daily", SCHEDULE_DAILY, daily_read },
                 { "cron", SCHEDULE_CRON, cron_read } };
    const char *found = NULL;
    int rc;

    s->day = 0xfffffffeu;
    s->month = 0x1ffe;
    s->any_day = true;
    for (size_t i = 0; i < sizeof when / sizeof *when; i++) {
        const struct yaml *node = yaml_get(map, when[i].key);
        const char *text;
        if (!node)
            continue;
        if (found)
            return yaml_fail(node, e, "schedule: '%s' and '%s' in one entry: want one of them",
                             found, when[i].key);
        found = when[i].key;
        s->kind = when[i].kind;
        if ((rc = yaml_text(node, found, &text, e)) || (rc = when[i].read(node, s, e)))
            return rc;
        s->text = mem_strdup(text);
        s->name = mem_strdup(found);
    }
    return found ? 0 : yaml_fail(map, e, "schedule: want weekly, daily or cron");
}

static int name_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    const char *text;
    int rc;
    if (!node)
        return 0;
    if ((rc = yaml_text(node, "name", &text, e)))
        return rc;
    if (*text == '\0' || strlen(text) > 64 ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
        return yaml_fail(node, e, "schedule: name '%s': want letters, digits, _ and -, at most 64",
                         text);
    free(s->name);
    s->name = mem_strdup(text);
    return 0;
}

static int entry_read(const struct yaml *map, const char *const *stage, size_t n_stage,
                      struct schedule *s, struct err *e)
{
    const struct key *keys = keys_below(pipeline_keys, "schedule");
    const struct yaml *node;
    size_t choice;
    int rc;

    *s = (struct schedule){ .line = map->line,
                            .column = map->column,
                            .catchup = CATCHUP_LATEST,
                            .overlap = OVERLAP_SKIP,
                            .catchup_window_ms = default_window_ms };
    if ((rc = keys_only(map, "schedule", keys, KEY_ANYWHERE, e)) || (rc = when_read(map, s, e)) ||
        (rc = name_read(yaml_get(map, "name"), s, e)) ||
        (rc = timezone_read(yaml_get(map, "timezone"), s, e)))
        return rc;
    if ((node = yaml_get(map, "catchup"))) {
        if ((rc = key_choice(node, "catchup", key_of(keys, "catchup"), &choice, e)))
            return rc;
        s->catchup = (enum schedule_catchup)choice;
    }
    if ((node = yaml_get(map, "overlap"))) {
        if ((rc = key_choice(node, "overlap", key_of(keys, "overlap"), &choice, e)))
            return rc;
        s->overlap = (enum schedule_overlap)choice;
    }
    if ((node = yaml_get(map, "catchup_window")) &&
        (rc = duration_read(node, "catchup_window", &s->catchup_window_ms, e)))
        return rc;
    if ((rc = stages_read(yaml_get(map, "targets"), "targets", stage, n_stage, &s->target,
                          &s->n_target, e)))
        return rc;
    return stages_read(yaml_get(map, "force"), "force", stage, n_stage, &s->force, &s->n_force, e);
}

int schedule_read(const struct yaml *list, const char *const *stage, size_t n_stage,
                  struct schedule **out, size_t *out_n, struct err *e)
{
    struct schedule *s = NULL;
    size_t n = 0;
    int rc = 0;

    *out = NULL;
    *out_n = 0;
    if (list->kind != YAML_LIST)
        return yaml_fail(list, e, "schedule: want a list: - weekly: monday 00:00");
    s = mem_calloc(list->n, sizeof *s);
    for (; rc == 0 && n < list->n; n++) {
        rc = entry_read(list->item[n], stage, n_stage, &s[n], e);
        for (size_t i = 0; rc == 0 && i < n; i++)
            if (strcmp(s[i].name, s[n].name) == 0)
                rc = yaml_fail(list->item[n], e,
                               "schedule: two entries are called '%s': give them a name",
                               s[n].name);
    }
    if (rc) {
        schedule_release(s, n);
        return rc;
    }
    *out = s;
    *out_n = n;
    return 0;
}

void schedule_release(struct schedule *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(s[i].name);
        free(s[i].text);
        free(s[i].timezone);
        free(s[i].target);
        free(s[i].force);
    }
    free(s);
}
