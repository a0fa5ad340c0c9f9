#include "models/logistic/logistic_loss.h"

#include <cblas.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "models/logistic/row_kernels.h"

enum {
    TILE = 64,       /* rows at once: they and their scores stay in the second cache */
    PART_ROWS = 512, /* a part of the sums has at least so many rows */
    MOST_PARTS = 32, /* and there are at most so many parts */
    MOST_DENSE = 512 /* columns of which the whole matrix of products is made */
};

size_t logistic_functions(size_t n_class)
{
    return n_class == 2 ? 1 : n_class;
}

static size_t functions(const struct logistic_loss *l)
{
    return logistic_functions(l->rows.n_class);
}

/* Items of a worker's tile: gathered rows, scores. */
static size_t tile_room(size_t d, size_t n_function)
{
    return TILE * (d + 1 + n_function);
}

/* Some rows of x as one (m, d) matrix: where they lie, if they follow each other, else copied. */
static const double *gather(const double *x, const size_t *row, size_t m, size_t d, double *room)
{
    size_t beside = 1;
    while (beside < m && row[beside] - row[beside - 1] == 1)
        beside++;
    if (beside == m) {
        row_touch(x + row[0] * d, m * d);
        return x + row[0] * d;
    }
    for (size_t i = 0; i < m; i++)
        memcpy(room + i * d, x + row[i] * d, d * sizeof *room);
    return room;
}

/* scores (m, K) = x (m, d) w' + b */
static void scores_of(const double *parameters, size_t n_function, const double *x, size_t m,
                      size_t d, double *out)
{
    if (n_function == 1) {
        row_products(x, m, d, parameters, parameters[d], out);
        return;
    }
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < n_function; k++)
            out[i * n_function + k] = parameters[k * (d + 1) + d];
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n_function, (int)d, 1, x,
                (int)d, parameters, (int)(d + 1), 1, out, (int)n_function);
}

/* ---- value and gradient --------------------------------------------------------------------- */

struct pass {
    const struct logistic_loss *loss;
    const double *parameters;
    bool gradient;
};

/* Loss of the rows of a tile of two classes; their scores become the derivatives of the loss by
 * them. The logarithms of a class are taken of a product, which is at most 2^TILE. */
static double two_classes(const struct logistic_rows *r, const size_t *row, size_t m, double *score)
{
    double y[TILE], weight[TILE], product[2];
    for (size_t i = 0; i < m; i++) {
        y[i] = r->class[row[i]];
        weight[i] = r->weight[r->class[row[i]]];
    }
    double sum = row_losses(y, weight, m, score, product);
    return sum + r->weight[0] * log(product[0]) + r->weight[1] * log(product[1]);
}

/* The same of a row of more classes. */
static double softmax(double *score, size_t n, int32_t class, double weight)
{
    double most = score[0], sum = 0, own = score[class];
    for (size_t k = 1; k < n; k++)
        most = fmax(most, score[k]);
    for (size_t k = 0; k < n; k++)
        sum += score[k] = exp(score[k] - most);
    for (size_t k = 0; k < n; k++)
        score[k] *= weight / sum;
    score[class] -= weight;
    /* cppcheck-suppress invalidFunctionArg ; the largest score adds 1 to the sum */
    return weight * (log(sum) + most - own);
}

static double add_tile(const struct pass *p, const size_t *row, size_t m, double *room,
                       double *gradient)
{
    const struct logistic_rows *r = &p->loss->rows;
    size_t d = r->d, n_function = functions(p->loss);
    const double *x = gather(r->x, row, m, d, room);
    double *score = room + TILE * d, sum = 0;
    scores_of(p->parameters, n_function, x, m, d, score);
    if (n_function == 1)
        sum = two_classes(r, row, m, score);
    for (size_t i = 0; n_function > 1 && i < m; i++) {
        int32_t class = r->class[row[i]];
        sum += softmax(score + i * n_function, n_function, class, r->weight[class]);
    }
    for (size_t i = 0; p->gradient && i < m; i++)
        for (size_t k = 0; k < n_function; k++)
            gradient[k * (d + 1) + d] += score[i * n_function + k];
    if (!p->gradient)
        return sum;
    if (n_function == 1)
        row_sums(x, m, d, score, gradient);
    else
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)n_function, (int)d, (int)m, 1,
                    score, (int)n_function, x, (int)d, 1, gradient, (int)(d + 1));
    return sum;
}

