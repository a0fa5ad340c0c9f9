/* Convolutions by oneDNN 2.6 (C API). Rules found by experiment, each with its reason in the design
 * notes: user-mode scratchpads, one per worker, because the library's own crash across threads;
 * memory objects of its own for every worker; an implementation called "ref" is 700 times slower
 * and is refused; workers run one OpenMP thread (workers.c). One picture at a time: measured, that
 * costs a direct kernel nothing. */
#include "models/nn/dnnl_conv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/simd.h"

#if REFIT_DNNL
#include <oneapi/dnnl/dnnl.h>

enum { FORWARD, BACK_DATA, BACK_WEIGHTS, N_PASS };
enum { X, Y, DX, DY, DW, DW_PLAIN, DB, BIAS, SCRATCHPAD, N_MEMORY };

struct dnnl_conv {
    struct conv_shape s;
    dnnl_engine_t engine;
    int n_worker;
    dnnl_primitive_desc_t desc[N_PASS];
    dnnl_primitive_t prim[N_PASS];
    /* Weights in the order that a pass wants; passes with the same order share one. */
    size_t n_packed, packed_of[N_PASS];
    dnnl_memory_desc_t packed_desc[N_PASS];
    float *packed[N_PASS];
    dnnl_primitive_t pack[N_PASS], unpack; /* ours -> packed; packed gradient -> ours */
    dnnl_memory_t plain_weights;
    /* Of a worker's scratch: the scratchpad; the packed weight gradient with that of the bias, as
     * gathered, and of one call. */
    size_t pad_floats, dw_floats, db_floats;
    const float *bias;
    struct at_work {
        dnnl_stream_t stream;
        dnnl_memory_t memory[N_MEMORY], weights[N_PASS];
    } * worker;
    char name[160];
};

static bool ok(dnnl_status_t status)
{
    return status == dnnl_success;
}

size_t dnnl_conv_block(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
        return 16;
    return (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2 ? 8 : 0;
}

/* ---- planning ---- */

struct layout {
    dnnl_memory_desc_t x, y, w, b;
};

static bool describe(const struct conv_shape *s, struct layout *out)
{
    dnnl_dim_t C = (dnnl_dim_t)s->ci, O = (dnnl_dim_t)s->co, k = (dnnl_dim_t)s->k;
    dnnl_format_tag_t blocked = s->block_out == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    dnnl_dims_t x = { 1, C, (dnnl_dim_t)s->h, (dnnl_dim_t)s->w },
                y = { 1, O, (dnnl_dim_t)s->oh, (dnnl_dim_t)s->ow };
    dnnl_dims_t w = { O, C, k, k }, b = { O };
    return ok(dnnl_memory_desc_init_by_tag(&out->x, 4, x, dnnl_f32,
                                           s->block_in == 1 ? dnnl_nchw : blocked)) &&
           ok(dnnl_memory_desc_init_by_tag(&out->y, 4, y, dnnl_f32, blocked)) &&
           ok(dnnl_memory_desc_init_by_tag(&out->w, 4, w, dnnl_f32, dnnl_format_tag_any)) &&
           ok(dnnl_memory_desc_init_by_tag(&out->b, 1, b, dnnl_f32, dnnl_x));
}

static bool make_attributes(bool relu, dnnl_primitive_attr_t *out)
{
    dnnl_post_ops_t after = NULL;
    bool good = ok(dnnl_primitive_attr_create(out)) &&
                ok(dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user));
    if (good && relu)
        good = ok(dnnl_post_ops_create(&after)) &&
               ok(dnnl_post_ops_append_eltwise(after, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f)) &&
               ok(dnnl_primitive_attr_set_post_ops(*out, after));
    if (after)
        dnnl_post_ops_destroy(after);
    return good;
}

static const char *implementation(const_dnnl_primitive_desc_t desc)
{
    const char *name = NULL;
    return ok(dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name)) && name ? name
                                                                                           : "ref";
}

/* One pass as a primitive; false if the library has none, or only reference code. Direct kernels:
 * where Winograd's are faster, there are our own (winograd.h). */
