/* next: when the schedules of some pipelines fire, in local time and UTC, and what the changes of
 * the clocks do to them. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/memory/ticks.h"
#include "runner/schedule/tick.h"

enum { DEFAULT_COUNT = 10 };

/** One schedule and its next firing. */
struct stream {
    const struct project *project; /* borrowed */
    const struct schedule *schedule;
    bool paused, ended;
    struct tick tick;
};

struct preview {
    const struct cli *cli;
    struct project *project; /* (n_project) */
    size_t n_project;
    struct stream *stream; /* (n_stream) */
    size_t n_stream;
};

/* ---- gathering ---- */

/* Paused in the memory? */
static int read_paused(struct stream *s, struct err *e)
{
    struct schedule_mark mark;
    int rc = ticks_mark(s->project->state, s->project->manifest.name, s->schedule->name, &mark, e);
    if (rc)
        return rc;
    s->paused = mark.paused_ms != 0;
    schedule_mark_release(&mark);
    return 0;
}

static void advance(struct stream *s, int64_t after_s)
{
    s->ended = !tick_next(s->schedule, s->project->manifest.name, after_s, &s->tick);
}

/* The first firing of a schedule from where the preview begins. */
static int begin(struct stream *s, const struct cli *c, struct err *e)
{
    int64_t from = time(NULL);
    if (c->from && !zone_parse(&s->schedule->zone, c->from, false, &from))
        return err_set(e, ERR_USAGE,
                       "--from '%s' is not a time: want \"2026-03-29\" or \"2026-03-29 14:30\" (of "
                       "the schedule's zone, with a Z of UTC)",
                       c->from);
    advance(s, from - 1);
    return read_paused(s, e);
}

static int add_streams(struct preview *v, const struct project *p, struct err *e)
{
    const struct manifest *m = &p->manifest;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->n_schedule; i++) {
        if (v->cli->schedule && strcmp(m->schedule[i].name, v->cli->schedule) != 0)
            continue;
        struct stream s = { .project = p, .schedule = &m->schedule[i] };
        rc = begin(&s, v->cli, e);
        v->stream = mem_grow(v->stream, v->n_stream, sizeof *v->stream);
        v->stream[v->n_stream++] = s;
    }
    return rc;
}

/* No file has the schedule that was asked for. */
static int no_schedule(const struct preview *v, struct err *e)
{
    size_t at;
    const struct manifest *m = &v->project[0].manifest;
    if (v->n_project > 1)
        return err_set(e, ERR_USAGE, "none of the files has a schedule '%s'", v->cli->schedule);
    schedule_find(m->schedule, m->n_schedule, v->cli->schedule, &at, e);
    return err_wrap(e, "%s", m->path);
}

static int gather(struct preview *v, struct err *e)
{
    const struct cli *c = v->cli;
    size_t n;
    const char **file = project_files(c, &n);
    int rc = 0;

    v->project = mem_calloc(n, sizeof *v->project);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct cli one = *c;
        one.file = file[i];
        rc = project_open(&v->project[i], &one, e);
        v->n_project += rc == 0;
    }
    free(file);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_streams(v, &v->project[i], e);
    if (rc == 0 && c->schedule && v->n_stream == 0)
        rc = no_schedule(v, e);
    return rc;
}

/* The stream that fires next; NULL when all have ended. */
static struct stream *earliest(struct preview *v)
{
    struct stream *best = NULL;
    for (size_t i = 0; i < v->n_stream; i++) {
        struct stream *s = &v->stream[i];
        if (!s->ended && (!best || s->tick.at_s < best->tick.at_s))
            best = s;
    }
    return best;
}

/* ---- words ---- */

static struct tm utc_of(int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm = { 0 };
    gmtime_r(&at, &tm);
    return tm;
}

/* "02:30" */
static void add_clock(struct str *out, int64_t at_s)
{
    struct tm tm = utc_of(at_s);
    str_addf(out, "%02d:%02d", tm.tm_hour, tm.tm_min);
    if (tm.tm_sec)
        str_addf(out, ":%02d", tm.tm_sec);
}

/* "2026-03-29", a separator, "02:30" */
static void add_time(struct str *out, int64_t at_s, char between)
{
    struct tm tm = utc_of(at_s);
    str_addf(out, "%04d-%02d-%02d%c", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, between);
    add_clock(out, at_s);
}

static void add_offset(struct str *out, int64_t offset_s)
{
    int64_t s = offset_s < 0 ? -offset_s : offset_s;
    str_addf(out, "%c%02" PRId64 ":%02" PRId64, offset_s < 0 ? '-' : '+', s / 3600, s / 60 % 60);
    if (s % 60)
        str_addf(out, ":%02" PRId64, s % 60);
}

/* What the clocks do to it; "" if nothing. */
static void add_clock_note(struct str *out, const struct stream *s)
{
    const struct tick *t = &s->tick;
    struct zone_use use;
    int64_t local = t->at_s + t->offset_s, before;

    switch (t->clock) {
    case TICK_PLAIN:
        return;
    case TICK_GAP:
        zone_enter(&s->schedule->zone, &use);
        before = zone_offset(&s->schedule->zone, t->at_s - 1);
        zone_leave(&use);
        if (cron_next(&s->schedule->when, t->at_s + before, &local))
            add_clock(out, local);
        str_addz(out, t->offset_s - before >= 86400
                          ? " does not exist, nor does that day: the first instant after it"
                          : " does not exist that day: the first instant after it");
        return;
    case TICK_FOLD_FIRST:
    case TICK_FOLD_SECOND:
        add_clock(out, local);
        str_addf(out, " comes twice that day: the %s time",
                 t->clock == TICK_FOLD_FIRST ? "first" : "second");
        return;
    }
}

