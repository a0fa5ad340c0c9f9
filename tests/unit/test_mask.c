#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "num/rng.h"
#include "runner/execute/encode.h"
#include "runner/execute/mask.h"

static struct mask one(const char *value)
{
    struct mask m = { 0 };
    assert_true(mask_add(&m, "KEY", value));
    mask_prepare(&m);
    return m;
}

static void check(const struct mask *m, const char *text, const char *want)
{
    char *found = mask_text(m, text);
    assert_string_equal(found, want);
    free(found);
}

static void a_value_is_replaced_wherever_it_stands(void **unused)
{
    (void)unused;
    struct mask m = one("s3cret");
    check(&m, "s3cret", "[secret KEY]");
    check(&m, "a s3cret b s3crets3cret", "a [secret KEY] b [secret KEY][secret KEY]");
    check(&m, "s3cre", "s3cre");
    check(&m, "s3cres3cret s3s3cret", "s3cre[secret KEY] s3[secret KEY]");
    check(&m, "", "");
    mask_release(&m);
}

static void without_secrets_nothing_changes(void **unused)
{
    (void)unused;
    struct mask m = { 0 };
    mask_prepare(&m);
    assert_false(mask_any(&m));
    check(&m, "some text", "some text");
    mask_release(&m);
}

static void a_short_value_is_refused(void **unused)
{
    (void)unused;
    struct mask m = { 0 };
    assert_false(mask_add(&m, "PIN", "123"));
    assert_false(mask_any(&m));
    assert_true(mask_add(&m, "PIN", "1234"));
    mask_release(&m);
}

/* Reference values by coreutils base64 of "x:" + value and so on. */
static void base64_is_found_at_every_alignment(void **unused)
{
    (void)unused;
    struct mask m = one("p\xc3\xa4ss>>word??1");
    check(&m, "cMOkc3M+PndvcmQ/PzE=", "[secret KEY]E=");         /* value */
    check(&m, "OnDDpHNzPj53b3JkPz8x", "On[secret KEY]");         /* ":" value */
    check(&m, "eDpww6Rzcz4+d29yZD8/MQ==", "eDp[secret KEY]Q=="); /* "x:" value */
    check(&m, "cMOkc3M-PndvcmQ_PzE", "[secret KEY]E");
    check(&m, "eDpww6Rzcz4-d29yZD8_MQ", "eDp[secret KEY]Q");
    mask_release(&m);
}

static void url_and_json_forms_are_found(void **unused)
{
    (void)unused;
    struct mask m = one("a/b c+\"d\"\xc3\xa4!");
    check(&m, "?k=a%2Fb%20c%2B%22d%22%C3%A4%21&", "?k=[secret KEY]&");
    check(&m, "a%2fb%20c%2b%22d%22%c3%a4%21", "[secret KEY]");
    check(&m, "a/b+c%2B%22d%22%C3%A4%21", "[secret KEY]");
    check(&m, "a%2Fb%20c%2B%22d%22%C3%A4!", "[secret KEY]");
    check(&m, "{\"k\": \"a/b c+\\\"d\\\"\xc3\xa4!\"}", "{\"k\": \"[secret KEY]\"}");
    check(&m, "a\\/b c+\\\"d\\\"\\u00e4!", "[secret KEY]");
    check(&m, "a/b c+\\\"d\\\"\\u00E4!", "[secret KEY]");
    mask_release(&m);
}

static void of_many_lines_each_is_found(void **unused)
{
    (void)unused;
    struct mask m = one("-----BEGIN-----\nMIIEpAIBAAKC\nshort\n");
    check(&m, "x MIIEpAIBAAKC y", "x [secret KEY] y");
    check(&m, "short", "short");
    check(&m, "-----BEGIN-----\nMIIEpAIBAAKC\nshort\n.", "[secret KEY].");
    check(&m, "\"-----BEGIN-----\\nMIIEpAIBAAKC\\nshort\\n\"", "\"[secret KEY]\"");
    mask_release(&m);
}

