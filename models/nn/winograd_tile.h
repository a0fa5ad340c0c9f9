#ifndef NN_WINOGRAD_TILE_H
#define NN_WINOGRAD_TILE_H

/* The transforms of winograd.c, of 16 channels at a time: input tiles to points, points to output
 * tiles, gradients of output tiles to points, and weights there and back. */
#include <stdbool.h>
#include <stddef.h>

#include "models/nn/avx512.h"

enum { LANES = 16 };

/** One picture of c channels, and where its values are. */
struct plane {
    size_t h, w, c;
    size_t pixel, group; /* floats from a pixel to the next, from 16 channels to the next */
};

/* ---- transforms of a row or column ---- */

AVX512_INLINE __m512 times(float a, __m512 x)
{
    return _mm512_mul_ps(_mm512_set1_ps(a), x);
}

/* a x + y */
AVX512_INLINE __m512 add_times(float a, __m512 x, __m512 y)
{
    return _mm512_fmadd_ps(_mm512_set1_ps(a), x, y);
}

/* B' d */
AVX512_INLINE void to_points(const __m512 d[6], __m512 o[6])
{
    __m512 a = add_times(-4, d[2], d[4]), b = add_times(-4, d[1], d[3]);
    __m512 c = _mm512_sub_ps(d[4], d[2]), e = _mm512_sub_ps(d[3], d[1]);
    o[0] = add_times(4, d[0], add_times(-5, d[2], d[4]));
    o[1] = _mm512_add_ps(a, b);
    o[2] = _mm512_sub_ps(a, b);
    o[3] = add_times(2, e, c);
    o[4] = add_times(-2, e, c);
    o[5] = add_times(4, d[1], add_times(-5, d[3], d[5]));
}

/* A' m */
AVX512_INLINE void from_points(const __m512 m[6], __m512 o[4])
{
    __m512 s = _mm512_add_ps(m[1], m[2]), d = _mm512_sub_ps(m[1], m[2]);
    __m512 u = _mm512_add_ps(m[3], m[4]), v = _mm512_sub_ps(m[3], m[4]);
    o[0] = _mm512_add_ps(_mm512_add_ps(m[0], s), u);
    o[1] = add_times(2, v, d);
    o[2] = add_times(4, u, s);
    o[3] = _mm512_add_ps(add_times(8, v, d), m[5]);
}

/* A y */
AVX512_INLINE void spread(const __m512 y[4], __m512 o[6])
{
    __m512 e = _mm512_add_ps(y[0], y[2]), f = _mm512_add_ps(y[1], y[3]);
    __m512 g = add_times(4, y[2], y[0]), h = add_times(8, y[3], times(2, y[1]));
    o[0] = y[0];
    o[1] = _mm512_add_ps(e, f);
    o[2] = _mm512_sub_ps(e, f);
    o[3] = _mm512_add_ps(g, h);
    o[4] = _mm512_sub_ps(g, h);
    o[5] = y[3];
}

/* G g */
AVX512_INLINE void weights_to_points(const __m512 g[3], __m512 o[6])
{
    __m512 a = times(-1.0f / 6, _mm512_add_ps(g[0], g[2])), b = times(-1.0f / 6, g[1]);
    __m512 c = add_times(1.0f / 24, g[0], times(1.0f / 6, g[2])), d = times(1.0f / 12, g[1]);
    o[0] = times(0.25f, g[0]);
    o[1] = _mm512_add_ps(a, b);
    o[2] = _mm512_sub_ps(a, b);
    o[3] = _mm512_add_ps(c, d);
    o[4] = _mm512_sub_ps(c, d);
    o[5] = g[2];
}

/* G' u */
AVX512_INLINE void weights_from_points(const __m512 u[6], __m512 o[3])
{
    __m512 s = _mm512_add_ps(u[1], u[2]), d = _mm512_sub_ps(u[2], u[1]);
    __m512 t = _mm512_add_ps(u[3], u[4]), v = _mm512_sub_ps(u[3], u[4]);
    o[0] = add_times(0.25f, u[0], add_times(-1.0f / 6, s, times(1.0f / 24, t)));
    o[1] = add_times(1.0f / 6, d, times(1.0f / 12, v));
    o[2] = add_times(-1.0f / 6, s, add_times(1.0f / 6, t, u[5]));
}

/* ---- tiles ---- */

/** Tile number t of some rows. */
struct place {
    size_t row;
    ptrdiff_t i, j; /* first pixel */
};

