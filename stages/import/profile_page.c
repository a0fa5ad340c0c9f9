/* The profile as one self-contained page: all columns at a glance, then a card for each. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/log.h"
#include "io/jsonfile.h"
#include "io/outfile.h"
#include "io/plot.h"
#include "io/style.h"
#include "table_profile.h"

static double number(const json_t *of, const char *key)
{
    const json_t *v = json_object_get(of, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static const char *text(const json_t *of, const char *key)
{
    const char *v = json_string_value(json_object_get(of, key));
    return v ? v : "";
}

/* A figure of a column; one of days is a date. */
static void add_figure(struct str *out, const json_t *column, double value)
{
    if (strcmp(text(column, "of"), "days") == 0 && fabs(value) < 1e8) {
        struct civil c = civil_of_days((int64_t)floor(value));
        str_addf(out, "%04lld-%02d-%02d", (long long)c.year, c.month, c.day);
    } else {
        str_addf(out, "%.6g", value);
    }
}

/* A fact that the profile has under this name, as a plain number or as a value of the column. */
static void fact(struct str *out, const json_t *column, const char *name, bool is_value)
{
    double value = number(column, name);
    if (!isfinite(value))
        return;
    str_addf(out, "<div><dt>%s</dt><dd>", name);
    if (is_value)
        add_figure(out, column, value);
    else
        str_addf(out, "%.6g", value);
    str_addz(out, "</dd></div>\n");
}

static void add_histogram(struct str *out, const json_t *column)
{
    enum { WIDTH = 400, HEIGHT = 80 };
    const json_t *histogram = json_object_get(column, "histogram"),
                 *counts = json_object_get(histogram, "counts");
    size_t n = json_array_size(counts);
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, json_number_value(json_array_get(counts, i)));
    str_addf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"histogram\">\n", WIDTH,
             HEIGHT);
    for (size_t i = 0; i < n; i++) {
        double height = most > 0 ? json_number_value(json_array_get(counts, i)) / most * HEIGHT : 0;
        str_addf(out,
                 "<rect class=\"dot one\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                 (double)(WIDTH * i) / (double)n + 0.5, HEIGHT - height,
                 (double)WIDTH / (double)n - 1, height);
    }
    str_addz(out, "</svg><p class=\"note\">");
    add_figure(out, column, number(histogram, "from"));
    str_addz(out, " to ");
    add_figure(out, column, number(histogram, "to"));
    str_addz(out, "</p>\n");
}

static void add_levels(struct str *out, const json_t *column, double rows)
{
    const json_t *levels = json_object_get(column, "levels");
    double others = number(column, "others");
    str_addz(out, "<div class=\"scroll\"><table><tbody>\n");
    for (size_t i = 0; i < json_array_size(levels); i++) {
        const json_t *level = json_array_get(levels, i);
        double share = rows > 0 ? number(level, "count") / rows : 0;
        str_addz(out, "<tr class=\"main\"><th>");
        plot_escape(out, text(level, "level"));
        str_addz(out, "</th><td class=\"w\">");
        plot_bar(out, share, "wide");
        str_addf(out, "</td><td class=\"n\">%.0f</td><td class=\"n\">", number(level, "count"));
        plot_percent(out, share);
        str_addz(out, "</td></tr>\n");
    }
    if (others > 0)
        str_addf(out, "<tr><th>others</th><td></td><td class=\"n\">%.0f</td><td></td></tr>\n",
                 others);
    str_addz(out, "</tbody></table></div>\n");
}

static bool is_label(const json_t *table, const json_t *column)
{
    return *text(table, "label") && strcmp(text(table, "label"), text(column, "name")) == 0;
}

static void add_column(struct str *out, const json_t *table, const json_t *column)
{
    static const char *const value[] = { "min", "median", "mean", "max" };
    double rows = number(table, "rows");
    bool lengths = strcmp(text(column, "of"), "lengths") == 0;
    str_addz(out, "<section><h2>");
    plot_escape(out, text(column, "name"));
    str_addf(out, " <small>%s%s%s</small></h2>\n", text(column, "type"), lengths ? ", lengths" : "",
             is_label(table, column) ? ", the label" : "");
    str_addz(out, "<dl class=\"facts\">\n");
    fact(out, column, "missing", false);
    fact(out, column, "distinct", false);
    for (size_t i = 0; i < sizeof value / sizeof *value; i++)
        fact(out, column, value[i], true);
    fact(out, column, "sd", false);
    str_addz(out, "</dl>\n");
    if (json_object_get(column, "histogram"))
        add_histogram(out, column);
    if (json_object_get(column, "levels"))
        add_levels(out, column, rows);
    str_addz(out, "</section>\n");
}

