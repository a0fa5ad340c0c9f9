#include "num/rank.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void rank_sort(double *x, size_t n)
{
    if (n)
        qsort(x, n, sizeof *x, by_size);
}

struct placed {
    double value;
    size_t at;
};

static int by_value(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

static int larger_first(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order = by_value(b, a);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static struct placed *place(const double *x, size_t n)
{
    struct placed *p = mem_calloc(n + 1, sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = (struct placed){ x[i], i };
    return p;
}

size_t *rank_order(const double *x, size_t n)
{
    struct placed *p = place(x, n);
    size_t *order = mem_calloc(n + 1, sizeof *order);
    qsort(p, n, sizeof *p, larger_first);
    for (size_t i = 0; i < n; i++)
        order[i] = p[i].at;
    free(p);
    return order;
}

void rank_average(const double *x, size_t n, double *out)
{
    struct placed *p = place(x, n);
    qsort(p, n, sizeof *p, by_value);
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && p[next].value == p[i].value;)
            next++;
        for (size_t k = i; k < next; k++)
            out[p[k].at] = (double)(i + next + 1) / 2;
    }
    free(p);
}

double rank_spearman(const double *a, const double *b, size_t n)
{
    if (n < 2)
        return (double)NAN;
    double *x = mem_calloc(n, sizeof *x), *y = mem_calloc(n, sizeof *y);
    double mean = (double)(n + 1) / 2, xy = 0, xx = 0, yy = 0;
    rank_average(a, n, x);
    rank_average(b, n, y);
    for (size_t i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    free(x);
    free(y);
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}
