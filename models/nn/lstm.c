/* LSTM (Hochreiter & Schmidhuber 1997, with forget gates, Gers et al. 2000), as Keras counts and
 * orders it: a = x_t W + h_{t-1} U + b,  gates i f g o in this order,  c_t = f c_{t-1} + i g,  h_t
 * = o tanh(c_t). x (T, n, I), W (I, 4H), U (H, 4H), b (4H); out (T, n, H), or (n, H) after the last
 * step. A masked step carries c and h on, and hands on zeros. Dropout of x and of h_{t-1} uses one
 * mask for all steps of a row (Gal & Ghahramani 2016).
 *
 * The product with W is one for all steps, or for every word of the batch where x is an embedding's
 * (lstm_input.c). State: 0 gates (T, n, 4H), which backward turns
 * into their gradients; 1 h (T+1, n, H); 2 c (T+1, n, H); 3 tanh c (T, n, H); 4 dropped x; 5
 * dropped h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/lstm_cell.h"
#include "models/nn/factor.h"
#include "models/nn/gemm.h"
#include "models/nn/lstm_input.h"
#include "models/nn/op.h"
#include "models/nn/simd.h"

enum { KERNEL, RECURRENT, BIAS };
enum { GATES, HIDDEN, CELL, TANH, DROPPED_X, DROPPED_H };

/* W and U, as the products want them; how x comes. */
struct factors {
    struct factor of[BIAS];
    struct lstm_input input;
};

static void release(struct op *o)
{
    struct factors *f = o->own;
    for (size_t k = 0; f && k < BIAS; k++)
        factor_release(&f->of[k]);
    if (f)
        lstm_input_release(&f->input);
    free(f);
}

static void prepare(const struct net *n, const struct op *o, size_t part)
{
    struct factors *f = o->own;
    size_t parts = factor_parts(f->of[KERNEL].k, f->of[KERNEL].n),
           k = part < parts ? KERNEL : RECURRENT;
    factor_fill(&f->of[k], weight_of(n, o, k), n->training, part < parts ? part : part - parts);
}

static const char *kernel(const struct op *o)
{
    const struct factors *f = o->own;
    return factor_kernel(&f->of[KERNEL]);
}

/* c = a W or a U (k), or + c; a (m, I or H), c (m, 4H). */
static void forth(const struct op *o, const struct net *n, size_t k, size_t m, const float *a,
                  bool add, float *c)
{
    const struct factors *f = o->own;
    factor_forth(&f->of[k], weight_of(n, o, k), m, a, add, c);
}

/* c = a W' or a U', or + c; a (m, 4H), c (m, I or H). */
static void back(const struct op *o, const struct net *n, size_t k, size_t m, const float *a,
                 bool add, float *c)
{
    const struct factors *f = o->own;
    factor_back(&f->of[k], weight_of(n, o, k), m, a, add, c);
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    const struct shape *in = &op_in(o, n)->shape;
    size_t I = in->c, H = (size_t)o->layer->size, T = in->steps, rows = n->shard_rows;

    n->tensor[o->out].shape = o->layer->all_steps ? (struct shape){ FORM_STEPS, T, 1, 1, H, H }
                                                  : shape_rows(H);
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "kernel", INIT_GLOROT, true, (size_t[]){ I, 4 * H }, 2);
    op_add_param(n, o, "recurrent_kernel", INIT_ORTHOGONAL, true, (size_t[]){ H, 4 * H }, 2);
    op_add_param(n, o, "bias", INIT_FORGET, false, (size_t[]){ 4 * H }, 1);
    op_add_state(n, o, HIDDEN, (T + 1) * rows * H);
    op_add_state(n, o, CELL, (T + 1) * rows * H);
    op_add_state(n, o, TANH, T * rows * H);
    op_add_state(n, o, DROPPED_X, o->layer->rate > 0 ? T * rows * I : 0);
    op_add_state(n, o, DROPPED_H, o->layer->recurrent_rate > 0 ? T * rows * H : 0);
    o->scratch = 3 * rows * H;
    o->parts = factor_parts(I, 4 * H) + factor_parts(H, 4 * H);
    o->own_floats = factor_floats(I + H, 4 * H, n->kernels != KERNELS_AUTO);
    if (!lstm_input_plan(n, o))
        op_add_state(n, o, GATES, T * rows * 4 * H);
    o->keeps_out = false;
    o->flop = 2.0 * (double)(T * (I + H) * 4 * H);
    return 0;
}

