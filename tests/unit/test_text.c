#include "near.h"

#include <gumbo.h>
#include <stdio.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "io/htmltext.h"
#include "io/stopwords.h"
#include "io/text.h"
#include "num/rng.h"

/* The words of one text, joined with '|'. The result lives until the next call. */
static const char *words_of(const struct text_options *o, const char *bytes, size_t n)
{
    static struct str joined;
    struct text t = { 0 };
    struct words w = { 0 };
    struct err e = { 0 };
    const struct text_part part = { bytes, n };
    assert_ok(text_init(&t, o, &e), e);
    text_words(&t, &part, 1, &w);
    str_clear(&joined);
    for (size_t i = 0; i < w.n; i++) {
        if (i)
            str_addc(&joined, '|');
        str_addz(&joined, words_get(&w, i));
    }
    str_addc(&joined, '\0');
    words_release(&w);
    text_release(&t);
    return str_text(&joined);
}

static struct text_options plain(void)
{
    struct text_options o = text_defaults();
    o.stop_words = false;
    return o;
}

static const char *words(const char *text)
{
    struct text_options o = plain();
    return words_of(&o, text, strlen(text));
}

static void words_are_runs_of_letters_and_digits(void **state)
{
    (void)state;
    assert_string_equal(words("L'écran 4K porte-clés, n°12: 3,5 mètres"),
                        "l|écran|4k|porte|clés|n|12|3|5|mètres");
    assert_string_equal(words("L’écran d’été"), "l|écran|d|été");
    assert_string_equal(words(""), "");
    assert_string_equal(words(" .,-!? \n\t"), "");
    assert_string_equal(words("a\n\nb\r\nc\td"), "a|b|c|d");
}

static void spellings_of_one_letter_are_one_word(void **state)
{
    (void)state;
    assert_string_equal(words("\xc3\x89t\xc3\xa9 E\xcc\x81te\xcc\x81 ÉTÉ"), "été|été|été");
    assert_string_equal(words("ﬁche ＡＢＣ １２ straße ŒUVRE x²"), "fiche|abc|12|strasse|œuvre|x2");
    assert_string_equal(words("soft\xc2\xadhyphen zero\xe2\x80\x8dwidth"), "softhyphen|zerowidth");
}

static void other_scripts_and_marks_are_words_too(void **state)
{
    (void)state;
    assert_string_equal(words("Ёлка ΣΊΣΥΦΟΣ 日本語 हिन्दी"), "ёлка|σίσυφοσ|日本語|हिन्दी");
    assert_string_equal(words("a 😀 b\xf0\x9f\x98\x80"
                              "c 𝒳 𐐀"),
                        "a|b|c|x|𐐨");
    assert_string_equal(words("\xcc\x81"
                              "abc \xcc\x81"),
                        "abc"); /* a mark alone starts no word */
}

static void case_is_kept_on_request(void **state)
{
    (void)state;
    struct text_options o = plain();
    o.lower = false;
    assert_string_equal(words_of(&o, "Écran HD ﬁn", strlen("Écran HD ﬁn")), "Écran|HD|fin");
}

static void charsets_differ_in_what_separates(void **state)
{
    (void)state;
    const char text[] = "Écran 42p l'été naïve 日本";
    struct text_options o = plain();
    o.charset = TEXT_LETTERS;
    assert_string_equal(words_of(&o, text, strlen(text)), "écran|p|l|été|naïve|日本");
    assert_string_equal(words_of(&o, "x²y٣z", strlen("x²y٣z")), "x|y|z");
    o.charset = TEXT_ASCII;
    assert_string_equal(words_of(&o, text, strlen(text)), "cran|p|l|t|na|ve");
}

static void bad_utf8_separates_like_any_sign(void **state)
{
    (void)state;
    assert_string_equal(words("caf\xe9 ol\xc3"), "caf|ol");
    assert_string_equal(words("a\xed\xa0\x80z \xf5\x80 \xc0\xaf b\xff\xfe"), "a|z|b");
    struct text_options o = plain();
    assert_string_equal(words_of(&o, "a\0b<i>\0c</i>", 12), "a|b|c");
    words(
        "&#x110000;&#xd800;&#1111111111111111111111111111111111x;&#x80000041;&#0;"); /* gumbo's
                                                                                        overflows */
}

