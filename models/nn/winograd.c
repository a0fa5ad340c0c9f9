/* Below: a tile is 4 x 4 outputs and the 6 x 6 inputs that they depend on. With B, G, A of Lavin &
 * Gray, d an input tile, g the weights, Y an output tile and * by element:
 *   Y = A' [ sum over channels of (G g G') * (B' d B) ] A,  dg = G' [ (B' d B) * (A dY A') ] G,
 * and dx is the convolution of dY with the weights turned around. So each of the 36 points is a
 * matrix product over tiles and channels: forward (tiles, ci) (ci, co), for dg (ci, tiles) (tiles,
 * co). They run over blocks of TILES tiles, whose transforms stay in the second-level cache. */
#include "models/nn/winograd.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/avx512.h"

#ifdef __x86_64__

enum { TILES = 32, POINTS = 36, LANES = 16, ROWS = 8 }; /* ROWS x 2 LANES of a product at once */

/** One picture of c channels, and where its values are. */
struct plane {
    size_t h, w, c;
    size_t pixel, group; /* floats from a pixel to the next, from 16 channels to the next */
};

struct winograd {
    struct conv_shape s;
    struct plane x, y;
    float *forward; /* (POINTS, ci, co) G g G', owned */
    float *back;    /* (POINTS, co, ci) of the weights turned around, owned */
    float *turned;  /* (3, 3, co, ci) those, owned */
    const float *bias;
};

static struct plane plane_of(size_t h, size_t w, size_t c, size_t block)
{
    return block == LANES ? (struct plane){ h, w, c, LANES, h * w * LANES }
                          : (struct plane){ h, w, c, c, LANES };
}

bool winograd_fits(const struct conv_shape *s)
{
    size_t area = (s->oh + 3) / 4 * ((s->ow + 3) / 4) * 16;
    bool layout = (s->block_in == LANES || s->block_in == s->ci) &&
                  (s->block_out == LANES || s->block_out == s->co);
    return __builtin_cpu_supports("avx512f") && s->k == 3 && layout && s->ci % LANES == 0 &&
           s->co % LANES == 0 && area < 2 * s->oh * s->ow;
}

struct winograd *winograd_new(const struct conv_shape *s)
{
    struct winograd *w = mem_calloc(1, sizeof *w);
    w->s = *s;
    w->x = plane_of(s->h, s->w, s->ci, s->block_in);
    w->y = plane_of(s->oh, s->ow, s->co, s->block_out);
    w->forward = mem_aligned(POINTS * s->ci * s->co, sizeof *w->forward);
    if (s->data_gradient) {
        w->back = mem_aligned(POINTS * s->ci * s->co, sizeof *w->back);
        w->turned = mem_aligned(9 * s->ci * s->co, sizeof *w->turned);
    }
    return w;
}

void winograd_free(struct winograd *w)
{
    if (!w)
        return;
    free(w->forward);
    free(w->back);
    free(w->turned);
    free(w);
}

/* Floats from one point of a block of tiles to the next: not a power of two, or all 36 points of a
 * tile would share the same few lines of the cache. */
static size_t point_of(size_t c)
{
    return TILES * c + LANES;
}

static size_t block_floats(const struct conv_shape *s)
{
    return POINTS * point_of(s->ci > s->co ? s->ci : s->co);
}

/* The two blocks of tiles, then the gathered gradients. */
size_t winograd_scratch(const struct conv_shape *s)
{
    return 2 * block_floats(s) + POINTS * s->ci * s->co + s->co;
}

size_t winograd_floats(const struct conv_shape *s)
{
    return (s->data_gradient ? 2 * POINTS + 9 : POINTS) * s->ci * s->co;
}

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

static struct place place_of(const struct plane *out, size_t t)
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
AVX512 static void tile_in(const struct plane *p, const float *x, ptrdiff_t i, ptrdiff_t j,
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
AVX512 static __m512 tile_spread(const struct plane *p, const float *y, ptrdiff_t i, ptrdiff_t j,
                                 float *m, size_t point)
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
AVX512 static void tile_out(const struct plane *p, float *y, ptrdiff_t i, ptrdiff_t j,
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

/* ---- matrix products ---- */

/* c (ROWS, 16 or 32) = or += a b: a[i][k] at a + i by_row + k by_k, b (K, .) rows ldb apart. */
AVX512_INLINE void multiply(size_t n_vector, size_t K, const float *a, size_t by_row, size_t by_k,
                            const float *b, size_t ldb, float *c, size_t ldc, bool add)
{
    __m512 sum[ROWS][2];
#pragma GCC unroll 8
    for (size_t i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++)
            sum[i][v] = add ? _mm512_loadu_ps(c + i * ldc + v * LANES) : _mm512_setzero_ps();
    for (size_t k = 0; k < K; k++, a += by_k, b += ldb) {
        __m512 right[2];
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++)
            right[v] = _mm512_loadu_ps(b + v * LANES);
#pragma GCC unroll 8
        for (size_t i = 0; i < ROWS; i++) {
            __m512 left = _mm512_set1_ps(a[i * by_row]);
#pragma GCC unroll 2
            for (size_t v = 0; v < n_vector; v++)
                sum[i][v] = _mm512_fmadd_ps(left, right[v], sum[i][v]);
        }
    }
#pragma GCC unroll 8
    for (size_t i = 0; i < ROWS; i++)
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++)
            _mm512_storeu_ps(c + i * ldc + v * LANES, sum[i][v]);
}

