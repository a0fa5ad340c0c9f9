/* history: the runs, the ticks that made none, or the attempts of one stage, newest first. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/json_keys.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/notify/outbox.h"
#include "runner/memory/recall.h"

/* ---- filters ---- */

/* "30d" before now, or a date, or a date with a time; in UTC. */
static int parse_since(const char *text, int64_t now_ms, int64_t *out, struct err *e)
{
    static const struct {
        char letter;
        int64_t ms;
    } unit[] = { { 's', 1000 },
                 { 'm', 60000 },
                 { 'h', 3600000 },
                 { 'd', 86400000 },
                 { 'w', 7 * (int64_t)86400000 } };
    static const char *const form[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                        "%Y-%m-%dT%H:%M:%SZ" };
    size_t digits = strspn(text, "0123456789");
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
        char *number = mem_strndup(text, digits);
        long long n;
        bool found = digits > 0 && text[digits] == unit[i].letter && text[digits + 1] == '\0' &&
                     str_to_int(number, &n) && n <= now_ms / unit[i].ms;
        free(number);
        if (found) {
            *out = now_ms - n * unit[i].ms;
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof form / sizeof *form; i++) {
        struct tm tm = { 0 };
        const char *end = strptime(text, form[i], &tm);
        int day = tm.tm_mday;
        time_t t = timegm(&tm);
        if (end && *end == '\0' && tm.tm_mday == day) { /* 30 February is no day */
            *out = (int64_t)t * 1000;
            return 0;
        }
    }
    return err_set(e, ERR_USAGE,
                   "--since is '%s', want 90m, 12h, 30d, 8w, a date as 2026-11-21, or "
                   "'2026-11-21 03:00' in UTC",
                   text);
}

static const char *const states[] = { "running", "succeeded", "skipped",  "blocked", "failed",
                                      "aborted", "lost",      "queued",   "missed",  "overlapped",
                                      "paused",  "disabled",  "timed_out" };

/* "failed,lost" into f->status, whose texts are owned. */
static int parse_status(const char *text, struct past_filter *f, char ***out, struct err *e)
{
    char **list = NULL;
    int rc = 0;
    f->n_status = 0;
    while (rc == 0) {
        size_t n = strcspn(text, ","), known = sizeof states / sizeof *states, i;
        char *word = mem_strndup(text, n);
        for (i = 0; i < known && strcmp(states[i], word) != 0;)
            i++;
        if (i == known)
            rc = report_unknown("state", word, states, known,
                                "want running, succeeded, skipped, blocked, failed, aborted, "
                                "lost, queued, of a tick missed, overlapped, paused, disabled, of "
                                "an attempt timed_out",
                                e);
        list = mem_grow(list, f->n_status, sizeof *list);
        list[f->n_status++] = word;
        if (text[n] == '\0')
            break;
        text += n + 1;
    }
    *out = list;
    f->status = (const char *const *)list;
    return rc;
}

/* A name that nothing here has is a slip, not an empty answer. */
static int check_name(struct state *s, enum past_names which, const char *what, const char *name,
                      struct err *e)
{
    char **known = NULL;
    size_t n = 0;
    bool found = false;
    int rc = name ? past_names(s, which, &known, &n, e) : 0;
    for (size_t i = 0; i < n; i++)
        found = found || strcmp(known[i], name) == 0;
    if (rc == 0 && name && !found)
        rc = report_unknown(what, name, (const char *const *)known, n,
                            "nothing of that name has run here", e);
    mem_free_texts(known, n);
    return rc;
}

/* ---- attempts of a stage ---- */

static json_t *attempt_json(const struct past_attempt *a)
{
    bool ended = a->ended != 0;
    return json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "run", a->run,
                     "pipeline", a->pipeline, "attempt", (json_int_t)a->number, "state", a->state,
                     "reason", json_text_or_null(a->reason), "began", report_time(a->began),
                     "ended", report_time(a->ended), "duration_ms",
                     report_int(ended, a->ended - a->began), "exit_code",
                     report_int(ended, a->exit_code), "signal", report_int(ended, a->signal),
                     "max_rss_kb", report_int(ended, a->max_rss_kb));
}

