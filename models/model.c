#include "models/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/family.h"
#include "models/late_fusion.h"
#include "models/roles.h"

static const struct model_family *const families[] = { &model_network,  &model_late_fusion,
                                                       &model_logistic, &model_extra_trees,
                                                       &model_boosting, NULL };
enum { KIND_VERSION = 1 };

/* NULL: there is none of that name. */
static const struct model_family *family_named(const char *name)
{
    for (const struct model_family *const *f = families; *f; f++)
        if (strcmp((*f)->name, name) == 0)
            return *f;
    return NULL;
}

/* ---- inputs ---- */

static int check_rows(const struct model_inputs *in, const char *path, const char *sha256,
                      size_t n_row, struct err *e)
{
    return keys_check(in->files.table, in->table.keys_sha256, in->table.n_row, path, sha256, n_row,
                      e);
}

static int read_all(struct model_inputs *in, struct err *e)
{
    const struct model_files *f = &in->files;
    int rc = table_read(&in->table, f->table, e);
    if (rc)
        return rc;
    in->data.table = &in->table;
    if (f->text) {
        if ((rc = tokens_read(&in->tokens, f->text, e)) ||
            (rc = check_rows(in, f->text, in->tokens.keys_sha256, in->tokens.n_row, e)))
            return rc;
        in->data.tokens = &in->tokens;
    }
    if (f->pixels) {
        if ((rc = pixels_read(&in->pixels, f->pixels, e)) ||
            (rc = check_rows(in, f->pixels, in->pixels.keys_sha256, in->pixels.n_row, e)))
            return rc;
        in->data.pixels = &in->pixels;
    }
    if (f->features) {
        if ((rc = featmat_read(&in->features, f->features, e)) ||
            (rc = check_rows(in, f->features, in->features.keys_sha256, in->features.n_row, e)))
            return rc;
        in->data.features = &in->features;
    }
    if (f->split) {
        if ((rc = sides_read(&in->sides, f->split, e)) ||
            (rc = check_rows(in, f->split, in->sides.keys_sha256, in->sides.n_row, e)))
            return rc;
        in->data.sides = &in->sides;
    }
    return 0;
}

int model_inputs_read(struct model_inputs *in, const struct model_files *files, struct err *e)
{
    *in = (struct model_inputs){ .files = *files };
    int rc = read_all(in, e);
    if (rc)
        model_inputs_release(in);
    return rc;
}

void model_inputs_release(struct model_inputs *in)
{
    table_release(&in->table);
    tokens_release(&in->tokens);
    pixels_release(&in->pixels);
    featmat_release(&in->features);
    sides_release(&in->sides);
    *in = (struct model_inputs){ 0 };
}

/* ---- what a model is ---- */

size_t model_n_class(const struct model *m)
{
    return m->classes.n;
}

size_t model_n_output(const struct model *m)
{
    return m->classes.n ? m->classes.n : 1;
}

const char *model_class(const struct model *m, size_t i)
{
    return m->classes.label[i];
}

const char *model_class_name(const struct model *m, size_t i)
{
    return m->classes.name ? m->classes.name[i] : NULL;
}

int64_t model_find_class(const struct model *m, const char *label)
{
    return classes_find(&m->classes, label);
}

const char *model_kind(const struct model *m)
{
    static const char *const alone[N_NN_INPUT] = { "text", "image", "table", "text" };
    const char *kind = "table";
    int n = 0;
    if (m->family != &model_network)
        return m->family->name;
    for (int i = 0; i < N_NN_INPUT; i++) {
        if (m->prep.reads[i]) {
            n += n == 0 || strcmp(kind, alone[i]) != 0;
            kind = alone[i];
        }
    }
    return n > 1 ? "fusion" : kind;
}

void model_wants(const struct model *m, struct model_wants *out)
{
    const struct prep *p = &m->prep;
    *out = (struct model_wants){ .text_recipe = p->text_recipe,
                                 .length = p->shape.length,
                                 .pad_front = p->shape.pad_front,
                                 .drop_unknown = p->shape.drop_unknown,
                                 .pixels_recipe = p->pixels_recipe,
                                 .height = p->height,
                                 .width = p->width,
                                 .features_state = p->features_state,
                                 .feature = p->feature,
                                 .n_feature = p->n_feature,
                                 .roles = &m->roles };
}

const char *model_training(const struct model *m)
{
    return m->training;
}

bool model_reads_features_alone(const struct model *m)
{
    for (int i = 0; i < N_NN_INPUT; i++)
        if (m->prep.reads[i] != (i == NN_FEATURES))
            return false;
    return true;
}

const double *model_importance(const struct model *m)
{
    return m->family->importance ? m->family->importance(m) : NULL;
}

int model_target(const struct model *m, const struct table *t, const char *path,
                 const struct column **out, struct err *e)
{
    const struct column *c = m->roles.label ? table_column(t, m->roles.label) : NULL;
    int rc = c ? 0 : table_target(t, path, &c, e);
    if (rc)
        return rc;
    bool category = c->type == COLUMN_CATEGORY;
    if (category != (m->classes.n > 0) || (!category && !column_is_number(c)))
        return err_set(e, ERR_DATA, "'%s': the column '%s' is %s, the model %s", path, c->name,
                       column_type_name(c->type),
                       m->classes.n ? "tells classes apart" : "predicts a number");
    *out = c;
    return 0;
}

