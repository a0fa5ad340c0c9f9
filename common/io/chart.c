#include "io/chart.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/axis.h"
#include "io/plot.h"

/* The chart in SVG units; CSS scales it to the width of its place. */
enum { WIDTH = 380, HEIGHT = 320, LEFT = 54, RIGHT = 24, TOP = 26, BOTTOM = 44 };
enum { CELLS_ACROSS = 52, CELLS_DOWN = 40 };

static bool drawable(double x, double y)
{
    return fabs(x) < 1e12 && fabs(y) < 1e12; /* not of NaN */
}

/** Smallest and largest of what is drawn. */
struct extent {
    bool any;
    double x[2], y[2];
};

static void widen(double range[2], double value, bool any)
{
    range[0] = any && range[0] < value ? range[0] : value;
    range[1] = any && range[1] > value ? range[1] : value;
}

static void extend(struct extent *to, const double *x, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!drawable(x[i], y[i]))
            continue;
        widen(to->x, x[i], to->any);
        widen(to->y, y[i], to->any);
        to->any = true;
    }
}

static double x_at(const struct axis *a, double x)
{
    return LEFT + (x - a->low) / (a->high - a->low) * (WIDTH - LEFT - RIGHT);
}

static double y_at(const struct axis *a, double y)
{
    return TOP + (a->high - y) / (a->high - a->low) * (HEIGHT - TOP - BOTTOM);
}

static void add_axes(struct str *out, const struct chart *c, const struct axis *x,
                     const struct axis *y)
{
    double tick;
    for (int k = 0; isfinite(tick = axis_tick(y, k)); k++) {
        double at = y_at(y, tick);
        str_addf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, at, WIDTH - RIGHT);
        str_addf(out, "<text class=\"tick end\" x=\"%d\" y=\"%.1f\">", LEFT - 8, at + 4);
        axis_label(out, y, tick);
        str_addz(out, "</text>");
    }
    for (int k = 0; isfinite(tick = axis_tick(x, k)); k++) {
        double at = x_at(x, tick);
        str_addf(out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>", at, TOP, HEIGHT - BOTTOM);
        str_addf(out, "<text class=\"tick mid\" x=\"%.1f\" y=\"%d\">", at, HEIGHT - BOTTOM + 17);
        axis_label(out, x, tick);
        str_addz(out, "</text>");
    }
    str_addf(out, "<text class=\"tick\" x=\"0\" y=\"11\">");
    plot_escape(out, c->y_name);
    str_addf(out, "</text><text class=\"tick end\" x=\"%d\" y=\"%d\">", WIDTH - RIGHT, HEIGHT - 6);
    plot_escape(out, c->x_name);
    str_addz(out, "</text>");
}

/* Title, legend and axes; false: there is nothing to draw, which is said. */
static bool begin(struct str *out, const struct chart *c, const struct chart_line *line,
                  size_t n_line, const struct extent *found, struct axis *x, struct axis *y)
{
    str_addz(out, "<figure><figcaption><b>");
    plot_escape(out, c->title);
    str_addz(out, "</b>");
    for (size_t k = 0; k < n_line; k++)
        if (line[k].name && line[k].n) {
            str_addf(out, "<span class=\"key %s\">", line[k].kind);
            plot_escape(out, line[k].name);
            str_addz(out, "</span>");
        }
    str_addz(out, "</figcaption>");
    if (!found->any) {
        str_addz(out, "<p class=\"note\">Nothing to show.</p></figure>\n");
        return false;
    }
    *x = c->shares ? axis_fit(0, 1, true) : axis_fit(found->x[0], found->x[1], false);
    *y = c->shares ? axis_fit(0, 1, true) : axis_fit(found->y[0], found->y[1], false);
    str_addf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    plot_escape(out, c->title);
    str_addz(out, "\">");
    add_axes(out, c, x, y);
    return true;
}

