/* status, history, logs: what the memory tells, for people and as JSON. */
#define _GNU_SOURCE
#include "runner/cli/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/show.h"

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
    int failed = !doc || json_dumpf(doc, stdout, JSON_INDENT(2)) != 0;
    putchar('\n');
    json_decref(doc);
    return failed ? err_set(e, ERR_IO, "cannot print the document") : 0;
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *int_or_null(bool known, int64_t value)
{
    return known ? json_integer(value) : json_null();
}

static json_t *run_head(const struct run_row *r)
{
    bool ended = r->ended != 0;
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "run", r->id, "pipeline",
                     r->pipeline, "state", r->state, "reason", text_or_null(r->reason), "exit_code",
                     int_or_null(ended, r->exit_code), "began", report_time(r->began), "ended",
                     report_time(r->ended), "duration_ms", int_or_null(ended, r->ended - r->began),
                     "retry_of", text_or_null(r->retry_of));
}

static int attempt_doc(struct state *s, const char *run, const struct attempt_row *a, json_t **out,
                       struct err *e)
{
    json_t *metrics = NULL, *warnings = NULL;
    bool ended = a->ended != 0;
    int rc = ledger_metrics(s, run, a->stage, a->number, &metrics, e);
    if (rc == 0)
        rc = ledger_warnings(s, run, a->stage, a->number, &warnings, e);
    if (rc) {
        json_decref(metrics);
        json_decref(warnings);
        return rc;
    }
    *out = json_pack(
        "{s:I, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "attempt", (json_int_t)a->number, "state", a->state, "reason", text_or_null(a->reason),
        "log", a->log, "began", report_time(a->began), "ended", report_time(a->ended),
        "duration_ms", int_or_null(ended, a->ended - a->began), "exit_code",
        int_or_null(ended, a->exit_code), "signal", int_or_null(ended, a->signal), "user_us",
        int_or_null(ended, a->usage.user_us), "system_us", int_or_null(ended, a->usage.system_us),
        "max_rss_kb", int_or_null(ended, a->usage.max_rss_kb), "read_blocks",
        int_or_null(ended, a->usage.read_blocks), "write_blocks",
        int_or_null(ended, a->usage.write_blocks), "metrics", metrics, "warnings", warnings);
    return 0;
}

/* What is called running in a run whose runner is dead is lost with it. */
static const char *seen(const struct run_row *run, const char *state)
{
    return strcmp(state, "running") == 0 && strcmp(run->state, "running") != 0 ? "lost" : state;
}

int report_run(struct state *s, const struct run_row *run, json_t **out, struct err *e)
{
    struct stage_row *stage = NULL;
    size_t n = 0;
    json_t *doc = run_head(run), *stages = json_array();
    int rc = ledger_stages(s, run->id, &stage, &n, e);

    json_object_set_new(doc, "stages", stages);
    for (size_t i = 0; i < n && rc == 0; i++) {
        json_t *attempts = json_array();
        for (size_t k = 0; k < stage[i].n_attempt && rc == 0; k++) {
            json_t *a = NULL;
            if ((rc = attempt_doc(s, run->id, &stage[i].attempt[k], &a, e)) == 0)
                json_array_append_new(attempts, a);
        }
        json_array_append_new(stages,
                              json_pack("{s:s, s:s, s:o, s:o}", "stage", stage[i].stage, "state",
                                        seen(run, stage[i].state), "reason",
                                        text_or_null(stage[i].reason), "attempts", attempts));
    }
    stage_rows_free(stage, n);
    if (rc)
        json_decref(doc);
    else
        *out = doc;
    return rc;
}

/* ---- status ---- */

static const char *colour_of(const struct cli *c, const char *state)
{
    if (!c->colour)
        return "";
    if (strcmp(state, "succeeded") == 0)
        return "\033[32m";
    if (strcmp(state, "failed") == 0 || strcmp(state, "timed_out") == 0 ||
        strcmp(state, "lost") == 0)
        return "\033[31m";
    if (strcmp(state, "running") == 0)
        return "\033[36m";
    if (strcmp(state, "blocked") == 0 || strcmp(state, "aborted") == 0 ||
        strcmp(state, "skipped") == 0)
        return "\033[33m";
    return "\033[2m";
}

static void print_state(const struct cli *c, const char *state, int width)
{
    const char *colour = colour_of(c, state);
    printf("%s%-*s%s", colour, width, state, *colour ? "\033[0m" : "");
}

