#include "io/plot.h"

#include <math.h>

#include "io/axis.h"

/* The chart in SVG units; CSS scales it to the width of its place. */
enum { WIDTH = 460, HEIGHT = 250, LEFT = 48, RIGHT = 14, TOP = 14, BOTTOM = 36 };

void plot_escape(struct str *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            str_addz(out, "&amp;");
            break;
        case '<':
            str_addz(out, "&lt;");
            break;
        case '>':
            str_addz(out, "&gt;");
            break;
        case '"':
            str_addz(out, "&quot;");
            break;
        case '\'':
            str_addz(out, "&#39;");
            break;
        default:
            str_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
        }
}

void plot_number(struct str *out, double value, int decimals)
{
    if (isfinite(value))
        str_addf(out, "%.*f", decimals, value);
    else
        str_addz(out, "&ndash;");
}

void plot_percent(struct str *out, double share)
{
    plot_number(out, 100 * share, 1);
    if (isfinite(share))
        str_addz(out, "&nbsp;%");
}

void plot_bar(struct str *out, double share, const char *kind)
{
    double cut = !(share > 0) ? 0 : share > 1 ? 1 : share;
    str_addf(out, "<span class=\"bar %s\"><i style=\"width:%.2f%%\"></i></span>", kind, 100 * cut);
}

/** A value that can be drawn; a loss beyond all bounds leaves a gap too. */
static bool drawable(double y)
{
    return isfinite(y) && fabs(y) < 1e12;
}

/** Smallest and largest value of all lines; false if there is none. */
static bool range(const struct plot_line *line, size_t n_line, size_t n, double *out_low,
                  double *out_high)
{
    bool any = false;
    for (size_t k = 0; k < n_line; k++)
        for (size_t i = 0; i < n; i++) {
            double y = line[k].y[i];
            if (!drawable(y))
                continue;
            *out_low = any && *out_low < y ? *out_low : y;
            *out_high = any && *out_high > y ? *out_high : y;
            any = true;
        }
    return any;
}

static double x_at(size_t i, size_t n)
{
    double share = n > 1 ? (double)i / (double)(n - 1) : 0.5;
    return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double y_at(const struct axis *a, double y)
{
    return TOP + (a->high - y) / (a->high - a->low) * (HEIGHT - TOP - BOTTOM);
}

static void add_axes(struct str *out, const struct axis *a, size_t n)
{
    size_t skip = 1;
    static const size_t step[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000 };
    for (size_t k = 0; k < sizeof step / sizeof *step && n / skip > 10; k++)
        skip = step[k];
    if (n / skip > 10)
        skip = n / 10;

    double y;
    for (int k = 0; isfinite(y = axis_tick(a, k)); k++) {
        double at = y_at(a, y);
        str_addf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, at, WIDTH - RIGHT);
        str_addf(out, "<text class=\"tick end\" x=\"%d\" y=\"%.1f\">", LEFT - 8, at + 4);
        axis_label(out, a, y);
        str_addz(out, "</text>");
    }
    for (size_t i = 1; i <= n; i++)
        if (i % skip == 0 || (i == 1 && skip != 2))
            str_addf(out, "<text class=\"tick mid\" x=\"%.1f\" y=\"%d\">%zu</text>", x_at(i - 1, n),
                     HEIGHT - BOTTOM + 18, i);
    str_addf(out, "<text class=\"tick end\" x=\"%d\" y=\"%d\">epoch</text>", WIDTH - RIGHT,
             HEIGHT - 3);
}

static void add_line(struct str *out, const struct plot_line *line, size_t n, const struct axis *a)
{
    bool pen_down = false;
    str_addf(out, "<path class=\"line %s\" d=\"", line->kind);
    for (size_t i = 0; i < n; i++) {
        if (drawable(line->y[i]))
            str_addf(out, "%c%.1f %.1f", pen_down ? 'L' : 'M', x_at(i, n), y_at(a, line->y[i]));
        pen_down = drawable(line->y[i]);
    }
    str_addz(out, "\"/>");
    for (size_t i = 0; i < n && n <= 60; i++)
        if (drawable(line->y[i]))
            str_addf(out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>",
                     line->kind, x_at(i, n), y_at(a, line->y[i]));
}

void plot_curves(struct str *out, const char *title, const struct plot_line *line, size_t n_line,
                 size_t n, size_t mark, bool share)
{
    double low = 0, high = 0;

    str_addz(out, "<figure><figcaption><b>");
    plot_escape(out, title);
    str_addz(out, "</b>");
    if (!range(line, n_line, n, &low, &high)) {
        str_addz(out, "</figcaption><p class=\"note\">No epochs to show.</p></figure>\n");
        return;
    }
    struct axis a = axis_fit(low, high, share);
    for (size_t k = 0; k < n_line; k++)
        if (range(&line[k], 1, n, &low, &high)) {
            str_addf(out, "<span class=\"key %s\">", line[k].kind);
            plot_escape(out, line[k].name);
            str_addz(out, "</span>");
        }
    str_addf(out, "</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
             HEIGHT);
    plot_escape(out, title);
    str_addz(out, "\">");
    add_axes(out, &a, n);
    if (mark >= 1 && mark <= n)
        str_addf(out, "<path class=\"mark\" d=\"M%.1f %dV%d\"/>", x_at(mark - 1, n), TOP,
                 HEIGHT - BOTTOM);
    for (size_t k = 0; k < n_line; k++)
        if (range(&line[k], 1, n, &low, &high))
            add_line(out, &line[k], n, &a);
    str_addz(out, "</svg></figure>\n");
}
