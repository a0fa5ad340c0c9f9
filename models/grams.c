#include "models/grams.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/mem.h"

/* ---- reading rows ---- */

static int32_t known(void *arg, const char *text, size_t n)
{
    const struct vocab *v = arg;
    (void)n;
    int32_t id = vocab_id(v, text);
    return id == VOCAB_UNKNOWN ? -1 : id;
}

void gram_reader_init(struct gram_reader *r, const struct grams *g, const struct tokens *t)
{
    *r = (struct gram_reader){ .grams = g, .number = known };
    r->arg = (void *)(uintptr_t)&g->vocab; /* `known` takes it back as const */
    gram_reader_turn(r, t);
}

void gram_reader_turn(struct gram_reader *r, const struct tokens *t)
{
    r->tokens = t;
    r->n_of_word = 0;
    if (t->n_word >= r->room_word) {
        r->room_word = t->n_word + 1;
        r->first = mem_realloc(r->first, r->room_word, sizeof *r->first);
        r->count = mem_realloc(r->count, r->room_word, sizeof *r->count);
    }
    memset(r->count, -1, t->n_word * sizeof *r->count); /* SIZE_MAX */
}

void gram_reader_release(struct gram_reader *r)
{
    free(r->of_word);
    free(r->first);
    free(r->count);
    free(r->seen);
    free(r->id);
    str_release(&r->text);
    str_release(&r->marked);
    *r = (struct gram_reader){ 0 };
}

static int32_t *appended(int32_t *list, size_t n, size_t *room)
{
    if (n < *room)
        return list;
    *room = *room ? 2 * *room : 256;
    return mem_realloc(list, *room, sizeof *list);
}

static void add_of_word(struct gram_reader *r, const char *text, size_t n)
{
    int32_t id = r->number(r->arg, text, n);
    if (id < 0)
        return;
    r->of_word = appended(r->of_word, r->n_of_word, &r->room_of_word);
    r->of_word[r->n_of_word++] = id;
}

/* Bytes of n characters of UTF-8 from `at`, or 0 if there are fewer. */
static size_t span(const char *at, size_t n)
{
    const char *p = at;
    for (; n && *p; n--)
        for (p++; ((unsigned char)*p & 0xc0) == 0x80; p++)
            ;
    return n ? 0 : (size_t)(p - at);
}

static void look_at_characters(struct gram_reader *r, const char *word)
{
    str_clear(&r->marked);
    str_addc(&r->marked, '<');
    str_addz(&r->marked, word);
    str_addc(&r->marked, '>');
    for (const char *at = str_text(&r->marked); *at; at += span(at, 1))
        for (size_t n = r->grams->char_min; n <= r->grams->char_max; n++) {
            size_t bytes = span(at, n);
            if (bytes == 0)
                break;
            str_clear(&r->text);
            str_addc(&r->text, '#');
            str_add(&r->text, at, bytes);
            add_of_word(r, str_text(&r->text), r->text.n);
        }
}

static void look_at_word(struct gram_reader *r, size_t w)
{
    const char *word = r->tokens->word[w];
    r->first[w] = r->n_of_word;
    if (r->grams->words)
        add_of_word(r, word, strlen(word));
    if (r->grams->char_max)
        look_at_characters(r, word);
    r->count[w] = r->n_of_word - r->first[w];
}

static void add_to_row(struct gram_reader *r, int32_t id)
{
    if (!r->seen || (size_t)id >= r->n_seen) {
        size_t n = 2 * (size_t)id + 64;
        r->seen = mem_realloc(r->seen, n, sizeof *r->seen);
        memset(r->seen + r->n_seen, 0, (n - r->n_seen) * sizeof *r->seen);
        r->n_seen = n;
    }
    if (r->seen[id])
        return;
    r->seen[id] = true;
    r->id = appended(r->id, r->n, &r->room);
    r->id[r->n++] = id;
}

/* The runs of two words and more that begin at place k of a row that ends before `end`. */
static void add_runs(struct gram_reader *r, int64_t k, int64_t end)
{
    const struct tokens *t = r->tokens;
    str_clear(&r->text);
    str_addz(&r->text, t->word[t->id[k]]);
    for (size_t n = 2; n <= r->grams->words && k + (int64_t)n <= end; n++) {
        str_addc(&r->text, ' ');
        str_addz(&r->text, t->word[t->id[k + (int64_t)n - 1]]);
        int32_t id = r->number(r->arg, str_text(&r->text), r->text.n);
        if (id >= 0)
            add_to_row(r, id);
    }
}

void gram_reader_read(struct gram_reader *r, size_t row)
{
    const struct tokens *t = r->tokens;
    int64_t begin = t->offset[row], end = t->offset[row + 1];
    if (r->grams->length && end - begin > (int64_t)r->grams->length)
        end = begin + (int64_t)r->grams->length;
    r->n = 0;
    for (int64_t k = begin; k < end; k++) {
        size_t w = (size_t)t->id[k];
        if (r->count[w] == SIZE_MAX)
            look_at_word(r, w);
        for (size_t i = 0; i < r->count[w]; i++)
            add_to_row(r, r->of_word[r->first[w] + i]);
        if (r->grams->words > 1)
            add_runs(r, k, end);
    }
    for (size_t i = 0; i < r->n; i++)
        r->seen[r->id[i]] = false;
}

