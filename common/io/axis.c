#include "io/axis.h"

#include <math.h>

#include "io/plot.h"

struct axis axis_fit(double low, double high, bool share)
{
    struct axis a = { .step = 1, .share = share };
    if (share)
        low = low < 0 ? 0 : low;
    if (!(high - low > 1e-9 * (fabs(high) + fabs(low)) + 1e-12)) {
        low -= 0.5 * (fabs(low) > 0 ? fabs(low) : 1);
        high += 0.5 * (fabs(high) > 0 ? fabs(high) : 1);
        if (share) {
            low = 0;
            high = 1;
        }
    }
    double want = (high - low) / 5;
    while (a.step > want)
        a.step /= 10;
    while (a.step * 10 <= want)
        a.step *= 10;
    if (a.step * 5 < want)
        a.step *= 10;
    else if (a.step * 2 < want)
        a.step *= 5;
    else if (a.step < want)
        a.step *= 2;
    a.low = floor(low / a.step + 1e-9) * a.step;
    a.high = ceil(high / a.step - 1e-9) * a.step;
    if (share && a.high > 1)
        a.high = 1;
    for (double s = share ? 100 * a.step : a.step; s < 0.999 && a.decimals < 12; s *= 10)
        a.decimals++;
    return a;
}

double axis_tick(const struct axis *a, int k)
{
    double at = a->low + k * a->step;
    return at <= a->high + a->step / 2 ? at : (double)NAN;
}

void axis_label(struct str *out, const struct axis *a, double tick)
{
    double shown = a->share ? 100 * tick : tick;
    plot_number(out, fabs(shown) < a->step * 1e-6 ? 0 : shown, a->decimals);
    str_addz(out, a->share ? "%" : "");
}
