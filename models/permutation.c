#include "models/permutation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "models/family.h"
#include "num/rng.h"

/** Rows that are predicted, with a matrix of their own. */
struct trial {
    struct model *m;
    struct featmat features; /* x is owned, the rest borrowed */
    size_t n, *row;          /* 0 .. n - 1 */
    double *truth;           /* (n) class or number */
    float *out;              /* (n, n_output) */
};

static void trial_release(struct trial *t)
{
    free(t->features.x);
    free(t->row);
    free(t->truth);
    free(t->out);
}

/* Rows of a side, or with sides absent all of them, whose label the model knows. */
static void take_side(struct trial *t, const struct model_data *data, const struct column *label,
                      enum side side)
{
    int32_t *class = t->m->classes.n ? classes_of_rows(&t->m->classes, label) : NULL;
    size_t d = data->features->n_col;
    for (size_t i = 0; i < label->n; i++) {
        if (!column_valid(label, i) || (class && class[i] < 0) ||
            (data->sides ? data->sides->side[i] != side : side != SIDE_TRAIN))
            continue;
        memcpy(t->features.x + t->n * d, data->features->x + i * d, d * sizeof(double));
        t->truth[t->n] = class ? class[i] : column_number(label, i);
        t->row[t->n] = t->n;
        t->n++;
    }
    free(class);
}

static int take_rows(struct trial *t, const struct model_data *data, bool *out_validation,
                     struct err *e)
{
    const struct column *label = NULL;
    int rc = table_target(data->table, "table", &label, e);
    if (rc)
        return rc;
    if ((label->type == COLUMN_CATEGORY) != (t->m->classes.n > 0))
        return err_set(e, ERR_DATA, "the model was not trained on the label '%s'", label->name);
    size_t n = label->n, d = data->features->n_col;
    t->features = *data->features;
    t->features.x = mem_calloc(n + 1, d * sizeof(double));
    t->row = mem_calloc(n + 1, sizeof *t->row);
    t->truth = mem_calloc(n + 1, sizeof *t->truth);
    t->out = mem_calloc(n + 1, model_n_output(t->m) * sizeof *t->out);
    take_side(t, data, label, SIDE_VALIDATION);
    *out_validation = t->n > 0;
    if (t->n == 0)
        take_side(t, data, label, SIDE_TRAIN);
    t->features.n_row = t->n;
    return t->n ? 0 : err_set(e, ERR_DATA, "no row has a label that the model knows");
}

static double accuracy(const struct trial *t, size_t C)
{
    size_t right = 0;
    for (size_t i = 0; i < t->n; i++) {
        const float *p = t->out + i * C;
        size_t best = 0;
        for (size_t k = 1; k < C; k++)
            best = p[k] > p[best] ? k : best;
        right += best == (size_t)t->truth[i];
    }
    return (double)right / (double)t->n;
}

static double r2(const struct trial *t)
{
    double mean = 0, error = 0, spread = 0;
    for (size_t i = 0; i < t->n; i++)
        mean += t->truth[i] / (double)t->n;
    for (size_t i = 0; i < t->n; i++) {
        error += (t->truth[i] - (double)t->out[i]) * (t->truth[i] - (double)t->out[i]);
        spread += (t->truth[i] - mean) * (t->truth[i] - mean);
    }
    return spread > 0 ? 1 - error / spread : 0;
}

static int score(const struct trial *t, double *out, struct err *e)
{
    const struct model_data data = { .features = &t->features };
    int rc = model_predict(t->m, &data, t->row, t->n, t->out, e);
    *out = t->m->classes.n ? accuracy(t, t->m->classes.n) : r2(t);
    return rc;
}

static int shuffle_column(struct trial *t, struct permutation *p, size_t j, size_t shuffles,
                          uint64_t seed, struct err *e)
{
    size_t d = p->n_column, *order = mem_calloc(t->n, sizeof *order);
    double *was = mem_calloc(t->n, sizeof *was), now;
    struct rng rng;
    int rc = 0;
    rng_init(&rng, seed, j + 1);
    for (size_t i = 0; i < t->n; i++) {
        was[i] = t->features.x[i * d + j];
        order[i] = i;
    }
    for (size_t s = 0; s < shuffles && rc == 0; s++) {
        rng_shuffle(&rng, order, t->n);
        for (size_t i = 0; i < t->n; i++)
            t->features.x[i * d + j] = was[order[i]];
        rc = score(t, &now, e);
        p->drop[j] += (p->score - now) / (double)shuffles;
    }
    for (size_t i = 0; i < t->n; i++)
        t->features.x[i * d + j] = was[i];
    free(was);
    free(order);
    return rc;
}

int permutation_fit(struct permutation *p, struct model *m, const struct model_data *data,
                    size_t shuffles, uint64_t seed, struct err *e)
{
    struct permutation made = { 0 };
    struct trial t = { .m = m };
    int rc = take_rows(&t, data, &made.validation, e);
    if (rc == 0 && (rc = score(&t, &made.score, e)) == 0) {
        made.n_row = t.n;
        made.n_column = data->features->n_col;
        made.drop = mem_calloc(made.n_column, sizeof *made.drop);
        for (size_t j = 0; j < made.n_column && rc == 0; j++)
            rc = shuffle_column(&t, &made, j, shuffles, seed, e);
    }
    trial_release(&t);
    if (rc)
        permutation_release(&made);
    else
        *p = made;
    return rc;
}

struct ranked {
    size_t column;
    double drop;
};

static int by_drop(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->drop != y->drop ? (x->drop < y->drop) - (x->drop > y->drop)
                              : (x->column > y->column) - (x->column < y->column);
}

static void add_quoted(struct str *out, const char *text)
{
    str_addz(out, "\"");
    for (; *text; text++)
        str_addf(out, "%s%c", *text == '"' ? "\"" : "", *text);
    str_addz(out, "\"");
}

int permutation_write(const struct permutation *p, const struct model *m, const char *path,
                      struct err *e)
{
    struct ranked *order = mem_calloc(p->n_column, sizeof *order);
    struct str text = { 0 };
    for (size_t j = 0; j < p->n_column; j++)
        order[j] = (struct ranked){ j, p->drop[j] };
    qsort(order, p->n_column, sizeof *order, by_drop);
    str_addz(&text, "column,drop\n");
    for (size_t j = 0; j < p->n_column; j++) {
        add_quoted(&text, m->prep.feature[order[j].column]);
        str_addz(&text, ",");
        str_add_real(&text, order[j].drop);
        str_addz(&text, "\n");
    }
    int rc = outfile_put(path, text.text, text.n, e);
    str_release(&text);
    free(order);
    return rc;
}

void permutation_release(struct permutation *p)
{
    free(p->drop);
    *p = (struct permutation){ 0 };
}
