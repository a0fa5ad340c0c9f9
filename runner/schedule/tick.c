#include "runner/schedule/tick.h"

#include <stdlib.h>

#include "base/mem.h"

/* A walk goes from span to span, each a stretch of time with one offset of the zone. Inside a span
 * local time runs as UTC does, so its firings are those of the calendar, moved by the offset. What
 * is special happens where two spans meet: in front of the change local times that come again, or
 * behind it those that came before (a fold), or in between local times that were left out (a gap).
 * Spans are found as far ahead as needed: a clock is never put by more than ZONE_REACH_S. */

enum { FAR_S = 3 * ZONE_REACH_S };

static const int64_t last_s = INT64_C(253402300800); /* the year 10000 */

struct walk {
    const struct schedule *s;
    int64_t jitter_s;
    int64_t least;    /* no instant before this is wanted */
    int64_t from, to; /* the span; `to` may be ZONE_FOREVER, */
    int64_t seen;     /* and then no change comes up to here */
    int64_t offset;
    int64_t before; /* offset of the span before; the same where none is near */
    int64_t after;  /* of the span that begins at `to` */
    int64_t at;     /* what lies before it in the span is done */
};

static int64_t largest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void enter_span(struct walk *w, int64_t from, int64_t before)
{
    w->from = w->at = w->seen = from;
    w->to = ZONE_FOREVER;
    w->offset = zone_offset(&w->s->zone, from);
    w->before = before;
}

static void walk_begin(struct walk *w, const struct schedule *s, const char *pipeline,
                       int64_t after_s)
{
    *w = (struct walk){ .s = s };
    if (s->jitter_ms > 0)
        w->jitter_s = (int64_t)(schedule_slot(pipeline, s->name) % (uint64_t)s->jitter_ms) / 1000;
    after_s = after_s < -last_s ? -last_s : after_s > last_s ? last_s : after_s;
    w->least = largest(after_s + 1, s->start_s);
    enter_span(w, w->least - ZONE_REACH_S, 0);
    w->before = w->offset;
}

/* Find the end of the span as far as `until`. */
static void look_ahead(struct walk *w, int64_t until)
{
    const struct zone *z = &w->s->zone;
    w->to = zone_change(z, w->seen, until);
    w->seen = until;
    if (w->to != ZONE_FOREVER)
        w->after = zone_offset(z, w->to);
}

/* Is a firing moved to the beginning of this span, from the gap in front of it? */
static bool moved_here(const struct walk *w)
{
    int64_t local;
    return w->s->gap == GAP_NEXT && w->offset > w->before && !cron_every_hour(&w->s->when) &&
           cron_next(&w->s->when, w->from + w->before, &local) && local < w->from + w->offset;
}

static enum tick_clock clock_of(const struct walk *w, int64_t local)
{
    if (local < w->from + w->before)
        return TICK_FOLD_SECOND;
    if (w->to != ZONE_FOREVER && local >= w->to + w->after)
        return TICK_FOLD_FIRST;
    return TICK_PLAIN;
}

static bool wanted(const struct schedule *s, enum tick_clock clock)
{
    if (cron_every_hour(&s->when) || s->fold == FOLD_BOTH)
        return true;
    return clock != (s->fold == FOLD_FIRST ? TICK_FOLD_SECOND : TICK_FOLD_FIRST);
}

static bool fire(struct walk *w, int64_t at_s, enum tick_clock clock, struct tick *out)
{
    w->at = at_s + 1;
    *out = (struct tick){ at_s, at_s + w->jitter_s, w->offset, clock };
    return at_s <= w->s->end_s;
}

/* The next firing; false after the last. */
static bool walk_next(struct walk *w, struct tick *out)
{
    for (;;) {
        int64_t at = largest(w->at, w->least), local;
        if (!cron_next(&w->s->when, at + w->offset, &local))
            return false;
        int64_t t = local - w->offset;
        if (w->to == ZONE_FOREVER && w->seen < t + ZONE_REACH_S) {
            if (w->seen < at + ZONE_REACH_S) {
                look_ahead(w, at + ZONE_REACH_S);
            } else if (w->seen < t - FAR_S) { /* nothing fires until near t: skip over it */
                enter_span(w, t - FAR_S, 0);
                w->before = w->offset;
            } else {
                look_ahead(w, t + ZONE_REACH_S);
            }
        } else if (t >= w->to) {
            enter_span(w, w->to, w->offset);
            if (w->from >= w->least && moved_here(w))
                return fire(w, w->from, TICK_GAP, out);
        } else {
            enum tick_clock clock = clock_of(w, local);
            if (wanted(w->s, clock))
                return fire(w, t, clock, out);
            w->at = t + 1;
        }
    }
}

bool tick_next(const struct schedule *s, const char *pipeline, int64_t after_s, struct tick *out)
{
    struct zone_use use;
    struct walk w;
    zone_enter(&s->zone, &use);
    walk_begin(&w, s, pipeline, after_s);
    bool found = walk_next(&w, out);
    zone_leave(&use);
    return found;
}

/* ---- what becomes of them ---- */

/* Why an instant that is so late is not made up for; NULL if it is. */
static const char *why_missed(const struct schedule *s, int64_t late_s, bool newest)
{
    if (late_s <= TICK_ON_TIME_S)
        return NULL;
    if (s->catchup == CATCHUP_NONE)
        return "catchup: none";
    if (late_s > s->catchup_window_ms / 1000)
        return "older than catchup_window";
    if (s->catchup == CATCHUP_LATEST && !newest)
        return "catchup: latest, and a later one has come";
    return NULL;
}

/* All that is due after the watermark, the newest TICK_MAX of it in order. */
static void collect(struct walk *w, int64_t now_s, struct tick_plan *out)
{
    struct tick *ring = NULL, tick;
    size_t n = 0;

    bool more;
    while ((more = walk_next(w, &tick)) && tick.due_s <= now_s) {
        if (n < TICK_MAX)
            ring = mem_grow(ring, n, sizeof *ring);
        ring[n++ % TICK_MAX] = tick;
    }
    out->next_s = more ? tick.due_s : INT64_MAX;
    out->n = n < TICK_MAX ? n : TICK_MAX;
    out->n_more = n - out->n;
    out->list = mem_calloc(out->n, sizeof *out->list);
    for (size_t i = 0; i < out->n; i++)
        out->list[i].tick = ring[(out->n_more + i) % TICK_MAX];
    free(ring);
}

void tick_plan(const struct schedule *s, const char *pipeline, int64_t watermark_s, int64_t now_s,
               struct tick_plan *out)
{
    struct zone_use use;
    struct walk w;

    *out = (struct tick_plan){ .watermark_s = largest(watermark_s, now_s), .next_s = INT64_MAX };
    if (!s->enabled)
        return;
    zone_enter(&s->zone, &use);
    walk_begin(&w, s, pipeline, watermark_s);
    collect(&w, now_s, out);
    zone_leave(&use);
    for (size_t i = 0; i < out->n; i++) {
        struct tick_decision *d = &out->list[i];
        d->reason = why_missed(s, now_s - d->tick.due_s, i + 1 == out->n);
        d->fate = d->reason ? TICK_MISSED : TICK_FIRE;
    }
    out->watermark_s = largest(watermark_s, now_s - w.jitter_s);
}

void tick_plan_release(struct tick_plan *p)
{
    free(p->list);
    *p = (struct tick_plan){ 0 };
}
