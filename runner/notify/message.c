#define _GNU_SOURCE /* sigabbrev_np */
#include "runner/notify/message.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/notify/logtail.h"

enum { MAX_SUBJECT = 120 }; /* bytes of a reason in it */

/* Valid UTF-8 without control characters; null for NULL. */
static json_t *text_of(const char *text)
{
    struct str clean = { 0 };
    if (!text)
        return json_null();
    clean_add(&clean, text, strlen(text));
    json_t *doc = json_string(str_text(&clean));
    str_release(&clean);
    return doc;
}

static const char *get(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

/* Names the event for ever, so that a receiver can drop what it got twice. */
static void add_id(json_t *doc)
{
    unsigned char bytes[16];
    struct str hex = { 0 };
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        memset(bytes, 0, sizeof bytes); /* cannot be: 16 bytes are never interrupted */
    for (size_t i = 0; i < sizeof bytes; i++)
        str_addf(&hex, "%02x", bytes[i]);
    json_object_set_new(doc, "id", json_string(str_text(&hex)));
    str_release(&hex);
}

/* What every message has. */
static json_t *begin(const char *pipeline, enum notify_event event)
{
    char host[256] = "", *here = getcwd(NULL, 0);
    json_t *doc = json_object();
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    add_id(doc);
    json_object_set_new(doc, "kind", json_string("refit.notification"));
    json_object_set_new(doc, "kind_version", json_integer(1));
    json_object_set_new(doc, "event", json_string(notify_event_name(event)));
    json_object_set_new(doc, "pipeline", json_string(pipeline));
    json_object_set_new(doc, "made", report_time(ledger_now_ms()));
    json_object_set_new(doc, "late", json_false());
    json_object_set_new(doc, "host", text_of(host));
    json_object_set_new(doc, "directory", text_of(here));
    free(here);
    return doc;
}

static void set_subject(json_t *doc, struct str *text)
{
    json_object_set_new(doc, "subject", text_of(str_text(text)));
    str_release(text);
}

/* ---- of a run ---- */

/* The stage that the event is about: the first that failed, was running, or waits for a person;
 * where the run itself failed, the first that was stopped for it. */
static const struct stage_row *culprit(const struct stage_row *stage, size_t n,
                                       enum notify_event event)
{
    static const char *const bad[] = { "failed", "timed_out", "lost", "aborted" };
    const struct stage_row *stopped = NULL;
    for (size_t i = 0; i < n; i++) {
        if (event == NOTIFY_BLOCKED && strcmp(stage[i].state, "blocked") == 0 &&
            stage[i].n_attempt > 0)
            return &stage[i];
        for (size_t k = 0; event == NOTIFY_FAILURE && k < sizeof bad / sizeof *bad; k++) {
            if (strcmp(stage[i].state, bad[k]) != 0)
                continue;
            if (k < 3)
                return &stage[i];
            stopped = stopped ? stopped : &stage[i];
        }
    }
    return stopped;
}

/* "exit 65", "SIGKILL", "timed out", "" */
static void add_end(struct str *out, const struct stage_row *stage)
{
    const struct attempt_row *a = stage->n_attempt ? &stage->attempt[stage->n_attempt - 1] : NULL;
    if (strcmp(stage->state, "timed_out") == 0)
        str_addz(out, "timed out");
    else if (a && a->signal)
        str_addf(out, "SIG%s", sigabbrev_np((int)a->signal) ? sigabbrev_np((int)a->signal) : "?");
    else if (a && a->exit_code > 0)
        str_addf(out, "exit %lld", (long long)a->exit_code);
}

static json_t *stage_doc(const struct stage_row *stage)
{
    const struct attempt_row *a = stage->n_attempt ? &stage->attempt[stage->n_attempt - 1] : NULL;
    json_t *doc = json_pack("{s:s, s:s, s:o, s:i}", "name", stage->stage, "state", stage->state,
                            "reason", text_of(stage->reason), "attempts", (int)stage->n_attempt);
    if (!a)
        return doc;
    const char *signal = a->signal ? sigabbrev_np((int)a->signal) : NULL;
    char *name = signal ? str_format("SIG%s", signal) : NULL;
    json_object_set_new(doc, "exit_code",
                        a->ended && !a->signal ? json_integer(a->exit_code) : json_null());
    json_object_set_new(doc, "signal", name ? json_string(name) : json_null());
    json_object_set_new(doc, "duration_ms",
                        a->ended ? json_integer(a->ended - a->began) : json_null());
    json_object_set_new(doc, "log", text_of(a->log));
    free(name);
    return doc;
}

static int add_warnings(struct state *s, const char *run, const struct stage_row *stage, size_t n,
                        json_t *doc, struct err *e)
{
    json_t *all = json_array();
    int rc = 0;
    json_object_set_new(doc, "warnings", all);
    for (size_t i = 0; i < n && rc == 0; i++) {
        json_t *list = NULL, *text;
        size_t k;
        if (stage[i].n_attempt == 0)
            continue;
        rc = ledger_warnings(s, run, stage[i].stage, (int64_t)stage[i].n_attempt, &list, e);
        json_array_foreach(list, k, text)
        {
            char *line = str_format("%s: %s", stage[i].stage, json_string_value(text));
            if (json_array_size(all) < MESSAGE_WARNINGS)
                json_array_append_new(all, text_of(line));
            free(line);
        }
        json_decref(list);
    }
    return rc;
}

static json_t *count_stages(const struct stage_row *stage, size_t n)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < n; i++) {
        json_int_t before = json_integer_value(json_object_get(doc, stage[i].state));
        if (strcmp(stage[i].state, "off") != 0)
            json_object_set_new(doc, stage[i].state, json_integer(before + 1));
    }
    return doc;
}

