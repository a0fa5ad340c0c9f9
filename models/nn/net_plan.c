/* Building: operators and tensors from the network file, parameters into their block, and a place
 * in the arena for everything that a shard needs, so that nothing is allocated while training. */
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/nn/dnnl_conv.h"
#include "models/nn/memory.h"
#include "models/nn/op.h"

static const struct op_kind *const kind_of[] = {
    [NN_EMBEDDING] = &op_embedding,
    [NN_LSTM] = &op_lstm,
    [NN_CONV2D] = &op_conv2d,
    [NN_MAXPOOL] = &op_maxpool,
    [NN_DENSE] = &op_dense,
    [NN_BATCH_NORM] = &op_batch_norm,
    [NN_DROPOUT] = &op_dropout,
    [NN_RELU] = &op_relu,
    [NN_FLATTEN] = &op_flatten,
    [NN_CONCAT] = &op_concat,
    [NN_POOL_TIME] = &op_pool_time,
    [NN_POOL_SPACE] = &op_pool_space,
    [NN_EMBEDDING_BAG] = &op_embedding_bag,
};
static const struct op_kind *const input_of[] = {
    [NN_TEXT] = &op_words,
    [NN_PIXELS] = &op_pixels,
    [NN_FEATURES] = &op_features,
    [NN_NGRAMS] = &op_grams,
};

enum { ALIGN = 16, PIECE = 1 << 14 };
#define MAX_WEIGHTS ((size_t)1 << 30)

static size_t aligned(size_t floats)
{
    return (floats + ALIGN - 1) / ALIGN * ALIGN;
}

void op_add_param(struct net *n, struct op *o, const char *name, enum init init, bool kernel,
                  const size_t *shape, int rank)
{
    n->param = mem_grow(n->param, n->n_param, sizeof *n->param);
    n->plan = mem_grow(n->plan, n->n_param, sizeof *n->plan);
    struct nn_param *p = &n->param[n->n_param];
    *p = (struct nn_param){ .name = str_format("%s.%s", o->name, name),
                            .offset = n->n_weight,
                            .n = 1,
                            .rank = rank,
                            .trainable = true,
                            .of_classes = o->layer && o->layer->size < 0,
                            .l1 = kernel && o->layer ? o->layer->l1 + n->l1 : 0,
                            .l2 = kernel && o->layer ? o->layer->l2 + n->l2 : 0 };
    for (int i = 0; i < rank; i++) {
        p->shape[i] = shape[i];
        if (__builtin_mul_overflow(p->n, shape[i], &p->n))
            p->n = MAX_WEIGHTS + 1;
    }
    size_t field = rank == 4 ? shape[0] * shape[1]
                             : 1; /* of a convolution, as Glorot & Bengio count fans */
    n->plan[n->n_param] = (struct param_plan){ .init = init,
                                               .shard_offset = SIZE_MAX,
                                               .piece = PIECE,
                                               .kernel = kernel,
                                               .fan_in = rank >= 2 ? field * shape[rank - 2] : 0,
                                               .fan_out = field * shape[rank - 1] };
    n->n_weight = p->n > MAX_WEIGHTS || n->n_weight > MAX_WEIGHTS ? MAX_WEIGHTS + 1
                                                                  : n->n_weight + p->n;
    o->param[o->n_param++] = n->n_param++;
}

static void add_room(struct net *n, size_t floats, size_t first, size_t last, size_t *out)
{
    n->room = mem_grow(n->room, n->n_room, sizeof *n->room);
    n->room[n->n_room++] = (struct room){
        .n = aligned(floats), .first = first, .last = last, .out = out
    };
}

void op_add_state(struct net *n, struct op *o, size_t k, size_t floats)
{
    add_room(n, floats, op_time(o), SIZE_MAX - op_time(o),
             &o->state[k]); /* its end is known when all operators are */
}

/* ---- operators ---- */

