#include "models/prep.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/tabular.h"

/* ---- fit ---- */

static int fit_text(struct prep *p, const struct nn_branch *b, const struct tokens *t,
                    const size_t *row, size_t n_row, bool *out_empty, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < n_row; i++)
        n += (size_t)(t->offset[row[i] + 1] - t->offset[row[i]]);
    *out_empty = n == 0;
    if (*out_empty)
        return 0;
    int rc = vocab_fit(&p->vocab, t, row, n_row, b->vocabulary, e);
    if (rc)
        return rc;
    p->shape = (struct vocab_shape){ .pad_front = b->pad_front, .drop_unknown = b->drop_unknown };
    if (b->length > 0) {
        p->shape.length = (size_t)b->length;
    } else {
        int32_t *map = vocab_map(&p->vocab, t);
        p->shape.length = vocab_longest(map, t, row, n_row, b->drop_unknown);
        free(map);
    }
    if (p->shape.length > VOCAB_MAX_LENGTH)
        return err_set(e, ERR_DATA, "rows of %zu words, limit %d: give the text branch a 'length'",
                       p->shape.length, VOCAB_MAX_LENGTH);
    p->text_recipe = mem_strdup(t->recipe);
    return 0;
}

static int fit_ngrams(struct prep *p, const struct nn_branch *b, const struct tokens *t,
                      const struct rows *rows, bool *out_empty, struct err *e)
{
    int rc = grams_fit(&p->grams, b, t, rows, e);
    if (rc)
        return rc;
    *out_empty = p->grams.vocab.n == VOCAB_FIRST;
    if (!*out_empty && !p->text_recipe)
        p->text_recipe = mem_strdup(t->recipe);
    return 0;
}

static int fit_pixels(struct prep *p, const struct nn_branch *b, const struct pixels *x,
                      const size_t *row, size_t n_row, bool *out_empty, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < n_row; i++)
        n += x->status[row[i]] == PIXELS_OK;
    *out_empty = n == 0;
    if (*out_empty)
        return 0;
    if (b->image_size &&
        ((int64_t)x->height != b->image_size || (int64_t)x->width != b->image_size))
        return err_set(
            e, ERR_DATA,
            "the pictures are %zu x %zu, the network's branch 'pixels' wants %lld x %lld", x->width,
            x->height, (long long)b->image_size, (long long)b->image_size);
    if ((size_t)b->crop >= x->height || (size_t)b->crop >= x->width)
        return err_set(e, ERR_DATA, "augment: crop %lld of pictures of %zu x %zu, want less",
                       (long long)b->crop, x->width, x->height);
    p->height = x->height;
    p->width = x->width;
    p->pixels_recipe = mem_strdup(x->recipe);
    return 0;
}

static void fit_features(struct prep *p, const struct featmat *f, bool *out_empty)
{
    *out_empty = f->n_col == 0;
    if (*out_empty)
        return;
    p->n_feature = f->n_col;
    p->feature = mem_copy_texts(f->name, f->n_col);
    p->features_state = mem_strdup(f->state);
}

int prep_refuse_gaps(const struct featmat *f, struct err *e)
{
    char *kept = f->state ? tabular_kept(f->state) : NULL;
    if (kept)
        err_set(e, ERR_DATA,
                "feature '%s' keeps its gaps (number_missing keep), which only extra_trees and "
                "boosting take",
                kept);
    size_t i = 0;
    while (!kept && f->n_gap && !isnan(f->x[i]))
        i++;
    if (!kept && f->n_gap)
        err_set(e, ERR_DATA,
                "row %zu of feature '%s' has no value, which only extra_trees and boosting take",
                i / f->n_col, f->name[i % f->n_col]);
    free(kept);
    return e->code;
}

static bool is_given(const struct model_data *data, enum nn_input input)
{
    return input == NN_PIXELS     ? data->pixels != NULL
           : input == NN_FEATURES ? data->features != NULL
                                  : data->tokens != NULL;
}

