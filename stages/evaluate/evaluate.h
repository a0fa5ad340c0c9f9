#ifndef EVALUATE_EVALUATE_H
#define EVALUATE_EVALUATE_H

#include "base/opt.h"
#include "base/str.h"
#include "stages/evaluate/contest.h"
#include "stages/evaluate/model_report.h"

/* Inside of evaluate. */

struct params {
    const char *model, *champion, *history, *table, *text, *pixels, *features, *split, *metrics,
        *report, *comparison, *rows;
    struct opt_list others;
    int64_t shuffles, seed;
};

/** What run() works on; everything owned. */
struct work {
    const struct params *p;
    struct model_inputs in;
    struct contest contest;
    struct history history;
    struct chosen rows;
    const struct column *target;
    float *mixed; /* predictions of the late fusion */
    struct report_model champion;
    struct permutation permutation;
    struct str description;
    struct model_report report;
};

/** Predictions and figures of all models, into the report. ERR_DATA names the model. */
int judge_models(struct work *w, struct err *e);

/** Late fusion of text and image as one more model of the report; nothing where there are not
 * both. */
int judge_late_fusion(struct work *w, struct err *e);

/** What a model of feature columns needs; of many rows so many, evenly taken. */
int judge_columns(struct work *w, struct err *e);

#endif
