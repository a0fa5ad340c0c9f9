#include "num/resize_kernel.h"

#include <string.h>

#include "base/mem.h"

/* Sums stay within 31 bits: |weights| of one pixel add up to less than 1.5 * 2^14, levels have 8
 * bits, a line 14 and the sign. */
static void across_plain(const struct resize *r, const uint8_t *rgb, int16_t *out)
{
    const struct resize_axis *a = &r->plan->across;
    for (size_t o = 0; o < r->size.out_width; o++, out += 3) {
        const uint8_t *p = rgb + 3 * a->start[o];
        const int16_t *w = a->weight + o * a->taps;
        size_t left = r->size.in_width - a->start[o], n = left < a->taps ? left : a->taps;
        int32_t v[3] = { 0 };
        for (size_t i = 0; i < n; i++, p += 3)
            for (int c = 0; c < 3; c++)
                v[c] += w[i] * p[c];
        for (int c = 0; c < 3; c++)
            out[c] = (int16_t)(v[c] >> RESIZE_ACROSS_SHIFT);
    }
}

static int16_t *line_of(const struct resize *r, int which)
{
    return r->line + (size_t)which * r->n_line;
}

static void down_plain(const struct resize *r, const struct resize_part *d, size_t from)
{
    const int16_t *a = line_of(r, 0), *b = line_of(r, 1);
    const size_t n = 3 * r->size.out_width;
    for (size_t i = from; i < n; i++) {
        int32_t v = d->w0 * a[i] + d->w1 * b[i] + (d->first ? RESIZE_HALF : d->sum[i]);
        if (d->out) {
            v >>= RESIZE_DOWN_SHIFT;
            d->out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        } else {
            d->sum[i] = v;
        }
    }
}

#if defined(__x86_64__)

#include <immintrin.h>

enum resize_code resize_best_code(void)
{
    if (!__builtin_cpu_supports("avx2"))
        return RESIZE_PLAIN;
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni")
               ? RESIZE_VBMI
               : RESIZE_AVX2;
}

/* Two output pixels at a time, four taps of each: weights 0 and 1 of the first four times, of the
 * second four times, then weights 2 and 3 likewise. */
static void arrange_pairs(struct resize_plan *p)
{
    size_t n_pair = (p->size.out_width + 1) / 2, n_group = p->across.taps / 4;
    size_t reach = p->across.taps + 2; /* pixels from the start of one that are loaded */
    p->at = mem_calloc(2 * n_pair, sizeof *p->at);
    for (size_t o = 0; o < 2 * n_pair; o++)
        p->at[o] = (uint32_t)(3 * p->across.start[o < p->size.out_width ? o : o - 1]);
    p->n_inside = p->size.out_width / 2;
    while (p->n_inside && p->across.start[2 * p->n_inside - 1] + reach > p->size.in_width)
        p->n_inside--;
    p->n_padded = 9 * reach; /* two starts are at most `taps` apart */
    p->pairs = mem_aligned(n_pair * n_group * 32, sizeof *p->pairs);
    for (size_t k = 0; k < n_pair; k++)
        for (size_t g = 0; g < n_group; g++)
            for (size_t i = 0; i < 32; i++) {
                size_t o = 2 * k + i / 8 % 2, tap = 4 * g + i / 16 * 2 + i % 2;
                p->pairs[(k * n_group + g) * 32 + i] =
                    o < p->size.out_width ? p->across.weight[o * p->across.taps + tap] : (int16_t)0;
            }
}

/* Of 16 bytes R0 G0 B0 R1 ...: (R0, R1), (G0, G1), (B0, B1) as 16 bits each; the same of pixels 2
 * and 3. */
#define PICK(a, b)                                                                                 \
    (a), -1, (b), -1, (a) + 1, -1, (b) + 1, -1, (a) + 2, -1, (b) + 2, -1, -1, -1, -1, -1, (a), -1, \
        (b), -1, (a) + 1, -1, (b) + 1, -1, (a) + 2, -1, (b) + 2, -1, -1, -1, -1, -1

/* The sums of two pixels, at p and q, over four taps. */
__attribute__((target("avx2"), always_inline)) static inline __m256i
four_taps(const uint8_t *p, const uint8_t *q, const int16_t *w)
{
    const __m256i pick01 = _mm256_setr_epi8(PICK(0, 3)), pick23 = _mm256_setr_epi8(PICK(6, 9));
    __m256i in = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)p)),
                                         _mm_loadu_si128((const void *)q), 1);
    return _mm256_add_epi32(
        _mm256_madd_epi16(_mm256_shuffle_epi8(in, pick01), _mm256_load_si256((const void *)w)),
        _mm256_madd_epi16(_mm256_shuffle_epi8(in, pick23),
                          _mm256_load_si256((const void *)(w + 16))));
}

