#include "models/trees/bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { SAMPLE = 200000 }; /* rows that quantiles are taken of */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static size_t distinct(float *sorted, size_t n)
{
    size_t n_distinct = 0;
    for (size_t i = 0; i < n; i++)
        if (n_distinct == 0 || sorted[i] > sorted[n_distinct - 1])
            sorted[n_distinct++] = sorted[i];
    return n_distinct;
}

static size_t cut_at_quantiles(const float *sorted, size_t n, float *edge)
{
    size_t n_edge = 0;
    for (size_t q = 1; q <= MAX_EDGES; q++) {
        size_t at = q * n / (MAX_EDGES + 1);
        if (at == 0 || !(sorted[at - 1] < sorted[n - 1]))
            continue;
        size_t next = at;
        while (!(sorted[next] > sorted[at - 1]))
            next++;
        float e = tree_between(sorted[at - 1], sorted[next]);
        if (n_edge == 0 || e > edge[n_edge - 1])
            edge[n_edge++] = e;
    }
    return n_edge;
}

static size_t find_edges(const struct grow_data *data, size_t column, float *edge)
{
    size_t stride = (data->n + SAMPLE - 1) / SAMPLE, n = 0, n_edge = 0;
    float *value = mem_calloc(data->n / stride + 1, sizeof *value);
    for (size_t i = 0; i < data->n; i += stride) {
        float v = data->x[i * data->ld + column];
        value[n] = v;
        n += isnan(v) ? 0 : 1;
    }
    qsort(value, n, sizeof *value, by_value);
    float *few = mem_calloc(n + 1, sizeof *few);
    memcpy(few, value, n * sizeof *few);
    size_t n_few = distinct(few, n);
    if (n_few <= MAX_EDGES + 1)
        for (; n_edge + 1 < n_few; n_edge++)
            edge[n_edge] = tree_between(few[n_edge], few[n_edge + 1]);
    else
        n_edge = cut_at_quantiles(value, n, edge);
    free(few);
    free(value);
    return n_edge;
}

static uint8_t bin_of(float value, const float *edge, size_t n_edge)
{
    size_t low = 0, high = n_edge;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (value <= edge[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return isnan(value) ? BIN_MISSING : (uint8_t)low;
}

struct binning {
    struct bins *b;
    const struct grow_data *data;
};

static void fit_column(void *ctx, int worker, size_t j)
{
    const struct binning *k = ctx;
    const struct grow_data *data = k->data;
    float *edge = k->b->edge + j * MAX_EDGES;
    (void)worker;
    size_t n_edge = k->b->n_edge[j] = find_edges(data, j, edge);
    for (size_t i = 0; i < data->n; i++)
        k->b->bin[j * data->n + i] = bin_of(data->x[i * data->ld + j], edge, n_edge);
}

void bins_fit(struct bins *b, const struct grow_data *data, int threads)
{
    *b = (struct bins){ .n = data->n, .d = data->d };
    b->bin = mem_calloc(data->d, data->n);
    b->edge = mem_calloc(data->d, MAX_EDGES * sizeof *b->edge);
    b->n_edge = mem_calloc(data->d, sizeof *b->n_edge);
    struct binning k = { b, data };
    parallel_for(threads, data->d, fit_column, &k);
}

void bins_release(struct bins *b)
{
    free(b->bin);
    free(b->edge);
    free(b->n_edge);
    *b = (struct bins){ 0 };
}
