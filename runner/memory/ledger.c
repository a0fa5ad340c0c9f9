#include "runner/memory/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/lock.h"

enum { MAX_SAME_SECOND = 1000 };

int64_t ledger_now_ms(void)
{
    return state_now_ns() / 1000000;
}

/* ---- writing ---- */

static int name_run(char **out, struct err *e)
{
    char stamp[32];
    struct tm tm;
    time_t now = time(NULL);

    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
    if (mkdir(STATE_DIR "/runs", 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the directory '%s/runs'", STATE_DIR);
    for (int i = 1; i <= MAX_SAME_SECOND; i++) {
        char *id = i == 1 ? mem_strdup(stamp) : str_format("%s-%d", stamp, i);
        char *path = str_format(STATE_DIR "/runs/%s", id);
        int failed = mkdir(path, 0777) < 0 ? errno : 0;
        free(path);
        if (failed == 0) {
            *out = id;
            return 0;
        }
        free(id);
        if (failed != EEXIST) {
            errno = failed;
            return err_sys(e, "cannot make a directory in '%s/runs'", STATE_DIR);
        }
    }
    return err_set(e, ERR_IO, "more than %d runs in one second", (int)MAX_SAME_SECOND);
}

int ledger_run_begin(struct state *s, const char *pipeline, const char *options,
                     const char *retry_of, char **out_id, struct err *e)
{
    struct query q;
    struct proc_id self = proc_self();
    int rc = name_run(out_id, e);
    if (rc || (rc = db_query(state_db(s), &q,
                             "INSERT INTO runs(name, pipeline, state, options, retry_of, pid, "
                             "pid_start, boot, began)"
                             " VALUES(?,?,'running',?,?,?,?,?,?)",
                             e)))
        return rc;
    db_text(&q, *out_id);
    db_text(&q, pipeline);
    db_text(&q, options);
    db_text(&q, retry_of);
    db_int(&q, self.pid);
    db_int(&q, self.start);
    db_text(&q, self.boot);
    db_int(&q, ledger_now_ms());
    return db_done(&q, e);
}

int ledger_run_end(struct state *s, const char *run, const char *state, const char *reason,
                   int exit_code, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "UPDATE runs SET state=?, reason=?, exit_code=?, ended=? WHERE name=?", e);
    if (rc)
        return rc;
    db_text(&q, state);
    db_text(&q, reason);
    db_int(&q, exit_code);
    db_int(&q, ledger_now_ms());
    db_text(&q, run);
    return db_done(&q, e);
}

int ledger_stage(struct state *s, const char *run, size_t position, const char *stage,
                 const char *state, const char *reason, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "INSERT OR REPLACE INTO stages VALUES(?,?,?,?,?)", e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_int(&q, (int64_t)position);
    db_text(&q, stage);
    db_text(&q, state);
    db_text(&q, reason);
    return db_done(&q, e);
}

int ledger_attempt_begin(struct state *s, const char *run, const struct attempt_row *a,
                         struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "INSERT INTO attempts(run, stage, number, state, log, staging, began)"
                      " VALUES(?,?,?,'running',?,?,?)",
                      e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, a->stage);
    db_int(&q, a->number);
    db_text(&q, a->log);
    db_text(&q, a->staging);
    db_int(&q, a->began);
    return db_done(&q, e);
}

int ledger_attempt_end(struct state *s, const char *run, const struct attempt_row *a, struct err *e)
{
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "UPDATE attempts SET state=?, reason=?, ended=?, exit_code=?, signal=?, user_us=?, "
        "system_us=?,"
        " max_rss_kb=?, read_blocks=?, write_blocks=? WHERE run=? AND stage=? AND number=?",
        e);
    if (rc)
        return rc;
    db_text(&q, a->state);
    db_text(&q, a->reason);
    db_int(&q, a->ended);
    db_int(&q, a->exit_code);
    db_int(&q, a->signal);
    db_int(&q, a->usage.user_us);
    db_int(&q, a->usage.system_us);
    db_int(&q, a->usage.max_rss_kb);
    db_int(&q, a->usage.read_blocks);
    db_int(&q, a->usage.write_blocks);
    db_text(&q, run);
    db_text(&q, a->stage);
    db_int(&q, a->number);
    return db_done(&q, e);
}

int ledger_metric(struct state *s, const char *run, const char *stage, int64_t attempt,
                  const char *name, int64_t step, double value, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "INSERT INTO metrics VALUES(?,?,?,?,?,?)", e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    db_text(&q, name);
    db_int(&q, step);
    db_real(&q, value); /* SQLite makes NULL of a NaN */
    return db_done(&q, e);
}