static void of_secrets_that_overlap_the_longer_one_gives_its_name(void **unused)
{
    (void)unused;
    struct mask m = { 0 };
    mask_add(&m, "USER", "alice");
    mask_add(&m, "URL", "db://alice@host");
    mask_add(&m, "HOST", "host.example");
    mask_prepare(&m);
    check(&m, "alice db://alice@host.example db://alice@h",
          "[secret USER] [secret URL] db://[secret USER]@h");
    mask_release(&m);
}

static void what_is_held_back_stays_small(void **unused)
{
    (void)unused;
    struct mask m = one("aaaa");
    struct mask_stream s = { .m = &m };
    struct str out = { 0 };
    for (int i = 0; i < 100000; i++) {
        mask_feed(&s, "aaaaaaaa", 8, &out);
        assert_true(s.held.n <= 4);
    }
    assert_int_equal(out.n, 0);
    mask_end(&s, &out);
    assert_string_equal(str_text(&out), "[secret KEY]");
    mask_stream_release(&s);
    str_release(&out);
    mask_release(&m);
}

/* Every place at which a pattern stands, the plain way: overlapping ones are one. */
static char *masked_plainly(const char *text, size_t n, const char *const *value, size_t n_value)
{
    struct str out = { 0 };
    bool *hidden = mem_calloc(n + 1, 1), *joined = mem_calloc(n + 1, 1);
    for (size_t v = 0; v < n_value; v++) {
        size_t len = strlen(value[v]);
        for (size_t i = 0; i + len <= n; i++) {
            if (memcmp(text + i, value[v], len) != 0)
                continue;
            for (size_t k = 0; k < len; k++)
                hidden[i + k] = true;
            for (size_t k = 1; k < len; k++)
                joined[i + k] = true; /* with the byte before */
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (!hidden[i])
            str_addc(&out, text[i]);
        else if (!joined[i])
            str_addz(&out, "[secret KEY]");
    }
    free(hidden);
    free(joined);
    str_addz(&out, "");
    return str_take(&out);
}

/* Over an alphabet of two the encoded forms never occur, beginnings and overlaps all the time. */
static void pieces_of_any_size_give_the_same(void **unused)
{
    (void)unused;
    static const char *const value[] = { "abab", "babba", "aabaab", "bbbb" };
    struct mask m = { 0 };
    struct rng rng;
    for (size_t i = 0; i < 4; i++)
        mask_add(&m, "KEY", value[i]);
    mask_prepare(&m);
    rng_init(&rng, 1, 0);
    for (int round = 0; round < 2000; round++) {
        char text[201];
        size_t n = rng_below(&rng, 200);
        for (size_t i = 0; i < n; i++)
            text[i] = rng_below(&rng, 2) ? 'a' : 'b';
        struct mask_stream s = { .m = &m };
        struct str out = { 0 };
        for (size_t at = 0; at < n;) {
            size_t piece = 1 + rng_below(&rng, 9);
            piece = piece < n - at ? piece : n - at;
            mask_feed(&s, text + at, piece, &out);
            at += piece;
            assert_true(s.held.n <= 6);
        }
        mask_end(&s, &out);
        char *want = masked_plainly(text, n, value, 4);
        assert_string_equal(str_text(&out), want);
        free(want);
        str_release(&out);
        mask_stream_release(&s);
    }
    mask_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_replaced_wherever_it_stands),
        cmocka_unit_test(without_secrets_nothing_changes),
        cmocka_unit_test(a_short_value_is_refused),
        cmocka_unit_test(base64_is_found_at_every_alignment),
        cmocka_unit_test(url_and_json_forms_are_found),
        cmocka_unit_test(of_many_lines_each_is_found),
        cmocka_unit_test(of_secrets_that_overlap_the_longer_one_gives_its_name),
        cmocka_unit_test(what_is_held_back_stays_small),
        cmocka_unit_test(pieces_of_any_size_give_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
