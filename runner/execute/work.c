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
        [WORK_COMMITTING] = "running",
        [WORK_DELAYED] = "running",
        [WORK_SUCCEEDED] = "succeeded",
        [WORK_REUSED] = "reused",
        [WORK_SKIPPED] = "skipped",
        [WORK_BLOCKED] = "blocked",
        [WORK_FAILED] = "failed",
        [WORK_TIMED_OUT] = "timed_out",
        [WORK_ABORTED] = "aborted",
        [WORK_UPSTREAM_FAILED] = "upstream_failed",
        [WORK_NOT_STARTED] = "pending",
    };
    return name[state];
}

bool work_is_active(enum work_state state)
{
    return state >= WORK_RUNNING && state <= WORK_DELAYED;
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

int64_t work_slots(const struct run *r, const struct work *w)
{
    return w->spec->cpus < 1 ? 1 : w->spec->cpus > r->jobs ? r->jobs : w->spec->cpus;
}

/* A small output waits for the disk alone, while others use the processors; but where one stage at
 * a time is asked for, the next one begins after it. */
static int64_t slots_in(const struct run *r, const struct work *w, enum work_state state)
{
    bool takes = state == WORK_RUNNING || state == WORK_CHECKING ||
                 (state == WORK_COMMITTING && (w->big || r->jobs == 1));
    return takes ? work_slots(r, w) : 0;
}

static bool has_place(enum work_state state)
{
    return state >= WORK_RUNNING && state <= WORK_COMMITTING;
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

/* Among equals of priority the first of the file. */
static void make_ready(struct run *r, size_t stage)
{
    queue_add(&r->ready, (struct waiting){ -r->m.stage[stage].priority, stage, stage });
}

/* A place is free: one of those that wait for it is ready again. */
static void leave_pool(struct run *r, size_t pool)
{
    struct waiting at;
    r->pool_used[pool]--;
    while (queue_take(&r->pool_wait[pool], &at)) {
        enum work_state state = r->work[at.stage].state;
        if (state != WORK_READY && state != WORK_DELAYED)
            continue;
        queue_add(&r->ready, at);
        return;
    }
}

bool work_has_room(const struct run *r, const struct work *w)
{
    return r->n_slot + work_slots(r, w) <= r->jobs;
}

bool work_wait_for_pool(struct run *r, const struct work *w, struct waiting at)
{
    int64_t pool = w->spec->pool;
    if (pool == NO_POOL || r->pool_used[pool] < r->m.pool[pool].slots)
        return false;
    queue_add(&r->pool_wait[pool], at);
    return true;
}

void work_enter(struct run *r, struct work *w, enum work_state state)
{
    enum work_state old = w->state;
    w->state = state;
    r->n_in[old]--;
    r->n_in[state]++;
    r->n_slot += slots_in(r, w, state) - slots_in(r, w, old);
    if (has_place(state) && !has_place(old) && w->spec->pool != NO_POOL)
        r->pool_used[w->spec->pool]++;
    if (has_place(old) && !has_place(state) && w->spec->pool != NO_POOL)
        leave_pool(r, (size_t)w->spec->pool);
    if (state == WORK_READY)
        make_ready(r, w->index);
    if (state == WORK_DELAYED)
        queue_add(&r->delayed, (struct waiting){ w->due_ms, r->g.line[w->index], w->index });
    if (is_settled(state) && !is_settled(old))
        tell_below(r, w);
    /* Without -k nothing new starts after a failure; what runs may finish, as make has it. */
    if (has_failed(state) && !r->first_failed)
        r->first_failed = w->spec->name;
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
