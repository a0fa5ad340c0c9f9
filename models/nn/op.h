#ifndef NN_OP_H
#define NN_OP_H

#include "models/nn/net.h"
#include "models/nn/workers.h"

/* What the operators and the engine share. One operator is one file that defines a `struct
 * op_kind`: its shape rule and what it needs (plan), forward, backward. An operator sees one shard
 * of the batch at a time: n rows. */

/**
 * Form of one row of an activation.
 *   ROWS     (c)            a shard holds (n, c)
 *   STEPS    (steps, c)     a shard holds (steps, n, c): time first, so that a step is one matrix
 *   PICTURE  (h, w, c)      a shard holds (n, c / block, h, w, block): channels in blocks; block =
 * c is NHWC, block = 1 is NCHW, 8 or 16 what oneDNN's blocked kernels want
 */
enum form { FORM_ROWS, FORM_STEPS, FORM_PICTURE };
struct shape {
    enum form form;
    size_t steps, h, w, c, block; /* what a form does not use is 1; block is c */
};

struct tensor {
    struct shape shape;
    struct op *from, *to;   /* who writes and who reads it; `to` is NULL for the logits */
    size_t value, gradient; /* floats into a shard's arena */
    bool wants_gradient;    /* something trainable lies above it */
    bool stored;            /* in the arena; else its writer hands it on piece by piece */
};

/** A stretch of the arena that op number `owner` needs from its forward to its backward. */
struct room {
    size_t n;           /* floats */
    size_t first, last; /* time of first and last use; see net_plan.c */
    bool to_end;        /* is read when all operators are done */
    size_t part;        /* branch that needs it on the way forward, from 1; 0: else */
    size_t *out;        /* where the offset goes */
    size_t offset;
};

enum { MAX_PARAM = 4, MAX_STATE = 6 };

struct op {
    const struct op_kind *kind;
    const struct nn_layer *layer;         /* NULL for an input */
    const struct nn_branch *branch;       /* NULL in the head */
    char *name;                           /* "text.1_lstm", owned */
    size_t number;                        /* in net->op */
    size_t in[N_NN_INPUT + 1], n_in, out; /* tensors */
    size_t param[MAX_PARAM], n_param;     /* in net->param */
    size_t state[MAX_STATE];              /* arena offsets of what forward leaves for backward */
    double flop;                          /* forward, of one row: a multiply-add is two */
    size_t own_floats;                    /* that make() takes */
    size_t parts;                         /* that prepare() is cut into; 0: one */
    size_t scratch;                       /* floats of a worker's scratch */
    bool keeps_in, keeps_out;             /* backward reads its input, its output */
    bool keeps_in_to_end;                 /* gradient reads its input */
    bool relu_in;       /* maxpool: also do the ReLU mask of the convolution before it */
    struct op *pool;    /* conv2d: the maxpool below, which is done in the same go */
    struct op *done_by; /* maxpool, pixels: the conv2d that does its work at its own time */
    void *own; /* shared state: batch statistics, planned kernels; freed by kind->release */
};

/** One shard at work. */
struct shard {
    float *arena;
    float *gradient;        /* this shard's parameter gradients, without embeddings */
    size_t row, n;          /* rows row .. row + n - 1 of the batch */
    size_t t0, t1;          /* steps that any of these rows needs */
    double loss, auxiliary; /* sums over its rows: of the network's softmax, of the branches' own */
    size_t right;
};

struct pass {
    const struct net *net;
    const struct nn_batch *batch;
    struct shard *shard;
    float *scratch; /* this worker's */
    int worker;
    bool training;
    uint64_t draw;
};

