#include "runner/notify/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/report.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

void outbox_rows_free(struct outbox_row *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(r[i].pipeline);
        free(r[i].run);
        free(r[i].event);
        free(r[i].name);
        free(r[i].channel);
        free(r[i].document);
        free(r[i].state);
        free(r[i].reason);
    }
    free(r);
}

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *outbox_row_doc(const struct outbox_row *r)
{
    bool waits = strcmp(r->state, "due") == 0;
    return json_pack("{s:I, s:s, s:s, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "notification",
                     (json_int_t)r->id, "event", r->event, "pipeline", r->pipeline, "run",
                     text_or_null(r->run), "channel", r->name, "state", r->state, "attempts",
                     (json_int_t)r->attempts, "made", report_time(r->made), "tried",
                     report_time(r->tried), "due", waits ? report_time(r->due) : json_null(),
                     "reason", text_or_null(r->reason));
}

/* ---- writing ---- */

static bool has_channel(const struct manifest *m, enum notify_event event)
{
    for (size_t i = 0; i < m->n_channel; i++)
        if (m->channel[i].event == event)
            return true;
    return false;
}

static bool same_channel(const struct manifest *m, const struct channel *c, enum notify_event event)
{
    for (size_t i = 0; i < m->n_channel; i++)
        if (m->channel[i].event == event && strcmp(m->channel[i].text, c->text) == 0)
            return true;
    return false;
}

static int put_row(struct state *s, const struct channel *c, const json_t *message, struct err *e)
{
    json_t *doc = message_for(message, c->tail);
    char *text = json_dumps(doc, JSON_COMPACT);
    int64_t now = ledger_now_ms();
    struct query q;
    int rc = text ? db_query(state_db(s), &q,
                             "INSERT INTO outbox(pipeline, run, event, name, channel, document, "
                             "made, attempts, due, state) VALUES(?,?,?,?,?,?,?,0,?,'due')",
                             e)
                  : err_set(e, ERR_INTERNAL, "a notification cannot be written as JSON");
    if (rc == 0) {
        db_text(&q, json_string_value(json_object_get(doc, "pipeline")));
        db_text(&q, json_string_value(json_object_get(doc, "run")));
        db_text(&q, notify_event_name(c->event));
        db_text(&q, c->name);
        db_text(&q, c->text);
        db_text(&q, text);
        db_int(&q, now);
        db_int(&q, now);
        rc = db_done(&q, e);
    }
    free(text);
    json_decref(doc);
    return rc;
}

/* To every channel of the event, but not to those that are told the same by event `instead`. */
static int put_all(struct state *s, const struct manifest *m, enum notify_event event,
                   enum notify_event instead, const json_t *message, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < m->n_channel && rc == 0; i++)
        if (m->channel[i].event == event &&
            (instead == NOTIFY_EVENTS || !same_channel(m, &m->channel[i], instead)))
            rc = put_row(s, &m->channel[i], message, e);
    return rc;
}

static int one_text(struct query *q, char **out, struct err *e)
{
    bool row;
    int rc = db_step(q, &row, e);
    *out = NULL;
    if (rc)
        return rc;
    *out = row ? db_get_text(q, 0) : NULL;
    db_end(q);
    return 0;
}

/* The last run before this one that ended badly. */
static int last_bad(struct state *s, const struct run_row *run, char **out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT name FROM runs WHERE pipeline=?1 AND state IN "
                      "('failed','lost','blocked') AND id < (SELECT id FROM runs WHERE name=?2)"
                      " ORDER BY id DESC LIMIT 1",
                      e);
    if (rc)
        return rc;
    db_text(&q, run->pipeline);
    db_text(&q, run->id);
    return one_text(&q, out, e);
}

/* The first run after a bad one that ended well and brought every stage that had failed there: a
 * success of another part of the pipeline is no recovery. */
static int first_good_after(struct state *s, const struct run_row *run, const char *bad, char **out,
                            struct err *e)
{
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "SELECT r.name FROM runs r WHERE r.pipeline=?1 AND r.state IN ('succeeded','skipped')"
        " AND r.id > (SELECT id FROM runs WHERE name=?2) AND NOT EXISTS (SELECT 1 FROM stages x"
        " JOIN stages y ON y.run=r.name AND y.stage=x.stage WHERE x.run=?2 AND x.state IN"
        " ('failed','timed_out','lost','blocked') AND y.state IN ('off','pending','running',"
        "'failed','timed_out','aborted','lost','blocked','upstream_failed'))"
        " ORDER BY r.id LIMIT 1",
        e);
    if (rc)
        return rc;
    db_text(&q, run->pipeline);
    db_text(&q, bad);
    return one_text(&q, out, e);
}