/* c (m, n) = or += a b for one point; m a multiple of ROWS, n of LANES. */
AVX512 static void product(size_t m, size_t n, size_t K, const float *a, size_t by_row, size_t by_k,
                           const float *b, size_t ldb, float *c, size_t ldc, bool add)
{
    for (size_t j = 0; j < n; j += 2 * LANES)
        for (size_t i = 0; i < m; i += ROWS) {
            if (j + LANES < n)
                multiply(2, K, a + i * by_row, by_row, by_k, b + j, ldb, c + i * ldc + j, ldc, add);
            else
                multiply(1, K, a + i * by_row, by_row, by_k, b + j, ldb, c + i * ldc + j, ldc, add);
        }
}

/* ---- a convolution ---- */

/* V of up to TILES tiles from number t on; `out` is the plane that is cut into tiles. */
static void tiles_in(const struct plane *in, const struct plane *out, size_t pad, const float *x,
                     size_t t, size_t n_tile, float *v)
{
    for (size_t k = 0; k < n_tile; k++) {
        struct place at = place_of(out, t + k);
        const float *row = x + at.row * in->h * in->w * in->c;
        for (size_t g = 0; g < in->c / LANES; g++)
            tile_in(in, row + g * in->group, at.i - (ptrdiff_t)pad, at.j - (ptrdiff_t)pad,
                    v + k * in->c + g * LANES, point_of(in->c));
    }
}

/* y = conv(x): U (POINTS, in->c, out->c). */
static void convolve(const struct plane *in, const struct plane *out, size_t pad, size_t n,
                     const float *x, const float *U, const float *bias, bool relu, float *y,
                     float *v, float *m)
{
    size_t tiles = n * ((out->h + 3) / 4) * ((out->w + 3) / 4);
    for (size_t t = 0; t < tiles; t += TILES) {
        size_t n_tile = tiles - t < TILES ? tiles - t : TILES;
        tiles_in(in, out, pad, x, t, n_tile, v);
        for (size_t p = 0; p < POINTS; p++)
            product((n_tile + ROWS - 1) / ROWS * ROWS, out->c, in->c, v + p * point_of(in->c),
                    in->c, 1, U + p * in->c * out->c, out->c, m + p * point_of(out->c), out->c,
                    false);
        for (size_t k = 0; k < n_tile; k++) {
            struct place at = place_of(out, t + k);
            float *row = y + at.row * out->h * out->w * out->c;
            for (size_t g = 0; g < out->c / LANES; g++)
                tile_out(out, row + g * out->group, at.i, at.j, m + k * out->c + g * LANES,
                         point_of(out->c), bias ? bias + g * LANES : NULL, relu);
        }
    }
}

void winograd_forward(const struct winograd *w, size_t n, const float *x, float *y, float *scratch)
{
    convolve(&w->x, &w->y, w->s.pad, n, x, w->forward, w->bias, w->s.relu, y, scratch,
             scratch + block_floats(&w->s));
}

/* Gathers dU (POINTS, ci, co) and db (co). */
AVX512 static void gather(const struct winograd *w, size_t n, const float *x, const float *dy,
                          float *v, float *m, float *dU, float *db)
{
    const struct plane *in = &w->x, *out = &w->y;
    size_t tiles = n * ((out->h + 3) / 4) * ((out->w + 3) / 4);
    for (size_t t = 0; t < tiles; t += TILES) {
        size_t n_tile = tiles - t < TILES ? tiles - t : TILES;
        tiles_in(in, out, w->s.pad, x, t, n_tile, v);
        for (size_t k = 0; k < n_tile; k++) {
            struct place at = place_of(out, t + k);
            const float *row = dy + at.row * out->h * out->w * out->c;
            for (size_t g = 0; g < out->c / LANES; g++) {
                __m512 sum = tile_spread(out, row + g * out->group, at.i, at.j,
                                         m + k * out->c + g * LANES, point_of(out->c));
                _mm512_storeu_ps(db + g * LANES,
                                 _mm512_add_ps(_mm512_loadu_ps(db + g * LANES), sum));
            }
        }
        for (size_t p = 0; p < POINTS; p++)
            product(in->c, out->c, n_tile, v + p * point_of(in->c), 1, in->c,
                    m + p * point_of(out->c), out->c, dU + p * in->c * out->c, out->c, true);
    }
}

