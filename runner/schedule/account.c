#include "runner/schedule/account.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "runner/show/exits.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/memory/ledger.h"
#include "runner/memory/ticks.h"
#include "runner/schedule/tick.h"

int outcome_read(struct state *s, const char *run, int status, struct outcome *out, struct err *e)
{
    struct run_row row = { 0 };
    int rc = ledger_run(s, run, &row, e);

    *out = (struct outcome){ .exit_code = status > 0 ? status : 0 };
    if (rc == ERR_USAGE) { /* there is none */
        *e = (struct err){ 0 };
        return 0;
    }
    if (rc)
        return rc;
    out->state = row.state;
    out->reason = row.reason;
    row.state = row.reason = NULL;
    out->queued = strcmp(out->state, "queued") == 0;
    if (row.ended)
        out->exit_code = (int)row.exit_code;
    else if (out->exit_code == 0 && strcmp(out->state, "lost") == 0)
        out->exit_code = EXIT_FAILED;
    run_row_release(&row);
    return 0;
}

int outcome_follow(struct crew *c, struct state *s, const struct crew_event *event,
                   struct outcome *out, bool *out_followed, struct err *e)
{
    struct run_row row = { 0 };
    int rc = outcome_read(s, event->member.run, event->status, out, e);
    *out_followed = false;
    if (rc || !out->state || strcmp(out->state, "running") != 0)
        return rc;
    if ((rc = ledger_run(s, event->member.run, &row, e)) == 0)
        *out_followed = crew_adopt(c, row.id, row.pipeline, &row.holder);
    run_row_release(&row);
    if (rc == 0 && !*out_followed) { /* it has ended between the two looks */
        outcome_release(out);
        rc = outcome_read(s, event->member.run, event->status, out, e);
    }
    return rc;
}

json_t *outcome_json(const char *run, const struct outcome *o)
{
    return json_pack("{s:s, s:s, s:s, s:s?, s:i}", "event", "ended", "run", run, "state",
                     o->state ? o->state : "overlapped", "reason", o->reason, "exit_code",
                     o->exit_code);
}

void outcome_release(struct outcome *o)
{
    free(o->state);
    free(o->reason);
    *o = (struct outcome){ 0 };
}

int outcome_worse(int a, int b)
{
    static const int order[] = { 0, EXIT_BLOCKED, EXIT_PARTLY, EXIT_FAILED };
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (a == order[i])
            return b;
        if (b == order[i])
            return a;
    }
    return a > b ? a : b;
}

void account_add_time(struct str *out, int64_t at_s)
{
    char text[32];
    struct tm tm;
    time_t at = (time_t)at_s;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&at, &tm));
    str_addz(out, text);
}

void account_add_fired(struct str *out, const struct fired *f, int64_t now_s)
{
    str_addf(out, "%s of ", f->schedule);
    account_add_time(out, f->at_s);
    if (!f->run) {
        str_addf(out, ": %s (%s)", f->state, f->reason);
        return;
    }
    str_addf(out, ": run %s", f->run);
    if (now_s - f->due_s > TICK_ON_TIME_S) {
        str_addz(out, ", late by ");
        show_add_time(out, (now_s - f->due_s) * 1000);
    }
}

json_t *account_fired(const char *pipeline, const struct fired *f)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s?, s:s?}", "event", "instant", "pipeline",
                     pipeline, "schedule", f->schedule, "instant", report_time(f->at_s * 1000),
                     "state", json_string(f->state), "reason", f->reason, "run", f->run);
}