/* An instant that passed without a run, after the last run that ended well. */
static int missed_before(struct state *s, const struct run_row *run, char **out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT schedule FROM ticks WHERE pipeline=?1 AND state IN "
                      "('missed','overlapped') AND decided >= (SELECT coalesce(max(ended), 0) FROM "
                      "runs WHERE pipeline=?1 AND state IN ('succeeded','skipped') AND name <> ?2)"
                      " ORDER BY instant DESC LIMIT 1",
                      e);
    if (rc)
        return rc;
    db_text(&q, run->pipeline);
    db_text(&q, run->id);
    return one_text(&q, out, e);
}

/* *out_since: what this run, which has ended well, is the recovery from; NULL if from nothing. */
static int find_recovery(struct state *s, const struct run_row *run, char **out_since,
                         struct err *e)
{
    char *bad = NULL, *good = NULL, *schedule = NULL;
    int rc = last_bad(s, run, &bad, e);
    *out_since = NULL;
    if (rc == 0 && bad)
        rc = first_good_after(s, run, bad, &good, e);
    if (good && strcmp(good, run->id) == 0) {
        struct run_row row = { 0 };
        rc = ledger_run(s, bad, &row, e);
        if (rc == 0)
            *out_since = str_format("run %s %s", bad, row.state);
        run_row_release(&row);
    } else if (rc == 0 && (rc = missed_before(s, run, &schedule, e)) == 0 && schedule) {
        *out_since = str_format("schedule '%s' had missed a run", schedule);
    }
    free(schedule);
    free(good);
    free(bad);
    return rc;
}

static int put_run(struct state *s, const struct manifest *m, const struct run_row *run,
                   enum notify_event event, enum notify_event instead, bool late, const char *since,
                   struct err *e)
{
    json_t *message = NULL;
    int rc = has_channel(m, event) ? message_of_run(s, run, event, late, since, &message, e) : 0;
    if (rc == 0 && message)
        rc = put_all(s, m, event, instead, message, e);
    json_decref(message);
    return rc;
}

static int put_success(struct state *s, const struct manifest *m, const struct run_row *run,
                       bool late, struct err *e)
{
    char *since = NULL;
    int rc = has_channel(m, NOTIFY_RECOVERY) ? find_recovery(s, run, &since, e) : 0;
    if (rc == 0 && since)
        rc = put_run(s, m, run, NOTIFY_RECOVERY, NOTIFY_EVENTS, late, since, e);
    if (rc == 0)
        rc = put_run(s, m, run, NOTIFY_SUCCESS, since ? NOTIFY_RECOVERY : NOTIFY_EVENTS, late, NULL,
                     e);
    free(since);
    return rc;
}

int outbox_run_ended(struct state *s, const struct manifest *m, const char *run, bool late,
                     struct err *e)
{
    struct run_row row = { 0 };
    int rc = m->n_channel > 0 ? ledger_run(s, run, &row, e) : 0;
    if (rc || m->n_channel == 0)
        return rc;
    if (strcmp(row.state, "failed") == 0 || strcmp(row.state, "lost") == 0)
        rc = put_run(s, m, &row, NOTIFY_FAILURE, NOTIFY_EVENTS, late, NULL, e);
    else if (strcmp(row.state, "blocked") == 0)
        rc = put_run(s, m, &row, NOTIFY_BLOCKED, NOTIFY_EVENTS, late, NULL, e);
    else if (strcmp(row.state, "succeeded") == 0 || strcmp(row.state, "skipped") == 0)
        rc = put_success(s, m, &row, late, e);
    run_row_release(&row); /* aborted: by a person, who knows */
    return rc;
}

int outbox_missed(struct state *s, const struct manifest *m, const struct missed *missed,
                  struct err *e)
{
    if (missed->n == 0 || !has_channel(m, NOTIFY_MISSED))
        return 0;
    json_t *message = message_of_missed(m->name, missed);
    int rc = put_all(s, m, NOTIFY_MISSED, NOTIFY_EVENTS, message, e);
    json_decref(message);
    return rc;
}