static int fit_input(struct prep *p, enum nn_input input, struct nn_spec *spec,
                     const struct model_data *data, const struct rows *rows, struct err *e)
{
    static const char *const nothing[] = { "word", "picture", "feature column",
                                           "n-gram that the branch asks for" };
    const struct nn_branch *b = nn_spec_branch(spec, input);
    bool empty = false;
    int rc = 0;

    if (!b)
        return 0;
    if (!is_given(data, input))
        return err_set(e, ERR_USAGE, "the network's branch '%s' needs --%s, which is not given",
                       nn_input_name(input), nn_input_name(input == NN_NGRAMS ? NN_TEXT : input));
    if (input == NN_TEXT)
        rc = fit_text(p, b, data->tokens, rows->train, rows->n_train, &empty, e);
    else if (input == NN_NGRAMS)
        rc = fit_ngrams(p, b, data->tokens, rows, &empty, e);
    else if (input == NN_PIXELS)
        rc = fit_pixels(p, b, data->pixels, rows->train, rows->n_train, &empty, e);
    else if ((rc = prep_refuse_gaps(data->features, e)) == 0)
        fit_features(p, data->features, &empty);
    if (rc)
        return rc;
    if (empty) {
        log_warn("the training rows have no %s: the network's branch '%s' is left out",
                 nothing[input], nn_input_name(input));
        nn_spec_drop(spec, input);
    }
    p->reads[input] = !empty;
    return 0;
}

int prep_fit(struct prep *p, struct nn_spec *spec, const struct model_data *data,
             const struct rows *rows, struct err *e)
{
    struct prep made = { 0 };
    int rc = 0;
    for (int i = 0; i < N_NN_INPUT && rc == 0; i++)
        rc = fit_input(&made, (enum nn_input)i, spec, data, rows, e);
    if (rc == 0 && spec->n_branch == 0)
        rc = err_set(e, ERR_DATA,
                     "the inputs of all branches are empty: there is nothing to learn from");
    if (rc) {
        prep_release(&made);
        return rc;
    }
    *p = made;
    return 0;
}

int prep_fit_features(struct prep *p, const struct model_data *data, bool gaps, struct err *e)
{
    bool empty;
    if (!data->features)
        return err_set(e, ERR_USAGE, "the model reads --features, which is not given");
    if (!gaps && prep_refuse_gaps(data->features, e))
        return e->code;
    fit_features(p, data->features, &empty);
    p->reads[NN_FEATURES] = !empty;
    return empty ? err_set(e, ERR_DATA, "there is no feature column to learn from") : 0;
}

/* ---- check ---- */

static int check_text(const struct prep *p, const struct tokens *t, struct err *e)
{
    if (strcmp(p->text_recipe, t->recipe) != 0)
        return err_set(e, ERR_DATA, "the text was prepared with %s, the model was trained with %s",
                       t->recipe, p->text_recipe);
    return 0;
}

static int check_pixels(const struct prep *p, const struct pixels *x, struct err *e)
{
    if (x->height != p->height || x->width != p->width)
        return err_set(e, ERR_DATA,
                       "the pictures are %zu x %zu, the model was trained with %zu x %zu", x->width,
                       x->height, p->width, p->height);
    if (strcmp(p->pixels_recipe, x->recipe) != 0)
        return err_set(e, ERR_DATA,
                       "the pictures were prepared with %s, the model was trained with %s",
                       x->recipe, p->pixels_recipe);
    return 0;
}

static int check_features(const struct prep *p, const struct featmat *f, struct err *e)
{
    if (f->n_col != p->n_feature)
        return err_set(e, ERR_DATA, "%zu feature columns, the model was trained with %zu", f->n_col,
                       p->n_feature);
    for (size_t i = 0; i < f->n_col; i++)
        if (strcmp(f->name[i], p->feature[i]) != 0)
            return err_set(e, ERR_DATA,
                           "feature column %zu is '%s', the model was trained with '%s'", i + 1,
                           f->name[i], p->feature[i]);
    if (f->state && strcmp(f->state, p->features_state) != 0)
        return err_set(e, ERR_DATA,
                       "the feature columns were fitted otherwise than those that the model was "
                       "trained on: impute_scale --state makes its own");
    return 0;
}

