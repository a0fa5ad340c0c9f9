#include "near.h"

#include <stdio.h>

#include "base/utf8.h"
#include "num/rng.h"

static void is_prefix(const char *text, size_t n, size_t want)
{
    if (utf8_prefix(text, n) != want)
        fail_msg("'%s': prefix of %zu bytes, want %zu", text, utf8_prefix(text, n), want);
}

static void what_utf8_allows_is_valid(void **state)
{
    (void)state;
    is_prefix("", 0, 0);
    is_prefix("a\0b", 3, 3);
    is_prefix("plain ASCII text of more than eight bytes é", 44, 44);
    is_prefix("\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", 16, 16);
    is_prefix("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", 8, 8);
}

static void what_it_forbids_ends_the_prefix(void **state)
{
    static const char *const bad[] = { "\x80",
                                       "\xC0\x80",
                                       "\xC1\xBF",
                                       "\xE0\x9F\xBF",
                                       "\xED\xA0\x80",
                                       "\xF0\x8F\xBF\xBF",
                                       "\xF4\x90\x80\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xFF",
                                       "\xC3",
                                       "\xC3(",
                                       "\xE2\x82",
                                       "\xE2\x82(",
                                       "\xF0\x9F\x98",
                                       "\xF0\x9F\x98(" };
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        is_prefix(bad[i], strlen(bad[i]), 0);
        int n = snprintf(text, sizeof text, "twelve bytes%s", bad[i]);
        is_prefix(text, (size_t)n, 12);
    }
}

/* A character by its code point, as RFC 3629 defines it; 0 if there is none at p. */
static size_t character(const unsigned char *p, size_t n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t want = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (!want || want > n || p[0] >= 0xF8)
        return 0;
    uint32_t point = want == 1 ? p[0] : p[0] & (0x7Fu >> want);
    for (size_t i = 1; i < want; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        point = point << 6 | (p[i] & 0x3F);
    }
    return point < least[want] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000) ? 0
                                                                                          : want;
}

static size_t plain_prefix(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    for (size_t step; i < n && (step = character(p + i, n - i)); i += step)
        ;
    return i;
}

/* A character of one to four bytes, more often a short one. */
static size_t draw(struct rng *rng, char *out)
{
    static const char *const some[] = {
        "a", "b ", "é", "ß", "€", "\xED\x9F\xBF", "\xF0\x9F\x98\x80"
    };
    const char *c = some[rng_below(rng, 7)];
    memcpy(out, c, strlen(c));
    return strlen(c);
}

static void long_texts_end_where_a_plain_loop_says(void **state)
{
    struct rng rng;
    char text[256];
    (void)state;
    rng_init(&rng, 1, 0);
    for (int round = 0; round < 40000; round++) {
        size_t n = 0, want = 64 + rng_below(&rng, 180);
        bool mixed = rng_below(&rng, 2);
        while (n < want)
            if (mixed || !rng_below(&rng, 20))
                n += draw(&rng, text + n);
            else
                text[n++] = 'x';
        if (rng_below(&rng, 4))
            text[rng_below(&rng, n)] = (char)rng_below(&rng, 256);
        n -= rng_below(&rng, 4);
        if (utf8_prefix(text, n) != plain_prefix(text, n))
            fail_msg("round %d: %zu of %zu bytes are good, not %zu", round, plain_prefix(text, n),
                     n, utf8_prefix(text, n));
    }
}

static void every_pair_of_bytes_is_judged_the_same_at_every_place(void **state)
{
    char text[160];
    (void)state;
    for (unsigned pair = 0; pair < 65536; pair++) {
        size_t at = 60 + pair % 37;
        memset(text, 'x', sizeof text);
        memset(text + at + 2, pair % 3 ? 0x80 + (int)(pair % 64) : 'x', pair % 3);
        text[at] = (char)(pair >> 8);
        text[at + 1] = (char)pair;
        if (utf8_prefix(text, sizeof text) != plain_prefix(text, sizeof text))
            fail_msg("%04x at %zu: %zu, want %zu", pair, at, utf8_prefix(text, sizeof text),
                     plain_prefix(text, sizeof text));
    }
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_cut("abc", 2), 2);
    assert_int_equal(utf8_cut("aé", 2), 1);
    assert_int_equal(utf8_cut("aé", 3), 3);
    assert_int_equal(utf8_cut("\xE2\x82\xAC", 1), 0);
    assert_int_equal(utf8_cut("\xE2\x82\xAC", 2), 0);
    assert_int_equal(utf8_cut("\xF0\x9F\x98\x80", 3), 0);
    assert_int_equal(utf8_cut("\xF0\x9F\x98\x80", 4), 4);
    assert_int_equal(utf8_cut("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_utf8_allows_is_valid),
        cmocka_unit_test(what_it_forbids_ends_the_prefix),
        cmocka_unit_test(long_texts_end_where_a_plain_loop_says),
        cmocka_unit_test(every_pair_of_bytes_is_judged_the_same_at_every_place),
        cmocka_unit_test(texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
