#ifndef MODELS_VOCAB_H
#define MODELS_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/tokens.h"

/* The words that a model knows, learnt from the training rows alone, and rows of words as padded
 * rows of ids. */

enum {
    VOCAB_PAD = 0,
    VOCAB_UNKNOWN = 1,
    VOCAB_FIRST = 2,
    VOCAB_MAX = 1 << 24,
    VOCAB_MAX_LENGTH = 100000
};

/** Words by id. Id 0 ("") is padding, 1 ("<OOV>") every other word, then words from the most
 * frequent on. */
struct vocab {
    size_t n;       /* ids, the two reserved ones counted; 0: empty */
    char **word;    /* (n) owned */
    uint32_t *slot; /* (n_slot) owned: hash table of ids with linear probing, 0 = free */
    size_t n_slot;  /* a power of two */
};

/**
 * Count the words of some rows; ids by falling count, words of equal count in order of first
 * appearance in these rows. row, n_row  the training rows, in the order of the file limit number of
 * ids, the two reserved ones counted, as Keras' num_words; -1: all words errors      ERR_DATA if
 * there are more than VOCAB_MAX words
 */
int vocab_fit(struct vocab *v, const struct tokens *t, const size_t *row, size_t n_row,
              int64_t limit, struct err *e);

/** From the words of a model file, (n) texts that are copied. ERR_DATA if the reserved two are not
 * in their place or a word is there twice. */
int vocab_set(struct vocab *v, const char *const *word, size_t n, struct err *e);
void vocab_release(struct vocab *v);

/** Id of a word: VOCAB_UNKNOWN if it is not there. */
int32_t vocab_id(const struct vocab *v, const char *word);

/** Ids of the dictionary of a token file: (t->n_word), owned by the caller. */
int32_t *vocab_map(const struct vocab *v, const struct tokens *t);
void vocab_map_into(const struct vocab *v, const struct tokens *t, int32_t *map);

/** How rows become equally long. */
struct vocab_shape {
    size_t length;     /* T: a longer row keeps its first T words */
    bool pad_front;    /* padding before the words instead of after them */
    bool drop_unknown; /* unknown words are left out (before the row is cut) instead of coded 1 */
};

/** Row of a token file as ids: out (T), returns the number of words in it, 0 .. T; `map` from
 * vocab_map. */
int32_t vocab_encode(const struct vocab_shape *s, const int32_t *map, const struct tokens *t,
                     size_t row, int32_t *out);

/** What vocab_encode would return. */
int32_t vocab_length(const struct vocab_shape *s, const int32_t *map, const struct tokens *t,
                     size_t row);

/** Words of the longest of some rows, unknown ones counted unless they are dropped; at least 1. */
size_t vocab_longest(const int32_t *map, const struct tokens *t, const size_t *row, size_t n_row,
                     bool drop_unknown);

#endif
