#include "num/lbfgs.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

const char *lbfgs_ending_name(enum lbfgs_ending ending)
{
    static const char *const name[] = { "converged", "max_iterations", "precision" };
    return name[ending];
}

static double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static double largest(const double *g, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(g[i]) <= most)) /* a NaN is the largest */
            most = fabs(g[i]);
    return most;
}

/* ---- L-BFGS --------------------------------------------------------------------------------- */

/* The last steps s and changes of the gradient y, in a ring. */
struct pairs {
    size_t n, room, next, size; /* size: of the ring */
    double *s, *y;              /* (size, n) */
    double *rho, *alpha;        /* (size) 1 / s'y; scratch */
};

struct search {
    size_t n;
    lbfgs_function *f;
    void (*precondition)(void *ctx, double *v);
    void *ctx;
    struct pairs pairs;
    double *x, *g; /* (n) where it is, and the gradient there */
    double *next_x, *next_g, *direction;
    double value;
    struct lbfgs_result *result;
};

/* direction = - H g by the two-loop recursion (Nocedal & Wright, Numerical Optimization, algorithm
 * 7.4), H0 the preconditioner scaled by the newest pair. */
static void find_direction(struct search *s)
{
    struct pairs *p = &s->pairs;
    size_t n = s->n;
    double *d = s->direction;
    for (size_t i = 0; i < n; i++)
        d[i] = -s->g[i];
    for (size_t k = 0; k < p->n; k++) {
        size_t at = (p->next + p->size - 1 - k) % p->size;
        p->alpha[at] = p->rho[at] * dot(p->s + at * n, d, n);
        for (size_t i = 0; i < n; i++)
            d[i] -= p->alpha[at] * p->y[at * n + i];
    }
    if (s->precondition)
        s->precondition(s->ctx, d);
    if (p->n) {
        size_t at = (p->next + p->size - 1) % p->size;
        double *hy = s->next_g, scale; /* free between two steps */
        memcpy(hy, p->y + at * n, n * sizeof *hy);
        if (s->precondition)
            s->precondition(s->ctx, hy);
        scale = 1 / (p->rho[at] * dot(p->y + at * n, hy, n));
        for (size_t i = 0; i < n; i++)
            d[i] *= scale;
    }
    for (size_t k = p->n; k-- > 0;) {
        size_t at = (p->next + p->size - 1 - k) % p->size;
        double beta = p->rho[at] * dot(p->y + at * n, d, n);
        for (size_t i = 0; i < n; i++)
            d[i] += (p->alpha[at] - beta) * p->s[at * n + i];
    }
}

static void remember_pair(struct search *s)
{
    struct pairs *p = &s->pairs;
    size_t n = s->n, at = p->next;
    double *step = p->s + at * n, *change = p->y + at * n;
    for (size_t i = 0; i < n; i++) {
        step[i] = s->next_x[i] - s->x[i];
        change[i] = s->next_g[i] - s->g[i];
    }
    double curvature = dot(step, change, n);
    if (!(curvature > DBL_EPSILON * dot(change, change, n) * 1e-8))
        return; /* rounding alone */
    p->rho[at] = 1 / curvature;
    p->next = (at + 1) % p->size;
    p->n += p->n < p->size;
}

/* A step along the direction that satisfies the conditions, its point in next_x, next_g. */
static bool line_search(struct search *s, double first, double *out_value)
{
    enum { MOST = 60 };
    static const double DECREASE = 1e-4, CURVATURE = 0.9;
    const double slope = dot(s->g, s->direction, s->n), noise = 4 * DBL_EPSILON * fabs(s->value);
    double low = 0, high = (double)INFINITY, t = first;
    if (!(slope < 0))
        return false;
    for (int k = 0; k < MOST; k++) {
        for (size_t i = 0; i < s->n; i++)
            s->next_x[i] = s->x[i] + t * s->direction[i];
        double value = s->f(s->ctx, s->next_x, s->next_g);
        double there = dot(s->next_g, s->direction, s->n);
        s->result->evaluations++;
        bool falls = value <= s->value + DECREASE * t * slope ||
                     (value <= s->value + noise && there <= (2 * DECREASE - 1) * slope);
        if (falls && there >= CURVATURE * slope) {
            *out_value = value;
            return true;
        }
        if (falls)
            low = t;
        else
            high = t;
        t = isfinite(high) ? (low + high) / 2 : 2 * low;
    }
    return false;
}

static void swap(double **a, double **b)
{
    double *keep = *a;
    *a = *b;
    *b = keep;
}

/* Iterations since value or gradient became really smaller. */
struct stall {
    double value, gradient;
    size_t n;
};

static bool is_stalled(struct stall *t, const struct search *s)
{
    enum { PATIENCE = 30 };
    bool better = s->value < t->value - 2 * DBL_EPSILON * fabs(t->value) ||
                  s->result->gradient < 0.5 * t->gradient;
    t->n = better ? 0 : t->n + 1;
    if (better) {
        t->value = s->value;
        t->gradient = s->result->gradient;
    }
    return t->n == PATIENCE;
}

