/* The command backfill: the instants of a range that have no run get one, one after the other. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/memory/ledger.h"
#include "runner/memory/ticks.h"
#include "runner/schedule/account.h"
#include "runner/schedule/agenda.h"
#include "runner/schedule/crew.h"
#include "runner/schedule/tick.h"

enum { MOST = 1000, COUNT_TO = 100000 };

struct instant {
    size_t schedule; /* of the agenda */
    int64_t at_s;
};

struct backfill {
    const struct cli *c;
    struct state *s;
    struct agenda a;
    struct instant *list; /* (n < MOST) by time */
    size_t n_listed, n;   /* n: without the limit of the list */
    struct crew crew;
    json_t *runs;
    int worst, signal;
};

/* ---- which ---- */

/* A time of the zone; with Z or +01:00 behind it (RFC 3339) of that offset. */
static bool parse_time(const struct zone *z, const char *text, bool last, int64_t *out_s)
{
    size_t n = strlen(text);
    int hours, minutes;
    if (n < 16 || (text[n - 6] != '+' && text[n - 6] != '-') || text[n - 3] != ':' ||
        sscanf(text + n - 5, "%2d:%2d", &hours, &minutes) != 2)
        return zone_parse(z, text, last, out_s);
    char *utc = str_format("%.*sZ", (int)(n - 6), text);
    bool ok = hours >= 0 && hours < 24 && minutes >= 0 && minutes < 60 &&
              zone_parse(z, utc, last, out_s);
    int64_t offset = hours * 3600 + minutes * 60;
    if (ok)
        *out_s -= text[n - 6] == '-' ? -offset : offset;
    free(utc);
    return ok;
}

static int bound(const struct zone *z, const char *option, const char *text, bool last,
                 int64_t *out_s, struct err *e)
{
    if (!text)
        return err_set(e, ERR_USAGE, "backfill wants --from TIME and --to TIME");
    if (parse_time(z, text, last, out_s))
        return 0;
    return err_set(e, ERR_USAGE,
                   "%s '%s' is not a time: want 2026-03-29 or \"2026-03-29 14:30\" (of the "
                   "schedule's zone), 2026-03-29T14:30:00Z or ...+01:00",
                   option, text);
}

static int add_instant(struct backfill *b, size_t schedule, int64_t at_s, struct err *e)
{
    char *state;
    int rc = ticks_state(b->s, b->a.pipeline, b->a.schedule[schedule].name, at_s, &state, e);
    if (rc)
        return rc;
    bool has_run = state && (strcmp(state, "fired") == 0 || strcmp(state, "backfilled") == 0);
    free(state);
    if (has_run || ++b->n > MOST)
        return 0;
    b->list = mem_grow(b->list, b->n_listed, sizeof *b->list);
    b->list[b->n_listed++] = (struct instant){ schedule, at_s };
    return 0;
}

static int find_of(struct backfill *b, size_t i, struct err *e)
{
    const struct schedule *s = &b->a.schedule[i];
    int64_t from, to, now = ledger_now_ms() / 1000;
    struct tick tick;
    int rc;
    if ((rc = bound(&s->zone, "--from", b->c->from, false, &from, e)) ||
        (rc = bound(&s->zone, "--to", b->c->to, true, &to, e)))
        return rc;
    if (from > to)
        return err_set(e, ERR_USAGE, "--from '%s' is after --to '%s'", b->c->from, b->c->to);
    if (from > now)
        return err_set(e, ERR_USAGE, "--from '%s' has not come yet", b->c->from);
    to = to < now ? to : now; /* the schedule itself takes care of what comes */
    for (int64_t at = from - 1; rc == 0 && b->n < COUNT_TO; at = tick.at_s) {
        if (!tick_next(s, b->a.pipeline, at, &tick) || tick.at_s > to)
            break;
        rc = add_instant(b, i, tick.at_s, e);
    }
    return rc;
}

static int by_time(const void *a, const void *b)
{
    const struct instant *x = a, *y = b;
    if (x->at_s != y->at_s)
        return x->at_s < y->at_s ? -1 : 1;
    return x->schedule < y->schedule ? -1 : x->schedule > y->schedule;
}