static bool plan_pass(struct dnnl_conv *c, int pass)
{
    const struct conv_shape *s = &c->s;
    const dnnl_alg_kind_t direct = dnnl_convolution_direct;
    struct layout l;
    dnnl_dims_t stride = { 1, 1 }, before = { (dnnl_dim_t)s->pad, (dnnl_dim_t)s->pad }, after;
    dnnl_convolution_desc_t d;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status;

    after[0] = (dnnl_dim_t)(s->oh + s->k - 1 - s->h - s->pad);
    after[1] = (dnnl_dim_t)(s->ow + s->k - 1 - s->w - s->pad);
    if (!describe(s, &l))
        return false;
    if (pass == BACK_DATA)
        status = dnnl_convolution_backward_data_desc_init(&d, direct, &l.x, &l.w, &l.y, stride,
                                                          before, after);
    else if (pass == BACK_WEIGHTS)
        status = dnnl_convolution_backward_weights_desc_init(&d, direct, &l.x, &l.w, &l.b, &l.y,
                                                             stride, before, after);
    else
        status = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training, direct, &l.x, &l.w,
                                                    &l.b, &l.y, stride, before, after);
    bool good = ok(status) && make_attributes(pass == FORWARD && s->relu, &attributes) &&
                ok(dnnl_primitive_desc_create(&c->desc[pass], &d, attributes, c->engine,
                                              pass == FORWARD ? NULL : c->desc[FORWARD])) &&
                strncmp(implementation(c->desc[pass]), "ref", 3) != 0 &&
                ok(dnnl_primitive_create(&c->prim[pass], c->desc[pass]));
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    return good;
}

static bool plan_passes(struct dnnl_conv *c)
{
    return plan_pass(c, FORWARD) && plan_pass(c, BACK_WEIGHTS) &&
           (!c->s.data_gradient || plan_pass(c, BACK_DATA));
}

static void forget_passes(struct dnnl_conv *c)
{
    for (int p = 0; p < N_PASS; p++) {
        if (c->prim[p])
            dnnl_primitive_destroy(c->prim[p]);
        if (c->desc[p])
            dnnl_primitive_desc_destroy(c->desc[p]);
    }
}

static bool plan_reorder(struct dnnl_conv *c, const dnnl_memory_desc_t *from,
                         const dnnl_memory_desc_t *to, dnnl_primitive_t *out)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    bool good = make_attributes(false, &attributes) &&
                ok(dnnl_reorder_primitive_desc_create(&desc, from, c->engine, to, c->engine,
                                                      attributes)) &&
                ok(dnnl_primitive_create(out, desc)) &&
                dnnl_memory_desc_get_size(
                    dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0)) == 0;
    if (desc)
        dnnl_primitive_desc_destroy(desc);
    if (attributes)
        dnnl_primitive_attr_destroy(attributes);
    return good;
}

/* The orders of weights that the passes want, and the ways from and to ours. */
static bool plan_weights(struct dnnl_conv *c, const dnnl_memory_desc_t *plain)
{
    static const int users[] = { FORWARD, BACK_DATA };
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        int pass = users[i];
        if (!c->prim[pass])
            continue;
        const dnnl_memory_desc_t *want = dnnl_primitive_desc_query_md(c->desc[pass],
                                                                      dnnl_query_weights_md, 0);
        size_t k = 0;
        while (k < c->n_packed && !dnnl_memory_desc_equal(want, &c->packed_desc[k]))
            k++;
        c->packed_of[pass] = k;
        if (k < c->n_packed)
            continue;
        c->packed_desc[k] = *want;
        c->packed[k] = mem_aligned(dnnl_memory_desc_get_size(want), 1);
        c->n_packed++;
        if (!plan_reorder(c, plain, want, &c->pack[k]))
            return false;
    }
    const dnnl_memory_desc_t *gradient = dnnl_primitive_desc_query_md(
        c->desc[BACK_WEIGHTS], dnnl_query_diff_weights_md, 0);
    c->dw_floats = (dnnl_memory_desc_get_size(gradient) / sizeof(float) + 15) / 16 * 16;
    c->db_floats = (c->s.co + 15) / 16 * 16;
    return plan_reorder(c, gradient, plain, &c->unpack) &&
           ok(dnnl_memory_create(&c->plain_weights, plain, c->engine, DNNL_MEMORY_NONE));
}

static bool make_worker(struct dnnl_conv *c, struct at_work *w, const dnnl_memory_desc_t *plain)
{
    struct layout l;
    dnnl_memory_desc_t scratchpad;
    dnnl_dims_t bytes = { (dnnl_dim_t)(c->pad_floats * sizeof(float)) };
    if (!describe(&c->s, &l) || !ok(dnnl_stream_create(&w->stream, c->engine, 0)) ||
        !ok(dnnl_memory_desc_init_by_tag(&scratchpad, 1, bytes, dnnl_u8, dnnl_x)))
        return false;
    const dnnl_memory_desc_t *desc[N_MEMORY] = {
        [X] = &l.x,
        [Y] = &l.y,
        [DX] = &l.x,
        [DY] = &l.y,
        [DW_PLAIN] = plain,
        [DB] = &l.b,
        [BIAS] = &l.b,
        [DW] = dnnl_primitive_desc_query_md(c->desc[BACK_WEIGHTS], dnnl_query_diff_weights_md, 0),
        [SCRATCHPAD] = &scratchpad,
    };
    for (int i = 0; i < N_MEMORY; i++)
        if (!ok(dnnl_memory_create(&w->memory[i], desc[i], c->engine, DNNL_MEMORY_NONE)))
            return false;
    for (size_t k = 0; k < c->n_packed; k++)
        if (!ok(dnnl_memory_create(&w->weights[k], &c->packed_desc[k], c->engine, c->packed[k])))
            return false;
    return true;
}

