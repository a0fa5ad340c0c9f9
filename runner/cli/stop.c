/* The command stop: tell the runner of a run to end it, wait until it has. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/execute/lock.h"
#include "runner/memory/ledger.h"
#include "runner/memory/recall.h"
#include "runner/memory/ticks.h"
#include "runner/read/manifest.h"

/* Until its runner has ended. */
static void wait_for(const struct proc_id *id)
{
    static const struct timespec rest = { .tv_nsec = 50 * 1000000 };
    struct pollfd wait = { .fd = proc_open(id), .events = POLLIN };
    if (wait.fd >= 0) {
        poll(&wait, 1, -1);
        close(wait.fd);
    }
    while (proc_lives(id)) /* no pidfd to be had */
        nanosleep(&rest, NULL);
}

/* Its runner by pid, start time and boot: never another process that has the pid now. */
static int stop_running(const struct cli *c, const struct run_row *run, struct err *e)
{
    if (!proc_tell(&run->holder, SIGTERM))
        return err_set(e, ERR_IO, "the runner of run %s (pid %lld) is not to be seen from here",
                       run->id, (long long)run->holder.pid);
    if (c->now) /* the second signal kills; one of each is never merged into one */
        proc_tell(&run->holder, SIGINT);
    if (!c->quiet && !c->json) {
        printf("stopping run %s of '%s' (pid %lld)\n", run->id, run->pipeline,
               (long long)run->holder.pid);
        fflush(stdout);
    }
    wait_for(&run->holder);
    return 0;
}

static int stop_queued(struct state *s, const struct run_row *run, struct err *e)
{
    bool done;
    int rc = state_begin(s, e);
    if (rc)
        return rc;
    if ((rc = ticks_abort(s, run->id, "stopped before it began", &done, e)))
        db_rollback(state_db(s));
    else if ((rc = state_commit(s, e)) == 0 && !done)
        rc = err_set(e, ERR_RETRY, "run %s has just begun", run->id);
    return rc;
}

static bool is_running(const struct run_row *r)
{
    return strcmp(r->state, "running") == 0;
}

/* Without a name: the one that is running, or the only one that waits. */
static int find_live(const struct cli *c, struct state *s, struct run_row *out, struct err *e)
{
    static const char *const live[] = { "running", "queued" };
    struct past_filter f = { .status = live, .n_status = 2 };
    struct manifest m = { 0 };
    struct run_row *list = NULL;
    struct str names = { 0 };
    size_t n = 0, n_found = 0, found = 0;
    int rc = c->file_given ? manifest_read(&m, c->file, NULL, s, e) : 0;

    f.pipeline = m.name;
    if (rc || (rc = past_runs(s, &f, &list, &n, e)))
        goto out;
    for (int pass = 0; pass < 2 && n_found == 0; pass++) {
        for (size_t i = 0; i < n; i++) {
            if (pass == 0 && !is_running(&list[i]))
                continue;
            str_addf(&names, "%s%s", n_found ? ", " : "", list[i].id);
            found = i;
            n_found++;
        }
    }
    if (n_found == 1) {
        *out = list[found];
        list[found] = (struct run_row){ 0 };
    } else if (n_found > 1) {
        rc = err_set(e, ERR_USAGE, "which run? %s", str_text(&names));
    }
out:
    str_release(&names);
    run_rows_free(list, n);
    manifest_release(&m);
    return rc;
}

static int tell(const struct cli *c, const struct run_row *r, struct err *e)
{
    if (c->json)
        return report_print(json_pack("{s:s?, s:s, s:s?}", "run", r->id, "state",
                                      r->id ? r->state : "nothing is running", "reason", r->reason),
                            e);
    if (!c->quiet && !r->id)
        printf("nothing is running\n");
    else if (!c->quiet)
        printf("run %s %s%s%s\n", r->id, r->state, r->reason ? ": " : "",
               r->reason ? r->reason : "");
    return 0;
}

int command_stop(const struct cli *c, struct err *e)
{
    struct run_row run = { 0 }, after = { 0 };
    struct state *s = NULL;
    int rc;

    if ((rc = state_open(&s, true, e)) ||
        (rc = c->n_name ? ledger_run(s, c->name[0], &run, e) : find_live(c, s, &run, e)))
        goto out;
    if (!run.id) {
        rc = tell(c, &run, e);
        goto out;
    }
    state_rest(s);
    if (strcmp(run.state, "queued") == 0)
        rc = stop_queued(s, &run, e);
    else if (is_running(&run))
        rc = stop_running(c, &run, e);
    if (rc == 0 && (rc = ledger_run(s, run.id, &after, e)) == 0)
        rc = tell(c, &after, e);
out:
    run_row_release(&after);
    run_row_release(&run);
    state_close(s);
    return rc;
}
