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

#ifdef __x86_64__
#include "models/nn/winograd_tile.h"

enum { TILES = 32, POINTS = 36, ROWS = 8 }; /* ROWS x 2 LANES of a product at once */

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