static bool plan_all(struct dnnl_conv *c)
{
    const struct conv_shape *s = &c->s;
    dnnl_dims_t w = { (dnnl_dim_t)s->co, (dnnl_dim_t)s->ci, (dnnl_dim_t)s->k, (dnnl_dim_t)s->k };
    dnnl_memory_desc_t plain;
    if (!ok(dnnl_engine_create(&c->engine, dnnl_cpu, 0)) || !plan_passes(c) ||
        !ok(dnnl_memory_desc_init_by_tag(&plain, 4, w, dnnl_f32, dnnl_hwio)) ||
        !plan_weights(c, &plain))
        return false;
    for (int p = 0; p < N_PASS; p++) {
        size_t bytes = c->prim[p] ? dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(
                                        c->desc[p], dnnl_query_scratchpad_md, 0))
                                  : 0;
        size_t floats = (bytes + 63) / 64 * 16;
        c->pad_floats = floats > c->pad_floats ? floats : c->pad_floats;
    }
    c->worker = mem_calloc((size_t)c->n_worker, sizeof *c->worker);
    for (int i = 0; i < c->n_worker; i++)
        if (!make_worker(c, &c->worker[i], &plain))
            return false;
    snprintf(c->name, sizeof c->name, "oneDNN %s / %s / %s", implementation(c->desc[FORWARD]),
             c->prim[BACK_DATA] ? implementation(c->desc[BACK_DATA]) : "none",
             implementation(c->desc[BACK_WEIGHTS]));
    return true;
}

struct dnnl_conv *dnnl_conv_new(const struct conv_shape *s, int n_worker)
{
    struct dnnl_conv *c = mem_calloc(1, sizeof *c);
    c->s = *s;
    c->n_worker = n_worker;
    if (plan_all(c))
        return c;
    dnnl_conv_free(c);
    return NULL;
}

static void free_worker(struct at_work *w)
{
    for (int i = 0; i < N_MEMORY; i++)
        if (w->memory[i])
            dnnl_memory_destroy(w->memory[i]);
    for (int i = 0; i < N_PASS; i++)
        if (w->weights[i])
            dnnl_memory_destroy(w->weights[i]);
    if (w->stream)
        dnnl_stream_destroy(w->stream);
}

void dnnl_conv_free(struct dnnl_conv *c)
{
    if (!c)
        return;
    for (int i = 0; c->worker && i < c->n_worker; i++)
        free_worker(&c->worker[i]);
    free(c->worker);
    for (size_t k = 0; k < N_PASS; k++) {
        free(c->packed[k]);
        if (c->pack[k])
            dnnl_primitive_destroy(c->pack[k]);
    }
    if (c->unpack)
        dnnl_primitive_destroy(c->unpack);
    if (c->plain_weights)
        dnnl_memory_destroy(c->plain_weights);
    forget_passes(c);
    if (c->engine)
        dnnl_engine_destroy(c->engine);
    free(c);
}

size_t dnnl_conv_scratch(const struct dnnl_conv *c)
{
    return c->pad_floats + 2 * (c->dw_floats + c->db_floats);
}

const char *dnnl_conv_name(const struct dnnl_conv *c)
{
    return c->name;
}

/* ---- running ---- */

static void must(dnnl_status_t status)
{
    if (status != dnnl_success)
        abort(); /* planned and of fixed shape: a failure here is a bug */
}

/* The library's handles are not const; it only reads what a pass names as a source. */
static dnnl_memory_t point(const struct dnnl_conv *c, int worker, int memory, const void *data)
{
    dnnl_memory_t m = c->worker[worker].memory[memory];
    union {
        const void *in;
        void *out;
    } pointer = { .in = data };
    must(dnnl_memory_set_data_handle(m, pointer.out));
    return m;
}

static void run(const struct dnnl_conv *c, int worker, dnnl_primitive_t p, int n,
                const dnnl_exec_arg_t *args)
{
    must(dnnl_primitive_execute(p, c->worker[worker].stream, n, args));
    must(dnnl_stream_wait(c->worker[worker].stream));
}

