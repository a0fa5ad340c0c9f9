/* preprocess_text: the words of every row's text fields, numbered.
 *
 *   in   table  refit.table; its text role names the columns, joined in that order
 *   out  text   refit.tokens: dictionary in order of first appearance by row; options as recipe
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/intern.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/parallel.h"
#include "io/rowtext.h"
#include "io/table.h"
#include "io/text.h"
#include "io/tokens.h"

struct params {
    const char *table, *text, *language, *charset, *ngram_of;
    bool lower, stop_words, stem, html, mask_digits, mask_urls;
    int64_t max_words, ngram_min, ngram_max;
};

static const struct opt options[] = {
    { OPT_IN(struct params, table), .help = "table with text columns",
      .format = "hdf5:refit.table" },
    { OPT_OUT(struct params, text), .help = "the words of every row",
      .format = "hdf5:refit.tokens" },
    { OPT_CHOICE(struct params, language), .text = "none", .choices = TEXT_LANGUAGES,
      .help = "language of stop words and stemmer" },
    { OPT_CHOICE(struct params, charset), .text = "unicode", .choices = TEXT_CHARSETS,
      .help = "what words are made of: letters and digits of every script, a to z alone, letters "
              "of every script" },
    { OPT_BOOL(struct params, lower), .def = true, .help = "fold upper case to lower" },
    { OPT_BOOL(struct params, stop_words), .def = true,
      .help = "leave out the common words of the language" },
    { OPT_BOOL(struct params, stem), .def = false,
      .help = "reduce words to their stem (Snowball)" },
    { OPT_BOOL(struct params, html), .def = true, .help = "drop HTML tags and decode entities" },
    { OPT_BOOL(struct params, mask_digits), .def = false,
      .help = "every decimal digit becomes 0: 128gb is 000gb" },
    { OPT_BOOL(struct params, mask_urls), .def = false,
      .help = "a web address becomes the one word <url>" },
    { OPT_INT(struct params, max_words), .def = 0, .min = 0, .max = 1e9, .unit = "words",
      .help = "keep only the first words of a row; 0: all" },
    { OPT_CHOICE(struct params, ngram_of), .text = "words", .choices = TEXT_UNITS,
      .help = "n-grams of the words of a row, or of the characters of each word" },
    { OPT_INT(struct params, ngram_min), .def = 1, .min = 1, .max = TEXT_MAX_NGRAM,
      .help = "shortest n-grams" },
    { OPT_INT(struct params, ngram_max), .def = 1, .min = 1, .max = TEXT_MAX_NGRAM,
      .help = "longest n-grams; 1 of words: the words themselves" },
    { 0 },
};

/* Rows are cut into pieces of fixed size. A thread numbers the words of its pieces as it meets
 * them and notes for each piece which of them are new to it. The new words of all pieces, joined in
 * order of the pieces, get the numbers of the result: a word's first piece lists it, whichever
 * thread had that piece, so the numbers do not depend on the threads. */
enum { PIECE_ROWS = 512, WAVE_PIECES = 64, MOST_WORDS = 4 << 20 };

struct piece {
    struct hand *hand; /* borrowed: whose numbers these are */
    int32_t *word;     /* (n_word) owned: new to the hand, in order of appearance */
    size_t n_word, room_word;
    int32_t *id; /* (n_id) owned */
    size_t n_id, room;
    size_t end[PIECE_ROWS]; /* of the row's words in id */
    size_t n_row, n_empty;
    size_t row, at; /* where its rows and its ids stand in the result */
};

enum { NOT_MET = 0, MET = -1 };

/* What one thread works with. */
struct hand {
    struct text cleaner;
    struct text_ids ids;
    int32_t *joined; /* (room_joined) owned, by number in the cleaner: NOT_MET, MET in this wave, or
                        the number in the result, counted from 1 */
    size_t room_joined;
    struct rowtext_parts parts;
};

struct job {
    const struct table *table;
    struct rowtext text;
    struct joined *joined;
    struct hand *hand; /* (n_hand) owned */
    int n_hand;
    struct piece *piece; /* (WAVE_PIECES) owned */
    size_t first_piece;  /* of the wave */
    atomic_size_t n_done;
};

/* What is joined: the output without the array of pointers into `words`. */
struct joined {
    struct intern words;
    int32_t *id; /* (n_id) owned */
    size_t n_id;
    int64_t *offset; /* (n_row + 1) owned */
    size_t n_row, n_empty;
};