struct op_kind {
    int (*plan)(struct net *n, struct op *o, struct err *e);
    /* What it keeps for itself, once all sizes fit; may be NULL. */
    void (*make)(struct net *n, struct op *o);
    /* Before any shard of a batch, where weights may have changed; may be NULL. */
    void (*prepare)(const struct net *n, const struct op *o, size_t part);
    /* What concerns the whole batch while training; all NULL where there is nothing. `before` runs
     * n_before tasks ahead of the shards, `after` one for each shard when all are done. */
    size_t (*n_before)(const struct op *o);
    void (*before)(const struct op *o, const struct pass *p, size_t task);
    void (*after)(const struct op *o, const struct pass *p, size_t n_shard);
    void (*forward)(const struct op *o, const struct pass *p);
    void (*backward)(const struct op *o, const struct pass *p);
    /* Of parameters whose gradient is `whole`, once all shards are done: floats first .. of the
     * only one into `out`. */
    void (*gradient)(const struct op *o, const struct net *n, size_t n_shard, size_t first,
                     size_t floats, float *out, float *scratch);
    /* Operators that look across shards while training: every shard gathers, then one thread joins,
     * then the shards go on with forward (or backward). Both NULL otherwise. */
    void (*gather)(const struct op *o, const struct pass *p);
    void (*join)(const struct op *o, struct net *n, size_t n_shard);
    void (*gather_back)(const struct op *o, const struct pass *p);
    void (*join_back)(const struct op *o, struct net *n, size_t n_shard);
    const char *(*kernel)(const struct op *o); /* name of the kernel that was chosen; may be NULL */
    void (*release)(struct op *o);
};

extern const struct op_kind op_words, op_pixels, op_features, op_grams; /* inputs */
extern const struct op_kind op_embedding, op_lstm, op_conv2d, op_maxpool, op_dense, op_batch_norm,
    op_dropout, op_relu, op_flatten, op_concat, op_pool_time, op_pool_space, op_auxiliary,
    op_embedding_bag, op_sum;

enum init { INIT_ZEROS, INIT_ONES, INIT_GLOROT, INIT_ORTHOGONAL, INIT_UNIFORM, INIT_FORGET };

/** What the engine knows about a parameter beyond nn_param. */
struct param_plan {
    enum init init;
    size_t fan_in, fan_out;
    size_t shard_offset;    /* floats into shard.gradient; SIZE_MAX: not summed over shards there */
    const struct op *whole; /* its gradient is this op's to compute, for all shards at once */
    size_t piece;           /* floats that a worker takes at a time */
    bool sparse;            /* a table: gradient only in the rows of the batch */
    bool kernel;            /* penalties and weight decay are for these alone */
};

/** A piece of the parameters for one worker at a time: reduction and optimiser. */
struct piece {
    size_t param, first, n; /* floats of net->param[param] */
    double penalty;         /* of the last batch */
};

struct net {
    struct nn_layer *layer; /* owned copies of what the operators point to: layers, then branches */
    struct nn_branch *branch;
    double l1, l2, label_smoothing; /* of training */
    double auxiliary;               /* of training; 0 where there is one branch */
    double auxiliary_loss;
    struct overflow *looking; /* NULL but in net_look */
    struct nn_dims dims;
    struct op *op;
    size_t n_op;
    struct tensor *tensor;
    size_t n_tensor, logits;
    struct nn_param *param;
    struct param_plan *plan;
    size_t n_param, n_weight;
    float *weight, *gradient; /* the blocks */

    size_t part[N_NN_INPUT + 1], n_part; /* branch k has the operators part[k] .. part[k + 1] - 1 */
    size_t dearest[N_NN_INPUT];          /* the branches, most arithmetic first */
    struct shard *shard;
    size_t n_shard, shard_rows; /* shards of a full batch, rows of the largest */
    struct room *room;
    size_t n_room, arena_floats, shard_floats, scratch_floats;
    size_t probability; /* arena offset, (n, C) */
    float *arena, *shard_gradient, *scratch;

    double *clock; /* (n_worker, 2 N + 1) seconds of each step of run_shard; NULL: not counted */
    struct piece *piece;
    size_t n_piece;
    double *square; /* room of the optimiser: sums of squares, one for each of its tasks */
    struct touched *touched[N_NN_INPUT]; /* tables of which a batch reads some rows; owned */
    size_t n_touched;
    struct workers *workers;
    int n_worker;
    enum nn_kernels kernels;
    bool plain;       /* without oneDNN: pictures are NHWC */
    bool training;    /* the batch that is computed */
    bool prepared;    /* for prediction, with the weights as they are */
    bool retry_plain; /* a kernel was refused while planning */
    size_t block;     /* channel block of pictures; 0: NHWC */
};

/* ---- for plan() ---- */

/** A parameter of the op; fans for Glorot. Its kernel penalty is the layer's and training's if
 * `kernel`. */
