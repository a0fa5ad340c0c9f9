#include "models/late_fusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/own_features.h"
#include "num/metrics.h"

/* ---- parts ---- */

/* Parts know their inputs by the model's prep, whose texts and tables they share. */
static void share_prep(struct model *m)
{
    struct late_fusion *f = m->state;
    for (size_t k = 0; k < 2; k++) {
        struct prep *p = &f->part[k].prep, old = *p;
        *p = m->prep;
        memcpy(p->reads, old.reads, sizeof p->reads);
        if (!p->reads[NN_PIXELS])
            p->height = p->width = 0;
        if (!p->reads[NN_FEATURES])
            p->n_feature = 0;
    }
}

static int check_classes(const struct model *a, const struct model *b, const char *path,
                         struct err *e)
{
    if (a->classes.n != b->classes.n)
        return err_set(e, ERR_DATA, "'%s' has %zu classes, the other model %zu", path, b->classes.n,
                       a->classes.n);
    for (size_t k = 0; k < a->classes.n; k++)
        if (strcmp(a->classes.label[k], b->classes.label[k]) != 0)
            return err_set(e, ERR_DATA, "class %zu of '%s' is '%s', of the other model '%s'", k,
                           path, b->classes.label[k], a->classes.label[k]);
    return 0;
}

static int check_inputs(const struct model *a, const struct model *b, struct err *e)
{
    const struct prep *p = &a->prep, *q = &b->prep;
    const char *both = p->text_recipe && q->text_recipe         ? "text"
                       : p->pixels_recipe && q->pixels_recipe   ? "pictures"
                       : p->features_state && q->features_state ? "feature columns"
                                                                : NULL;
    return both ? err_set(e, ERR_DATA, "both models read %s: want models of different inputs", both)
                : 0;
}

/* What `from` has learnt about its inputs moves to `to`; they read different ones. */
static void merge(struct prep *to, struct prep *from)
{
    for (int i = 0; i < N_NN_INPUT; i++)
        to->reads[i] |= from->reads[i];
    if (from->text_recipe) {
        to->vocab = from->vocab;
        to->shape = from->shape;
        to->grams = from->grams;
        to->text_recipe = from->text_recipe;
    }
    if (from->pixels_recipe) {
        to->pixels_recipe = from->pixels_recipe;
        to->height = from->height;
        to->width = from->width;
    }
    if (from->features_state) {
        to->features_state = from->features_state;
        to->feature = from->feature;
        to->n_feature = from->n_feature;
    }
    *from = (struct prep){ 0 };
}

static void take_part(struct late_part *part, struct model *from)
{
    struct network *w = from->state;
    part->net = *w;
    *w = (struct network){ 0 };
    memcpy(part->prep.reads, from->prep.reads, sizeof part->prep.reads);
}

/* ---- the weight ---- */

static size_t validation_rows(const struct model *m, const struct model_data *data,
                              const struct column *label, size_t *out_row, int32_t *out_label)
{
    int32_t *class = classes_of_rows(&m->classes, label);
    size_t n = 0;
    for (size_t i = 0; data->sides && i < label->n; i++)
        if (data->sides->side[i] == SIDE_VALIDATION && class[i] >= 0) {
            out_row[n] = i;
            out_label[n++] = class[i];
        }
    free(class);
    return n;
}

static int find_weight(const struct model *m, const struct model_data *data,
                       struct late_choice *out, struct err *e)
{
    struct late_fusion *f = m->state;
    const struct column *label = NULL;
    struct blend best;
    float *p[2] = { NULL, NULL };
    int rc = table_label(data->table, data->table->name, &label, e);
    if (rc)
        return rc;
    size_t *row = mem_calloc(label->n + 1, sizeof *row), C = m->classes.n;
    int32_t *class = mem_calloc(label->n + 1, sizeof *class);
    out->n_row = validation_rows(m, data, label, row, class);
    if (out->n_row == 0) {
        rc = err_set(e, ERR_DATA, "no validation row with a known label to find the weight on");
        goto out;
    }
    for (size_t k = 0; k < 2; k++) {
        p[k] = mem_calloc(out->n_row, C * sizeof *p[k]);
        network_run(&f->part[k].net, &f->part[k].prep, data, row, out->n_row, p[k]);
    }
    if ((rc = metrics_blend(&best, class, p[0], p[1], out->n_row, C, e)) == 0) {
        out->weight = best.weight;
        out->accuracy = best.accuracy;
        out->loss = best.loss;
    }
out:
    free(p[0]);
    free(p[1]);
    free(row);
    free(class);
    return rc;
}

static char *training_of(const struct late_choice *c, const struct model *a, const struct model *b)
{
    struct str s = { 0 };
    str_addz(&s, "{\"late_fusion\": {\"weight\": ");
    str_add_real(&s, c->weight);
    if (c->n_row > 0) {
        str_addf(&s, ", \"rows\": %zu, \"accuracy\": ", c->n_row);
        str_add_real(&s, c->accuracy);
        str_addz(&s, ", \"loss\": ");
        str_add_real(&s, c->loss);
    }
    str_addf(&s, "}, \"parts\": [%s, %s]}", a->training, b->training);
    return str_take(&s);
}

/* ---- fit ---- */

static int load_two(struct model *m[2], const char *const path[2], int threads, struct err *e)
{
    for (size_t k = 0; k < 2; k++) {
        int rc = model_load(&m[k], path[k], threads, e);
        if (rc)
            return rc;
        if (m[k]->family != &model_network)
            return err_set(e, ERR_DATA, "'%s' is a model of the family '%s', want '%s'", path[k],
                           m[k]->family->name, model_network.name);
    }
    int rc = check_classes(m[0], m[1], path[1], e);
    return rc ? rc : check_inputs(m[0], m[1], e);
}

