#ifndef EVALUATE_MODEL_REPORT_H
#define EVALUATE_MODEL_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "models/history.h"
#include "models/permutation.h"
#include "num/metrics.h"
#include "num/paired.h"
#include "num/probabilities.h"
#include "num/residuals.h"

/** One of the models side by side. */
struct report_model {
    const char *kind;       /* as model_kind(), or "late_fusion", "champion" */
    struct metrics metrics; /* of classes */
    struct probabilities probabilities;
    struct residuals residuals; /* of a number */
    struct paired versus;       /* the first model against this one; of the first all zeros */
};

/** What an evaluation found: everything that metrics.json and the page show. Borrowed unless said
 * otherwise. */
struct model_report {
    const char *side; /* "test", "validation": the rows that were evaluated */
    struct report_model
        *model; /* (n_model) the first one is the model; their figures are owned by the caller */
    size_t n_model;
    const struct report_model *champion; /* NULL: there is none; in the comparison alone */
    const char *blend[2];                /* kinds that late_fusion mixes; NULL: there is none */
    double blend_weight;                 /* of the first of them */
    const char *target;                  /* the column that is predicted */
    size_t n_class;                      /* 0: a number is predicted */
    const char **label, **name;          /* (n_class) names may be NULL */
    const double *truth;                 /* (n) of a number, and */
    const float *estimate;               /* (n) what the model says */
    double train_mean;                   /* of a number: its mean over the training rows */
    const struct history *history;       /* NULL: not given */
    int64_t n_row, rows[3], unused;      /* of the table; by side; on no side */
    int64_t *train_rows;                 /* (n_class) rows of the class that it was trained on */
    int64_t unknown_rows; /* on the side, but without a label or of a class that the model does not
                             know */
    bool has_pictures, has_texts;
    int64_t pictures_missing, pictures_corrupt, texts_empty; /* of all rows */
    size_t n_feature;
    const struct permutation *permutation; /* NULL: was not made */
    const double *importance;              /* (n_importance) as model_importance(), or NULL */
    char *const *feature;                  /* (n_importance) */
    size_t n_importance;
    const char *description; /* of the model, lines of text */
};

/** metrics.json (docs/formats.md); a new reference. */
json_t *model_report_json(const struct model_report *r);

/** comparison.json: the champion; a new reference. */
json_t *model_report_comparison(const struct model_report *r);

/** The page: HTML that needs nothing else, appended to *out. */
void model_report_html(const struct model_report *r, struct str *out);

#endif