void op_add_param(struct net *n, struct op *o, const char *name, enum init init, bool kernel,
                  const size_t *shape, int rank);

/** Arena room for the op's state k: floats for the whole shard. */
void op_add_state(struct net *n, struct op *o, size_t k, size_t floats);

static inline size_t shape_size(const struct shape *s)
{
    return s->steps * s->h * s->w * s->c;
}

static inline struct shape shape_rows(size_t c)
{
    return (struct shape){ FORM_ROWS, 1, 1, 1, c, c };
}

/** When the operator's work is done: its place in the order of computation. */
static inline size_t op_time(const struct op *o)
{
    return o->done_by ? o->done_by->number : o->number;
}

/* ---- for forward() and backward() ---- */

static inline const struct tensor *op_in(const struct op *o, const struct net *n)
{
    return &n->tensor[o->in[0]];
}

static inline const struct tensor *op_out(const struct op *o, const struct net *n)
{
    return &n->tensor[o->out];
}

static inline float *value_of(const struct pass *p, const struct tensor *t)
{
    return p->shard->arena + t->value;
}

static inline float *gradient_of(const struct pass *p, const struct tensor *t)
{
    return p->shard->arena + t->gradient;
}

static inline float *state_of(const struct pass *p, const struct op *o, size_t k)
{
    return p->shard->arena + o->state[k];
}

/** A state that holds whole numbers. */
static inline int32_t *places_of(const struct pass *p, const struct op *o, size_t k)
{
    void *state = state_of(p, o, k);
    return state;
}

static inline const float *weight_of(const struct net *n, const struct op *o, size_t k)
{
    return n->weight + n->param[o->param[k]].offset;
}

/** Where this shard's gradient of the op's parameter k goes; overwritten, not added to. */
static inline float *dweight_of(const struct pass *p, const struct op *o, size_t k)
{
    return p->shard->gradient + p->net->plan[o->param[k]].shard_offset;
}

/** The part of a tensor that holds something, as a matrix: first element and number of rows of c
 * values. Steps that no row of the shard needs are left out. For pictures the rows are n * h * w
 * only if block == c. */
static inline size_t live_rows(const struct pass *p, const struct tensor *t, size_t *out_first)
{
    const struct shape *s = &t->shape;
    *out_first = s->form == FORM_STEPS ? p->shard->t0 * p->shard->n * s->c : 0;
    return s->form == FORM_STEPS ? (p->shard->t1 - p->shard->t0) * p->shard->n
                                 : p->shard->n * s->h * s->w;
}

/** Is step t of row r (of the shard) a word, or is masking off? */
bool step_is_live(const struct op *o, const struct pass *p, size_t r, size_t t);

/** Row r of the shard begins at step *out_first and has the returned number of words (all T if
 * masking is off). */
size_t live_steps(const struct op *o, const struct pass *p, size_t r, size_t *out_first);

/**
 * Sums across shards: leaf 0 becomes the combination of leaves 0 .. n - 1 by one fixed binary tree
 * (neighbours first), whatever the number of threads. `merge` adds leaf `from` into leaf `into`.
 */
void reduce(size_t n_leaf, void (*merge)(void *arg, size_t into, size_t from), void *arg);

/* ---- dropout masks ---- */

/** Key of the mask of one row: from the draw, the op (and which of its masks), the row in the
 * batch. */
uint64_t dropout_key(uint64_t draw, size_t op_number, size_t mask, size_t row);

/** out[i] = in[i] * mask(first + i), mask = 0 with probability `rate`, else 1 / (1 - rate). in ==
 * out is allowed. */
void dropout_apply(float *out, const float *in, size_t n, uint64_t key, size_t first, double rate);

/* ---- loss ---- */

/** Softmax of the logits; training: also the shard's part of the loss, and its gradient. */
void loss_run(const struct pass *p);

/**
 * Softmax of logits x (n, C) of the shard's rows into prob (n, C). Training: adds the rows' part of
 * the loss, times `factor`, to *out_loss, and writes its gradient to dx (n, C), which may be x;
 * returns how many rows are right.
 */
size_t cross_entropy(const struct pass *p, const float *x, double factor, float *prob, float *dx,
                     double *out_loss);
/* ---- training, piece by piece ---- */

