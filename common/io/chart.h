#ifndef IO_CHART_H
#define IO_CHART_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Charts of one quantity against another, as inline SVG like those of plot.h. Points that are not
 * finite, or of 1e12 and more, are left out. */

/** The frame. Both axes are in the same unit or each in its own; names are plain text. */
struct chart {
    const char *title, *x_name, *y_name;
    bool shares;     /* both axes are 0 .. 100 % */
    bool has_guide;  /* a dashed line to compare with, */
    double guide[4]; /* from x, y to x, y */
};

/** A line through points in their order. */
struct chart_line {
    const char *name, *kind; /* for the legend, NULL: none; CSS class, which gives the colour */
    const double *x, *y;     /* (n) */
    size_t n;
    bool dots; /* a dot at every point */
};

/** Without any point a note stands in place of the chart. */
void chart_lines(struct str *out, const struct chart *c, const struct chart_line *line,
                 size_t n_line);

/** Points without a line: dots, or, of more than CHART_MOST_DOTS, the number of points in each cell
 * of a grid as its shade. x, y (n) */
enum { CHART_MOST_DOTS = 800 };
void chart_cloud(struct str *out, const struct chart *c, const double *x, const double *y,
                 size_t n);

#endif