static void html_leaves_text_only(void **state)
{
    (void)state;
    assert_string_equal(words("<p>Un <b>t</b>apis</p>rouge<br/>vif"), "un|tapis|rouge|vif");
    assert_string_equal(words("caf&eacute; R&amp;D &lt;b&gt; &#233;t&#xE9; 5&nbsp;kg"),
                        "café|r|d|b|été|5|kg");
    assert_string_equal(
        words("a<script>var x='</div>';</script>b<style>p{}</STYLE >c<!-- d > -- e -->f"),
        "a|b|cf");
    assert_string_equal(words("<a href='x>y' title=\"<b>\">lien</a><img alt=x>fin"), "lien|fin");
    assert_string_equal(words("<ul><li>un<li>deux</ul>trois"), "un|deux|trois");
    assert_string_equal(words("<textarea>a <b>b</textarea>c"), "a|b|b|c");
}

static void a_sign_that_opens_no_tag_is_text(void **state)
{
    (void)state;
    assert_string_equal(words("5 < 6 & 7 > 3 a<3 b<=c"), "5|6|7|3|a|3|b|c");
    assert_string_equal(words("taille<b sans fin, prix < 5"), "taille|b|sans|fin|prix|5");
    assert_string_equal(words("x </ y> z <!doctype html>w <?php a ?>v"), "x|z|w|v");
    assert_string_equal(words("a<"), "a");
    assert_string_equal(words("a</"), "a");
    assert_string_equal(words("a<!"), "a");
    assert_string_equal(words("a<b"), "a|b");
    assert_string_equal(words("a <!-- never closed"), "a");
}

static void html_is_read_only_when_asked(void **state)
{
    (void)state;
    struct text_options o = plain();
    o.html = false;
    assert_string_equal(words_of(&o, "<b>x</b> &amp;", 14), "b|x|b|amp");
}

static void stop_words_leave_and_the_first_words_stay(void **state)
{
    (void)state;
    const char text[] = "L'écran de la télévision est dans le salon d'été";
    struct text_options o = text_defaults();
    o.language = "french";
    assert_string_equal(words_of(&o, text, strlen(text)), "écran|télévision|salon|été");
    o.max_words = 2;
    assert_string_equal(words_of(&o, text, strlen(text)), "écran|télévision");
    o.language = "english";
    o.max_words = 0;
    assert_string_equal(words_of(&o, "Don't use the big Lamp", 22), "use|big|lamp");
}

static void the_first_words_are_counted_at_every_kind_of_end(void **state)
{
    (void)state;
    struct text_options o = plain();
    o.max_words = 1;
    assert_string_equal(words_of(&o, "un", 2), "un");
    assert_string_equal(words_of(&o, "un deux", 7), "un");
    assert_string_equal(words_of(&o, "été été", strlen("été été")), "été");
    assert_string_equal(words_of(&o, "日本、中国", strlen("日本、中国")), "日本");
    assert_string_equal(words_of(&o, "  un  ", 6), "un");
}

static void stop_lists_are_sorted_and_found(void **state)
{
    (void)state;
    static const char *const language[] = { "danish",  "dutch",   "english",   "french",
                                            "german",  "italian", "norwegian", "portuguese",
                                            "spanish", "swedish" };
    for (size_t k = 0; k < sizeof language / sizeof *language; k++) {
        size_t n;
        const char *const *list = stopwords(language[k], &n);
        assert_true(n >= 90);
        for (size_t i = 0; i < n; i++) {
            assert_true(i == 0 || strcmp(list[i - 1], list[i]) < 0);
            assert_true(stopwords_have(list, n, list[i]));
            assert_string_equal(words(list[i]), list[i]); /* the very form that tokens have */
        }
        assert_false(stopwords_have(list, n, "tapis"));
    }
}

