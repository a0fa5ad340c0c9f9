#include "models/nn/pixel_conv.h"

#include <string.h>

#include "models/nn/avx512.h"

#ifdef __x86_64__

enum { LANES = 16, TAPS = 27 }; /* tap (u * 3 + v) * 3 + c of W */

bool pixel_conv_fits(const struct conv_shape *s, size_t pool)
{
    return __builtin_cpu_supports("avx512f") && s->ci == 3 && s->k == 3 && s->co % LANES == 0 &&
           (s->block_out == LANES || s->block_out == s->co) && s->relu && pool == 2 && s->oh >= 2 &&
           s->ow >= 2;
}

/* A row of a padded plane, with room for what the last block of a row reads too much. */
static size_t wide_of(const struct conv_shape *s)
{
    return s->w + 2 * s->pad + 4;
}

static size_t plane_of(const struct conv_shape *s)
{
    return (s->h + 2 * s->pad) * wide_of(s) + LANES;
}

size_t pixel_conv_scratch(const struct conv_shape *s)
{
    return 3 * plane_of(s);
}

/* One plane a channel, with a border of 0. */
static void make_planes(const struct conv_shape *s, const uint8_t *bytes, float *planes)
{
    size_t wide = wide_of(s);
    memset(planes, 0, pixel_conv_scratch(s) * sizeof *planes);
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < s->h; i++) {
            float *to = planes + c * plane_of(s) + (i + s->pad) * wide + s->pad;
            const uint8_t *from = bytes + i * s->w * 3 + c;
            for (size_t j = 0; j < s->w; j++)
                to[j] = (float)from[3 * j] / 255.0f;
        }
}

/* The larger of two and its number in the window; the earlier one if they are equal. */
AVX512_INLINE void larger(__m512 x, int number, __m512 *best, __m512i *at)
{
    __mmask16 more = _mm512_cmp_ps_mask(x, *best, _CMP_GT_OQ);
    *best = _mm512_mask_mov_ps(*best, more, x);
    *at = _mm512_mask_set1_epi32(*at, more, number);
}

/** Where the values of a pooled picture are. */
struct pooled {
    size_t pixel, group; /* from a pixel to the next, from 16 channels to the next */
};

static struct pooled pooled_of(const struct conv_shape *s)
{
    return s->block_out == LANES ? (struct pooled){ LANES, s->oh / 2 * (s->ow / 2) * LANES }
                                 : (struct pooled){ s->co, LANES };
}

/* Two pooled pixels side by side, or the first of them, of n_vector groups of channels: 2 x 4
 * pixels of the convolution. `x`: where the first one's window begins in the first plane. */
AVX512_INLINE void two_pixels(const struct conv_shape *s, size_t n_vector, const float *x,
                              const float *W, const float *b, size_t n_pixel,
                              const struct pooled *to, float *y, uint8_t *place)
{
    __m512 sum[2][4][2];
    size_t wide = wide_of(s), plane = plane_of(s);
#pragma GCC unroll 8
    for (size_t i = 0; i < 8; i++)
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++)
            sum[i / 4][i % 4][v] = _mm512_setzero_ps();
    for (size_t tap = 0; tap < TAPS; tap++) {
        const float *from = x + tap % 3 * plane + tap / 9 * wide + tap / 3 % 3;
        __m512 w[2];
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++)
            w[v] = _mm512_loadu_ps(W + tap * s->co + v * LANES);
#pragma GCC unroll 8
        for (size_t i = 0; i < 8; i++) {
            __m512 pixel = _mm512_set1_ps(from[i / 4 * wide + i % 4]);
#pragma GCC unroll 2
            for (size_t v = 0; v < n_vector; v++)
                sum[i / 4][i % 4][v] = _mm512_fmadd_ps(pixel, w[v], sum[i / 4][i % 4][v]);
        }
    }
#pragma GCC unroll 2
    for (size_t m = 0; m < 2; m++) {
        if (m >= n_pixel)
            break;
#pragma GCC unroll 2
        for (size_t v = 0; v < n_vector; v++) {
            __m512 best = sum[0][2 * m][v];
            __m512i at = _mm512_setzero_si512();
            larger(sum[0][2 * m + 1][v], 1, &best, &at);
            larger(sum[1][2 * m][v], 2, &best, &at);
            larger(sum[1][2 * m + 1][v], 3, &best, &at);
            best = _mm512_add_ps(best, _mm512_loadu_ps(b + v * LANES));
            best = _mm512_max_ps(_mm512_setzero_ps(), best); /* a NaN stays one */
            _mm512_storeu_ps(y + m * to->pixel + v * to->group, best);
            _mm_storeu_si128((__m128i *)(place + m * to->pixel + v * to->group),
                             _mm512_cvtepi32_epi8(at));
        }
    }
}

