/* See network_warm_start in network.h. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/network.h"

/* Where things of the new model are in the old one: index there, or -1. */
struct warm {
    const struct model *to, *from;
    const struct network *new, *old;
    int64_t *word, *gram, *column, *class; /* (vocabularies), (n_feature), (n_class) */
    bool has_head;                         /* the heads stand on the same branches */
    size_t first_dense;                    /* layer of the features branch that mixes the columns */
    size_t n_taken;
};

/* ---- maps ---- */

static int64_t *map_words(const struct vocab *to, const struct vocab *from)
{
    int64_t *map = mem_calloc(to->n + 1, sizeof *map);
    for (size_t i = 0; i < to->n; i++) {
        int64_t id = i < VOCAB_FIRST ? (int64_t)i : vocab_id(from, to->word[i]);
        map[i] = i >= VOCAB_FIRST && id == VOCAB_UNKNOWN ? -1 : id;
    }
    return map;
}

static int64_t *map_texts(char *const *to, size_t n_to, char *const *from, size_t n_from)
{
    int64_t *map = mem_calloc(n_to + 1, sizeof *map);
    for (size_t i = 0; i < n_to; i++) {
        map[i] = -1;
        for (size_t k = 0; k < n_from && map[i] < 0; k++) { /* mostly it is at the same index */
            size_t at = (i + k) % n_from;
            if (strcmp(to[i], from[at]) == 0)
                map[i] = (int64_t)at;
        }
    }
    return map;
}

static bool is_identity(const int64_t *map, size_t n, size_t n_from)
{
    for (size_t i = 0; i < n; i++)
        if (map[i] != (int64_t)i)
            return false;
    return n == n_from;
}

static size_t count_new(const int64_t *map, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += map[i] < 0;
    return count;
}

/* The layer of the features branch whose kernel has a row for each column; those before it have a
 * value for each. SIZE_MAX: there is none. */
static size_t first_dense(const struct nn_spec *s)
{
    const struct nn_branch *b = nn_spec_branch(s, NN_FEATURES);
    for (size_t i = 0; b && i < b->n_layer; i++)
        if (b->layer[i].op == NN_DENSE)
            return i;
    return SIZE_MAX;
}

static bool same_branches(const struct nn_spec *a, const struct nn_spec *b)
{
    bool same = a->n_branch == b->n_branch;
    for (size_t i = 0; same && i < a->n_branch; i++)
        same = a->branch[i].input == b->branch[i].input;
    return same;
}

static void begin(struct warm *w)
{
    const struct prep *to = &w->to->prep, *from = &w->from->prep;
    const struct classes *classes = &w->to->classes;
    w->word = map_words(&to->vocab, &from->vocab);
    w->gram = map_words(&to->grams.vocab, &from->grams.vocab);
    w->column = map_texts(to->feature, to->n_feature, from->feature, from->n_feature);
    w->class = map_texts(classes->label, classes->n, w->from->classes.label, w->from->classes.n);
    w->first_dense = first_dense(&w->new->spec);
    w->has_head = same_branches(&w->new->spec, &w->old->spec);
    if (w->first_dense == SIZE_MAX) /* the columns go into the head as they are */
        w->has_head &= is_identity(w->column, to->n_feature, from->n_feature);
}

/* ---- tensors ---- */

/* Copy what has a place in the old tensor. NULL instead of a map: every index is its own. A tensor
 * of any rank is a matrix of its last axis and the others together. False if the sizes differ. */
static bool copy(const struct nn_param *p, float *to, const struct nn_param *q, const float *from,
                 const int64_t *row_map, const int64_t *column_map)
{
    size_t n = p->shape[p->rank - 1], n_from = q->shape[q->rank - 1], rows = p->n / n;
    if (p->rank != q->rank || (!column_map && n != n_from))
        return false;
    for (int k = 0; k + 1 < p->rank && !row_map; k++)
        if (p->shape[k] != q->shape[k])
            return false;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++) {
            int64_t row = row_map ? row_map[i] : (int64_t)i,
                    column = column_map ? column_map[j] : (int64_t)j;
            if (row >= 0 && column >= 0)
                to[i * n + j] = from[(size_t)row * n_from + (size_t)column];
        }
    return true;
}

static bool ends_with_layer(const char *name, size_t layer, const char *rest)
{
    size_t number;
    int used = 0;
    return sscanf(name, "features.%zu%n", &number, &used) == 1 && number == layer &&
           strcmp(name + used, rest) == 0;
}

static void maps_of(const struct warm *w, size_t i, const int64_t **out_row,
                    const int64_t **out_column)
{
    const struct nn_param *p = &net_params(w->new->net)[i];
    *out_row = *out_column = NULL;
    if (p->of_classes)
        *out_column = w->class;
    if (strncmp(p->name, "text.", 5) == 0 && str_ends(p->name, "_embedding.embeddings"))
        *out_row = w->word;
    if (strncmp(p->name, "ngrams.", 7) == 0 && str_ends(p->name, "_embedding_bag.embeddings"))
        *out_row = w->gram;
    if (strncmp(p->name, "features.", 9) != 0)
        return;
    if (ends_with_layer(p->name, w->first_dense, "_dense.kernel"))
        *out_row = w->column;
    else if (p->rank == 1 && strtoull(p->name + 9, NULL, 10) < w->first_dense)
        *out_column = w->column;
}

