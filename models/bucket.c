#include "models/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct item {
    int32_t length;
    size_t place, row;
};

static int longer_first(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->length != y->length)
        return x->length < y->length ? 1 : -1;
    return x->place < y->place ? -1 : 1;
}

void bucket_sort(size_t *order, size_t n, const int32_t *length)
{
    struct item *item = mem_calloc(n, sizeof *item);
    for (size_t i = 0; i < n; i++)
        item[i] = (struct item){ length[order[i]], i, order[i] };
    qsort(item, n, sizeof *item, longer_first);
    for (size_t i = 0; i < n; i++)
        order[i] = item[i].row;
    free(item);
}

void bucket_order(size_t *order, size_t n, const int32_t *length, size_t batch, size_t window,
                  struct rng *r)
{
    size_t n_full = n / batch, most = window < n_full ? window : n_full;
    size_t *which = mem_calloc(most, sizeof *which);
    size_t *sorted = mem_calloc(most * batch, sizeof *sorted);
    for (size_t first = 0; first < n_full; first += window) {
        size_t count = n_full - first < window ? n_full - first : window;
        size_t *rows = order + first * batch;
        memcpy(sorted, rows, count * batch * sizeof *sorted);
        bucket_sort(sorted, count * batch, length);
        for (size_t i = 0; i < count; i++)
            which[i] = i;
        rng_shuffle(r, which, count);
        for (size_t i = 0; i < count; i++)
            memcpy(rows + i * batch, sorted + which[i] * batch, batch * sizeof *rows);
    }
    bucket_sort(order + n_full * batch, n % batch, length);
    free(which);
    free(sorted);
}
