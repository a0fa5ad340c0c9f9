#include "runner/schedule/fire.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/memory/ticks.h"
#include "runner/notify/occasion.h"
#include "runner/schedule/tick.h"

void firing_release(struct firing *f)
{
    for (size_t i = 0; i < f->n; i++) {
        free(f->list[i].reason);
        free(f->list[i].run);
    }
    free(f->list);
    *f = (struct firing){ 0 };
}

/* One schedule at one time. */
struct look {
    struct state *s;
    const struct agenda *a;
    size_t i;
    int64_t now_s;
    bool write;
    struct schedule_mark mark; /* as the memory has it */
    int64_t from_s;            /* what is up to here is decided, or no concern */
    const char *silent;        /* "paused", "disabled": only recorded; NULL */
    struct tick_plan plan;
};

static bool is_new(const struct look *l)
{
    return !l->mark.known || strcmp(l->mark.spec, l->a->entry[l->i].spec) != 0;
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Where a schedule begins that is new at `now_s`. */
static int64_t beginning(const struct look *l)
{
    int64_t from = latest(l->now_s - TICK_ON_TIME_S, l->a->changed_s);
    return from < l->now_s ? from : l->now_s;
}

static int look_at(struct look *l, struct err *e)
{
    struct schedule s = l->a->schedule[l->i];
    int rc = ticks_mark(l->s, l->a->pipeline, s.name, &l->mark, e);
    if (rc)
        return rc;
    l->from_s = l->mark.watermark_s;
    if (is_new(l))
        l->from_s = latest(l->mark.watermark_s, beginning(l));
    l->silent = !s.enabled ? "disabled" : l->mark.paused_ms ? "paused" : NULL;
    s.enabled = true; /* what a schedule that is not would have done is recorded */
    tick_plan(&s, l->a->pipeline, l->from_s, l->now_s, &l->plan);
    return 0;
}

static void look_end(struct look *l)
{
    tick_plan_release(&l->plan);
    schedule_mark_release(&l->mark);
}

static char *paused_reason(const struct look *l)
{
    char since[32];
    time_t at = (time_t)(l->mark.paused_ms / 1000);
    struct tm tm;
    if (strcmp(l->silent, "disabled") == 0)
        return mem_strdup("enabled: false");
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&at, &tm));
    return str_format("paused since %s", since);
}

static const char *overlap_of(const struct schedule *s, const struct tick *t, int64_t now_s)
{
    static const char *const name[] = {
        [OVERLAP_SKIP] = TICKS_SKIP, [OVERLAP_QUEUE] = TICKS_QUEUE, [OVERLAP_CANCEL] = TICKS_CANCEL
    };
    /* Those of a backlog may not push each other out. */
    bool backlog = s->catchup == CATCHUP_ALL && now_s - t->due_s > TICK_ON_TIME_S;
    return backlog ? TICKS_WAIT : name[s->overlap];
}

/* Put one instant on the list; into the memory too, if that is wanted. */
static int settle(const struct look *l, const struct tick_decision *d, struct firing *out,
                  struct err *e)
{
    const struct schedule *s = &l->a->schedule[l->i];
    struct fired f = { .schedule = s->name, .at_s = d->tick.at_s, .due_s = d->tick.due_s };
    bool fires = !l->silent && d->fate == TICK_FIRE, is_listed = true;
    int rc = 0;

    if (fires)
        f.run = ticks_run_id(l->a->pipeline, s->name, f.at_s);
    else
        f.reason = l->silent ? paused_reason(l) : mem_strdup(d->reason);
    f.state = l->silent ? l->silent : fires ? "fired" : "missed";
    if (l->write && fires) {
        struct tick_order o = { .pipeline = l->a->pipeline,
                                .schedule = s->name,
                                .at_s = f.at_s,
                                .state = f.state,
                                .overlap = overlap_of(s, &d->tick, l->now_s),
                                .options = l->a->entry[l->i].options };
        rc = ticks_queue(l->s, &o, &is_listed, e);
    } else if (l->write) {
        rc = ticks_skip(l->s, l->a->pipeline, s->name, f.at_s, f.state, f.reason, e);
    }
    if (rc || !is_listed) {
        free(f.reason);
        free(f.run);
        return rc;
    }
    out->list = mem_grow(out->list, out->n, sizeof *out->list);
    out->list[out->n++] = f;
    return 0;
}

