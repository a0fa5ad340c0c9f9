#ifndef EVALUATE_REPORT_PARTS_H
#define EVALUATE_REPORT_PARTS_H

#include "stages/evaluate/model_report.h"

/* What model_report.c puts together: metrics.json and the page of classes (class_report.c), of a
 * number (number_report.c), and what both have. Everything is appended to *out. */

/** A number, or null where it is not finite. */
json_t *parts_figure(double value);

/** A number of the first n as a list; a new reference. */
json_t *parts_list(const double *value, size_t n);

/** Four digits that count, or a dash. */
void parts_value(struct str *out, double value);

/** A tile with a figure: so many decimals, or (-1) as parts_value. */
void parts_tile(struct str *out, double value, int decimals, const char *what, const char *more);

/** "late_fusion" as a person writes it. */
void parts_kind(struct str *out, const char *kind);

/** Name and label of class k. */
void parts_class(struct str *out, const struct model_report *r, size_t k);

/** A cell of a table with a figure, as parts_tile writes it. */
void parts_cell(struct str *out, double value, int decimals);

/** Two cells: by how much the first model is better than model i, and the p of that. */
void parts_versus(struct str *out, const struct model_report *r, size_t i, double scale,
                  const char *unit);

/** "importances" and "permutation" of metrics.json, and the section of the page; nothing where
 * there are none. */
void parts_importance_json(json_t *to, const struct model_report *r);
void parts_importance(struct str *out, const struct model_report *r);

void class_report_figures(json_t *to, const struct report_model *m);
void class_report_json(json_t *root, const struct model_report *r);
void class_report_headline(struct str *out, const struct model_report *r);
void class_report_models(struct str *out, const struct model_report *r);
void class_report_details(struct str *out, const struct model_report *r);

/** Matrix and list of confusions. */
void confusion_page(struct str *out, const struct model_report *r);

void number_report_figures(json_t *to, const struct report_model *m);
void number_report_json(json_t *root, const struct model_report *r);
void number_report_headline(struct str *out, const struct model_report *r);
void number_report_models(struct str *out, const struct model_report *r);
void number_report_details(struct str *out, const struct model_report *r);

#endif