static inline struct place place_of(const struct plane *out, size_t t)
{
    size_t wide = (out->w + 3) / 4, per_row = (out->h + 3) / 4 * wide;
    return (struct place){ t / per_row, (ptrdiff_t)(t % per_row / wide * 4),
                           (ptrdiff_t)(t % wide * 4) };
}

/* A value of 16 channels, 0 outside of the picture. */
AVX512_INLINE __m512 value_at(const struct plane *p, const float *x, ptrdiff_t i, ptrdiff_t j)
{
    if ((size_t)i >= p->h || (size_t)j >= p->w) /* below 0 it wraps */
        return _mm512_setzero_ps();
    return _mm512_loadu_ps(x + ((size_t)i * p->w + (size_t)j) * p->pixel);
}

/* v[point] = (B' d B)[point] of 16 channels. */
AVX512 static inline void tile_in(const struct plane *p, const float *x, ptrdiff_t i, ptrdiff_t j,
                                  float *v, size_t point)
{
    __m512 half[6][6], d[6], o[6];
    bool inside = i >= 0 && j >= 0 && (size_t)i + 6 <= p->h && (size_t)j + 6 <= p->w;
    const float *first = inside ? x + ((size_t)i * p->w + (size_t)j) * p->pixel : x;
#pragma GCC unroll 6
    for (ptrdiff_t b = 0; b < 6; b++) {
#pragma GCC unroll 6
        for (ptrdiff_t a = 0; a < 6; a++)
            d[a] = inside ? _mm512_loadu_ps(first + ((size_t)a * p->w + (size_t)b) * p->pixel)
                          : value_at(p, x, i + a, j + b);
        to_points(d, o);
#pragma GCC unroll 6
        for (size_t a = 0; a < 6; a++)
            half[a][b] = o[a];
    }
#pragma GCC unroll 6
    for (size_t a = 0; a < 6; a++) {
        to_points(half[a], o);
#pragma GCC unroll 6
        for (size_t b = 0; b < 6; b++)
            _mm512_storeu_ps(v + (a * 6 + b) * point, o[b]);
    }
}

/* m[point] = (A dY A')[point] of 16 channels; returns the sum of dY. */
AVX512 static inline __m512 tile_spread(const struct plane *p, const float *y, ptrdiff_t i,
                                        ptrdiff_t j, float *m, size_t point)
{
    __m512 half[6][4], d[4], o[6], sum = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (ptrdiff_t b = 0; b < 4; b++) {
#pragma GCC unroll 4
        for (ptrdiff_t a = 0; a < 4; a++) {
            d[a] = value_at(p, y, i + a, j + b);
            sum = _mm512_add_ps(sum, d[a]);
        }
        spread(d, o);
#pragma GCC unroll 6
        for (size_t a = 0; a < 6; a++)
            half[a][b] = o[a];
    }
#pragma GCC unroll 6
    for (size_t a = 0; a < 6; a++) {
        spread(half[a], o);
#pragma GCC unroll 6
        for (size_t b = 0; b < 6; b++)
            _mm512_storeu_ps(m + (a * 6 + b) * point, o[b]);
    }
    return sum;
}

/* y = A' m A of 16 channels, plus bias (NULL: none), then ReLU if asked for. */
AVX512 static inline void tile_out(const struct plane *p, float *y, ptrdiff_t i, ptrdiff_t j,
                                   const float *m, size_t point, const float *bias, bool relu)
{
    __m512 half[4][6], d[6], o[4], zero = _mm512_setzero_ps();
    __m512 b0 = bias ? _mm512_loadu_ps(bias) : zero;
    size_t high = p->h - (size_t)i < 4 ? p->h - (size_t)i : 4,
           wide = p->w - (size_t)j < 4 ? p->w - (size_t)j : 4;
#pragma GCC unroll 6
    for (size_t b = 0; b < 6; b++) {
#pragma GCC unroll 6
        for (size_t a = 0; a < 6; a++)
            d[a] = _mm512_loadu_ps(m + (a * 6 + b) * point);
        from_points(d, o);
#pragma GCC unroll 4
        for (size_t a = 0; a < 4; a++)
            half[a][b] = o[a];
    }
    y += ((size_t)i * p->w + (size_t)j) * p->pixel;
#pragma GCC unroll 4
    for (size_t a = 0; a < 4; a++) {
        if (a >= high)
            break;
        from_points(half[a], o);
#pragma GCC unroll 4
        for (size_t b = 0; b < 4; b++) {
            __m512 v = _mm512_add_ps(o[b], b0);
            if (b < wide)
                _mm512_storeu_ps(y + (a * p->w + b) * p->pixel,
                                 relu ? _mm512_max_ps(zero, v) : v /* a NaN stays one */);
        }
    }
}

#endif