static void add_part(void *ctx, int worker, size_t part)
{
    const struct pass *p = ctx;
    const struct logistic_loss *l = p->loss;
    size_t n_parameter = functions(l) * (l->rows.d + 1);
    size_t from = part * l->rows.n / l->n_part, to = (part + 1) * l->rows.n / l->n_part;
    double *sum = l->sum + part * (n_parameter + 1);
    double *room = l->tiles + (size_t)worker * tile_room(l->rows.d, functions(l));
    memset(sum, 0, (n_parameter + 1) * sizeof *sum);
    for (size_t i = from; i < to; i += TILE)
        sum[n_parameter] += add_tile(p, l->rows.row + i, to - i < TILE ? to - i : TILE, room, sum);
}

double logistic_loss_value(void *loss, const double *parameters, double *out_gradient)
{
    const struct logistic_loss *l = loss;
    size_t d = l->rows.d, n_function = functions(l), n = n_function * (d + 1);
    struct pass pass = { l, parameters, out_gradient != NULL };
    double value = 0, penalty = 0;
    parallel_for(l->threads, l->n_part, add_part, &pass);
    for (size_t part = 0; part < l->n_part; part++)
        value += l->sum[part * (n + 1) + n];
    for (size_t k = 0; k < n_function; k++)
        for (size_t j = 0; j < d; j++)
            penalty += parameters[k * (d + 1) + j] * parameters[k * (d + 1) + j];
    for (size_t j = 0; out_gradient && j < n; j++) {
        double sum = 0;
        for (size_t part = 0; part < l->n_part; part++)
            sum += l->sum[part * (n + 1) + j];
        out_gradient[j] = sum / l->total + (j % (d + 1) < d ? l->l2 * parameters[j] : 0);
    }
    return value / l->total + 0.5 * l->l2 * penalty;
}

/* ---- preconditioner ------------------------------------------------------------------------- */

/* What a row adds to the Hessian is x'x times this at most, or at the parameters. */
static double steepness(const struct logistic_loss *from, const double *parameters, const double *x)
{
    size_t d = from->rows.d;
    if (from->rows.n_class > 2)
        return 0.5;
    if (!parameters)
        return 0.25;
    double tail = exp(-fabs(cblas_ddot((int)d, x, 1, parameters, 1) + parameters[d]));
    return fmax(tail / ((1 + tail) * (1 + tail)), 1e-3);
}

/* The upper triangle of the mean over the rows of steepness (x, 1)'(x, 1) into out (d + 1, d + 1),
 * or its diagonal into out (d + 1). */
static void add_products(const struct logistic_loss *from, const double *parameters, bool dense,
                         double *out)
{
    const struct logistic_rows *r = &from->rows;
    size_t d = r->d, D = d + 1;
    double *tile = mem_calloc(TILE, D * sizeof *tile);
    for (size_t i = 0; i < r->n; i += TILE) {
        size_t m = r->n - i < TILE ? r->n - i : TILE;
        for (size_t t = 0; t < m; t++) {
            const double *x = r->x + r->row[i + t] * d;
            double weight = r->weight[r->class[r->row[i + t]]] / from->total;
            double root = sqrt(weight * steepness(from, parameters, x));
            for (size_t j = 0; j < d; j++)
                tile[t * D + j] = root * x[j];
            tile[t * D + d] = root;
        }
        if (dense)
            cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)D, (int)m, 1, tile, (int)D, 1,
                        out, (int)D);
        for (size_t t = 0; !dense && t < m; t++)
            for (size_t j = 0; j < D; j++)
                out[j] += tile[t * D + j] * tile[t * D + j];
    }
    free(tile);
}

/* What is left of a diagonal item that rounding has eaten. */
static const double LEAST = 1e-12;

/* a = u'u in its upper triangle, whatever the scales of the columns. */
static void cholesky(double *a, size_t n)
{
    double *diagonal = mem_calloc(n, sizeof *diagonal);
    for (size_t k = 0; k < n; k++)
        diagonal[k] = a[k * n + k];
    for (size_t k = 0; k < n; k++) {
        double *pivot = a + k * n, root = sqrt(fmax(pivot[k], LEAST * diagonal[k]));
        pivot[k] = root;
        for (size_t j = k + 1; j < n; j++)
            pivot[j] /= root;
        for (size_t i = k + 1; i < n; i++)
            for (size_t j = i; j < n; j++)
                a[i * n + j] -= pivot[i] * pivot[j];
    }
    free(diagonal);
}

void logistic_loss_learn_curvature(struct logistic_loss *l, const struct logistic_loss *from,
                                   const double *parameters)
{
    size_t D = l->rows.d + 1;
    double most = 0;
    free(l->factor);
    l->dense = l->rows.d <= MOST_DENSE;
    l->factor = mem_calloc(D, (l->dense ? D : 1) * sizeof *l->factor);
    add_products(from, parameters, l->dense, l->factor);
    for (size_t j = 0; j < D; j++) {
        double *at = l->factor + (l->dense ? j * D + j : j);
        *at += j < l->rows.d ? l->l2 : 0;
        most = fmax(most, *at);
    }
    for (size_t j = 0; j < D; j++) { /* a column of zeros without a penalty */
        double *at = l->factor + (l->dense ? j * D + j : j);
        *at = *at > 0 ? *at : most;
    }
    if (l->dense)
        cholesky(l->factor, D);
}