void model_describe(const struct model *m, struct str *out)
{
    m->family->describe(m, out);
}

int model_predict(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                  float *out, struct err *e)
{
    int rc = prep_check(&m->prep, data, e);
    if (rc == 0 && m->prep.reads[NN_FEATURES] && !m->family->gaps && data->features->n_gap)
        rc = prep_refuse_gaps(data->features, e);
    return rc ? rc : m->family->predict(m, data, row, n, out, e);
}

void model_free(struct model *m)
{
    if (!m)
        return;
    if (m->state)
        m->family->free(m->state);
    classes_release(&m->classes);
    prep_release(&m->prep);
    table_roles_release(&m->roles);
    free(m->training);
    free(m);
}

/* ---- fit ---- */

int model_fit(struct model **out, const struct fit *fit, struct err *e)
{
    const struct model_family *family = fit->family ? family_named(fit->family) : &model_network;
    if (!family || !family->fit)
        return err_set(e, ERR_USAGE, "no family '%s' can be trained", fit->family);
    struct model *m = mem_calloc(1, sizeof *m);
    m->family = family;
    roles_copy(&m->roles, &fit->data->table->roles);
    int rc = m->family->fit(m, fit, e);
    if (rc) {
        model_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void model_use_last(struct model *m)
{
    if (m->family->use_last)
        m->family->use_last(m);
}

/* ---- file ---- */

static int save_classes(const struct model *m, struct h5 *h, struct err *e)
{
    const struct classes *c = &m->classes;
    if (c->n == 0) /* a regression */
        return 0;
    int rc = h5_write_strings(h, "classes/label", (const char *const *)c->label, c->n, e);
    if (rc == 0 && c->name)
        rc = h5_write_strings(h, "classes/name", (const char *const *)c->name, c->n, e);
    return rc;
}

static int save_all(const struct model *m, struct h5 *h, struct err *e)
{
    char *roles = roles_to_json(&m->roles);
    int rc;
    if ((rc = h5_set_text(h, "/", "family", m->family->name, e)) == 0 &&
        (rc = h5_set_text(h, "/", "model", model_kind(m), e)) == 0 &&
        (rc = h5_set_text(h, "/", "roles", roles, e)) == 0 &&
        (rc = h5_set_text(h, "/", "training", m->training, e)) == 0 &&
        (rc = save_classes(m, h, e)) == 0 && (rc = prep_save(&m->prep, h, e)) == 0)
        rc = m->family->save(m, h, e);
    free(roles);
    return rc;
}

int model_save(struct model *m, const char *path, struct err *e)
{
    struct h5 h = { 0 };
    int rc = h5_create(&h, path, "refit.model", KIND_VERSION, e);
    if (rc == 0 && (rc = save_all(m, &h, e)) == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    return rc;
}

static int load_classes(struct model *m, struct h5 *h, struct err *e)
{
    enum { MAX_BYTES = 1 << 28 };
    struct classes *c = &m->classes;
    size_t n_name = 0;
    if (!h5_has(h, "classes") && m->family->regression)
        return 0;
    int rc = h5_read_strings(h, "classes/label", &c->label, &c->n, MAX_BYTES, e);
    if (rc)
        return rc;
    if (c->n < 2 || c->n > CLASSES_MAX)
        return err_set(e, ERR_DATA, "%zu classes, want 2 to %d", c->n, CLASSES_MAX);
    if (!h5_has(h, "classes/name"))
        return 0;
    char **name = NULL;
    if ((rc = h5_read_strings(h, "classes/name", &name, &n_name, MAX_BYTES, e)))
        return rc;
    if (n_name != c->n) {
        mem_free_texts(name, n_name);
        return err_set(e, ERR_DATA, "%zu class names for %zu classes", n_name, c->n);
    }
    c->name = name;
    return 0;
}

static int find_family(struct model *m, struct h5 *h, struct err *e)
{
    char *name = NULL;
    int rc = h5_get_text(h, "/", "family", &name, e);
    if (rc == 0)
        m->family = family_named(name);
    if (rc == 0 && !m->family)
        rc = err_set(e, ERR_DATA, "family '%s' is not known", name);
    free(name);
    return rc;
}

static int load_all(struct model *m, struct h5 *h, int threads, struct err *e)
{
    char *roles = NULL;
    int rc;
    if ((rc = find_family(m, h, e)) || (rc = h5_get_text(h, "/", "roles", &roles, e)))
        return rc;
    rc = roles_from_json(&m->roles, roles, e);
    free(roles);
    if (rc || (rc = h5_get_text(h, "/", "training", &m->training, e)) ||
        (rc = load_classes(m, h, e)) || (rc = prep_load(&m->prep, h, e)))
        return rc;
    return m->family->load(m, h, threads, e);
}

int model_load(struct model **out, const char *path, int threads, struct err *e)
{
    struct h5 h = { 0 };
    struct model *m = mem_calloc(1, sizeof *m);
    int rc = h5_open(&h, path, "refit.model", KIND_VERSION, e);
    if (rc == 0 && (rc = load_all(m, &h, threads, e)) && !strstr(e->text, path))
        err_wrap(e, "'%s'", path); /* h5 names the file itself */
    h5_close(&h);
    if (rc) {
        model_free(m);
        return rc;
    }
    *out = m;
    return 0;
}