static struct text_options options_of(const struct params *p)
{
    struct err never = { 0 }; /* the option table lets only its choices pass */
    struct text_options o = { .language = p->language,
                              .lower = p->lower,
                              .stop_words = p->stop_words,
                              .stem = p->stem,
                              .html = p->html,
                              .mask_digits = p->mask_digits,
                              .mask_urls = p->mask_urls,
                              .max_words = p->max_words,
                              .ngram_min = p->ngram_min,
                              .ngram_max = p->ngram_max };
    text_charset_parse(p->charset, &o.charset, &never);
    text_unit_parse(p->ngram_of, &o.ngram_of, &never);
    return o;
}

static int check(const void *params, struct err *e)
{
    struct text_options o = options_of(params);
    return text_check(&o, e);
}

static int start_hands(struct job *job, const struct text_options *o, struct err *e)
{
    job->n_hand = opt_threads();
    job->hand = mem_calloc((size_t)job->n_hand, sizeof *job->hand);
    for (int i = 0; i < job->n_hand; i++) {
        struct hand *h = &job->hand[i];
        int rc = text_init(&h->cleaner, o, e);
        if (rc)
            return rc;
    }
    return 0;
}

static void job_release(struct job *job)
{
    for (int i = 0; i < job->n_hand; i++) {
        struct hand *h = &job->hand[i];
        rowtext_parts_release(&h->parts);
        text_ids_release(&h->ids);
        free(h->joined);
        text_release(&h->cleaner);
    }
    for (size_t i = 0; job->piece && i < WAVE_PIECES; i++) {
        free(job->piece[i].word);
        free(job->piece[i].id);
    }
    free(job->piece);
    free(job->hand);
    rowtext_release(&job->text);
}

static void read_row(const struct job *job, struct hand *h, size_t row)
{
    rowtext_read(&job->text, row, &h->parts);
    text_numbers(&h->cleaner, h->parts.part, h->parts.n, &h->ids);
}

/* The words of a row to the piece. */
static void add_words(struct piece *p, struct hand *h)
{
    size_t n_word = h->cleaner.words.n;
    if (n_word > h->room_joined) {
        h->joined = mem_realloc(h->joined, 2 * n_word, sizeof *h->joined);
        memset(h->joined + h->room_joined, 0, (2 * n_word - h->room_joined) * sizeof *h->joined);
        h->room_joined = 2 * n_word;
    }
    if (p->n_id + h->ids.n > p->room) {
        p->room = 2 * (p->n_id + h->ids.n) + 4096;
        p->id = mem_realloc(p->id, p->room, sizeof *p->id);
    }
    for (size_t i = 0; i < h->ids.n; i++) {
        int32_t word = p->id[p->n_id++] = h->ids.id[i];
        if (h->joined[word] != NOT_MET)
            continue;
        h->joined[word] = MET;
        if (p->n_word == p->room_word) {
            p->room_word = 2 * p->room_word + 1024;
            p->word = mem_realloc(p->word, p->room_word, sizeof *p->word);
        }
        p->word[p->n_word++] = word;
    }
}

static void do_piece(void *ctx, int worker, size_t i)
{
    struct job *job = ctx;
    struct piece *p = &job->piece[i];

    p->row = (job->first_piece + i) * PIECE_ROWS;
    p->n_row = job->table->n_row - p->row < PIECE_ROWS ? job->table->n_row - p->row : PIECE_ROWS;
    p->hand = &job->hand[worker];
    p->n_id = p->n_word = p->n_empty = 0;
    for (size_t k = 0; k < p->n_row; k++) {
        read_row(job, p->hand, p->row + k);
        p->n_empty += p->hand->ids.n == 0;
        add_words(p, p->hand);
        p->end[k] = p->n_id;
    }
    size_t done = atomic_fetch_add(&job->n_done, p->n_row) + p->n_row;
    if (worker == 0)
        event_progress((int64_t)done, (int64_t)job->table->n_row, "texts");
}

/* Give the new words of a piece their numbers, and the piece its place. */
static int join_words(struct joined *j, struct piece *p, struct err *e)
{
    const struct hand *h = p->hand;
    if (j->words.n + p->n_word >= INT32_MAX - 1)
        return err_set(e, ERR_DATA, "more than %d distinct words", INT32_MAX - 2);
    for (size_t i = 0; i < p->n_word; i++)
        h->joined[p->word[i]] = intern_join(&j->words, &h->cleaner.words, (size_t)p->word[i]) + 1;
    p->at = j->n_id;
    j->n_id += p->n_id;
    j->n_row += p->n_row;
    j->n_empty += p->n_empty;
    return 0;
}

