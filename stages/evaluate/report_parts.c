#include "stages/evaluate/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/plot.h"
#include "num/rank.h"

enum { IMPORTANCES_MOST = 25 };

json_t *parts_figure(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *parts_list(const double *value, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, parts_figure(value[i]));
    return list;
}

void parts_value(struct str *out, double value)
{
    if (isfinite(value))
        str_addf(out, "%.4g", value);
    else
        plot_number(out, value, 0);
}

static void add_figure(struct str *out, double value, int decimals)
{
    if (decimals < 0)
        parts_value(out, value);
    else
        plot_number(out, value, decimals);
}

void parts_tile(struct str *out, double value, int decimals, const char *what, const char *more)
{
    str_addz(out, "<div class=\"tile\"><b>");
    add_figure(out, value, decimals);
    str_addf(out, "</b><span>%s</span><span>%s</span></div>\n", what, more);
}

void parts_kind(struct str *out, const char *kind)
{
    char *text = mem_strdup(kind);
    for (char *p = text; *p; p++)
        if (*p == '_')
            *p = ' ';
    plot_escape(out, text);
    free(text);
}

void parts_class(struct str *out, const struct model_report *r, size_t k)
{
    bool named = r->name[k] && strcmp(r->name[k], r->label[k]) != 0;
    if (named) {
        str_addz(out, "<span class=\"name\">");
        plot_escape(out, r->name[k]);
        str_addz(out, " </span><small>");
    }
    plot_escape(out, r->label[k]);
    if (named)
        str_addz(out, "</small>");
}

void parts_cell(struct str *out, double value, int decimals)
{
    str_addz(out, "<td class=\"n\">");
    add_figure(out, value, decimals);
    str_addz(out, "</td>");
}

void parts_versus(struct str *out, const struct model_report *r, size_t i, double scale,
                  const char *unit)
{
    const struct paired *v = &r->model[i].versus;
    if (r->n_model < 2)
        return;
    if (i == 0) {
        str_addz(out, "<td></td><td></td>");
        return;
    }
    str_addf(out, "<td class=\"n\">%+.3g%s</td><td class=\"n\">", scale * v->difference, unit);
    if (v->p_value < .001)
        str_addz(out, "&lt; 0.001</td>");
    else
        str_addf(out, "%.3f</td>", v->p_value);
}

/* ---- importances ---- */

void parts_importance_json(json_t *to, const struct model_report *r)
{
    const struct permutation *p = r->permutation;
    if (p) {
        json_t *list = json_array();
        size_t *order = rank_order(p->drop, p->n_column);
        for (size_t i = 0; i < p->n_column; i++)
            json_array_append_new(list, json_pack("{s:s, s:o}", "column", p->name[order[i]], "drop",
                                                  parts_figure(p->drop[order[i]])));
        free(order);
        json_object_set_new(to, "permutation", list);
        json_object_set_new(to, "permutation_rows", json_integer((json_int_t)p->n_row));
    }
    if (r->importance) {
        json_t *list = json_array();
        for (size_t j = 0; j < r->n_importance; j++)
            json_array_append_new(list, json_pack("{s:s, s:o}", "column", r->feature[j], "share",
                                                  parts_figure(r->importance[j])));
        json_object_set_new(to, "importances", list);
    }
}

static void add_bar_row(struct str *out, const char *name, double value, double most)
{
    str_addz(out, "<tr><th scope=\"row\">");
    plot_escape(out, name);
    str_addz(out, "</th><td class=\"w\">");
    plot_bar(out, most > 0 ? value / most : 0, "wide");
    str_addf(out, "%.3f</td></tr>\n", value);
}

static void add_permutation(struct str *out, const struct model_report *r)
{
    const struct permutation *p = r->permutation;
    size_t *order = rank_order(p->drop, p->n_column), shown = p->n_column;
    shown = shown > IMPORTANCES_MOST ? IMPORTANCES_MOST : shown;
    str_addf(out,
             "<section>\n<h2>What the model needs</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
             "<th>Column</th><th>%s lost when it is shuffled</th></tr></thead>\n<tbody>\n",
             r->n_class ? "Accuracy" : "R&sup2;");
    for (size_t i = 0; i < shown; i++)
        add_bar_row(out, p->name[order[i]], p->drop[order[i]], p->drop[order[0]]);
    str_addf(out,
             "</tbody></table></div>\n<p class=\"note\">Of %zu %s rows, the mean of several "
             "shuffles. Columns that say the same hide behind each other.</p>\n</section>\n",
             p->n_row, r->side);
    free(order);
}

static void add_shares(struct str *out, const struct model_report *r)
{
    size_t n = r->n_importance, shown = n > IMPORTANCES_MOST ? IMPORTANCES_MOST : n;
    size_t *order = rank_order(r->importance, n);
    str_addz(out, "<section>\n<h2>What it was built of</h2>\n<div class=\"scroll\"><table>\n"
                  "<thead><tr><th>Feature column</th><th>Share of the gain</th>"
                  "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < shown; i++)
        add_bar_row(out, r->feature[order[i]], r->importance[order[i]], r->importance[order[0]]);
    str_addz(out, "</tbody></table></div>\n<p class=\"note\">By how much its cuts lowered the "
                  "criterion on the training rows. Columns of many values have a share by chance.");
    if (shown < n)
        str_addf(out, " The first %zu of %zu; metrics.json has all.", shown, n);
    str_addz(out, "</p>\n</section>\n");
    free(order);
}

void parts_importance(struct str *out, const struct model_report *r)
{
    if (!r->permutation && !r->importance)
        return;
    str_addz(out, "<div class=\"even\">\n");
    if (r->permutation)
        add_permutation(out, r);
    if (r->importance)
        add_shares(out, r);
    str_addz(out, "</div>\n");
}