static void words_are_stemmed(void **state)
{
    (void)state;
    struct text_options o = text_defaults();
    o.stem = true;
    o.language = "french";
    assert_string_equal(words_of(&o, "continuellement majestueuses", 28), "continuel|majestu");
    o.language = "english";
    assert_string_equal(words_of(&o, "running consignments", 20), "run|consign");
}

static void every_language_of_the_list_has_a_stemmer(void **state)
{
    (void)state;
    char *list = mem_strdup(TEXT_LANGUAGES), *save = NULL;
    int n = 0;
    for (char *name = strtok_r(list, "|", &save); name; name = strtok_r(NULL, "|", &save), n++) {
        struct text_options o = plain();
        struct text t = { 0 };
        struct err e = { 0 };
        o.language = name;
        o.stem = strcmp(name, "none") != 0;
        assert_ok(text_init(&t, &o, &e), e);
        text_release(&t);
    }
    assert_int_equal(n, 29);
    free(list);
}

static void parts_are_joined_and_missing_ones_skipped(void **state)
{
    (void)state;
    struct text_options o = plain();
    struct text t = { 0 };
    struct words w = { 0 };
    struct err e = { 0 };
    const struct text_part part[] = { { "rouge<!-- x", 11 }, { NULL, 0 }, { "tapis", 5 } };
    assert_ok(text_init(&t, &o, &e), e);
    text_words(&t, part, 3, &w);
    assert_int_equal(w.n, 2);
    assert_string_equal(words_get(&w, 0), "rouge");
    assert_string_equal(words_get(&w, 1), "tapis");
    text_words(&t, part, 0, &w);
    assert_int_equal(w.n, 0);
    words_release(&w);
    text_release(&t);
}

/* ---- masks and n-grams ---- */

static void digits_are_masked_by_zeros(void **state)
{
    (void)state;
    struct text_options o = plain();
    o.mask_digits = true;
    const char text[] = "24 x 120 cm, 128Go, \xd9\xa3\xd9\xa4, x\xc2\xb2, \xef\xbc\x97";
    assert_string_equal(words_of(&o, text, strlen(text)), "00|x|000|cm|000go|00|x0|0");
}

