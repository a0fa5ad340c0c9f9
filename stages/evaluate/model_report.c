#include "stages/evaluate/model_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/plot.h"
#include "io/style.h"

/* ---- metrics.json
 * -------------------------------------------------------------------------------------------------
 */

static void set_figures(json_t *to, const struct metrics *m)
{
    json_object_set_new(to, "accuracy", json_real(m->accuracy));
    json_object_set_new(to, "macro_f1", json_real(m->macro_f1));
    json_object_set_new(to, "weighted_f1", json_real(m->weighted_f1));
    json_object_set_new(to, "loss", json_real(m->loss));
}

static json_t *per_class_json(const struct model_report *r)
{
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

json_t *model_report_json(const struct model_report *r)
{
    json_t *root = json_object(), *models = json_object();

    set_figures(root, &r->model[0].metrics);
    json_object_set_new(root, "rows", json_string(r->side));
    json_object_set_new(root, "n", json_integer(r->model[0].metrics.n));
    json_object_set_new(root, "unknown_rows", json_integer(r->unknown_rows));
    json_object_set_new(root, "kind", json_string(r->model[0].kind));
    for (size_t i = 0; i < r->n_model; i++) {
        json_t *one = json_object();
        set_figures(one, &r->model[i].metrics);
        if (r->blend[0] && strcmp(r->model[i].kind, "late_fusion") == 0)
            json_object_set_new(one, "weight", json_real(r->blend_weight));
        json_object_set_new(models, r->model[i].kind, one);
    }
    json_object_set_new(root, "models", models);
    json_object_set_new(root, "per_class", per_class_json(r));
    json_object_set_new(root, "confusion", confusion_json(r));
    return root;
}

/* ---- the page
 * -----------------------------------------------------------------------------------------------------
 */

enum { MATRIX_MOST = 30, CONFUSIONS_MOST = 12 };

static void add_class(struct str *out, const struct model_report *r, size_t k)
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

static void add_head(struct str *out, const struct model_report *r)
{
    const struct metrics *m = &r->model[0].metrics;
    str_addz(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
                  "name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<meta "
                  "name=\"color-scheme\" content=\"light dark\">\n<title>");
    plot_escape(out, r->model[0].kind);
    str_addz(out, " model: ");
    plot_percent(out, m->accuracy);
    str_addz(out, " right</title>\n<style>\n");
    for (size_t i = 0; i < sizeof page_style / sizeof *page_style; i++)
        str_addf(out, "%s\n", page_style[i]);
    str_addz(out, "</style>\n</head>\n<body>\n<main>\n<h1>How well the model does</h1>\n<p "
                  "class=\"lead\">The ");
    plot_escape(out, r->model[0].kind);
    str_addf(out, " model on %lld %s rows that it has not learned from, %zu classes.</p>\n",
             (long long)m->n, r->side, r->n_class);
}

static void add_tile(struct str *out, double value, const char *what, const char *more)
{
    str_addz(out, "<div class=\"tile\"><b>");
    plot_number(out, value, 3);
    str_addf(out, "</b><span>%s</span><span>%s</span></div>\n", what, more);
}

static void add_headline(struct str *out, const struct model_report *r)
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
    add_tile(out, m->macro_f1, "macro F1", "all classes count the same");
    add_tile(out, m->weighted_f1, "weighted F1", "all rows count the same");
    add_tile(out, m->loss, "cross-entropy", "in nats, 0 is perfect");
    str_addz(out, "</div>\n");
}

/** "late_fusion" as a person writes it. */
static void add_kind(struct str *out, const char *kind)
{
    char *text = mem_strdup(kind);
    for (char *p = text; *p; p++)
        if (*p == '_')
            *p = ' ';
    plot_escape(out, text);
    free(text);
}

