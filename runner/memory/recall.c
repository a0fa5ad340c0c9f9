/* The readers of ledger.h: rows of the memory as structs and documents. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/lock.h"
#include "runner/memory/recall.h"

/* ---- rows ---- */

void run_row_release(struct run_row *r)
{
    free(r->id);
    free(r->pipeline);
    free(r->state);
    free(r->reason);
    free(r->options);
    free(r->retry_of);
    free(r->schedule);
    *r = (struct run_row){ 0 };
}

void run_rows_free(struct run_row *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        run_row_release(&r[i]);
    free(r);
}

static void release_attempt(struct attempt_row *a)
{
    free(a->stage);
    free(a->state);
    free(a->reason);
    free(a->log);
    free(a->staging);
    free(a->limits);
}

void stage_rows_free(struct stage_row *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < s[i].n_attempt; k++)
            release_attempt(&s[i].attempt[k]);
        free(s[i].attempt);
        free(s[i].stage);
        free(s[i].state);
        free(s[i].reason);
    }
    free(s);
}

/* ---- runs ---- */

#define RUN_COLUMNS                                                                          \
    "SELECT name, pipeline, state, reason, options, retry_of, pid, pid_start, boot, began, " \
    "ended, exit_code, schedule, scheduled FROM runs "

/* A reader's view: nobody holds the lock, so this run's runner is dead. (Who holds it has called
 * the others lost.) */
static void see_lost(struct run_row *r)
{
    if (strcmp(r->state, "running") != 0 || lock_is_held(r->pipeline))
        return;
    free(r->state);
    free(r->reason);
    r->state = mem_strdup("lost");
    r->reason = mem_strdup("the runner died");
}

static struct run_row take_run(struct query *q)
{
    char *boot = db_get_text(q, 8);
    struct run_row r = {
        .id = db_get_text(q, 0),
        .pipeline = db_get_text(q, 1),
        .state = db_get_text(q, 2),
        .reason = db_get_text(q, 3),
        .options = db_get_text(q, 4),
        .retry_of = db_get_text(q, 5),
        .holder = { .pid = db_get_int(q, 6), .start = db_get_int(q, 7) },
        .began = db_get_int(q, 9),
        .ended = db_get_int(q, 10),
        .exit_code = db_get_int(q, 11),
        .schedule = db_get_text(q, 12),
        .scheduled = db_get_int(q, 13),
    };
    if (boot && strlen(boot) < PROC_BOOT)
        memcpy(r.holder.boot, boot, strlen(boot) + 1);
    free(boot);
    return r;
}

/* A growing list of runs that ends at `limit`. */
struct runs {
    struct run_row *row;
    size_t n, limit;             /* limit 0: none */
    const struct past_filter *f; /* NULL: every one */
    bool as_written;             /* not as a reader sees it */
};

static bool add_run(struct query *q, void *self)
{
    struct runs *list = self;
    struct run_row r = take_run(q);
    if (!list->as_written)
        see_lost(&r);
    if (list->f && !past_wants(list->f, r.state)) {
        run_row_release(&r);
        return true;
    }
    list->row = mem_grow(list->row, list->n, sizeof *list->row);
    list->row[list->n++] = r;
    return list->n != list->limit;
}

/* All rows of a query whose parameters are bound. */
static int take_runs(struct query *q, struct runs *list, struct run_row **out, size_t *out_n,
                     struct err *e)
{
    int rc = db_each(q, add_run, list, e);
    *out = NULL;
    *out_n = 0;
    if (rc) {
        run_rows_free(list->row, list->n);
        return rc;
    }
    *out = list->row;
    *out_n = list->n;
    return 0;
}

