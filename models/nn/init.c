/* Initial weights, as Keras draws them; each tensor from its own stream of the seed, named by the
 * tensor's name, so that one more layer changes no other layer's start. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/op.h"
#include "num/rng.h"

/* FNV-1a (Fowler, Noll & Vo 1991). */
static uint64_t stream_of(const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001b3u;
    return h;
}

static void uniform(float *w, size_t n, double limit, struct rng *r)
{
    for (size_t i = 0; i < n; i++)
        w[i] = (float)((2 * rng_uniform(r) - 1) * limit);
}

/* H orthonormal rows of 4H values: normal draws, made orthonormal by modified Gram-Schmidt, twice
 * for accuracy; so they are spread evenly over all such matrices (Saxe et al. 2013). */
static void orthogonal(float *w, size_t rows, size_t cols, struct rng *r)
{
    double *q = mem_calloc(rows * cols, sizeof *q);
    for (size_t i = 0; i < rows * cols; i++)
        q[i] = rng_normal(r);
    for (size_t i = 0; i < rows; i++) {
        double *a = q + i * cols, norm = 0;
        for (size_t k = 0; k < 2 * i; k++) {
            const double *b = q + k % i * cols;
            double dot = 0;
            for (size_t j = 0; j < cols; j++)
                dot += a[j] * b[j];
            for (size_t j = 0; j < cols; j++)
                a[j] -= dot * b[j];
        }
        for (size_t j = 0; j < cols; j++)
            norm += a[j] * a[j];
        for (size_t j = 0; j < cols; j++)
            w[i * cols + j] = (float)(a[j] /= sqrt(norm));
    }
    free(q);
}

void net_init(struct net *n, uint64_t seed)
{
    n->prepared = false;
    for (size_t i = 0; i < n->n_param; i++) {
        const struct nn_param *p = &n->param[i];
        const struct param_plan *plan = &n->plan[i];
        float *w = n->weight + p->offset;
        struct rng r;
        rng_init(&r, seed, stream_of(p->name));
        switch (plan->init) {
        case INIT_ZEROS:
            memset(w, 0, p->n * sizeof *w);
            break;
        case INIT_ONES:
            for (size_t k = 0; k < p->n; k++)
                w[k] = 1;
            break;
        case INIT_GLOROT:
            uniform(w, p->n, sqrt(6 / (double)(plan->fan_in + plan->fan_out)), &r);
            break;
        case INIT_ORTHOGONAL:
            orthogonal(w, p->shape[0], p->shape[1], &r);
            break;
        case INIT_UNIFORM:
            uniform(w, p->n, 0.05, &r);
            break;
        case INIT_FORGET: /* gates i f g o: 1 for f (Jozefowicz et al. 2015) */
            for (size_t k = 0; k < p->n; k++)
                w[k] = k >= p->n / 4 && k < p->n / 2;
            break;
        }
    }
}