static void make(struct net *n, struct op *o)
{
    size_t H = (size_t)o->layer->size;
    struct factors *f = o->own = mem_calloc(1, sizeof *f);
    factor_init(&f->of[KERNEL], op_in(o, n)->shape.c, 4 * H, n->kernels != KERNELS_AUTO);
    factor_init(&f->of[RECURRENT], H, 4 * H, n->kernels != KERNELS_AUTO);
    if (!op_in(o, n)->stored)
        lstm_input_make(&f->input, n, o);
}

/* ---- for the whole batch ---- */

static size_t n_before(const struct op *o)
{
    const struct factors *f = o->own;
    return f->input.table ? lstm_input_tasks(&f->input) : 0;
}

static void before(const struct op *o, const struct pass *p, size_t task)
{
    const struct factors *f = o->own;
    lstm_input_multiply(&f->input, &f->of[KERNEL], weight_of(p->net, o, KERNEL),
                        weight_of(p->net, o, BIAS), p, task);
}

static void after(const struct op *o, const struct pass *p, size_t n_shard)
{
    const struct factors *f = o->own;
    lstm_input_backward(&f->input, &f->of[KERNEL], weight_of(p->net, o, KERNEL), p, n_shard,
                        dweight_of(p, o, KERNEL), dweight_of(p, o, BIAS));
}

/* ---- a shard ---- */

/* Gates become the gradients of their sums; dc that of the cell before; dh is used up. */
NN_CLONES static void cell_backward(float *restrict a, const float *restrict c_before,
                                    const float *restrict tc, float *restrict dh,
                                    float *restrict dc, size_t H)
{
    for (size_t j = 0; j < H; j++) {
        float i = a[j], f = a[H + j], g = a[2 * H + j], o = a[3 * H + j], d = dh[j];
        float dcell = dc[j] + d * o * (1.0f - tc[j] * tc[j]);
        a[j] = dcell * g * i * (1.0f - i);
        a[H + j] = dcell * c_before[j] * f * (1.0f - f);
        a[2 * H + j] = dcell * i * (1.0f - g * g);
        a[3 * H + j] = d * tc[j] * o * (1.0f - o);
        dc[j] = dcell * f;
        dh[j] = 0.0f;
    }
}

/* x, or a copy with every row's mask applied to all its steps. */
static const float *dropped_x(const struct op *o, const struct pass *p, const float *x,
                              size_t steps, size_t I)
{
    if (!p->training || o->layer->rate <= 0)
        return x;
    float *out = state_of(p, o, DROPPED_X);
    size_t n = p->shard->n;
    for (size_t r = 0; r < n; r++) {
        uint64_t key = dropout_key(p->draw, o->number, 0, p->shard->row + r);
        for (size_t t = 0; t < steps; t++)
            dropout_apply(out + (t * n + r) * I, x + (t * n + r) * I, I, key, 0, o->layer->rate);
    }
    return out;
}

static void drop_h(const struct op *o, const struct pass *p, float *out, const float *h, size_t H)
{
    for (size_t r = 0; r < p->shard->n; r++)
        dropout_apply(out + r * H, h + r * H, H,
                      dropout_key(p->draw, o->number, 1, p->shard->row + r), 0,
                      o->layer->recurrent_rate);
}