static void print_run_line(const struct cli *c, const struct run_row *r)
{
    struct str s = { 0 };
    printf("run %s of '%s': ", r->id, r->pipeline);
    print_state(c, r->state, 0);
    str_addz(&s, ", began ");
    add_time(&s, r->began, ' ');
    str_addz(&s, " UTC, ");
    show_add_time(&s, (r->ended ? r->ended : ledger_now_ms()) - r->began);
    if (r->retry_of)
        str_addf(&s, ", a retry of %s", r->retry_of);
    if (r->reason)
        str_addf(&s, " (%s)", r->reason);
    puts(str_text(&s));
    str_release(&s);
}

static void print_stage_line(const struct cli *c, const struct run_row *run,
                             const struct stage_row *stage, int width)
{
    struct str time = { 0 }, memory = { 0 };
    const char *state = seen(run, stage->state);
    const struct attempt_row *a = stage->n_attempt ? &stage->attempt[stage->n_attempt - 1] : NULL;
    if (a && (a->ended || strcmp(state, "running") == 0))
        show_add_time(&time, (a->ended ? a->ended : ledger_now_ms()) - a->began);
    if (a && a->ended)
        show_add_memory(&memory, a->usage.max_rss_kb);
    printf("  %-*s  ", width, stage->stage);
    print_state(c, state, 15);
    printf("  %8s  %7s  ", str_text(&time), str_text(&memory));
    if (stage->n_attempt > 1)
        printf("attempt %zu; ", stage->n_attempt);
    puts(stage->reason ? stage->reason : "");
    str_release(&time);
    str_release(&memory);
}

int command_status(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct run_row run = { 0 };
    struct stage_row *stage = NULL;
    json_t *doc = NULL;
    size_t n = 0;
    int width = 0, rc = state_open(&s, false, e);

    if (rc || (rc = ledger_run(s, c->n_name ? c->name[0] : NULL, &run, e)))
        goto out;
    if (c->json) {
        if ((rc = report_run(s, &run, &doc, e)) == 0)
            rc = report_print(doc, e);
        goto out;
    }
    if ((rc = ledger_stages(s, run.id, &stage, &n, e)))
        goto out;
    for (size_t i = 0; i < n; i++)
        if ((int)strlen(stage[i].stage) > width && strlen(stage[i].stage) < 60)
            width = (int)strlen(stage[i].stage);
    print_run_line(c, &run);
    for (size_t i = 0; i < n; i++)
        if (c->verbose || strcmp(stage[i].state, "off") != 0)
            print_stage_line(c, &run, &stage[i], width);
out:
    stage_rows_free(stage, n);
    run_row_release(&run);
    state_close(s);
    return rc;
}

/* ---- history ---- */

static void count_states(const struct stage_row *stage, size_t n, struct str *out)
{
    static const char *const word[][2] = {
        { "succeeded", "done" },         { "reused", "reused" },   { "skipped", "skipped" },
        { "blocked", "blocked" },        { "failed", "failed" },   { "timed_out", "timed out" },
        { "aborted", "stopped" },        { "running", "running" }, { "lost", "lost" },
        { "upstream_failed", "not run" }
    };
    for (size_t k = 0; k < sizeof word / sizeof *word; k++) {
        size_t found = 0;
        for (size_t i = 0; i < n; i++)
            found += strcmp(stage[i].state, word[k][0]) == 0;
        if (found)
            str_addf(out, "%s%zu %s", out->n ? ", " : "", found, word[k][1]);
    }
}

static int print_history_line(const struct cli *c, struct state *s, const struct run_row *run,
                              int width, struct err *e)
{
    struct stage_row *stage = NULL;
    struct str when = { 0 }, took = { 0 }, counts = { 0 };
    size_t n = 0;
    int rc = ledger_stages(s, run->id, &stage, &n, e);
    if (rc == 0) {
        add_time(&when, run->began, ' ');
        if (run->ended)
            show_add_time(&took, run->ended - run->began);
        count_states(stage, n, &counts);
        printf("%-18s  %-*s  ", run->id, width, run->pipeline);
        print_state(c, run->state, 9);
        printf("  %s  %8s  %s\n", str_text(&when), str_text(&took), str_text(&counts));
    }
    str_release(&when);
    str_release(&took);
    str_release(&counts);
    stage_rows_free(stage, n);
    return rc;
}