static int add_op(struct net *n, const struct op_kind *kind, const struct nn_branch *branch,
                  const struct nn_layer *layer, char *name, const size_t *in, size_t n_in,
                  struct err *e)
{
    struct op *o = &n->op[n->n_op];
    struct tensor *t = &n->tensor[n->n_tensor];
    *o = (struct op){ .kind = kind,
                      .layer = layer,
                      .branch = branch,
                      .name = name,
                      .number = n->n_op,
                      .n_in = n_in,
                      .out = n->n_tensor,
                      .keeps_in = true,
                      .keeps_out = true };
    for (size_t i = 0; i < n_in; i++) {
        o->in[i] = in[i];
        n->tensor[in[i]].to = o;
        t->wants_gradient |= n->tensor[in[i]].wants_gradient;
    }
    t->from = o;
    t->stored = true;
    n->n_op++;
    n->n_tensor++;
    return kind->plan(n, o, e);
}

static int add_branch(struct net *n, const struct nn_branch *b, struct err *e)
{
    int rc = add_op(n, input_of[b->input], b, NULL, mem_strdup(nn_input_name(b->input)), NULL, 0,
                    e);
    for (size_t i = 0; rc == 0 && i < b->n_layer; i++) {
        size_t in = n->n_tensor - 1;
        char *name = str_format("%s.%zu_%s", nn_input_name(b->input), i,
                                nn_op_name(b->layer[i].op));
        rc = add_op(n, kind_of[b->layer[i].op], b, &b->layer[i], name, &in, 1, e);
    }
    size_t end = n->n_tensor - 1;
    if (rc == 0 && n->auxiliary > 0 && !nn_ends_in_classes(b->layer, b->n_layer))
        rc = add_op(n, &op_auxiliary, b, NULL, str_format("%s.auxiliary", nn_input_name(b->input)),
                    &end, 1, e);
    return rc;
}

/* oneDNN's blocks for pictures, if all convolutions make whole blocks; else 0: NHWC. */
static size_t picture_block(const struct net *n, const struct nn_spec *s)
{
    const struct nn_branch *b = nn_spec_branch(s, NN_PIXELS);
    size_t block = b && !n->plain ? dnnl_conv_block() : 0;
    for (size_t i = 0; block && i < b->n_layer; i++)
        if (b->layer[i].op == NN_CONV2D && (size_t)b->layer[i].size % block != 0)
            block = 0;
    return block;
}

/* The operators point to layers: keep our own copy of them, the caller's spec may go away. */
static void copy_layers(struct net *n, const struct nn_spec *s)
{
    size_t at = s->n_head, total = at;
    for (size_t i = 0; i < s->n_branch; i++)
        total += s->branch[i].n_layer;
    n->layer = mem_calloc(total, sizeof *n->layer);
    n->branch = mem_calloc(s->n_branch, sizeof *n->branch);
    if (s->n_head)
        memcpy(n->layer, s->head, s->n_head * sizeof *n->layer);
    for (size_t i = 0; i < s->n_branch; i++) {
        n->branch[i] = s->branch[i];
        n->branch[i].layer = n->layer + at;
        memcpy(n->layer + at, s->branch[i].layer, s->branch[i].n_layer * sizeof *n->layer);
        at += s->branch[i].n_layer;
    }
    size_t most = total + 2 * N_NN_INPUT + 1; /* inputs, auxiliary softmaxes, a sum */
    n->op = mem_calloc(most, sizeof *n->op);
    n->tensor = mem_calloc(most, sizeof *n->tensor);
}

/* The head on the `n_deep` tensors that it joins; its last tensor is added to `wide`. */
static int add_head(struct net *n, const struct nn_spec *s, const size_t *deep, size_t n_deep,
                    size_t *wide, size_t *n_wide, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_head; i++) {
        bool joins = n->layer[i].op == NN_CONCAT;
        size_t last = i ? n->n_tensor - 1 : deep[0];
        rc = add_op(n, kind_of[n->layer[i].op], NULL, &n->layer[i],
                    str_format("head.%zu_%s", i, nn_op_name(n->layer[i].op)), joins ? deep : &last,
                    joins ? n_deep : 1, e);
    }
    wide[(*n_wide)++] = n->n_tensor - 1;
    return rc;
}

