#include "num/resize_plan.h"

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/resize_kernel.h"

enum { ONE = 1 << RESIZE_WEIGHT_BITS };

/* ---- weights ---- */

/* Input pixels start .. start + n - 1 of one output pixel: n = 1 has the weight `first` alone, n =
 * 2 no middle. */
struct span {
    size_t start, n;
    uint64_t first, middle, last;
};

/* Output pixel o covers [o n_in / n_out, (o + 1) n_in / n_out): weights in units of 1 / n_out,
 * their sum is n_in. */
static struct span shrink(size_t o, size_t n_in, size_t n_out)
{
    uint64_t from = (uint64_t)o * n_in, to = from + n_in;
    size_t start = (size_t)(from / n_out), last = (size_t)((to - 1) / n_out);
    struct span s = { .start = start, .n = last - start + 1, .middle = n_out };
    if (s.n == 1) {
        s.first = n_in;
    } else {
        s.first = (start + 1) * n_out - from;
        s.last = to - last * n_out;
    }
    return s;
}

/* The centre of o lies at (o + 1/2) n_in / n_out - 1/2: weights in units of 1 / (2 n_out), their
 * sum is 2 n_out. */
static struct span grow(size_t o, size_t n_in, size_t n_out)
{
    int64_t unit = 2 * (int64_t)n_out, at = (2 * (int64_t)o + 1) * (int64_t)n_in - (int64_t)n_out;
    int64_t start = at < 0 ? 0 : at / unit, rest = at < 0 ? 0 : at % unit;
    struct span s = { .start = (size_t)start, .n = 1, .first = (uint64_t)unit };
    if (rest && s.start + 1 < n_in) {
        s.n = 2;
        s.first = (uint64_t)(unit - rest);
        s.last = (uint64_t)rest;
    }
    return s;
}

/* Whole numbers with sum ONE, as differences of rounded sums: a thousand small weights do not all
 * become 0, and a mirrored picture has mirrored weights. Returns n. */
static size_t area_weights(size_t o, size_t n_in, size_t n_out, size_t *start, int16_t *out)
{
    struct span s = n_in >= n_out ? shrink(o, n_in, n_out) : grow(o, n_in, n_out);
    uint64_t total = n_in >= n_out ? n_in : 2 * n_out, sum = 0, before = 0;
    for (size_t i = 0; i < s.n; i++) {
        sum += i == 0 ? s.first : i + 1 == s.n ? s.last : s.middle;
        uint64_t now = (2 * ONE * sum + total) / (2 * total);
        out[i] = (int16_t)(now - before);
        before = now;
    }
    *start = s.start;
    return s.n;
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return fabs(x) < 1e-9 ? 1 : sin(pi * x) / (pi * x);
}

