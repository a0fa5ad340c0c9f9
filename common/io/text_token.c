#include "io/text_token.h"

#include <assert.h>
#include <libstemmer.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/mem.h"
#include "io/stopwords.h"

static void add_id(struct text_ids *out, int32_t id)
{
    if (out->n == out->room) {
        out->room = out->room ? 2 * out->room : 256;
        out->id = mem_realloc(out->id, out->room, sizeof *out->id);
    }
    out->id[out->n++] = id;
}

void text_add_word(struct text *t, const char *word, size_t n, struct text_ids *out)
{
    add_id(out, intern_add(&t->words, word, n));
}

/* ---- one token ---- */

/* Steps 5 and 6 for t->word. */
static void end_word(struct text *t, struct text_ids *out)
{
    const char *word = str_text(&t->word);
    size_t n = t->word.n;
    if (!n)
        return;
    if (!stopwords_have(t->stop, t->n_stop, word)) {
        const sb_symbol *stem = t->stemmer && n <= INT32_MAX
                                    ? sb_stemmer_stem(t->stemmer, (const sb_symbol *)word, (int)n)
                                    : NULL;
        if (stem && sb_stemmer_length(t->stemmer) > 0)
            text_add_word(t, (const char *)stem, (size_t)sb_stemmer_length(t->stemmer), out);
        else
            text_add_word(t, word, n, out);
    }
    str_clear(&t->word);
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

static void add_point(struct text *t, struct text_ids *out, utf8proc_int32_t point)
{
    int r = role(t->options.charset, point);
    if (r == 2 || (r == 1 && t->word.n)) {
        utf8proc_uint8_t utf8[4];
        if (t->options.mask_digits && utf8proc_category(point) == UTF8PROC_CATEGORY_ND)
            point = '0';
        utf8proc_ssize_t n = utf8proc_encode_char(point, utf8);
        str_add(&t->word, (const char *)utf8, (size_t)n);
    } else {
        end_word(t, out);
    }
}

/* Steps 3 and 4 for a stretch that normalises by itself. */
static void add_stretch(struct text *t, struct text_ids *out, const char *p, size_t n)
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
    for (size_t i = 0; i < n; i++)
        add_point(t, out, t->point[i]);
}

/**
 * The end of a stretch from p on: of the token, or behind 30 combining marks in a row (the
 * Stream-Safe Text Format of UAX #15, section 13), because utf8proc sorts marks in quadratic time.
 */
static const char *stretch_end(const char *p, const char *end)
{
    int marks = 0;
    while (p < end && marks < 30) {
        utf8proc_int32_t point;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)p,
                                                 (utf8proc_ssize_t)(end - p), &point);
        assert(used > 0);
        p += used;
        marks = utf8proc_get_property(point)->combining_class ? marks + 1 : 0;
    }
    return p;
}

/* ASCII is its own NFKC. */
static bool add_ascii(struct text *t, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if ((unsigned char)c >= 0x80) {
            str_clear(&t->word);
            return false;
        }
        if (t->options.lower && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (t->options.mask_digits && c >= '0' && c <= '9')
            c = '0';
        str_addc(&t->word, c);
    }
    return true;
}

static void make_words(struct text *t, const char *token, size_t n, struct text_ids *out)
{
    if (!add_ascii(t, token, n))
        for (const char *p = token, *end = token + n, *next; p < end; p = next) {
            next = stretch_end(p, end);
            add_stretch(t, out, p, (size_t)(next - p));
        }
    end_word(t, out);
}

/* ---- what tokens gave ---- */

