/* clockwalk: the planner of schedules against a walk minute by minute. Around every change of the
 * clocks of every time zone, from 1970 to 2037, the C library is asked for the local time of each
 * minute; from these times alone, and a reader of cron lines of its own, it follows when each
 * schedule must fire. tick_plan and tick_next have to say the same, with the same notes.
 *
 *   clockwalk [EVERY [ZONE...]]   every EVERYth change of each zone (1: all)
 *
 * Status 1 and the first differences where there are some; else a line of figures. */
#define _GNU_SOURCE /* tm_gmtoff, nftw */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/schedule/tick.h"

enum {
    MINUTE_S = 60,
    SEARCH_S = 12 * 3600, /* changes are at least days apart */
    AROUND_S = 2 * 86400, /* walked before and behind a change... */
    JUDGED_S = 86400,     /* ...and compared; what lies outside completes folds */
    MAX_STEPS = 4 * 1440 + 100,
    MAX_FAILURES = 20
};

static const int64_t first_s = 0, end_s = INT64_C(2145916800); /* 2038-01-01 */

/* cron lines; the first character: 'I' if it is an interval (every hour), 'T' times of day */
static char that_day[64]; /* written for each change: a day that comes once a year */
static const char *const crons[] = {
    "T 30 2 * * *", "T 0 0 * * *",       "T 59 23 * * *",     "T 0 12 * * *",
    "T 30 1 * * 0", "T 15,45 0-3 * * *", "T 0 */2 * * *",     "T */20 0-22 * * *",
    "T 0 3 29 2 *", "T 30 0 1,31 * 5",   "T 5 4 * 3,10 6",    "I */15 * * * *",
    "I 0 * * * *",  "I 30 * * 4-10 *",   "I 45 0-23 30 12 *", that_day,
};
enum { N_CRON = sizeof crons / sizeof *crons };

/* ---- cron lines, read again at every minute ---- */

static bool in_field(const char *field, size_t n, int value)
{
    const char *end = field + n;
    while (field < end) {
        char *after;
        long low = 0, high = 99, step = 1;
        if (*field == '*') {
            field++;
        } else {
            low = high = strtol(field, &after, 10);
            field = after;
            if (*field == '-') {
                high = strtol(field + 1, &after, 10);
                field = after;
            }
        }
        if (*field == '/') {
            step = strtol(field + 1, &after, 10);
            field = after;
        }
        if (value >= low && value <= high && (value - low) % step == 0)
            return true;
        field += *field == ',';
        if (*field == ' ')
            break;
    }
    return false;
}

static bool is_in(const char *line, const struct tm *tm)
{
    const int value[] = { tm->tm_min, tm->tm_hour, tm->tm_mday, tm->tm_mon + 1, tm->tm_wday };
    bool in[5], star[5];
    line += 2;
    for (int i = 0; i < 5; i++) {
        size_t n = strcspn(line, " ");
        in[i] = in_field(line, n, value[i]);
        star[i] = *line == '*';
        line += n + (line[n] == ' ');
    }
    bool day = star[2] || star[4] ? in[2] && in[4] : in[2] || in[4];
    return in[0] && in[1] && in[3] && day;
}

/* ---- the walk ---- */

/** A minute of local time, or the first instant behind a gap. */
struct step {
    int64_t at, local; /* local: seconds of the local calendar */
    bool gap;          /* local times were left out just before it: from `lost` to `local` */
    int64_t lost;
    bool first, second; /* the local time comes again; came before */
    bool in[N_CRON], lost_in[N_CRON];
};

static struct tm local_of(int64_t at)
{
    time_t t = (time_t)at;
    struct tm tm;
    if (!localtime_r(&t, &tm))
        abort();
    return tm;
}

static void judge(struct step *s, const struct tm *tm)
{
    for (size_t k = 0; k < N_CRON; k++) {
        s->in[k] = tm->tm_sec == 0 && is_in(crons[k], tm);
        for (int64_t lost = s->lost; s->gap && lost < s->local && !s->lost_in[k];
             lost += MINUTE_S) {
            time_t t = (time_t)lost;
            struct tm gone;
            gmtime_r(&t, &gone);
            s->lost_in[k] = is_in(crons[k], &gone);
        }
    }
}

/* All local minutes from `from` to `to`; second by second where the minutes are put. */
static size_t walk(int64_t from, int64_t to, struct step *step)
{
    size_t n = 0;
    int64_t offset = 0, at = from;
    while (local_of(at).tm_sec != 0)
        at++;
    for (; at <= to && n < MAX_STEPS; at++) {
        struct tm tm = local_of(at);
        struct step *s = &step[n];
        bool jump = n > 0 && tm.tm_gmtoff != offset;
        *s = (struct step){ .at = at, .local = at + tm.tm_gmtoff };
        if (jump && tm.tm_gmtoff > offset) {
            int64_t before = at + offset;
            s->gap = true;
            s->lost = before + (MINUTE_S - before % MINUTE_S) % MINUTE_S;
        }
        offset = tm.tm_gmtoff;
        if (tm.tm_sec != 0 && !s->gap)
            continue;
        judge(s, &tm);
        n++;
        if (tm.tm_sec == 0 && local_of(at + MINUTE_S).tm_gmtoff == offset)
            at += MINUTE_S - 1;
    }
    return n;
}

