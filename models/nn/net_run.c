/* Running: a batch is cut into shards; a worker takes a shard through as many operators as it can
 * before one that looks across shards (batch norm); then the shards' gradients are summed. */
#include <assert.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "models/nn/op.h"
#include "models/nn/overflow.h"

struct batch_run {
    struct net *n;
    const struct nn_batch *b;
    bool training;
    uint64_t draw;
    float *probability; /* predict: (B, C) */
    size_t n_shard;
    size_t from, to; /* positions on the way: operator i forward is i, the loss N, operator i
                        backward 2 N - i */
};

size_t live_steps(const struct op *o, const struct pass *p, size_t r, size_t *out_first)
{
    size_t T = p->net->dims.length;
    *out_first = 0;
    if (!o->branch->mask)
        return T;
    size_t n = (size_t)p->batch->n_word[p->shard->row + r];
    *out_first = o->branch->pad_front ? T - n : 0;
    return n;
}

bool step_is_live(const struct op *o, const struct pass *p, size_t r, size_t t)
{
    size_t first, n = live_steps(o, p, r, &first);
    return t >= first && t < first + n;
}

static const struct nn_branch *text_of(const struct net *n)
{
    for (size_t i = 0; i < n->n_op; i++)
        if (n->op[i].kind == &op_words)
            return n->op[i].branch;
    return NULL;
}

bool net_skips_padding(const struct net *n)
{
    const struct nn_branch *text = text_of(n);
    return text && text->mask;
}

/* Rows of each shard, and the steps that its longest row needs. */
static size_t cut_batch(struct net *n, const struct nn_batch *b)
{
    size_t S = n->n_shard < b->n ? n->n_shard : b->n, T = n->dims.length;
    const struct nn_branch *text = text_of(n);
    for (size_t i = 0; i < S; i++) {
        struct shard *s = &n->shard[i];
        s->row = b->n * i / S;
        s->n = b->n * (i + 1) / S - s->row;
        s->auxiliary = 0;
        s->t0 = 0;
        s->t1 = text ? T : 0;
        if (!text || !text->mask)
            continue;
        size_t longest = 0;
        for (size_t r = s->row; r < s->row + s->n; r++) {
            assert(b->n_word[r] >= 0 && (size_t)b->n_word[r] <= T);
            longest = (size_t)b->n_word[r] > longest ? (size_t)b->n_word[r] : longest;
        }
        s->t0 = text->pad_front ? T - longest : 0;
        s->t1 = s->t0 + longest;
    }
    return S;
}

static size_t prepare_parts(const struct op *o)
{
    return !o->kind->prepare ? 0 : o->parts ? o->parts : 1;
}

static void prepare_op(void *arg, size_t i, int worker)
{
    const struct net *n = arg;
    const struct op *o = n->op;
    (void)worker;
    for (; i >= prepare_parts(o); o++)
        i -= prepare_parts(o);
    o->kind->prepare(n, o, i);
}

static void prepare_ops(struct net *n)
{
    size_t n_task = 0;
    for (size_t i = 0; i < n->n_op; i++)
        n_task += prepare_parts(&n->op[i]);
    workers_run(n->workers, n_task, prepare_op, n);
}

void net_prepare(struct net *n)
{
    n->training = false;
    if (!n->prepared)
        prepare_ops(n);
    n->prepared = true;
}

static void step(const struct batch_run *r, const struct pass *p, size_t at)
{
    const struct net *n = r->n;
    size_t N = n->n_op;
    if (at < N) {
        n->op[at].kind->forward(&n->op[at], p);
    } else if (at == N) {
        loss_run(p);
        if (r->probability)
            memcpy(r->probability + p->shard->row * n->dims.n_class,
                   p->shard->arena + n->probability,
                   p->shard->n * n->dims.n_class * sizeof *r->probability);
    } else if (n->op[2 * N - at].kind->backward) {
        n->op[2 * N - at].kind->backward(&n->op[2 * N - at], p);
    }
    if (n->looking)
        overflow_look(n->looking, p, at);
}

static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct pass pass_of(const struct batch_run *r, size_t shard, int worker)
{
    const struct net *n = r->n;
    return (struct pass){
        n,      r->b,        &n->shard[shard], n->scratch + (size_t)worker * n->scratch_floats,
        worker, r->training, r->draw
    };
}

static void run_steps(const struct batch_run *r, const struct pass *p, size_t from, size_t to)
{
    const struct net *n = r->n;
    for (size_t at = from; at < to; at++) {
        double start = n->clock ? thread_seconds() : 0;
        step(r, p, at);
        if (n->clock)
            n->clock[(size_t)p->worker * (2 * n->n_op + 1) + at] += thread_seconds() - start;
    }
}

/* One shard from r->from up to before r->to, where it gathers what the operator there wants to know
 * of all shards. */
static void run_shard(void *arg, size_t i, int worker)
{
    const struct batch_run *r = arg;
    const struct net *n = r->n;
    size_t N = n->n_op;
    struct pass p = pass_of(r, i, worker);
    run_steps(r, &p, r->from, r->to);
    if (r->to < N && n->op[r->to].kind->gather)
        n->op[r->to].kind->gather(&n->op[r->to], &p);
    else if (r->to > N && r->to <= 2 * N && n->op[2 * N - r->to].kind->gather_back)
        n->op[2 * N - r->to].kind->gather_back(&n->op[2 * N - r->to], &p);
}

/* Task i is one branch of one shard. The dearest come first: this thread is awake already, and the
 * others are not. */
static void run_branch(void *arg, size_t i, int worker)
{
    const struct batch_run *r = arg;
    const struct net *n = r->n;
    struct pass p = pass_of(r, i % r->n_shard, worker);
    size_t k = n->dearest[i / r->n_shard];
    run_steps(r, &p, n->part[k], n->part[k + 1]);
}

