/* From typed rows to words, pixels and features. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "models/rowprep_inner.h"
#include "models/tabular_inner.h"

int rowprep_inputs_init(struct rowprep *p, struct err *e)
{
    struct text_options text;
    int rc;
    p->hand = mem_calloc((size_t)p->options.threads, sizeof *p->hand);
    if (p->has_text && (rc = text_recipe_parse(&text, p->wants.text_recipe, e)))
        return rc;
    for (int i = 0; p->has_text && i < p->options.threads; i++)
        if ((rc = text_init(&p->hand[i].cleaner, &text, e)))
            return rc;
    if (p->has_pixels && (rc = image_recipe_parse(&p->image, p->wants.pixels_recipe, e)))
        return rc;
    p->tokens.recipe = mem_strdup(p->wants.text_recipe);
    p->pixels.recipe = mem_strdup(p->wants.pixels_recipe);
    p->pixels.height = p->pixels.width = (size_t)p->image.size;
    if (!p->has_features)
        return 0;
    p->features.n_col = p->wants.n_feature;
    p->features.name = mem_copy_texts(p->wants.feature, p->wants.n_feature);
    if (p->state.n_out != p->features.n_col)
        return err_set(e, ERR_DATA,
                       "the state of its features gives %zu columns, the model reads %zu",
                       p->state.n_out, p->features.n_col);
    return 0;
}

void rowprep_inputs_release(struct rowprep *p)
{
    for (int i = 0; p->hand && i < p->options.threads; i++) {
        struct rowprep_hand *h = &p->hand[i];
        text_release(&h->cleaner);
        text_ids_release(&h->ids);
        rowtext_parts_release(&h->parts);
        free(h->id);
        free(h->word);
        picture_hand_release(&h->picture);
        str_release(&h->name);
    }
    free(p->hand);
    free(p->tokens.id);
    free(p->tokens.offset);
    free(p->tokens.word); /* the words themselves are the hands' */
    free(p->tokens.recipe);
    free(p->pixel);
    free(p->pixels.status);
    free(p->pixels.recipe);
    mem_free_texts(p->features.name, p->features.n_col);
    free(p->features.x);
}

/* ---- words ---- */

static void read_words(void *ctx, int worker, size_t i)
{
    struct rowprep *p = ctx;
    struct rowprep_hand *h = &p->hand[worker];
    struct rowprep_row *row = &p->row[i];

    rowtext_read(&p->text, i, &h->parts);
    text_numbers(&h->cleaner, h->parts.part, h->parts.n, &h->ids);
    if (h->n_id + h->ids.n > h->room_id) {
        h->room_id = 2 * (h->n_id + h->ids.n);
        h->id = mem_realloc(h->id, h->room_id, sizeof *h->id);
    }
    if (h->ids.n)
        memcpy(h->id + h->n_id, h->ids.id, h->ids.n * sizeof *h->id);
    row->hand = worker;
    row->first = h->n_id;
    row->n_word = h->ids.n;
    h->n_id += h->ids.n;
}

/* The dictionary has a word twice where two threads met it: models go by the word. */
static void add_row_words(struct rowprep *p, size_t i)
{
    const struct rowprep_row *row = &p->row[i];
    struct rowprep_hand *h = &p->hand[row->hand];
    struct tokens *t = &p->tokens;
    for (size_t k = 0; k < row->n_word; k++) {
        int32_t word = h->id[row->first + k];
        struct rowprep_word *known = &h->word[word];
        if (known->batch != p->batch) {
            if (t->n_word == p->room_word) {
                p->room_word = 2 * p->room_word + 256;
                t->word = mem_realloc(t->word, p->room_word, sizeof *t->word);
            }
            *known = (struct rowprep_word){ p->batch, (int32_t)t->n_word };
            /* nobody writes through it */
            t->word[t->n_word++] = h->cleaner.words.bytes.text + h->cleaner.words.at[word];
        }
        t->id[t->n_id++] = known->number;
    }
    t->offset[i + 1] = (int64_t)t->n_id;
}

static void make_words(struct rowprep *p)
{
    enum { MOST_WORDS = 1 << 20 };
    struct tokens *t = &p->tokens;
    size_t n_id = 0;
    for (int k = 0; k < p->options.threads; k++) {
        p->hand[k].n_id = 0;
        if (p->hand[k].cleaner.words.n > MOST_WORDS)
            text_forget(&p->hand[k].cleaner);
    }
    parallel_for(p->options.threads, p->n, read_words, p);
    for (int k = 0; k < p->options.threads; k++) {
        struct rowprep_hand *h = &p->hand[k];
        size_t n = h->cleaner.words.n;
        n_id += h->n_id;
        if (n > h->room_word) {
            h->word = mem_realloc(h->word, 2 * n, sizeof *h->word);
            memset(h->word + h->room_word, 0, (2 * n - h->room_word) * sizeof *h->word);
            h->room_word = 2 * n;
        }
    }
    if (n_id > p->room_id) {
        p->room_id = 2 * n_id;
        t->id = mem_realloc(t->id, p->room_id, sizeof *t->id);
    }
    if (!t->offset)
        t->offset = mem_calloc(p->max_rows + 1, sizeof *t->offset);
    t->n_row = p->n;
    t->n_id = t->n_word = 0;
    for (size_t i = 0; i < p->n; i++)
        add_row_words(p, i);
}

/* ---- pictures ---- */

/* Where the picture of a row is: a path below *out_dir into *out. NULL, or why it has none ("":
 * nobody asks for one). */
