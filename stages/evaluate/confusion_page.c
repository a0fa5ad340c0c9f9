/* The confusion matrix and what is taken for what most often, on the page. */
#include <stdlib.h>

#include "base/mem.h"
#include "io/plot.h"
#include "stages/evaluate/report_parts.h"

enum { MATRIX_MOST = 30, CONFUSIONS_MOST = 12 };

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
            parts_class(out, r, truth);
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
            parts_class(out, r, truth);
            str_addz(out, "</th><td>");
            parts_class(out, r, said);
            str_addf(out, "</td><td class=\"n\">%lld</td><td>", (long long)want);
            plot_bar(out, share, "low");
            plot_percent(out, share);
            str_addz(out, "</td></tr>\n");
        }
    str_addz(out, shown ? "</tbody></table></div>\n</section>\n</div>\n"
                        : "<p class=\"note\">None.</p>\n</section>\n</div>\n");
}

void confusion_page(struct str *out, const struct model_report *r)
{
    add_matrix(out, r);
    add_confusions(out, r);
}