/* Which local times come twice: a walk back and forth is short, so each is looked for by itself. */
static void pair(struct step *step, size_t n)
{
    int64_t latest = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i; step[i].local <= latest && k-- > 0;) {
            if (step[k].local != step[i].local)
                continue;
            step[k].first = true;
            step[i].second = true;
            break;
        }
        latest = step[i].local > latest ? step[i].local : latest;
    }
}

/* ---- what must come of it ---- */

static size_t expect(const struct step *step, size_t n, size_t cron, const struct schedule *s,
                     struct tick *out)
{
    bool interval = crons[cron][0] == 'I';
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const struct step *p = &step[i];
        bool moved = p->lost_in[cron] && s->gap == GAP_NEXT && !interval;
        bool fires = p->in[cron];
        if (fires && !interval && p->first && s->fold == FOLD_LAST)
            fires = false;
        if (fires && !interval && p->second && s->fold == FOLD_FIRST)
            fires = false;
        if (fires || moved)
            out[n_out++] = (struct tick){ .at_s = p->at,
                                          .due_s = p->at,
                                          .offset_s = p->local - p->at,
                                          .clock = moved       ? TICK_GAP
                                                   : p->second ? TICK_FOLD_SECOND
                                                   : p->first  ? TICK_FOLD_FIRST
                                                               : TICK_PLAIN };
    }
    return n_out;
}

static struct {
    size_t zones, changes, firings, failures;
} count;

static bool same(const struct tick *a, const struct tick *b)
{
    return a->at_s == b->at_s && a->due_s == b->due_s && a->offset_s == b->offset_s &&
           a->clock == b->clock;
}

static void report(const struct schedule *s, size_t cron, const char *who, const struct tick *want,
                   const struct tick *got)
{
    if (count.failures++ < MAX_FAILURES)
        printf("# %s '%s' gap %d fold %d: %s fires at %" PRId64 " (%d), want %" PRId64 " (%d)\n",
               s->zone.name, crons[cron] + 2, s->gap, s->fold, who, got ? got->at_s : -1,
               got ? (int)got->clock : -1, want ? want->at_s : -1, want ? (int)want->clock : -1);
}

/* Both ways to ask, between two instants. */
static void compare(const struct schedule *s, size_t cron, int64_t from, int64_t to,
                    const struct tick *want, size_t n)
{
    struct tick_plan p;
    tick_plan(s, "oracle", from - 1, to, &p);
    for (size_t i = 0; i < n || i < p.n; i++) {
        const struct tick *w = i < n ? &want[i] : NULL, *g = i < p.n ? &p.list[i].tick : NULL;
        if (!w || !g || !same(w, g)) {
            report(s, cron, "tick_plan", w, g);
            break;
        }
    }
    tick_plan_release(&p);
    count.firings += n;
    for (size_t i = 0; i<n; i += n> 8 ? n / 4 : 1) {
        struct tick next;
        int64_t after = i ? want[i - 1].at_s : from - 1;
        if (!tick_next(s, "oracle", after, &next) || !same(&next, &want[i]))
            report(s, cron, "tick_next", &want[i], &next);
    }
}

/* From instants between firings, within folds and right behind a change. */
static void ask_around(const struct schedule *s, size_t cron, int64_t change,
                       const struct tick *want, size_t n)
{
    struct tick next;
    for (int64_t after = change - 3 * 3600 - 7; after < change + 3 * 3600; after += 437) {
        size_t i = 0;
        while (i < n && want[i].at_s <= after)
            i++;
        if (i < n && (!tick_next(s, "oracle", after, &next) || !same(&next, &want[i])))
            report(s, cron, "tick_next from between", &want[i], &next);
    }
    /* the day of that_day comes once a year: nothing fires between */
    if (crons[cron] == that_day && n &&
        (!tick_next(s, "oracle", change - 100 * 86400, &next) || !same(&next, &want[0])))
        report(s, cron, "tick_next from afar", &want[0], &next);
}

/* The first and last instant of local times around a change, some of which do not exist. */
static void ask_bounds(const struct zone *z, int64_t change, const struct step *step, size_t n)
{
    struct zone_use use;
    int64_t around = change + local_of(change).tm_gmtoff;
    zone_enter(z, &use);
    for (int64_t local = around - around % MINUTE_S - 9000; local < around + 9000; local += 300) {
        size_t first = 0, last = n - 1;
        while (step[first].local < local)
            first++;
        while (step[last].local > local)
            last--;
        int64_t at = zone_last(z, local);
        bool exact = step[last].local == local;
        if (zone_first(z, local) != step[first].at || at < step[last].at ||
            at >= step[last + 1].at || (exact && at != step[last].at))
            if (count.failures++ < MAX_FAILURES)
                printf("# %s: local time %" PRId64 " is first %" PRId64 ", last %" PRId64
                       "; want %" PRId64 ", %" PRId64 "\n",
                       z->name, local, zone_first(z, local), at, step[first].at, step[last].at);
    }
    zone_leave(&use);
}

