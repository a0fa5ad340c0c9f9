#ifndef IO_AXIS_H
#define IO_AXIS_H

#include <stdbool.h>

#include "base/str.h"

/** Of a chart: from low to high in steps of 1, 2 or 5 times a power of ten. */
struct axis {
    double low, high, step;
    bool share; /* in percent */
    int decimals;
};

/** An axis that holds both values, with about five steps. share: it stays within 0 .. 1. */
struct axis axis_fit(double low, double high, bool share);

/** Value of tick k = 0, 1, ..; NaN after the last one. */
double axis_tick(const struct axis *a, int k);

/** A tick's text, appended to *out. */
void axis_label(struct str *out, const struct axis *a, double tick);

#endif
