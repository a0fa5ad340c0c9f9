#include "stages/evaluate/model_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/plot.h"
#include "io/style.h"
#include "stages/evaluate/report_parts.h"

static void set_figures(json_t *to, const struct model_report *r, const struct report_model *m)
{
    const struct paired *v = &m->versus;
    if (r->n_class)
        class_report_figures(to, m);
    else
        number_report_figures(to, m);
    if (m == &r->model[0])
        return;
    json_object_set_new(to, "difference", parts_figure(v->difference));
    json_object_set_new(to, "p_value", json_real(v->p_value));
    json_object_set_new(to, "p_worse", json_real(v->p_worse));
}

static int64_t n_evaluated(const struct model_report *r)
{
    return r->n_class ? r->model[0].metrics.n : (int64_t)r->model[0].residuals.n;
}

json_t *model_report_json(const struct model_report *r)
{
    json_t *root = json_object(), *models = json_object();

    set_figures(root, r, &r->model[0]);
    json_object_set_new(root, "rows", json_string(r->side));
    json_object_set_new(root, "n", json_integer(n_evaluated(r)));
    json_object_set_new(root, "unknown_rows", json_integer(r->unknown_rows));
    json_object_set_new(root, "kind", json_string(r->model[0].kind));
    if (r->target)
        json_object_set_new(root, "target", json_string(r->target));
    for (size_t i = 0; i < r->n_model; i++) {
        json_t *one = json_object();
        set_figures(one, r, &r->model[i]);
        if (r->blend[0] && strcmp(r->model[i].kind, "late_fusion") == 0)
            json_object_set_new(one, "weight", json_real(r->blend_weight));
        json_object_set_new(models, r->model[i].kind, one);
    }
    json_object_set_new(root, "models", models);
    if (r->n_class)
        class_report_json(root, r);
    else
        number_report_json(root, r);
    parts_importance_json(root, r);
    return root;
}

json_t *model_report_comparison(const struct model_report *r)
{
    json_t *champion = r->champion ? json_object() : json_null();
    if (r->champion)
        set_figures(champion, r, r->champion);
    return json_pack("{s:s, s:I, s:o}", "rows", r->side, "n", (json_int_t)n_evaluated(r),
                     "champion", champion);
}

static void add_head(struct str *out, const struct model_report *r)
{
    str_addz(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
                  "name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta "
                  "name=\"color-scheme\" content=\"light dark\">\n<title>");
    plot_escape(out, r->model[0].kind);
    if (r->n_class) {
        str_addz(out, " model: ");
        plot_percent(out, r->model[0].metrics.accuracy);
        str_addz(out, " right");
    } else {
        str_addz(out, " model: R2 ");
        plot_number(out, r->model[0].residuals.r2, 3);
    }
    str_addz(out, "</title>\n<style>\n");
    for (size_t i = 0; i < sizeof page_style / sizeof *page_style; i++)
        str_addf(out, "%s\n", page_style[i]);
    str_addz(out, "</style>\n</head>\n<body>\n<main>\n<h1>How well the model does</h1>\n<p "
                  "class=\"lead\">The ");
    parts_kind(out, r->model[0].kind);
    str_addf(out, " model on %lld %s rows that it has not learned from", (long long)n_evaluated(r),
             r->side);
    if (r->n_class) {
        str_addf(out, ", %zu classes.</p>\n", r->n_class);
        return;
    }
    str_addz(out, ": ");
    plot_escape(out, r->target ? r->target : "a number");
    str_addz(out, ".</p>\n");
}

/** "learning rate 0.001, from epoch 9 on 0.0001" */
static void add_rates(struct str *out, const struct history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if (!isfinite(h->epoch[i].learning_rate) ||
            (i > 0 && h->epoch[i].learning_rate == h->epoch[i - 1].learning_rate))
            continue;
        if (i == 0)
            str_addz(out, " Learning rate ");
        else
            str_addf(out, ", from epoch %zu on ", i + 1);
        str_addf(out, "%.3g", h->epoch[i].learning_rate);
    }
    str_addz(out, h->n ? "." : "");
}

static void add_curves(struct str *out, const struct model_report *r)
{
    const struct history *h = r->history;
    if (!h)
        return;
    double *y = mem_calloc(h->n, 4 * sizeof *y);
    for (size_t i = 0; i < h->n; i++) {
        y[i] = h->epoch[i].loss;
        y[h->n + i] = h->epoch[i].val_loss;
        y[2 * h->n + i] = h->epoch[i].accuracy;
        y[3 * h->n + i] = h->epoch[i].val_accuracy;
    }
    struct plot_line loss[2] = { { "training", "one", y }, { "validation", "two", y + h->n } };
    struct plot_line accuracy[2] = { { "training", "one", y + 2 * h->n },
                                     { "validation", "two", y + 3 * h->n } };
    size_t kept = h->kept > 0 ? (size_t)h->kept : 0;

    str_addz(out, "<section>\n<h2>Training</h2>\n<div class=\"charts\">\n");
    plot_curves(out, "Loss", loss, 2, h->n, kept, false);
    plot_curves(out, "Accuracy", accuracy, 2, h->n, kept, true);
    str_addf(out, "</div>\n<p class=\"note\">%zu epoch%s", h->n, h->n == 1 ? "" : "s");
    if (kept)
        str_addf(out, "; the model has the weights of epoch %zu (dashed line)", kept);
    str_addz(out, ".");
    add_rates(out, h);
    str_addz(out, "</p>\n</section>\n");
    free(y);
}

static void add_fact(struct str *out, const char *what, int64_t n)
{
    str_addf(out, "<div><dt>%s</dt><dd>%lld</dd></div>\n", what, (long long)n);
}

static void add_facts(struct str *out, const struct model_report *r)
{
    str_addz(out, "<section>\n<h2>Data and model</h2>\n<dl class=\"facts\">\n");
    add_fact(out, "rows in the table", r->n_row);
    add_fact(out, "training rows", r->rows[0]);
    add_fact(out, "validation rows", r->rows[1]);
    add_fact(out, "test rows", r->rows[2]);
    add_fact(out, "rows on no side", r->unused);
    add_fact(out, "left out: no label, or an unknown one", r->unknown_rows);
    if (r->n_class)
        add_fact(out, "classes", (int64_t)r->n_class);
    if (r->has_texts)
        add_fact(out, "rows without a word", r->texts_empty);
    if (r->has_pictures) {
        add_fact(out, "rows without a picture", r->pictures_missing);
        add_fact(out, "damaged pictures", r->pictures_corrupt);
    }
    if (r->n_feature)
        add_fact(out, "feature columns", (int64_t)r->n_feature);
    str_addz(out, "</dl>\n");
    if (r->description && *r->description) {
        str_addz(out, "<pre>");
        for (const char *p = r->description; *p; p++)
            if (*p == '\n')
                str_addc(out, '\n');
            else
                plot_escape(out, (char[]){ *p, 0 });
        str_addz(out, "</pre>\n");
    }
    str_addz(out, "</section>\n");
}

void model_report_html(const struct model_report *r, struct str *out)
{
    add_head(out, r);
    if (r->n_class)
        class_report_headline(out, r);
    else
        number_report_headline(out, r);
    if (r->n_class)
        class_report_models(out, r);
    else
        number_report_models(out, r);
    add_curves(out, r);
    if (r->n_class)
        class_report_details(out, r);
    else
        number_report_details(out, r);
    parts_importance(out, r);
    add_facts(out, r);
    str_addz(out, "</main>\n</body>\n</html>\n");
}
