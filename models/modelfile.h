#ifndef MODELS_MODELFILE_H
#define MODELS_MODELFILE_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/** What a model file says without its weights: read without the network engine, so that a program
 * that only packs or lists models needs no numerical library. All owned. */
struct modelfile {
    char *family, *kind;
    char **label; /* (n_class) code of every class; a regression has none */
    char **name;  /* (n_class) for people; NULL if there are none */
    size_t n_class;
    char **word; /* (n_word) by id, id 0 is padding, 1 unknown; NULL without a text branch */
    size_t n_word;
    char *text, *pixels, *features; /* JSON: recipe of words, recipe of pictures, state of
                                       impute_scale; NULL where the model does not read them */
};

/** ERR_DATA, naming the path, if it is no whole refit.model or contradicts itself. */
int modelfile_read(struct modelfile *m, const char *path, struct err *e);
void modelfile_release(struct modelfile *m);

/**
 * The vocabulary as Keras' Tokenizer.to_json() writes it: {"class_name": "Tokenizer", "config":
 * {...}}, in which word_index and index_word are JSON texts themselves, and "<OOV>" has index 1.
 * keras.preprocessing.text .tokenizer_from_json reads it; counts are not kept, those texts are
 * "{}". A new reference; NULL without vocabulary.
 */
json_t *modelfile_tokenizer(const struct modelfile *m);

/** {"text": recipe, "pixels": recipe, "features": state}: what was done to the inputs, of those
 * that the model reads. A new reference; NULL if there is none, or ERR_DATA if one is no JSON. */
int modelfile_preprocessing(const struct modelfile *m, json_t **out, struct err *e);

/** Class index -> code: {"0": "10", "1": "2280", ...}. A new reference. */
json_t *modelfile_mapper(const struct modelfile *m);

#endif