static int find(struct backfill *b, struct err *e)
{
    size_t only = SIZE_MAX;
    int rc = 0;
    if (b->a.n == 0)
        return err_set(e, ERR_USAGE, "'%s' has no schedule", b->a.file);
    if (b->c->schedule && (rc = schedule_find(b->a.schedule, b->a.n, b->c->schedule, &only, e)))
        return err_wrap(e, "'%s'", b->a.file);
    for (size_t i = 0; i < b->a.n && rc == 0; i++)
        if (only == SIZE_MAX || i == only)
            rc = find_of(b, i, e);
    if (rc == 0 && b->n > MOST)
        rc = err_set(e, ERR_USAGE,
                     "%s%zu instants without a run, at most %d at a time: want a "
                     "shorter range",
                     b->n >= COUNT_TO ? "at least " : "", b->n, (int)MOST);
    if (rc == 0 && b->n_listed > 0)
        qsort(b->list, b->n_listed, sizeof *b->list, by_time);
    return rc;
}

/* ---- run ---- */

static int queue(struct backfill *b, const struct instant *i, bool *out_new, struct err *e)
{
    struct tick_order o = { .pipeline = b->a.pipeline,
                            .schedule = b->a.schedule[i->schedule].name,
                            .at_s = i->at_s,
                            .state = "backfilled",
                            .overlap = TICKS_WAIT,
                            .options = b->a.entry[i->schedule].options };
    int rc = state_begin(b->s, e);
    if (rc)
        return rc;
    if ((rc = ticks_queue(b->s, &o, out_new, e)) == 0)
        return state_commit(b->s, e);
    db_rollback(state_db(b->s));
    return rc;
}

static int run_one(struct backfill *b, const char *run, struct err *e)
{
    struct crew_event event;
    int rc = crew_start_run(&b->crew, run, b->a.pipeline, e);
    while (rc == 0 && b->crew.n > 0) {
        state_rest(b->s);
        if ((rc = crew_wait(&b->crew, -1, &event, e)))
            break;
        if (event.kind == CREW_SIGNAL) {
            crew_stop(&b->crew, b->signal != 0);
            b->signal = event.signal;
        }
        if (event.kind != CREW_ENDED)
            continue;
        struct outcome o;
        bool followed;
        rc = outcome_follow(&b->crew, b->s, &event, &o, &followed, e);
        if (rc == 0 && !followed) {
            b->worst = outcome_worse(b->worst, o.exit_code);
            json_array_append_new(b->runs, outcome_json(run, &o));
        }
        outcome_release(&o);
        member_release(&event.member);
    }
    return rc;
}

static int run_all(struct backfill *b, struct err *e)
{
    bool quiet = b->c->json || b->c->quiet, new;
    struct starter starter = { .self = &quiet, .start = runner_start };
    int rc = crew_open(&b->crew, &starter, e);
    for (size_t i = 0; i < b->n_listed && rc == 0 && !b->signal; i++) {
        const struct instant *at = &b->list[i];
        if (b->worst != 0 && !b->c->keep_going)
            break;
        if ((rc = queue(b, at, &new, e)) || !new)
            continue; /* another process has just given it one */
        char *run = ticks_run_id(b->a.pipeline, b->a.schedule[at->schedule].name, at->at_s);
        rc = run_one(b, run, e);
        free(run);
    }
    return rc;
}

static void show(struct backfill *b)
{
    for (size_t i = 0; i < b->n_listed; i++) {
        const struct instant *at = &b->list[i];
        struct fired f = { .schedule = b->a.schedule[at->schedule].name,
                           .at_s = at->at_s,
                           .state = "backfilled",
                           .run = ticks_run_id(b->a.pipeline, b->a.schedule[at->schedule].name,
                                               at->at_s) };
        json_array_append_new(b->runs, account_fired(b->a.pipeline, &f));
        if (!b->c->json && !b->c->quiet)
            printf("would run %s\n", f.run);
        free(f.run);
    }
}

int command_backfill(const struct cli *c, struct err *e)
{
    struct backfill b = { .c = c,
                          .crew = { .epoll = -1, .signals = -1, .timer = -1 },
                          .runs = json_array() };
    int status = 0, rc;

    if ((rc = state_open(&b.s, !c->dry_run, e)) || (rc = agenda_read(&b.a, c->file, b.s, e)) ||
        (rc = find(&b, e)))
        goto out;
    if (c->dry_run)
        show(&b);
    else
        rc = run_all(&b, e);
    if (rc == 0 && !c->json && !c->quiet && b.n_listed == 0)
        printf("nothing to do: every instant of the range has a run\n");
    status = b.signal ? 128 + b.signal : b.worst;
    if (rc == 0 && c->json)
        rc = report_print(json_pack("{s:s, s:O, s:i}", "pipeline", b.a.pipeline, "runs", b.runs,
                                    "exit_code", status),
                          e);
out:
    crew_close(&b.crew);
    free(b.list);
    agenda_release(&b.a);
    state_close(b.s);
    json_decref(b.runs);
    return rc ? rc : status;
}
