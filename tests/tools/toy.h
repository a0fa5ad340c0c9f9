#ifndef TESTS_TOY_H
#define TESTS_TOY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/model.h"
#include "num/rng.h"

/* A small problem of three classes in memory: one of the words, the colour of the picture and the
 * feature columns each tell the class of most rows. Every fifth row is for validation, every tenth
 * for nothing, row 7 has no picture, row 11 no word. Class "teal" is the last of four levels and
 * has no row. */

enum { TOY_SIDE = 8, TOY_FEATURE = 3, TOY_LEVEL = 4, TOY_WORD = 12, TOY_WORDS = 5 };

struct toy {
    struct table table;
    struct tokens tokens;
    struct pixels pixels;
    struct featmat features;
    struct sides sides;
    struct model_data data;
};

static char **toy_texts(const char *const *text, size_t n)
{
    char **copy = mem_calloc(n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = mem_strdup(text[i]);
    return copy;
}

static void toy_table(struct toy *t, size_t n, struct rng *rng)
{
    static const char *const level[TOY_LEVEL] = { "red", "green", "blue", "teal" };
    static const char *const name[TOY_LEVEL] = { "Rot", "Grün", "Blau", "Petrol" };
    static const char *const feature[] = { "f0", "f1", "f2" };
    struct column *c = mem_calloc(1 + TOY_FEATURE, sizeof *c);
    c->name = mem_strdup("colour");
    c->type = COLUMN_CATEGORY;
    c->n = n;
    c->code = mem_calloc(n, sizeof *c->code);
    c->level = toy_texts(level, TOY_LEVEL);
    c->level_name = toy_texts(name, TOY_LEVEL);
    c->n_level = TOY_LEVEL;
    for (size_t i = 0; i < n; i++)
        c->code[i] = (int32_t)rng_below(rng, 3);
    for (size_t j = 0; j < TOY_FEATURE; j++)
        c[1 + j] = (struct column){ .name = mem_strdup(feature[j]),
                                    .type = COLUMN_FLOAT,
                                    .n = n,
                                    .real = mem_calloc(n, sizeof(double)) };
    t->table = (struct table){
        .name = mem_strdup("toys"), .n_row = n, .n_col = 1 + TOY_FEATURE, .col = c
    };
    t->table.roles.label = mem_strdup("colour");
    t->table.roles.feature = toy_texts(feature, TOY_FEATURE);
    t->table.roles.n_feature = TOY_FEATURE;
    table_hash_keys(&t->table);
}

static void toy_tokens(struct toy *t, size_t n, struct rng *rng)
{
    struct tokens *x = &t->tokens;
    x->n_row = n;
    x->n_word = TOY_WORD;
    x->word = mem_calloc(TOY_WORD, sizeof *x->word);
    for (int i = 0; i < TOY_WORD; i++)
        x->word[i] = str_format("word%d", i);
    x->id = mem_calloc(n * TOY_WORDS, sizeof *x->id);
    x->offset = mem_calloc(n + 1, sizeof *x->offset);
    for (size_t i = 0; i < n; i++) {
        size_t n_word = i == 11 ? 0 : 2 + rng_below(rng, TOY_WORDS - 1),
               which = rng_below(rng, n_word ? n_word : 1);
        for (size_t k = 0; k < n_word; k++) {
            bool telling = k == which && rng_uniform(rng) < 0.95;
            x->id[x->n_id++] = telling ? t->table.col->code[i]
                                       : 3 + (int32_t)rng_below(rng, TOY_WORD - 3);
        }
        x->offset[i + 1] = (int64_t)x->n_id;
    }
    x->recipe = mem_strdup("{\"language\": \"none\"}");
    memcpy(x->keys_sha256, t->table.keys_sha256, sizeof x->keys_sha256);
}

static void toy_pixels(struct toy *t, size_t n, struct rng *rng)
{
    struct pixels *p = &t->pixels;
    size_t size = TOY_SIDE * TOY_SIDE * 3;
    uint8_t *data = mem_calloc(n, size);
    p->n_row = n;
    p->height = p->width = TOY_SIDE;
    p->status = mem_calloc(n, 1);
    for (size_t i = 0; i < n; i++) {
        if (i == 7) {
            p->status[i] = PIXELS_MISSING;
            continue;
        }
        int32_t colour = rng_uniform(rng) < 0.9 ? t->table.col->code[i]
                                                : (int32_t)rng_below(rng, 3);
        for (size_t k = 0; k < size; k++)
            data[i * size + k] = (uint8_t)(rng_below(rng, 100) +
                                           (k % 3 == (size_t)colour ? 100 : 0));
    }
    p->data = data;
    p->recipe = mem_strdup("{\"size\": 8}");
    memcpy(p->keys_sha256, t->table.keys_sha256, sizeof p->keys_sha256);
}

static void toy_features(struct toy *t, size_t n, struct rng *rng)
{
    static const char *const name[] = { "f0", "f1", "f2" };
    struct featmat *f = &t->features;
    f->n_row = n;
    f->n_col = TOY_FEATURE;
    f->name = toy_texts(name, TOY_FEATURE);
    f->x = mem_calloc(n, TOY_FEATURE * sizeof *f->x);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < TOY_FEATURE; j++)
            t->table.col[1 + j].real[i] = f->x[i * TOY_FEATURE + j] = rng_normal(rng) +
                                                                      (t->table.col->code[i] ==
                                                                               (int32_t)j
                                                                           ? 2
                                                                           : 0);
    f->state = mem_strdup("{}");
    memcpy(f->keys_sha256, t->table.keys_sha256, sizeof f->keys_sha256);
}

