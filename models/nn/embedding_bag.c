/* Embedding bag: y = b + sum over the n-grams g of a row of value_g W[g], then ReLU if asked for:
 * the product of a sparse row with a matrix. table (V, C), b (C), out (n, C). Linear text
 * classification where C are the classes (fastText: Joulin et al. 2017, section 2). The gradient
 * touches only the rows of the table whose n-grams are in the batch (touched.c).
 *
 * Where its outputs are the classes the table begins at 0: every n-gram has its first say from the
 * first gradient, none from chance. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/gemm.h"
#include "models/nn/op.h"

enum { TABLE, BIAS };

/* The inputs are read by the bag itself. */
static int plan_grams(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    n->tensor[o->out].shape = shape_rows(0); /* no storage */
    return 0;
}

static void forward_grams(const struct op *o, const struct pass *p)
{
    (void)o, (void)p;
}

const struct op_kind op_grams = { .plan = plan_grams, .forward = forward_grams };

/* A batch's values after dropout, by place; shared by the shards, each has its own places. */
struct bag {
    float *value;
    size_t room;
};

/* Places are the batch's n-grams, one row behind the other. */
static void chain(struct touched *t, const struct net *n)
{
    const struct nn_batch *b = t->batch;
    (void)n;
    for (size_t place = 0; place < b->gram_first[b->n]; place++)
        touched_add(t, b->gram[place], (int32_t)place);
}

static const float *arrived(const struct touched *t, const struct net *n, int32_t place,
                            size_t *shard)
{
    const size_t *first = t->batch->gram_first;
    while ((size_t)place >= first[n->shard[*shard].row + n->shard[*shard].n])
        ++*shard;
    const struct shard *h = &n->shard[*shard];
    size_t low = h->row, high = h->row + h->n;
    while (high - low > 1) { /* the row of the place */
        size_t middle = (low + high) / 2;
        if (first[middle] <= (size_t)place)
            low = middle;
        else
            high = middle;
    }
    return h->arena + n->tensor[t->op->out].gradient + (low - h->row) * t->width;
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    bool classes = o->layer->size < 0;
    size_t C = classes ? n->dims.n_class : (size_t)o->layer->size, V = n->dims.n_gram;
    size_t most = n->dims.most_grams;
    if (V == 0)
        return err_set(e, ERR_USAGE, "the network reads n-grams, but there are none");
    if (most > (size_t)INT32_MAX / n->dims.batch)
        return err_set(e, ERR_USAGE, "%zu rows of %zu n-grams in a batch: want at most %d",
                       n->dims.batch, most, INT32_MAX);
    n->tensor[o->out].shape = shape_rows(C);
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "embeddings", classes ? INIT_ZEROS : INIT_UNIFORM, false, (size_t[]){ V, C },
                 2);
    op_add_param(n, o, "bias", INIT_ZEROS, false, (size_t[]){ C }, 1);
    n->plan[o->param[TABLE]].sparse = true;
    o->scratch = n->n_shard * C; /* the leaves of touched_row */
    o->keeps_in = false;
    o->keeps_out = o->layer->activation == NN_ACT_RELU;

    struct bag *bag = o->own = mem_calloc(1, sizeof *bag);
    bag->room = n->dims.batch * most;
    bag->value = mem_calloc(bag->room, sizeof *bag->value);
    struct touched *t = touched_new(n, o, V, bag->room);
    t->chain = chain;
    t->arrived = arrived;
    t->factor = bag->value;
    return 0;
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct nn_batch *b = p->batch;
    const struct bag *bag = o->own;
    size_t C = op_out(o, p->net)->shape.c;
    const float *table = weight_of(p->net, o, TABLE), *value = b->gram_value;
    float *y = value_of(p, op_out(o, p->net));

    assert(!p->training || b->gram_first[b->n] <= bag->room);
    memset(y, 0, p->shard->n * C * sizeof *y);
    for (size_t row = p->shard->row; row < p->shard->row + p->shard->n; row++) {
        size_t first = b->gram_first[row], n = b->gram_first[row + 1] - first;
        if (p->training) {
            dropout_apply(bag->value + first, b->gram_value + first, n,
                          dropout_key(p->draw, o->number, 0, row), 0, o->layer->rate);
            value = bag->value;
        }
        for (size_t k = first; k < first + n; k++) {
            assert(b->gram[k] >= 0 && (size_t)b->gram[k] < p->net->dims.n_gram);
            if (value[k] > 0 || value[k] < 0)
                add_scaled(y + (row - p->shard->row) * C, table + (size_t)b->gram[k] * C, value[k],
                           C);
        }
    }
    add_bias(y, p->shard->n, C, weight_of(p->net, o, BIAS), o->layer->activation == NN_ACT_RELU);
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *out = op_out(o, p->net);
    size_t C = out->shape.c;
    float *dy = gradient_of(p, out);
    if (o->layer->activation == NN_ACT_RELU)
        mask_relu(dy, value_of(p, out), p->shard->n * C);
    column_sum(dy, p->shard->n, C, dweight_of(p, o, BIAS)); /* the table: touched_row */
}

static void release(struct op *o)
{
    struct bag *bag = o->own;
    if (bag)
        free(bag->value);
    free(bag);
}

const struct op_kind op_embedding_bag = {
    .plan = plan, .forward = forward, .backward = backward, .release = release
};