static double part_flop(const struct net *n, size_t k)
{
    double sum = 0;
    for (size_t i = n->part[k]; i < n->part[k + 1]; i++)
        sum += n->op[i].flop;
    return sum;
}

static void order_parts(struct net *n)
{
    for (size_t k = 0; k < n->n_part; k++) {
        size_t at = k;
        for (; at > 0 && part_flop(n, n->dearest[at - 1]) < part_flop(n, k); at--)
            n->dearest[at] = n->dearest[at - 1];
        n->dearest[at] = k;
    }
}

/* Branches that end in the classes themselves are wide (Cheng et al. 2016): their logits are added
 * to those that the head makes of the others. */
static int add_ops(struct net *n, const struct nn_spec *s, struct err *e)
{
    size_t deep[N_NN_INPUT], wide[N_NN_INPUT + 1] = { 0 }, n_deep = 0, n_wide = 0;
    int rc = 0;

    copy_layers(n, s);
    for (size_t i = 0; rc == 0 && i < s->n_branch; i++) {
        const struct nn_branch *b = &n->branch[i];
        n->part[i] = n->n_op;
        rc = add_branch(n, b, e);
        if (nn_ends_in_classes(b->layer, b->n_layer))
            wide[n_wide++] = n->n_tensor - 1;
        else
            deep[n_deep++] = n->n_tensor - 1;
    }
    n->n_part = s->n_branch;
    n->part[n->n_part] = n->n_op;
    order_parts(n);
    if (rc == 0 && n_deep)
        rc = add_head(n, s, deep, n_deep, wide, &n_wide, e);
    n->logits = wide[0];
    if (rc == 0 && n_wide > 1) {
        rc = add_op(n, &op_sum, NULL, NULL, mem_strdup("sum"), wide, n_wide, e);
        n->logits = n->n_tensor - 1;
    }
    return rc;
}

/* ---- the arena ---- */

static bool has_table(const struct net *n, const struct op *o)
{
    return o->n_param && n->plan[o->param[0]].sparse;
}

/* Time runs over one batch: operator i goes forward at i, the loss is at N, operator i goes
 * backward at 2 N - i. */
static void add_rooms(struct net *n)
{
    size_t N = n->n_op;
    for (size_t i = 0; i < n->n_room; i++) /* the states */
        n->room[i].last = n->room[i].to_end ? 2 * N : 2 * N - n->room[i].first;
    for (size_t i = 0; i < n->n_tensor; i++) {
        struct tensor *t = &n->tensor[i];
        size_t from = op_time(t->from), to = t->to ? op_time(t->to) : N;
        size_t floats = shape_size(&t->shape) * n->shard_rows;
        size_t last = t->from->keeps_out         ? 2 * N - from
                      : t->to && t->to->keeps_in ? 2 * N - to
                                                 : to;
        if (t->to && t->to->keeps_in_to_end)
            last = 2 * N;
        if (floats == 0 || !t->stored)
            continue;
        add_room(n, floats, from, last, &t->value);
        if (t->wants_gradient) /* touched_row reads a table's after all operators */
            add_room(n, floats, 2 * N - to, has_table(n, t->from) ? 2 * N : 2 * N - from,
                     &t->gradient);
    }
    add_room(n, n->shard_rows * n->dims.n_class, N, N, &n->probability);
}

static int larger_first(const void *a, const void *b)
{
    const struct room *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

/* The lowest offset at which room k meets none of those before it that is alive at the same time.
 */
static size_t lowest(const struct room *room, size_t k)
{
    const struct room *r = &room[k];
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < k; i++) {
            const struct room *q = &room[i];
            bool together = q->first <= r->last && r->first <= q->last;
            bool apart = q->part && r->part && q->part != r->part; /* at once, by two threads */
            if ((together || apart) && at < q->offset + q->n && q->offset < at + r->n) {
                at = q->offset + q->n;
                moved = true;
            }
        }
    }
    return at;
}

/* Greedy by size (Pisarchyk & Lee 2020): large rooms first, each at the lowest place that is free
 * during its life. */
