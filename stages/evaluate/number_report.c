/* metrics.json and page of a model that predicts a number. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/chart.h"
#include "io/plot.h"
#include "num/rank.h"
#include "num/residuals.h"
#include "stages/evaluate/report_parts.h"

static const double shown_quantile[] = { .5, .9, .95, .99 };
enum { N_SHOWN = sizeof shown_quantile / sizeof *shown_quantile };

void number_report_figures(json_t *to, const struct report_model *m)
{
    const struct residuals *r = &m->residuals;
    json_object_set_new(to, "r2", parts_figure(r->r2));
    json_object_set_new(to, "mae", parts_figure(r->mae));
    json_object_set_new(to, "rmse", parts_figure(r->rmse));
    json_object_set_new(to, "max_error", parts_figure(r->max_error));
    json_object_set_new(to, "bias", parts_figure(r->bias));
    json_object_set_new(to, "spearman", parts_figure(r->spearman));
}

/* |estimate - truth|, sorted: (n) owned by the caller. */
static double *sorted_errors(const struct model_report *r)
{
    size_t n = r->model[0].residuals.n;
    double *size = mem_calloc(n, sizeof *size);
    for (size_t i = 0; i < n; i++)
        size[i] = fabs((double)r->estimate[i] - r->truth[i]);
    rank_sort(size, n);
    return size;
}

void number_report_json(json_t *root, const struct model_report *r)
{
    size_t n = r->model[0].residuals.n;
    double *size = sorted_errors(r);
    json_t *list = json_array();
    for (size_t i = 0; i < N_SHOWN; i++)
        json_array_append_new(list, json_pack("{s:f, s:f}", "share", shown_quantile[i], "below",
                                              residuals_quantile(size, n, shown_quantile[i])));
    json_object_set_new(root, "error_quantiles", list);
    json_object_set_new(root, "train_mean", parts_figure(r->train_mean));
    free(size);
}

void number_report_headline(struct str *out, const struct model_report *r)
{
    const struct residuals *m = &r->model[0].residuals;
    str_addz(out, "<div class=\"tiles\">\n<div class=\"tile main\"><b>");
    plot_number(out, m->r2, 3);
    str_addz(out, "</b><span>R&sup2;</span><span>share of the variance that is explained</span>"
                  "</div>\n");
    parts_tile(out, m->mae, -1, "mean absolute error", "MAE, in the unit of the target");
    parts_tile(out, m->rmse, -1, "root mean square", "RMSE, large errors count more");
    parts_tile(out, m->max_error, -1, "largest error", "of one row");
    parts_tile(out, m->spearman, 3, "Spearman", "is the order right? 1 is perfect");
    str_addz(out, "</div>\n");
}

static void add_row(struct str *out, const struct model_report *r, size_t i)
{
    const struct residuals *one = &r->model[i].residuals;
    str_addf(out, "<tr%s><th scope=\"row\">", i == 0 ? " class=\"main\"" : "");
    parts_kind(out, r->model[i].kind);
    str_addz(out, "</th><td class=\"w\">");
    plot_bar(out, one->r2, "wide");
    plot_number(out, one->r2, 3);
    str_addz(out, "</td>");
    const double figure[4] = { one->mae, one->rmse, one->max_error, one->bias };
    for (int k = 0; k < 4; k++)
        parts_cell(out, figure[k], -1);
    parts_cell(out, one->spearman, 3);
    parts_versus(out, r, i, 1, "");
    str_addz(out, "</tr>\n");
}

void number_report_models(struct str *out, const struct model_report *r)
{
    double mae = 0, rmse = 0;
    size_t n = r->model[0].residuals.n;
    str_addf(out,
             "<section>\n<h2>Models side by side</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
             "<th>Model</th><th>R&sup2;</th><th class=\"n\">MAE</th><th class=\"n\">RMSE</th>"
             "<th class=\"n\">Largest</th><th class=\"n\">Bias</th><th class=\"n\">Spearman</th>%s"
             "</tr></thead>\n<tbody>\n",
             r->n_model < 2 ? "" : "<th class=\"n\">Behind by</th><th class=\"n\">p</th>");
    for (size_t i = 0; i < r->n_model; i++)
        add_row(out, r, i);
    for (size_t i = 0; i < n; i++) {
        double off = r->truth[i] - r->train_mean;
        mae += fabs(off) / (double)n;
        rmse += off * off / (double)n;
    }
    str_addz(out, "</tbody></table></div>\n<p class=\"note\">Always answering the mean of the "
                  "training rows, ");
    parts_value(out, r->train_mean);
    str_addz(out, ", would have MAE ");
    parts_value(out, mae);
    str_addz(out, " and RMSE ");
    parts_value(out, sqrt(rmse));
    str_addz(out, ".");
    if (r->n_model > 1)
        str_addz(out, " Behind by: in MAE. p: how often models that are equally good differ as "
                      "much by chance (test of pairs).");
    str_addz(out, "</p>\n</section>\n");
}

static void find_range(const double *x, size_t n, double out[2])
{
    out[0] = out[1] = x[0];
    for (size_t i = 1; i < n; i++) {
        out[0] = x[i] < out[0] ? x[i] : out[0];
        out[1] = x[i] > out[1] ? x[i] : out[1];
    }
}

static void add_charts(struct str *out, const struct model_report *r)
{
    size_t n = r->model[0].residuals.n;
    double *said = mem_calloc(n, sizeof *said), *off = mem_calloc(n, sizeof *off), x[2], y[2];
    for (size_t i = 0; i < n; i++) {
        said[i] = (double)r->estimate[i];
        off[i] = said[i] - r->truth[i];
    }
    find_range(said, n, x);
    find_range(r->truth, n, y);
    double from = x[0] > y[0] ? x[0] : y[0], to = x[1] < y[1] ? x[1] : y[1];
    struct chart truth = { .title = "Predicted and true",
                           .x_name = "predicted",
                           .y_name = "true",
                           .has_guide = from < to,
                           .guide = { from, from, to, to } };
    struct chart residual = { .title = "Residuals",
                              .x_name = "predicted",
                              .y_name = "predicted - true",
                              .has_guide = true,
                              .guide = { x[0], 0, x[1], 0 } };
    chart_cloud(out, &truth, said, r->truth, n);
    chart_cloud(out, &residual, said, off, n);
    free(said);
    free(off);
}

void number_report_details(struct str *out, const struct model_report *r)
{
    size_t n = r->model[0].residuals.n;
    double *size = sorted_errors(r);
    str_addz(out, "<section>\n<h2>Errors</h2>\n<div class=\"charts\">\n");
    add_charts(out, r);
    str_addz(out, "</div>\n<p class=\"note\">Dashed: no error. ");
    for (size_t i = 0; i < N_SHOWN; i++) {
        str_addf(out, "%s%g&nbsp;%% of the rows are within ", i ? ", " : "",
                 100 * shown_quantile[i]);
        parts_value(out, residuals_quantile(size, n, shown_quantile[i]));
    }
    str_addz(out, ".</p>\n</section>\n");
    free(size);
}
