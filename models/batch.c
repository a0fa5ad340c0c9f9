#include "models/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void map_words(struct batcher *b)
{
    const struct tokens *t = b->data.tokens;
    if (t->n_word >= b->room_map) {
        b->room_map = t->n_word + 1;
        b->map = mem_realloc(b->map, b->room_map, sizeof *b->map);
    }
    vocab_map_into(&b->prep->vocab, t, b->map);
}

void batcher_init(struct batcher *b, const struct prep *prep, const struct model_data *data,
                  size_t max, const int32_t *class_of_row, const float *weight_of_class)
{
    *b = (struct batcher){ .prep = prep,
                           .data = *data,
                           .max = max,
                           .class_of_row = class_of_row,
                           .weight_of_class = weight_of_class };
    if (prep->reads[NN_TEXT]) {
        map_words(b);
        b->ids = mem_calloc(max, prep->shape.length * sizeof *b->ids);
        b->n_word = mem_calloc(max, sizeof *b->n_word);
    }
    if (prep->reads[NN_NGRAMS]) {
        gram_reader_init(&b->grams, &prep->grams, data->tokens);
        b->gram_first = mem_calloc(max + 1, sizeof *b->gram_first);
    }
    if (prep->reads[NN_PIXELS])
        b->pixels = mem_calloc(max, sizeof *b->pixels);
    if (prep->reads[NN_FEATURES])
        b->features = mem_calloc(max, prep->n_feature * sizeof *b->features);
    if (class_of_row)
        b->label = mem_calloc(max, sizeof *b->label);
    if (class_of_row && weight_of_class)
        b->weight = mem_calloc(max, sizeof *b->weight);
}

void batcher_turn(struct batcher *b, const struct model_data *data)
{
    b->data = *data;
    if (b->map)
        map_words(b);
    if (b->gram_first)
        gram_reader_turn(&b->grams, data->tokens);
}

/* The n-grams of row i of the batch, behind those of the rows before it. */
static void add_grams(struct batcher *b, size_t row, size_t i)
{
    size_t at = b->gram_first[i];
    gram_reader_read(&b->grams, row);
    if (at + b->grams.n > b->room_gram) {
        b->room_gram = 2 * (at + b->grams.n);
        b->gram = mem_realloc(b->gram, b->room_gram, sizeof *b->gram);
        b->gram_value = mem_realloc(b->gram_value, b->room_gram, sizeof *b->gram_value);
    }
    if (b->grams.n) {
        memcpy(b->gram + at, b->grams.id, b->grams.n * sizeof *b->gram);
        gram_reader_values(&b->grams, b->gram_value + at);
    }
    b->gram_first[i + 1] = at + b->grams.n;
}

void batcher_fill(struct batcher *b, const size_t *row, size_t n, struct nn_batch *out)
{
    const struct prep *p = b->prep;
    size_t length = p->shape.length, n_feature = p->n_feature, picture = p->height * p->width * 3;

    assert(n <= b->max);
    for (size_t i = 0; i < n; i++) {
        if (b->ids)
            b->n_word[i] = vocab_encode(&p->shape, b->map, b->data.tokens, row[i],
                                        b->ids + i * length);
        if (b->gram_first)
            add_grams(b, row[i], i);
        if (b->pixels)
            b->pixels[i] = b->data.pixels->data + row[i] * picture;
        for (size_t j = 0; j < n_feature; j++)
            b->features[i * n_feature + j] = (float)b->data.features->x[row[i] * n_feature + j];
        if (b->label)
            b->label[i] = b->class_of_row[row[i]];
        if (b->weight && b->label)
            b->weight[i] = b->weight_of_class[b->label[i]];
    }
    *out = (struct nn_batch){ .n = n,
                              .ids = b->ids,
                              .n_word = b->n_word,
                              .pixels = b->pixels,
                              .features = b->features,
                              .label = b->label,
                              .weight = b->weight,
                              .gram = b->gram,
                              .gram_value = b->gram_value,
                              .gram_first = b->gram_first };
}

int32_t *batcher_lengths(const struct batcher *b)
{
    const struct tokens *t = b->data.tokens;
    if (!b->map)
        return NULL;
    int32_t *length = mem_calloc(t->n_row, sizeof *length);
    for (size_t i = 0; i < t->n_row; i++)
        length[i] = vocab_length(&b->prep->shape, b->map, t, i);
    return length;
}

void batcher_augment(struct batcher *b, const struct augment *a)
{
    const struct prep *p = b->prep;
    b->augment = a;
    if (b->pixels && augment_has_pictures(a))
        b->picture = mem_calloc(b->max, p->height * p->width * 3);
}

void batcher_fill_training(struct batcher *b, uint64_t epoch, const size_t *row, size_t n,
                           struct nn_batch *out)
{
    const struct prep *p = b->prep;
    const struct augment *a = b->augment;
    size_t T = p->shape.length;
    batcher_fill(b, row, n, out);
    for (size_t i = 0; a && i < n; i++) {
        if (b->ids && a->word_dropout > 0)
            b->n_word[i] = augment_words(a, epoch, row[i], b->ids + i * T, T, b->n_word[i]);
        if (b->picture) {
            uint8_t *picture = b->picture + i * p->height * p->width * 3;
            augment_picture(a, epoch, row[i], b->pixels[i], p->height, p->width, picture);
            b->pixels[i] = picture;
        }
    }
}

void batcher_release(struct batcher *b)
{
    free(b->map);
    free(b->ids);
    free(b->n_word);
    free(b->label);
    free((void *)b->pixels);
    free(b->features);
    free(b->weight);
    free(b->picture);
    gram_reader_release(&b->grams);
    free(b->gram);
    free(b->gram_value);
    free(b->gram_first);
    *b = (struct batcher){ 0 };
}