/* Seconds until the next attempt after so many. */
static int64_t delay_s(int64_t attempts)
{
    return attempts <= 1   ? MINUTE_S
           : attempts == 2 ? 5 * MINUTE_S
           : attempts == 3 ? 30 * MINUTE_S
                           : 2 * HOUR_S;
}

static int forget_old(struct state *s, int64_t now_ms, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "DELETE FROM outbox WHERE state <> 'due' AND made < ?", e);
    if (rc)
        return rc;
    db_int(&q, now_ms - (int64_t)OUTBOX_KEEP_DAYS * DAY_S * 1000);
    return db_done(&q, e);
}

int outbox_settle(struct state *s, struct outbox_row *r, enum outbox_outcome outcome,
                  const char *reason, int64_t wait_s, int64_t now_ms, struct err *e)
{
    const char *state = outcome == OUTBOX_DELIVERED ? "delivered"
                        : outcome == OUTBOX_LATER   ? "due"
                                                    : "failed";
    struct query q;
    r->attempts++;
    r->tried = now_ms;
    int64_t wait = delay_s(r->attempts);
    r->due = now_ms + 1000 * (wait_s > wait && wait_s < DAY_S ? wait_s : wait);
    if (outcome == OUTBOX_LATER && r->due > r->made + (int64_t)OUTBOX_GIVE_UP_DAYS * DAY_S * 1000)
        state = "failed";
    free(r->state);
    r->state = mem_strdup(state);
    free(r->reason);
    r->reason = mem_strdup(reason);
    int rc = db_query(state_db(s), &q,
                      "UPDATE outbox SET state=?, reason=?, attempts=?, tried=?, due=? WHERE id=?",
                      e);
    if (rc)
        return rc;
    db_text(&q, state);
    db_text(&q, reason);
    db_int(&q, r->attempts);
    db_int(&q, r->tried);
    db_int(&q, r->due);
    db_int(&q, r->id);
    rc = db_done(&q, e);
    return rc ? rc : forget_old(s, now_ms, e);
}

/* ---- reading ---- */

int outbox_next_due(struct state *s, int64_t *out_ms, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT due FROM outbox WHERE state='due' ORDER BY due LIMIT 1", e);
    *out_ms = INT64_MAX;
    if (rc || (rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        *out_ms = db_get_int(&q, 0);
    db_end(&q);
    return 0;
}

#define OUTBOX_COLUMNS                                                                             \
    "SELECT id, pipeline, run, event, name, channel, document, made, tried, due, attempts, state," \
    " reason FROM outbox "

/* All rows of a query whose parameters are bound. */
static int take_rows(struct query *q, struct outbox_row **out, size_t *out_n, struct err *e)
{
    struct outbox_row *list = NULL;
    size_t n = 0;
    bool row;
    int rc;
    while ((rc = db_step(q, &row, e)) == 0 && row) {
        list = mem_grow(list, n, sizeof *list);
        list[n++] = (struct outbox_row){ .id = db_get_int(q, 0),
                                         .pipeline = db_get_text(q, 1),
                                         .run = db_get_text(q, 2),
                                         .event = db_get_text(q, 3),
                                         .name = db_get_text(q, 4),
                                         .channel = db_get_text(q, 5),
                                         .document = db_get_text(q, 6),
                                         .made = db_get_int(q, 7),
                                         .tried = db_get_int(q, 8),
                                         .due = db_get_int(q, 9),
                                         .attempts = db_get_int(q, 10),
                                         .state = db_get_text(q, 11),
                                         .reason = db_get_text(q, 12) };
    }
    if (rc) {
        outbox_rows_free(list, n);
        return rc;
    }
    db_end(q);
    *out = list;
    *out_n = n;
    return 0;
}

int outbox_due(struct state *s, int64_t now_ms, int64_t untried_ms, int64_t limit,
               struct outbox_row **out, size_t *out_n, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      OUTBOX_COLUMNS
                      "WHERE state='due' AND due <= ? AND (tried IS NULL OR tried < ?)"
                      " ORDER BY due, id LIMIT ?",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_int(&q, now_ms);
    db_int(&q, untried_ms);
    db_int(&q, limit);
    return take_rows(&q, out, out_n, e);
}

int outbox_open(struct state *s, const char *run, struct outbox_row **out, size_t *out_n,
                struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      OUTBOX_COLUMNS "WHERE state IN ('due','failed') AND (?1 IS NULL OR run=?1)"
                                     " ORDER BY id",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, run);
    return take_rows(&q, out, out_n, e);
}