/* Pairs from .. to of outputs, from a row whose first pixel has the number `skip`. */
__attribute__((target("avx2"))) static void pairs_avx2(const struct resize *r, const uint8_t *rgb,
                                                       size_t skip, size_t from, size_t to,
                                                       int16_t *out)
{
    const size_t n_tap = r->plan->across.taps;
    const uint32_t *at = r->plan->at;
    const int16_t *w = r->plan->pairs + from * 8 * n_tap;
    for (size_t i = from; i < to; i++) {
        const uint8_t *p = rgb + at[2 * i] - 3 * skip, *q = rgb + at[2 * i + 1] - 3 * skip;
        __m256i v = four_taps(p, q, w);
        w += 32;
        for (size_t t = 4; t < n_tap; t += 4, w += 32)
            v = _mm256_add_epi32(v, four_taps(p + 3 * t, q + 3 * t, w));
        v = _mm256_srai_epi32(v, RESIZE_ACROSS_SHIFT);
        v = _mm256_packs_epi32(v, v);
        _mm_storel_epi64((void *)(out + 6 * i), _mm256_castsi256_si128(v));
        _mm_storel_epi64((void *)(out + 6 * i + 3), _mm256_extracti128_si256(v, 1));
    }
}

/* Loads of 16 bytes may reach past the row: what is near its end is read from a copy. */
static void across_avx2(const struct resize *r, const uint8_t *rgb, int16_t *out)
{
    size_t n_pair = (r->size.out_width + 1) / 2;
    pairs_avx2(r, rgb, 0, 0, r->plan->n_inside, out);
    if (r->plan->n_inside == n_pair)
        return;
    size_t skip = r->plan->across.start[2 * r->plan->n_inside];
    memcpy(r->padded, rgb + 3 * skip, 3 * (r->size.in_width - skip));
    pairs_avx2(r, r->padded, skip, r->plan->n_inside, n_pair, out);
}

/* 16 sums: unpack leaves the halves of each 128 bits apart. They are kept so, for packs puts them
 * in order again. */
__attribute__((target("avx2"), always_inline)) static inline void
sixteen(const struct resize *r, const struct resize_part *d, bool first, size_t i, __m256i *lo,
        __m256i *hi)
{
    const __m256i w = _mm256_set1_epi32(
        (int32_t)((uint32_t)(uint16_t)d->w0 | (uint32_t)(uint16_t)d->w1 << 16));
    __m256i x = _mm256_loadu_si256((const void *)(line_of(r, 0) + i)),
            y = _mm256_loadu_si256((const void *)(line_of(r, 1) + i));
    const __m256i *sum = (const __m256i *)(const void *)(d->sum + i);
    __m256i half = _mm256_set1_epi32(RESIZE_HALF);
    *lo = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(x, y), w),
                           first ? half : _mm256_loadu_si256(sum));
    *hi = _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(x, y), w),
                           first ? half : _mm256_loadu_si256(sum + 1));
}

/* Where this ends a plain loop takes over: the same numbers each time. */
__attribute__((target("avx2"), always_inline)) static inline size_t
down_32(const struct resize *r, const struct resize_part *d, bool first, bool last)
{
    const size_t n = 3 * r->size.out_width;
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i v[4];
        sixteen(r, d, first, i, &v[0], &v[1]);
        sixteen(r, d, first, i + 16, &v[2], &v[3]);
        if (last) {
            for (int k = 0; k < 4; k++)
                v[k] = _mm256_srai_epi32(v[k], RESIZE_DOWN_SHIFT);
            __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(v[0], v[1]),
                                                _mm256_packs_epi32(v[2], v[3]));
            _mm256_storeu_si256((void *)(d->out + i), _mm256_permute4x64_epi64(bytes, 0xd8));
        } else {
            for (int k = 0; k < 4; k++)
                _mm256_storeu_si256((void *)(d->sum + i + 8 * k), v[k]);
        }
    }
    return i;
}

__attribute__((target("avx2"))) static void down_avx2(const struct resize *r,
                                                      const struct resize_part *d)
{
    size_t done = d->first ? d->out ? down_32(r, d, true, true) : down_32(r, d, true, false)
                  : d->out ? down_32(r, d, false, true)
                           : down_32(r, d, false, false);
    down_plain(r, d, done);
}

#else

enum resize_code resize_best_code(void)
{
    return RESIZE_PLAIN;
}

static void arrange_pairs(struct resize_plan *p)
{
    (void)p;
}

static void across_avx2(const struct resize *r, const uint8_t *rgb, int16_t *out)
{
    across_plain(r, rgb, out);
}

static void down_avx2(const struct resize *r, const struct resize_part *d)
{
    down_plain(r, d, 0);
}

#endif

void resize_arrange(struct resize_plan *p)
{
    if (p->code == RESIZE_VBMI && !resize_arrange_wide(p))
        p->code = RESIZE_AVX2;
    if (p->code == RESIZE_AVX2)
        arrange_pairs(p);
}

void resize_across(struct resize *r, const uint8_t *even, const uint8_t *odd)
{
    if (r->plan->code == RESIZE_VBMI) {
        resize_across_wide(r, even, odd);
    } else if (r->plan->code == RESIZE_AVX2) {
        across_avx2(r, even, line_of(r, 0));
        across_avx2(r, odd, line_of(r, 1));
    } else {
        across_plain(r, even, line_of(r, 0));
        across_plain(r, odd, line_of(r, 1));
    }
}

void resize_down(const struct resize *r, const struct resize_part *d)
{
    if (r->plan->code == RESIZE_VBMI)
        resize_down_wide(r, d);
    else if (r->plan->code == RESIZE_AVX2)
        down_avx2(r, d);
    else
        down_plain(r, d, 0);
}
