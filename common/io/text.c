#include "io/text.h"

#include <assert.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "io/stopwords.h"
#include "io/text_token.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

void text_ids_release(struct text_ids *ids)
{
    free(ids->id);
    *ids = (struct text_ids){ 0 };
}

int text_init(struct text *t, const struct text_options *o, struct err *e)
{
    int rc = text_check(o, e);
    if (rc)
        return rc;
    *t = (struct text){ .options = *o };
    for (int c = 0; c < 256; c++)
        t->inside[c] = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9' && o->charset == TEXT_UNICODE);
    if (o->stop_words)
        t->stop = stopwords(o->language, &t->n_stop);
    if (o->stem && !(t->stemmer = sb_stemmer_new(o->language, "UTF_8")))
        return err_set(e, ERR_USAGE, "there is no stemmer for '%s'", o->language);
    return 0;
}

static void memo_release(struct text_memo *m)
{
    intern_release(&m->token);
    free(m->slot);
    free(m->start);
    free(m->id);
    *m = (struct text_memo){ 0 };
}

void text_forget(struct text *t)
{
    memo_release(&t->memo);
    intern_release(&t->words);
}

void text_release(struct text *t)
{
    if (t->stemmer)
        sb_stemmer_delete(t->stemmer);
    text_forget(t);
    htmltext_release(&t->html);
    str_release(&t->valid);
    str_release(&t->shown);
    str_release(&t->word);
    text_ids_release(&t->ids);
    text_ids_release(&t->grams);
    free(t->point);
    *t = (struct text){ 0 };
}

const char *text_word(const struct text *t, int32_t number)
{
    return intern_get(&t->words, (size_t)number);
}

/* ---- valid UTF-8 ---- */

/* Step 1: append what is valid, and U+FFFD for each byte that is not, and for each NUL. */
static void add_valid(struct str *out, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t run = utf8_prefix(bytes + i, n - i);
        const char *nul = run ? memchr(bytes + i, '\0', run) : NULL;
        if (nul)
            run = (size_t)(nul - (bytes + i));
        str_add(out, bytes + i, run);
        i += run;
        if (i < n) {
            str_addz(out, "\xef\xbf\xbd");
            i++;
        }
    }
}

/* The same bytes where there is nothing to replace, else a copy in `copy`. */
static void make_valid(const char **bytes, size_t *n, struct str *copy)
{
    if (utf8_valid(*bytes, *n) && !memchr(*bytes, '\0', *n))
        return;
    str_clear(copy);
    add_valid(copy, *bytes, *n);
    *bytes = str_text(copy);
    *n = copy->n;
}

/* ---- tokens ---- */

static bool starts(const char *p, const char *end, const char *with)
{
    for (; *with; p++, with++)
        if (p == end || (*p | 0x20) != *with)
            return false;
    return true;
}

/* Behind a web address that begins at p; p if none does. RFC 3986: what may stand in one is ASCII
 * without blanks, quotes and angle brackets; signs at its end belong to the sentence. */
static const char *url_end(const char *p, const char *end)
{
    static const char *const scheme[] = { "http:", "https:", "ftp:", "www." };
    const char *q = NULL;
    for (size_t i = 0; i < 4 && !q; i++)
        if (starts(p, end, scheme[i])) {
            q = p + strlen(scheme[i]);
            if (i < 3 && (end - q < 2 || q[0] != '/' || q[1] != '/'))
                return p;
            q += i < 3 ? 2 : 0;
        }
    const char *host = q;
    while (q && q<end && * q> ' ' && *q < 0x7f && !strchr("<>\"\\^`{|}", *q))
        q++;
    while (q && q > host && strchr(".,;:!?)'", q[-1]))
        q--;
    return q && q > host ? q : p;
}

static bool full(const struct text *t, const struct text_ids *out)
{
    return t->options.max_words > 0 && out->n >= (size_t)t->options.max_words;
}

