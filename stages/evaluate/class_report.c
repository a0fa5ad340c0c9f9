/* metrics.json and page of a model that tells classes apart. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/chart.h"
#include "io/plot.h"
#include "stages/evaluate/report_parts.h"

/* ---- metrics.json ---- */

void class_report_figures(json_t *to, const struct report_model *m)
{
    const struct probabilities *p = &m->probabilities;
    json_object_set_new(to, "accuracy", json_real(m->metrics.accuracy));
    json_object_set_new(to, "macro_f1", json_real(m->metrics.macro_f1));
    json_object_set_new(to, "weighted_f1", json_real(m->metrics.weighted_f1));
    json_object_set_new(to, "loss", json_real(m->metrics.loss));
    if (p->n_class == 0)
        return;
    json_object_set_new(to, "auc", parts_figure(p->auc));
    if (p->n_class > 2)
        json_object_set_new(to, "micro_auc", parts_figure(p->all.auc));
    json_object_set_new(to, "average_precision", parts_figure(p->average_precision));
    json_object_set_new(to, "brier", json_real(p->brier));
    json_object_set_new(to, "calibration_error", json_real(p->calibration.error));
}

static json_t *per_class_json(const struct model_report *r)
{
    const struct roc *curves = r->model[0].probabilities.class;
    json_t *list = json_array();
    for (size_t k = 0; k < r->n_class; k++) {
        const struct class_metrics *c = &r->model[0].metrics.class[k];
        json_t *one = json_object();
        json_object_set_new(one, "label", json_string(r->label[k]));
        json_object_set_new(one, "name", json_string(r->name[k] ? r->name[k] : r->label[k]));
        json_object_set_new(one, "precision", json_real(c->precision));
        json_object_set_new(one, "recall", json_real(c->recall));
        json_object_set_new(one, "f1", json_real(c->f1));
        json_object_set_new(one, "support", json_integer(c->support));
        if (curves) {
            json_object_set_new(one, "auc", parts_figure(curves[k].auc));
            json_object_set_new(one, "average_precision",
                                parts_figure(curves[k].average_precision));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *confusion_json(const struct model_report *r)
{
    json_t *confusion = json_object(), *labels = json_array(), *counts = json_array();
    for (size_t k = 0; k < r->n_class; k++) {
        json_t *row = json_array();
        for (size_t j = 0; j < r->n_class; j++)
            json_array_append_new(row, json_integer(r->model[0].metrics.count[k * r->n_class + j]));
        json_array_append_new(counts, row);
        json_array_append_new(labels, json_string(r->label[k]));
    }
    json_object_set_new(confusion, "labels", labels);
    json_object_set_new(confusion, "counts", counts);
    return confusion;
}

static json_t *curves_json(const struct probabilities *p)
{
    const struct roc *c = probabilities_curve(p);
    json_t *counts = json_array();
    for (size_t k = 0; k < CALIBRATION_BINS; k++)
        json_array_append_new(counts, json_integer(p->calibration.count[k]));
    return json_pack("{s:o, s:o, s:o, s:{s:o, s:o, s:o}}", "false_share",
                     parts_list(c->false_share, c->n), "recall", parts_list(c->recall, c->n),
                     "precision", parts_list(c->precision, c->n), "calibration", "said",
                     parts_list(p->calibration.said, CALIBRATION_BINS), "share",
                     parts_list(p->calibration.share, CALIBRATION_BINS), "rows", counts);
}

void class_report_json(json_t *root, const struct model_report *r)
{
    json_object_set_new(root, "per_class", per_class_json(r));
    json_object_set_new(root, "confusion", confusion_json(r));
    if (r->model[0].probabilities.n_class)
        json_object_set_new(root, "curves", curves_json(&r->model[0].probabilities));
}

/* ---- the page ---- */

enum { CURVES_MOST = 30 };

void class_report_headline(struct str *out, const struct model_report *r)
{
    const struct metrics *m = &r->model[0].metrics;
    double low, high;
    metrics_interval(m->right, m->n, &low, &high);

    str_addz(out, "<div class=\"tiles\">\n<div class=\"tile main\"><b>");
    plot_percent(out, m->accuracy);
    str_addf(out, "</b><span>accuracy: %lld of %lld right</span><span>95&nbsp;%% interval ",
             (long long)m->right, (long long)m->n);
    plot_number(out, 100 * low, 1);
    str_addz(out, " to ");
    plot_percent(out, high);
    str_addz(out, "</span></div>\n");
    parts_tile(out, m->macro_f1, 3, "macro F1", "all classes count the same");
    parts_tile(out, m->weighted_f1, 3, "weighted F1", "all rows count the same");
    if (r->model[0].probabilities.n_class)
        parts_tile(out, r->model[0].probabilities.auc, 3, "AUC",
                   r->n_class == 2 ? "area under the ROC curve" : "mean over the classes");
    parts_tile(out, m->loss, 3, "cross-entropy", "in nats, 0 is perfect");
    str_addz(out, "</div>\n");
}

void class_report_models(struct str *out, const struct model_report *r)
{
    const struct metrics *m = &r->model[0].metrics;
    int64_t most = 0;
    for (size_t k = 0; k < r->n_class; k++)
        most = m->class[k].support > most ? m->class[k].support : most;

    str_addf(out,
             "<section>\n<h2>Models side by side</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
             "<th>Model</th><th>Accuracy</th><th class=\"n\">AUC</th><th class=\"n\">Macro F1</th>"
             "<th class=\"n\">Weighted F1</th><th class=\"n\">Cross-entropy</th>%s</tr></thead>\n"
             "<tbody>\n",
             r->n_model < 2 ? "" : "<th class=\"n\">Behind by</th><th class=\"n\">p</th>");
    for (size_t i = 0; i < r->n_model; i++) {
        const struct metrics *one = &r->model[i].metrics;
        bool ranked = r->model[i].probabilities.n_class > 0;
        str_addf(out, "<tr%s><th scope=\"row\">", i == 0 ? " class=\"main\"" : "");
        parts_kind(out, r->model[i].kind);
        str_addz(out, "</th><td class=\"w\">");
        plot_bar(out, one->accuracy, "wide");
        plot_percent(out, one->accuracy);
        str_addz(out, "</td>");
        parts_cell(out, ranked ? r->model[i].probabilities.auc : (double)NAN, 3);
        parts_cell(out, one->macro_f1, 3);
        parts_cell(out, one->weighted_f1, 3);
        parts_cell(out, one->loss, 3);
        parts_versus(out, r, i, 100, "&nbsp;%");
        str_addz(out, "</tr>\n");
    }
    str_addz(out, "</tbody></table></div>\n<p class=\"note\">Always answering the most frequent "
                  "class would be right for ");
    plot_percent(out, (double)most / (double)m->n);
    str_addz(out, " of these rows.");
    if (r->blend[0]) {
        str_addf(out, " Late fusion is %.2f &times; ", r->blend_weight);
        plot_escape(out, r->blend[0]);
        str_addf(out, " + %.2f &times; ", 1 - r->blend_weight);
        plot_escape(out, r->blend[1]);
        str_addz(out, ", the weight chosen on the validation rows.");
    }
    if (r->n_model > 1)
        str_addz(out, " p: how often models that are equally good differ as much in accuracy by "
                      "chance (test of pairs).");
    str_addz(out, "</p>\n</section>\n");
}

static void add_classes(struct str *out, const struct model_report *r)
{
    str_addz(out,
             "<section>\n<h2>Class by class</h2>\n<div "
             "class=\"scroll\"><table>\n<thead><tr><th>Class</th><th class=\"n wide-only\">Learned "
             "from</th><th class=\"n\">Rows</th><th class=\"n\">Precision</th><th "
             "class=\"n\">Recall</th><th class=\"n\">F1</th></tr></thead>\n<tbody>\n");
    for (size_t k = 0; k < r->n_class; k++) {
        const struct class_metrics *c = &r->model[0].metrics.class[k];
        const double figure[3] = { c->precision, c->recall, c->f1 };
        str_addz(out, "<tr><th scope=\"row\">");
        parts_class(out, r, k);
        str_addf(out, "</th><td class=\"n wide-only\">%lld</td><td class=\"n\">%lld</td>",
                 (long long)r->train_rows[k], (long long)c->support);
        for (int i = 0; i < 3; i++) {
            str_addz(out, "<td class=\"n\">");
            plot_bar(out, figure[i], figure[i] < 0.7 ? "low" : "");
            plot_number(out, figure[i], 3);
            str_addz(out, "</td>");
        }
        str_addz(out, "</tr>\n");
    }
    str_addz(out, "</tbody></table></div>\n<p class=\"note\">Precision: of the rows said to be of "
                  "the class, the share that is. Recall: of the rows of the class, the share that "
                  "was found. F1: their harmonic mean.</p>\n</section>\n");
}

/* ---- probabilities ---- */

static struct chart_line line_of(const struct roc *c, bool roc, const char *name, const char *kind)
{
    return (struct chart_line){ .name = name,
                                .kind = kind,
                                .x = roc ? c->false_share : c->recall,
                                .y = roc ? c->recall : c->precision,
                                .n = c->n };
}

/* The curve of all classes, then, of more than two, a thin one for each of the first CURVES_MOST.
 */
static size_t take_lines(const struct model_report *r, bool roc, struct chart_line *line)
{
    const struct probabilities *p = &r->model[0].probabilities;
    size_t n = p->n_class > 2 ? p->n_class : 0;
    n = n > CURVES_MOST ? CURVES_MOST : n;
    line[0] = line_of(probabilities_curve(p), roc, n ? "all classes" : NULL, "one");
    for (size_t k = 0; k < n; k++)
        line[k + 1] = line_of(&p->class[k], roc, k ? NULL : "each class", "thin");
    return n + 1;
}

static void add_calibration(struct str *out, const struct model_report *r)
{
    const struct calibration *c = &r->model[0].probabilities.calibration;
    struct chart chart = { .title = "Calibration",
                           .x_name = "said",
                           .y_name = r->n_class == 2 ? "found" : "right",
                           .shares = true,
                           .has_guide = true,
                           .guide = { 0, 0, 1, 1 } };
    struct chart_line line = {
        .kind = "one", .x = c->said, .y = c->share, .n = CALIBRATION_BINS, .dots = true
    };
    chart_lines(out, &chart, &line, 1);
}

static void add_probabilities(struct str *out, const struct model_report *r)
{
    const struct probabilities *p = &r->model[0].probabilities;
    struct chart_line line[CURVES_MOST + 1];
    struct chart roc = { "ROC", "false alarms", "found", true, true, { 0, 0, 1, 1 } };
    const struct roc *all = probabilities_curve(p);
    double share = (double)all->n_positive / (double)(all->n_positive + all->n_negative);
    struct chart pr = { "Precision and recall", "found (recall)", "right (precision)", true, true,
                        { 0, share, 1, share } };
    if (p->n_class == 0)
        return;
    str_addz(out, "<section>\n<h2>Probabilities</h2>\n<div class=\"charts\">\n");
    chart_lines(out, &roc, line, take_lines(r, true, line));
    chart_lines(out, &pr, line, take_lines(r, false, line));
    add_calibration(out, r);
    str_addz(out, "</div>\n<p class=\"note\">");
    if (r->n_class == 2) {
        str_addz(out, "Of the class ");
        parts_class(out, r, 1);
        str_addz(out, ". ");
    }
    str_addz(out, "AUC ");
    plot_number(out, p->auc, 3);
    str_addz(out, ", average precision ");
    plot_number(out, p->average_precision, 3);
    str_addz(out, ", Brier score ");
    plot_number(out, p->brier, 3);
    str_addz(out, "; what is said and what is found are ");
    plot_percent(out, p->calibration.error);
    str_addz(out, " apart. Dashed: chance, and perfect calibration.</p>\n</section>\n");
}

void class_report_details(struct str *out, const struct model_report *r)
{
    add_probabilities(out, r);
    confusion_page(out, r);
    add_classes(out, r);
}