static void set_that_day(struct schedule *s, int64_t change)
{
    struct str warning = { 0 };
    struct err e = { 0 };
    struct tm tm = local_of(change + (change / 3600 % 2 ? 0 : -86400));
    snprintf(that_day, sizeof that_day, "T 10,50 0-5,23 %d %d *", tm.tm_mday, tm.tm_mon + 1);
    if (cron_read(&s->when, that_day + 2, 0, &warning, &e))
        abort();
    str_release(&warning);
}

static void check_change(struct schedule schedule[N_CRON], int64_t change)
{
    static struct step step[MAX_STEPS];
    static struct tick want[MAX_STEPS];
    set_that_day(&schedule[N_CRON - 1], change);
    size_t n = walk(change - AROUND_S, change + AROUND_S, step);
    pair(step, n);
    ask_bounds(&schedule[0].zone, change, step, n);
    count.changes++;
    for (size_t k = 0; k < N_CRON; k++) {
        struct schedule *s = &schedule[k];
        for (int policy = 0; policy < 6; policy++) {
            s->gap = policy % 2 ? GAP_SKIP : GAP_NEXT;
            s->fold = (enum schedule_fold)(policy / 2);
            if (crons[k][0] == 'I' && policy != 0)
                continue;
            size_t n_all = expect(step, n, k, s, want), low = 0, high = n_all;
            if ((count.changes + k) % 6 == (size_t)policy || crons[k] == that_day)
                ask_around(s, k, change, want, n_all);
            while (low < high && want[low].at_s < change - JUDGED_S)
                low++;
            while (high > low && want[high - 1].at_s > change + JUDGED_S)
                high--;
            compare(s, k, change - JUDGED_S, change + JUDGED_S, want + low, high - low);
        }
    }
}

static void check_zone(const char *name, size_t every)
{
    struct schedule schedule[N_CRON];
    struct str warning = { 0 };
    struct err e = { 0 };
    char *tz = str_format(":%s", name);
    size_t n = 0;

    setenv("TZ", tz, 1); /* as zone_enter sets it, so that the C library keeps the zone loaded */
    tzset();
    free(tz);
    for (size_t k = 0; k < N_CRON; k++) {
        schedule[k] = (struct schedule){
            .name = mem_strdup("oracle"), .start_s = INT64_MIN, .end_s = INT64_MAX, .enabled = true
        };
        if ((crons[k] != that_day && cron_read(&schedule[k].when, crons[k] + 2, 0, &warning, &e)) ||
            zone_read(&schedule[k].zone, name, &e)) {
            fprintf(stderr, "clockwalk: %s\n", e.text);
            exit(1);
        }
    }
    count.zones++;
    long offset = local_of(first_s).tm_gmtoff;
    for (int64_t at = first_s; at < end_s; at += SEARCH_S) {
        long now = local_of(at).tm_gmtoff;
        if (now != offset && n++ % every == count.zones % every)
            check_change(schedule, at);
        offset = now;
    }
    for (size_t k = 0; k < N_CRON; k++) {
        free(schedule[k].name);
        zone_release(&schedule[k].zone);
    }
    str_release(&warning);
}

/* ---- the zones of the machine ---- */

static char *names[2000];
static size_t n_name;
static size_t root_length;

static int add_name(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    struct zone z;
    struct err e = { 0 };
    (void)st, (void)where;
    if (flag == FTW_F && n_name < sizeof names / sizeof *names &&
        !strchr(path + root_length, '.') && zone_read(&z, path + root_length, &e) == 0) {
        names[n_name++] = mem_strdup(path + root_length);
        zone_release(&z);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *root = getenv("TZDIR") ? getenv("TZDIR") : "/usr/share/zoneinfo";
    long long every = 1;

    if (argc > 1 && (!str_to_int(argv[1], &every) || every < 1)) {
        fprintf(stderr, "usage: clockwalk [EVERY [ZONE...]]\n");
        return 64;
    }
    root_length = strlen(root) + 1;
    if (argc > 2)
        for (int i = 2; i < argc; i++)
            names[n_name++] = mem_strdup(argv[i]);
    else
        nftw(root, add_name, 16, 0);
    str_sort(names, n_name);
    for (size_t i = 0; i < n_name; i++)
        check_zone(names[i], (size_t)every);
    for (size_t i = 0; i < n_name; i++)
        free(names[i]);
    printf("%zu zones, %zu changes of the clocks, %zu firings, %zu differences\n", count.zones,
           count.changes, count.firings, count.failures);
    return count.failures > 0 || count.changes == 0;
}