#if defined(__SSE2__)
/* A bit for each of 16 bytes: as t->inside. */
static unsigned inside_16(const struct text *t, const char *p)
{
    const __m128i none = _mm_setzero_si128(), digits = _mm_set1_epi8(t->inside['0'] ? -1 : 0);
    __m128i c = _mm_loadu_si128((const void *)p), digit = _mm_sub_epi8(c, _mm_set1_epi8('0')),
            letter = _mm_sub_epi8(_mm_or_si128(c, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    digit = _mm_and_si128(_mm_cmpeq_epi8(_mm_subs_epu8(digit, _mm_set1_epi8(9)), none), digits);
    letter = _mm_cmpeq_epi8(_mm_subs_epu8(letter, _mm_set1_epi8(25)), none);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), c));
}
#endif

/* Behind the token of which p is a byte. */
static const char *token_end(const struct text *t, const char *p, const char *end)
{
#if defined(__SSE2__)
    for (; end - p >= 16; p += 16) {
        unsigned outside = ~inside_16(t, p) & 0xffff;
        if (outside)
            return p + __builtin_ctz(outside);
    }
#endif
    while (p < end && t->inside[(uint8_t)*p])
        p++;
    return p;
}

/* Step 4: valid text without markup. Tokens are looked for some at a time, so that memory answers
 * for all of them at once. */
static void add_tokens(struct text *t, const char *p, const char *end, struct text_ids *out)
{
    enum { BATCH = 32 };
    struct token token[BATCH];
    const uint8_t *inside = t->inside;
    while (p < end && !full(t, out)) {
        bool url = false;
        size_t n = 0;
        while (n < BATCH) {
            while (p < end && !inside[(uint8_t)*p])
                p++;
            if (p == end)
                break;
            const char *start = p;
            if (t->options.mask_urls && (p = url_end(start, end)) > start) {
                url = true;
                break;
            }
            p = token_end(t, start, end);
            token[n].bytes = start;
            token[n].n = (size_t)(p - start);
            text_token_begin(t, &token[n++], end);
        }
        for (size_t i = 0; i < n; i++)
            text_token(t, &token[i], out);
        if (url)
            text_add_word(t, "<url>", 5, out);
    }
}

static void add_part(struct text *t, const char *bytes, size_t n, struct text_ids *out)
{
    make_valid(&bytes, &n, &t->valid);
    if (t->options.html && (memchr(bytes, '<', n) || memchr(bytes, '&', n))) {
        str_clear(&t->shown);
        htmltext_add(&t->html, bytes, n, &t->shown);
        bytes = str_text(&t->shown);
        n = t->shown.n;
        make_valid(&bytes, &n, &t->valid); /* gumbo overflows at "&#99999999999;" */
    }
    add_tokens(t, bytes, bytes + n, out);
}

void text_numbers(struct text *t, const struct text_part *part, size_t n_part, struct text_ids *out)
{
    const struct text_options *o = &t->options;
    bool grams = o->ngram_of == TEXT_CHARACTERS || o->ngram_max > 1;
    struct text_ids *words = grams ? &t->grams : out;
    words->n = 0;
    for (size_t i = 0; i < n_part && !full(t, words); i++)
        if (part[i].n)
            add_part(t, part[i].bytes, part[i].n, words);
    if (full(t, words))
        words->n = (size_t)o->max_words; /* a token may be several words */
    if (grams)
        text_ngrams(t, words, out);
}

void text_words(struct text *t, const struct text_part *part, size_t n_part, struct words *out)
{
    enum { MOST_WORDS = 1 << 20, MOST_BYTES = 64 << 20 };
    if (t->words.n > MOST_WORDS || t->words.bytes.n + t->memo.token.bytes.n > MOST_BYTES ||
        t->memo.n_short > MOST_WORDS)
        text_forget(t);
    text_numbers(t, part, n_part, &t->ids);
    out->n = 0;
    str_clear(&out->bytes);
    if (t->ids.n > out->room)
        out->at = mem_realloc(out->at, out->room = 2 * t->ids.n, sizeof *out->at);
    for (size_t i = 0; i < t->ids.n; i++) {
        const char *word = text_word(t, t->ids.id[i]);
        out->at[out->n++] = out->bytes.n;
        str_add(&out->bytes, word, strlen(word) + 1);
    }
}
