#include "runner/schedule/cron.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/civil.h"
#include "base/mem.h"

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, N_FIELD };

const char *const cron_weekdays[] = { "sunday",   "monday", "tuesday",  "wednesday",
                                      "thursday", "friday", "saturday", NULL };
static const char *const months[] = { "january",  "february", "march",  "april",     "may",
                                      "june",     "july",     "august", "september", "october",
                                      "november", "december", NULL };

struct field {
    const char *what;
    const char *const *names; /* NULL: numbers only */
    int first;                /* number of names[0] */
    int min, max;
    int last; /* of H: 28 days, so that it comes in every month; 6 weekdays */
};

static const struct field fields[N_FIELD] = {
    [MINUTE] = { "minute", NULL, 0, 0, 59, 59 },
    [HOUR] = { "hour", NULL, 0, 0, 23, 23 },
    [DAY] = { "day of the month", NULL, 0, 1, 31, 28 },
    [MONTH] = { "month", months, 1, 1, 12, 12 },
    [WEEKDAY] = { "day of the week", cron_weekdays, 0, 0, 7, 6 },
};

static const struct {
    const char *name, *text;
} shorthands[] = { { "@hourly", "0 * * * *" },   { "@daily", "0 0 * * *" },
                   { "@midnight", "0 0 * * *" }, { "@weekly", "0 0 * * 0" },
                   { "@monthly", "0 0 1 * *" },  { "@yearly", "0 0 1 1 *" },
                   { "@annually", "0 0 1 1 *" } };

struct cron cron_every_day(void)
{
    return (struct cron){
        .day = 0xfffffffeu, .month = 0x1ffe, .weekday = 0x7f, .any_day = true, .any_weekday = true
    };
}

bool cron_every_hour(const struct cron *c)
{
    return c->hour == 0xffffff;
}

/* ---- reading ---- */

