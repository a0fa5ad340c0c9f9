#include "runner/show/report.h"
#include "runner/memory/approvals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "io/json_keys.h"
#include "runner/plan/graph_text.h"

/* "2026-11-21 03:00:00", with `between` in the middle. */
static void add_time(struct str *out, int64_t ms, char between)
{
    char text[40];
    struct tm tm;
    time_t t = (time_t)(ms / 1000);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
    text[10] = between;
    str_addz(out, text);
}

void report_add_time(struct str *out, int64_t ms)
{
    add_time(out, ms, ' ');
    str_addz(out, " UTC");
}

json_t *report_time(int64_t ms)
{
    struct str s = { 0 };
    if (ms == 0)
        return json_null();
    add_time(&s, ms, 'T');
    str_addf(&s, ".%03lldZ", (long long)(ms % 1000));
    json_t *doc = json_string(str_text(&s));
    str_release(&s);
    return doc;
}

int report_print(json_t *doc, struct err *e)
{
    errno = 0;
    bool failed = !doc || json_dumpf(doc, stdout, JSON_INDENT(2)) != 0;
    bool left = errno == EPIPE; /* as `| head` does: it has what it wanted */
    putchar('\n');
    json_decref(doc);
    return failed && !left ? err_set(e, ERR_IO, "cannot print the document") : 0;
}

const char *report_text(const json_t *doc, const char *key)
{
    const char *text = json_string_value(json_object_get(doc, key));
    return text ? text : "";
}

json_t *report_int(bool known, int64_t value)
{
    return known ? json_integer(value) : json_null();
}

json_t *report_head(const struct run_row *r)
{
    bool ended = r->ended != 0;
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "run", r->id,
                     "pipeline", r->pipeline, "state", r->state, "reason",
                     json_text_or_null(r->reason), "exit_code", report_int(ended, r->exit_code),
                     "began", report_time(r->began), "ended", report_time(r->ended), "duration_ms",
                     report_int(ended, r->ended - r->began), "retry_of",
                     json_text_or_null(r->retry_of), "schedule", json_text_or_null(r->schedule),
                     "scheduled", report_time(r->scheduled), "late_ms",
                     report_int(r->scheduled != 0, r->began - r->scheduled));
}

static int attempt_doc(struct state *s, const struct run_row *run, const struct attempt_row *a,
                       json_t **out, struct err *e)
{
    json_t *metrics = NULL, *warnings = NULL;
    bool ended = a->ended != 0;
    int rc = ledger_metrics(s, run->id, a->stage, a->number, &metrics, e);
    if (rc == 0)
        rc = ledger_warnings(s, run->id, a->stage, a->number, &warnings, e);
    if (rc) {
        json_decref(metrics);
        json_decref(warnings);
        return rc;
    }
    *out = json_pack(
        "{s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o*, s:o, s:o}",
        "attempt", (json_int_t)a->number, "state", report_seen(run, a->state), "reason",
        json_text_or_null(a->reason), "log", a->log, "began", report_time(a->began), "ended",
        report_time(a->ended), "duration_ms", report_int(ended, a->ended - a->began), "exit_code",
        report_int(ended, a->exit_code), "signal", report_int(ended, a->signal), "user_us",
        report_int(ended, a->usage.user_us), "system_us", report_int(ended, a->usage.system_us),
        "max_rss_kb", report_int(ended, a->usage.max_rss_kb), "read_blocks",
        report_int(ended, a->usage.read_blocks), "write_blocks",
        report_int(ended, a->usage.write_blocks), "limits",
        a->limits ? json_loads(a->limits, 0, NULL) : NULL, "metrics", metrics, "warnings",
        warnings);
    return 0;
}

static json_t *approval_doc(const struct approval *a)
{
    return a ? json_pack("{s:s, s:s, s:o}", "who", a->who, "reason", a->reason, "at",
                         report_time(a->made))
             : json_null();
}