static void add_attempt(const struct cli *c, const struct past_attempt *a, int width,
                        struct str *out)
{
    struct str took = { 0 }, memory = { 0 };
    if (a->ended) {
        show_add_time(&took, a->ended - a->began);
        show_add_memory(&memory, a->max_rss_kb);
    }
    str_addf(out, "%-*s  #%-2lld  ", width, a->run, (long long)a->number);
    report_add_state(c->colour, a->state, 9, out);
    str_addz(out, "  ");
    report_add_time(out, a->began);
    str_addf(out, "  %8s  %7s  ", str_text(&took), str_text(&memory));
    if (a->ended && !a->reason)
        str_addf(out, a->signal ? "signal %lld" : "exit %lld",
                 (long long)(a->signal ? a->signal : a->exit_code));
    show_add_clean(out, a->reason ? a->reason : "");
    str_addc(out, '\n');
    str_release(&took);
    str_release(&memory);
}

static int print_attempts(const struct cli *c, struct state *s, const struct past_filter *f,
                          struct err *e)
{
    struct past_attempt *a = NULL;
    struct str text = { 0 };
    size_t n = 0;
    int width = 0, rc = check_name(s, PAST_STAGES, "stage", c->stage, e);
    if (rc || (rc = past_attempts(s, c->stage, f, &a, &n, e)))
        return rc;
    if (c->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, attempt_json(&a[i]));
        rc = report_print(list, e);
    } else {
        for (size_t i = 0; i < n; i++)
            width = report_width(width, a[i].run);
        for (size_t i = 0; i < n; i++)
            add_attempt(c, &a[i], width, &text);
        fputs(n == 0 && !c->quiet ? "no such attempt\n" : str_text(&text), stdout);
    }
    str_release(&text);
    past_attempts_free(a, n);
    return rc;
}

/* ---- runs and ticks ---- */

static void add_counts(const json_t *counts, struct str *out)
{
    static const char *const word[][2] = {
        { "succeeded", "done" },         { "reused", "reused" },   { "skipped", "skipped" },
        { "blocked", "blocked" },        { "failed", "failed" },   { "timed_out", "timed out" },
        { "aborted", "stopped" },        { "running", "running" }, { "lost", "lost" },
        { "upstream_failed", "not run" }
    };
    size_t begin = out->n;
    for (size_t k = 0; k < sizeof word / sizeof *word; k++) {
        long long n = json_integer_value(json_object_get(counts, word[k][0]));
        if (n > 0)
            str_addf(out, "%s%lld %s", out->n > begin ? ", " : "", n, word[k][1]);
    }
}

static void add_reason(const char *reason, struct str *out)
{
    if (!reason)
        return;
    str_addz(out, " (");
    show_add_clean(out, reason);
    str_addc(out, ')');
}

static void add_run(const struct cli *c, const struct run_row *run, const json_t *counts,
                    const int *width, struct str *out)
{
    struct str took = { 0 };
    if (run->ended)
        show_add_time(&took, run->ended - run->began);
    str_addf(out, "%-*s  %-*s  ", width[0], run->id, width[1], run->pipeline);
    report_add_state(c->colour, run->state, 9, out);
    str_addz(out, "  ");
    report_add_time(out, run->began);
    str_addf(out, "  %8s  ", str_text(&took));
    add_counts(counts, out);
    if (run->schedule)
        str_addf(out, "; schedule '%s'", run->schedule);
    add_reason(run->reason, out);
    str_addc(out, '\n');
    str_release(&took);
}

static void add_tick(const struct cli *c, const struct tick_row *t, const int *width,
                     struct str *out)
{
    str_addf(out, "%-*s  %-*s  ", width[0], "-", width[1], t->pipeline);
    report_add_state(c->colour, t->state, 9, out);
    str_addz(out, "  ");
    report_add_time(out, t->instant);
    str_addf(out, "  %8s  schedule '%s'", "", t->schedule);
    add_reason(t->reason, out);
    str_addc(out, '\n');
}