int prep_check(const struct prep *p, const struct model_data *data, struct err *e)
{
    int rc = 0;
    for (int i = 0; i < N_NN_INPUT; i++)
        if (p->reads[i] && !is_given(data, (enum nn_input)i))
            return err_set(e, ERR_DATA, "the model reads '%s', which is not given",
                           nn_input_name((enum nn_input)i));
    if (p->reads[NN_TEXT] || p->reads[NN_NGRAMS])
        rc = check_text(p, data->tokens, e);
    if (rc == 0 && p->reads[NN_PIXELS])
        rc = check_pixels(p, data->pixels, e);
    if (rc == 0 && p->reads[NN_FEATURES])
        rc = check_features(p, data->features, e);
    return rc;
}

/* ---- model file ---- */

static int save_text(const struct prep *p, struct h5 *h, struct err *e)
{
    int rc;
    if ((rc = h5_write_strings(h, "text/vocabulary", (const char *const *)p->vocab.word, p->vocab.n,
                               e)) ||
        (rc = h5_set_text(h, "text", "recipe", p->text_recipe, e)) ||
        (rc = h5_set_int(h, "text", "length", (int64_t)p->shape.length, e)) ||
        (rc = h5_set_int(h, "text", "pad_front", p->shape.pad_front, e)))
        return rc;
    return h5_set_int(h, "text", "drop_unknown", p->shape.drop_unknown, e);
}

static int save_ngrams(const struct prep *p, struct h5 *h, struct err *e)
{
    int rc = grams_save(&p->grams, h, e);
    return rc ? rc : h5_set_text(h, "ngrams", "recipe", p->text_recipe, e);
}

static int save_pixels(const struct prep *p, struct h5 *h, struct err *e)
{
    int rc;
    if ((rc = h5_group(h, "pixels", e)) ||
        (rc = h5_set_int(h, "pixels", "height", (int64_t)p->height, e)) ||
        (rc = h5_set_int(h, "pixels", "width", (int64_t)p->width, e)))
        return rc;
    return h5_set_text(h, "pixels", "recipe", p->pixels_recipe, e);
}

static int save_features(const struct prep *p, struct h5 *h, struct err *e)
{
    int rc = h5_write_strings(h, "features/names", (const char *const *)p->feature, p->n_feature,
                              e);
    return rc ? rc : h5_set_text(h, "features", "state", p->features_state, e);
}

int prep_save(const struct prep *p, struct h5 *h, struct err *e)
{
    int rc = 0;
    if (p->reads[NN_TEXT])
        rc = save_text(p, h, e);
    if (rc == 0 && p->reads[NN_NGRAMS])
        rc = save_ngrams(p, h, e);
    if (rc == 0 && p->reads[NN_PIXELS])
        rc = save_pixels(p, h, e);
    if (rc == 0 && p->reads[NN_FEATURES])
        rc = save_features(p, h, e);
    return rc;
}

static int load_text(struct prep *p, struct h5 *h, struct err *e)
{
    enum { MAX_BYTES = 1 << 30 };
    char **word = NULL;
    size_t n = 0;
    int64_t length, front, drop;
    int rc = h5_read_strings(h, "text/vocabulary", &word, &n, MAX_BYTES, e);
    if (rc)
        return rc;
    rc = vocab_set(&p->vocab, (const char *const *)word, n, e);
    mem_free_texts(word, n);
    if (rc || (rc = h5_get_text(h, "text", "recipe", &p->text_recipe, e)) ||
        (rc = h5_get_int(h, "text", "length", &length, e)) ||
        (rc = h5_get_int(h, "text", "pad_front", &front, e)) ||
        (rc = h5_get_int(h, "text", "drop_unknown", &drop, e)))
        return rc;
    if (length < 1 || length > VOCAB_MAX_LENGTH || front < 0 || front > 1 || drop < 0 || drop > 1)
        return err_set(
            e, ERR_DATA,
            "text: length %lld, pad_front %lld, drop_unknown %lld, want 1 to %d, 0 or 1, 0 or 1",
            (long long)length, (long long)front, (long long)drop, VOCAB_MAX_LENGTH);
    p->shape = (struct vocab_shape){ .length = (size_t)length,
                                     .pad_front = front == 1,
                                     .drop_unknown = drop == 1 };
    return 0;
}

