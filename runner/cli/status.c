/* status: the stages of a run, once or until it has ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/cli/watch.h"
#include "runner/memory/approvals.h"
#include "runner/execute/progress.h"
#include "runner/notify/outbox.h"

enum { TICK_MS = 1000 }; /* the clock of a live status */

/* A run as it is now. All zeros is none. */
struct view {
    struct run_row run;
    struct stage_row *stage;
    size_t n;
    json_t *progress;          /* NULL: none */
    struct outbox_row *untold; /* (n_untold) notifications that are not delivered */
    size_t n_untold;
    struct approval *approval; /* (n_approval) of blocked stages */
    size_t n_approval;
};

static void view_release(struct view *v)
{
    outbox_rows_free(v->untold, v->n_untold);
    approvals_free(v->approval, v->n_approval);
    stage_rows_free(v->stage, v->n);
    run_row_release(&v->run);
    json_decref(v->progress);
    *v = (struct view){ 0 };
}

static bool goes_on(const struct run_row *r)
{
    return strcmp(r->state, "running") == 0 || strcmp(r->state, "queued") == 0;
}

static int view_take(struct view *v, struct state *s, const char *name, struct err *e)
{
    *v = (struct view){ 0 };
    int rc = ledger_run(s, name, &v->run, e);
    if (rc == 0)
        rc = ledger_stages(s, v->run.id, &v->stage, &v->n, e);
    if (rc == 0)
        rc = approvals_of(s, v->run.id, &v->approval, &v->n_approval, e);
    if (rc == 0)
        rc = outbox_open(s, v->run.id, &v->untold, &v->n_untold, e);
    if (rc == 0 && goes_on(&v->run))
        v->progress = progress_read(v->run.id);
    if (rc)
        view_release(v);
    return rc;
}

/* The run with the progress of its running stages. */
static int view_json(struct state *s, const struct view *v, json_t **out, struct err *e)
{
    json_t *stage;
    size_t i;
    int rc = report_run(s, &v->run, out, e);
    if (rc)
        return rc;
    json_array_foreach(json_object_get(*out, "stages"), i, stage)
    {
        const char *name = json_string_value(json_object_get(stage, "stage"));
        json_t *progress = json_object_get(v->progress, name);
        json_object_set(stage, "progress", progress ? progress : json_null());
    }
    json_t *untold = json_array();
    json_object_set_new(*out, "not_delivered", untold);
    for (i = 0; i < v->n_untold; i++)
        json_array_append_new(untold, outbox_row_doc(&v->untold[i]));
    return 0;
}

/* ---- for people ---- */

static void add_run(const struct cli *c, const struct run_row *r, struct str *out)
{
    str_addf(out, "run %s of '%s': ", r->id, r->pipeline);
    report_add_state(c->colour, r->state, 0, out);
    str_addz(out, ", began ");
    report_add_time(out, r->began);
    if (r->ended || goes_on(r)) {
        str_addz(out, ", ");
        show_add_time(out, (r->ended ? r->ended : ledger_now_ms()) - r->began);
    }
    if (r->schedule) {
        str_addf(out, ", by schedule '%s' for ", r->schedule);
        report_add_time(out, r->scheduled);
        if (r->began - r->scheduled >= 1000) {
            str_addz(out, ", ");
            show_add_time(out, r->began - r->scheduled);
            str_addz(out, " late");
        }
    }
    if (r->retry_of)
        str_addf(out, ", a retry of %s", r->retry_of);
    if (r->reason) {
        str_addz(out, " (");
        show_add_clean(out, r->reason);
        str_addc(out, ')');
    }
    str_addc(out, '\n');
}

static void add_progress(const json_t *p, struct str *out)
{
    long long done = json_integer_value(json_object_get(p, "done")),
              total = json_integer_value(json_object_get(p, "total"));
    const char *unit = json_string_value(json_object_get(p, "unit")),
               *note = json_string_value(json_object_get(p, "note"));
    size_t before = out->n;
    if (total > 0)
        str_addf(out, "%lld/%lld ", done, total);
    else if (done > 0)
        str_addf(out, "%lld ", done);
    if (out->n > before)
        show_add_clean(out, unit ? unit : "");
    if (note && *note) {
        str_addz(out, out->n > before ? ", " : "");
        show_add_clean(out, note);
    }
    if (out->n > before)
        str_addz(out, "; ");
}

