#ifndef IO_TEXT_TOKEN_H
#define IO_TEXT_TOKEN_H

#include "io/text.h"

/* Inside of io/text.h. All append to out. */

/** n >= 1 bytes of valid UTF-8 without NUL and without an ASCII separator. */
struct token {
    const char *bytes;
    size_t n;
    struct text_key key; /* set by text_token_begin where n <= TEXT_SHORT_TOKEN, as the hash */
    uint32_t hash;
};

/** Begin to fetch what is known of the token; `end` of the text in which it stands. */
void text_token_begin(const struct text *t, struct token *token, const char *end);

/** The words of a token that was begun. */
void text_token(struct text *t, const struct token *token, struct text_ids *out);

/** A word as it is. */
void text_add_word(struct text *t, const char *word, size_t n, struct text_ids *out);

/** Step 8, replacing out. */
void text_ngrams(struct text *t, const struct text_ids *words, struct text_ids *out);

#endif