int command_history(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct run_row *run = NULL;
    size_t n = 0;
    int width = 0, rc = state_open(&s, false, e);

    if (rc || (rc = ledger_runs(s, NULL, c->limit, &run, &n, e)))
        goto out;
    if (c->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, run_head(&run[i]));
        rc = report_print(list, e);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        if ((int)strlen(run[i].pipeline) > width && strlen(run[i].pipeline) < 60)
            width = (int)strlen(run[i].pipeline);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = print_history_line(c, s, &run[i], width, e);
    if (rc == 0 && n == 0 && !c->quiet)
        puts("nothing has run here yet");
out:
    run_rows_free(run, n);
    state_close(s);
    return rc;
}

/* ---- logs ---- */

static int copy_on(int fd, const char *path, struct err *e)
{
    char chunk[65536];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        if (fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n)
            return err_sys(e, "cannot print");
    if (n < 0)
        return err_sys(e, "cannot read '%s'", path);
    return fflush(stdout) == 0 ? 0 : err_sys(e, "cannot print");
}

/* The last attempt of the stage in a run, as it is now; *out_log stays NULL if there is none. */
static int look_up(struct state *s, const char *run_id, const char *stage, char **out_log,
                   bool *out_running, struct err *e)
{
    struct run_row run = { 0 };
    struct stage_row *list = NULL;
    size_t n = 0;
    int rc = ledger_run(s, run_id, &run, e);
    free(*out_log);
    *out_log = NULL;
    *out_running = false;
    if (rc == 0)
        rc = ledger_stages(s, run_id, &list, &n, e);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i].stage, stage) != 0 || list[i].n_attempt == 0)
            continue;
        *out_log = mem_strdup(list[i].attempt[list[i].n_attempt - 1].log);
        *out_running = strcmp(seen(&run, list[i].state), "running") == 0;
    }
    stage_rows_free(list, n);
    run_row_release(&run);
    return rc;
}

/* Sleep until the log or the memory (its attempt may have ended) is written to. */
static int await_change(int watch, struct err *e)
{
    char events[4096];
    while (read(watch, events, sizeof events) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot watch the log");
    return 0;
}

static int follow(struct state *s, const char *run, const char *stage, struct err *e)
{
    char *log = NULL, *shown = NULL;
    bool running = true;
    int fd = -1, rc = 0, watch = inotify_init1(IN_CLOEXEC);

    if (watch < 0 ||
        inotify_add_watch(watch, STATE_DIR, IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE) < 0)
        rc = err_sys(e, "cannot watch '%s'", STATE_DIR);
    while (rc == 0) {
        if ((rc = look_up(s, run, stage, &log, &running, e)))
            break;
        if (log && (!shown || strcmp(log, shown) != 0)) { /* another attempt has begun */
            if (fd >= 0)
                close(fd);
            free(shown);
            shown = mem_strdup(log);
            fd = open(log, O_RDONLY | O_CLOEXEC);
            if (fd >= 0 && inotify_add_watch(watch, log, IN_MODIFY) < 0)
                rc = err_sys(e, "cannot watch '%s'", log);
        }
        if (rc == 0 && fd >= 0)
            rc = copy_on(fd, shown, e);
        if (rc || !running)
            break;
        rc = await_change(watch, e);
    }
    if (fd >= 0)
        close(fd);
    if (watch >= 0)
        close(watch);
    free(shown);
    free(log);
    return rc;
}

int command_logs(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    const char *stage = c->name[0];
    char *run = c->run ? mem_strdup(c->run) : NULL, *log = NULL;
    bool running = false;
    int fd = -1, rc = state_open(&s, false, e);

    if (rc == 0 && !run)
        rc = ledger_last_attempted(s, stage, &run, e);
    if (rc == 0 && run)
        rc = look_up(s, run, stage, &log, &running, e);
    if (rc == 0 && !log)
        rc = err_set(e, ERR_USAGE,
                     c->run ? "stage '%s' has no attempt in run %s"
                            : "stage '%s' has never run here%s",
                     stage, c->run ? c->run : "");
    if (rc == 0 && c->json)
        rc = report_print(json_pack("{s:s, s:s, s:s, s:b}", "run", run, "stage", stage, "log", log,
                                    "running", (int)running),
                          e);
    else if (rc == 0 && c->follow)
        rc = follow(s, run, stage, e);
    else if (rc == 0 && (fd = open(log, O_RDONLY | O_CLOEXEC)) < 0)
        rc = err_sys(e, "cannot open the log '%s'", log);
    else if (rc == 0)
        rc = copy_on(fd, log, e);
    if (fd >= 0)
        close(fd);
    free(log);
    free(run);
    state_close(s);
    return rc;
}
