#include "models/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One candidate while counting. */
struct counted {
    int64_t n;    /* occurrences in the training rows */
    size_t first; /* position of the first one */
    size_t word;  /* index into the dictionary */
};

static int by_count(const void *pa, const void *pb)
{
    const struct counted *a = pa, *b = pb;
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* FNV-1a, 64 bits: Fowler, Noll & Vo (draft-eastlake-fnv). */
static uint64_t hash_word(const char *word)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (const unsigned char *p = (const unsigned char *)word; *p; p++)
        h = (h ^ *p) * 0x100000001b3u;
    return h ^ (h >> 32);
}

/* The slot of a word: where it stands, or the free one where it belongs. */
static size_t find_slot(const struct vocab *v, const char *word)
{
    size_t at = hash_word(word) & (v->n_slot - 1);
    while (v->slot[at] && strcmp(v->word[v->slot[at]], word) != 0)
        at = (at + 1) & (v->n_slot - 1);
    return at;
}

static int build_slots(struct vocab *v, struct err *e)
{
    for (v->n_slot = 16; v->n_slot < 2 * v->n; v->n_slot *= 2)
        ;
    v->slot = mem_calloc(v->n_slot, sizeof *v->slot);
    for (size_t id = VOCAB_FIRST; id < v->n; id++) {
        size_t at = find_slot(v, v->word[id]);
        if (v->slot[at])
            return err_set(e, ERR_DATA, "the word '%.60s' is in the vocabulary twice", v->word[id]);
        v->slot[at] = (uint32_t)id;
    }
    return 0;
}

/* Counts of all dictionary words over the rows; those that occur are sorted to the front. */
static size_t count_words(struct counted *c, const struct tokens *t, const size_t *row,
                          size_t n_row)
{
    size_t position = 0, n = 0;
    for (size_t i = 0; i < t->n_word; i++)
        c[i].word = i;
    for (size_t i = 0; i < n_row; i++) {
        for (int64_t k = t->offset[row[i]]; k < t->offset[row[i] + 1]; k++, position++) {
            struct counted *w = &c[t->id[k]];
            if (w->n++ == 0)
                w->first = position;
        }
    }
    for (size_t i = 0; i < t->n_word; i++)
        if (c[i].n)
            c[n++] = c[i];
    qsort(c, n, sizeof *c, by_count);
    return n;
}

int vocab_fit(struct vocab *v, const struct tokens *t, const size_t *row, size_t n_row,
              int64_t limit, struct err *e)
{
    struct vocab made = { 0 };
    struct counted *c = mem_calloc(t->n_word + 1, sizeof *c);
    size_t n = count_words(c, t, row, n_row);
    if (limit >= 0 && n + VOCAB_FIRST > (size_t)limit)
        n = limit > VOCAB_FIRST ? (size_t)limit - VOCAB_FIRST : 0;
    if (n + VOCAB_FIRST > VOCAB_MAX) {
        free(c);
        return err_set(
            e, ERR_DATA,
            "the training rows have %zu different words, limit %d: give 'vocabulary' a number", n,
            VOCAB_MAX - VOCAB_FIRST);
    }
    made.n = n + VOCAB_FIRST;
    made.word = mem_calloc(made.n, sizeof *made.word);
    made.word[VOCAB_PAD] = mem_strdup("");
    made.word[VOCAB_UNKNOWN] = mem_strdup("<OOV>");
    for (size_t i = 0; i < n; i++)
        made.word[VOCAB_FIRST + i] = mem_strdup(t->word[c[i].word]);
    free(c);
    int rc = build_slots(&made, e);
    if (rc) {
        vocab_release(&made);
        return rc;
    }
    *v = made;
    return 0;
}

int vocab_set(struct vocab *v, const char *const *word, size_t n, struct err *e)
{
    if (n < VOCAB_FIRST || n > VOCAB_MAX)
        return err_set(e, ERR_DATA, "the vocabulary has %zu words, want %d to %d", n, VOCAB_FIRST,
                       VOCAB_MAX);
    if (*word[VOCAB_PAD] || strcmp(word[VOCAB_UNKNOWN], "<OOV>") != 0)
        return err_set(e, ERR_DATA,
                       "the vocabulary begins with '%.60s', '%.60s', want '' and '<OOV>'", word[0],
                       word[1]);
    struct vocab made = { .n = n, .word = mem_calloc(n, sizeof *made.word) };
    for (size_t i = 0; i < n; i++)
        made.word[i] = mem_strdup(word[i]);
    int rc = build_slots(&made, e);
    if (rc) {
        vocab_release(&made);
        return rc;
    }
    *v = made;
    return 0;
}

void vocab_release(struct vocab *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->word[i]);
    free(v->word);
    free(v->slot);
    *v = (struct vocab){ 0 };
}

int32_t vocab_id(const struct vocab *v, const char *word)
{
    uint32_t id = v->n_slot ? v->slot[find_slot(v, word)] : 0;
    return id ? (int32_t)id : VOCAB_UNKNOWN;
}

void vocab_map_into(const struct vocab *v, const struct tokens *t, int32_t *map)
{
    for (size_t i = 0; i < t->n_word; i++)
        map[i] = vocab_id(v, t->word[i]);
}

int32_t *vocab_map(const struct vocab *v, const struct tokens *t)
{
    int32_t *map = mem_calloc(t->n_word + 1, sizeof *map);
    vocab_map_into(v, t, map);
    return map;
}

/* Words of a row that are coded, at most `most`. */
static size_t coded_words(const int32_t *map, const struct tokens *t, size_t row, bool drop_unknown,
                          size_t most)
{
    size_t n = 0;
    for (int64_t k = t->offset[row]; k < t->offset[row + 1] && n < most; k++)
        n += map[t->id[k]] != VOCAB_UNKNOWN || !drop_unknown;
    return n;
}

int32_t vocab_length(const struct vocab_shape *s, const int32_t *map, const struct tokens *t,
                     size_t row)
{
    return (int32_t)coded_words(map, t, row, s->drop_unknown, s->length);
}

int32_t vocab_encode(const struct vocab_shape *s, const int32_t *map, const struct tokens *t,
                     size_t row, int32_t *out)
{
    size_t n = 0;
    for (int64_t k = t->offset[row]; k < t->offset[row + 1] && n < s->length; k++) {
        int32_t id = map[t->id[k]];
        if (id != VOCAB_UNKNOWN || !s->drop_unknown)
            out[n++] = id;
    }
    size_t pad = s->length - n;
    if (s->pad_front) {
        memmove(out + pad, out, n * sizeof *out);
        memset(out, 0, pad * sizeof *out);
    } else {
        memset(out + n, 0, pad * sizeof *out);
    }
    return (int32_t)n;
}

size_t vocab_longest(const int32_t *map, const struct tokens *t, const size_t *row, size_t n_row,
                     bool drop_unknown)
{
    size_t longest = 1;
    for (size_t i = 0; i < n_row; i++) {
        size_t n = coded_words(map, t, row[i], drop_unknown, SIZE_MAX);
        longest = n > longest ? n : longest;
    }
    return longest;
}
