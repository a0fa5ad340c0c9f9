#include "num/probabilities.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "num/metrics.h"

/* A page shows no more detail; and many classes are many curves. */
static const double curve_step = 1.0 / 250;

static int rank_classes(struct probabilities *p, const int32_t *label, const float *probability,
                        size_t n, struct scored *row, struct err *e)
{
    size_t C = p->n_class;
    for (size_t k = 0; k < C; k++) {
        for (size_t i = 0; i < n; i++)
            row[i] = (struct scored){ probability[i * C + k], (size_t)label[i] == k };
        int rc = roc_fit(&p->class[k], row, n, e);
        if (rc)
            return rc;
        roc_thin(&p->class[k], curve_step);
    }
    for (size_t i = 0; i < n * C; i++)
        row[i] = (struct scored){ probability[i], (size_t)label[i / C] == i % C };
    int rc = roc_fit(&p->all, row, n * C, e);
    if (rc == 0)
        roc_thin(&p->all, curve_step);
    return rc;
}

static void mean_over_classes(struct probabilities *p)
{
    size_t n = 0;
    if (p->n_class == 2) {
        p->auc = p->class[1].auc;
        p->average_precision = p->class[1].average_precision;
        return;
    }
    for (size_t k = 0; k < p->n_class; k++)
        if (isfinite(p->class[k].auc)) {
            p->auc += p->class[k].auc;
            p->average_precision += p->class[k].average_precision;
            n++;
        }
    p->auc = n ? p->auc / (double)n : (double)NAN;
    p->average_precision = n ? p->average_precision / (double)n : (double)NAN;
}

static void calibrate(struct probabilities *p, const int32_t *label, const float *probability,
                      size_t n)
{
    size_t C = p->n_class;
    float *said = mem_calloc(n, sizeof *said);
    uint8_t *happened = mem_calloc(n, 1);
    for (size_t i = 0; i < n; i++) {
        const float *of = probability + i * C;
        size_t k = C == 2 ? 1 : metrics_answer(of, C);
        said[i] = of[k];
        happened[i] = (size_t)label[i] == k;
    }
    calibration_fit(&p->calibration, said, happened, n);
    free(said);
    free(happened);
}

int probabilities_fit(struct probabilities *p, const int32_t *label, const float *probability,
                      size_t n, size_t n_class, struct err *e)
{
    struct probabilities made = { .n_class = n_class };
    struct scored *row = mem_calloc(n * n_class + 1, sizeof *row);
    made.class = mem_calloc(n_class + 1, sizeof *made.class);
    int rc = rank_classes(&made, label, probability, n, row, e);
    free(row);
    if (rc) {
        probabilities_release(&made);
        return rc;
    }
    mean_over_classes(&made);
    calibrate(&made, label, probability, n);
    made.brier = calibration_brier(label, probability, n, n_class);
    probabilities_release(p);
    *p = made;
    return 0;
}

void probabilities_release(struct probabilities *p)
{
    for (size_t k = 0; k < p->n_class; k++)
        roc_release(&p->class[k]);
    free(p->class);
    roc_release(&p->all);
    *p = (struct probabilities){ 0 };
}

const struct roc *probabilities_curve(const struct probabilities *p)
{
    return p->n_class == 2 ? &p->class[1] : &p->all;
}