static double kernel(enum resize_filter filter, double x)
{
    x = fabs(x);
    if (filter == RESIZE_BILINEAR)
        return x < 1 ? 1 - x : 0;
    return x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static double reach_of(enum resize_filter filter, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out;
    return (filter == RESIZE_LANCZOS ? 3 : 1) * (scale > 1 ? scale : 1);
}

static size_t kernel_weights(enum resize_filter filter, size_t o, size_t n_in, size_t n_out,
                             size_t *start, int16_t *out)
{
    double scale = (double)n_in / (double)n_out, wide = scale > 1 ? scale : 1;
    double reach = reach_of(filter, n_in, n_out), centre = ((double)o + .5) * scale - .5;
    double low = ceil(centre - reach), high = floor(centre + reach), total = 0, sum = 0, before = 0;
    size_t first = low > 0 ? (size_t)low : 0, last = high > 0 ? (size_t)high : 0;

    last = last < n_in ? last : n_in - 1;
    for (size_t i = first; i <= last; i++)
        total += kernel(filter, ((double)i - centre) / wide);
    for (size_t i = first; i <= last; i++) {
        sum += kernel(filter, ((double)i - centre) / wide);
        double now = floor(sum / total * ONE + .5);
        out[i - first] = (int16_t)(now - before);
        before = now;
    }
    *start = first;
    return last - first + 1;
}

static void axis_init(struct resize_axis *a, enum resize_filter filter, size_t n_in, size_t n_out)
{
    size_t most = filter == RESIZE_AREA ? n_in / n_out + 2
                                        : 2 * (size_t)ceil(reach_of(filter, n_in, n_out)) + 2;
    most = most < n_in ? most : n_in;
    a->taps = (most + 3) / 4 * 4;
    a->start = mem_calloc(n_out, sizeof *a->start);
    a->weight = mem_calloc(n_out * a->taps, sizeof *a->weight);
    for (size_t o = 0; o < n_out; o++) {
        int16_t *w = a->weight + o * a->taps;
        size_t n = filter == RESIZE_AREA ? area_weights(o, n_in, n_out, &a->start[o], w)
                                         : kernel_weights(filter, o, n_in, n_out, &a->start[o], w);
        assert(n <= a->taps);
    }
}

static void axis_copy(struct resize_axis *to, const struct resize_axis *from, size_t n_out)
{
    to->taps = from->taps;
    to->start = mem_calloc(n_out, sizeof *to->start);
    to->weight = mem_calloc(n_out * to->taps, sizeof *to->weight);
    memcpy(to->start, from->start, n_out * sizeof *to->start);
    memcpy(to->weight, from->weight, n_out * to->taps * sizeof *to->weight);
}

/* ---- plans ---- */

/* The last input row of each output row that has a weight; none is before that of the row above. */
static void find_last(struct resize_plan *p)
{
    const struct resize_axis *a = &p->down;
    p->last = mem_calloc(p->size.out_height, sizeof *p->last);
    for (size_t o = 0; o < p->size.out_height; o++) {
        size_t n = a->taps;
        while (n > 1 && a->weight[o * a->taps + n - 1] == 0)
            n--;
        p->last[o] = a->start[o] + n - 1;
        if (o && p->last[o] < p->last[o - 1])
            p->last[o] = p->last[o - 1];
    }
}

/* Most output rows to which one pair of input rows, an even one and the next, contributes. */
static size_t most_open(const struct resize_plan *p)
{
    size_t most = 1, first = 0;
    for (size_t o = 0; o < p->size.out_height; o++) {
        while (p->last[first] / 2 < p->down.start[o] / 2)
            first++;
        most = o - first + 1 > most ? o - first + 1 : most;
    }
    return most;
}

static void axis_release(struct resize_axis *a)
{
    free(a->weight);
    free(a->start);
}

static void plan_free(struct resize_plan *p)
{
    axis_release(&p->across);
    axis_release(&p->down);
    free(p->last);
    free(p->step);
    free(p->pairs);
    free(p->at);
    free(p);
}

static struct resize_plan *plan_new(const struct resize_sizes *size)
{
    struct resize_plan *p = mem_calloc(1, sizeof *p);
    p->size = *size;
    p->code = size->code;
    axis_init(&p->across, size->filter, size->in_width, size->out_width);
    if (size->in_height == size->in_width && size->out_height == size->out_width)
        axis_copy(&p->down, &p->across, size->out_height);
    else
        axis_init(&p->down, size->filter, size->in_height, size->out_height);
    find_last(p);
    p->n_sum = most_open(p);
    resize_arrange(p);
    return p;
}

/* ---- what was used last ---- */

enum { N_KEPT = 8, MOST_WEIGHTS = 1 << 16 };

static struct {
    pthread_mutex_t lock;
    struct resize_plan *item[N_KEPT];
    uint64_t clock;
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool same(const struct resize_sizes *a, const struct resize_sizes *b)
{
    return a->in_width == b->in_width && a->in_height == b->in_height &&
           a->out_width == b->out_width && a->out_height == b->out_height &&
           a->filter == b->filter && a->code == b->code;
}

/* Under the lock. */
static struct resize_plan *find(const struct resize_sizes *size)
{
    for (int i = 0; i < N_KEPT; i++)
        if (kept.item[i] && same(&kept.item[i]->size, size)) {
            kept.item[i]->users++;
            kept.item[i]->used = ++kept.clock;
            return kept.item[i];
        }
    return NULL;
}

/* Under the lock: in the place of the one that nobody has used for longest. */
static void keep(struct resize_plan *p)
{
    const struct resize_sizes *s = &p->size;
    if (p->across.taps * s->out_width + p->down.taps * s->out_height > MOST_WEIGHTS)
        return;
    int place = -1;
    for (int i = 0; i < N_KEPT && (place < 0 || kept.item[place]); i++)
        if (!kept.item[i] || (kept.item[i]->users == 0 &&
                              (place < 0 || kept.item[i]->used < kept.item[place]->used)))
            place = i;
    if (place < 0)
        return;
    if (kept.item[place])
        plan_free(kept.item[place]);
    kept.item[place] = p;
    p->kept = true;
    p->used = ++kept.clock;
}

/* Two threads that meet the same sizes at once both make the plan: harmless. */
struct resize_plan *resize_plan_take(const struct resize_sizes *size)
{
    pthread_mutex_lock(&kept.lock);
    struct resize_plan *p = find(size);
    pthread_mutex_unlock(&kept.lock);
    if (p)
        return p;
    p = plan_new(size);
    p->users = 1;
    pthread_mutex_lock(&kept.lock);
    keep(p);
    pthread_mutex_unlock(&kept.lock);
    return p;
}

void resize_plan_give(struct resize_plan *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&kept.lock);
    bool alone = --p->users == 0 && !p->kept;
    pthread_mutex_unlock(&kept.lock);
    if (alone)
        plan_free(p);
}