/** Forward and backward: the gradients stay apart in the shards. Returns the number of shards. */
size_t net_run_shards(struct net *n, const struct nn_batch *b, uint64_t draw);

/** Loss and right rows of the batch that net_run_shards ran. ERR_DATA if the loss is not finite. */
int net_loss(const struct net *n, size_t n_row, double penalty, double *out_loss, size_t *out_right,
             struct err *e);

/** Floats of a piece from `at` on that are in the cache with what shards and optimiser have for
 * them. */
size_t gradient_tile_floats(const struct net *n, const struct piece *p, size_t at);

/** The gradient of all shards, with the penalty's: floats at .. of a piece, as many as
 * gradient_tile_floats says. Adds the penalty to the piece's; returns where it lies until this
 * worker's next tile. */
float *gradient_tile(struct net *n, size_t n_shard, struct piece *p, size_t at, int worker);

/** All of it into the network's gradient block. Returns the penalty. */
double gradient_gather(struct net *n, size_t n_shard);
double gradient_penalty(const struct net *n); /* of all pieces */

/** Tasks that the optimiser cuts a step into at most. */
size_t optimizer_tasks(const struct net *n);

/* ---- tables of which a batch reads a few rows ---- */

/** Which rows of a table (V, width) the last batch read, and where. A place is one reading. */
struct touched {
    size_t param, width;
    const struct op *op;
    const struct nn_batch *batch; /* the last one */
    size_t n, most;               /* distinct ids in it; at most */
    bool gathered;                /* their gradients are in the block */
    int32_t *id;                  /* (n) in order of first appearance */
    int32_t *head;                /* (V) first place of an id, or -1 */
    int32_t *tail;                /* (V) last one */
    int32_t *next;                /* (places) next place of the same id, or -1 */
    int32_t *nth;                 /* (V) where an id of the batch stands in `id` */
    const float *row;    /* (n, width) the rows' gradients, borrowed; NULL: sums of what arrived */
    size_t arriving;     /* floats that arrive at a place: width, but where `row` is made of them */
    const float *factor; /* (places) what a reading counts; borrowed; NULL: 1 */
    /* Call touched_add for every place of the batch. */
    void (*chain)(struct touched *t, const struct net *n);
    /* The gradient (arriving) at a place; raises *shard to the shard that has it. */
    const float *(*arrived)(const struct touched *t, const struct net *n, int32_t place,
                            size_t *shard);
};

/** For plan(): the op's parameter 0 is such a table. Owned by the net; chain, arrived and factor
 * are the caller's to set, and n_shard * width floats of scratch to ask for. */
struct touched *touched_new(struct net *n, const struct op *o, size_t n_id, size_t n_place);
void touched_free(struct touched *t);

/** Note that `place` read row `id`; the places of one id come in ascending order. */
void touched_add(struct touched *t, int32_t id, int32_t place);

/** Find what a batch reads; forget the last batch. */
void touched_chain(struct net *n, const struct nn_batch *b);

/** Sum (arriving) over the places of the w-th row that the batch read: within each shard in order,
 * the shards by the tree of reduce(). Needs all shards done; `leaf` is room for (n_shard,
 * arriving). */
const float *touched_sum(const struct touched *t, const struct net *n, size_t n_shard, size_t w,
                         float *leaf);

/** Ask for what touched_sum will read of the w-th row, if there is one: it lies anywhere in the
 * shards' memory. */
void touched_fetch(const struct touched *t, const struct net *n, size_t w);

/** Gradient (width) of the w-th row. */
const float *touched_row(const struct touched *t, const struct net *n, size_t n_shard, size_t w,
                         float *leaf);

/** All of them into the network's gradient block, where the next touched_chain clears them. */
void touched_gather(struct net *n, size_t n_shard);

/** net_build with these kernels in place of the training's. */
int net_build_with(struct net **out, const struct nn_spec *spec, const struct nn_dims *dims,
                   int threads, enum nn_kernels kernels, struct err *e);

/** Run a batch as net_train does and have overflow.h look at every operator; no gradient is summed.
 * Returns the number of shards that had rows. */
struct overflow;
size_t net_look(struct net *n, const struct nn_batch *b, uint64_t draw, struct overflow *o);

int net_plan(struct net *n, const struct nn_spec *spec, struct err *e);

#endif