void logistic_loss_precondition(void *loss, double *v)
{
    const struct logistic_loss *l = loss;
    size_t D = l->rows.d + 1;
    for (size_t k = 0; k < functions(l); k++) {
        double *own = v + k * D;
        for (size_t j = 0; !l->dense && j < D; j++)
            own[j] /= l->factor[j];
        if (l->dense) {
            cblas_dtrsv(CblasRowMajor, CblasUpper, CblasTrans, CblasNonUnit, (int)D, l->factor,
                        (int)D, own, 1);
            cblas_dtrsv(CblasRowMajor, CblasUpper, CblasNoTrans, CblasNonUnit, (int)D, l->factor,
                        (int)D, own, 1);
        }
    }
}

void logistic_loss_diagonal(const struct logistic_loss *l, double *out)
{
    size_t D = l->rows.d + 1;
    for (size_t k = 0; k < functions(l); k++)
        for (size_t j = 0; j < D; j++) {
            double sum = 0; /* of u'u */
            for (size_t i = 0; l->dense && i <= j; i++)
                sum += l->factor[i * D + j] * l->factor[i * D + j];
            out[k * D + j] = l->dense ? sum : l->factor[j];
        }
}

void logistic_loss_init(struct logistic_loss *l, const struct logistic_rows *rows, double c,
                        int threads)
{
    size_t n_function = logistic_functions(rows->n_class);
    *l = (struct logistic_loss){ .rows = *rows, .threads = threads };
    for (size_t i = 0; i < rows->n; i++)
        l->total += rows->weight[rows->class[rows->row[i]]];
    l->l2 = isfinite(c) ? 1 / (c * l->total) : 0;
    l->n_part = rows->n / PART_ROWS < MOST_PARTS ? rows->n / PART_ROWS + 1 : MOST_PARTS;
    if ((size_t)threads > l->n_part)
        l->threads = (int)l->n_part;
    l->sum = mem_calloc(l->n_part, (n_function * (rows->d + 1) + 1) * sizeof *l->sum);
    l->tiles = mem_calloc((size_t)l->threads, tile_room(rows->d, n_function) * sizeof *l->tiles);
}

void logistic_loss_release(struct logistic_loss *l)
{
    free(l->sum);
    free(l->tiles);
    free(l->factor);
    *l = (struct logistic_loss){ 0 };
}

/* ---- prediction ----------------------------------------------------------------------------- */

struct prediction {
    const double *parameters, *x;
    const size_t *row;
    size_t n, d, n_class;
    double *tiles;
    float *out;
};

static void predict_tile(void *ctx, int worker, size_t tile)
{
    const struct prediction *p = ctx;
    size_t n_function = logistic_functions(p->n_class), C = p->n_class, from = tile * TILE;
    size_t m = p->n - from < TILE ? p->n - from : TILE;
    double *room = p->tiles + (size_t)worker * tile_room(p->d, n_function);
    double *score = room + TILE * p->d;
    scores_of(p->parameters, n_function, gather(p->x, p->row + from, m, p->d, room), m, p->d,
              score);
    if (n_function == 1) {
        row_sigmoids(score, m, p->out + from * C);
        return;
    }
    for (size_t i = 0; i < m; i++) {
        double *s = score + i * n_function;
        float *out = p->out + (from + i) * C;
        double most = s[0], sum = 0;
        for (size_t k = 1; k < C; k++)
            most = fmax(most, s[k]);
        for (size_t k = 0; k < C; k++)
            sum += s[k] = exp(s[k] - most);
        for (size_t k = 0; k < C; k++)
            out[k] = (float)(s[k] / sum);
    }
}

void logistic_probabilities(const double *parameters, const double *x, const size_t *row, size_t n,
                            size_t d, size_t n_class, int threads, float *out)
{
    size_t n_tile = (n + TILE - 1) / TILE;
    if ((size_t)threads > n_tile / 16 + 1) /* few rows are not worth a thread */
        threads = (int)(n_tile / 16 + 1);
    struct prediction p = { parameters, x, row, n, d, n_class, NULL, out };
    p.tiles = mem_calloc((size_t)threads,
                         tile_room(d, logistic_functions(n_class)) * sizeof *p.tiles);
    parallel_for(threads, n_tile, predict_tile, &p);
    free(p.tiles);
}