void dnnl_conv_weights(struct dnnl_conv *c, const float *kernel, const float *bias)
{
    union {
        const void *in;
        void *out;
    } pointer = { .in = kernel };
    c->bias = bias;
    must(dnnl_memory_set_data_handle(c->plain_weights, pointer.out));
    for (size_t k = 0; k < c->n_packed; k++)
        run(c, 0, c->pack[k], 2,
            (dnnl_exec_arg_t[]){ { DNNL_ARG_FROM, c->plain_weights },
                                 { DNNL_ARG_TO, c->worker[0].weights[k] } });
}

void dnnl_conv_forward(const struct dnnl_conv *c, int worker, const float *x, float *y,
                       float *scratch)
{
    run(c, worker, c->prim[FORWARD], 5,
        (dnnl_exec_arg_t[]){ { DNNL_ARG_SRC, point(c, worker, X, x) },
                             { DNNL_ARG_WEIGHTS, c->worker[worker].weights[c->packed_of[FORWARD]] },
                             { DNNL_ARG_BIAS, point(c, worker, BIAS, c->bias) },
                             { DNNL_ARG_DST, point(c, worker, Y, y) },
                             { DNNL_ARG_SCRATCHPAD, point(c, worker, SCRATCHPAD, scratch) } });
}

NN_CLONES static void add(float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] += b[i];
}

void dnnl_conv_backward(const struct dnnl_conv *c, int worker, const float *x, const float *dy,
                        float *dx, bool first, float *scratch)
{
    size_t floats = c->dw_floats + c->db_floats;
    float *sum = scratch + c->pad_floats, *one = first ? sum : sum + floats;
    dnnl_memory_t mdy = point(c, worker, DY, dy), mpad = point(c, worker, SCRATCHPAD, scratch);
    run(c, worker, c->prim[BACK_WEIGHTS], 5,
        (dnnl_exec_arg_t[]){ { DNNL_ARG_SRC, point(c, worker, X, x) },
                             { DNNL_ARG_DIFF_DST, mdy },
                             { DNNL_ARG_DIFF_WEIGHTS, point(c, worker, DW, one) },
                             { DNNL_ARG_DIFF_BIAS, point(c, worker, DB, one + c->dw_floats) },
                             { DNNL_ARG_SCRATCHPAD, mpad } });
    if (!first)
        add(sum, one, floats);
    if (dx)
        run(c, worker, c->prim[BACK_DATA], 4,
            (dnnl_exec_arg_t[]){
                { DNNL_ARG_DIFF_DST, mdy },
                { DNNL_ARG_WEIGHTS, c->worker[worker].weights[c->packed_of[BACK_DATA]] },
                { DNNL_ARG_DIFF_SRC, point(c, worker, DX, dx) },
                { DNNL_ARG_SCRATCHPAD, mpad } });
}

void dnnl_conv_gathered(const struct dnnl_conv *c, int worker, float *dW, float *db, float *scratch)
{
    float *sum = scratch + c->pad_floats;
    run(c, worker, c->unpack, 2,
        (dnnl_exec_arg_t[]){ { DNNL_ARG_FROM, point(c, worker, DW, sum) },
                             { DNNL_ARG_TO, point(c, worker, DW_PLAIN, dW) } });
    memcpy(db, sum + c->dw_floats, c->s.co * sizeof *db);
}

#else /* no oneDNN: nothing is ever planned */

size_t dnnl_conv_block(void)
{
    return 0;
}

struct dnnl_conv *dnnl_conv_new(const struct conv_shape *s, int n_worker)
{
    (void)s, (void)n_worker;
    return NULL;
}

void dnnl_conv_free(struct dnnl_conv *c)
{
    (void)c;
}

size_t dnnl_conv_scratch(const struct dnnl_conv *c)
{
    (void)c;
    return 0;
}

const char *dnnl_conv_name(const struct dnnl_conv *c)
{
    (void)c;
    return "";
}

void dnnl_conv_weights(struct dnnl_conv *c, const float *kernel, const float *bias)
{
    (void)c, (void)kernel, (void)bias;
}

void dnnl_conv_forward(const struct dnnl_conv *c, int worker, const float *x, float *y,
                       float *scratch)
{
    (void)c, (void)worker, (void)x, (void)y, (void)scratch;
}

void dnnl_conv_backward(const struct dnnl_conv *c, int worker, const float *x, const float *dy,
                        float *dx, bool first, float *scratch)
{
    (void)c, (void)worker, (void)x, (void)dy, (void)dx, (void)first, (void)scratch;
}

void dnnl_conv_gathered(const struct dnnl_conv *c, int worker, float *dW, float *db, float *scratch)
{
    (void)c, (void)worker, (void)dW, (void)db, (void)scratch;
}

#endif
