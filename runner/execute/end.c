/* A run after its last stage: what became of it, in the memory, on the screen, as JSON. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/show/exits.h"
#include "runner/show/report.h"
#include "runner/execute/progress.h"
#include "runner/execute/run.h"
#include "runner/notify/occasion.h"

struct tally {
    size_t succeeded, reused, skipped, blocked, failed, timed_out, not_run, machine;
};

static struct tally count(const struct run *r)
{
    struct tally t = { 0 };
    for (size_t i = 0; i < r->m.n_stage; i++) {
        switch (r->work[i].state) {
        case WORK_SUCCEEDED:
            t.succeeded++;
            break;
        case WORK_REUSED:
            t.reused++;
            break;
        case WORK_SKIPPED:
            t.skipped++;
            break;
        case WORK_BLOCKED:
            t.blocked++;
            break;
        case WORK_TIMED_OUT:
            t.timed_out++;
            break;
        case WORK_FAILED:
            t.failed++;
            t.machine += r->work[i].machine;
            break;
        case WORK_OFF:
            break;
        default:
            t.not_run++;
        }
    }
    return t;
}

static int verdict(const struct run *r, const struct tally *t, const char **out_state)
{
    *out_state = "failed";
    if (r->signal) {
        *out_state = "aborted";
        return 128 + r->signal;
    }
    if (r->timed_out)
        return EXIT_TIMEOUT;
    if (t->machine > 0)
        return ERR_IO;
    if (t->failed + t->timed_out > 0)
        return r->o.keep_going ? EXIT_PARTLY : t->failed > 0 ? EXIT_FAILED : EXIT_TIMEOUT;
    if (t->blocked > 0) {
        *out_state = "blocked";
        return EXIT_BLOCKED;
    }
    *out_state = t->skipped > 0 ? "skipped" : "succeeded";
    return 0;
}

static void add_count(struct str *out, size_t n, const char *what)
{
    if (n > 0)
        str_addf(out, "%s%zu %s", out->n ? ", " : "", n, what);
}

static void show_end(struct run *r, const struct tally *t, const char *state, int64_t took_ms)
{
    struct str counts = { 0 }, line = { 0 };
    add_count(&counts, t->succeeded, "done");
    add_count(&counts, t->reused, "reused");
    add_count(&counts, t->skipped, "skipped");
    add_count(&counts, t->blocked, "blocked");
    add_count(&counts, t->failed + t->timed_out, "failed");
    add_count(&counts, t->not_run, "not run");
    str_addf(&line, "run %s of '%s' %s: %s in ", r->id, r->m.name, state, str_text(&counts));
    show_add_time(&line, took_ms);
    show_text(&r->show, false, str_text(&line));
    str_release(&line);
    str_release(&counts);
}

static char *end_reason(const struct run *r)
{
    struct str text = { 0 };
    if (r->signal)
        return mem_strdup(strsignal(r->signal));
    if (!r->timed_out)
        return r->idle ? mem_strdup("nothing to do") : NULL;
    str_addz(&text, "timed out after ");
    show_add_time(&text, r->timeout_ms);
    return str_take(&text);
}

int run_end(struct run *r, int64_t began, int *out_status, struct err *e)
{
    struct tally t = count(r);
    const char *state;
    int rc = 0;

    *out_status = verdict(r, &t, &state);
    progress_remove(r);
    if ((rc = state_begin(r->s, e)))
        return rc;
    char *reason = end_reason(r);
    rc = ledger_run_end(r->s, r->id, state, reason, *out_status, e);
    free(reason);
    if (rc == 0 && !r->no_notify)
        rc = occasion_run_ended(r->s, &r->m.channels, r->id, false, e);
    if (rc == 0)
        rc = state_commit(r->s, e);
    else
        db_rollback(state_db(r->s));
    if (rc == 0)
        show_end(r, &t, state, r->x.now_ms(r->x.self) - began);
    return rc;
}

/* The runner itself is in trouble: nothing may run on without it. */
static void abandon(struct run *r)
{
    struct exec_report report;
    struct err ignored = { 0 };
    run_stop(r, true);
    while (run_is_active(r)) {
        if (r->x.wait(r->x.self, -1, &report, &ignored))
            return;
        if (report.kind == EXEC_ENDED)
            work_enter(r, &r->work[report.key], WORK_ABORTED);
    }
}

static int record_failure(struct run *r, const struct channels *told, const struct err *why,
                          struct err *e)
{
    int rc = state_begin(r->s, e);
    if (rc)
        return rc;
    if ((rc = ledger_lose(r->s, r->id, e)) ||
        (rc = ledger_run_end(r->s, r->id, "failed", why->text, why->code, e)) ||
        (rc = r->no_notify ? 0 : occasion_run_ended(r->s, told, r->id, false, e))) {
        db_rollback(state_db(r->s));
        return rc;
    }
    return state_commit(r->s, e);
}

/* The runner failed: say so in its row, if that can still be written. */
void run_end_badly(struct run *r, const struct err *why)
{
    struct run_row row = { 0 };
    struct channels other = { 0 };
    struct err ignored = { 0 };
    if (r->work)
        abandon(r);
    if (!r->id)
        return;
    if (!r->m.name && ledger_run(r->s, r->id, &row, &ignored) == 0) /* the file cannot be read */
        run_channels(r, row.pipeline, &other);
    if (record_failure(r, r->m.name ? &r->m.channels : &other, why, &ignored) == 0 && r->x.self &&
        r->here)
        farewell_run(r, r->id, false);
    channels_release(&other);
    run_row_release(&row);
}

int run_print_json(struct run *r, struct err *e)
{
    struct run_row row = { 0 };
    json_t *doc = NULL;
    int rc = 0;
    if (r->id) {
        rc = ledger_run(r->s, r->id, &row, e);
        if (rc == 0)
            rc = report_run(r->s, &row, &doc, e);
    } else {
        json_t *stages = json_array();
        for (size_t i = 0; i < r->m.n_stage; i++)
            json_array_append_new(
                stages,
                json_pack("{s:s, s:s, s:s}", "stage", r->m.stage[i].name, "state",
                          r->work[i].state == WORK_OFF ? "off" : "reused", "reason",
                          r->work[i].reason ? r->work[i].reason : r->work[i].decision.reason));
        doc = json_pack("{s:n, s:s, s:s, s:i, s:o}", "run", "pipeline", r->m.name, "state",
                        "nothing to do", "exit_code", 0, "stages", stages);
    }
    run_row_release(&row);
    return rc ? rc : report_print(doc, e);
}
