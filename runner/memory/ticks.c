#include "runner/memory/ticks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/memory/ledger.h"

/* ---- schedules ---- */

void schedule_mark_release(struct schedule_mark *m)
{
    free(m->spec);
    *m = (struct schedule_mark){ 0 };
}

int ticks_mark(struct state *s, const char *pipeline, const char *schedule,
               struct schedule_mark *out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT spec, watermark, paused FROM schedules WHERE pipeline=? AND name=?",
                      e);
    *out = (struct schedule_mark){ 0 };
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, schedule);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        *out = (struct schedule_mark){ .known = true,
                                       .spec = db_get_text(&q, 0),
                                       .watermark_s = db_get_int(&q, 1) / 1000,
                                       .paused_ms = db_get_int(&q, 2) };
    db_end(&q);
    return 0;
}

int ticks_mark_put(struct state *s, const char *pipeline, const char *schedule, const char *spec,
                   int64_t watermark_s, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "INSERT INTO schedules(pipeline, name, spec, watermark) VALUES(?,?,?,?)"
                      " ON CONFLICT(pipeline, name) DO UPDATE SET spec=excluded.spec,"
                      " watermark=max(watermark, excluded.watermark)",
                      e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, schedule);
    db_text(&q, spec);
    db_int(&q, watermark_s * 1000);
    return db_done(&q, e);
}

int ticks_pause(struct state *s, const char *pipeline, const char *schedule, int64_t paused_ms,
                struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "UPDATE schedules SET paused=nullif(?,0) WHERE pipeline=? AND name=?", e);
    if (rc)
        return rc;
    db_int(&q, paused_ms);
    db_text(&q, pipeline);
    db_text(&q, schedule);
    return db_done(&q, e);
}

/* ---- instants ---- */

static void bind_instant(struct query *q, const char *pipeline, const char *schedule, int64_t at_s)
{
    db_text(q, pipeline);
    db_text(q, schedule);
    db_int(q, at_s * 1000);
}

int ticks_skip(struct state *s, const char *pipeline, const char *schedule, int64_t at_s,
               const char *state, const char *reason, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "INSERT OR IGNORE INTO ticks(pipeline, schedule, instant, state, reason, "
                      "decided) VALUES(?,?,?,?,?,?)",
                      e);
    if (rc)
        return rc;
    bind_instant(&q, pipeline, schedule, at_s);
    db_text(&q, state);
    db_text(&q, reason);
    db_int(&q, ledger_now_ms());
    return db_done(&q, e);
}

int ticks_state(struct state *s, const char *pipeline, const char *schedule, int64_t at_s,
                char **out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT state FROM ticks WHERE pipeline=? AND schedule=? AND instant=?", e);
    *out = NULL;
    if (rc)
        return rc;
    bind_instant(&q, pipeline, schedule, at_s);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        *out = db_get_text(&q, 0);
    db_end(&q);
    return 0;
}

char *ticks_run_id(const char *pipeline, const char *schedule, int64_t at_s)
{
    char stamp[32];
    struct tm tm;
    time_t at = (time_t)at_s;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&at, &tm));
    return str_format("%s.%s.%s", pipeline, schedule, stamp);
}

/* ---- queued runs ---- */

void queued_runs_free(struct queued_run *q, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(q[i].run);
        free(q[i].pipeline);
        free(q[i].overlap);
    }
    free(q);
}

struct queued_runs {
    struct queued_run *item; /* (n) */
    size_t n;
};

static bool add_queued(struct query *q, void *self)
{
    struct queued_runs *l = self;
    l->item = mem_grow(l->item, l->n, sizeof *l->item);
    l->item[l->n++] = (struct queued_run){ db_get_text(q, 0), db_get_text(q, 1),
                                           db_get_text(q, 2) };
    return true;
}

int ticks_queued(struct state *s, const char *pipeline, struct queued_run **out, size_t *out_n,
                 struct err *e)
{
    struct queued_runs list = { 0 };
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT runs.name, runs.pipeline, ticks.overlap FROM runs JOIN ticks ON "
                      "ticks.pipeline=runs.pipeline AND ticks.schedule=runs.schedule AND "
                      "ticks.instant=runs.scheduled WHERE runs.state='queued' AND (?1 IS NULL OR "
                      "runs.pipeline=?1) ORDER BY runs.id",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    if ((rc = db_each(&q, add_queued, &list, e))) {
        queued_runs_free(list.item, list.n);
        return rc;
    }
    *out = list.item;
    *out_n = list.n;
    return 0;
}

static int changed(struct state *s)
{
    return sqlite3_changes(state_db(s)->handle);
}

