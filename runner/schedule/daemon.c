#define _GNU_SOURCE
#include "runner/schedule/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/show/report.h"
#include "runner/execute/lock.h"
#include "runner/memory/ledger.h"
#include "runner/memory/ticks.h"
#include "runner/notify/occasion.h"
#include "runner/schedule/account.h"
#include "runner/schedule/agenda.h"
#include "runner/schedule/courier.h"
#include "runner/schedule/crew.h"
#include "runner/schedule/fire.h"
#include "runner/schedule/herald.h"
#include "runner/schedule/sdnotify.h"

enum {
    AGAIN_S = 60,   /* before a runner that could not even begin is started again */
    BEHIND_S = 300, /* a clock so far behind is worth a word */
};

/** One pipeline file. */
struct charge {
    struct agenda agenda;
    struct lock lock;
    int64_t next_s;
    bool was_behind;
};

struct daemon {
    const struct daemon_options *o;
    struct charge *charge; /* (n) */
    size_t n;
    struct crew crew;
    struct herald herald;
    struct sdnotify notify;
    bool quiet_runs;
    bool stopping;
    int64_t again_s; /* try what could not be started; INT64_MAX */
    struct courier courier;
};

static int64_t now_s(void)
{
    return ledger_now_ms() / 1000;
}

/* ---- tell ---- */

static void tell_status(const struct daemon *d, const char *before)
{
    struct str text = { 0 };
    const struct charge *next = NULL;
    for (size_t i = 0; i < d->n; i++)
        if (d->charge[i].next_s != INT64_MAX && (!next || d->charge[i].next_s < next->next_s))
            next = &d->charge[i];
    str_addf(&text, "%sSTATUS=", before);
    if (d->stopping)
        str_addz(&text, "stopping; ");
    if (next && !d->stopping) {
        str_addf(&text, "next %s at ", next->agenda.pipeline);
        account_add_time(&text, next->next_s);
        str_addz(&text, "; ");
    }
    str_addf(&text, "%zu running", d->crew.n);
    sdnotify_send(&d->notify, str_text(&text));
    str_release(&text);
}

/* ---- decide and start ---- */

static int read_again(struct daemon *d, struct charge *c, struct state *s, struct err *e)
{
    struct agenda fresh;
    struct lock lock = { .fd = -1 };
    int rc = agenda_read(&fresh, c->agenda.file, s, e);
    if (rc)
        return rc;
    if (strcmp(fresh.pipeline, c->agenda.pipeline) != 0) {
        if ((rc = lock_take_daemon(&lock, fresh.pipeline, "refit daemon", e))) {
            agenda_release(&fresh);
            return rc;
        }
        lock_release(&c->lock);
        c->lock = lock;
    }
    agenda_release(&c->agenda);
    c->agenda = fresh;
    char *text = str_format("%s: read again", c->agenda.file);
    herald_say(&d->herald, text);
    free(text);
    return 0;
}

/* A file that cannot be read now keeps its old schedules; told again at each decision until it can.
 */
static void refresh(struct daemon *d, struct state *s, bool all)
{
    for (size_t i = 0; i < d->n; i++) {
        struct err e = { 0 };
        struct charge *c = &d->charge[i];
        if ((all || agenda_is_old(&c->agenda)) && read_again(d, c, s, &e)) {
            err_wrap(&e, "the schedules of '%s' stay as they were", c->agenda.pipeline);
            herald_error(&d->herald, &e);
        }
    }
}

static void warn_of_clock(struct daemon *d, struct charge *c, const struct firing *f)
{
    bool behind = f->behind_s > BEHIND_S;
    if (behind && !c->was_behind) {
        char *text = str_format("%s: the clock was set back: it is %lld s behind what has been "
                                "decided, nothing fires until then",
                                c->agenda.pipeline, (long long)f->behind_s);
        herald_complain(&d->herald, text);
        free(text);
    }
    c->was_behind = behind;
}

static int fire(struct daemon *d, struct charge *c, struct state *s, struct err *e)
{
    struct firing f;
    int64_t now = now_s();
    int rc = fire_decide(s, &c->agenda, now, false, &f, e);
    if (rc)
        return rc;
    herald_fired(&d->herald, c->agenda.pipeline, &f, now);
    warn_of_clock(d, c, &f);
    c->next_s = f.next_s;
    firing_release(&f);
    return crew_start(&d->crew, s, c->agenda.pipeline, true, e);
}

static void send_due(struct daemon *d, struct state *s)
{
    struct err e = { 0 };
    if (!d->stopping && courier_look(&d->courier, &d->crew, s, now_s(), &e))
        herald_error(&d->herald, &e);
}