static void add_stage(const struct cli *c, const struct view *v, const struct stage_row *stage,
                      int width, struct str *out)
{
    struct str time = { 0 }, cpu = { 0 }, memory = { 0 };
    const char *state = report_seen(&v->run, stage->state);
    const struct attempt_row *a = report_last(stage);
    if (a && (a->ended || strcmp(state, "running") == 0))
        show_add_time(&time, (a->ended ? a->ended : ledger_now_ms()) - a->began);
    if (a && a->ended) {
        show_add_time(&cpu, (a->usage.user_us + a->usage.system_us) / 1000);
        str_addz(&cpu, " cpu");
        show_add_memory(&memory, a->usage.max_rss_kb);
    }
    str_addf(out, "  %-*s  ", width, stage->stage);
    report_add_state(c->colour, state, 15, out);
    str_addf(out, "  %8s  %11s  %7s  ", str_text(&time), str_text(&cpu), str_text(&memory));
    if (stage->n_attempt > 1)
        str_addf(out, "attempt %zu; ", stage->n_attempt);
    add_progress(json_object_get(v->progress, stage->stage), out);
    show_add_clean(out, stage->reason ? stage->reason : "");
    str_addc(out, '\n');
    str_release(&time);
    str_release(&cpu);
    str_release(&memory);
}

static size_t count_state(const struct view *v, const char *state)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += strcmp(report_seen(&v->run, v->stage[i].state), state) == 0;
    return n;
}

/* What a person can do about a run that did not end well. */
static void add_next(const struct view *v, struct str *out)
{
    static const char *const bad[] = { "failed", "timed_out", "lost", "blocked" };
    const char *id = v->run.id;
    size_t shown = 0;
    for (size_t i = 0; i < v->n_untold && i < 3; i++)
        str_addf(out, "not told:  %s%s%s (%s)\n", v->untold[i].name,
                 v->untold[i].reason ? ": " : "", v->untold[i].reason ? v->untold[i].reason : "",
                 strcmp(v->untold[i].state, "due") == 0 ? "it is tried again" : "given up");
    if (v->n_untold > 3)
        str_addf(out, "not told:  %zu more, see refit notify -n\n", v->n_untold - 3);
    for (size_t i = 0; i < v->n_approval; i++)
        str_addf(out, "approved:  %s by %s: %s\n", v->approval[i].stage, v->approval[i].who,
                 v->approval[i].reason);
    if (goes_on(&v->run))
        return;
    for (size_t i = 0; i < v->n; i++)
        for (size_t k = 0; k < 4; k++)
            if (v->stage[i].n_attempt > 0 && shown < 3 &&
                strcmp(report_seen(&v->run, v->stage[i].state), bad[k]) == 0) {
                shown++;
                str_addf(out, "look:      refit logs %s --run %s\n", v->stage[i].stage, id);
                if (strcmp(bad[k], "blocked") == 0 &&
                    !approval_of(v->approval, v->n_approval, v->stage[i].stage))
                    str_addf(out, "accept it: refit approve %s %s --reason TEXT\n", id,
                             v->stage[i].stage);
            }
    if (strcmp(v->run.state, "succeeded") != 0 && strcmp(v->run.state, "skipped") != 0)
        str_addf(out, "go on:     refit retry %s\n", id);
}

/* How much a stage matters when not all fit on the screen; 0: never shown but with -v. */
static int weight(const struct view *v, const struct stage_row *stage)
{
    const char *state = report_seen(&v->run, stage->state);
    if (strcmp(state, "off") == 0)
        return 0;
    if (strcmp(state, "running") == 0)
        return 4;
    if (strcmp(state, "pending") == 0 || strcmp(state, "reused") == 0 ||
        strcmp(state, "upstream_failed") == 0)
        return 1;
    return strcmp(state, "succeeded") == 0 || strcmp(state, "skipped") == 0 ? 2 : 3;
}

/* "12 succeeded, 3 running, 985 pending" */
static void add_counts(const struct view *v, struct str *out)
{
    static const char *const state[] = { "succeeded", "reused",          "skipped", "blocked",
                                         "failed",    "timed_out",       "aborted", "lost",
                                         "running",   "upstream_failed", "pending" };
    const char *between = "  ";
    for (size_t i = 0; i < sizeof state / sizeof *state; i++) {
        size_t n = count_state(v, state[i]);
        if (n > 0)
            str_addf(out, "%s%zu %s", between, n, state[i]);
        between = n > 0 ? ", " : between;
    }
    str_addc(out, '\n');
}

/* The whole view in at most `rows` lines (0: any number), the stages that matter least left out. */
static void add_view(const struct cli *c, const struct view *v, size_t rows, struct str *out)
{
    size_t fit = SIZE_MAX, shown[5] = { 0 };
    int width = 0, least = c->verbose ? 0 : 1;
    bool all = true;
    for (size_t i = 0; i < v->n; i++) {
        width = report_width(width, v->stage[i].stage);
        for (int k = 0; k <= weight(v, &v->stage[i]); k++)
            shown[k]++;
    }
    if (rows > 0) {
        fit = rows > 6 ? rows - 6 : 1; /* the run, the counts, what to do next */
        while (least < 4 && shown[least] > fit)
            least++;
        all = least <= 1 && shown[least] <= fit;
    }
    add_run(c, &v->run, out);
    for (size_t i = 0; i < v->n; i++)
        if (weight(v, &v->stage[i]) >= least && fit-- > 0)
            add_stage(c, v, &v->stage[i], width, out);
    if (!all)
        add_counts(v, out);
    add_next(v, out);
}

