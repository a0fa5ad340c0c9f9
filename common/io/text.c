#include "io/text.h"

#include <assert.h>
#include <jansson.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "io/htmltext.h"
#include "io/stopwords.h"

const char *words_get(const struct words *w, size_t i)
{
    assert(i < w->n);
    return w->bytes.text + w->at[i];
}

void words_release(struct words *w)
{
    str_release(&w->bytes);
    free(w->at);
    *w = (struct words){ 0 };
}

int text_init(struct text *t, const struct text_options *o, struct err *e)
{
    int rc = text_check(o, e);
    if (rc)
        return rc;
    *t = (struct text){ .options = *o };
    if (o->stop_words)
        t->stop = stopwords(o->language, &t->n_stop);
    if (o->stem && !(t->stemmer = sb_stemmer_new(o->language, "UTF_8")))
        return err_set(e, ERR_USAGE, "there is no stemmer for '%s'", o->language);
    return 0;
}

void text_release(struct text *t)
{
    if (t->stemmer)
        sb_stemmer_delete(t->stemmer);
    str_release(&t->valid);
    str_release(&t->shown);
    str_release(&t->plain);
    str_release(&t->word);
    free(t->point);
    *t = (struct text){ 0 };
}

/* ---- valid UTF-8 ---- */

/* Bytes from p on that are valid and hold no NUL. */
static size_t valid_run(const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (p[i] < 0x80) {
            if (!p[i])
                return i;
            i++;
            continue;
        }
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate(p + i, (utf8proc_ssize_t)(n - i > 4 ? 4 : n - i),
                                                 &point);
        if (used <= 0)
            return i;
        i += (size_t)used;
    }
    return n;
}

/* Step 1: append what is valid, and U+FFFD for each byte that is not. */
static void add_valid(struct str *out, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t run = valid_run((const uint8_t *)bytes + i, n - i);
        str_add(out, bytes + i, run);
        i += run;
        if (i < n) {
            str_addz(out, "\xef\xbf\xbd");
            i++;
        }
    }
}

/* ---- words ---- */

static void end_word(struct text *t, struct words *out)
{
    const char *word = str_text(&t->word);
    size_t n = t->word.n;
    if (!n || stopwords_have(t->stop, t->n_stop, word)) {
        str_clear(&t->word);
        return;
    }
    if (t->stemmer && n <= INT32_MAX) {
        const sb_symbol *stem = sb_stemmer_stem(t->stemmer, (const sb_symbol *)word, (int)n);
        if (stem && sb_stemmer_length(t->stemmer) > 0) {
            word = (const char *)stem;
            n = (size_t)sb_stemmer_length(t->stemmer);
        }
    }
    if (out->n == out->room) {
        out->room = out->room ? 2 * out->room : 64;
        out->at = mem_realloc(out->at, out->room, sizeof *out->at);
    }
    out->at[out->n++] = out->bytes.n;
    str_add(&out->bytes, word, n);
    str_addc(&out->bytes, '\0');
    str_clear(&t->word);
}

static bool full(const struct text *t, const struct words *out)
{
    return t->options.max_words > 0 && out->n >= (size_t)t->options.max_words;
}

/* What a code point is to a word under this charset: 0 separates, 1 goes on, 2 also starts one. */
static int role(enum text_charset charset, utf8proc_int32_t point)
{
    if (charset == TEXT_ASCII)
        return (point >= 'a' && point <= 'z') || (point >= 'A' && point <= 'Z') ? 2 : 0;
    switch (utf8proc_category(point)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return 2;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return 1;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return charset == TEXT_UNICODE ? 2 : 0;
    default:
        return 0;
    }
}

static void add_point(struct text *t, struct words *out, utf8proc_int32_t point)
{
    int r = role(t->options.charset, point);
    if (r == 2 || (r == 1 && t->word.n)) {
        utf8proc_uint8_t utf8[4];
        utf8proc_ssize_t n = utf8proc_encode_char(point, utf8);
        str_add(&t->word, (const char *)utf8, (size_t)n);
    } else if (!full(t, out)) {
        end_word(t, out);
    }
}