static void place_rooms(struct net *n)
{
    for (size_t i = 0; i < n->n_room; i++)
        for (size_t k = 0; k < n->n_part; k++)
            if (n->room[i].first >= n->part[k] && n->room[i].first < n->part[k + 1])
                n->room[i].part = k + 1;
    qsort(n->room, n->n_room, sizeof *n->room, larger_first);
    for (size_t i = 0; i < n->n_room; i++) {
        struct room *r = &n->room[i];
        r->offset = lowest(n->room, i);
        *r->out = r->offset;
        if (r->offset + r->n > n->arena_floats)
            n->arena_floats = r->offset + r->n;
    }
}

/* ---- parameters ---- */

/* What the optimiser and the reduction work on, and where a shard keeps its gradients. Batch norm's
 * gradients come from its own sums across shards; a table's from touched_row; `whole` ones need all
 * shards. */
static void cut_params(struct net *n)
{
    for (size_t i = 0; i < n->n_op; i++)
        for (size_t k = 0; k < n->op[i].n_param && n->op[i].kind != &op_batch_norm; k++) {
            size_t param = n->op[i].param[k];
            if (n->plan[param].sparse || n->plan[param].whole)
                continue;
            n->plan[param].shard_offset = n->shard_floats;
            n->shard_floats += aligned(n->param[param].n);
        }
    for (size_t i = 0; i < n->n_param; i++) {
        if (!n->param[i].trainable || n->plan[i].sparse)
            continue;
        size_t most = n->plan[i].piece;
        for (size_t first = 0; first < n->param[i].n; first += most) {
            size_t rest = n->param[i].n - first;
            n->piece = mem_grow(n->piece, n->n_piece, sizeof *n->piece);
            n->piece[n->n_piece++] = (struct piece){ i, first, rest < most ? rest : most, 0 };
        }
    }
}

static int allocate(struct net *n, const struct nn_training *t, struct err *e)
{
    size_t workers = (size_t)n->n_worker;
    int rc;
    if (n->n_weight > MAX_WEIGHTS)
        return err_set(e, ERR_USAGE, "the network has too many weights: want at most %zu",
                       MAX_WEIGHTS);
    if ((rc = net_check_memory(n, t, machine_memory(), e)))
        return rc;
    n->weight = mem_aligned(n->n_weight, sizeof *n->weight);
    n->gradient = mem_aligned(n->n_weight, sizeof *n->gradient);
    n->arena = mem_aligned(n->n_shard * n->arena_floats, sizeof *n->arena);
    n->shard_gradient = mem_aligned(n->n_shard * n->shard_floats, sizeof *n->shard_gradient);
    n->square = mem_calloc(optimizer_tasks(n), sizeof *n->square);
    n->scratch = mem_aligned(workers * n->scratch_floats, sizeof *n->scratch);
    for (size_t i = 0; i < n->n_op; i++)
        if (n->op[i].kind->make)
            n->op[i].kind->make(n, &n->op[i]);
    for (size_t s = 0; s < n->n_shard; s++) {
        n->shard[s].arena = n->arena + s * n->arena_floats;
        n->shard[s].gradient = n->shard_gradient + s * n->shard_floats;
    }
    return 0;
}

int net_plan(struct net *n, const struct nn_spec *s, struct err *e)
{
    size_t shards = s->training.shards > 0 ? (size_t)s->training.shards : 1;
    int rc;

    n->n_shard = shards < n->dims.batch ? shards : n->dims.batch;
    n->shard_rows = (n->dims.batch + n->n_shard - 1) / n->n_shard;
    n->shard = mem_calloc(n->n_shard, sizeof *n->shard);
    n->l1 = s->training.l1;
    n->l2 = s->training.l2;
    n->auxiliary = s->n_branch > 1 ? s->training.auxiliary : 0;
    n->label_smoothing = s->training.label_smoothing;
    n->block = picture_block(n, s);
    if ((rc = add_ops(n, s, e)) || n->retry_plain)
        return rc;
    add_rooms(n);
    place_rooms(n);
    cut_params(n);
    for (size_t i = 0; i < n->n_op; i++)
        if (n->op[i].scratch > n->scratch_floats)
            n->scratch_floats = aligned(n->op[i].scratch);
    return allocate(n, &s->training, e);
}
