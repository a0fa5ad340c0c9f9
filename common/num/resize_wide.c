#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/resize_kernel.h"

/* A row is a line of values, three to a pixel. A step makes 16 of them from the 64 bytes at the
 * first of their pixels, a group of four taps at a time: one byte shuffle of all 64 brings every
 * value its taps, whatever the two sizes are, as long as they lie within these bytes. */
enum { STEP = 16, WINDOW = 64 };

#if defined(__x86_64__)

#include <immintrin.h>

/* Of one step and group: the four taps of value v at 4 v: where they are among the bytes, and their
 * weights, 256 high + low. */
struct resize_step {
    uint8_t pick[WINDOW];
    int8_t low[WINDOW], high[WINDOW];
};

static void set_weight(struct resize_step *step, size_t at, int weight)
{
    int low = ((weight + 128) & 255) - 128;
    step->low[at] = (int8_t)low;
    step->high[at] = (int8_t)((weight - low) / 256);
}

bool resize_arrange_wide(struct resize_plan *p)
{
    const struct resize_axis *a = &p->across;
    size_t n = 3 * p->size.out_width, n_step = (n + STEP - 1) / STEP, n_group = a->taps / 4;
    p->at = mem_calloc(n_step, sizeof *p->at);
    p->step = mem_aligned(n_step * n_group, sizeof *p->step);
    for (size_t s = 0; s < n_step; s++) {
        size_t base = a->start[STEP * s / 3];
        struct resize_step *group = p->step + s * n_group;
        p->at[s] = (uint32_t)(3 * base);
        memset(group, 0, n_group * sizeof *group);
        for (size_t v = 0, i = STEP * s; v < STEP && i < n; v++, i++) {
            size_t byte = 3 * (a->start[i / 3] - base) + i % 3;
            const int16_t *weight = a->weight + i / 3 * a->taps;
            if (byte + 9 >= WINDOW)
                goto too_far;
            for (size_t g = 0; g < n_group; g++)
                for (size_t t = 0; t < 4; t++) {
                    group[g].pick[4 * v + t] = (uint8_t)(byte + 3 * t);
                    set_weight(&group[g], 4 * v + t, weight[4 * g + t]);
                }
        }
    }
    p->n_inside = 0;
    while (p->n_inside < n_step &&
           p->at[p->n_inside] + 12 * (n_group - 1) + WINDOW <= 3 * p->size.in_width)
        p->n_inside++;
    return true;
too_far:
    free(p->at);
    free(p->step);
    p->at = NULL;
    p->step = NULL;
    return false;
}

#define TARGET        __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vnni")))
#define TARGET_INLINE TARGET __attribute__((always_inline)) static inline

/* 64 bytes of a row of n; what lies behind the row is not read. */
TARGET_INLINE __m512i window(const uint8_t *row, size_t at, size_t n, bool inside)
{
    if (inside)
        return _mm512_loadu_si512(row + at);
    if (at >= n)
        return _mm512_setzero_si512();
    return _mm512_maskz_loadu_epi8(~(__mmask64)0 >> (at + WINDOW > n ? at + WINDOW - n : 0),
                                   row + at);
}

/* Two rows at a time. The line has 32 bits for each value: the low half is of the even row, the
 * high half of the odd one, as multiply and add of pairs wants them. */
TARGET_INLINE void one_step(const struct resize *r, const uint8_t *even, const uint8_t *odd,
                            size_t s, size_t n_group, bool inside)
{
    const struct resize_step *step = r->plan->step + s * n_group;
    const size_t n = 3 * r->size.in_width;
    __m512i low[2], high[2];
    low[0] = low[1] = high[0] = high[1] = _mm512_setzero_si512();
    for (size_t g = 0, at = r->plan->at[s]; g < n_group; g++, at += 12, step++) {
        __m512i pick = _mm512_load_si512(step->pick);
        for (int k = 0; k < 2; k++) {
            __m512i in = _mm512_permutexvar_epi8(pick, window(k ? odd : even, at, n, inside));
            low[k] = _mm512_dpbusd_epi32(low[k], in, _mm512_load_si512(step->low));
            high[k] = _mm512_dpbusd_epi32(high[k], in, _mm512_load_si512(step->high));
        }
    }
    for (int k = 0; k < 2; k++)
        low[k] = _mm512_add_epi32(low[k], _mm512_slli_epi32(high[k], 8));
    low[0] = _mm512_srli_epi32(low[0], RESIZE_ACROSS_SHIFT);
    low[1] = _mm512_slli_epi32(low[1], 16 - RESIZE_ACROSS_SHIFT);
    _mm512_store_si512(r->line + 2 * STEP * s, _mm512_mask_blend_epi16(0xaaaaaaaa, low[0], low[1]));
}

TARGET_INLINE void all_steps(const struct resize *r, const uint8_t *even, const uint8_t *odd,
                             size_t n_group)
{
    const size_t n_step = (3 * r->size.out_width + STEP - 1) / STEP;
    size_t s = 0;
    for (; s < r->plan->n_inside; s++)
        one_step(r, even, odd, s, n_group, true);
    for (; s < n_step; s++)
        one_step(r, even, odd, s, n_group, false);
}

TARGET void resize_across_wide(const struct resize *r, const uint8_t *even, const uint8_t *odd)
{
    if (r->plan->across.taps == 4)
        all_steps(r, even, odd, 1);
    else
        all_steps(r, even, odd, r->plan->across.taps / 4);
}

TARGET_INLINE void down(const struct resize *r, const struct resize_part *d, bool first, bool last)
{
    const size_t n = 3 * r->size.out_width;
    const __m512i w = _mm512_set1_epi32(
        (int32_t)((uint32_t)(uint16_t)d->w0 | (uint32_t)(uint16_t)d->w1 << 16));
    /* the packs take 128 bits of one and 128 of the other in turns */
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (size_t i = 0; i < n; i += WINDOW) {
        __m512i v[4];
        for (size_t k = 0; k < 4; k++) {
            __m512i *sum = (__m512i *)(void *)(d->sum + i + STEP * k);
            v[k] = _mm512_madd_epi16(_mm512_load_si512(r->line + 2 * (i + STEP * k)), w);
            v[k] = _mm512_add_epi32(v[k], first ? _mm512_set1_epi32(RESIZE_HALF)
                                                : _mm512_load_si512(sum));
            if (last)
                v[k] = _mm512_srai_epi32(v[k], RESIZE_DOWN_SHIFT);
            else
                _mm512_store_si512(sum, v[k]);
        }
        if (last) {
            __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(v[0], v[1]),
                                                _mm512_packs_epi32(v[2], v[3]));
            bytes = _mm512_permutexvar_epi32(order, bytes);
            if (i + WINDOW <= n)
                _mm512_storeu_si512(d->out + i, bytes);
            else
                _mm512_mask_storeu_epi8(d->out + i, ~(__mmask64)0 >> (i + WINDOW - n), bytes);
        }
    }
}

TARGET void resize_down_wide(const struct resize *r, const struct resize_part *d)
{
    if (d->first)
        d->out ? down(r, d, true, true) : down(r, d, true, false);
    else
        d->out ? down(r, d, false, true) : down(r, d, false, false);
}

#else

bool resize_arrange_wide(struct resize_plan *p)
{
    (void)p;
    return false;
}

void resize_across_wide(const struct resize *r, const uint8_t *even, const uint8_t *odd)
{
    (void)r, (void)even, (void)odd;
}

void resize_down_wide(const struct resize *r, const struct resize_part *d)
{
    (void)r, (void)d;
}

#endif