/* ---- live ---- */

static void screen(size_t *out_rows, size_t *out_columns)
{
    struct winsize w = { 0 };
    bool ok = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0;
    *out_rows = ok && w.ws_row > 0 ? w.ws_row : 24;
    *out_columns = ok && w.ws_col > 0 ? w.ws_col : 80;
}

/* Every line cut to the screen: one that wraps would put the next drawing out of place. Escape
 * sequences take no column. */
static size_t print_cut(const char *text, size_t columns)
{
    size_t column = 0, lines = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '\033') {
            size_t n = strcspn(p, "m");
            fwrite(p, 1, n + 1, stdout);
            p += n;
        } else if (*p == '\n') {
            fputs("\033[K\n", stdout);
            column = 0;
            lines++;
        } else if (((unsigned char)*p & 0xc0) == 0x80 ? column < columns : ++column < columns) {
            putchar(*p);
        }
    }
    return lines;
}

static void redraw(const struct cli *c, const struct view *v, size_t *lines)
{
    struct str text = { 0 };
    size_t rows, columns;
    screen(&rows, &columns);
    add_view(c, v, rows, &text);
    if (*lines > 0)
        printf("\033[%zuA", *lines);
    *lines = print_cut(str_text(&text), columns);
    fputs("\033[J", stdout);
    str_release(&text);
}

/* A line for each stage that is in another state than before. */
static void print_changes(const struct cli *c, const struct view *was, const struct view *v)
{
    struct str text = { 0 };
    int width = 0;
    for (size_t i = 0; i < v->n; i++)
        width = report_width(width, v->stage[i].stage);
    for (size_t i = 0; i < v->n; i++) {
        const struct stage_row *now = &v->stage[i];
        const struct stage_row *before = i < was->n ? &was->stage[i] : NULL;
        bool begun = strcmp(now->state, "pending") != 0 && strcmp(now->state, "off") != 0;
        if (before ? strcmp(report_seen(&was->run, before->state),
                            report_seen(&v->run, now->state)) != 0 ||
                         before->n_attempt != now->n_attempt
                   : begun)
            add_stage(c, v, now, width, &text);
    }
    if (!goes_on(&v->run)) {
        add_run(c, &v->run, &text);
        add_next(v, &text);
    }
    fputs(str_text(&text), stdout);
    str_release(&text);
}

static bool is_terminal(void)
{
    const char *kind = getenv("TERM");
    return isatty(STDOUT_FILENO) && kind && strcmp(kind, "dumb") != 0;
}

static int print_document(struct state *s, const struct view *v, size_t flags, struct err *e)
{
    json_t *doc = NULL;
    int rc = view_json(s, v, &doc, e);
    if (rc)
        return rc;
    if (flags == 0)
        return report_print(doc, e);
    rc = json_dumpf(doc, stdout, flags);
    putchar('\n');
    json_decref(doc);
    return rc ? err_set(e, ERR_IO, "cannot print the document") : 0;
}

/* Show the run until it has ended. */
static int watch(const struct cli *c, struct state *s, struct view *v, struct err *e)
{
    struct watch w = { 0 };
    bool live = !c->json && !c->quiet && is_terminal();
    struct view was = { 0 };
    size_t lines = 0;
    int rc = watch_open(&w, &v->run, e);

    while (rc == 0) {
        char *id = mem_strdup(v->run.id);
        if (c->json)
            rc = print_document(s, v, JSON_COMPACT, e);
        else if (live)
            redraw(c, v, &lines);
        else if (!c->quiet)
            print_changes(c, &was, v);
        if (rc == 0)
            rc = err_stdout(e);
        view_release(&was);
        was = *v;
        *v = (struct view){ 0 };
        if (rc == 0 && goes_on(&was.run) && (rc = watch_wait(&w, live ? TICK_MS : -1, e)) == 0)
            rc = view_take(v, s, id, e);
        free(id);
        if (!goes_on(&was.run))
            break;
    }
    view_release(&was);
    watch_close(&w);
    return rc;
}

int command_status(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct view v = { 0 };
    struct str text = { 0 };
    int rc = state_open(&s, false, e);

    if (rc || (rc = view_take(&v, s, c->n_name ? c->name[0] : NULL, e)))
        goto out;
    if (c->watch && goes_on(&v.run)) {
        rc = watch(c, s, &v, e);
    } else if (c->json) {
        rc = print_document(s, &v, c->watch ? JSON_COMPACT : 0, e);
    } else if (!c->quiet) {
        add_view(c, &v, 0, &text);
        fputs(str_text(&text), stdout);
    }
out:
    str_release(&text);
    view_release(&v);
    state_close(s);
    return rc;
}
