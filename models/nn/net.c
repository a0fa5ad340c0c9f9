/* Running: a batch is cut into shards; a worker takes a shard through as many operators as it can
 * before one that looks across shards (batch norm); then the shards' gradients are summed. */
#define _DEFAULT_SOURCE
#include "models/nn/net.h"

#include <assert.h>
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/nn/dnnl_conv.h"
#include "models/nn/op.h"
#include "models/nn/overflow.h"
#include "models/nn/simd.h"

void reduce(size_t n_leaf, void (*merge)(void *arg, size_t into, size_t from), void *arg)
{
    for (size_t stride = 1; stride < n_leaf; stride *= 2)
        for (size_t i = 0; i + stride < n_leaf; i += 2 * stride)
            merge(arg, i, i + stride);
}

/* ---- build ---- */

static void release(struct net *n)
{
    for (size_t i = 0; i < n->n_op; i++) {
        if (n->op[i].kind->release)
            n->op[i].kind->release(&n->op[i]);
        free(n->op[i].name);
    }
    for (size_t i = 0; i < n->n_param; i++)
        free(n->param[i].name);
    for (size_t i = 0; i < n->n_touched; i++)
        touched_free(n->touched[i]);
    free(n->op);
    free(n->tensor);
    free(n->layer);
    free(n->branch);
    free(n->param);
    free(n->plan);
    free(n->weight);
    free(n->gradient);
    free(n->shard);
    free(n->room);
    free(n->arena);
    free(n->shard_gradient);
    free(n->scratch);
    free(n->piece);
    free(n->square);
    free(n->clock);
}

void net_free(struct net *n)
{
    if (!n)
        return;
    release(n);
    workers_free(n->workers);
    free(n);
}

/* A first try may find that oneDNN has no good kernel for a layer: then all pictures are NHWC. */
static int plan_net(struct net *n, const struct nn_spec *spec, struct err *e)
{
    int rc = net_plan(n, spec, e);
    if (rc || !n->retry_plain)
        return rc;
    struct net fresh = { .dims = n->dims,
                         .workers = n->workers,
                         .n_worker = n->n_worker,
                         .kernels = n->kernels,
                         .plain = true };
    release(n);
    *n = fresh;
    return net_plan(n, spec, e);
}

static int check_threads(int threads, struct err *e)
{
    /* Measured: OpenBLAS without threads has no locks, and two callers at once get wrong products.
     */
    if (threads > 1 && openblas_get_parallel() == 0)
        return err_set(
            e, ERR_USAGE,
            "this OpenBLAS is the serial one, which gives wrong results with %d threads: install "
            "libopenblas0-pthread or use --threads 1",
            threads);
    openblas_set_num_threads(1);
    return 0;
}

/* OpenBLAS allocates a buffer for each caller at a time when the first one comes, and where there
 * is no memory tries for ever. So it gets them now, if there is room; what it has it keeps. */
void *blas_memory_alloc(int unused) __attribute__((weak));
void blas_memory_free(void *buffer) __attribute__((weak));

static int reserve_buffers(int n, struct err *e)
{
    const size_t size = ((size_t)128 << 20) + 4096;
    void **buffer = mem_calloc((size_t)n, sizeof *buffer);
    void *room = mmap(NULL, (size_t)n * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);
    int rc = room != MAP_FAILED
                 ? 0
                 : err_set(e, ERR_MEMORY,
                           "out of memory: OpenBLAS needs 128 MB for each of %d threads", n);
    if (rc == 0)
        munmap(room, (size_t)n * size);
    for (int i = 0; i < n && rc == 0 && blas_memory_alloc; i++)
        buffer[i] = blas_memory_alloc(0);
    for (int i = 0; i < n && buffer[i]; i++)
        blas_memory_free(buffer[i]);
    free(buffer);
    return rc;
}