static uint64_t load8(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t load4(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

enum { KEY_BYTES = 20 }; /* of struct text_key */
_Static_assert((int)TEXT_SHORT_TOKEN <= (int)KEY_BYTES, "a short token is a key");

/* Without a branch on the length, which nobody can predict. Where the text goes on its bytes are
 * read, too. */
static struct text_key key_of(const char *p, size_t n, const char *end)
{
    static const uint8_t ones_zeros[2 * KEY_BYTES] = { 255, 255, 255, 255, 255, 255, 255,
                                                       255, 255, 255, 255, 255, 255, 255,
                                                       255, 255, 255, 255, 255, 255 };
    const uint8_t *mask = ones_zeros + KEY_BYTES - n;
    char copy[KEY_BYTES] = { 0 };
    if (end - p < KEY_BYTES)
        p = memcpy(copy, p, n);
    return (struct text_key){ load8(p) & load8(mask), load8(p + 8) & load8(mask + 8),
                              load4(p + 16) & load4(mask + 16) };
}

/* Two multiplications (constants of SplitMix64). */
static uint32_t hash_of(const struct text_key *k)
{
    uint64_t h = k->a * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 32 ^ k->b ^ (uint64_t)k->c << 32) * 0x94d049bb133111ebu;
    return (uint32_t)(h >> 32);
}

/* The slot of a token, or the free one where it belongs. */
static struct text_slot *find(const struct text_memo *m, uint32_t hash, const struct text_key *k)
{
    for (size_t s = hash;; s++) {
        struct text_slot *slot = &m->slot[s & (m->n_slot - 1)];
        if (!slot->key.a || (slot->key.a == k->a && slot->key.b == k->b && slot->key.c == k->c))
            return slot;
    }
}

static void grow(struct text_memo *m)
{
    struct text_slot *old = m->slot;
    size_t n_old = m->n_slot;
    m->n_slot = n_old ? 2 * n_old : 1024;
    m->slot = mem_aligned(m->n_slot, sizeof *m->slot);
    for (size_t i = 0; i < n_old; i++)
        if (old[i].key.a)
            *find(m, hash_of(&old[i].key), &old[i].key) = old[i];
    free(old);
}

/* Keep the words from..out->n, returns where. */
static size_t keep(struct text_memo *m, const struct text_ids *out, size_t from)
{
    size_t n = out->n - from, start = m->n_id;
    if (m->n_id + n > m->room_id)
        m->id = mem_realloc(m->id, m->room_id = 2 * (m->n_id + n) + 256, sizeof *m->id);
    if (n)
        memcpy(m->id + m->n_id, out->id + from, n * sizeof *m->id);
    m->n_id += n;
    return start;
}

static void recall(const struct text_memo *m, size_t start, size_t end, struct text_ids *out)
{
    for (size_t k = start; k < end; k++)
        add_id(out, m->id[k]);
}

static void short_token(struct text *t, const struct token *token, struct text_ids *out)
{
    struct text_memo *m = &t->memo;
    if (2 * (m->n_short + 1) > m->n_slot)
        grow(m);
    struct text_slot *slot = find(m, token->hash, &token->key);
    if (slot->key.a) {
        if (slot->n_id == 1)
            add_id(out, slot->id);
        else if (slot->n_id)
            recall(m, (size_t)slot->id, (size_t)slot->id + slot->n_id, out);
        return;
    }
    size_t from = out->n;
    make_words(t, token->bytes, token->n, out);
    size_t n_id = out->n - from;
    if (m->n_id + n_id > INT32_MAX)
        return;
    *slot = (struct text_slot){ token->key, (uint32_t)n_id,
                                n_id == 1 ? out->id[from] : (int32_t)keep(m, out, from) };
    m->n_short++;
}

static void long_token(struct text *t, const char *token, size_t n, struct text_ids *out)
{
    struct text_memo *m = &t->memo;
    size_t known = m->token.n, i = (size_t)intern_add(&m->token, token, n), from = out->n;
    if (i < known) {
        recall(m, m->start[2 * i], m->start[2 * i + 1], out);
        return;
    }
    make_words(t, token, n, out);
    if (2 * i + 2 > m->room_start)
        m->start = mem_realloc(m->start, m->room_start = 4 * i + 256, sizeof *m->start);
    m->start[2 * i] = keep(m, out, from);
    m->start[2 * i + 1] = m->n_id;
}

void text_token_begin(const struct text *t, struct token *token, const char *end)
{
    const struct text_memo *m = &t->memo;
    if (token->n > TEXT_SHORT_TOKEN)
        return;
    token->key = key_of(token->bytes, token->n, end);
    token->hash = hash_of(&token->key);
    if (m->n_slot)
        __builtin_prefetch(&m->slot[token->hash & (m->n_slot - 1)]);
}

void text_token(struct text *t, const struct token *token, struct text_ids *out)
{
    if (token->n <= TEXT_SHORT_TOKEN)
        short_token(t, token, out);
    else if (token->n <= TEXT_LONG_TOKEN)
        long_token(t, token->bytes, token->n, out);
    else
        make_words(t, token->bytes, token->n, out);
}

/* ---- n-grams ---- */

static void word_grams(struct text *t, const struct text_ids *words, size_t n, struct text_ids *out)
{
    for (size_t i = 0; i + n <= words->n; i++) {
        if (n == 1) {
            add_id(out, words->id[i]);
            continue;
        }
        str_clear(&t->word);
        for (size_t k = 0; k < n; k++) {
            if (k)
                str_addc(&t->word, ' ');
            str_addz(&t->word, text_word(t, words->id[i + k]));
        }
        text_add_word(t, str_text(&t->word), t->word.n, out);
    }
    str_clear(&t->word);
}

/* The byte behind the character at p. */
static size_t next_character(const char *p, size_t at)
{
    at++;
    while (((unsigned char)p[at] & 0xc0) == 0x80)
        at++;
    return at;
}

/* As scikit-learn's char_wb: a word shorter than n is one n-gram, and then no longer ones follow.
 */
static void character_grams(struct text *t, int32_t word, struct text_ids *out)
{
    const struct text_options *o = &t->options;
    str_clear(&t->word);
    str_addc(&t->word, ' ');
    str_addz(&t->word, text_word(t, word));
    str_addc(&t->word, ' ');
    const char *p = str_text(&t->word);
    for (int64_t n = o->ngram_min; n <= o->ngram_max; n++) {
        size_t from = 0, to = 0, n_gram = 0;
        for (int64_t k = 0; k < n && to < t->word.n; k++)
            to = next_character(p, to);
        for (;;) {
            text_add_word(t, p + from, to - from, out);
            n_gram++;
            if (to == t->word.n)
                break;
            from = next_character(p, from);
            to = next_character(p, to);
        }
        if (n_gram == 1)
            break;
    }
    str_clear(&t->word);
}

void text_ngrams(struct text *t, const struct text_ids *words, struct text_ids *out)
{
    const struct text_options *o = &t->options;
    out->n = 0;
    if (o->ngram_of == TEXT_CHARACTERS)
        for (size_t i = 0; i < words->n; i++)
            character_grams(t, words->id[i], out);
    else
        for (int64_t n = o->ngram_min; n <= o->ngram_max; n++)
            word_grams(t, words, (size_t)n, out);
}
