#include "runner/notify/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/show/report.h"

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

int outbox_put(struct state *s, const struct channel *c, const json_t *message, struct err *e)
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
