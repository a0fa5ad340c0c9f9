#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* Bytes of the sequence that begins at p (n left), 0 if it is none. Table 3-7 of the Unicode
 * standard. */
static size_t sequence(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    size_t want;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF)
        want = 2;
    else if ((p[0] & 0xF0) == 0xE0)
        want = 3;
    else if (p[0] >= 0xF0 && p[0] <= 0xF4)
        want = 4;
    else
        return 0;
    if (want > n)
        return 0;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return want;
}

#if defined(__x86_64__)

#include <immintrin.h>

/* What may be wrong with two bytes in a row: where the three tables agree, of the first one's high
 * half, its low half and the second one's high half. J. Keiser & D. Lemire, Validating UTF-8 in
 * less than one instruction per byte, Software: Practice and Experience 51 (2021) 950-964,
 * section 5. */
enum {
    TOO_SHORT = 1 << 0, /* 11______ 0_______, 11______ 11______ */
    TOO_LONG = 1 << 1,  /* 0_______ 10______ */
    OVERLONG_3 = 1 << 2,
    TOO_LARGE = 1 << 3,
    SURROGATE = 1 << 4,
    OVERLONG_2 = 1 << 5,
    OVERLONG_4 = 1 << 6, /* or TOO_LARGE from F5 80 on */
    TWO_CONTS = 1 << 7,  /* 10______ 10______: good as a third or fourth byte */
    CARRY = TOO_SHORT | TOO_LONG | TWO_CONTS,
    LARGE = CARRY | TOO_LARGE | OVERLONG_4,
    SECOND = TOO_LONG | OVERLONG_2 | TWO_CONTS
};
#define TABLE(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

/* From i >= 3 on, where a character begins, as far as blocks of 32 bytes go without an error. */
__attribute__((target("avx2"))) static size_t good_blocks(const unsigned char *p, size_t i,
                                                          size_t n)
{
    const __m256i first_high = TABLE(
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
        (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS, (char)TWO_CONTS, TOO_SHORT | OVERLONG_2,
        TOO_SHORT, TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | OVERLONG_4);
    const __m256i first_low = TABLE(
        (char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(CARRY | OVERLONG_2),
        (char)CARRY, (char)CARRY, (char)(CARRY | TOO_LARGE), (char)LARGE, (char)LARGE, (char)LARGE,
        (char)LARGE, (char)LARGE, (char)LARGE, (char)LARGE, (char)LARGE, (char)(LARGE | SURROGATE),
        (char)LARGE, (char)LARGE);
    const __m256i second_high = TABLE(
        TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
        (char)(SECOND | OVERLONG_3 | OVERLONG_4), (char)(SECOND | OVERLONG_3 | TOO_LARGE),
        (char)(SECOND | SURROGATE | TOO_LARGE), (char)(SECOND | SURROGATE | TOO_LARGE), TOO_SHORT,
        TOO_SHORT, TOO_SHORT, TOO_SHORT);
    const __m256i half = _mm256_set1_epi8(0x0f), top = _mm256_set1_epi8((char)0x80);
    for (; i + 32 <= n; i += 32) {
        __m256i now = _mm256_loadu_si256((const void *)(p + i));
        __m256i before3 = _mm256_loadu_si256((const void *)(p + i - 3));
        if (!_mm256_movemask_epi8(_mm256_or_si256(now, before3)))
            continue;
        __m256i before2 = _mm256_loadu_si256((const void *)(p + i - 2));
        __m256i before1 = _mm256_loadu_si256((const void *)(p + i - 1));
        __m256i wrong = _mm256_and_si256(
            _mm256_and_si256(_mm256_shuffle_epi8(
                                 first_high, _mm256_and_si256(_mm256_srli_epi16(before1, 4), half)),
                             _mm256_shuffle_epi8(first_low, _mm256_and_si256(before1, half))),
            _mm256_shuffle_epi8(second_high, _mm256_and_si256(_mm256_srli_epi16(now, 4), half)));
        /* the high bit where a third or fourth byte is due: TWO_CONTS must be there alone */
        __m256i due = _mm256_or_si256(_mm256_subs_epu8(before2, _mm256_set1_epi8(0xe0 - 0x80)),
                                      _mm256_subs_epu8(before3, _mm256_set1_epi8(0xf0 - 0x80)));
        wrong = _mm256_xor_si256(wrong, _mm256_and_si256(due, top));
        if (!_mm256_testz_si256(wrong, wrong))
            break;
    }
    return i;
}

static size_t skip_good(const unsigned char *p, size_t i, size_t n)
{
    if (i < 3 || n - i < 64 || !__builtin_cpu_supports("avx2"))
        return i;
    size_t end = good_blocks(p, i, n);
    for (size_t back = 1; back <= 3 && end - back > i; back++) /* a character may go on there */
        if (p[end - back] >= 0xC0)
            return end - back;
    return end;
}

#else

static size_t skip_good(const unsigned char *p, size_t i, size_t n)
{
    (void)p, (void)n;
    return i;
}

#endif

size_t utf8_prefix(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t i = 0, step;

    while (i < n && i < 3 && (step = sequence(p + i, n - i)))
        i += step;
    i = skip_good(p, i, n);
    while (i < n) {
        uint64_t eight;
        if (n - i >= sizeof eight) { /* most text is ASCII: eight bytes at a time */
            memcpy(&eight, p + i, sizeof eight);
            if ((eight &= 0x8080808080808080u) == 0) {
                i += sizeof eight;
                continue;
            }
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            i += (size_t)__builtin_ctzll(eight) / 8; /* to the first that is not */
#endif
        }
        if ((step = sequence(p + i, n - i)) == 0)
            return i;
        i += step;
    }
    return n;
}

size_t utf8_cut(const char *bytes, size_t n)
{
    size_t back = n;
    while (back > 0 && n - back < 3 && ((unsigned char)bytes[back - 1] & 0xC0) == 0x80)
        back--;
    if (back > 0 && utf8_prefix(bytes + back - 1, n - back + 1) != n - back + 1)
        return back - 1;
    return n;
}