static void add_models(struct str *out, const struct model_report *r)
{
    const struct metrics *m = &r->model[0].metrics;
    int64_t most = 0;
    for (size_t k = 0; k < r->n_class; k++)
        most = m->class[k].support > most ? m->class[k].support : most;

    str_addz(out, "<section>\n<h2>Models side by side</h2>\n<div "
                  "class=\"scroll\"><table>\n<thead><tr><th>Model</th><th>Accuracy</th><th "
                  "class=\"n\">Macro F1</th><th class=\"n\">Weighted F1</th><th "
                  "class=\"n\">Cross-entropy</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < r->n_model; i++) {
        const struct metrics *one = &r->model[i].metrics;
        str_addf(out, "<tr%s><th scope=\"row\">", i == 0 ? " class=\"main\"" : "");
        add_kind(out, r->model[i].kind);
        str_addz(out, "</th><td class=\"w\">");
        plot_bar(out, one->accuracy, "wide");
        plot_percent(out, one->accuracy);
        str_addz(out, "</td><td class=\"n\">");
        plot_number(out, one->macro_f1, 3);
        str_addz(out, "</td><td class=\"n\">");
        plot_number(out, one->weighted_f1, 3);
        str_addz(out, "</td><td class=\"n\">");
        plot_number(out, one->loss, 3);
        str_addz(out, "</td></tr>\n");
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
    str_addz(out, "</p>\n</section>\n");
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

static int64_t errors_of(const struct metrics *m, size_t k)
{
    return m->class[k].support + m->class[k].predicted - 2 * m->count[k * m->n_class + k];
}

/** Place of every class in the matrix: 0, 1, ... in the order of the labels; all others share the
 * place `*out_n` when there are more than MATRIX_MOST (the ones with most errors get places of
 * their own). */
static size_t *place_classes(const struct metrics *m, size_t *out_n)
{
    size_t C = m->n_class, *place = mem_calloc(C, sizeof *place), n = 0;
    bool *chosen = mem_calloc(C, sizeof *chosen);
    for (size_t pick = 0; pick < C && pick < MATRIX_MOST; pick++) {
        size_t best = C;
        for (size_t k = 0; k < C; k++)
            if (!chosen[k] && (best == C || errors_of(m, k) > errors_of(m, best)))
                best = k;
        chosen[best] = true;
    }
    for (size_t k = 0; k < C; k++)
        if (chosen[k])
            place[k] = n++;
    for (size_t k = 0; k < C; k++)
        if (!chosen[k])
            place[k] = n;
    free(chosen);
    *out_n = n;
    return place;
}

static void add_cell(struct str *out, const struct model_report *r, const size_t shown[2],
                     int64_t count, int64_t support)
{
    double share = support > 0 ? (double)count / (double)support : 0;
    if (count == 0) {
        str_addz(out, "<td></td>");
        return;
    }
    str_addf(out, "<td class=\"%s%s\" style=\"--v:%.3f\" title=\"",
             shown[0] == shown[1] ? "hit" : "miss", share > 0.45 ? " hot" : "", share);
    for (int side = 0; side < 2; side++) {
        const char *label = shown[side] < r->n_class ? r->label[shown[side]] : "other classes";
        str_addz(out, side ? ", predicted " : "true ");
        plot_escape(out, label);
    }
    str_addf(out, ": %lld of %lld\">%lld</td>", (long long)count, (long long)support,
             (long long)count);
}

/** Class that has place p, or n_class for the shared one. */
static size_t class_at(const struct model_report *r, const size_t *place, size_t p, size_t n)
{
    for (size_t k = 0; p < n && k < r->n_class; k++)
        if (place[k] == p)
            return k;
    return r->n_class;
}

static void add_matrix(struct str *out, const struct model_report *r)
{
    const struct metrics *m = &r->model[0].metrics;
    size_t C = r->n_class, n, *place = place_classes(m, &n), size = n < C ? n + 1 : n;
    int64_t *count = mem_calloc(size * size, sizeof *count),
            *support = mem_calloc(size, sizeof *support);

    for (size_t i = 0; i < C; i++) {
        support[place[i]] += m->class[i].support;
        for (size_t k = 0; k < C; k++)
            count[place[i] * size + place[k]] += m->count[i * C + k];
    }
    str_addf(out,
             "<div class=\"pair\">\n<section>\n<h2>Confusion matrix</h2>\n<div "
             "class=\"scroll\"><table class=\"matrix%s\">\n<thead><tr><th><small "
             "class=\"axes\">true &darr; "
             "&nbsp; predicted &rarr;</small></th>",
             size > 18 ? " dense" : "");
    for (size_t i = 0; i < size; i++) {
        size_t k = class_at(r, place, i, n);
        str_addz(out, "<th scope=\"col\"><span>");
        plot_escape(out, k < C ? r->label[k] : "others");
        str_addz(out, "</span></th>");
    }
    str_addz(out, "<th><small>rows</small></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < size; i++) {
        size_t truth = class_at(r, place, i, n);
        str_addz(out, "<tr><th scope=\"row\">");
        if (truth < C)
            add_class(out, r, truth);
        else
            str_addf(out, "%zu others", C - n);
        str_addz(out, "</th>");
        for (size_t k = 0; k < size; k++)
            add_cell(out, r, (size_t[]){ truth, class_at(r, place, k, n) }, count[i * size + k],
                     support[i]);
        str_addf(out, "<td class=\"sum\">%lld</td></tr>\n", (long long)support[i]);
    }
    str_addz(out, "</tbody></table></div>\n<p class=\"note\">Across: what a row is. Down: what the "
                  "model says it is. The shade is the share of the class.");
    if (n < C)
        str_addf(out, " The %zu classes with the most errors; metrics.json has all.", n);
    str_addz(out, "</p>\n</section>\n");
    free(count);
    free(support);
    free(place);
}

/** The largest count off the diagonal that is less than `below`; 0: none. */
static int64_t next_confusion(const struct metrics *m, int64_t below)
{
    int64_t best = 0;
    for (size_t i = 0; i < m->n_class * m->n_class; i++)
        if (i / m->n_class != i % m->n_class && m->count[i] < below && m->count[i] > best)
            best = m->count[i];
    return best;
}

/** Pairs of classes that are taken for each other, the most frequent first; equals in the order of
 * the labels. */
static void add_confusions(struct str *out, const struct model_report *r)
{
    const struct metrics *m = &r->model[0].metrics;
    size_t C = r->n_class, shown = 0;

    str_addz(out, "<section>\n<h2>Most frequent confusions</h2>\n");
    for (int64_t want = next_confusion(m, m->n + 1); want > 0 && shown < CONFUSIONS_MOST;
         want = next_confusion(m, want))
        for (size_t i = 0; i < C * C && shown < CONFUSIONS_MOST; i++) {
            size_t truth = i / C, said = i % C;
            if (truth == said || m->count[i] != want)
                continue;
            if (shown++ == 0)
                str_addz(out, "<div class=\"scroll\"><table "
                              "class=\"pairs\">\n<thead><tr><th>Is</th><th>Taken for</th><th "
                              "class=\"n\">Rows</th><th>Share</th></tr></thead>\n<tbody>\n");
            double share = (double)want / (double)m->class[truth].support;
            str_addz(out, "<tr><th scope=\"row\">");
            add_class(out, r, truth);
            str_addz(out, "</th><td>");
            add_class(out, r, said);
            str_addf(out, "</td><td class=\"n\">%lld</td><td>", (long long)want);
            plot_bar(out, share, "low");
            plot_percent(out, share);
            str_addz(out, "</td></tr>\n");
        }
    str_addz(out, shown ? "</tbody></table></div>\n</section>\n</div>\n"
                        : "<p class=\"note\">None.</p>\n</section>\n</div>\n");
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
        add_class(out, r, k);
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

static void add_fact(struct str *out, const char *what, int64_t n)
{
    str_addf(out, "<div><dt>%s</dt><dd>%lld</dd></div>\n", what, (long long)n);
}

static void add_facts(struct str *out, const struct model_report *r)
{
    str_addz(out, "<section>\n<h2>Data and network</h2>\n<dl class=\"facts\">\n");
    add_fact(out, "rows in the table", r->n_row);
    add_fact(out, "training rows", r->rows[0]);
    add_fact(out, "validation rows", r->rows[1]);
    add_fact(out, "test rows", r->rows[2]);
    add_fact(out, "rows on no side", r->unused);
    add_fact(out, "left out: no label, or an unknown one", r->unknown_rows);
    add_fact(out, "classes", (int64_t)r->n_class);
    if (r->has_texts)
        add_fact(out, "rows without a word", r->texts_empty);
    if (r->has_pictures) {
        add_fact(out, "rows without a picture", r->pictures_missing);
        add_fact(out, "damaged pictures", r->pictures_corrupt);
    }
    if (r->n_feature)
        add_fact(out, "columns of the table branch", (int64_t)r->n_feature);
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
    add_headline(out, r);
    add_models(out, r);
    add_curves(out, r);
    add_matrix(out, r);
    add_confusions(out, r);
    add_classes(out, r);
    add_facts(out, r);
    str_addz(out, "</main>\n</body>\n</html>\n");
}