int ledger_warning(struct state *s, const char *run, const char *stage, int64_t attempt,
                   const char *text, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "INSERT INTO warnings VALUES(?,?,?,?)", e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    db_text(&q, text);
    return db_done(&q, e);
}

int ledger_checkpoint(struct state *s, const char *pipeline, const char *stage,
                      char out_fingerprint[HASH_HEX], struct err *e)
{
    struct query q;
    bool row;
    out_fingerprint[0] = '\0';
    int rc = db_query(state_db(s), &q,
                      "SELECT fingerprint FROM checkpoints WHERE pipeline=? AND stage=?", e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, stage);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    char *found = row ? db_get_text(&q, 0) : NULL;
    if (found && strlen(found) == HASH_HEX - 1)
        memcpy(out_fingerprint, found, HASH_HEX);
    free(found);
    db_end(&q);
    return 0;
}

int ledger_checkpoint_put(struct state *s, const char *pipeline, const char *stage,
                          const char *path, const char *fingerprint, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "INSERT OR REPLACE INTO checkpoints VALUES(?,?,?,?)", e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, stage);
    db_text(&q, path);
    db_text(&q, fingerprint);
    return db_done(&q, e);
}

int ledger_lose(struct state *s, const char *run, struct err *e)
{
    static const char *const update[] = {
        ("UPDATE attempts SET state='lost', reason='the runner died'"
         " WHERE run=? AND state='running'"),
        ("UPDATE stages SET state='lost', reason='the runner died'"
         " WHERE run=? AND state='running'"),
        ("UPDATE runs SET state='lost', reason='the runner died'"
         " WHERE name=? AND state='running'"),
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof update / sizeof *update && rc == 0; i++) {
        struct query q;
        if ((rc = db_query(state_db(s), &q, update[i], e)) == 0) {
            db_text(&q, run);
            rc = db_done(&q, e);
        }
    }
    return rc;
}

int ledger_recovered(struct state *s, const char *run, const char *stage, int64_t attempt,
                     bool blocked, struct err *e)
{
    const char *state = blocked ? "blocked" : "succeeded";
    struct query q;
    int rc = db_query(
        state_db(s), &q,
        "UPDATE attempts SET state=?, exit_code=?, ended=? WHERE run=? AND stage=? AND number=?",
        e);
    if (rc)
        return rc;
    db_text(&q, state);
    db_int(&q, blocked ? ERR_BLOCKED : 0);
    db_int(&q, ledger_now_ms());
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    if ((rc = db_done(&q, e)) ||
        (rc = db_query(state_db(s), &q,
                       "UPDATE stages SET state=?, reason=? WHERE run=? AND stage=?", e)))
        return rc;
    db_text(&q, state);
    db_text(&q, "its commit was finished by the next run");
    db_text(&q, run);
    db_text(&q, stage);
    return db_done(&q, e);
}

/* ---- reading ---- */

void run_row_release(struct run_row *r)
{
    free(r->id);
    free(r->pipeline);
    free(r->state);
    free(r->reason);
    free(r->options);
    free(r->retry_of);
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

#define RUN_COLUMNS                                                                          \
    "SELECT name, pipeline, state, reason, options, retry_of, pid, pid_start, boot, began, " \
    "ended, exit_code FROM runs "

static void take_run(struct query *q, struct run_row *r)
{
    char *boot = db_get_text(q, 8);
    *r = (struct run_row){
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
    };
    if (boot && strlen(boot) < PROC_BOOT)
        memcpy(r->holder.boot, boot, strlen(boot) + 1);
    free(boot);
}

/* All rows of a query whose parameters are bound. */
static int take_runs(struct query *q, struct run_row **out, size_t *out_n, struct err *e)
{
    struct run_row *list = NULL;
    size_t n = 0;
    bool row;
    int rc;
    while ((rc = db_step(q, &row, e)) == 0 && row) {
        list = mem_grow(list, n, sizeof *list);
        take_run(q, &list[n++]);
    }
    if (rc) {
        run_rows_free(list, n);
        return rc;
    }
    db_end(q);
    *out = list;
    *out_n = n;
    return 0;
}

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

int ledger_running(struct state *s, const char *pipeline, struct run_row **out, size_t *out_n,
                   struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      RUN_COLUMNS "WHERE pipeline=? AND state='running' ORDER BY id", e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    return take_runs(&q, out, out_n, e);
}

int ledger_runs(struct state *s, const char *pipeline, int64_t limit, struct run_row **out,
                size_t *out_n, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      RUN_COLUMNS "WHERE ?1 IS NULL OR pipeline=?1 ORDER BY id DESC LIMIT ?2", e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_int(&q, limit > 0 ? limit : -1);
    if ((rc = take_runs(&q, out, out_n, e)) == 0)
        for (size_t i = 0; i < *out_n; i++)
            see_lost(&(*out)[i]);
    return rc;
}

int ledger_run(struct state *s, const char *id, struct run_row *out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      RUN_COLUMNS "WHERE ?1 IS NULL OR name=?1 ORDER BY id DESC LIMIT 1", e);
    *out = (struct run_row){ 0 };
    if (rc)
        return rc;
    db_text(&q, id);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        take_run(&q, out);
    db_end(&q);
    if (!row && id)
        return err_set(e, ERR_USAGE, "no run '%s'; 'refit history' lists them", id);
    if (!row)
        return err_set(e, ERR_USAGE, "nothing has run here yet");
    see_lost(out);
    return 0;
}

