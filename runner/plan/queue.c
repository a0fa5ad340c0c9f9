#include "runner/plan/queue.h"

#include <stdlib.h>

#include "base/mem.h"

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->key != b->key ? a->key < b->key : a->place < b->place;
}

static void swap(struct queue *q, size_t i, size_t k)
{
    struct waiting w = q->item[i];
    q->item[i] = q->item[k];
    q->item[k] = w;
}

void queue_add(struct queue *q, struct waiting w)
{
    size_t i = q->n;
    q->item = mem_grow(q->item, q->n, sizeof *q->item);
    q->item[q->n++] = w;
    for (; i > 0 && before(&q->item[i], &q->item[(i - 1) / 2]); i = (i - 1) / 2)
        swap(q, i, (i - 1) / 2);
}

const struct waiting *queue_first(const struct queue *q)
{
    return q->n > 0 ? &q->item[0] : NULL;
}

bool queue_take(struct queue *q, struct waiting *out)
{
    if (q->n == 0)
        return false;
    *out = q->item[0];
    q->item[0] = q->item[--q->n];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < q->n; k++)
            if (before(&q->item[k], &q->item[least]))
                least = k;
        if (least == i)
            return true;
        swap(q, i, least);
        i = least;
    }
}

void queue_release(struct queue *q)
{
    free(q->item);
    *q = (struct queue){ 0 };
}
