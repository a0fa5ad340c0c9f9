#ifndef EVALUATE_MODEL_REPORT_H
#define EVALUATE_MODEL_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "models/history.h"
#include "num/metrics.h"

/** One of the models side by side. */
struct report_model {
    const char *kind; /* as model_kind(), or "late_fusion" */
    struct metrics metrics;
};

/** What an evaluation found: everything that metrics.json and the page show. Borrowed unless said
 * otherwise. */
struct model_report {
    const char *side; /* "test", "validation": the rows that were evaluated */
    struct report_model
        *model; /* (n_model) the first one is the model; its metrics are owned by the caller */
    size_t n_model;
    const char *blend[2]; /* kinds that late_fusion mixes; NULL: there is none */
    double blend_weight;  /* of the first of them */
    size_t n_class;
    const char **label, **name;     /* (n_class) names may be NULL */
    const struct history *history;  /* NULL: not given */
    int64_t n_row, rows[3], unused; /* of the table; by side; on no side */
    int64_t *train_rows;            /* (n_class) rows of the class that it was trained on */
    int64_t unknown_rows; /* on the side, but without a label or of a class that the model does not
                             know */
    bool has_pictures, has_texts;
    int64_t pictures_missing, pictures_corrupt, texts_empty; /* of all rows */
    size_t n_feature;
    const char *description; /* of the network, lines of text */
};

/** metrics.json (docs/formats.md); a new reference. */
json_t *model_report_json(const struct model_report *r);

/** The page: HTML that needs nothing else, appended to *out. */
void model_report_html(const struct model_report *r, struct str *out);

#endif