static const struct nn_param *find(const struct net *n, const char *name)
{
    for (size_t i = 0; i < net_n_param(n); i++)
        if (strcmp(net_params(n)[i].name, name) == 0)
            return &net_params(n)[i];
    return NULL;
}

static void add_shape(struct str *s, const struct nn_param *p)
{
    for (int k = 0; k < p->rank; k++)
        str_addf(s, "%s%zu", k ? " x " : "", p->shape[k]);
}

static void tell_misfit(const struct warm *w, const struct nn_param *p, const struct nn_param *q)
{
    struct str here = { 0 }, there = { 0 };
    add_shape(&here, p);
    add_shape(&there, q);
    if (!w->has_head && strncmp(p->name, "head.", 5) == 0)
        log_info("  '%s' does not fit: the head stands on other branches there", p->name);
    else
        log_info("  '%s' does not fit: it is %s here, %s there", p->name, here.text, there.text);
    str_release(&here);
    str_release(&there);
}

static void take(struct warm *w, size_t i, bool *out_taken)
{
    const struct nn_param *p = &net_params(w->new->net)[i], *q = find(w->old->net, p->name);
    const int64_t *row, *column;
    if (!q)
        return;
    maps_of(w, i, &row, &column);
    if ((w->has_head || strncmp(p->name, "head.", 5) != 0) &&
        copy(p, net_weights(w->new->net) + p->offset, q, net_weights(w->old->net) + q->offset, row,
             column)) {
        *out_taken = true;
        w->n_taken++;
    } else {
        tell_misfit(w, p, q);
    }
}

/* ---- what is told ---- */

/* "3 of 40 words are new: 'a', 'b', 'c'"; nothing if none is. */
static void tell_new(const char *what, const int64_t *map, size_t first, size_t n,
                     char *const *name)
{
    enum { MOST = 5 };
    struct str s = { 0 };
    size_t count = count_new(map + first, n - first), told = 0;
    for (size_t i = first; i < n && told < MOST; i++)
        if (map[i] < 0)
            str_addf(&s, "%s'%s'", told++ ? ", " : "", name[i]);
    if (count)
        log_info("  %zu of %zu %s are new: %s%s", count, n - first, what, s.text,
                 count > MOST ? ", ..." : "");
    str_release(&s);
}

static void tell(const struct warm *w)
{
    const struct prep *to = &w->to->prep, *from = &w->from->prep;
    if (to->reads[NN_TEXT] && from->reads[NN_TEXT])
        tell_new("words", w->word, VOCAB_FIRST, to->vocab.n, to->vocab.word);
    if (to->reads[NN_NGRAMS] && from->reads[NN_NGRAMS])
        tell_new("n-grams", w->gram, VOCAB_FIRST, to->grams.vocab.n, to->grams.vocab.word);
    if (to->text_recipe && from->text_recipe && strcmp(to->text_recipe, from->text_recipe) != 0)
        log_info("  the text was prepared otherwise there: %s", from->text_recipe);
    if (to->reads[NN_PIXELS] && from->reads[NN_PIXELS] &&
        strcmp(to->pixels_recipe, from->pixels_recipe) != 0)
        log_info("  the pictures were prepared otherwise there: %s", from->pixels_recipe);
    if (to->reads[NN_FEATURES] && from->reads[NN_FEATURES]) {
        tell_new("feature columns", w->column, 0, to->n_feature, to->feature);
        if (strcmp(to->features_state, from->features_state) != 0)
            log_info("  the feature columns were fitted otherwise there (impute_scale --state "
                     "takes its scales over)");
    }
    if (w->has_head)
        tell_new("classes", w->class, 0, w->to->classes.n, w->to->classes.label);
    for (size_t i = 0; i < net_n_param(w->old->net); i++)
        if (!find(w->new->net, net_params(w->old->net)[i].name))
            log_info("  '%s' is not used: the network has none", net_params(w->old->net)[i].name);
}

static int start_from(struct model *m, const char *path, bool *taken, struct err *e)
{
    struct model *old = NULL;
    struct warm w = { .to = m, .new = m->state };
    int rc = model_load(&old, path, 1, e);
    if (rc)
        return err_wrap(e, "warm start");
    if (old->family != &model_network) {
        rc = err_set(e, ERR_DATA, "warm start: '%s' is a model of the family '%s', want '%s'", path,
                     old->family->name, model_network.name);
        goto out;
    }
    w.from = old;
    w.old = old->state;
    begin(&w);
    log_info("warm start from '%s':", path);
    for (size_t i = 0; i < net_n_param(w.new->net); i++)
        take(&w, i, &taken[i]);
    tell(&w);
    log_info("  %zu of its %zu tensors are taken", w.n_taken, net_n_param(w.old->net));
    if (w.n_taken == 0)
        rc = err_set(e, ERR_DATA, "warm start: nothing of '%s' fits this network", path);
out:
    free(w.word);
    free(w.gram);
    free(w.column);
    free(w.class);
    model_free(old);
    return rc;
}

int network_warm_start(struct model *m, const char *const *path, size_t n, struct err *e)
{
    const struct network *w = m->state;
    size_t n_param = net_n_param(w->net);
    bool *taken = mem_calloc(n_param, sizeof *taken);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = start_from(m, path[i], taken, e);
    for (size_t i = 0; i < n_param && rc == 0 && n > 0; i++)
        if (!taken[i] && !net_params(w->net)[i].scaffold)
            log_info("  '%s' begins anew", net_params(w->net)[i].name);
    free(taken);
    return rc;
}
