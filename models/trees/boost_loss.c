/* The losses of boosting: values, derivatives, where to begin. */
#include "models/trees/boost_loss.h"

#include <math.h>

#include "models/trees/boosting.h"

size_t boost_outputs(size_t n_class)
{
    return n_class > 2 ? n_class : 1;
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* log(e^x[0] + ...) */
static double log_sum(const double *x, size_t n)
{
    double most = x[0], sum = 0;
    for (size_t k = 1; k < n; k++)
        most = x[k] > most ? x[k] : most;
    for (size_t k = 0; k < n; k++)
        sum += exp(x[k] - most);
    /* cppcheck-suppress invalidFunctionArg ; the largest score adds 1 to the sum */
    return most + log(sum);
}

static double loss_of(const double *sum, size_t i, size_t n_class, const double *y,
                      const int32_t *class)
{
    if (n_class == 0)
        return .5 * (sum[i] - y[i]) * (sum[i] - y[i]);
    if (n_class == 2) {
        double against = class[i] ? -sum[i] : sum[i]; /* log(1 + e^against) */
        return against > 0 ? against + log1p(exp(-against)) : log1p(exp(against));
    }
    return log_sum(sum + i * n_class, n_class) - sum[i * n_class + (size_t) class[i]];
}

double boost_loss(const double *sum, size_t n, size_t n_class, const double *y,
                  const int32_t *class, const double *weight)
{
    double total = 0, of_all = 0;
    for (size_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1;
        total += w * loss_of(sum, i, n_class, y, class);
        of_all += w;
    }
    return of_all > 0 ? total / of_all : (double)NAN;
}

void boost_base(const struct grow_data *data, const double *weight, double *out)
{
    size_t C = data->n_class;
    double total = 0, y = 0;
    for (size_t k = 0; k < boost_outputs(C); k++)
        out[k] = 0;
    for (size_t i = 0; i < data->n; i++) {
        double w = weight ? weight[i] : 1;
        total += w;
        y += C == 0 ? w * data->y[i] : C == 2 ? w * data->class[i] : 0;
        if (C > 2)
            out[data->class[i]] += w;
    }
    double least = .5 / (double)data->n, share = y / total; /* a class may weigh nothing */
    if (C == 0)
        out[0] = share;
    if (C == 2) {
        share = share < least ? least : share > 1 - least ? 1 - least : share;
        out[0] = log(share / (1 - share));
    }
    for (size_t k = 0; k < C && C > 2; k++)
        out[k] = log(out[k] / total > least ? out[k] / total : least);
}

void boost_derivatives(const struct grow_data *data, const double *weight, const double *sum,
                       size_t row, float *gradient, float *hessian)
{
    size_t n = data->n, C = data->n_class;
    double w = weight ? weight[row] : 1;
    if (C == 0) {
        gradient[row] = (float)(w * (sum[row] - data->y[row]));
        hessian[row] = (float)w;
    } else if (C == 2) {
        double p = sigmoid(sum[row]);
        gradient[row] = (float)(w * (p - data->class[row]));
        hessian[row] = (float)(w * p * (1 - p));
    } else {
        double all = log_sum(sum + row * C, C);
        for (size_t k = 0; k < C; k++) {
            double p = exp(sum[row * C + k] - all);
            gradient[k * n + row] = (float)(w * (p - (data->class[row] == (int32_t)k)));
            hessian[k * n + row] = (float)(w * p * (1 - p));
        }
    }
}

void boost_probabilities(float *out, size_t n, size_t n_class)
{
    for (size_t i = n; n_class == 2 && i-- > 0;) {
        double p = sigmoid((double)out[i]);
        out[2 * i] = (float)(1 - p);
        out[2 * i + 1] = (float)p;
    }
    for (size_t i = 0; n_class > 2 && i < n; i++) {
        float *x = out + i * n_class, most = x[0];
        double total = 0;
        for (size_t k = 1; k < n_class; k++)
            most = x[k] > most ? x[k] : most;
        for (size_t k = 0; k < n_class; k++)
            total += exp((double)x[k] - (double)most);
        for (size_t k = 0; k < n_class; k++)
            x[k] = (float)(exp((double)x[k] - (double)most) / total);
    }
}
