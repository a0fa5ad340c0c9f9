#ifndef IO_TEXT_H
#define IO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* Text to words: the one function that training and serving share, so that the two can never
 * disagree. The steps:
 *
 *   1  every byte that is not part of valid UTF-8, and every NUL, becomes U+FFFD
 *   2  with `html`: tags and character references as in io/htmltext.h, for each part by itself;
 *      skipped where there is no '<' and no '&'
 *   3  Unicode NFKC, with `lower` NFKC_Casefold (utf8proc): "É", "é" and "e + accent" are one
 *      letter, "ﬁ" is "fi", "ß" is "ss"
 *   4  words by `charset`. A word starts with a letter or digit; combining marks go on with it; all
 *      else separates, also apostrophe and hyphen: "l'écran porte-clés" is l, écran, porte, clés
 *   5  with `stop_words` the common words of the language leave
 *   6  with `stem` the Snowball stemmer of the language (libstemmer)
 *   7  the first `max_words` stay
 */

enum text_charset {
    TEXT_UNICODE, /* letters (L*) and digits (N*) of every script */
    TEXT_ASCII,   /* a to z alone: "écran 2" is cran, as systems did that knew no accents */
    TEXT_LETTERS, /* letters of every script, no digits */
};

/** How texts become words. Start from text_defaults; `language` is borrowed. */
struct text_options {
    const char *language; /* "none", "french", ... */
    enum text_charset charset;
    bool lower, stop_words, stem, html;
    int64_t max_words; /* 0: all */
};

/** The languages as a choice option wants them: "none|arabic|...". */
#define TEXT_LANGUAGES                                                                      \
    "none|arabic|armenian|basque|catalan|danish|dutch|english|finnish|french|german|greek|" \
    "hindi|hungarian|indonesian|irish|italian|lithuanian|nepali|norwegian|portuguese|"      \
    "romanian|russian|serbian|spanish|swedish|tamil|turkish|yiddish"
#define TEXT_CHARSETS "unicode|ascii|letters"

/* Raised when the same options give other words; a recipe of a newer version is refused. */
enum { TEXT_RECIPE_VERSION = 1 };

/** none, unicode, lower, stop words, no stem, html, all words. */
struct text_options text_defaults(void);

/** The charset of a name; ERR_USAGE. */
int text_charset_parse(const char *name, enum text_charset *out, struct err *e);

/** ERR_USAGE where options contradict: stem without language, stem or stop words without lower. */
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

/** The cleaner: options with the stemmer and buffers that they need. One per thread. */
struct text {
    struct text_options options;
    struct sb_stemmer *stemmer; /* owned; NULL: none */
    const char *const *stop;    /* borrowed */
    size_t n_stop;
    struct str valid, shown, plain, word; /* owned scratch */
    int32_t *point;                       /* owned scratch: code points */
    size_t room_point;
};

/** ERR_USAGE as text_check. */
int text_init(struct text *t, const struct text_options *o, struct err *e);
void text_release(struct text *t);

/**
 * The words of one text made of `n_part` parts, as if joined with a blank (HTML that one part
 * leaves open ends with it). Any bytes are fine; linear in their number.
 */
void text_words(struct text *t, const struct text_part *part, size_t n_part, struct words *out);

#endif
