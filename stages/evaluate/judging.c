/* How good the models are. */
#include <math.h>
#include <stdlib.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "stages/evaluate/evaluate.h"

/* The first model against another one, row by row: right answers, or smaller errors. */
static void compare(struct paired *out, const struct work *w, const float *other)
{
    const struct chosen *rows = &w->rows;
    const float *own = w->contest.entry[0].out;
    size_t C = w->report.n_class;
    double *d = mem_calloc(rows->n, sizeof *d);
    for (size_t i = 0; i < rows->n; i++)
        d[i] = C ? (double)(metrics_answer(own + i * C, C) == (size_t)rows->label[i]) -
                       (metrics_answer(other + i * C, C) == (size_t)rows->label[i])
                 : fabs((double)other[i] - rows->truth[i]) - fabs((double)own[i] - rows->truth[i]);
    paired_test(out, d, rows->n, (uint64_t)w->p->seed, opt_threads());
    free(d);
}

/* Figures of what a model says about the rows. */
static int judge(struct report_model *to, const struct work *w, const char *key, const float *said,
                 struct err *e)
{
    const struct chosen *rows = &w->rows;
    size_t C = w->report.n_class;
    int rc;
    to->kind = key;
    if (C == 0)
        rc = residuals_compute(&to->residuals, rows->truth, said, rows->n, e);
    else if ((rc = metrics_compute(&to->metrics, rows->label, said, rows->n, C, e)) == 0)
        rc = probabilities_fit(&to->probabilities, rows->label, said, rows->n, C, e);
    if (rc == 0 && said != w->contest.entry[0].out)
        compare(&to->versus, w, said);
    return rc;
}

int judge_models(struct work *w, struct err *e)
{
    struct contest *c = &w->contest;
    struct model_report *r = &w->report;
    for (size_t i = 0; i < c->n; i++) {
        struct entry *who = &c->entry[i];
        int rc = contest_predict(&who->out, c, who, &w->in, &w->rows, e);
        if (rc)
            return rc;
        bool champion = w->p->champion && i + 1 == c->n;
        struct report_model *to = champion ? &w->champion : &r->model[r->n_model++];
        if (judge(to, w, who->key, who->out, e))
            return err_wrap(e, "'%s'", who->path);
        event_progress((int64_t)i + 1, (int64_t)c->n, "models");
    }
    r->champion = w->p->champion ? &w->champion : NULL;
    return 0;
}

int judge_late_fusion(struct work *w, struct err *e)
{
    struct contest *c = &w->contest;
    struct entry *text = contest_find(c, "text"), *image = contest_find(c, "image");
    struct model_report *r = &w->report;
    struct chosen validation = { 0 };
    struct blend blend;
    float *a = NULL, *b = NULL;
    int rc = 0;

    if (!text || !image || contest_find(c, "late_fusion")) /* blend has made it */
        return 0;
    chosen_take(&validation, c->entry[0].model, &w->in.sides, SIDE_VALIDATION, w->target);
    if (validation.n == 0) {
        log_warn("no validation rows to choose the weight of the late fusion on: it is left out");
        goto out;
    }
    if ((rc = contest_predict(&a, c, text, &w->in, &validation, e)) ||
        (rc = contest_predict(&b, c, image, &w->in, &validation, e)) ||
        (rc = metrics_blend(&blend, validation.label, a, b, validation.n, r->n_class, e)))
        goto out;
    w->mixed = mem_calloc(w->rows.n * r->n_class, sizeof *w->mixed);
    metrics_mix(text->out, image->out, blend.weight, w->rows.n * r->n_class, w->mixed);
    r->blend[0] = "text";
    r->blend[1] = "image";
    r->blend_weight = blend.weight;
    rc = judge(&r->model[r->n_model++], w, "late_fusion", w->mixed, e);
out:
    free(a);
    free(b);
    chosen_release(&validation);
    return rc;
}

int judge_columns(struct work *w, struct err *e)
{
    enum { MOST_ROWS = 2000 };
    struct entry *first = &w->contest.entry[0];
    const struct chosen *all = &w->rows;
    size_t n = all->n < MOST_ROWS ? all->n : MOST_ROWS;
    if (!w->p->shuffles || !model_reads_features_alone(first->model))
        return 0;
    size_t *row = mem_calloc(n, sizeof *row);
    double *truth = mem_calloc(n, sizeof *truth);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * all->n / n;
        row[i] = all->row[at];
        truth[i] = all->truth[at];
    }
    const struct featmat *f = first->features.x ? &first->features : &w->in.features;
    int rc = permutation_of_rows(&w->permutation, first->model, f,
                                 &(struct judged){ n, row, truth }, (size_t)w->p->shuffles,
                                 (uint64_t)w->p->seed, e);
    w->report.permutation = rc ? NULL : &w->permutation;
    free(truth);
    free(row);
    return rc;
}