/* The piece's ids to their place, with the numbers of the result. */
static void join_ids(void *ctx, int worker, size_t i)
{
    const struct job *job = ctx;
    const struct piece *p = &job->piece[i];
    const int32_t *number = p->hand->joined;
    int32_t *id = job->joined->id + p->at;
    int64_t *offset = job->joined->offset + p->row + 1;

    (void)worker;
    for (size_t k = 0; k < p->n_id; k++)
        id[k] = number[p->id[k]] - 1;
    for (size_t k = 0; k < p->n_row; k++)
        offset[k] = (int64_t)(p->at + p->end[k]);
}

/* Between waves: a thread's words are no more than a convenience. */
static void forget_much(struct job *job)
{
    for (int i = 0; i < job->n_hand; i++) {
        struct hand *h = &job->hand[i];
        if (h->cleaner.words.n < MOST_WORDS)
            continue;
        text_forget(&h->cleaner);
        memset(h->joined, 0, h->room_joined * sizeof *h->joined);
    }
}

static int do_wave(struct job *job, size_t n, struct err *e)
{
    struct joined *j = job->joined;
    parallel_for(job->n_hand, n, do_piece, job);
    for (size_t i = 0; i < n; i++) {
        int rc = join_words(j, &job->piece[i], e);
        if (rc)
            return rc;
    }
    j->id = mem_realloc(j->id, j->n_id, sizeof *j->id);
    parallel_for(job->n_hand, n, join_ids, job);
    forget_much(job);
    return 0;
}

static int do_all(struct job *job, struct err *e)
{
    size_t n_row = job->table->n_row, n_piece = (n_row + PIECE_ROWS - 1) / PIECE_ROWS;
    int rc = 0;

    job->joined->offset = mem_calloc(n_row + 1, sizeof *job->joined->offset);
    job->piece = mem_calloc(WAVE_PIECES, sizeof *job->piece);
    for (; job->first_piece < n_piece && rc == 0; job->first_piece += WAVE_PIECES) {
        size_t left = n_piece - job->first_piece;
        rc = do_wave(job, left < WAVE_PIECES ? left : WAVE_PIECES, e);
    }
    return rc;
}

static int write(const struct joined *j, const struct table *t, const struct text_options *o,
                 const char *path, struct err *e)
{
    struct tokens out = {
        .n_row = j->n_row, .n_id = j->n_id, .n_word = j->words.n, .id = j->id, .offset = j->offset
    };
    out.word = mem_calloc(out.n_word, sizeof *out.word);
    for (size_t i = 0; i < out.n_word; i++)
        out.word[i] = j->words.bytes.text + j->words.at[i];
    out.recipe = text_recipe(o);
    memcpy(out.keys_sha256, t->keys_sha256, sizeof out.keys_sha256);
    int rc = tokens_write(&out, path, e);
    free(out.recipe);
    free(out.word); /* the words themselves belong to j */
    return rc;
}

static void report(const struct joined *j, const struct text_options *o)
{
    log_info("%zu rows, %zu words, %zu of them distinct; %zu rows without words", j->n_row, j->n_id,
             j->words.n, j->n_empty);
    if (o->stop_words && !text_has_stop_words(o) && strcmp(o->language, "none") != 0)
        log_info("there is no list of stop words for %s: none are left out", o->language);
    if (j->n_row && j->n_empty == j->n_row)
        log_warn("no row has any words");
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct text_options o = options_of(p);
    struct table table = { 0 };
    struct joined joined = { 0 };
    struct job job = { .table = &table, .joined = &joined };
    int rc;

    if ((rc = text_check(&o, e)) || (rc = table_read_texts(&table, p->table, e)) ||
        (rc = rowtext_init(&job.text, &table, p->table, e)) || (rc = start_hands(&job, &o, e)) ||
        (rc = do_all(&job, e)))
        goto out;
    event_progress((int64_t)table.n_row, (int64_t)table.n_row, "texts");
    if ((rc = write(&joined, &table, &o, p->text, e)) == 0)
        report(&joined, &o);
out:
    free(joined.offset);
    free(joined.id);
    intern_release(&joined.words);
    job_release(&job);
    table_release(&table);
    return rc;
}

static const struct stage stage = {
    .name = "preprocess_text",
    .purpose = "turn the texts of a table into numbered words",
    .more = "Words start with a letter or digit; apostrophe, hyphen and all other signs separate: "
            "\"l'écran\" is l, écran.\n"
            "Serving repeats exactly these steps: the options travel with the words and then in "
            "the model.",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