static void hand_on(const struct op *o, const struct pass *p, const float *h, size_t steps,
                    size_t H)
{
    size_t n = p->shard->n;
    float *out = value_of(p, op_out(o, p->net));
    if (!o->layer->all_steps) {
        memcpy(out, h + steps * n * H, n * H * sizeof *out);
        return;
    }
    out += p->shard->t0 * n * H;
    memcpy(out, h + n * H, steps * n * H * sizeof *out);
    for (size_t t = 0; t < steps; t++)
        for (size_t r = 0; r < n; r++)
            if (!step_is_live(o, p, r, p->shard->t0 + t))
                memset(out + (t * n + r) * H, 0, H * sizeof *out);
}

/* gates = x W of all steps. */
static void multiply_input(const struct op *o, const struct pass *p, float *gates)
{
    const struct factors *f = o->own;
    const struct tensor *in = op_in(o, p->net);
    size_t n = p->shard->n, steps = p->shard->t1 - p->shard->t0, I = in->shape.c;
    if (f->input.table)
        lstm_input_places(&f->input, &f->of[KERNEL], weight_of(p->net, o, KERNEL), p, gates);
    else
        forth(o, p->net, KERNEL, steps * n,
              dropped_x(o, p, value_of(p, in) + p->shard->t0 * n * I, steps, I), false, gates);
}

/* What row r needs at a step, asked for before the step ahead of it multiplies. */
static void fetch_next(const struct op *o, const struct pass *p, size_t r, size_t step,
                       bool by_word, const float *a)
{
    const struct factors *f = o->own;
    size_t width = f->of[KERNEL].n;
    fetch_floats(a, width, FETCH_FAR);
    if (by_word && step_is_live(o, p, r, step))
        fetch_floats(lstm_input_row(&f->input, &f->of[KERNEL], p, r, step), width, FETCH_FAR);
}

static void forward(const struct op *o, const struct pass *p)
{
    size_t n = p->shard->n, steps = p->shard->t1 - p->shard->t0, H = (size_t)o->layer->size;
    const struct factors *f = o->own;
    const float *b = weight_of(p->net, o, BIAS);
    float *gates = state_of(p, o, GATES), *h = state_of(p, o, HIDDEN), *c = state_of(p, o, CELL);
    float *tc = state_of(p, o, TANH);
    bool drops = p->training && o->layer->recurrent_rate > 0;
    bool by_word = p->training && f->input.table; /* x W + b is there, and not in the gates */

    if (!by_word)
        multiply_input(o, p, gates);
    else if (steps)
        memset(gates, 0, n * 4 * H * sizeof *gates);
    memset(h, 0, n * H * sizeof *h);
    memset(c, 0, n * H * sizeof *c);
    for (size_t t = 0; t < steps; t++) {
        float *a = gates + t * n * 4 * H, *before_h = h + t * n * H;
        if (drops) {
            float *kept = state_of(p, o, DROPPED_H) + t * n * H;
            drop_h(o, p, kept, before_h, H);
            before_h = kept;
        }
        if (t > 0)
            forth(o, p->net, RECURRENT, n, before_h, !by_word, a);
        for (size_t r = 0; r < n; r++) {
            size_t at = (t * n + r) * H, next = at + n * H, step = p->shard->t0 + t;
            if (step_is_live(o, p, r, step)) {
                const float *x = by_word ? lstm_input_row(&f->input, &f->of[KERNEL], p, r, step)
                                         : b;
                if (t + 1 < steps)
                    fetch_next(o, p, r, step + 1, by_word, a + (n + r) * 4 * H);
                cell_forward(a + r * 4 * H, x, c + at, c + next, tc + at, h + next, H);
            } else {
                memcpy(h + next, h + at, H * sizeof *h);
                memcpy(c + next, c + at, H * sizeof *c);
            }
        }
    }
    hand_on(o, p, h, steps, H);
}