struct whole {
    const struct batch_run *r;
    const struct op *o;
};

static void clocked(const struct whole *w, const struct pass *p, size_t at,
                    void (*work)(const struct op *o, const struct pass *p, size_t i), size_t i)
{
    const struct net *n = w->r->n;
    double start = n->clock ? thread_seconds() : 0;
    work(w->o, p, i);
    if (n->clock)
        n->clock[(size_t)p->worker * (2 * n->n_op + 1) + at] += thread_seconds() - start;
}

static void run_before(void *arg, size_t i, int worker)
{
    const struct whole *w = arg;
    struct pass p = pass_of(w->r, 0, worker);
    clocked(w, &p, w->o->number, w->o->kind->before, i);
}

static void run_after(void *arg, size_t i, int worker)
{
    const struct whole *w = arg;
    struct pass p = pass_of(w->r, i, worker);
    clocked(w, &p, 2 * w->r->n->n_op - w->o->number, w->o->kind->after, w->r->n_shard);
}

/* What operators do for the whole batch, ahead of the shards and after them. */
static void run_whole(const struct batch_run *r, bool ahead)
{
    struct net *n = r->n;
    for (size_t i = 0; i < n->n_op; i++) {
        struct whole w = { r, &n->op[i] };
        size_t n_task = w.o->kind->n_before ? w.o->kind->n_before(w.o) : 0;
        if (n_task == 0)
            continue;
        if (ahead)
            workers_run(n->workers, n_task, run_before, &w);
        else
            workers_run(n->workers, r->n_shard, run_after, &w);
    }
}

static bool looks_across(const struct net *n, size_t at)
{
    size_t N = n->n_op;
    return at < N ? n->op[at].kind->gather != NULL
                  : at > N && n->op[2 * N - at].kind->gather_back != NULL;
}

static void run_batch(struct batch_run *r)
{
    struct net *n = r->n;
    size_t N = n->n_op, end = r->training ? 2 * N + 1 : N + 1;

    r->n_shard = cut_batch(n, r->b);
    n->training = r->training;
    if (r->training) {
        prepare_ops(n);
        n->prepared = false; /* a step follows, or statistics have moved */
        touched_chain(n, r->b);
        run_whole(r, true);
    } else {
        net_prepare(n);
    }
    r->from = 0;
    if (!r->training && n->n_part > 1 && r->n_shard < (size_t)n->n_worker) {
        workers_run(n->workers, r->n_shard * n->n_part, run_branch, r); /* too few rows to share */
        r->from = n->part[n->n_part];
    }
    for (; r->from < end; r->from = r->to) {
        r->to = r->from + 1;
        while (r->to < end && !(r->training && looks_across(n, r->to)))
            r->to++;
        workers_run(n->workers, r->n_shard, run_shard, r);
        if (r->to >= end)
            break;
        struct op *o = &n->op[r->to < N ? r->to : 2 * N - r->to];
        if (r->to < N)
            o->kind->join(o, n, r->n_shard);
        else
            o->kind->join_back(o, n, r->n_shard);
    }
    if (r->training)
        run_whole(r, false);
}

/* ---- training ---- */

void reduce(size_t n_leaf, void (*merge)(void *arg, size_t into, size_t from), void *arg)
{
    for (size_t stride = 1; stride < n_leaf; stride *= 2)
        for (size_t i = 0; i + stride < n_leaf; i += 2 * stride)
            merge(arg, i, i + stride);
}

static void merge_loss(void *arg, size_t into, size_t from)
{
    struct shard *s = arg;
    s[into].loss += s[from].loss;
    s[into].auxiliary += s[from].auxiliary;
    s[into].right += s[from].right;
}

size_t net_run_shards(struct net *n, const struct nn_batch *b, uint64_t draw)
{
    assert(b->n >= 1 && b->n <= n->dims.batch);
    struct batch_run r = { .n = n, .b = b, .training = true, .draw = draw };
    run_batch(&r);
    reduce(r.n_shard, merge_loss, n->shard);
    n->auxiliary_loss = n->shard[0].auxiliary / (double)b->n;
    return r.n_shard;
}

int net_loss(const struct net *n, size_t n_row, double penalty, double *out_loss, size_t *out_right,
             struct err *e)
{
    double cross_entropy = n->shard[0].loss / (double)n_row;
    *out_loss = cross_entropy + n->auxiliary_loss + penalty;
    if (out_right)
        *out_right = n->shard[0].right;
    if (!isfinite(*out_loss))
        return err_set(e, ERR_DATA, "the loss is not finite");
    if (cross_entropy > NET_EXPLODED)
        return err_set(e, ERR_DATA, "the cross-entropy has exploded to %.3g", cross_entropy);
    return 0;
}

int net_train(struct net *n, const struct nn_batch *b, uint64_t draw, double *out_loss,
              size_t *out_right, struct err *e)
{
    size_t n_shard = net_run_shards(n, b, draw);
    return net_loss(n, b->n, gradient_gather(n, n_shard), out_loss, out_right, e);
}

size_t net_look(struct net *n, const struct nn_batch *b, uint64_t draw, struct overflow *o)
{
    struct batch_run r = { .n = n, .b = b, .training = true, .draw = draw };
    n->looking = o;
    run_batch(&r);
    n->looking = NULL;
    return r.n_shard;
}

double net_auxiliary_loss(const struct net *n)
{
    return n->auxiliary_loss;
}

void net_predict(struct net *n, const struct nn_batch *b, float *out_probability)
{
    assert(b->n <= n->dims.batch);
    struct batch_run r = { .n = n, .b = b, .probability = out_probability };
    if (b->n > 0)
        run_batch(&r);
}
