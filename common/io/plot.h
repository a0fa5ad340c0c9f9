#ifndef IO_PLOT_H
#define IO_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Pieces of a page as text: HTML and inline SVG, styled by the page's own CSS classes. Everything
 * is appended to *out; texts from outside go through plot_escape, and no figure ever prints as NaN
 * or infinity. */

/** Text for HTML, also inside quotes: & < > " ' become entities, control characters blanks. */
void plot_escape(struct str *out, const char *text);

/** A figure with so many decimals; what is not finite is a dash. */
void plot_number(struct str *out, double value, int decimals);

/** A share as "93.3 %". */
void plot_percent(struct str *out, double share);

/** A horizontal bar as long as a share (cut to 0 .. 1); `kind` is its CSS class. */
void plot_bar(struct str *out, double share, const char *kind);

/** One line of a chart. A value that is not finite, or 1e12 and more, leaves a gap. */
struct plot_line {
    const char *name, *kind; /* for the legend; CSS class, which gives the colour */
    const double *y;         /* (n) */
};

/**
 * A chart of lines over the epochs 1 .. n, with axes, and a mark at one epoch (0: none). Lines
 * without any finite value are left out; without any line a note stands in place of the chart.
 *   share  the values are shares: the axis is in percent and stays within 0 .. 1
 */
void plot_curves(struct str *out, const char *title, const struct plot_line *line, size_t n_line,
                 size_t n, size_t mark, bool share);

#endif