int late_fusion_fit(struct model **out, const char *const path[2], const struct model_data *data,
                    double weight, int threads, struct late_choice *out_choice, struct err *e)
{
    struct model *m[2] = { NULL, NULL };
    struct late_fusion *f = NULL;
    struct featmat made = { 0 };
    struct model_data own;
    int rc = load_two(m, path, threads, e);
    if (rc)
        goto out;
    const char *reader = path[m[0]->prep.reads[NN_FEATURES] ? 0 : 1];
    f = mem_calloc(1, sizeof *f);
    take_part(&f->part[0], m[0]);
    take_part(&f->part[1], m[1]);
    m[0]->family->free(m[0]->state); /* empty by now */
    m[0]->state = f;
    m[0]->family = &model_late_fusion;
    merge(&m[0]->prep, &m[1]->prep);
    share_prep(m[0]);
    *out_choice = (struct late_choice){ .weight = weight,
                                        .accuracy = (double)NAN,
                                        .loss = (double)NAN };
    if ((rc = own_features(&own, &made, m[0], reader, data, e)) ||
        (rc = prep_check(&m[0]->prep, &own, e)) ||
        (rc = isnan(weight) ? find_weight(m[0], &own, out_choice, e) : 0))
        goto out;
    f->weight = out_choice->weight;
    char *training = training_of(out_choice, m[0], m[1]);
    free(m[0]->training);
    m[0]->training = training;
    *out = m[0];
    m[0] = NULL;
out:
    featmat_release(&made);
    model_free(m[0]);
    model_free(m[1]);
    return rc;
}

/* ---- family ---- */

static int predict(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                   float *out, struct err *e)
{
    enum { AT_ONCE = 4096 };
    struct late_fusion *f = m->state;
    size_t C = m->classes.n, most = n < AT_ONCE ? n : AT_ONCE;
    (void)e;
    if (f->room < most * C) {
        f->room = most * C;
        f->second = mem_realloc(f->second, f->room, sizeof *f->second);
    }
    network_run(&f->part[0].net, &f->part[0].prep, data, row, n, out);
    for (size_t at = 0; at < n; at += most) {
        size_t rows = n - at < most ? n - at : most;
        network_run(&f->part[1].net, &f->part[1].prep, data, row + at, rows, f->second);
        metrics_mix(out + at * C, f->second, f->weight, rows * C, out + at * C);
    }
    return 0;
}

static int save_part(const struct late_part *part, struct h5 *h, const char *group, struct err *e)
{
    const char *input[N_NN_INPUT];
    size_t n = 0;
    int rc = network_write(&part->net, h, group, e);
    for (int i = 0; i < N_NN_INPUT; i++)
        if (part->prep.reads[i])
            input[n++] = nn_input_name((enum nn_input)i);
    return rc ? rc : h5_set_texts(h, group, "inputs", input, n, e);
}

static const char *const group_of[] = { "parts/0", "parts/1" };

static int save(const struct model *m, struct h5 *h, struct err *e)
{
    const struct late_fusion *f = m->state;
    int rc = h5_set_real(h, "/", "weight", f->weight, e);
    for (size_t k = 0; k < 2 && rc == 0; k++)
        rc = save_part(&f->part[k], h, group_of[k], e);
    return rc;
}

static int find_input(const char *name)
{
    for (int i = 0; i < N_NN_INPUT; i++)
        if (strcmp(name, nn_input_name((enum nn_input)i)) == 0)
            return i;
    return -1;
}

static int load_inputs(struct late_part *part, const struct prep *all, struct h5 *h,
                       const char *group, struct err *e)
{
    char **name = NULL;
    size_t n = 0;
    int rc = h5_get_texts(h, group, "inputs", &name, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        int input = find_input(name[i]);
        if (input < 0 || !all->reads[input])
            rc = err_set(e, ERR_DATA, "'%s' reads '%s', which the model has not", group, name[i]);
        else
            part->prep.reads[input] = true;
    }
    mem_free_texts(name, n);
    return rc;
}

static int load(struct model *m, struct h5 *h, int threads, struct err *e)
{
    struct late_fusion *f = mem_calloc(1, sizeof *f);
    int rc;
    m->state = f;
    if ((rc = h5_get_real(h, "/", "weight", &f->weight, e)))
        return rc;
    if (!(f->weight >= 0 && f->weight <= 1))
        return err_set(e, ERR_DATA, "weight is %g, want 0 to 1", f->weight);
    for (size_t k = 0; k < 2; k++)
        if ((rc = load_inputs(&f->part[k], &m->prep, h, group_of[k], e)))
            return rc;
    share_prep(m);
    for (size_t k = 0; k < 2 && rc == 0; k++)
        rc = network_read(&f->part[k].net, &f->part[k].prep, m->classes.n, h, group_of[k], threads,
                          e);
    return rc;
}

static void describe(const struct model *m, struct str *out)
{
    const struct late_fusion *f = m->state;
    for (size_t k = 0; k < 2; k++) {
        str_addf(out, "%s%g x\n", k ? "\n" : "", k ? 1 - f->weight : f->weight);
        network_print(&f->part[k].net, out);
    }
}

static void release(void *state)
{
    struct late_fusion *f = state;
    network_release(&f->part[0].net);
    network_release(&f->part[1].net);
    free(f->second);
    free(f);
}

const struct model_family model_late_fusion = {
    .name = "late_fusion",
    .predict = predict,
    .save = save,
    .load = load,
    .describe = describe,
    .free = release,
};