static void descend(struct search *s, const struct lbfgs_options *o)
{
    struct lbfgs_result *r = s->result;
    struct stall stall = { (double)INFINITY, (double)INFINITY, 0 };
    s->value = s->f(s->ctx, s->x, s->g);
    r->evaluations = 1;
    for (;;) {
        r->gradient = largest(s->g, s->n);
        if (r->gradient <= o->tolerance) {
            r->ending = LBFGS_CONVERGED;
            return;
        }
        if (r->iterations == o->max_iterations) {
            r->ending = LBFGS_ITERATIONS;
            return;
        }
        if (is_stalled(&stall, s)) {
            r->ending = LBFGS_PRECISION;
            return;
        }
        double first = 1;
        find_direction(s);
        if (s->pairs.n == 0 && !s->precondition) /* nothing is known of the scale */
            first = fmin(1, 1 / sqrt(dot(s->g, s->g, s->n)));
        if (!line_search(s, first, &s->value)) {
            if (s->pairs.n == 0) {
                r->ending = LBFGS_PRECISION;
                return;
            }
            s->pairs.n = 0; /* what was learnt of the curvature misleads: begin anew */
            continue;
        }
        remember_pair(s);
        swap(&s->x, &s->next_x);
        swap(&s->g, &s->next_g);
        r->iterations++;
    }
}

void lbfgs(double *x, size_t n, lbfgs_function *f, void (*precondition)(void *ctx, double *v),
           void *ctx, const struct lbfgs_options *options, struct lbfgs_result *out)
{
    size_t m = options->memory ? options->memory : 10;
    double *block = mem_calloc(n, (2 * m + 5) * sizeof *block);
    double *small = mem_calloc(m, 2 * sizeof *small);
    struct search s = {
        .n = n,
        .f = f,
        .precondition = precondition,
        .ctx = ctx,
        .pairs = { .size = m, .s = block, .y = block + m * n, .rho = small, .alpha = small + m },
        .x = block + 2 * m * n,
        .g = block + (2 * m + 1) * n,
        .next_x = block + (2 * m + 2) * n,
        .next_g = block + (2 * m + 3) * n,
        .direction = block + (2 * m + 4) * n,
        .result = out
    };
    *out = (struct lbfgs_result){ 0 };
    memcpy(s.x, x, n * sizeof *x);
    descend(&s, options);
    out->value = s.value;
    memcpy(x, s.x, n * sizeof *x);
    free(small);
    free(block);
}

/* ---- L1 ------------------------------------------------------------------------------------- */

/* The minimum of g (z - x) + steep / 2 (z - x)^2 + l1 |z|. */
static double shrink(double x, double g, double steep, double l1)
{
    double z = x - g / steep, limit = l1 / steep;
    return z > limit ? z - limit : z < -limit ? z + limit : 0;
}

struct proximal {
    size_t n;
    lbfgs_function *f;
    void *ctx;
    const double *l1, *diagonal;
    double *x, *ahead, *next, *g; /* (n) the point, the one that momentum leads to, the next */
    double steep;                 /* times the diagonal bounds the Hessian where it went so far */
    double value;                 /* of f at `next` */
    struct lbfgs_result *result;
};

/* One proximal step from `ahead`; returns the largest item of the proximal gradient there. */
static double step_from_ahead(struct proximal *p)
{
    double value = p->f(p->ctx, p->ahead, p->g), noise = 4 * DBL_EPSILON * fabs(value);
    p->result->evaluations++;
    for (;;) {
        double bound = value, most = 0;
        for (size_t j = 0; j < p->n; j++) {
            double steep = p->steep * p->diagonal[j];
            p->next[j] = shrink(p->ahead[j], p->g[j], steep, p->l1[j]);
            double d = p->next[j] - p->ahead[j];
            bound += p->g[j] * d + 0.5 * steep * d * d;
            most = fmax(most, fabs(steep * d));
        }
        p->value = p->f(p->ctx, p->next, NULL);
        p->result->evaluations++;
        if (p->value <= bound + noise || p->steep > 1e12)
            return most;
        p->steep *= 2;
    }
}

/* next becomes x, and ahead the point beyond it; false where that would lead back uphill. */
static bool move(struct proximal *p, double momentum)
{
    double back = 0;
    for (size_t j = 0; j < p->n; j++)
        back += p->diagonal[j] * (p->ahead[j] - p->next[j]) * (p->next[j] - p->x[j]);
    for (size_t j = 0; j < p->n; j++) {
        p->ahead[j] = p->next[j] + (back > 0 ? 0 : momentum * (p->next[j] - p->x[j]));
        p->x[j] = p->next[j];
    }
    return back <= 0;
}

void lbfgs_l1(double *x, size_t n, lbfgs_function *f, void *ctx, const double *l1,
              const double *diagonal, const struct lbfgs_options *options, struct lbfgs_result *out)
{
    double *block = mem_calloc(n, 3 * sizeof *block), t = 1;
    struct proximal p = { .n = n,
                          .f = f,
                          .ctx = ctx,
                          .l1 = l1,
                          .diagonal = diagonal,
                          .x = x,
                          .ahead = block,
                          .next = block + n,
                          .g = block + 2 * n,
                          .steep = 1. / 16,
                          .result = out };
    *out = (struct lbfgs_result){ .ending = LBFGS_ITERATIONS };
    memcpy(p.ahead, x, n * sizeof *x);
    while (out->iterations < options->max_iterations && out->ending == LBFGS_ITERATIONS) {
        out->gradient = step_from_ahead(&p);
        if (out->gradient <= options->tolerance)
            out->ending = LBFGS_CONVERGED;
        double next_t = (1 + sqrt(1 + 4 * t * t)) / 2;
        t = move(&p, (t - 1) / next_t) ? next_t : 1;
        out->iterations++;
    }
    out->value = p.value;
    for (size_t j = 0; j < n; j++)
        out->value += l1[j] * fabs(x[j]);
    free(block);
}