/* How far a column moved: its index, and a bar of what is above chance in units of the limit. */
static void add_drift(struct str *out, const json_t *drift, double limit)
{
    bool over = json_is_true(json_object_get(drift, "over"));
    double moved = number(drift, "psi") - number(drift, "chance");
    str_addz(out, "<td class=\"n\">");
    if (drift) {
        plot_bar(out, limit > 0 ? moved / limit : over, over ? "low" : "");
        str_addf(out, "%.3f%s", number(drift, "psi"), over ? ", over the limit" : "");
    }
    str_addz(out, "</td>");
}

/* All columns at one glance. */
static void add_overview(struct str *out, const json_t *table, double limit)
{
    const json_t *columns = json_object_get(table, "columns");
    double rows = number(table, "rows");
    str_addz(out, "<section><div class=\"scroll\"><table><thead><tr><th>column</th><th>type</th>"
                  "<th class=\"n\">missing</th><th class=\"n\">distinct</th>");
    if (isfinite(limit))
        str_addf(out, "<th class=\"n\">drift (PSI, limit %g)</th>", limit);
    str_addz(out, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const json_t *c = json_array_get(columns, i);
        double share = rows > 0 ? number(c, "missing") / rows : 0;
        str_addz(out, "<tr><th>");
        plot_escape(out, text(c, "name"));
        str_addf(out, "%s</th><td>%s</td><td class=\"n\">",
                 is_label(table, c) ? " <small>label</small>" : "", text(c, "type"));
        plot_bar(out, share, "low");
        plot_percent(out, share);
        str_addf(out, "</td><td class=\"n\">%.0f</td>", number(c, "distinct"));
        if (isfinite(limit))
            add_drift(out, json_object_get(c, "drift"), limit);
        str_addz(out, "</tr>\n");
    }
    str_addz(out, "</tbody></table></div></section>\n");
}

static void tile(struct str *out, const char *name, double value)
{
    str_addf(out, "<div class=\"tile\"><b>%.0f</b><span>%s</span></div>\n", value, name);
}

static void add_table(struct str *out, const json_t *table, double limit)
{
    const json_t *columns = json_object_get(table, "columns");
    str_addz(out, "<h1>");
    plot_escape(out, text(table, "name"));
    str_addz(out, "</h1>\n<div class=\"tiles\">\n");
    tile(out, "rows", number(table, "rows"));
    tile(out, "columns", (double)json_array_size(columns));
    tile(out, "rows that equal an earlier one", number(table, "duplicates"));
    str_addz(out, "</div>\n");
    add_overview(out, table, limit);
    str_addz(out, "<div class=\"charts\">\n");
    for (size_t i = 0; i < json_array_size(columns); i++)
        add_column(out, table, json_array_get(columns, i));
    str_addz(out, "</div>\n");
}

static void profile_page(struct str *out, const json_t *profile)
{
    const json_t *tables = json_object_get(profile, "tables");
    str_addz(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>Data profile</title>\n<style>\n");
    for (size_t i = 0; i < sizeof page_style / sizeof *page_style; i++)
        str_addf(out, "%s\n", page_style[i]);
    str_addz(out, "</style>\n</head>\n<body>\n<main>\n");
    for (size_t i = 0; i < json_array_size(tables); i++)
        add_table(out, json_array_get(tables, i), number(profile, "drift_limit"));
    str_addz(out, "</main>\n</body>\n</html>\n");
}

json_t *profile_last(const char *path)
{
    struct err why = { 0 };
    json_t *last = NULL;
    if (access(path, F_OK) == 0 && jsonfile_read(path, &last, &why))
        log_warn("no drift is told: %s", why.text);
    return last;
}

int profile_write_page(const char *path, const json_t *profile, struct err *e)
{
    struct str page = { 0 };
    profile_page(&page, profile);
    int rc = outfile_put(path, page.text, page.n, e);
    str_release(&page);
    return rc;
}