/* Nothing that fails here ends the daemon: a full disk is told, and tried again. */
static void wake(struct daemon *d, bool read_all)
{
    struct err e = { 0 };
    struct state *s;

    d->again_s = INT64_MAX;
    if (state_open(&s, true, &e)) {
        herald_error(&d->herald, &e);
        d->again_s = now_s() + AGAIN_S;
        return;
    }
    refresh(d, s, read_all);
    for (size_t i = 0; i < d->n; i++) {
        if (fire(d, &d->charge[i], s, &e)) {
            err_wrap(&e, "%s", d->charge[i].agenda.pipeline);
            herald_error(&d->herald, &e);
            d->again_s = now_s() + AGAIN_S;
        }
    }
    send_due(d, s);
    state_close(s);
}

/* ---- begin ---- */

static int take_charge(struct daemon *d, const char *file, struct state *s, struct err *e)
{
    struct charge *c = &d->charge[d->n];
    int rc = agenda_read(&c->agenda, file, s, e);

    *c = (struct charge){ .agenda = c->agenda, .lock = { .fd = -1 }, .next_s = INT64_MAX };
    d->n++;
    for (size_t i = 0; i + 1 < d->n && rc == 0; i++)
        if (strcmp(d->charge[i].agenda.pipeline, c->agenda.pipeline) == 0)
            rc = err_set(e, ERR_USAGE, "'%s' and '%s' are both called '%s'",
                         d->charge[i].agenda.file, file, c->agenda.pipeline);
    return rc ? rc : lock_take_daemon(&c->lock, c->agenda.pipeline, "refit daemon", e);
}

/* A run that is going on since before: one of a schedule is ours to watch, whoever started it. */
static void adopt(struct daemon *d, const struct run_row *row)
{
    struct str text = { 0 };
    if (strcmp(row->state, "lost") == 0)
        str_addf(&text, "run %s is lost: the runner died; 'refit retry %s' continues it", row->id,
                 row->id);
    else if (row->schedule && crew_adopt(&d->crew, row->id, row->pipeline, &row->holder))
        str_addf(&text, "run %s is going on (pid %lld)", row->id, (long long)row->holder.pid);
    if (text.n > 0)
        herald_say(&d->herald, str_text(&text));
    str_release(&text);
}

static int look_around(struct daemon *d, struct state *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < d->n && rc == 0; i++) {
        struct run_row *row = NULL, one;
        size_t n = 0;
        const struct agenda *a = &d->charge[i].agenda;
        if ((rc = occasion_lost(s, &a->told, a->pipeline, e)) == 0)
            rc = ledger_running(s, a->pipeline, &row, &n, e);
        for (size_t k = 0; k < n && rc == 0; k++) {
            if ((rc = ledger_run(s, row[k].id, &one, e)) == 0) /* with what is lost */
                adopt(d, &one);
            run_row_release(&one);
        }
        run_rows_free(row, n);
    }
    return rc;
}

static int begin(struct daemon *d, struct err *e)
{
    struct starter starter = { .self = &d->quiet_runs, .start = runner_start };
    struct state *s;
    int rc = state_open(&s, true, e);
    if (rc)
        return rc;
    d->charge = mem_calloc(d->o->n_file, sizeof *d->charge);
    for (size_t i = 0; i < d->o->n_file && rc == 0; i++)
        rc = take_charge(d, d->o->file[i], s, e);
    if (rc == 0 && (rc = crew_open(&d->crew, &starter, e)) == 0)
        rc = look_around(d, s, e);
    state_close(s);
    return rc;
}

static void release(struct daemon *d)
{
    crew_close(&d->crew);
    for (size_t i = 0; i < d->n; i++) {
        agenda_release(&d->charge[i].agenda);
        lock_release(&d->charge[i].lock);
    }
    free(d->charge);
    sdnotify_close(&d->notify);
}

/* ---- go on ---- */

static struct charge *charge_of(struct daemon *d, const char *pipeline)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->charge[i].agenda.pipeline, pipeline) == 0)
            return &d->charge[i];
    return NULL;
}

static int look_after(struct daemon *d, const struct crew_event *event, struct err *e)
{
    struct outcome o;
    struct state *s;
    int rc = state_open(&s, true, e);
    if (rc)
        return rc;
    if ((rc = outcome_read(s, event->member.run, event->status, &o, e)) == 0) {
        if (!o.queued)
            herald_outcome(&d->herald, event->member.run, &o);
        else if (!d->stopping) { /* it could not begin: not again at once */
            char *text = str_format("run %s could not be started (status %d); again in %d s",
                                    event->member.run, event->status, (int)AGAIN_S);
            herald_complain(&d->herald, text);
            free(text);
            d->again_s = now_s() + AGAIN_S;
        }
        const struct charge *c = charge_of(d, event->member.pipeline);
        if (c && o.state && strcmp(o.state, "lost") == 0)
            rc = occasion_lost(s, &c->agenda.told, c->agenda.pipeline, e);
        if (rc == 0 && !o.queued && !d->stopping && c)
            rc = crew_start(&d->crew, s, event->member.pipeline, true, e);
        outcome_release(&o);
    }
    send_due(d, s);
    state_close(s);
    return rc;
}

