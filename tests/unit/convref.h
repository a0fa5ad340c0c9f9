#ifndef TESTS_CONVREF_H
#define TESTS_CONVREF_H

/* Convolution and its gradients from their definition, in double, on the layouts that the kernels
 * take. */

#include "near.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/conv.h"
#include "num/rng.h"

/** A kernel of 3 x 3 on NHWC pictures; out come blocks of 16 channels, or NHWC. */
static inline struct conv_shape conv_shape_3x3(size_t h, size_t w, size_t ci, size_t co, bool same,
                                               bool blocks)
{
    size_t less = same ? 0 : 2;
    return (struct conv_shape){ .ci = ci,
                                .co = co,
                                .h = h,
                                .w = w,
                                .oh = h - less,
                                .ow = w - less,
                                .k = 3,
                                .pad = same ? 1 : 0,
                                .block_in = ci,
                                .block_out = blocks ? 16 : co };
}

/** Where channel c of a pixel is: blocks of `block` channels, h w pixels each. */
static inline size_t conv_at(size_t c, size_t C, size_t block, size_t pixel, size_t n_pixel)
{
    return block == C ? pixel * C + c : c / block * n_pixel * block + pixel * block + c % block;
}

static inline size_t conv_x(const struct conv_shape *s, size_t c, size_t i, size_t j)
{
    return conv_at(c, s->ci, s->block_in, i * s->w + j, s->h * s->w);
}

static inline size_t conv_y(const struct conv_shape *s, size_t o, size_t i, size_t j)
{
    return conv_at(o, s->co, s->block_out, i * s->ow + j, s->oh * s->ow);
}

static inline size_t conv_w(const struct conv_shape *s, size_t u, size_t v, size_t c, size_t o)
{
    return ((u * s->k + v) * s->ci + c) * s->co + o;
}

/* Call visit for every product x W -> y of one picture: visit(arg, place in x, in W, in y). */
static inline void conv_visit(const struct conv_shape *s,
                              void (*visit)(void *arg, size_t x, size_t w, size_t y), void *arg)
{
    for (size_t i = 0; i < s->oh; i++)
        for (size_t j = 0; j < s->ow; j++)
            for (size_t u = 0; u < s->k; u++)
                for (size_t v = 0; v < s->k; v++) {
                    size_t y = i + u - s->pad, x = j + v - s->pad; /* below 0: very large */
                    for (size_t c = 0; c < s->ci && y < s->h && x < s->w; c++)
                        for (size_t o = 0; o < s->co; o++)
                            visit(arg, conv_x(s, c, y, x), conv_w(s, u, v, c, o),
                                  conv_y(s, o, i, j));
                }
}

static inline float *conv_random(struct rng *r, size_t n, float scale)
{
    float *x = mem_aligned(n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = scale * (float)rng_normal(r);
    return x;
}

/* Each within `relative` of the largest. */
static inline void conv_near(const float *found, const double *want, size_t n, double relative)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(want[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < n; i++)
        assert_near((double)found[i], want[i], relative * largest, 0);
}

#endif