static json_t *tick_json(const struct tick_row *t)
{
    return json_pack("{s:n, s:s, s:s, s:o, s:s, s:o, s:o}", "run", "pipeline", t->pipeline, "state",
                     t->state, "reason", json_text_or_null(t->reason), "schedule", t->schedule,
                     "scheduled", report_time(t->instant), "decided", report_time(t->decided));
}

static json_t *run_json(const struct run_row *run, json_t *counts)
{
    json_t *doc = report_head(run);
    json_object_set(doc, "stages", counts);
    return doc;
}

static int print_past(const struct cli *c, struct state *s, const struct past_filter *f,
                      struct err *e)
{
    struct run_row *run = NULL;
    struct tick_row *tick = NULL;
    struct str text = { 0 };
    json_t *list = json_array();
    size_t n_run = 0, n_tick = 0, r = 0, t = 0;
    int width[2] = { 15, 0 }, rc; /* of the run's id, of the pipeline's name */

    if ((rc = past_runs(s, f, &run, &n_run, e)) || (rc = past_ticks(s, f, &tick, &n_tick, e)))
        goto out;
    for (size_t i = 0; i < n_run; i++) {
        width[0] = report_width(width[0], run[i].id);
        width[1] = report_width(width[1], run[i].pipeline);
    }
    for (size_t i = 0; i < n_tick; i++)
        width[1] = report_width(width[1], tick[i].pipeline);
    while ((r < n_run || t < n_tick) && (f->limit == 0 || r + t < (size_t)f->limit)) {
        if (r == n_run || (t < n_tick && tick[t].instant > run[r].began)) {
            if (c->json)
                json_array_append_new(list, tick_json(&tick[t]));
            else
                add_tick(c, &tick[t], width, &text);
            t++;
            continue;
        }
        json_t *counts = NULL;
        if ((rc = past_counts(s, &run[r], &counts, e)) == 0 && c->json)
            json_array_append_new(list, run_json(&run[r], counts));
        else if (rc == 0)
            add_run(c, &run[r], counts, width, &text);
        json_decref(counts);
        if (rc)
            goto out;
        r++;
    }
    if (rc == 0 && c->json)
        rc = report_print(json_incref(list), e);
    else if (rc == 0)
        fputs(str_text(&text), stdout);
    if (rc == 0 && r + t == 0 && !c->quiet && !c->json)
        puts(f->n_status || f->since || f->pipeline || f->schedule ? "no such run"
                                                                   : "nothing has run here yet");
out:
    str_release(&text);
    json_decref(list);
    tick_rows_free(tick, n_tick);
    run_rows_free(run, n_run);
    return rc;
}

/* What somebody should have been told by now. */
static int print_untold(struct state *s, struct err *e)
{
    struct outbox_row *row = NULL;
    size_t n = 0;
    int rc = outbox_open(s, NULL, &row, &n, e);
    outbox_rows_free(row, n);
    if (n > 0)
        printf("%zu notification%s not delivered: refit notify -n\n", n, n == 1 ? " is" : "s are");
    return rc;
}

int command_history(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct past_filter f = { .limit = c->limit, .pipeline = c->pipeline, .schedule = c->schedule };
    char **status = NULL;
    int rc = c->since ? parse_since(c->since, ledger_now_ms(), &f.since, e) : 0;

    if (rc == 0 && c->status)
        rc = parse_status(c->status, &f, &status, e);
    if (rc || (rc = state_open(&s, false, e)) ||
        (rc = check_name(s, PAST_PIPELINES, "pipeline", c->pipeline, e)) ||
        (rc = check_name(s, PAST_SCHEDULES, "schedule", c->schedule, e)))
        goto out;
    rc = c->stage ? print_attempts(c, s, &f, e) : print_past(c, s, &f, e);
    if (rc == 0 && !c->json && !c->quiet)
        rc = print_untold(s, e);
out:
    mem_free_texts(status, f.n_status);
    state_close(s);
    return rc;
}