static void run_ended(struct daemon *d, struct crew_event *event)
{
    struct err e = { 0 };
    if (look_after(d, event, &e)) {
        herald_error(&d->herald, &e);
        d->again_s = now_s() + AGAIN_S;
    }
    member_release(&event->member);
}

static void errand_ended(struct daemon *d, int status)
{
    struct err e = { 0 };
    struct state *s;
    if (status != 0)
        herald_complain(&d->herald,
                        "some notifications are not delivered: 'refit notify -n' lists them");
    courier_back(&d->courier, status, now_s());
    if (state_open(&s, true, &e)) {
        herald_error(&d->herald, &e);
        return;
    }
    send_due(d, s);
    state_close(s);
}

/* Told to let the runs finish, those that have not begun stay queued. */
static void stop_waiting_ones(struct daemon *d)
{
    struct err e = { 0 };
    struct state *s;
    if (state_open(&s, true, &e)) {
        herald_error(&d->herald, &e);
        return;
    }
    for (size_t i = 0; i < d->crew.n; i++) {
        struct outcome o;
        if (outcome_read(s, d->crew.member[i].run, 0, &o, &e) == 0 && o.queued)
            member_signal(&d->crew.member[i], SIGTERM);
        outcome_release(&o);
    }
    state_close(s);
}

static void stop(struct daemon *d)
{
    char *text;
    bool again = d->stopping;
    d->stopping = true;
    if (again || !d->o->finish)
        crew_stop(&d->crew, again);
    else
        stop_waiting_ones(d);
    text = str_format("%s %zu running",
                      again          ? "killing what is"
                      : d->o->finish ? "waiting for"
                                     : "stopping",
                      d->crew.n);
    herald_say(&d->herald, text);
    free(text);
    tell_status(d, "STOPPING=1\n");
}

static void reload(struct daemon *d)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    char *text = str_format("RELOADING=1\nMONOTONIC_USEC=%lld",
                            (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    sdnotify_send(&d->notify, text);
    free(text);
    wake(d, true);
    tell_status(d, "READY=1\n");
}

static int64_t wake_time(const struct daemon *d)
{
    int64_t at = d->stopping ? INT64_MAX : d->again_s;
    if (!d->stopping && d->courier.next_s < at)
        at = d->courier.next_s;
    for (size_t i = 0; i < d->n && !d->stopping; i++)
        if (d->charge[i].next_s < at)
            at = d->charge[i].next_s;
    return at;
}

static int go_on(struct daemon *d, struct err *e)
{
    struct crew_event event;
    int timeout = d->notify.watchdog_ms ? (int)d->notify.watchdog_ms : -1;
    int rc = 0;
    while (rc == 0 && !(d->stopping && d->crew.n == 0)) {
        if ((rc = crew_wake_at(&d->crew, wake_time(d), e)) ||
            (rc = crew_wait(&d->crew, timeout, &event, e)))
            break;
        if (d->notify.watchdog_ms)
            sdnotify_send(&d->notify, "WATCHDOG=1");
        switch (event.kind) {
        case CREW_TIMEOUT:
            continue;
        case CREW_ENDED:
            run_ended(d, &event);
            break;
        case CREW_ERRAND:
            errand_ended(d, event.status);
            break;
        case CREW_CLOCK:
            if (!d->stopping)
                wake(d, false);
            break;
        case CREW_SIGNAL:
            if (event.signal != SIGHUP)
                stop(d);
            else if (!d->stopping)
                reload(d);
            break;
        }
        tell_status(d, "");
    }
    return rc;
}

int daemon_run(const struct daemon_options *o, struct err *e)
{
    struct daemon d = { .o = o,
                        .herald = { .json = o->json, .quiet = o->quiet },
                        .quiet_runs = o->json || o->quiet,
                        .crew = { .epoll = -1, .signals = -1, .timer = -1 },
                        .again_s = INT64_MAX,
                        .courier = COURIER_IDLE };
    int rc;

    sdnotify_open(&d.notify);
    if ((rc = begin(&d, e)) == 0) {
        wake(&d, false);
        herald_say(&d.herald, "ready");
        tell_status(&d, "READY=1\n");
        rc = go_on(&d, e);
    }
    release(&d);
    return rc;
}
