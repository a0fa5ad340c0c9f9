#include "num/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

static const double least_probability = 1e-7;

/** Labels inside, probabilities finite: what all that follows relies on. */
static int check(const int32_t *label, const float *p, size_t n, size_t n_class, struct err *e)
{
    if (n == 0 || n_class == 0)
        return err_set(e, ERR_DATA, "no rows to compare predictions with");
    for (size_t i = 0; i < n; i++) {
        if (label[i] < 0 || (size_t)label[i] >= n_class)
            return err_set(e, ERR_DATA, "row %zu: label %d, want 0 to %zu", i, (int)label[i],
                           n_class - 1);
        for (size_t k = 0; k < n_class; k++)
            if (!isfinite(p[i * n_class + k]))
                return err_set(e, ERR_DATA, "row %zu: the probability of class %zu is not finite",
                               i, k);
    }
    return 0;
}

size_t metrics_answer(const float *p, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (p[k] > p[best])
            best = k;
    return best;
}

static double row_loss(double p)
{
    return -log(p < least_probability ? least_probability : p > 1 ? 1 : p);
}

static double quotient(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/** Everything that follows from the confusion matrix. */
static void summarise(struct metrics *m)
{
    double sum = 0, weighted = 0;
    size_t C = m->n_class, seen = 0;

    for (size_t i = 0; i < C; i++)
        for (size_t k = 0; k < C; k++) {
            m->class[i].support += m->count[i * C + k];
            m->class[k].predicted += m->count[i * C + k];
        }
    for (size_t k = 0; k < C; k++) {
        struct class_metrics *c = &m->class[k];
        double right = (double)m->count[k * C + k];
        c->precision = quotient(right, (double)c->predicted);
        c->recall = quotient(right, (double)c->support);
        c->f1 = quotient(2 * right, (double)(c->predicted + c->support));
        m->right += m->count[k * C + k];
        sum += c->f1;
        weighted += c->f1 * (double)c->support;
        seen += c->support || c->predicted;
    }
    m->accuracy = (double)m->right / (double)m->n;
    m->macro_f1 = quotient(sum, (double)seen);
    m->weighted_f1 = weighted / (double)m->n;
}

int metrics_compute(struct metrics *m, const int32_t *label, const float *probability, size_t n,
                    size_t n_class, struct err *e)
{
    struct metrics new = { .n_class = n_class, .n = (int64_t)n };
    int rc = check(label, probability, n, n_class, e);
    if (rc)
        return rc;

    new.class = mem_calloc(n_class, sizeof *new.class);
    new.count = mem_calloc(n_class * n_class, sizeof *new.count);
    for (size_t i = 0; i < n; i++) {
        const float *p = probability + i * n_class;
        size_t truth = (size_t)label[i];
        new.count[truth * n_class + metrics_answer(p, n_class)]++;
        new.loss += row_loss((double)p[truth]);
    }
    new.loss /= (double)n;
    summarise(&new);
    metrics_release(m);
    *m = new;
    return 0;
}

void metrics_release(struct metrics *m)
{
    free(m->class);
    free(m->count);
    *m = (struct metrics){ 0 };
}

void metrics_mix(const float *a, const float *b, double weight, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(weight * (double)a[i] + (1 - weight) * (double)b[i]);
}

/** Accuracy and cross-entropy of one weight, without the confusion matrix. */
static struct blend try_weight(int percent, const int32_t *label, const float *a, const float *b,
                               size_t n, size_t n_class, float *row)
{
    struct blend out = { .weight = percent / 100.0 };
    size_t right = 0;
    for (size_t i = 0; i < n; i++) {
        size_t truth = (size_t)label[i];
        metrics_mix(a + i * n_class, b + i * n_class, out.weight, n_class, row);
        right += metrics_answer(row, n_class) == truth;
        out.loss += row_loss((double)row[truth]);
    }
    out.accuracy = (double)right / (double)n;
    out.loss /= (double)n;
    return out;
}

int metrics_blend(struct blend *out, const int32_t *label, const float *a, const float *b, size_t n,
                  size_t n_class, struct err *e)
{
    int rc;
    if ((rc = check(label, a, n, n_class, e)) || (rc = check(label, b, n, n_class, e)))
        return rc;

    float *row = mem_calloc(n_class, sizeof *row);
    struct blend best = { 0 };
    int best_percent = -1;
    for (int percent = 0; percent <= 100; percent++) {
        struct blend now = try_weight(percent, label, a, b, n, n_class, row);
        bool better = best_percent < 0 || now.accuracy > best.accuracy;
        if (!better && now.accuracy == best.accuracy)
            better = now.loss < best.loss ||
                     (now.loss == best.loss && abs(percent - 50) < abs(best_percent - 50));
        if (better) {
            best = now;
            best_percent = percent;
        }
    }
    free(row);
    *out = best;
    return 0;
}

void metrics_interval(int64_t right, int64_t n, double *out_low, double *out_high)
{
    assert(n > 0);
    double z = 1.959963984540054, p = (double)right / (double)n, d = (double)n;
    double centre = (p + z * z / (2 * d)) / (1 + z * z / d);
    double half = z / (1 + z * z / d) * sqrt(p * (1 - p) / d + z * z / (4 * d * d));
    *out_low = right == 0 ? 0 : centre - half;
    *out_high = right == n ? 1 : centre + half;
}