void gram_reader_values(const struct gram_reader *r, float *out)
{
    const float *weight = r->grams->weight;
    double square = 0;
    for (size_t i = 0; i < r->n; i++)
        square += (double)weight[r->id[i]] * (double)weight[r->id[i]];
    for (size_t i = 0; i < r->n; i++)
        out[i] = (float)((double)weight[r->id[i]] / sqrt(square));
}

/* ---- fit ---- */

static int32_t interned(void *arg, const char *text, size_t n)
{
    struct intern *in = arg;
    return intern_add(in, text, n);
}

struct counted {
    size_t rows; /* training rows that have it */
    int32_t id;  /* in order of first appearance */
};

static int by_rows(const void *pa, const void *pb)
{
    const struct counted *a = pa, *b = pb;
    if (a->rows != b->rows)
        return a->rows > b->rows ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* In how many training rows is every n-gram? */
static struct counted *count(const struct grams *g, const struct tokens *t, const struct rows *rows,
                             struct intern *all)
{
    struct gram_reader r;
    struct counted *c = NULL;
    size_t n_c = 0;
    gram_reader_init(&r, g, t);
    r.number = interned;
    r.arg = all;
    for (size_t i = 0; i < rows->n_train; i++) {
        gram_reader_read(&r, rows->train[i]);
        if (!c || all->n > n_c) {
            size_t room = 2 * all->n + 1;
            c = mem_realloc(c, room, sizeof *c);
            for (; n_c < room; n_c++)
                c[n_c] = (struct counted){ 0, (int32_t)n_c };
        }
        for (size_t k = 0; k < r.n; k++)
            c[r.id[k]].rows++;
    }
    gram_reader_release(&r);
    return c;
}

/* The n-grams that are kept, as a vocabulary. */
static int choose(struct grams *g, const struct nn_branch *b, struct counted *c,
                  const struct intern *all, struct err *e)
{
    size_t n = 0;
    if (all->n)
        qsort(c, all->n, sizeof *c, by_rows);
    while (n < all->n && c[n].rows >= (size_t)b->ngrams.min_rows)
        n++;
    if (b->vocabulary >= 0 && n > (size_t)b->vocabulary)
        n = (size_t)b->vocabulary;
    if (n + VOCAB_FIRST > VOCAB_MAX)
        return err_set(e, ERR_DATA,
                       "the training rows have %zu different n-grams, limit %d: give 'min_rows' or "
                       "'vocabulary'",
                       n, VOCAB_MAX - VOCAB_FIRST);
    const char **text = mem_calloc(n + VOCAB_FIRST, sizeof *text);
    text[VOCAB_PAD] = "";
    text[VOCAB_UNKNOWN] = "<OOV>";
    for (size_t i = 0; i < n; i++)
        text[VOCAB_FIRST + i] = intern_get(all, (size_t)c[i].id);
    int rc = vocab_set(&g->vocab, text, n + VOCAB_FIRST, e);
    free(text);
    return rc;
}

/* have (C, V): in how many rows of each class is an n-gram? */
static double *count_by_class(struct grams *g, const struct tokens *t, const struct rows *rows)
{
    size_t V = g->vocab.n;
    double *have = mem_calloc(rows->classes.n, V * sizeof *have);
    struct gram_reader r;
    gram_reader_init(&r, g, t);
    for (size_t i = 0; i < rows->n_train; i++) {
        size_t class = (size_t)rows->class_of_row[rows->train[i]];
        gram_reader_read(&r, rows->train[i]);
        for (size_t k = 0; k < r.n; k++)
            have[class * V + (size_t)r.id[k]]++;
        g->most = r.n > g->most ? r.n : g->most;
    }
    gram_reader_release(&r);
    return have;
}

static void weigh_by_ratio(struct grams *g, const double *have, const double *all, size_t C)
{
    size_t V = g->vocab.n;
    for (size_t c = 0; c < C; c++) {
        const double *p = have + c * V;
        double sum_p = 0, sum_q = 0;
        for (size_t i = VOCAB_FIRST; i < V; i++) {
            sum_p += p[i] + 1;
            sum_q += all[i] - p[i] + 1;
        }
        for (size_t i = VOCAB_FIRST; i < V; i++) {
            double ratio = log((p[i] + 1) / sum_p) - log((all[i] - p[i] + 1) / sum_q);
            g->weight[i] = fmaxf(g->weight[i], (float)fabs(ratio));
        }
    }
}

static void weigh(struct grams *g, enum nn_gram_weight how, const double *have,
                  const struct rows *rows)
{
    size_t V = g->vocab.n, C = rows->classes.n;
    double *all = mem_calloc(V, sizeof *all);
    g->weight = mem_calloc(V, sizeof *g->weight);
    for (size_t c = 0; c < C; c++)
        for (size_t i = 0; i < V; i++)
            all[i] += have[c * V + i];
    if (how == GRAM_LOG_COUNT_RATIO)
        weigh_by_ratio(g, have, all, C);
    for (size_t i = 0; i < V; i++) {
        if (how == GRAM_IDF)
            g->weight[i] = (float)(log((1 + (double)rows->n_train) / (1 + all[i])) + 1);
        else if (how == GRAM_ONE)
            g->weight[i] = 1;
        g->weight[i] = fmaxf(g->weight[i], 1e-6f); /* a ratio of exactly 0 */
    }
    free(all);
}

int grams_fit(struct grams *g, const struct nn_branch *b, const struct tokens *t,
              const struct rows *rows, struct err *e)
{
    struct grams made = { .words = (size_t)b->ngrams.words,
                          .char_min = (size_t)b->ngrams.char_min,
                          .char_max = (size_t)b->ngrams.char_max,
                          .length = b->length > 0 ? (size_t)b->length : 0 };
    struct intern all = { 0 };
    struct counted *c = count(&made, t, rows, &all);
    int rc = choose(&made, b, c, &all, e);
    if (rc == 0) {
        double *have = count_by_class(&made, t, rows);
        weigh(&made, b->ngrams.weight, have, rows);
        free(have);
        *g = made;
    }
    free(c);
    intern_release(&all);
    return rc;
}

void grams_release(struct grams *g)
{
    vocab_release(&g->vocab);
    free(g->weight);
    *g = (struct grams){ 0 };
}

/* ---- model file ---- */

int grams_save(const struct grams *g, struct h5 *h, struct err *e)
{
    int rc;
    if ((rc = h5_write_strings(h, "ngrams/vocabulary", (const char *const *)g->vocab.word,
                               g->vocab.n, e)) ||
        (rc = h5_write(h, "ngrams/weight", H5_F32, 1, &g->vocab.n, g->weight, e)) ||
        (rc = h5_set_int(h, "ngrams", "words", (int64_t)g->words, e)) ||
        (rc = h5_set_int(h, "ngrams", "char_min", (int64_t)g->char_min, e)) ||
        (rc = h5_set_int(h, "ngrams", "char_max", (int64_t)g->char_max, e)))
        return rc;
    return h5_set_int(h, "ngrams", "length", (int64_t)g->length, e);
}

static int load_weight(struct grams *g, struct h5 *h, struct err *e)
{
    size_t n;
    int rc = h5_shape(h, "ngrams/weight", H5_F32, 1, &n, e);
    if (rc == 0 && n != g->vocab.n)
        rc = err_set(e, ERR_DATA, "ngrams: %zu weights for %zu n-grams", n, g->vocab.n);
    if (rc)
        return rc;
    g->weight = mem_calloc(n, sizeof *g->weight);
    rc = h5_read_rows(h, "ngrams/weight", H5_F32, 0, n, g->weight, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!(g->weight[i] > 0) || !isfinite(g->weight[i]))
            rc = err_set(e, ERR_DATA, "ngrams: weight %zu is %g, want more than 0", i,
                         (double)g->weight[i]);
    return rc;
}

static int load_sizes(struct grams *g, struct h5 *h, struct err *e)
{
    int64_t words, low, high, length;
    int rc;
    if ((rc = h5_get_int(h, "ngrams", "words", &words, e)) ||
        (rc = h5_get_int(h, "ngrams", "char_min", &low, e)) ||
        (rc = h5_get_int(h, "ngrams", "char_max", &high, e)) ||
        (rc = h5_get_int(h, "ngrams", "length", &length, e)))
        return rc;
    if (words < 0 || words > 8 || low < (high > 0) || high < low || high > 16 || length < 0)
        return err_set(e, ERR_DATA,
                       "ngrams: words %lld, char_min %lld, char_max %lld, length %lld, want 0 to "
                       "8, 0 to 16, at least char_min, at least 0",
                       (long long)words, (long long)low, (long long)high, (long long)length);
    g->words = (size_t)words;
    g->char_min = (size_t)low;
    g->char_max = (size_t)high;
    g->length = (size_t)length;
    return 0;
}

int grams_load(struct grams *g, struct h5 *h, struct err *e)
{
    enum { MAX_BYTES = 1 << 30 };
    struct grams made = { 0 };
    char **text = NULL;
    size_t n = 0;
    int rc = h5_read_strings(h, "ngrams/vocabulary", &text, &n, MAX_BYTES, e);
    if (rc)
        return rc;
    rc = vocab_set(&made.vocab, (const char *const *)text, n, e);
    mem_free_texts(text, n);
    if (rc || (rc = load_sizes(&made, h, e)) || (rc = load_weight(&made, h, e)))
        grams_release(&made);
    else
        *g = made;
    return rc;
}