AVX512 void pixel_conv_forward(const struct conv_shape *s, const float *W, const float *b,
                               const uint8_t *bytes, float *y, uint8_t *place, float *scratch)
{
    struct pooled to = pooled_of(s);
    size_t high = s->oh / 2, across = s->ow / 2;
    make_planes(s, bytes, scratch);
    for (size_t o = 0; o < s->co; o += 2 * LANES)
        for (size_t i = 0; i < high; i++)
            for (size_t j = 0; j < across; j += 2) {
                const float *x = scratch + 2 * i * wide_of(s) + 2 * j;
                size_t at = o / LANES * to.group + (i * across + j) * to.pixel;
                size_t n = across - j < 2 ? 1 : 2;
                if (o + LANES < s->co)
                    two_pixels(s, 2, x, W + o, b + o, n, &to, y + at, place + at);
                else
                    two_pixels(s, 1, x, W + o, b + o, n, &to, y + at, place + at);
            }
}

/* A 4 x 4 piece of a plane. */
AVX512_INLINE __m512 piece_of(const float *x, size_t wide)
{
    __m512 p = _mm512_castps128_ps512(_mm_loadu_ps(x));
    p = _mm512_insertf32x4(p, _mm_loadu_ps(x + wide), 1);
    p = _mm512_insertf32x4(p, _mm_loadu_ps(x + 2 * wide), 2);
    return _mm512_insertf32x4(p, _mm_loadu_ps(x + 3 * wide), 3);
}

/* The gradient of 16 channels' weights from one picture: a pooled pixel's window sees 4 x 4 pixels
 * of each plane, of which the 3 x 3 at each channel's maximum count. */
AVX512 static void gather(const struct conv_shape *s, const float *planes, const float *y,
                          const float *dy, const uint8_t *place, size_t pixel, float *dW, float *db)
{
    const __m512i corner = _mm512_setr_epi32(0, 1, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const size_t wide = wide_of(s), plane = plane_of(s);
    __m512 sum[TAPS], bias = _mm512_loadu_ps(db);
#pragma GCC unroll 27
    for (size_t tap = 0; tap < TAPS; tap++)
        sum[tap] = _mm512_loadu_ps(dW + tap * s->co);
    for (size_t i = 0; i < s->oh / 2; i++)
        for (size_t j = 0; j < s->ow / 2; j++, y += pixel, dy += pixel, place += pixel) {
            __mmask16 positive = _mm512_cmp_ps_mask(_mm512_loadu_ps(y), _mm512_setzero_ps(),
                                                    _CMP_GT_OQ);
            __m512 d = _mm512_maskz_loadu_ps(positive, dy);
            __m512i at = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)place));
            at = _mm512_permutexvar_epi32(at, corner);
            bias = _mm512_add_ps(bias, d);
#pragma GCC unroll 3
            for (size_t c = 0; c < 3; c++) {
                __m512 piece = piece_of(planes + c * plane + 2 * i * wide + 2 * j, wide);
#pragma GCC unroll 9
                for (size_t k = 0; k < 9; k++) {
                    __m512i from = _mm512_add_epi32(at,
                                                    _mm512_set1_epi32((int)(k / 3 * 4 + k % 3)));
                    sum[k * 3 + c] = _mm512_fmadd_ps(_mm512_permutexvar_ps(from, piece), d,
                                                     sum[k * 3 + c]);
                }
            }
        }
    _mm512_storeu_ps(db, bias);
#pragma GCC unroll 27
    for (size_t tap = 0; tap < TAPS; tap++)
        _mm512_storeu_ps(dW + tap * s->co, sum[tap]);
}

void pixel_conv_backward(const struct conv_shape *s, const uint8_t *bytes, const float *y,
                         const float *dy, const uint8_t *place, bool first, float *dW, float *db,
                         float *scratch)
{
    struct pooled in = pooled_of(s);
    make_planes(s, bytes, scratch);
    if (first) {
        memset(dW, 0, TAPS * s->co * sizeof *dW);
        memset(db, 0, s->co * sizeof *db);
    }
    for (size_t o = 0; o < s->co; o += LANES) {
        size_t at = o / LANES * in.group;
        gather(s, scratch, y + at, dy + at, place + at, in.pixel, dW + o, db + o);
    }
}

#else /* another processor: nothing fits */

bool pixel_conv_fits(const struct conv_shape *s, size_t pool)
{
    (void)s, (void)pool;
    return false;
}

size_t pixel_conv_scratch(const struct conv_shape *s)
{
    (void)s;
    return 0;
}

void pixel_conv_forward(const struct conv_shape *s, const float *W, const float *b,
                        const uint8_t *bytes, float *y, uint8_t *place, float *scratch)
{
    (void)s, (void)W, (void)b, (void)bytes, (void)y, (void)place, (void)scratch;
}

void pixel_conv_backward(const struct conv_shape *s, const uint8_t *bytes, const float *y,
                         const float *dy, const uint8_t *place, bool first, float *dW, float *db,
                         float *scratch)
{
    (void)s, (void)bytes, (void)y, (void)dy, (void)place, (void)first, (void)dW, (void)db,
        (void)scratch;
}

#endif