static json_t *commands(const struct run_row *run, const struct stage_row *stage,
                        enum notify_event event)
{
    json_t *doc = json_object();
    if (event == NOTIFY_FAILURE)
        json_object_set_new(doc, "retry", json_sprintf("refit retry %s", run->id));
    if (stage && stage->n_attempt > 0)
        json_object_set_new(doc, "logs",
                            json_sprintf("refit logs %s --run %s", stage->stage, run->id));
    if (event == NOTIFY_BLOCKED)
        json_object_set_new(doc, "approve",
                            json_sprintf("refit approve %s --reason '...'", run->id));
    return doc;
}

static void add_subject(json_t *doc, const struct run_row *run, enum notify_event event,
                        const struct stage_row *stage)
{
    struct str text = { 0 }, end = { 0 };
    bool lost = strcmp(run->state, "lost") == 0;
    str_addf(&text, "[refit] %s %s", run->pipeline,
             event == NOTIFY_RECOVERY ? "recovered" : run->state);
    if (lost)
        str_addf(&text, ": its runner died%s%s", stage ? " while it ran " : "",
                 stage ? stage->stage : "");
    else if (run->reason && event == NOTIFY_FAILURE)
        str_addf(&text, ": %.*s", (int)utf8_cut(run->reason, strnlen(run->reason, MAX_SUBJECT)),
                 run->reason);
    if (stage && !lost) {
        str_addf(&text, ": %s", stage->stage);
        add_end(&end, stage);
        if (end.n)
            str_addf(&text, " (%s)", end.text);
    }
    str_release(&end);
    set_subject(doc, &text);
}

int message_of_run(struct state *s, const struct run_row *run, enum notify_event event, bool late,
                   const char *since, json_t **out, struct err *e)
{
    struct stage_row *stage = NULL;
    size_t n = 0;
    int rc = ledger_stages(s, run->id, &stage, &n, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) { /* as it is seen: nobody may have called it lost yet */
        char *state = mem_strdup(report_seen(run, stage[i].state));
        free(stage[i].state);
        stage[i].state = state;
    }
    const struct stage_row *about = culprit(stage, n, event);
    bool ended = run->ended != 0;
    json_t *doc = begin(run->pipeline, event);

    add_subject(doc, run, event, about);
    json_object_set_new(doc, "late", json_boolean(late));
    json_object_set_new(doc, "run", json_string(run->id));
    json_object_set_new(doc, "state", json_string(run->state));
    json_object_set_new(doc, "reason", text_of(run->reason));
    json_object_set_new(doc, "exit_code", ended ? json_integer(run->exit_code) : json_null());
    json_object_set_new(doc, "began", report_time(run->began));
    json_object_set_new(doc, "ended", report_time(run->ended));
    json_object_set_new(doc, "duration_ms",
                        ended ? json_integer(run->ended - run->began) : json_null());
    json_object_set_new(doc, "since", text_of(since));
    json_object_set_new(doc, "stage", about ? stage_doc(about) : json_null());
    json_object_set_new(doc, "stages", count_stages(stage, n));
    json_object_set_new(doc, "commands", commands(run, about, event));
    json_object_set_new(doc, "schedule", text_of(run->schedule));
    json_object_set_new(doc, "scheduled", report_time(run->scheduled));
    rc = add_warnings(s, run->id, stage, n, doc, e);
    stage_rows_free(stage, n);
    if (rc)
        json_decref(doc);
    else
        *out = doc;
    return rc;
}

/* ---- of something else ---- */

void missed_release(struct missed *m)
{
    free(m->schedule);
    free(m->state);
    free(m->reason);
    *m = (struct missed){ 0 };
}