/* Steps 3 and 4 for a stretch that normalises by itself. */
static void add_stretch(struct text *t, struct words *out, const char *p, size_t n)
{
    utf8proc_option_t how = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_IGNORE;
    if (t->options.lower)
        how |= UTF8PROC_CASEFOLD;
    for (;;) {
        utf8proc_ssize_t got = utf8proc_decompose((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n,
                                                  t->point, (utf8proc_ssize_t)t->room_point, how);
        assert(got >= 0); /* valid UTF-8, and these options do not contradict each other */
        if ((size_t)got <= t->room_point) {
            n = (size_t)utf8proc_normalize_utf32(t->point, got, how);
            break;
        }
        t->room_point = (size_t)got + 64;
        t->point = mem_realloc(t->point, t->room_point, sizeof *t->point);
    }
    for (size_t i = 0; i < n && !full(t, out); i++)
        add_point(t, out, t->point[i]);
}

/**
 * The end of the bytes from p on that are not ASCII. Ends early behind 30 combining marks in a row
 * (the Stream-Safe Text Format of UAX #15, section 13), because utf8proc sorts marks in quadratic
 * time.
 */
static const char *stretch_end(const char *p, const char *end)
{
    int marks = 0;
    while (p < end && (unsigned char)*p >= 0x80) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)p,
                                                 (utf8proc_ssize_t)(end - p), &point);
        assert(used > 0);
        p += used;
        marks = utf8proc_get_property(point)->combining_class ? marks + 1 : 0;
        if (marks == 30)
            break;
    }
    return p;
}

/* What an ASCII byte is to a word: 0 separates, else the byte that is added. */
static char ascii_byte(const struct text_options *o, char c)
{
    if (c >= 'a' && c <= 'z')
        return c;
    if (c >= 'A' && c <= 'Z')
        return o->lower ? (char)(c - 'A' + 'a') : c;
    return c >= '0' && c <= '9' && o->charset == TEXT_UNICODE ? c : 0;
}

/* ASCII is its own NFKC and never composes with what precedes it, so only stretches of other bytes,
 * each with the one ASCII letter before it, go through utf8proc: the result is that of the whole
 * text. */
static void split_words(struct text *t, struct words *out)
{
    const char *p = str_text(&t->plain), *end = p + t->plain.n;
    char map[128];

    for (int c = 0; c < 128; c++)
        map[c] = ascii_byte(&t->options, (char)c);
    while (p < end && !full(t, out)) {
        if ((unsigned char)*p < 0x80) {
            const char *start = p;
            char run[256];
            size_t n = 0;
            while (p < end && (unsigned char)*p < 0x80 && n < sizeof run && map[(unsigned char)*p])
                run[n++] = map[(unsigned char)*p++];
            if (n)
                str_add(&t->word, run, n);
            if (p == start) {
                end_word(t, out);
                p++;
            }
            continue;
        }
        const char *start = p;
        p = stretch_end(p, end);
        if (t->word.n && start > str_text(&t->plain) && (unsigned char)start[-1] < 0x80) {
            t->word.text[--t->word.n] = '\0'; /* it may compose with a mark that follows */
            start--;
        }
        add_stretch(t, out, start, (size_t)(p - start));
    }
    if (!full(t, out))
        end_word(t, out);
    str_clear(&t->word);
}

void text_words(struct text *t, const struct text_part *part, size_t n_part, struct words *out)
{
    out->n = 0;
    str_clear(&out->bytes);
    str_clear(&t->plain);
    for (size_t i = 0; i < n_part; i++) {
        if (!part[i].n)
            continue;
        if (t->plain.n)
            str_addc(&t->plain, ' ');
        if (!t->options.html ||
            !(memchr(part[i].bytes, '<', part[i].n) || memchr(part[i].bytes, '&', part[i].n))) {
            add_valid(&t->plain, part[i].bytes, part[i].n);
            continue;
        }
        str_clear(&t->valid);
        str_clear(&t->shown);
        add_valid(&t->valid, part[i].bytes, part[i].n);
        htmltext_add(str_text(&t->valid), t->valid.n, &t->shown);
        add_valid(&t->plain, str_text(&t->shown),
                  t->shown.n); /* gumbo overflows at "&#99999999999;" */
    }
    split_words(t, out);
}