static int take_attempts(struct state *s, const char *run, struct stage_row *stage, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT number, state, reason, log, staging, began, ended, exit_code, "
                      "signal, user_us, system_us,"
                      " max_rss_kb, read_blocks, write_blocks FROM attempts WHERE run=? AND "
                      "stage=? ORDER BY number",
                      e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage->stage);
    while ((rc = db_step(&q, &row, e)) == 0 && row) {
        stage->attempt = mem_grow(stage->attempt, stage->n_attempt, sizeof *stage->attempt);
        stage->attempt[stage->n_attempt++] = (struct attempt_row){
            .stage = mem_strdup(stage->stage),
            .number = db_get_int(&q, 0),
            .state = db_get_text(&q, 1),
            .reason = db_get_text(&q, 2),
            .log = db_get_text(&q, 3),
            .staging = db_get_text(&q, 4),
            .began = db_get_int(&q, 5),
            .ended = db_get_int(&q, 6),
            .exit_code = db_get_int(&q, 7),
            .signal = db_get_int(&q, 8),
            .usage = { .user_us = db_get_int(&q, 9),
                       .system_us = db_get_int(&q, 10),
                       .max_rss_kb = db_get_int(&q, 11),
                       .read_blocks = db_get_int(&q, 12),
                       .write_blocks = db_get_int(&q, 13) },
        };
    }
    if (rc == 0)
        db_end(&q);
    return rc;
}

int ledger_stages(struct state *s, const char *run, struct stage_row **out, size_t *out_n,
                  struct err *e)
{
    struct stage_row *list = NULL;
    struct query q;
    size_t n = 0;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT stage, state, reason FROM stages WHERE run=? ORDER BY position", e);
    if (rc)
        return rc;
    db_text(&q, run);
    while ((rc = db_step(&q, &row, e)) == 0 && row) {
        list = mem_grow(list, n, sizeof *list);
        list[n++] = (struct stage_row){ .stage = db_get_text(&q, 0),
                                        .state = db_get_text(&q, 1),
                                        .reason = db_get_text(&q, 2) };
    }
    if (rc == 0)
        db_end(&q);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = take_attempts(s, run, &list[i], e);
    if (rc) {
        stage_rows_free(list, n);
        return rc;
    }
    *out = list;
    *out_n = n;
    return 0;
}

int ledger_last_attempted(struct state *s, const char *stage, char **out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT runs.name FROM runs JOIN attempts ON attempts.run = runs.name WHERE "
                      "attempts.stage=?"
                      " ORDER BY runs.id DESC LIMIT 1",
                      e);
    *out = NULL;
    if (rc)
        return rc;
    db_text(&q, stage);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        *out = db_get_text(&q, 0);
    db_end(&q);
    return 0;
}

int ledger_metrics(struct state *s, const char *run, const char *stage, int64_t attempt,
                   json_t **out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(
        state_db(s), &q,
        "SELECT name, value FROM metrics WHERE run=? AND stage=? AND attempt=? ORDER BY rowid", e);
    *out = json_object();
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    while ((rc = db_step(&q, &row, e)) == 0 && row) {
        char *name = db_get_text(&q, 0);
        bool null = sqlite3_column_type(q.stmt, 1) == SQLITE_NULL;
        json_object_set_new(*out, name, null ? json_null() : json_real(db_get_real(&q, 1)));
        free(name);
    }
    if (rc == 0)
        db_end(&q);
    return rc;
}

int ledger_warnings(struct state *s, const char *run, const char *stage, int64_t attempt,
                    json_t **out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(
        state_db(s), &q,
        "SELECT text FROM warnings WHERE run=? AND stage=? AND attempt=? ORDER BY rowid", e);
    *out = json_array();
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, stage);
    db_int(&q, attempt);
    while ((rc = db_step(&q, &row, e)) == 0 && row) {
        char *text = db_get_text(&q, 0);
        json_array_append_new(*out, json_string(text));
        free(text);
    }
    if (rc == 0)
        db_end(&q);
    return rc;
}