static void end(struct str *out, const struct chart *c, const struct axis *x, const struct axis *y)
{
    if (c->has_guide)
        str_addf(out, "<path class=\"mark\" d=\"M%.1f %.1fL%.1f %.1f\"/>", x_at(x, c->guide[0]),
                 y_at(y, c->guide[1]), x_at(x, c->guide[2]), y_at(y, c->guide[3]));
    str_addz(out, "</svg></figure>\n");
}

static void add_line(struct str *out, const struct chart_line *line, const struct axis *x,
                     const struct axis *y)
{
    bool pen_down = false;
    str_addf(out, "<path class=\"line %s\" d=\"", line->kind);
    for (size_t i = 0; i < line->n; i++)
        if (drawable(line->x[i], line->y[i])) { /* a gap is bridged: the points are in order */
            str_addf(out, "%c%.1f %.1f", pen_down ? 'L' : 'M', x_at(x, line->x[i]),
                     y_at(y, line->y[i]));
            pen_down = true;
        }
    str_addz(out, "\"/>");
    for (size_t i = 0; line->dots && i < line->n; i++)
        if (drawable(line->x[i], line->y[i]))
            str_addf(out, "<circle class=\"dot %s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", line->kind,
                     x_at(x, line->x[i]), y_at(y, line->y[i]));
}

void chart_lines(struct str *out, const struct chart *c, const struct chart_line *line,
                 size_t n_line)
{
    struct extent found = { 0 };
    struct axis x, y;
    for (size_t k = 0; k < n_line; k++)
        extend(&found, line[k].x, line[k].y, line[k].n);
    if (!begin(out, c, line, n_line, &found, &x, &y))
        return;
    for (size_t k = n_line; k > 0; k--) /* the first one on top */
        add_line(out, &line[k - 1], &x, &y);
    end(out, c, &x, &y);
}

static void add_dots(struct str *out, const double *x, const double *y, size_t n,
                     const struct axis *ax, const struct axis *ay)
{
    for (size_t i = 0; i < n; i++)
        if (drawable(x[i], y[i]))
            str_addf(out, "<circle class=\"point\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"/>",
                     x_at(ax, x[i]), y_at(ay, y[i]));
}

static size_t cell_of(double at, double from, double size, size_t n)
{
    double k = (at - from) / size;
    return k < 0 ? 0 : k >= (double)n ? n - 1 : (size_t)k;
}

static void add_cells(struct str *out, const double *x, const double *y, size_t n,
                      const struct axis *ax, const struct axis *ay)
{
    const double wide = (double)(WIDTH - LEFT - RIGHT) / CELLS_ACROSS,
                 high = (double)(HEIGHT - TOP - BOTTOM) / CELLS_DOWN;
    uint32_t *count = mem_calloc((size_t)CELLS_ACROSS * CELLS_DOWN, sizeof *count), most = 1;
    for (size_t i = 0; i < n; i++)
        if (drawable(x[i], y[i])) {
            size_t column = cell_of(x_at(ax, x[i]), LEFT, wide, CELLS_ACROSS),
                   row = cell_of(y_at(ay, y[i]), TOP, high, CELLS_DOWN);
            uint32_t now = ++count[row * CELLS_ACROSS + column];
            most = now > most ? now : most;
        }
    for (size_t row = 0; row < CELLS_DOWN; row++)
        for (size_t column = 0; column < CELLS_ACROSS; column++) {
            uint32_t here = count[row * CELLS_ACROSS + column];
            if (here)
                str_addf(out,
                         "<rect class=\"cell\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                         "height=\"%.1f\" opacity=\"%.2f\"/>",
                         LEFT + (double)column * wide, TOP + (double)row * high, wide, high,
                         .12 + .88 * sqrt((double)here / most));
        }
    free(count);
}

void chart_cloud(struct str *out, const struct chart *c, const double *x, const double *y, size_t n)
{
    struct extent found = { 0 };
    struct axis ax, ay;
    extend(&found, x, y, n);
    if (!begin(out, c, NULL, 0, &found, &ax, &ay))
        return;
    if (n <= CHART_MOST_DOTS)
        add_dots(out, x, y, n, &ax, &ay);
    else
        add_cells(out, x, y, n, &ax, &ay);
    end(out, c, &ax, &ay);
}
