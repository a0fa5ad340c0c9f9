/* The state of a stage in a run, and what follows from a change of it: counts, slots, queues, which
 * stages below are to be looked at. Every change costs what it changes, whatever the number of
 * stages. */
#include "base/mem.h"
#include "runner/execute/run.h"

const char *work_state_name(enum work_state state)
{
    static const char *const name[] = {
        [WORK_OFF] = "off",
        [WORK_PENDING] = "pending",
        [WORK_READY] = "pending",
        [WORK_RUNNING] = "running",
        [WORK_CHECKING] = "running",
        [WORK_DELAYED] = "running",
        [WORK_SUCCEEDED] = "succeeded",
        [WORK_REUSED] = "reused",
        [WORK_SKIPPED] = "skipped",
        [WORK_BLOCKED] = "blocked",
        [WORK_FAILED] = "failed",
        [WORK_TIMED_OUT] = "timed_out",
        [WORK_ABORTED] = "aborted",
        [WORK_UPSTREAM_FAILED] = "upstream_failed",
    };
    return name[state];
}

bool work_is_active(enum work_state state)
{
    return state == WORK_RUNNING || state == WORK_CHECKING || state == WORK_DELAYED;
}

static bool is_settled(enum work_state state)
{
    return state == WORK_OFF || state >= WORK_SUCCEEDED;
}

/* Nothing to think about for the stages below: they only have one less to wait for. */
static bool is_plain(enum work_state state)
{
    return state == WORK_OFF || state == WORK_SUCCEEDED || state == WORK_REUSED;
}

static bool has_failed(enum work_state state)
{
    return state == WORK_FAILED || state == WORK_TIMED_OUT;
}

static bool has_slots(enum work_state state)
{
    return state == WORK_RUNNING || state == WORK_CHECKING;
}

int64_t work_slots(const struct run *r, const struct work *w)
{
    return w->spec->cpus < 1 ? 1 : w->spec->cpus > r->jobs ? r->jobs : w->spec->cpus;
}

static void look_at(struct run *r, size_t stage)
{
    queue_add(&r->look, (struct waiting){ .place = r->g.line[stage], .stage = stage });
}

static void tell_below(struct run *r, const struct work *w)
{
    const struct graph *g = &r->g;
    for (size_t k = g->down[w->index]; k < g->down[w->index + 1]; k++) {
        struct work *below = &r->work[g->edge[g->by_from[k]].to];
        if (--below->n_open == 0 || !is_plain(w->state))
            look_at(r, below->index);
    }
}

void work_enter(struct run *r, struct work *w, enum work_state state)
{
    enum work_state old = w->state;
    w->state = state;
    r->n_in[old]--;
    r->n_in[state]++;
    if (has_slots(old) != has_slots(state))
        r->n_slot += has_slots(state) ? work_slots(r, w) : -work_slots(r, w);
    if (state == WORK_READY)
        queue_add(&r->ready, (struct waiting){ .place = r->g.line[w->index], .stage = w->index });
    if (state == WORK_DELAYED)
        queue_add(&r->delayed, (struct waiting){ w->due_ms, r->g.line[w->index], w->index });
    if (is_settled(state) && !is_settled(old))
        tell_below(r, w);
    /* Without -k nothing new starts after a failure; what runs may finish, as make has it. */
    if (has_failed(state) && !r->o.keep_going)
        r->stopping = true;
}

void work_count(struct run *r)
{
    for (size_t i = 0; i < r->m.n_stage; i++) {
        struct work *w = &r->work[i];
        r->n_in[w->state]++;
        w->n_open = 0;
        for (size_t k = r->g.up[i]; k < r->g.up[i + 1]; k++)
            w->n_open += !is_settled(r->work[r->g.edge[k].from].state);
        if (w->state == WORK_PENDING && w->n_open == 0)
            look_at(r, i);
    }
}
