#include "models/monitor.h"

#include <math.h>

static bool rises(enum nn_monitor what)
{
    return what == MONITOR_VALIDATION_ACCURACY || what == MONITOR_ACCURACY;
}

bool monitor_better(enum nn_monitor what, double value, double best, double min_delta)
{
    if (rises(what))
        return value > best + min_delta;
    return value < best - min_delta;
}

double monitor_worst(enum nn_monitor what)
{
    return rises(what) ? -HUGE_VAL : HUGE_VAL;
}

void plateau_init(struct plateau *p, const struct nn_training *t)
{
    *p = (struct plateau){ .monitor = (enum nn_monitor)t->plateau_monitor,
                           .factor = t->plateau_factor,
                           .min_delta = t->plateau_min_delta,
                           .patience = t->plateau_patience,
                           .cooldown = t->plateau_cooldown,
                           .best = monitor_worst((enum nn_monitor)t->plateau_monitor) };
}

double plateau_step(struct plateau *p, double value, double learning_rate)
{
    if (p->monitor == MONITOR_NONE)
        return learning_rate;
    if (p->cooling > 0) {
        p->cooling--;
        p->wait = 0;
    }
    if (monitor_better(p->monitor, value, p->best, p->min_delta)) {
        p->best = value;
        p->wait = 0;
    } else if (p->cooling == 0 && ++p->wait >= p->patience) {
        p->cooling = p->cooldown;
        p->wait = 0;
        return learning_rate * p->factor;
    }
    return learning_rate;
}

void stopper_init(struct stopper *s, const struct nn_training *t)
{
    *s = (struct stopper){ .monitor = (enum nn_monitor)t->stop_monitor,
                           .min_delta = t->stop_min_delta,
                           .patience = t->stop_patience,
                           .best = monitor_worst((enum nn_monitor)t->stop_monitor) };
}

bool stopper_step(struct stopper *s, int64_t epoch, double value)
{
    if (s->monitor == MONITOR_NONE)
        return false;
    s->wait++;
    if (monitor_better(s->monitor, value, s->best, s->min_delta)) {
        s->best = value;
        s->wait = 0;
    }
    return s->wait >= s->patience && epoch > 1;
}
