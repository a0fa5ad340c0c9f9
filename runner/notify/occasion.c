#include "runner/notify/occasion.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runner/execute/lock.h"
#include "runner/notify/message.h"
#include "runner/notify/outbox.h"

static bool has_channel(const struct channels *c, enum notify_event event)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->item[i].event == event)
            return true;
    return false;
}

static bool same_channel(const struct channels *c, const struct channel *one,
                         enum notify_event event)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->item[i].event == event && strcmp(c->item[i].text, one->text) == 0)
            return true;
    return false;
}

/* To every channel of the event, but not to those that are told the same by event `instead`. */
static int put_all(struct state *s, const struct channels *c, enum notify_event event,
                   enum notify_event instead, const json_t *message, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < c->n && rc == 0; i++)
        if (c->item[i].event == event &&
            (instead == NOTIFY_EVENTS || !same_channel(c, &c->item[i], instead)))
            rc = outbox_put(s, &c->item[i], message, e);
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

static int put_run(struct state *s, const struct channels *c, const struct run_row *run,
                   enum notify_event event, enum notify_event instead, bool late, const char *since,
                   struct err *e)
{
    json_t *message = NULL;
    int rc = has_channel(c, event) ? message_of_run(s, run, event, late, since, &message, e) : 0;
    if (rc == 0 && message)
        rc = put_all(s, c, event, instead, message, e);
    json_decref(message);
    return rc;
}

static int put_success(struct state *s, const struct channels *c, const struct run_row *run,
                       bool late, struct err *e)
{
    char *since = NULL;
    int rc = has_channel(c, NOTIFY_RECOVERY) ? find_recovery(s, run, &since, e) : 0;
    if (rc == 0 && since)
        rc = put_run(s, c, run, NOTIFY_RECOVERY, NOTIFY_EVENTS, late, since, e);
    if (rc == 0)
        rc = put_run(s, c, run, NOTIFY_SUCCESS, since ? NOTIFY_RECOVERY : NOTIFY_EVENTS, late, NULL,
                     e);
    free(since);
    return rc;
}

static int is_told(struct state *s, const char *run, bool *out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT 1 FROM outbox WHERE run=? AND event='failure' LIMIT 1", e);
    *out = false;
    if (rc)
        return rc;
    db_text(&q, run);
    rc = db_step(&q, out, e);
    if (rc == 0)
        db_end(&q);
    return rc;
}

static int put_failure(struct state *s, const struct channels *c, const struct run_row *run,
                       bool late, struct err *e)
{
    bool told = false;
    int rc = late ? is_told(s, run->id, &told, e) : 0;
    return rc || told ? rc : put_run(s, c, run, NOTIFY_FAILURE, NOTIFY_EVENTS, late, NULL, e);
}

int occasion_run_ended(struct state *s, const struct channels *c, const char *run, bool late,
                       struct err *e)
{
    struct run_row row = { 0 };
    int rc = c->n > 0 ? ledger_run(s, run, &row, e) : 0;
    if (rc || c->n == 0)
        return rc;
    if (strcmp(row.state, "failed") == 0 || strcmp(row.state, "lost") == 0)
        rc = put_failure(s, c, &row, late, e);
    else if (strcmp(row.state, "blocked") == 0)
        rc = put_run(s, c, &row, NOTIFY_BLOCKED, NOTIFY_EVENTS, late, NULL, e);
    else if (strcmp(row.state, "succeeded") == 0 || strcmp(row.state, "skipped") == 0)
        rc = put_success(s, c, &row, late, e);
    run_row_release(&row); /* aborted: by a person, who knows */
    return rc;
}

/* It was called running, then nobody held the lock, and it is called running still: its runner was
 * dead in between. One that another runner finds meanwhile is told by that. */
static int put_lost(struct state *s, const struct channels *c, const struct run_row *list, size_t n,
                    struct err *e)
{
    int rc = state_begin(s, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct run_row row = { 0 };
        if ((rc = ledger_run(s, list[i].id, &row, e)) == 0 && strcmp(row.state, "lost") == 0)
            rc = put_failure(s, c, &row, true, e);
        run_row_release(&row);
    }
    if (rc == 0)
        return state_commit(s, e);
    db_rollback(state_db(s));
    return rc;
}

int occasion_lost(struct state *s, const struct channels *c, const char *pipeline, struct err *e)
{
    struct run_row *row = NULL;
    size_t n = 0, n_new = 0;
    bool told;
    int rc = has_channel(c, NOTIFY_FAILURE) ? ledger_running(s, pipeline, &row, &n, e) : 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = is_told(s, row[i].id, &told, e);
        n_new += !told;
    }
    if (rc == 0 && n_new > 0 && !lock_is_held(pipeline))
        rc = put_lost(s, c, row, n, e);
    run_rows_free(row, n);
    return rc;
}

/* What was not told yet of one schedule for one reason; *out_row is false if there is nothing. */
static int next_missed(struct query *q, struct missed *out, bool *out_row, struct err *e)
{
    int rc = db_step(q, out_row, e);
    if (rc == 0 && *out_row)
        *out = (struct missed){ .schedule = db_get_text(q, 0),
                                .state = db_get_text(q, 1),
                                .reason = db_get_text(q, 2),
                                .first_ms = db_get_int(q, 3),
                                .last_ms = db_get_int(q, 4),
                                .n = (size_t)db_get_int(q, 5) };
    return rc;
}

/* One message for each schedule and reason. */
static int put_missed(struct state *s, const struct channels *c, const char *pipeline,
                      struct err *e)
{
    struct query q;
    struct missed m;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT schedule, state, reason, min(instant), max(instant), count(*) FROM "
                      "ticks WHERE pipeline=? AND told=0 AND state IN ('missed','overlapped')"
                      " GROUP BY schedule, state, reason ORDER BY min(instant)",
                      e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    while ((rc = next_missed(&q, &m, &row, e)) == 0 && row) {
        json_t *message = message_of_missed(pipeline, &m);
        rc = put_all(s, c, NOTIFY_MISSED, NOTIFY_EVENTS, message, e);
        json_decref(message);
        missed_release(&m);
        if (rc)
            break;
    }
    db_end(&q);
    return rc;
}

int occasion_ticks(struct state *s, const struct channels *c, const char *pipeline, struct err *e)
{
    struct query q;
    int rc = has_channel(c, NOTIFY_MISSED) ? put_missed(s, c, pipeline, e) : 0;
    if (rc || (rc = db_query(state_db(s), &q,
                             "UPDATE ticks SET told=1 WHERE pipeline=? AND told=0 AND state IN "
                             "('missed','overlapped')",
                             e)))
        return rc;
    db_text(&q, pipeline);
    return db_done(&q, e);
}