static void add_part(struct str *out, const char *text)
{
    str_addz(out, out->n && *text ? "; " : "");
    str_addz(out, text);
}

static void add_note(struct str *out, const struct stream *s)
{
    add_clock_note(out, s);
    if (s->tick.due_s > s->tick.at_s) {
        struct str later = { 0 };
        show_add_time(&later, (s->tick.due_s - s->tick.at_s) * 1000);
        str_addz(&later, " later by jitter");
        add_part(out, str_text(&later));
        str_release(&later);
    }
    if (!s->schedule->enabled)
        add_part(out, "disabled: it will not run");
    if (s->paused)
        add_part(out, "paused: it will not run until `refit resume`");
}

/* ---- output ---- */

static json_t *firing_json(const struct stream *s)
{
    static const char *const clocks[] = {
        [TICK_GAP] = "gap", [TICK_FOLD_FIRST] = "fold first", [TICK_FOLD_SECOND] = "fold second"
    };
    const struct tick *t = &s->tick;
    struct str local = { 0 }, note = { 0 };
    struct zone_use use;
    char zone[16];

    zone_enter(&s->schedule->zone, &use);
    zone_abbreviation(&s->schedule->zone, t->at_s, zone);
    zone_leave(&use);
    add_time(&local, t->at_s + t->offset_s, 'T');
    if ((t->at_s + t->offset_s) % 60 == 0)
        str_addz(&local, ":00");
    add_offset(&local, t->offset_s);
    add_note(&note, s);
    json_t *doc = json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:o, s:s?, s:b, s:b, s:s}", "file",
        s->project->manifest.path, "pipeline", s->project->manifest.name, "schedule",
        s->schedule->name, "utc", report_time(t->at_s * 1000), "local", str_text(&local),
        "timezone", s->schedule->zone.name, "abbreviation", zone, "offset_s",
        (json_int_t)t->offset_s, "starts", report_time(t->due_s * 1000), "dst", clocks[t->clock],
        "enabled", s->schedule->enabled, "paused", s->paused, "note", str_text(&note));
    str_release(&local);
    str_release(&note);
    return doc;
}

static void print_firing(const struct preview *v, const struct stream *s)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    const struct tick *t = &s->tick;
    struct str left = { 0 }, name = { 0 }, note = { 0 };
    struct zone_use use;
    char zone[16];
    bool off = s->paused || !s->schedule->enabled;

    zone_enter(&s->schedule->zone, &use);
    zone_abbreviation(&s->schedule->zone, t->at_s, zone);
    zone_leave(&use);
    str_addf(&left, "%.3s ", days + 3 * utc_of(t->at_s + t->offset_s).tm_wday);
    add_time(&left, t->at_s + t->offset_s, ' ');
    str_addf(&left, "  %-6s ", zone);
    add_offset(&left, t->offset_s);
    str_addz(&left, "  ");
    add_time(&left, t->at_s, ' ');
    if (v->n_project > 1)
        str_addf(&name, "%s/", s->project->manifest.name);
    str_addz(&name, s->schedule->name);
    add_note(&note, s);
    printf("%s%s  %-*s%s%s%s\n", off && v->cli->colour ? "\033[2m" : "", str_text(&left),
           note.n ? 12 : 0, str_text(&name), note.n ? "  " : "", str_text(&note),
           off && v->cli->colour ? "\033[0m" : "");
    str_release(&left);
    str_release(&name);
    str_release(&note);
}

static int print_text(struct preview *v, int64_t n)
{
    struct stream *s = earliest(v);
    if (v->n_stream == 0)
        printf("no schedule: it runs when it is told to\n");
    else if (s && n > 0)
        printf("%-22s%-15s%-18s%s\n", "LOCAL TIME", "ZONE", "UTC", "SCHEDULE");
    for (; s && n-- > 0; s = earliest(v)) {
        print_firing(v, s);
        advance(s, s->tick.at_s);
    }
    for (size_t i = 0; i < v->n_stream; i++)
        if (v->stream[i].ended && !v->cli->quiet)
            printf("%s fires no more after that\n", v->stream[i].schedule->name);
    return 0;
}

static int print_json(struct preview *v, int64_t n, struct err *e)
{
    json_t *firings = json_array(), *warnings = json_array();
    for (struct stream *s; n-- > 0 && (s = earliest(v));) {
        json_array_append_new(firings, firing_json(s));
        advance(s, s->tick.at_s);
    }
    for (size_t i = 0; i < v->n_stream; i++)
        for (size_t k = 0; k < v->stream[i].schedule->n_warning; k++)
            json_array_append_new(warnings, json_string(v->stream[i].schedule->warning[k]));
    return report_print(json_pack("{s:o, s:o}", "firings", firings, "warnings", warnings), e);
}

int command_next(const struct cli *c, struct err *e)
{
    struct preview v = { .cli = c };
    int64_t n = c->count ? c->count : DEFAULT_COUNT;
    int rc = gather(&v, e);

    for (size_t i = 0; rc == 0 && i < v.n_stream && !c->quiet; i++) {
        const struct schedule *s = v.stream[i].schedule;
        for (size_t k = 0; k < s->n_warning; k++)
            fprintf(stderr, "refit: warning: %s:%zu:%zu: schedule '%s': %s\n",
                    v.stream[i].project->manifest.path, s->line, s->column, s->name, s->warning[k]);
    }
    if (rc == 0)
        rc = c->json ? print_json(&v, n, e) : print_text(&v, n);
    for (size_t i = 0; i < v.n_project; i++)
        project_close(&v.project[i]);
    free(v.project);
    free(v.stream);
    return rc;
}
