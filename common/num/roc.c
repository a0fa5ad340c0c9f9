#include "num/roc.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* The point after `hits` positive and `misses` negative rows, and what it adds to the areas. */
static void add_point(struct roc *r, int64_t hits, int64_t misses)
{
    size_t i = r->n++;
    double none = (double)NAN;
    r->recall[i] = r->n_positive ? (double)hits / (double)r->n_positive : none;
    r->false_share[i] = r->n_negative ? (double)misses / (double)r->n_negative : none;
    r->precision[i] = hits + misses ? (double)hits / (double)(hits + misses) : 1;
    if (i == 0)
        return;
    double rise = r->recall[i] - r->recall[i - 1];
    r->average_precision += rise * r->precision[i];
    r->auc += (r->false_share[i] - r->false_share[i - 1]) * (r->recall[i] + r->recall[i - 1]) / 2;
}

int roc_fit(struct roc *r, struct scored *row, size_t n, struct err *e)
{
    struct roc made = { 0 };
    size_t n_point = 2;
    int64_t hits = 0, misses = 0;
    if (n == 0)
        return err_set(e, ERR_DATA, "no rows to rank");
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(row[i].score))
            return err_set(e, ERR_DATA, "row %zu: the score is not finite", i);
        made.n_positive += row[i].positive;
    }
    made.n_negative = (int64_t)n - made.n_positive;
    qsort(row, n, sizeof *row, by_score);
    for (size_t i = 1; i < n; i++)
        n_point += row[i].score < row[i - 1].score;
    made.recall = mem_calloc(n_point, sizeof *made.recall);
    made.false_share = mem_calloc(n_point, sizeof *made.false_share);
    made.precision = mem_calloc(n_point, sizeof *made.precision);
    add_point(&made, 0, 0);
    for (size_t i = 0; i < n; i++) {
        hits += row[i].positive;
        misses += !row[i].positive;
        if (i + 1 == n || row[i + 1].score < row[i].score)
            add_point(&made, hits, misses);
    }
    roc_release(r);
    *r = made;
    return 0;
}

void roc_thin(struct roc *r, double step)
{
    size_t kept = 1;
    for (size_t i = 1; i < r->n; i++) {
        double moved = fabs(r->precision[i] - r->precision[kept - 1]);
        if (isfinite(r->recall[i]))
            moved += r->recall[i] - r->recall[kept - 1];
        if (isfinite(r->false_share[i]))
            moved += r->false_share[i] - r->false_share[kept - 1];
        if (i + 1 < r->n && moved < step)
            continue;
        r->false_share[kept] = r->false_share[i];
        r->recall[kept] = r->recall[i];
        r->precision[kept++] = r->precision[i];
    }
    r->n = kept;
}

void roc_release(struct roc *r)
{
    free(r->false_share);
    free(r->recall);
    free(r->precision);
    *r = (struct roc){ 0 };
}