/* Decide one schedule. *out_due: there is something to write. */
static int decide(struct look *l, struct firing *out, bool *out_due, struct err *e)
{
    const struct schedule *s = &l->a->schedule[l->i];
    int rc = look_at(l, e);

    for (size_t k = 0; k < l->plan.n && rc == 0; k++)
        rc = settle(l, &l->plan.list[k], out, e);
    if (rc == 0) {
        out->n_more += l->plan.n_more;
        if (!l->silent && l->plan.next_s < out->next_s)
            out->next_s = l->plan.next_s;
        if (l->mark.watermark_s - l->now_s > out->behind_s)
            out->behind_s = l->mark.watermark_s - l->now_s;
        *out_due |= l->plan.n > 0 || is_new(l);
    }
    if (rc == 0 && l->write)
        rc = ticks_mark_put(l->s, l->a->pipeline, s->name, l->a->entry[l->i].spec,
                            l->plan.n > 0 ? l->plan.watermark_s : l->from_s, e);
    look_end(l);
    return rc;
}

static int decide_all(struct state *s, const struct agenda *a, int64_t now_s, bool write,
                      struct firing *out, bool *out_due, struct err *e)
{
    int rc = 0;
    firing_release(out);
    out->next_s = INT64_MAX;
    *out_due = false;
    for (size_t i = 0; i < a->n && rc == 0; i++)
        rc = decide(&(struct look){ .s = s, .a = a, .i = i, .now_s = now_s, .write = write }, out,
                    out_due, e);
    if (rc == 0 && write)
        rc = occasion_ticks(s, &a->told, a->pipeline, e);
    return rc;
}

/* The end of a transaction. */
static int finish(struct state *s, int rc, struct err *e)
{
    if (rc == 0)
        return state_commit(s, e);
    db_rollback(state_db(s));
    return rc;
}

int fire_decide(struct state *s, const struct agenda *a, int64_t now_s, bool dry,
                struct firing *out, struct err *e)
{
    bool due;
    *out = (struct firing){ 0 };
    int rc = decide_all(s, a, now_s, false, out, &due, e);
    if (rc == 0 && due && !dry) { /* again, now that nobody else can write */
        rc = state_begin(s, e);
        if (rc == 0)
            rc = finish(s, decide_all(s, a, now_s, true, out, &due, e), e);
    }
    if (rc)
        firing_release(out);
    return rc;
}

int fire_pause(struct state *s, const struct agenda *a, size_t i, int64_t now_s, struct err *e)
{
    const char *name = a->schedule[i].name;
    struct schedule_mark mark = { 0 };
    int rc = state_begin(s, e);
    if (rc)
        return rc;
    if ((rc = ticks_mark(s, a->pipeline, name, &mark, e)) == 0 && !mark.known)
        rc = ticks_mark_put(s, a->pipeline, name, a->entry[i].spec, now_s, e);
    if (rc == 0 && mark.paused_ms == 0)
        rc = ticks_pause(s, a->pipeline, name, now_s * 1000, e);
    schedule_mark_release(&mark);
    return finish(s, rc, e);
}

int fire_resume(struct state *s, const struct agenda *a, size_t i, int64_t now_s, size_t *out_n,
                struct err *e)
{
    struct look l = { .s = s, .a = a, .i = i, .now_s = now_s, .write = true };
    struct firing f = { 0 };
    const char *name = a->schedule[i].name;
    int rc = state_begin(s, e);

    *out_n = 0;
    if (rc)
        return rc;
    rc = look_at(&l, e);
    for (size_t k = 0; k < l.plan.n && rc == 0 && l.mark.paused_ms != 0; k++)
        rc = settle(&l, &l.plan.list[k], &f, e);
    if (rc == 0 && l.mark.paused_ms != 0) {
        *out_n = f.n + l.plan.n_more;
        if ((rc = ticks_mark_put(s, a->pipeline, name, a->entry[i].spec, now_s, e)) == 0)
            rc = ticks_pause(s, a->pipeline, name, 0, e);
    }
    firing_release(&f);
    look_end(&l);
    return finish(s, rc, e);
}
