#include "models/predictor.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void begin(struct predictor *p, const struct nn_dims *dims, const struct prep *prep,
                  const struct model_data *data)
{
    if (p->ready) {
        batcher_turn(&p->batcher, data);
        return;
    }
    batcher_init(&p->batcher, prep, data, dims->batch, NULL, NULL);
    p->row = mem_calloc(dims->batch, sizeof *p->row);
    p->count = mem_calloc(dims->length + 2, sizeof *p->count);
    p->probability = mem_calloc(dims->batch, dims->n_class * sizeof *p->probability);
    p->ready = true;
}

/* Counting sort: an item of count is where the rows of a length begin, and moves on with them. */
static void sort_by_length(struct predictor *p, size_t T, const size_t *row, size_t n)
{
    const struct batcher *b = &p->batcher;
    if (n > p->room) {
        p->room = n;
        p->length = mem_realloc(p->length, n, sizeof *p->length);
        p->place = mem_realloc(p->place, n, sizeof *p->place);
    }
    memset(p->count, 0, (T + 2) * sizeof *p->count);
    for (size_t i = 0; i < n; i++) {
        p->length[i] = vocab_length(&b->prep->shape, b->map, b->data.tokens, row[i]);
        p->count[T - (size_t)p->length[i] + 1]++;
    }
    for (size_t t = 0; t < T; t++)
        p->count[t + 1] += p->count[t];
    for (size_t i = 0; i < n; i++)
        p->place[p->count[T - (size_t)p->length[i]]++] = i;
}

void predictor_run(struct predictor *p, struct net *net, const struct nn_dims *dims,
                   const struct prep *prep, const struct model_data *data, const size_t *row,
                   size_t n, float *out)
{
    size_t C = dims->n_class;
    begin(p, dims, prep, data);
    bool sorts = n > 1 && p->batcher.map && net_skips_padding(net);
    if (sorts)
        sort_by_length(p, dims->length, row, n);
    for (size_t start = 0; start < n; start += dims->batch) {
        size_t here = n - start < dims->batch ? n - start : dims->batch;
        struct nn_batch b;
        for (size_t i = 0; i < here; i++)
            p->row[i] = row[sorts ? p->place[start + i] : start + i];
        batcher_fill(&p->batcher, p->row, here, &b);
        net_predict(net, &b, p->probability);
        for (size_t i = 0; i < here; i++)
            memcpy(out + (sorts ? p->place[start + i] : start + i) * C, p->probability + i * C,
                   C * sizeof *out);
    }
}

void predictor_release(struct predictor *p)
{
    if (p->ready)
        batcher_release(&p->batcher);
    free(p->length);
    free(p->place);
    free(p->row);
    free(p->count);
    free(p->probability);
    *p = (struct predictor){ 0 };
}
