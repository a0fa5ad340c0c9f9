#include "models/rate_schedule.h"

#include <math.h>

static double cosine(const struct nn_training *t, double step, double warm, double total)
{
    static const double pi = 3.14159265358979323846;
    double x = total > warm ? (step - warm) / (total - warm) : 1;
    return t->schedule_floor + (1 - t->schedule_floor) * (1 + cos(pi * fmin(x, 1))) / 2;
}

double schedule_rate(const struct nn_training *t, double base, size_t step, size_t epoch_steps)
{
    size_t periods = step / epoch_steps / (size_t)t->schedule_every;
    double warm = ceil(t->warmup * (double)epoch_steps), s = (double)step;
    if (s < warm)
        return base * (s + 1) / warm;
    switch ((enum nn_schedule)t->schedule) {
    case SCHEDULE_COSINE:
        return base * cosine(t, s, warm, (double)t->epochs * (double)epoch_steps);
    case SCHEDULE_STEP:
        return base * pow(t->schedule_factor, (double)periods);
    default:
        return base;
    }
}