static void web_addresses_are_one_word(void **state)
{
    (void)state;
    struct text_options o = plain();
    o.mask_urls = true;
    static const char *const text[][2] = {
        { "Voir http://shop.fr/a?b=1&c=%20#x, merci", "voir|<url>|merci" },
        { "(www.shop.fr/x). Suite", "<url>|suite" },
        { "HTTPS://Shop.FR:80/ et ftp://x.y", "<url>|et|<url>" },
        { "https http:/x www x.www.y http://", "https|http|x|www|x|<url>|http" },
        { "<a href=\"http://a.b\">lien</a> http://a.b<br>fin", "lien|<url>|fin" },
        { "http://a.b/\xc3\xa9t\xc3\xa9", "<url>|été" },
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        assert_string_equal(words_of(&o, text[i][0], strlen(text[i][0])), text[i][1]);
    assert_string_equal(words("http://a.b"), "http|a|b");
}

static void n_grams_of_words_follow_the_words(void **state)
{
    (void)state;
    struct text_options o = plain();
    const char text[] = "le drap de bain";
    o.ngram_max = 3;
    assert_string_equal(words_of(&o, text, strlen(text)),
                        "le|drap|de|bain|le drap|drap de|de bain|le drap de|drap de bain");
    o.ngram_min = 2;
    o.max_words = 3;
    assert_string_equal(words_of(&o, text, strlen(text)), "le drap|drap de|le drap de");
    o.stop_words = true, o.language = "french",
    o.max_words = 0; /* what stop words leave is joined */
    assert_string_equal(words_of(&o, text, strlen(text)), "drap bain");
    assert_string_equal(words_of(&o, "drap", 4), "");
}

/* scikit-learn 1.2.1: CountVectorizer(analyzer="char_wb", ngram_range=(2, 4)).build_analyzer(). */
static void n_grams_of_characters_know_the_ends_of_words(void **state)
{
    (void)state;
    struct text_options o = plain();
    o.ngram_of = TEXT_CHARACTERS, o.ngram_min = 2, o.ngram_max = 4;
    const char text[] = "L'été";
    assert_string_equal(words_of(&o, text, strlen(text)),
                        " l|l | l | é|ét|té|é | ét|été|té | été|été ");
    o.ngram_min = o.ngram_max = 5;
    assert_string_equal(words_of(&o, text, strlen(text)), " l | été ");
}

static void a_cleaner_that_forgets_gives_the_same_words(void **state)
{
    (void)state;
    struct text_options o = plain();
    struct text t = { 0 };
    struct err e = { 0 };
    struct text_ids first = { 0 }, again = { 0 };
    static const char text[] = "L'écran <b>écran</b> anticonstitutionnellement "
                               "anticonstitutionnellement &eacute;t&eacute; "
                               "un-deux-trois 1,2 écran";
    const struct text_part part = { text, sizeof text - 1 };
    assert_ok(text_init(&t, &o, &e), e);
    text_numbers(&t, &part, 1, &first);
    text_numbers(&t, &part, 1, &again); /* by now all of it is known */
    assert_int_equal(first.n, 12);
    assert_int_equal(again.n, 12);
    assert_memory_equal(first.id, again.id, 12 * sizeof *first.id);
    assert_string_equal(text_word(&t, first.id[3]), "anticonstitutionnellement");
    text_forget(&t);
    text_numbers(&t, &part, 1, &again);
    assert_memory_equal(first.id, again.id, 12 * sizeof *first.id);
    text_ids_release(&first);
    text_ids_release(&again);
    text_release(&t);
}

static void a_blank_written_as_a_reference_separates(void **state)
{
    (void)state;
    assert_string_equal(words("a&#32;b&nbsp;c&#10;d&Tab;e"), "a|b|c|d|e");
    assert_string_equal(words("&eacute;cran &eacutecran &ampx; &notit; &; &#; &#x; & x"),
                        "écran|écran|x|it|x|x");
}

/* ---- against the libraries' own whole ---- */

/* Words by the definition: NFKC of the whole text at once. */
static void add_reference(struct str *out, const char *bytes, size_t n)
{
    utf8proc_uint8_t *whole = NULL;
    utf8proc_ssize_t got = utf8proc_map(
        (const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)n, &whole,
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_IGNORE | UTF8PROC_CASEFOLD);
    bool inside = false;
    assert_true(got >= 0);
    for (utf8proc_ssize_t i = 0; i < got;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t k = utf8proc_iterate(whole + i, got - i, &c);
        const char *kind = utf8proc_category_string(c);
        bool start = kind[0] == 'L' || kind[0] == 'N',
             goes_on = start || (kind[0] == 'M' && inside);
        if (start && !inside && out->n)
            str_addc(out, '|');
        if (goes_on)
            str_add(out, (const char *)whole + i, (size_t)k);
        inside = goes_on;
        i += k;
    }
    free(whole);
}

static void stretches_give_what_the_whole_gives(void **state)
{
    (void)state;
    static const utf8proc_int32_t kind[] = {
        'a',    'E',    '1',    ' ',    '<' + 1, 0xe9,    0x301, 0x327,  0x1100, 0x1161, 0xac00,
        0x11a8, 0xfb01, 0x212b, 0xad,   0x200d,  0x345,   0x338, 0x130,  0x149,  0x3b1,  0x1f600,
        0x9c7,  0x9be,  0x1e9e, 0xff21, 0x2460,  0x1d15e, 0x344, 0x3099, 0x304b, 0x20e3
    };
    struct rng g;
    rng_init(&g, 7, 0);
    for (int round = 0; round < 20000; round++) {
        struct str text = { 0 }, want = { 0 };
        for (uint64_t i = rng_below(&g, 12); i > 0; i--) {
            utf8proc_uint8_t u[4];
            utf8proc_ssize_t k = utf8proc_encode_char(
                kind[rng_below(&g, sizeof kind / sizeof *kind)], u);
            str_add(&text, (const char *)u, (size_t)k);
        }
        add_reference(&want, str_text(&text), text.n);
        struct text_options o = plain();
        const char *got = words_of(&o, str_text(&text), text.n);
        if (strcmp(got, str_text(&want)) != 0)
            fail_msg("'%s': found %s, want %s", str_text(&text), got, str_text(&want));
        str_release(&want);
        str_release(&text);
    }
}

/* Twice each, the last one at the very end of the text's memory. */
static void tokens_of_every_length_are_told_apart(void **state)
{
    struct text t = { 0 };
    struct words w = { 0 };
    struct err e = { 0 };
    struct text_options o = plain();
    (void)state;
    assert_ok(text_init(&t, &o, &e), e);
    for (size_t n = 1; n <= 100; n++) {
        for (size_t at = 0; at < n; at++) {
            char *text = mem_calloc(3 * n + 2, 1);
            memset(text, 'a', 3 * n + 2);
            text[n] = text[2 * n + 1] = '-';
            text[n + 1 + at] = 'b';
            const struct text_part part = { text, 3 * n + 2 };
            text_words(&t, &part, 1, &w);
            assert_int_equal(w.n, 3);
            assert_memory_equal(words_get(&w, 0), text, n);
            assert_memory_equal(words_get(&w, 1), text + n + 1, n);
            assert_string_equal(words_get(&w, 0), words_get(&w, 2));
            assert_int_equal(strlen(words_get(&w, 1)), n);
            free(text);
        }
    }
    words_release(&w);
    text_release(&t);
}

static void an_ascii_byte_separates_unless_it_is_a_letter_or_a_digit(void **state)
{
    struct text_options o = plain();
    (void)state;
    o.html = o.lower = false;
    for (int charset = 0; charset < 2; charset++) {
        o.charset = charset ? TEXT_LETTERS : TEXT_UNICODE;
        for (int c = 1; c < 128; c++) {
            char text[] = "some?letters, and many behind them", want[sizeof text];
            bool digit = c >= '0' && c <= '9' && !charset;
            bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            text[4] = (char)c;
            snprintf(want, sizeof want, "some%cletters|and|many|behind|them",
                     digit || letter ? c : '|');
            assert_string_equal(words_of(&o, text, strlen(text)), want);
        }
    }
}

static bool separates(const GumboNode *node)
{
    static const GumboTag inside[] = { GUMBO_TAG_B, GUMBO_TAG_I, GUMBO_TAG_EM, GUMBO_TAG_SPAN,
                                       GUMBO_TAG_A };
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (node->v.element.tag == inside[i])
            return false;
    return true;
}

static void add_tree(struct str *out, const GumboNode *node)
{
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE)
        str_addz(out, node->v.text.text);
    if (node->type != GUMBO_NODE_ELEMENT || node->v.element.tag == GUMBO_TAG_SCRIPT ||
        node->v.element.tag == GUMBO_TAG_STYLE) {
        str_addz(out, node->type == GUMBO_NODE_ELEMENT ? " " : "");
        return;
    }
    if (separates(node))
        str_addc(out, ' ');
    for (unsigned i = 0; i < node->v.element.children.length; i++)
        add_tree(out, node->v.element.children.data[i]);
    if (separates(node))
        str_addc(out, ' ');
}