json_t *message_of_missed(const char *pipeline, const struct missed *m)
{
    json_t *doc = begin(pipeline, NOTIFY_MISSED), *first = report_time(m->first_ms);
    struct str subject = { 0 };
    const char *at = json_is_string(first) ? json_string_value(first) : "1970-01-01T00:00";
    str_addf(&subject, "[refit] %s %s: %s %.10s %.5s UTC", pipeline, m->state, m->schedule, at,
             at + 11);
    if (m->n > 1)
        str_addf(&subject, " and %zu more", m->n - 1);
    set_subject(doc, &subject);
    json_object_set_new(doc, "state", json_string(m->state));
    json_object_set_new(doc, "reason", text_of(m->reason));
    json_object_set_new(doc, "schedule", text_of(m->schedule));
    json_object_set_new(doc, "scheduled", first);
    json_object_set_new(doc, "last_scheduled", report_time(m->last_ms));
    json_object_set_new(doc, "missed", json_integer((json_int_t)m->n));
    return doc;
}

json_t *message_of_test(const char *pipeline, enum notify_event event)
{
    json_t *doc = begin(pipeline, event);
    struct str subject = { 0 };
    str_addf(&subject, "[refit] %s: a test of on_%s", pipeline, notify_event_name(event));
    set_subject(doc, &subject);
    json_object_set_new(doc, "state", json_string("test"));
    json_object_set_new(doc, "reason", json_string("sent by 'refit notify --test'"));
    return doc;
}

/* ---- as a text ---- */

static void add_run_lines(struct str *out, const json_t *doc)
{
    const char *run = get(doc, "run"), *reason = get(doc, "reason");
    const char *scheduled = get(doc, "scheduled"), *last = get(doc, "last_scheduled");
    const json_t *took = json_object_get(doc, "duration_ms");
    const json_t *missed = json_object_get(doc, "missed");

    if (run) {
        str_addf(out, "run %s of '%s': %s", run, get(doc, "pipeline"), get(doc, "state"));
        if (json_is_integer(took)) {
            str_addz(out, " after ");
            show_add_time(out, json_integer_value(took));
        }
        str_addf(out, "%s%s%s\n", reason ? " (" : "", reason ? reason : "", reason ? ")" : "");
    } else if (reason) {
        str_addf(out, "%s\n", reason);
    }
    if (scheduled)
        str_addf(out, "scheduled: %s, %s", get(doc, "schedule"), scheduled);
    if (scheduled && json_integer_value(missed) > 1)
        str_addf(out, " to %s, %lld times", last, (long long)json_integer_value(missed));
    if (scheduled)
        str_addc(out, '\n');
    if (get(doc, "since"))
        str_addf(out, "before that: %s\n", get(doc, "since"));
    if (json_is_true(json_object_get(doc, "late")))
        str_addz(out, "told late: whoever was to tell it had died\n");
}

static void add_stage_lines(struct str *out, const json_t *doc)
{
    const json_t *stage = json_object_get(doc, "stage");
    json_t *counts = json_object_get(doc, "stages");
    const char *name, *between = "stages: ";
    json_t *n, *line;
    size_t i;

    if (get(stage, "name"))
        str_addf(out, "stage %s: %s%s%s\n", get(stage, "name"), get(stage, "state"),
                 get(stage, "reason") ? ", " : "",
                 get(stage, "reason") ? get(stage, "reason") : "");
    json_object_foreach(counts, name, n)
    {
        str_addf(out, "%s%lld %s", between, (long long)json_integer_value(n), name);
        between = ", ";
    }
    if (json_object_size(counts) > 0)
        str_addc(out, '\n');
    json_array_foreach(json_object_get(doc, "warnings"), i, line)
    {
        str_addf(out, "warning: %s\n", json_string_value(line));
    }
    if (json_array_size(json_object_get(stage, "tail")) > 0)
        str_addf(out, "\nthe end of %s:\n", get(stage, "log"));
    json_array_foreach(json_object_get(stage, "tail"), i, line)
    {
        str_addf(out, "    %s\n", json_string_value(line));
    }
}

static void add_text(json_t *doc)
{
    struct str out = { 0 };
    const char *name;
    json_t *command;
    str_addf(&out, "%s\n\n", get(doc, "subject"));
    add_run_lines(&out, doc);
    add_stage_lines(&out, doc);
    str_addf(&out, "\non %s in %s\n", get(doc, "host"), get(doc, "directory"));
    json_object_foreach(json_object_get(doc, "commands"), name, command)
    {
        str_addf(&out, "    %s\n", json_string_value(command));
    }
    json_object_set_new(doc, "text", json_string(str_text(&out)));
    str_release(&out);
}

json_t *message_for(const json_t *message, int64_t tail)
{
    json_t *doc = json_deep_copy(message), *stage = json_object_get(doc, "stage");
    if (get(stage, "log"))
        json_object_set_new(stage, "tail",
                            logtail(get(stage, "log"), (size_t)tail, MESSAGE_TAIL_BYTES));
    add_text(doc);
    return doc;
}