static void toy_make(struct toy *t, size_t n, uint64_t seed)
{
    struct rng rng;
    *t = (struct toy){ 0 };
    rng_init(&rng, seed, 99);
    toy_table(t, n, &rng);
    toy_tokens(t, n, &rng);
    toy_pixels(t, n, &rng);
    toy_features(t, n, &rng);
    t->sides = (struct sides){ .n_row = n, .side = mem_calloc(n, 1), .recipe = mem_strdup("{}") };
    for (size_t i = 0; i < n; i++)
        t->sides.side[i] = i % 10 == 9 ? SIDE_NONE : i % 5 == 2 ? SIDE_VALIDATION : SIDE_TRAIN;
    memcpy(t->sides.keys_sha256, t->table.keys_sha256, sizeof t->sides.keys_sha256);
    t->data = (struct model_data){ &t->table, &t->tokens, &t->pixels, &t->features, &t->sides };
}

static void toy_release(struct toy *t)
{
    union {
        const uint8_t *read_only;
        uint8_t *owned;
    } picture = { .read_only = t->pixels.data }; /* made here, mapped elsewhere */
    free(picture.owned);
    t->pixels.data = NULL;
    table_release(&t->table);
    tokens_release(&t->tokens);
    pixels_release(&t->pixels);
    featmat_release(&t->features);
    sides_release(&t->sides);
}

/* A network for it that learns in a blink. */
#define TOY_NETWORK                                                    \
    "network: 1\n"                                                     \
    "branches:\n"                                                      \
    "  text:\n"                                                        \
    "    vocabulary: all\n"                                            \
    "    length: longest\n"                                            \
    "    layers: [{embedding: 8}, {lstm: 8}, {dropout: 0.1}]\n"        \
    "  pixels:\n"                                                      \
    "    layers:\n"                                                    \
    "      - {conv2d: 4, padding: same, activation: relu}\n"           \
    "      - maxpool: 2\n"                                             \
    "      - flatten\n"                                                \
    "      - {dense: 8, activation: relu}\n"                           \
    "      - batch_norm\n"                                             \
    "  features:\n"                                                    \
    "    layers: [{dense: 8, activation: relu}]\n"                     \
    "head: [concat, {dense: 8, activation: relu}, {dense: classes}]\n" \
    "training:\n"                                                      \
    "  learning_rate: 0.01\n"                                          \
    "  batch: 16\n"                                                    \
    "  epochs: 12\n"                                                   \
    "  keep: validation_loss\n"

#endif