/* Random elements, properly nested, with texts, references and things that are not shown between
 * them. */
static void add_html(struct str *out, struct rng *g, int depth)
{
    static const char *const piece[] = { "mot",
                                         "été ",
                                         "<br>",
                                         "<br/>",
                                         "<!-- c -->",
                                         "&eacute;",
                                         "&amp;",
                                         "&#233;",
                                         "&nbsp;",
                                         "<script>if (a<b) x();</script>",
                                         "<style>p{}</style>",
                                         " < ",
                                         "<img alt=\"<p>\" src=x>",
                                         "\n",
                                         "2",
                                         "<!-- <b> --!>",
                                         "&lt;b&gt;",
                                         "<HR/>",
                                         "--> " };
    static const char *const pair[][2] = { { "<p>", "</p>" },
                                           { "<b>", "</b>" },
                                           { "<span class='a > b'>", "</span>" },
                                           { "<div id=x>", "</div>" },
                                           { "<ul><li>", "</li></ul>" },
                                           { "<i >", "</i\n>" },
                                           { "<a href=http://x/ >", "</a>" },
                                           { "<EM\tx= 'y'z=w>", "</Em x='>'>" } };
    for (uint64_t i = rng_below(g, 6); i > 0; i--) {
        if (depth == 0 || rng_below(g, 2)) {
            str_addz(out, piece[rng_below(g, sizeof piece / sizeof *piece)]);
            continue;
        }
        const char *const *tag = pair[rng_below(g, sizeof pair / sizeof *pair)];
        str_addz(out, tag[0]);
        add_html(out, g, depth - 1);
        str_addz(out, tag[1]);
    }
}