int net_build(struct net **out, const struct nn_spec *spec, const struct nn_dims *dims, int threads,
              struct err *e)
{
    return net_build_with(out, spec, dims, threads, (enum nn_kernels)spec->training.kernels, e);
}

int net_build_with(struct net **out, const struct nn_spec *spec, const struct nn_dims *dims,
                   int threads, enum nn_kernels kernels, struct err *e)
{
    int rc;
    if (spec->n_branch == 0)
        return err_set(e, ERR_USAGE, "the network has no branch left that has an input");
    if (dims->n_class == 0 || dims->batch == 0)
        return err_set(e, ERR_USAGE,
                       "a network of %zu classes in batches of %zu rows: want at least 1",
                       dims->n_class, dims->batch);
    if ((rc = check_threads(threads, e)))
        return rc;
    struct net *n = mem_calloc(1, sizeof *n);
    n->dims = *dims;
    n->n_worker = threads < 1 ? 1 : threads;
    n->kernels = kernels;
    n->plain = kernels == KERNELS_OPENBLAS;
    if ((rc = workers_new(&n->workers, n->n_worker, e)) || (rc = plan_net(n, spec, e)) ||
        (rc = reserve_buffers(n->n_worker, e))) {
        net_free(n);
        return rc;
    }
    *out = n;
    return 0;
}

bool net_has_onednn(void)
{
    return dnnl_conv_block() > 0;
}

size_t net_n_param(const struct net *n)
{
    return n->n_param;
}

const struct nn_param *net_params(const struct net *n)
{
    return n->param;
}

size_t net_n_weight(const struct net *n)
{
    return n->n_weight;
}

float *net_weights(struct net *n)
{
    n->prepared = false;
    return n->weight;
}

float *net_gradients(struct net *n)
{
    return n->gradient;
}

char *net_kernels(const struct net *n)
{
    struct str s = { 0 };
    str_addf(&s, "{\"matrix\":\"OpenBLAS %s\"", openblas_get_corename());
    for (size_t i = 0; i < n->n_op; i++)
        if (n->op[i].kind->kernel)
            str_addf(&s, ",\"%s\":\"%s\"", n->op[i].name, n->op[i].kind->kernel(&n->op[i]));
    str_addc(&s, '}');
    return str_take(&s);
}

void net_clock(struct net *n)
{
    free(n->clock);
    n->clock = mem_calloc((size_t)n->n_worker * (2 * n->n_op + 1), sizeof *n->clock);
}

bool net_layer_time(const struct net *n, size_t i, struct nn_layer_time *out)
{
    size_t N = n->n_op;
    if (i > N)
        return false;
    *out = (struct nn_layer_time){ .name = i < N ? n->op[i].name : "loss",
                                   .flop = i < N ? n->op[i].flop : 0 };
    for (size_t w = 0; n->clock && w < (size_t)n->n_worker; w++) {
        const double *at = n->clock + w * (2 * N + 1);
        out->forward_s += at[i];
        out->backward_s += i < N ? at[2 * N - i] : 0;
    }
    return true;
}

/* ---- one batch ---- */

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

/* Task i is one branch of one shard. */
static void run_branch(void *arg, size_t i, int worker)
{
    const struct batch_run *r = arg;
    const struct net *n = r->n;
    struct pass p = pass_of(r, i / n->n_part, worker);
    run_steps(r, &p, n->part[i % n->n_part], n->part[i % n->n_part + 1]);
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
    if (r->training || !n->prepared)
        prepare_ops(n);
    n->prepared = !r->training; /* a step follows, or statistics have moved */
    if (r->training) {
        touched_chain(n, r->b);
        run_whole(r, true);
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

void net_look(struct net *n, const struct nn_batch *b, uint64_t draw, struct overflow *o)
{
    struct batch_run r = { .n = n, .b = b, .training = true, .draw = draw };
    n->looking = o;
    run_batch(&r);
    n->looking = NULL;
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
