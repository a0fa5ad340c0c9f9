#include "models/permutation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "models/family.h"
#include "models/tabular.h"
#include "num/metrics.h"
#include "num/rank.h"
#include "num/rng.h"

/** Rows that are predicted, with a matrix of their own. */
struct trial {
    struct model *m;
    struct featmat features; /* x is owned, the rest borrowed */
    size_t n, *row;          /* 0 .. n - 1 */
    const double *truth;     /* (n) class or number */
    size_t *first;           /* (columns of the table + 1) where theirs begin in the matrix */
    float *out;              /* (n, n_output) */
};

static void trial_release(struct trial *t)
{
    free(t->features.x);
    free(t->row);
    free(t->first);
    free(t->out);
}

/* Which columns of the matrix belong together: neighbours. Where no state tells, each is by itself.
 */
static void find_sources(struct trial *t, struct permutation *p)
{
    struct tabular s = { 0 };
    struct err ignored = { 0 };
    size_t d = t->features.n_col, n = 0;
    bool known = tabular_parse(&s, "state", t->features.state, &ignored) == 0 && s.n_out == d;
    t->first = mem_calloc(d + 1, sizeof *t->first);
    p->name = mem_calloc(d + 1, sizeof *p->name);
    p->drop = mem_calloc(d + 1, sizeof *p->drop);
    for (size_t i = 0; i < (known ? s.n_col : d); i++) {
        const char *name = known ? s.col[i].name : t->features.name[i];
        if (n == 0 || strcmp(p->name[n - 1], name) != 0) { /* else another part of a date */
            p->name[n++] = mem_strdup(name);
            t->first[n] = t->first[n - 1];
        }
        t->first[n] += known ? s.col[i].n_out : 1;
    }
    p->n_column = n;
    tabular_release(&s);
}

static void trial_init(struct trial *t, struct model *m, const struct featmat *features,
                       const struct judged *rows)
{
    size_t d = features->n_col;
    *t = (struct trial){ .m = m, .features = *features, .n = rows->n, .truth = rows->truth };
    t->features.n_row = rows->n;
    t->features.x = mem_calloc(rows->n + 1, d * sizeof(double));
    t->row = mem_calloc(rows->n + 1, sizeof *t->row);
    t->out = mem_calloc(rows->n + 1, model_n_output(m) * sizeof *t->out);
    for (size_t i = 0; i < rows->n; i++) {
        memcpy(t->features.x + i * d, features->x + rows->row[i] * d, d * sizeof(double));
        t->row[i] = i;
    }
}

static double accuracy(const struct trial *t, size_t C)
{
    size_t right = 0;
    for (size_t i = 0; i < t->n; i++)
        right += metrics_answer(t->out + i * C, C) == (size_t)t->truth[i];
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

/* The values of one of the table's columns in the order of other rows. */
static void reorder(struct trial *t, const struct featmat *from, const struct judged *rows,
                    size_t column, const size_t *order)
{
    size_t d = from->n_col, j = t->first[column], n = t->first[column + 1] - j;
    for (size_t i = 0; i < t->n; i++)
        memcpy(t->features.x + i * d + j, from->x + rows->row[order[i]] * d + j,
               n * sizeof(double));
}

static int shuffle_column(struct trial *t, struct permutation *p, const struct featmat *from,
                          const struct judged *rows, size_t column, size_t shuffles, uint64_t seed,
                          struct err *e)
{
    size_t *order = mem_calloc(t->n, sizeof *order);
    double now;
    struct rng rng;
    int rc = 0;
    rng_init(&rng, seed, column + 1);
    for (size_t i = 0; i < t->n; i++)
        order[i] = i;
    for (size_t s = 0; s < shuffles && rc == 0; s++) {
        rng_shuffle(&rng, order, t->n);
        reorder(t, from, rows, column, order);
        rc = score(t, &now, e);
        p->drop[column] += (p->score - now) / (double)shuffles;
    }
    reorder(t, from, rows, column, t->row);
    free(order);
    return rc;
}

int permutation_of_rows(struct permutation *p, struct model *m, const struct featmat *features,
                        const struct judged *rows, size_t shuffles, uint64_t seed, struct err *e)
{
    struct permutation made = { .n_row = rows->n };
    struct trial t;
    trial_init(&t, m, features, rows);
    find_sources(&t, &made);
    int rc = score(&t, &made.score, e);
    for (size_t j = 0; j < made.n_column && rc == 0; j++)
        rc = shuffle_column(&t, &made, features, rows, j, shuffles, seed, e);
    trial_release(&t);
    if (rc) {
        permutation_release(&made);
        return rc;
    }
    *p = made;
    return 0;
}

/* Rows of a side, or with sides absent all of them, whose label the model knows. */
static size_t take_side(const struct model *m, const struct model_data *data,
                        const struct column *label, enum side side, size_t *row, double *truth)
{
    int32_t *class = m->classes.n ? classes_of_rows(&m->classes, label) : NULL;
    size_t n = 0;
    for (size_t i = 0; i < label->n; i++) {
        if (!column_valid(label, i) || (class && class[i] < 0) ||
            (data->sides ? data->sides->side[i] != side : side != SIDE_TRAIN))
            continue;
        truth[n] = class ? class[i] : column_number(label, i);
        row[n++] = i;
    }
    free(class);
    return n;
}

int permutation_fit(struct permutation *p, struct model *m, const struct model_data *data,
                    size_t shuffles, uint64_t seed, struct err *e)
{
    const struct column *label = NULL;
    int rc = model_target(m, data->table, data->table->name, &label, e);
    if (rc)
        return rc;
    size_t *row = mem_calloc(label->n + 1, sizeof *row);
    double *truth = mem_calloc(label->n + 1, sizeof *truth);
    size_t n = take_side(m, data, label, SIDE_VALIDATION, row, truth);
    bool validation = n > 0;
    if (n == 0)
        n = take_side(m, data, label, SIDE_TRAIN, row, truth);
    struct judged rows = { n, row, truth };
    rc = n ? permutation_of_rows(p, m, data->features, &rows, shuffles, seed, e)
           : err_set(e, ERR_DATA, "no row has a label that the model knows");
    if (rc == 0)
        p->validation = validation;
    free(truth);
    free(row);
    return rc;
}

static void add_quoted(struct str *out, const char *text)
{
    str_addz(out, "\"");
    for (; *text; text++)
        str_addf(out, "%s%c", *text == '"' ? "\"" : "", *text);
    str_addz(out, "\"");
}

int permutation_write(const struct permutation *p, const char *path, struct err *e)
{
    size_t *order = rank_order(p->drop, p->n_column);
    struct str text = { 0 };
    str_addz(&text, "column,drop\n");
    for (size_t j = 0; j < p->n_column; j++) {
        add_quoted(&text, p->name[order[j]]);
        str_addz(&text, ",");
        str_add_real(&text, p->drop[order[j]]);
        str_addz(&text, "\n");
    }
    int rc = outfile_put(path, text.text, text.n, e);
    str_release(&text);
    free(order);
    return rc;
}

void permutation_release(struct permutation *p)
{
    for (size_t j = 0; j < p->n_column; j++)
        free(p->name[j]);
    free(p->name);
    free(p->drop);
    *p = (struct permutation){ 0 };
}
