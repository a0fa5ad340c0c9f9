#include "num/residuals.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "num/rank.h"

static int check(const double *truth, const float *estimate, size_t n, struct err *e)
{
    if (n == 0)
        return err_set(e, ERR_DATA, "no rows to compare estimates with");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(truth[i]) || !isfinite(estimate[i]))
            return err_set(e, ERR_DATA, "row %zu: the %s is not finite", i,
                           isfinite(truth[i]) ? "estimate" : "truth");
    return 0;
}

static double spearman(const double *truth, const float *estimate, size_t n)
{
    double *wide = mem_calloc(n, sizeof *wide);
    for (size_t i = 0; i < n; i++)
        wide[i] = (double)estimate[i];
    double found = rank_spearman(truth, wide, n);
    free(wide);
    return found;
}

int residuals_compute(struct residuals *r, const double *truth, const float *estimate, size_t n,
                      struct err *e)
{
    struct residuals made = { .n = n };
    double mean = 0, squares = 0, spread = 0;
    int rc = check(truth, estimate, n, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        mean += truth[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        double off = (double)estimate[i] - truth[i];
        made.bias += off;
        made.mae += fabs(off);
        made.max_error = fabs(off) > made.max_error ? fabs(off) : made.max_error;
        squares += off * off;
        spread += (truth[i] - mean) * (truth[i] - mean);
    }
    made.bias /= (double)n;
    made.mae /= (double)n;
    made.rmse = sqrt(squares / (double)n);
    made.r2 = n < 2 ? (double)NAN : spread > 0 ? 1 - squares / spread : squares > 0 ? 0 : 1;
    made.spearman = spearman(truth, estimate, n);
    *r = made;
    return 0;
}

double residuals_quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t k = (size_t)at;
    double next = sorted[k + 1 < n ? k + 1 : k];
    return sorted[k] + (at - (double)k) * (next - sorted[k]);
}
