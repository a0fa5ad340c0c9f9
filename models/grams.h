#ifndef MODELS_GRAMS_H
#define MODELS_GRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/tokens.h"
#include "models/nn/spec.h"
#include "models/rows.h"
#include "models/vocab.h"

/* Rows of words as bags of n-grams: runs of words ("red shoe") and of the characters of one word
 * with its ends marked (fastText's subwords, Bojanowski et al. 2017: "shoes" has "<sh", "sho", ...,
 * "es>"), written with a leading "#" so that no word is taken for one. A row has an n-gram or has
 * it not: how often does not count (Wang & Manning 2012). */

/** Which n-grams a model knows, learnt from the training rows alone, and what each counts. All
 * owned. */
struct grams {
    size_t words;              /* longest run of words */
    size_t char_min, char_max; /* characters; 0: none */
    size_t length;             /* words of a row that are read; 0: all */
    struct vocab vocab;        /* the n-grams; the two reserved ids are in no row */
    float *weight;             /* (vocab.n) > 0 */
    size_t most;               /* n-grams of a training row; 0 after loading */
};

/**
 * The n-grams that the branch asks for, of the training rows: by falling number of rows that have
 * it, ties by first appearance. weight: 1; or idf, log((1 + N) / (1 + N_g)) + 1 with N_g of the N
 * rows; or the largest |log-count ratio| of any class against the others, Wang & Manning (2012) eq.
 * 1 with alpha = 1: r = log((p_g + 1) / |p + 1|_1) - log((q_g + 1) / |q + 1|_1), p counts the
 * class's rows, q the others'.
 *   errors  ERR_DATA if there are too many
 */
int grams_fit(struct grams *g, const struct nn_branch *b, const struct tokens *t,
              const struct rows *rows, struct err *e);
void grams_release(struct grams *g);

/** To and from the group ngrams of a model file. */
int grams_save(const struct grams *g, struct h5 *h, struct err *e);
int grams_load(struct grams *g, struct h5 *h, struct err *e);

/** Reads rows of one token file; remembers what it has found out about a word. */
struct gram_reader {
    const struct grams *grams;                                /* borrowed */
    const struct tokens *tokens;                              /* borrowed */
    int32_t (*number)(void *arg, const char *text, size_t n); /* of an n-gram; < 0: not known */
    void *arg;
    int32_t *of_word; /* n-grams of single words, one word behind the other */
    size_t n_of_word, room_of_word;
    size_t *first, *count; /* (n_word) in of_word; count SIZE_MAX: not looked at */
    size_t room_word;
    bool *seen; /* (n_seen) n-grams of the row at hand */
    size_t n_seen;
    int32_t *id; /* of the row that was read last, distinct, in order of appearance */
    size_t n, room;
    struct str text, marked;
};

void gram_reader_init(struct gram_reader *r, const struct grams *g, const struct tokens *t);
void gram_reader_release(struct gram_reader *r);

/** Go on with another token file; no allocation if that has no more words than one before it. */
void gram_reader_turn(struct gram_reader *r, const struct tokens *t);

/** The known n-grams of a row into r->id, r->n. */
void gram_reader_read(struct gram_reader *r, size_t row);

/** What each of r->id counts: (r->n) its weight, divided by the norm of all the row's. */
void gram_reader_values(const struct gram_reader *r, float *out);

#endif