static int load_ngrams(struct prep *p, struct h5 *h, struct err *e)
{
    char *recipe = NULL;
    int rc;
    if ((rc = grams_load(&p->grams, h, e)) || (rc = h5_get_text(h, "ngrams", "recipe", &recipe, e)))
        return rc;
    if (!p->text_recipe) {
        p->text_recipe = recipe;
        return 0;
    }
    if (strcmp(p->text_recipe, recipe) != 0)
        rc = err_set(e, ERR_DATA, "text was prepared with %s, n-grams with %s", p->text_recipe,
                     recipe);
    free(recipe);
    return rc;
}

static int load_pixels(struct prep *p, struct h5 *h, struct err *e)
{
    int64_t height, width;
    int rc;
    if ((rc = h5_get_int(h, "pixels", "height", &height, e)) ||
        (rc = h5_get_int(h, "pixels", "width", &width, e)))
        return rc;
    if (height < 1 || height > PREP_MAX_SIDE || width < 1 || width > PREP_MAX_SIDE)
        return err_set(e, ERR_DATA, "pixels: height %lld, width %lld, want 1 to %d",
                       (long long)height, (long long)width, PREP_MAX_SIDE);
    p->height = (size_t)height;
    p->width = (size_t)width;
    return h5_get_text(h, "pixels", "recipe", &p->pixels_recipe, e);
}

static int load_features(struct prep *p, struct h5 *h, struct err *e)
{
    enum { MAX_BYTES = 1 << 28 };
    char **name = NULL;
    size_t n = 0;
    int rc = h5_read_strings(h, "features/names", &name, &n, MAX_BYTES, e);
    if (rc)
        return rc;
    if (n < 1 || n > PREP_MAX_FEATURE) {
        mem_free_texts(name, n);
        return err_set(e, ERR_DATA, "features/names has %zu names, want 1 to %d", n,
                       PREP_MAX_FEATURE);
    }
    p->n_feature = n;
    p->feature = name;
    return h5_get_text(h, "features", "state", &p->features_state, e);
}

int prep_load(struct prep *p, struct h5 *h, struct err *e)
{
    struct prep made = { 0 };
    int rc = 0;
    made.reads[NN_TEXT] = h5_has(h, "text");
    made.reads[NN_NGRAMS] = h5_has(h, "ngrams");
    made.reads[NN_PIXELS] = h5_has(h, "pixels");
    made.reads[NN_FEATURES] = h5_has(h, "features");
    if (made.reads[NN_TEXT])
        rc = load_text(&made, h, e);
    if (rc == 0 && made.reads[NN_NGRAMS])
        rc = load_ngrams(&made, h, e);
    if (rc == 0 && made.reads[NN_PIXELS])
        rc = load_pixels(&made, h, e);
    if (rc == 0 && made.reads[NN_FEATURES])
        rc = load_features(&made, h, e);
    if (rc) {
        prep_release(&made);
        return rc;
    }
    *p = made;
    return 0;
}

void prep_release(struct prep *p)
{
    vocab_release(&p->vocab);
    grams_release(&p->grams);
    free(p->text_recipe);
    free(p->pixels_recipe);
    free(p->features_state);
    for (size_t i = 0; i < p->n_feature; i++)
        free(p->feature[i]);
    free(p->feature);
    *p = (struct prep){ 0 };
}