int ledger_running(struct state *s, const char *pipeline, struct run_row **out, size_t *out_n,
                   struct err *e)
{
    struct query q;
    struct runs list = { .as_written = true };
    int rc = db_query(state_db(s), &q,
                      RUN_COLUMNS "WHERE pipeline=? AND state='running' ORDER BY id", e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    return take_runs(&q, &list, out, out_n, e);
}

int ledger_runs(struct state *s, const char *pipeline, int64_t limit, struct run_row **out,
                size_t *out_n, struct err *e)
{
    struct past_filter f = { .pipeline = pipeline, .limit = limit };
    return past_runs(s, &f, out, out_n, e);
}

int past_runs(struct state *s, const struct past_filter *f, struct run_row **out, size_t *out_n,
              struct err *e)
{
    struct query q;
    struct runs list = { .limit = f->limit > 0 ? (size_t)f->limit : 0, .f = f };
    int rc = db_query(state_db(s), &q,
                      RUN_COLUMNS "WHERE (?1 IS NULL OR pipeline=?1) AND (?2 IS NULL OR "
                                  "schedule=?2) AND began>=?3 ORDER BY id DESC",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, f->pipeline);
    db_text(&q, f->schedule);
    db_int(&q, f->since);
    return take_runs(&q, &list, out, out_n, e);
}

static int unknown_run(struct state *s, const char *id, struct err *e)
{
    struct run_row *run = NULL;
    size_t n = 0;
    int rc = ledger_runs(s, NULL, 200, &run, &n, e);
    const char **name = mem_calloc(n + 1, sizeof *name), *near;

    for (size_t i = 0; i < n; i++)
        name[i] = run[i].id;
    name[n] = "last";
    near = str_nearest(id, name, n + 1);
    if (rc == 0 && near)
        rc = err_set(e, ERR_USAGE, "no run '%s'; did you mean '%s'?", id, near);
    else if (rc == 0)
        rc = err_set(e, ERR_USAGE, "no run '%s'; 'refit history' lists them", id);
    free(name);
    run_rows_free(run, n);
    return rc;
}

/* The run of that name and those that only begin with it; the newest of all for NULL. */
static int find_runs(struct state *s, const char *id, struct run_row **out, size_t *out_n,
                     struct err *e)
{
    struct query q;
    struct runs list = { 0 };
    int rc = id ? db_query(state_db(s), &q,
                           RUN_COLUMNS "WHERE name>=?1 AND name<?1||char(1114111)"
                                       " ORDER BY name=?1 DESC, id DESC LIMIT 3",
                           e)
                : db_query(state_db(s), &q, RUN_COLUMNS "ORDER BY id DESC LIMIT 1", e);
    if (rc)
        return rc;
    if (id)
        db_text(&q, id);
    return take_runs(&q, &list, out, out_n, e);
}

int ledger_run(struct state *s, const char *id, struct run_row *out, struct err *e)
{
    struct run_row *run = NULL;
    size_t n = 0;
    const char *text = id && strcmp(id, "last") == 0 ? NULL : id;
    int rc = text && !*text ? 0 : find_runs(s, text, &run, &n, e);

    *out = (struct run_row){ 0 };
    if (rc)
        return rc;
    if (n == 0)
        return text ? unknown_run(s, text, e)
                    : err_set(e, ERR_USAGE, "nothing has run here yet; 'refit run' starts it");
    if (n > 1 && text && strcmp(run[0].id, text) != 0) {
        rc = err_set(e, ERR_USAGE, "run '%s' may be %s, %s%s: write more of it", text, run[1].id,
                     run[0].id, n > 2 ? "..." : "");
    } else {
        *out = run[0];
        run[0] = (struct run_row){ 0 };
    }
    run_rows_free(run, n);
    return rc;
}

/* ---- stages and attempts ---- */

static void add_attempt(struct query *q, struct stage_row *stage)
{
    stage->attempt = mem_grow(stage->attempt, stage->n_attempt, sizeof *stage->attempt);
    stage->attempt[stage->n_attempt++] = (struct attempt_row){
        .stage = mem_strdup(stage->stage),
        .number = db_get_int(q, 3),
        .state = db_get_text(q, 4),
        .reason = db_get_text(q, 5),
        .log = db_get_text(q, 6),
        .staging = db_get_text(q, 7),
        .began = db_get_int(q, 8),
        .ended = db_get_int(q, 9),
        .exit_code = db_get_int(q, 10),
        .signal = db_get_int(q, 11),
        .usage = { .user_us = db_get_int(q, 12),
                   .system_us = db_get_int(q, 13),
                   .max_rss_kb = db_get_int(q, 14),
                   .read_blocks = db_get_int(q, 15),
                   .write_blocks = db_get_int(q, 16) },
        .limits = db_get_text(q, 17),
    };
}

struct stages {
    struct stage_row *row;
    size_t n;
};

/* A stage, or a further attempt of the one before. */
static bool add_stage(struct query *q, void *self)
{
    struct stages *list = self;
    char *name = db_get_text(q, 0);
    if (list->n == 0 || strcmp(list->row[list->n - 1].stage, name) != 0) {
        list->row = mem_grow(list->row, list->n, sizeof *list->row);
        list->row[list->n++] = (struct stage_row){ .stage = mem_strdup(name),
                                                   .state = db_get_text(q, 1),
                                                   .reason = db_get_text(q, 2) };
    }
    free(name);
    if (sqlite3_column_type(q->stmt, 3) != SQLITE_NULL)
        add_attempt(q, &list->row[list->n - 1]);
    return true;
}

int ledger_stages(struct state *s, const char *run, struct stage_row **out, size_t *out_n,
                  struct err *e)
{
    return recall_stages(s, run, NULL, out, out_n, e);
}

int recall_stages(struct state *s, const char *run, const char *stage, struct stage_row **out,
                  size_t *out_n, struct err *e)
{
    struct stages list = { 0 };
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "SELECT s.stage, s.state, s.reason, a.number, a.state, a.reason, a.log, a.staging, a.began,"
        " a.ended, a.exit_code, a.signal, a.user_us, a.system_us, a.max_rss_kb, a.read_blocks,"
        " a.write_blocks, a.limits FROM stages s LEFT JOIN attempts a ON a.run=s.run AND"
        " a.stage=s.stage WHERE s.run=?1 AND (?2 IS NULL OR s.stage=?2)"
        " ORDER BY s.position, s.stage, a.number",
        e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    if ((rc = db_each(&q, add_stage, &list, e))) {
        stage_rows_free(list.row, list.n);
        return rc;
    }
    *out = list.row;
    *out_n = list.n;
    return 0;
}

static bool take_text(struct query *q, void *self)
{
    *(char **)self = db_get_text(q, 0);
    return false;
}

int ledger_last_attempted(struct state *s, const char *stage, char **out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT runs.name FROM runs CROSS JOIN attempts ON attempts.run=runs.name "
                      "AND attempts.stage=? ORDER BY runs.id DESC LIMIT 1",
                      e);
    *out = NULL;
    if (rc)
        return rc;
    db_text(&q, stage);
    return db_each(&q, take_text, out, e);
}

/* ---- what an attempt said ---- */

static bool set_metric(struct query *q, void *self)
{
    char *name = db_get_text(q, 0);
    bool null = sqlite3_column_type(q->stmt, 1) == SQLITE_NULL;
    json_object_set_new(self, name, null ? json_null() : json_real(db_get_real(q, 1)));
    free(name);
    return true;
}

int ledger_metrics(struct state *s, const char *run, const char *stage, int64_t attempt,
                   json_t **out, struct err *e)
{
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "SELECT name, value FROM metrics WHERE run=? AND stage=? AND attempt=? ORDER BY rowid", e);
    *out = json_object();
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    return db_each(&q, set_metric, *out, e);
}

static bool append_text(struct query *q, void *self)
{
    char *text = db_get_text(q, 0);
    json_array_append_new(self, json_string(text));
    free(text);
    return true;
}

int ledger_warnings(struct state *s, const char *run, const char *stage, int64_t attempt,
                    json_t **out, struct err *e)
{
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "SELECT text FROM warnings WHERE run=? AND stage=? AND attempt=? ORDER BY rowid", e);
    *out = json_array();
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    return db_each(&q, append_text, *out, e);
}
