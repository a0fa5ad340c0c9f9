#ifndef RUNNER_QUEUE_H
#define RUNNER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stages that wait, the one with the least key first and among equals the one with the least
 * place: a binary heap. All zeros is the empty queue. */

struct waiting {
    int64_t key;  /* what they wait by: an instant, a priority */
    size_t place; /* among equal keys: the line in the order of the graph */
    size_t stage;
};

struct queue {
    struct waiting *item; /* (n) owned */
    size_t n;
};

void queue_add(struct queue *q, struct waiting w);

/** Take the first one out; false if there is none. */
bool queue_take(struct queue *q, struct waiting *out);

/** The first one, NULL if there is none. */
const struct waiting *queue_first(const struct queue *q);

void queue_release(struct queue *q);

#endif