static const char *picture_of(const struct rowprep *p, size_t i, struct str *out, int *out_dir)
{
    const char *given = p->row[i].picture;
    *out_dir = p->options.images < 0 ? AT_FDCWD : p->options.images;
    if (given) {
        str_clear(out);
        str_addz(out, given);
        return p->options.images >= 0 && picture_leaves(given)
                   ? "the path leaves the directory of pictures"
                   : NULL;
    }
    return p->options.images < 0 || !p->pattern.n ? "" : picture_name(&p->pattern, i, out);
}

static void read_picture(void *ctx, int worker, size_t i)
{
    struct rowprep *p = ctx;
    struct rowprep_hand *h = &p->hand[worker];
    size_t size = 3 * p->pixels.height * p->pixels.width;
    uint8_t *out = p->pixel + i * size;
    enum pixels_status status = PIXELS_MISSING;
    int dir;

    const char *why = p->row[i].error ? "" : picture_of(p, i, &h->name, &dir);
    if (why) {
        memset(out, 0, size);
    } else {
        if (h->e.code ||
            picture_pixels(&h->picture, &p->image, dir, str_text(&h->name), out, &status, &h->e))
            return;
        why = status == PIXELS_OK ? NULL : str_text(&h->picture.why);
    }
    p->pixels.status[i] = (uint8_t)status;
    if (!why || p->row[i].error)
        return;
    char *text = *why ? str_format("no picture: %s", why) : mem_strdup("no picture is given");
    if (p->row[i].picture || status == PIXELS_CORRUPT)
        rowprep_fault(p, i, text);
    else
        rowprep_add_note(p, i, text); /* as in training */
}

static int make_pictures(struct rowprep *p, struct err *e)
{
    size_t size = 3 * p->pixels.height * p->pixels.width;
    int rc = 0;
    picture_pattern_release(&p->pattern);
    if (p->wants.roles->image && (rc = picture_pattern_init(&p->pattern, &p->table, "model", e)))
        return rc;
    if (p->n > p->room_pixel) {
        free(p->pixel);
        p->pixel = mem_aligned(p->n, size);
        p->room_pixel = p->n;
    }
    if (!p->pixels.status)
        p->pixels.status = mem_calloc(p->max_rows, 1);
    parallel_for(p->options.threads, p->n, read_picture, p);
    for (int k = 0; k < p->options.threads && rc == 0; k++)
        if (p->hand[k].e.code)
            rc = err_set(e, p->hand[k].e.code, "%s", p->hand[k].e.text);
    p->pixels.n_row = p->n;
    p->pixels.data = p->pixel;
    return rc;
}

/* ---- features ---- */

/* Levels that training did not see and that no level stands for: the answer does not know them. */
static void note_levels(struct rowprep *p, const struct tabular_column *c)
{
    const struct column *from = table_column(&p->table, c->name);
    if (!c->category || !from || from->type != COLUMN_CATEGORY)
        return;
    struct tabular_source source;
    tabular_source_init(&source, c, from, NULL);
    for (size_t i = 0; i < p->n; i++) {
        if (p->row[i].error || !column_valid(from, i) || tabular_level(&source, i) >= 0)
            continue;
        const char *level = from->level[from->code[i]];
        const char *near = str_nearest(level, (const char *const *)c->level, c->n_level);
        char *shown = record_shorten(level, strlen(level), 60);
        rowprep_add_note(p, i,
                         str_format("column '%s': no training row has '%s'%s%s%s", c->name, shown,
                                    near ? "; did you mean '" : "", near ? near : "",
                                    near ? "'?" : ""));
        free(shown);
    }
    tabular_source_release(&source);
}

/* The message without the row's place in the batch. */
static char *without_row(const char *text, size_t i)
{
    char *place = str_format(" row %zu:", i);
    const char *at = strstr(text, place);
    char *cut = at ? str_format("%.*s:%s", (int)(at - text), text, at + strlen(place))
                   : mem_strdup(text);
    free(place);
    return cut;
}

static void make_features(struct rowprep *p)
{
    struct featmat *f = &p->features;
    struct err bad = { 0 };
    if (p->n > p->room_features) {
        f->x = mem_realloc(f->x, p->n, (f->n_col + 1) * sizeof *f->x);
        p->room_features = p->n;
    }
    f->n_row = p->n;
    for (size_t j = 0; j < p->state.n_col; j++)
        note_levels(p, &p->state.col[j]);
    if (tabular_apply(&p->state, &p->table, NULL, p->n, f->x, &bad) == 0)
        return;
    for (size_t i = 0; i < p->n; i++) {
        double *x = f->x + i * f->n_col;
        if (tabular_apply(&p->state, &p->table, &i, 1, x, &bad) == 0)
            continue;
        memset(x, 0, f->n_col * sizeof *x);
        rowprep_set_error(p, i, without_row(bad.text, i));
    }
}

int rowprep_inputs_make(struct rowprep *p, struct model_data *out, struct err *e)
{
    int rc;
    *out = (struct model_data){ .table = &p->table };
    if (p->has_text) {
        rowtext_release(&p->text);
        if ((rc = rowtext_init(&p->text, &p->table, "model", e)))
            return rc;
        make_words(p);
        out->tokens = &p->tokens;
    }
    if (p->has_pixels) {
        if ((rc = make_pictures(p, e)))
            return rc;
        out->pixels = &p->pixels;
    }
    if (p->has_features) {
        make_features(p);
        out->features = &p->features;
    }
    return 0;
}