int report_run(struct state *s, const struct run_row *run, json_t **out, struct err *e)
{
    struct stage_row *stage = NULL;
    size_t n = 0;
    json_t *doc = report_head(run), *stages = json_array();
    struct approval *approval = NULL;
    size_t n_approval = 0;
    int rc = ledger_stages(s, run->id, &stage, &n, e);

    if (rc == 0)
        rc = approvals_of(s, run->id, &approval, &n_approval, e);
    json_object_set_new(doc, "stages", stages);
    for (size_t i = 0; i < n && rc == 0; i++) {
        json_t *attempts = json_array();
        for (size_t k = 0; k < stage[i].n_attempt && rc == 0; k++) {
            json_t *a = NULL;
            if ((rc = attempt_doc(s, run, &stage[i].attempt[k], &a, e)) == 0)
                json_array_append_new(attempts, a);
        }
        json_array_append_new(
            stages, json_pack("{s:s, s:s, s:o, s:o, s:o}", "stage", stage[i].stage, "state",
                              report_seen(run, stage[i].state), "reason",
                              json_text_or_null(stage[i].reason), "approval",
                              approval_doc(approval_of(approval, n_approval, stage[i].stage)),
                              "attempts", attempts));
    }
    approvals_free(approval, n_approval);
    stage_rows_free(stage, n);
    if (rc)
        json_decref(doc);
    else
        *out = doc;
    return rc;
}

/* ---- for people ---- */

const char *report_seen(const struct run_row *run, const char *state)
{
    return strcmp(state, "running") == 0 && strcmp(run->state, "running") != 0 ? "lost" : state;
}

const struct attempt_row *report_last(const struct stage_row *stage)
{
    return stage->n_attempt ? &stage->attempt[stage->n_attempt - 1] : NULL;
}

void report_add_state(bool colour, const char *state, int width, struct str *out)
{
    str_addf(out, "%s%-*s%s", colour ? drawing_terminal_colour(state) : "", width, state,
             colour ? "\033[0m" : "");
}

int report_width(int width, const char *name)
{
    size_t n = strlen(name);
    return n <= 40 && (int)n > width ? (int)n : width;
}

int report_unknown(const char *what, const char *name, const char *const *known, size_t n,
                   const char *hint, struct err *e)
{
    const char *near = str_nearest(name, known, n);
    if (near)
        return err_set(e, ERR_USAGE, "unknown %s '%s'; did you mean '%s'?", what, name, near);
    return err_set(e, ERR_USAGE, "unknown %s '%s'; %s", what, name, hint);
}

/* The newest run of the pipeline that is not `but`. */
static int newest_other(struct state *s, const char *pipeline, const char *but, struct run_row *out,
                        struct err *e)
{
    struct run_row *list = NULL;
    size_t n = 0, at = 0;
    int rc = ledger_runs(s, pipeline, 2, &list, &n, e);
    if (rc)
        return rc;
    while (at < n && strcmp(list[at].id, but) == 0)
        at++;
    if (at < n) {
        *out = list[at];
        list[at] = (struct run_row){ 0 };
    } else {
        rc = err_set(e, ERR_USAGE, "'%s' has only one run, %s: nothing to compare it with",
                     pipeline, but);
    }
    run_rows_free(list, n);
    return rc;
}

int report_two(struct state *s, const char *const *name, size_t n, struct run_row *old,
               struct run_row *now, struct err *e)
{
    struct run_row a = { 0 }, b = { 0 };
    int rc = ledger_run(s, n > 0 ? name[0] : NULL, &a, e);
    if (rc == 0)
        rc = n > 1 ? ledger_run(s, name[1], &b, e) : newest_other(s, a.pipeline, a.id, &b, e);
    if (rc == 0 && strcmp(a.id, b.id) == 0)
        rc = err_set(e, ERR_USAGE, "run %s with itself: nothing to compare", a.id);
    if (rc == 0 && strcmp(a.pipeline, b.pipeline) != 0)
        rc = err_set(e, ERR_USAGE, "run %s is of '%s', run %s of '%s': want two of one pipeline",
                     a.id, a.pipeline, b.id, b.pipeline);
    if (rc) {
        run_row_release(&a);
        run_row_release(&b);
        return rc;
    }
    bool a_first = n > 1 || a.began < b.began || (a.began == b.began && strcmp(a.id, b.id) < 0);
    *old = a_first ? a : b;
    *now = a_first ? b : a;
    return 0;
}