int ticks_give_way(struct state *s, const char *run, const char *reason, bool *out_done,
                   struct err *e)
{
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "UPDATE ticks SET state='overlapped', reason=?1, run=NULL, overlap=NULL WHERE "
        "run=?2 AND EXISTS (SELECT 1 FROM runs WHERE name=?2 AND state='queued')",
        e);
    *out_done = false;
    if (rc)
        return rc;
    db_text(&q, reason);
    db_text(&q, run);
    if ((rc = db_done(&q, e)) ||
        (rc = db_query(state_db(s), &q, "DELETE FROM runs WHERE name=? AND state='queued'", e)))
        return rc;
    db_text(&q, run);
    rc = db_done(&q, e);
    *out_done = rc == 0 && changed(s) > 0;
    return rc;
}

/* The newest of those that wait by `queue` is the one that stays. */
static int replace_queued(struct state *s, const struct tick_order *o, struct err *e)
{
    struct queued_run *list = NULL;
    size_t n = 0;
    bool done;
    int rc = ticks_queued(s, o->pipeline, &list, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (strcmp(list[i].overlap, TICKS_QUEUE) == 0)
            rc = ticks_give_way(s, list[i].run, "overlap: queue, and a later one has come", &done,
                                e);
    queued_runs_free(list, n);
    return rc;
}

static int insert_run(struct state *s, const struct tick_order *o, const char *run, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "INSERT INTO runs(name, pipeline, state, options, pid, pid_start, boot, "
                      "began, schedule, scheduled) VALUES(?,?,'queued',?,0,0,'',?,?,?)",
                      e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, o->pipeline);
    db_text(&q, o->options);
    db_int(&q, ledger_now_ms());
    db_text(&q, o->schedule);
    db_int(&q, o->at_s * 1000);
    return db_done(&q, e);
}

int ticks_queue(struct state *s, const struct tick_order *o, bool *out_new, struct err *e)
{
    char *run = ticks_run_id(o->pipeline, o->schedule, o->at_s);
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "INSERT INTO ticks(pipeline, schedule, instant, state, run, decided, overlap) "
        "VALUES(?,?,?,?,?,?,?) ON CONFLICT(pipeline, schedule, instant) DO UPDATE SET "
        "state=excluded.state, reason=NULL, run=excluded.run, "
        "decided=excluded.decided, overlap=excluded.overlap WHERE run IS NULL",
        e);
    *out_new = false;
    if (rc)
        goto out;
    bind_instant(&q, o->pipeline, o->schedule, o->at_s);
    db_text(&q, o->state);
    db_text(&q, run);
    db_int(&q, ledger_now_ms());
    db_text(&q, o->overlap);
    if ((rc = db_done(&q, e)))
        goto out;
    *out_new = changed(s) > 0;
    if (*out_new && strcmp(o->overlap, TICKS_QUEUE) == 0)
        rc = replace_queued(s, o, e);
    if (rc == 0 && *out_new)
        rc = insert_run(s, o, run, e);
out:
    free(run);
    return rc;
}

static int make_directory(const char *path, struct err *e)
{
    return mkdir(path, 0777) < 0 && errno != EEXIST
               ? err_sys(e, "cannot make the directory '%s'", path)
               : 0;
}

int ticks_take(struct state *s, const char *run, bool *out_ours, struct err *e)
{
    struct proc_id self = proc_self();
    char *directory = str_format(STATE_DIR "/runs/%s", run);
    struct query q;
    int rc;

    *out_ours = false;
    if ((rc = db_query(state_db(s), &q,
                       "UPDATE runs SET state='running', pid=?, pid_start=?, boot=?, began=? WHERE "
                       "name=? AND state='queued'",
                       e)))
        goto out;
    db_int(&q, self.pid);
    db_int(&q, self.start);
    db_text(&q, self.boot);
    db_int(&q, ledger_now_ms());
    db_text(&q, run);
    if ((rc = db_done(&q, e)))
        goto out;
    *out_ours = changed(s) > 0;
    if (*out_ours && (rc = make_directory(STATE_DIR "/runs", e)) == 0)
        rc = make_directory(directory, e);
out:
    free(directory);
    return rc;
}

int ticks_abort(struct state *s, const char *run, const char *reason, bool *out_done, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "UPDATE runs SET state='aborted', reason=?, ended=?, exit_code=143 WHERE "
                      "name=? AND state='queued'",
                      e);
    *out_done = false;
    if (rc)
        return rc;
    db_text(&q, reason);
    db_int(&q, ledger_now_ms());
    db_text(&q, run);
    rc = db_done(&q, e);
    *out_done = rc == 0 && changed(s) > 0;
    return rc;
}