static void well_formed_html_gives_what_gumbos_tree_gives(void **state)
{
    (void)state;
    struct rng g;
    rng_init(&g, 8, 0);
    for (int round = 0; round < 5000; round++) {
        struct str text = { 0 }, tree = { 0 }, want = { 0 };
        add_html(&text, &g, 4);
        GumboOutput *parsed = gumbo_parse_with_options(&kGumboDefaultOptions, str_text(&text),
                                                       text.n);
        add_tree(&tree, parsed->root);
        gumbo_destroy_output(&kGumboDefaultOptions, parsed);
        add_reference(&want, str_text(&tree), tree.n);
        struct text_options o = plain();
        const char *got = words_of(&o, str_text(&text), text.n);
        if (strcmp(got, str_text(&want)) != 0)
            fail_msg("'%s': found %s, want %s", str_text(&text), got, str_text(&want));
        str_release(&want);
        str_release(&tree);
        str_release(&text);
    }
}

/* A megabyte that would take minutes or the whole stack if anything were quadratic or recursive. */
static void hostile_megabytes_are_read_in_one_pass(void **state)
{
    (void)state;
    static const char *const unit[] = { "<div>",
                                        "<div><p>",
                                        "<a ",
                                        "<",
                                        "<a<",
                                        "<!--",
                                        "<script>",
                                        "</",
                                        "&",
                                        "&#x41;",
                                        "<a x='",
                                        "<textarea>",
                                        "\xcc\x81\xcc\xa3",
                                        "\xff",
                                        "e\xcc\x81",
                                        "<b><i>",
                                        "<p>a&lt;",
                                        "a",
                                        "<!",
                                        "-->",
                                        "<title>x</",
                                        "&lt" };
    for (size_t k = 0; k < sizeof unit / sizeof *unit; k++) {
        struct str text = { 0 };
        while (text.n < 1000000)
            str_addz(&text, unit[k]);
        struct text_options o = text_defaults();
        o.language = "french";
        o.stem = true;
        words_of(&o, text.text, text.n);
        str_release(&text);
    }
}

/* ---- options ---- */

static void a_recipe_comes_back_as_it_went(void **state)
{
    (void)state;
    struct text_options o = { .language = "german",
                              .charset = TEXT_LETTERS,
                              .lower = true,
                              .stem = true,
                              .mask_urls = true,
                              .max_words = 12,
                              .ngram_of = TEXT_CHARACTERS,
                              .ngram_min = 2,
                              .ngram_max = 5 },
                        back;
    struct err e = { 0 };
    char *json = text_recipe(&o), *again;
    assert_string_equal(
        json, "{\"version\":2,\"language\":\"german\",\"charset\":\"letters\",\"lower\":true,"
              "\"stop_words\":false,\"stem\":true,\"html\":false,\"mask_digits\":false,"
              "\"mask_urls\":true,\"max_words\":12,\"ngram_of\":\"characters\",\"ngram_min\":2,"
              "\"ngram_max\":5}");
    assert_ok(text_recipe_parse(&back, json, &e), e);
    again = text_recipe(&back);
    assert_string_equal(json, again);
    free(again);
    free(json);
}