/* The chain over the steps, last to first: gates -> gradients of their sums. */
static void backward_steps(const struct op *o, const struct pass *p, size_t steps, size_t H)
{
    size_t n = p->shard->n;
    const float *dy = gradient_of(p, op_out(o, p->net));
    const float *c = state_of(p, o, CELL), *tc = state_of(p, o, TANH);
    float *gates = state_of(p, o, GATES), *dh = p->scratch, *dc = dh + n * H, *through = dc + n * H;

    memset(dc, 0, n * H * sizeof *dc);
    if (o->layer->all_steps)
        memset(dh, 0, n * H * sizeof *dh);
    else
        memcpy(dh, dy, n * H * sizeof *dh);
    for (size_t t = steps; t-- > 0;) {
        float *a = gates + t * n * 4 * H;
        for (size_t r = 0; r < n; r++) {
            size_t at = (t * n + r) * H;
            if (!step_is_live(o, p, r, p->shard->t0 + t)) {
                memset(a + r * 4 * H, 0, 4 * H * sizeof *a);
                continue;
            }
            if (t > 0) { /* for the next one; this one multiplies first */
                fetch_floats(gates + ((t - 1) * n + r) * 4 * H, 4 * H, FETCH_FAR);
                fetch_floats(c + at - n * H, H, FETCH_FAR);
                fetch_floats(tc + at - n * H, H, FETCH_FAR);
            }
            for (size_t j = 0; j < H && o->layer->all_steps; j++)
                dh[r * H + j] += dy[p->shard->t0 * n * H + at + j];
            cell_backward(a + r * 4 * H, c + at, tc + at, dh + r * H, dc + r * H, H);
        }
        if (t == 0)
            break;
        if (o->layer->recurrent_rate > 0) {
            back(o, p->net, RECURRENT, n, a, false, through);
            drop_h(o, p, through, through, H);
            for (size_t j = 0; j < n * H; j++)
                dh[j] += through[j];
        } else {
            back(o, p->net, RECURRENT, n, a, true, dh);
        }
    }
}

/* On from the gradients of the gates' sums to W and x. */
static void backward_input(const struct op *o, const struct pass *p, const float *da)
{
    const struct tensor *in = op_in(o, p->net);
    size_t n = p->shard->n, steps = p->shard->t1 - p->shard->t0, I = in->shape.c;
    const struct factors *f = o->own;
    const float *x = o->layer->rate > 0 ? state_of(p, o, DROPPED_X)
                                        : value_of(p, in) + p->shard->t0 * n * I;

    factor_gradient(&f->of[KERNEL], steps * n, x, da, false, dweight_of(p, o, KERNEL));
    if (!in->wants_gradient)
        return;
    float *dx = gradient_of(p, in) + p->shard->t0 * n * I;
    back(o, p->net, KERNEL, steps * n, da, false, dx);
    for (size_t r = 0; r < n && o->layer->rate > 0; r++) {
        uint64_t key = dropout_key(p->draw, o->number, 0, p->shard->row + r);
        for (size_t t = 0; t < steps; t++)
            dropout_apply(dx + (t * n + r) * I, dx + (t * n + r) * I, I, key, 0, o->layer->rate);
    }
}

static void backward(const struct op *o, const struct pass *p)
{
    size_t n = p->shard->n, steps = p->shard->t1 - p->shard->t0, H = (size_t)o->layer->size;
    const struct factors *f = o->own;
    const float *da = state_of(p, o, GATES),
                *h = state_of(p, o, o->layer->recurrent_rate > 0 ? DROPPED_H : HIDDEN);

    backward_steps(o, p, steps, H);
    factor_gradient(&f->of[RECURRENT], steps * n, h, da, false, dweight_of(p, o, RECURRENT));
    if (f->input.table) /* the rest follows, for the whole batch */
        return;
    column_sum(da, steps * n, 4 * H, dweight_of(p, o, BIAS));
    backward_input(o, p, da);
}

const struct op_kind op_lstm = { .plan = plan,
                                 .make = make,
                                 .prepare = prepare,
                                 .n_before = n_before,
                                 .before = before,
                                 .after = after,
                                 .forward = forward,
                                 .backward = backward,
                                 .kernel = kernel,
                                 .release = release };
