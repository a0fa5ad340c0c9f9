#ifndef IO_TEXT_H
#define IO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/intern.h"
#include "base/str.h"
#include "io/htmltext.h"

/* Text to words: the one function that training and serving share, so that the two can never
 * disagree. The steps:
 *
 *   1  every byte that is not part of valid UTF-8, and every NUL, becomes U+FFFD
 *   2  with `html`: tags and character references as in io/htmltext.h, for each part by itself;
 *      skipped where there is no '<' and no '&'
 *   3  Unicode NFKC, with `lower` NFKC_Casefold (utf8proc): "É", "é" and "e + accent" are one
 *      letter, "ﬁ" is "fi", "ß" is "ss"
 *   4  words by `charset`. A word starts with a letter or digit; combining marks go on with it; all
 *      else separates, also apostrophe and hyphen: "l'écran porte-clés" is l, écran, porte, clés.
 *      With `mask_urls` a web address in ASCII is the one word "<url>"; with `mask_digits` every
 *      decimal digit becomes 0, so that "24 x 120" is 00, x, 000
 *   5  with `stop_words` the common words of the language leave
 *   6  with `stem` the Snowball stemmer of the language (libstemmer)
 *   7  the first `max_words` stay
 *   8  n-grams: of each length from `ngram_min` to `ngram_max`, the words that follow each other,
 *      with blanks between them (as scikit-learn's CountVectorizer orders them: all of the least
 *      length, then all of the next); or the characters of each word with a blank before and behind
 *      it (its analyzer char_wb)
 *
 * Steps 3 to 6 depend on nothing but the token: the bytes between two ASCII separators. So what a
 * token gives is kept and found again by its bytes; texts repeat their words.
 */

enum text_charset {
    TEXT_UNICODE, /* letters (L*) and digits (N*) of every script */
    TEXT_ASCII,   /* a to z alone: "écran 2" is cran, as systems did that knew no accents */
    TEXT_LETTERS, /* letters of every script, no digits */
};

enum text_unit { TEXT_WORDS, TEXT_CHARACTERS };

/** How texts become words. Start from text_defaults; `language` is borrowed. */
struct text_options {
    const char *language; /* "none", "french", ... */
    enum text_charset charset;
    bool lower, stop_words, stem, html, mask_digits, mask_urls;
    int64_t max_words; /* 0: all */
    enum text_unit ngram_of;
    int64_t ngram_min, ngram_max; /* 1 <= min <= max <= TEXT_MAX_NGRAM; 1 and 1 of words: none */
};

enum { TEXT_MAX_NGRAM = 10 };

/** The languages as a choice option wants them: "none|arabic|...". */
#define TEXT_LANGUAGES                                                                      \
    "none|arabic|armenian|basque|catalan|danish|dutch|english|finnish|french|german|greek|" \
    "hindi|hungarian|indonesian|irish|italian|lithuanian|nepali|norwegian|portuguese|"      \
    "romanian|russian|serbian|spanish|swedish|tamil|turkish|yiddish"
#define TEXT_CHARSETS "unicode|ascii|letters"
#define TEXT_UNITS    "words|characters"

/* Raised when the same options give other words; a recipe of another version is refused. */
enum { TEXT_RECIPE_VERSION = 2 };

/** none, unicode, lower, stop words, no stem, html, no masks, all words, no n-grams. */
struct text_options text_defaults(void);

/** The charset of a name; ERR_USAGE. */
int text_charset_parse(const char *name, enum text_charset *out, struct err *e);

int text_unit_parse(const char *name, enum text_unit *out, struct err *e);

/** ERR_USAGE where options contradict: stem without language, stem or stop words without lower,
 * lengths of n-grams out of order. */
int text_check(const struct text_options *o, struct err *e);

/** Is there a stop word list for the language? Without one `stop_words` does nothing. */
bool text_has_stop_words(const struct text_options *o);

/** The options as JSON, equal options as equal bytes; owned by the caller. */
char *text_recipe(const struct text_options *o);

/** Read such JSON. ERR_DATA: no JSON, unknown or missing key, wrong type, newer version. */
int text_recipe_parse(struct text_options *out, const char *json, struct err *e);

/** Words of one text, NUL-terminated. All zeros is empty; keeps its storage between texts. */
struct words {
    size_t n;
    struct str bytes;
    size_t *at; /* (n) start of each word in bytes; owned */
    size_t room;
};

const char *words_get(const struct words *w, size_t i);
void words_release(struct words *w);

/** A part of a text: a column's value, a field of a request. */
struct text_part {
    const char *bytes;
    size_t n; /* 0: missing, skipped */
};

/** Numbers of words. All zeros is empty; keeps its storage between texts. */
struct text_ids {
    int32_t *id; /* (n) owned */
    size_t n, room;
};

enum { TEXT_SHORT_TOKEN = 20, TEXT_LONG_TOKEN = 64 };

/** The bytes of a short token with NULs behind them, to be compared as numbers. */
struct text_key {
    uint64_t a, b;
    uint32_t c;
};

/** What a short token gave, in half a cache line: most tokens are found by one look into memory. */
struct text_slot {
    struct text_key key; /* a is 0: the slot is free */
    uint32_t n_id;       /* words that it gave: at most as many as bytes */
    int32_t id;          /* the word, if it is one; else where they begin in text_memo.id */
};

/** What tokens gave: short ones by open addressing, longer ones by an index of their bytes. */
struct text_memo {
    struct text_slot *slot; /* (n_slot) owned; n_slot a power of two, at least 2 n_short */
    size_t n_slot, n_short;
    struct intern token; /* those of TEXT_SHORT_TOKEN + 1 .. TEXT_LONG_TOKEN bytes */
    size_t *start;       /* (token.n, 2) owned: where its words begin and end in id */
    int32_t *id;         /* (n_id) owned: words of tokens, one token behind the other */
    size_t n_id, room_start, room_id;
};

/** The cleaner: options, the stemmer and buffers that they need, and the words that it has met. One
 * per thread. */
struct text {
    struct text_options options;
    struct sb_stemmer *stemmer; /* owned; NULL: none */
    const char *const *stop;    /* borrowed */
    size_t n_stop;
    uint8_t inside[256]; /* 1: the byte is part of a token */
    struct intern words; /* every word met, numbered */
    struct text_memo memo;
    struct htmltext html;
    struct str valid, shown, word; /* owned scratch */
    struct text_ids ids, grams;    /* owned scratch */
    int32_t *point;                /* owned scratch: code points */
    size_t room_point;
};

/** ERR_USAGE as text_check. */
int text_init(struct text *t, const struct text_options *o, struct err *e);
void text_release(struct text *t);

/**
 * The words of one text made of `n_part` parts, as if joined with a blank (HTML that one part
 * leaves open ends with it), as numbers for text_word. Any bytes are fine; linear in their number.
 */
void text_numbers(struct text *t, const struct text_part *part, size_t n_part,
                  struct text_ids *out);

/** A word by its number, NUL-terminated; valid until the next text. */
const char *text_word(const struct text *t, int32_t number);

/** Forget all words: their numbers start again. */
void text_forget(struct text *t);
void text_ids_release(struct text_ids *ids);

/** As text_numbers, the words themselves. Forgets what it has met when that becomes too much. */
void text_words(struct text *t, const struct text_part *part, size_t n_part, struct words *out);

#endif
