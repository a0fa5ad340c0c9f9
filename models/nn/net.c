/* A network as others see it: built and freed, its parameters, its kernels, its clock. The plan is
 * net_plan.c's, the work net_run.c's. */
#define _DEFAULT_SOURCE
#include "models/nn/net.h"

#include <cblas.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/nn/dnnl_conv.h"
#include "models/nn/op.h"

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

const char *net_wants_rows(const struct net *n)
{
    for (size_t i = 0; i < n->n_op; i++) {
        const struct shape *s = &op_in(&n->op[i], n)->shape;
        if (n->op[i].kind == &op_batch_norm && s->h * s->w == 1)
            return n->op[i].name;
    }
    return NULL;
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
