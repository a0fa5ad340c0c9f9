#include "runner/memory/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_SAME_SECOND = 1000 };

int64_t ledger_now_ms(void)
{
    return state_now_ns() / 1000000;
}

char *ledger_scheduled_at(const struct run_row *r)
{
    char text[CIVIL_STAMP];
    civil_stamp((r->scheduled ? r->scheduled : r->began) / 1000, text);
    return mem_strdup(text);
}

/* ---- writing ---- */

int ledger_has_run(struct state *s, const char *run, bool *out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "SELECT 1 FROM runs WHERE name=?", e);
    if (rc)
        return rc;
    db_text(&q, run);
    rc = db_step(&q, out, e);
    db_end(&q);
    return rc;
}

/* A name is taken when its directory is there, and when the memory knows it: the directory may have
 * gone with the power where the row has not. */
static int take_name(struct state *s, const char *id, bool *out_ours, struct err *e)
{
    char *path = str_format(STATE_DIR "/runs/%s", id);
    bool known = false;
    int rc = ledger_has_run(s, id, &known, e);
    *out_ours = rc == 0 && !known && mkdir(path, 0777) == 0;
    if (rc == 0 && !known && !*out_ours && errno != EEXIST)
        rc = err_sys(e, "cannot make a directory in '%s/runs'", STATE_DIR);
    free(path);
    return rc;
}

static int name_run(struct state *s, char **out, struct err *e)
{
    char stamp[32];
    struct tm tm;
    time_t now = time(NULL);

    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
    if (mkdir(STATE_DIR "/runs", 0777) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the directory '%s/runs'", STATE_DIR);
    for (int i = 1; i <= MAX_SAME_SECOND; i++) {
        char *id = i == 1 ? mem_strdup(stamp) : str_format("%s-%d", stamp, i);
        bool ours;
        int rc = take_name(s, id, &ours, e);
        if (ours) {
            *out = id;
            return 0;
        }
        free(id);
        if (rc)
            return rc;
    }
    return err_set(e, ERR_IO, "more than %d runs in one second", (int)MAX_SAME_SECOND);
}

int ledger_run_begin(struct state *s, const char *pipeline, const char *options,
                     const char *retry_of, char **out_id, struct err *e)
{
    struct query q;
    struct proc_id self = proc_self();
    int rc = name_run(s, out_id, e);
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

int ledger_run_options(struct state *s, const char *run, const char *options, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "UPDATE runs SET options=? WHERE name=?", e);
    if (rc)
        return rc;
    db_text(&q, options);
    db_text(&q, run);
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
        " max_rss_kb=?, read_blocks=?, write_blocks=?, limits=? WHERE run=? AND stage=? AND "
        "number=?",
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
    db_text(&q, a->limits);
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

int ledger_checkpoint(struct state *s, const char *pipeline, const char *stage, const char *path,
                      char out_fingerprint[HASH_HEX], struct err *e)
{
    struct query q;
    bool row;
    out_fingerprint[0] = '\0';
    int rc = db_query(state_db(s), &q,
                      "SELECT fingerprint FROM checkpoints WHERE pipeline=? AND stage=? AND path=?",
                      e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, stage);
    db_text(&q, path);
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
