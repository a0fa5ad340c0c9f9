/* refit tick: what a daemon does, once. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/show/report.h"
#include "runner/memory/ledger.h"
#include "runner/notify/delivery.h"
#include "runner/notify/occasion.h"
#include "runner/schedule/account.h"
#include "runner/schedule/agenda.h"
#include "runner/schedule/crew.h"
#include "runner/schedule/daemon.h"
#include "runner/schedule/fire.h"

struct oneshot {
    const struct daemon_options *o;
    struct state *s;
    struct agenda *agenda; /* (n) */
    bool *mine;            /* (n) this call has queued runs of it */
    size_t n;
    struct crew crew;
    json_t *instants, *runs;
    int worst, signal;
};

static void tell(const struct oneshot *t, const char *pipeline, const struct firing *f, int64_t now)
{
    struct str text = { 0 };
    for (size_t i = 0; i < f->n; i++) {
        str_clear(&text);
        str_addf(&text, "%s%s.", t->o->dry_run ? "would decide " : "", pipeline);
        account_add_fired(&text, &f->list[i], now);
        json_array_append_new(t->instants, account_fired(pipeline, &f->list[i]));
        if (!t->o->json && !t->o->quiet)
            printf("%s\n", str_text(&text));
    }
    if (f->n_more > 0 && !t->o->json && !t->o->quiet)
        printf("%s: and %zu older instants that are too many to list\n", pipeline, f->n_more);
    fflush(stdout);
    str_release(&text);
}

static int start(struct oneshot *t, size_t i, struct err *e)
{
    /* Else only what a process queued that did not come to start it. */
    return crew_start(&t->crew, t->s, t->agenda[i].pipeline, t->mine[i], e);
}

static int fire(struct oneshot *t, size_t i, struct err *e)
{
    const struct agenda *a = &t->agenda[i];
    int64_t now = ledger_now_ms() / 1000;
    struct firing f;
    int rc = t->o->dry_run ? 0 : occasion_lost(t->s, &a->told, a->pipeline, e);
    if (rc || (rc = fire_decide(t->s, a, now, t->o->dry_run, &f, e)))
        return rc;
    tell(t, a->pipeline, &f, now);
    for (size_t k = 0; k < f.n; k++)
        t->mine[i] |= f.list[k].run != NULL;
    firing_release(&f);
    return t->o->dry_run ? 0 : start(t, i, e);
}

static int run_ended(struct oneshot *t, struct crew_event *event, struct err *e)
{
    struct outcome o;
    bool followed;
    int rc = outcome_follow(&t->crew, t->s, event, &o, &followed, e);
    if (rc == 0 && !followed) {
        t->worst = outcome_worse(t->worst, o.exit_code);
        json_array_append_new(t->runs, outcome_json(event->member.run, &o));
    }
    for (size_t i = 0; i < t->n && rc == 0 && !followed && !o.queued && !t->signal; i++)
        if (strcmp(t->agenda[i].pipeline, event->member.pipeline) == 0)
            rc = start(t, i, e);
    outcome_release(&o);
    return rc;
}

static int wait_for_all(struct oneshot *t, struct err *e)
{
    struct crew_event event;
    int rc = 0;
    while (rc == 0 && t->crew.n > 0) {
        state_rest(t->s);
        if ((rc = crew_wait(&t->crew, -1, &event, e)))
            break;
        if (event.kind == CREW_ENDED) {
            rc = run_ended(t, &event, e);
            member_release(&event.member);
        } else if (event.kind == CREW_SIGNAL) {
            crew_stop(&t->crew, t->signal != 0);
            t->signal = event.signal;
        }
    }
    return rc;
}

static int fire_all(struct oneshot *t, struct err *e)
{
    static bool quiet;
    struct starter starter = { .self = &quiet, .start = runner_start };
    struct err broken = { 0 };
    int rc = state_open(&t->s, !t->o->dry_run, e);

    quiet = t->o->json || t->o->quiet;
    t->agenda = mem_calloc(t->o->n_file, sizeof *t->agenda);
    t->mine = mem_calloc(t->o->n_file, sizeof *t->mine);
    if (rc == 0)
        rc = crew_open(&t->crew, &starter, e);
    for (size_t i = 0; i < t->o->n_file && rc == 0; i++) {
        if (agenda_read(&t->agenda[t->n], t->o->file[i], t->s, &broken) == 0)
            t->n++;
        else if (t->o->n_file == 1)
            rc = err_set(e, broken.code, "%s", broken.text);
        else /* no reason for the others not to run */
            t->worst = outcome_worse(t->worst, err_report(&broken, "refit"));
        broken = (struct err){ 0 };
    }
    for (size_t i = 0; i < t->n && rc == 0; i++)
        rc = fire(t, i, e);
    return rc ? rc : wait_for_all(t, e);
}

/* Runs tell of themselves; what is left is what was missed, and what did not arrive before. */
static void tell_what_is_due(struct oneshot *t)
{
    struct show show;
    show_init(&show, t->o->quiet ? NULL : t->o->json ? stderr : stdout, false, false, 0);
    outbox_deliver_after_run(t->s, &show, false);
    show_release(&show);
}

int tick_run(const struct daemon_options *o, int *out_status, struct err *e)
{
    struct oneshot t = { .o = o,
                         .crew = { .epoll = -1, .signals = -1, .timer = -1 },
                         .instants = json_array(),
                         .runs = json_array() };
    int rc = fire_all(&t, e);

    *out_status = t.signal ? 128 + t.signal : t.worst;
    if (rc == 0 && o->json)
        rc = report_print(json_pack("{s:O, s:O, s:i}", "instants", t.instants, "runs", t.runs,
                                    "exit_code", *out_status),
                          e);
    if (rc == 0 && !o->dry_run && !t.signal)
        tell_what_is_due(&t);
    for (size_t i = 0; i < t.n; i++)
        agenda_release(&t.agenda[i]);
    free(t.agenda);
    free(t.mine);
    crew_close(&t.crew);
    state_close(t.s);
    json_decref(t.instants);
    json_decref(t.runs);
    return rc;
}