bool cron_read_clock(struct cron *c, const char *text)
{
    size_t h = strspn(text, "0123456789");
    if (h < 1 || h > 2 || text[h] != ':' || strspn(text + h + 1, "0123456789") != 2 ||
        text[h + 3] != '\0')
        return false;
    long hour = strtol(text, NULL, 10), minute = strtol(text + h + 1, NULL, 10);
    if (hour > 23 || minute > 59)
        return false;
    c->hour = 1u << hour;
    c->minute = 1ull << minute;
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

int cron_weekday(const char *text, size_t n)
{
    return find_name(text, n, cron_weekdays);
}

/* One number or name at *p, which moves on; -1 if it is neither. */
static int read_value(const char **p, const struct field *f)
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

/** One field while it is read. */
struct reading {
    uint64_t bits;
    uint64_t slot; /* for H */
    bool star;     /* begins with * */
    int uneven;    /* the step of a "* / step" that does not divide the range; 0: none */
};

/* "/15" at *p, if there is one. Returns what is wrong, NULL if nothing. */
static const char *read_step(const char **p, const struct field *f, int *out_step)
{
    *out_step = 1;
    if (**p != '/')
        return NULL;
    size_t n = strspn(++*p, "0123456789");
    *out_step = n >= 1 && n <= 2 ? (int)strtol(*p, NULL, 10) : 0;
    *p += n;
    if (n > 0 && *out_step < 1 && n <= 2)
        return "a step is 1 or more";
    return *out_step < 1 || *out_step > f->max ? "the step is out of range" : NULL;
}

/* One of "*", "5", "1-5", "H", with "/step". */
static const char *read_part(const char **p, const struct field *f, struct reading *r)
{
    int low = f->min, high = f->max, step;
    bool star = **p == '*', drawn = **p == 'H', one = false;
    const char *wrong;

    if (star || drawn) {
        ++*p;
    } else {
        low = high = read_value(p, f);
        one = **p != '-';
        if (!one) {
            ++*p;
            high = read_value(p, f);
            if (f == &fields[WEEKDAY] && high == 0)
                high = 7; /* sat-sun */
        }
    }
    if (low < 0 || high < 0)
        return "want numbers, names, *, ranges and steps";
    if (low < f->min || low > f->max || high > f->max)
        return "out of range";
    if (low > high)
        return "a range runs backwards";
    bool stepped = **p == '/';
    if ((wrong = read_step(p, f, &step)))
        return wrong;
    if (drawn) {
        int span = stepped ? step : f->last - f->min + 1;
        low = f->min + (int)(r->slot % (uint64_t)span);
        high = stepped ? f->last : low;
        if (low > high)
            low = high;
    } else if (one && stepped) {
        high = f->max; /* as Vixie's cron: 5/15 is 5-59/15 */
    }
    if (star && stepped && (f == &fields[WEEKDAY] ? 7 : f->max - f->min + 1) % step)
        r->uneven = step;
    for (int v = low; v <= high; v += step)
        r->bits |= UINT64_C(1) << v;
    return NULL;
}

static const char *read_field(const char *p, const struct field *f, struct reading *r)
{
    r->star = *p == '*';
    for (;;) {
        const char *wrong = read_part(&p, f, r);
        if (wrong)
            return wrong;
        if (*p == '\0')
            return NULL;
        if (*p++ != ',')
            return "want numbers, names, *, ranges and steps";
    }
}

/* "minute '*\/45' fires at 0, 45 and then at 0 again: the step does not divide 60". */
static void warn_uneven(const char *text, const struct field *f, const struct reading *r,
                        struct str *warning)
{
    int range = f == &fields[WEEKDAY] ? 7 : f->max - f->min + 1, n = 0;
    str_addf(warning, "%s '%s' is not every %d: it is ", f->what, text, r->uneven);
    for (int v = f->min; v < f->min + range; v++)
        if (r->bits >> v & 1)
            str_addf(warning, "%s%d", n++ ? ", " : "", v);
    str_addf(warning, " and then %d again (%d does not divide %d)\n", f->min, r->uneven, range);
}

/* Is there a day in the sets that some year has? */
static bool ever_fires(const struct cron *c)
{
    if (c->any_day || !c->any_weekday)
        return true; /* restricted days of the week fire by themselves */
    for (int month = 1; month <= 12; month++)
        for (int day = 1; (c->month >> month & 1) && day <= 31; day++)
            if ((c->day >> day & 1) && civil_exists((struct civil){ 2000, month, day }))
                return true;
    return false;
}

static const char *expand(const char *text, struct err *e)
{
    const char *names[sizeof shorthands / sizeof *shorthands];
    size_t n = sizeof shorthands / sizeof *shorthands;
    if (*text != '@')
        return text;
    for (size_t i = 0; i < n; i++) {
        names[i] = shorthands[i].name;
        if (strcasecmp(text, names[i]) == 0)
            return shorthands[i].text;
    }
    const char *near = str_nearest(text, names, n);
    err_set(e, ERR_USAGE,
            "'%s' is not one of @hourly, @daily, @midnight, @weekly, @monthly, "
            "@yearly, @annually%s%s%s",
            text, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

/* Split a copy of the `whole` text at blanks and read each field; the copy is changed. */
static int read_fields(const char *whole, char *copy, uint64_t slot, struct reading r[N_FIELD],
                       struct str *warning, struct err *e)
{
    int n = 0;
    for (char *p = copy + strspn(copy, " \t"), *next; *p; p = next, n++) {
        const char *wrong;
        next = p + strcspn(p, " \t");
        while (*next == ' ' || *next == '\t')
            *next++ = '\0';
        if (n == N_FIELD)
            return err_set(e, ERR_USAGE,
                           "'%s' has more than 5 fields (minute hour day month weekday)", whole);
        r[n].slot = slot >> 12 * n;
        if ((wrong = read_field(p, &fields[n], &r[n])))
            return err_set(e, ERR_USAGE, "%s '%s': %s (%d to %d)", fields[n].what, p, wrong,
                           fields[n].min, fields[n].max);
        if (r[n].uneven)
            warn_uneven(p, &fields[n], &r[n], warning);
    }
    if (n < N_FIELD)
        return err_set(e, ERR_USAGE, "'%s' has %d fields: want 5 (minute hour day month weekday)",
                       whole, n);
    return 0;
}

int cron_read(struct cron *c, const char *text, uint64_t slot, struct str *warning, struct err *e)
{
    struct reading r[N_FIELD] = { 0 };
    const char *expanded = expand(text, e);
    if (!expanded)
        return e->code;
    char *copy = mem_strdup(expanded);
    int rc = read_fields(text, copy, slot, r, warning, e);
    free(copy);
    if (rc)
        return rc;
    *c = (struct cron){ .minute = r[MINUTE].bits,
                        .hour = (uint32_t)r[HOUR].bits,
                        .day = (uint32_t)r[DAY].bits,
                        .month = (uint32_t)r[MONTH].bits,
                        .weekday = (uint32_t)((r[WEEKDAY].bits | r[WEEKDAY].bits >> 7) & 0x7f),
                        .any_day = r[DAY].star,
                        .any_weekday = r[WEEKDAY].star };
    if (!ever_fires(c))
        return err_set(e, ERR_USAGE, "'%s' never fires: no such day in those months", text);
    if (!c->any_day && !c->any_weekday)
        str_addf(warning,
                 "'%s' restricts the day of the month and the day of the week: it fires "
                 "if either fits\n",
                 text);
    return 0;
}

/* ---- the calendar ---- */

static bool has_day(const struct cron *c, struct civil date, int64_t days)
{
    bool day = c->day >> date.day & 1, weekday = c->weekday >> civil_weekday(days) & 1;
    return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* The first minute of a day at or after `from` that is in it; -1 if there is none. */
static int next_minute(const struct cron *c, int from)
{
    for (int hour = from / 60; hour < 24; hour++) {
        uint64_t minutes = c->minute >> (hour == from / 60 ? from % 60 : 0);
        if ((c->hour >> hour & 1) && minutes)
            return hour * 60 + (hour == from / 60 ? from % 60 : 0) + __builtin_ctzll(minutes);
    }
    return -1;
}

bool cron_next(const struct cron *c, int64_t local_s, int64_t *out_s)
{
    int64_t minutes = local_s / 60 + (local_s % 60 > 0); /* up to the next whole minute */
    int64_t days = minutes / 1440 - (minutes % 1440 < 0);
    int from = (int)(minutes - days * 1440);

    for (;;) {
        struct civil date = civil_of_days(days);
        if (date.year > 9999)
            return false;
        if (!(c->month >> date.month & 1)) {
            bool december = date.month == 12;
            days = civil_to_days(
                (struct civil){ date.year + december, december ? 1 : date.month + 1, 1 });
            from = 0;
            continue;
        }
        int minute = has_day(c, date, days) ? next_minute(c, from) : -1;
        if (minute >= 0) {
            *out_s = (days * 1440 + minute) * 60;
            return true;
        }
        days++;
        from = 0;
    }
}