void winograd_backward(const struct winograd *w, size_t n, const float *x, const float *dy,
                       float *dx, bool first, float *scratch)
{
    float *v = scratch, *m = v + block_floats(&w->s), *dU = m + block_floats(&w->s),
          *db = dU + POINTS * w->s.ci * w->s.co;
    if (first)
        memset(dU, 0, (POINTS * w->s.ci * w->s.co + w->s.co) * sizeof *dU);
    gather(w, n, x, dy, v, m, dU, db);
    if (dx)
        convolve(&w->y, &w->x, 2 - w->s.pad, n, dy, w->back, NULL, false, dx, v, m);
}

/* ---- weights ---- */

/* out (POINTS, I, O) = G g G' of g (3, 3, I, O), O a multiple of 16. */
AVX512 static void transform_weights(const float *g, size_t I, size_t O, float *out)
{
    for (size_t at = 0; at < I * O; at += LANES) {
        __m512 half[6][3], d[3], o[6];
        for (size_t b = 0; b < 3; b++) {
            for (size_t a = 0; a < 3; a++)
                d[a] = _mm512_loadu_ps(g + (a * 3 + b) * I * O + at);
            weights_to_points(d, o);
            for (size_t a = 0; a < 6; a++)
                half[a][b] = o[a];
        }
        for (size_t a = 0; a < 6; a++) {
            weights_to_points(half[a], o);
            for (size_t b = 0; b < 6; b++)
                _mm512_storeu_ps(out + (a * 6 + b) * I * O + at, o[b]);
        }
    }
}

void winograd_weights(struct winograd *w, const float *kernel, const float *bias)
{
    size_t I = w->s.ci, O = w->s.co;
    w->bias = bias;
    transform_weights(kernel, I, O, w->forward);
    if (!w->back)
        return;
    for (size_t a = 0; a < 9; a++)
        for (size_t i = 0; i < I; i++)
            for (size_t o = 0; o < O; o++)
                w->turned[((8 - a) * O + o) * I + i] = kernel[(a * I + i) * O + o];
    transform_weights(w->turned, O, I, w->back);
}

AVX512 void winograd_gathered(const struct winograd *w, float *dW, float *db, const float *scratch)
{
    size_t I = w->s.ci, O = w->s.co;
    const float *dU = scratch + 2 * block_floats(&w->s);
    for (size_t at = 0; at < I * O; at += LANES) {
        __m512 half[3][6], d[6], o[3];
        for (size_t b = 0; b < 6; b++) {
            for (size_t a = 0; a < 6; a++)
                d[a] = _mm512_loadu_ps(dU + (a * 6 + b) * I * O + at);
            weights_from_points(d, o);
            for (size_t a = 0; a < 3; a++)
                half[a][b] = o[a];
        }
        for (size_t a = 0; a < 3; a++) {
            weights_from_points(half[a], o);
            for (size_t b = 0; b < 3; b++)
                _mm512_storeu_ps(dW + (a * 3 + b) * I * O + at, o[b]);
        }
    }
    memcpy(db, dU + POINTS * I * O, O * sizeof *db);
}

#else /* another processor: nothing fits */

bool winograd_fits(const struct conv_shape *s)
{
    (void)s;
    return false;
}

struct winograd *winograd_new(const struct conv_shape *s)
{
    (void)s;
    return NULL;
}

void winograd_free(struct winograd *w)
{
    (void)w;
}

size_t winograd_floats(const struct conv_shape *s)
{
    (void)s;
    return 0;
}

size_t winograd_scratch(const struct conv_shape *s)
{
    (void)s;
    return 0;
}

void winograd_weights(struct winograd *w, const float *kernel, const float *bias)
{
    (void)w, (void)kernel, (void)bias;
}

void winograd_forward(const struct winograd *w, size_t n, const float *x, float *y, float *scratch)
{
    (void)w, (void)n, (void)x, (void)y, (void)scratch;
}

void winograd_backward(const struct winograd *w, size_t n, const float *x, const float *dy,
                       float *dx, bool first, float *scratch)
{
    (void)w, (void)n, (void)x, (void)dy, (void)dx, (void)first, (void)scratch;
}

void winograd_gathered(const struct winograd *w, float *dW, float *db, const float *scratch)
{
    (void)w, (void)dW, (void)db, (void)scratch;
}

#endif