static void a_bad_recipe_is_refused(void **state)
{
    (void)state;
    struct text_options o;
    struct err e = { 0 };
    const char rest[] =
        "\"charset\":\"unicode\",\"lower\":true,\"stop_words\":true,\"stem\":false,\"html\":true,"
        "\"mask_digits\":false,\"mask_urls\":false,\"ngram_min\":1";
    assert_error(text_recipe_parse(&o, "{", &e), ERR_DATA, e, "text recipe is no JSON");
    assert_error(text_recipe_parse(&o, "[]", &e), ERR_DATA, e, "no JSON object");
    assert_error(text_recipe_parse(&o, "{}", &e), ERR_DATA, e, "'version' is missing");
#define W ",\"ngram_of\":\"words\",\"ngram_max\":1"
    static const char *const bad[][2] = {
        { "\"version\":2,\"language\":\"none\",\"max_words\":-1" W, "'max_words' is -1" },
        { "\"version\":1,\"language\":\"none\",\"max_words\":1" W, "'version' is 1, want 2 to 2" },
        { "\"version\":2,\"language\":\"klingon\",\"max_words\":1" W, "language 'klingon'" },
        { "\"version\":2,\"language\":3,\"max_words\":1" W, "'language' is 3, want a text" },
        { "\"version\":2,\"language\":\"none\",\"max_words\":1,\"x\":2" W, "unknown key 'x'" },
        { "\"version\":2,\"language\":\"none\",\"max_words\":1,\"ngram_of\":\"lines\","
          "\"ngram_max\":1",
          "ngram_of 'lines' is not one of words|characters" },
        { "\"version\":2,\"language\":\"none\",\"max_words\":1,\"ngram_of\":\"words\","
          "\"ngram_max\":11",
          "'ngram_max' is 11, want 1 to 10" }
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *json = str_format("{%s,%s}", bad[i][0], rest);
        assert_error(text_recipe_parse(&o, json, &e), ERR_DATA, e, bad[i][1]);
        free(json);
    }
}

static void options_that_contradict_are_refused(void **state)
{
    (void)state;
    struct text_options o = plain();
    struct err e = { 0 };
    o.stem = true;
    assert_error(text_check(&o, &e), ERR_USAGE, e, "stem needs a language");
    o.language = "french";
    o.lower = false;
    assert_error(text_check(&o, &e), ERR_USAGE, e, "stem needs lower case");
    o.stem = false;
    o.stop_words = true;
    assert_error(text_check(&o, &e), ERR_USAGE, e, "stop_words needs lower case");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_and_digits),
        cmocka_unit_test(spellings_of_one_letter_are_one_word),
        cmocka_unit_test(other_scripts_and_marks_are_words_too),
        cmocka_unit_test(case_is_kept_on_request),
        cmocka_unit_test(charsets_differ_in_what_separates),
        cmocka_unit_test(bad_utf8_separates_like_any_sign),
        cmocka_unit_test(html_leaves_text_only),
        cmocka_unit_test(a_sign_that_opens_no_tag_is_text),
        cmocka_unit_test(html_is_read_only_when_asked),
        cmocka_unit_test(stop_words_leave_and_the_first_words_stay),
        cmocka_unit_test(the_first_words_are_counted_at_every_kind_of_end),
        cmocka_unit_test(stop_lists_are_sorted_and_found),
        cmocka_unit_test(words_are_stemmed),
        cmocka_unit_test(every_language_of_the_list_has_a_stemmer),
        cmocka_unit_test(parts_are_joined_and_missing_ones_skipped),
        cmocka_unit_test(digits_are_masked_by_zeros),
        cmocka_unit_test(web_addresses_are_one_word),
        cmocka_unit_test(n_grams_of_words_follow_the_words),
        cmocka_unit_test(n_grams_of_characters_know_the_ends_of_words),
        cmocka_unit_test(a_cleaner_that_forgets_gives_the_same_words),
        cmocka_unit_test(a_blank_written_as_a_reference_separates),
        cmocka_unit_test(stretches_give_what_the_whole_gives),
        cmocka_unit_test(tokens_of_every_length_are_told_apart),
        cmocka_unit_test(an_ascii_byte_separates_unless_it_is_a_letter_or_a_digit),
        cmocka_unit_test(well_formed_html_gives_what_gumbos_tree_gives),
        cmocka_unit_test(hostile_megabytes_are_read_in_one_pass),
        cmocka_unit_test(a_recipe_comes_back_as_it_went),
        cmocka_unit_test(a_bad_recipe_is_refused),
        cmocka_unit_test(options_that_contradict_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
