#include "models/live.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "base/event.h"
#include "base/log.h"

double live_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Figures of single steps go out once a second, later after every hundredth of the time so far, for
 * a runner keeps only so many: all of them are in the history. */
static void tell_step(struct live *l, const struct history *h)
{
    const struct step *last = &h->step[h->n_step - 1];
    int64_t step = (int64_t)h->n_step;
    event_metric("step_loss", last->loss, step);
    event_metric("step_accuracy", last->accuracy, step);
    event_metric("step_learning_rate", last->learning_rate, step);
    event_metric("step_gradient_norm", last->gradient_norm, step);
    event_metric("rows_per_second", l->rate, step);
}

void live_step(struct live *l, const struct history *h, const struct epoch *epoch, size_t rows)
{
    double now = live_clock();
    if (l->measured == 0)
        l->begun = l->measured = l->told = now;
    l->rows += (double)rows;
    if (now - l->measured > 0.5) {
        l->rate = l->rows / (now - l->measured);
        l->measured = now;
        l->rows = 0;
    }
    if (now - l->told > fmax(1, (now - l->begun) / 100)) {
        l->told = now;
        tell_step(l, h);
    }
    char note[96];
    int n = snprintf(note, sizeof note, "epoch %zu, loss %.4f, accuracy %.4f", h->n + 1,
                     epoch->loss, epoch->accuracy);
    if (l->rate > 0 && n > 0 && (size_t)n < sizeof note)
        snprintf(note + n, sizeof note - (size_t)n, ", %.0f rows/s", l->rate);
    event_note(note);
    event_progress((int64_t)h->n_step, (int64_t)l->total, "steps");
}

void live_epoch(const struct live *l, const struct history *h, double rows, double took)
{
    const struct epoch *p = &h->epoch[h->n - 1];
    int64_t epoch = (int64_t)h->n;
    double rate = rows / fmax(took, 1e-9);
    event_metric("loss", p->loss, epoch);
    event_metric("accuracy", p->accuracy, epoch);
    event_metric("learning_rate", p->learning_rate, epoch);
    event_metric("gradient_norm", p->gradient_norm, epoch);
    if (!isfinite(p->val_loss)) {
        log_info("epoch %zu/%zu: loss %.4f, accuracy %.4f; %.1f s, %.0f rows/s", h->n, l->epochs,
                 p->loss, p->accuracy, took, rate);
        return;
    }
    event_metric("val_loss", p->val_loss, epoch);
    event_metric("val_accuracy", p->val_accuracy, epoch);
    log_info("epoch %zu/%zu: loss %.4f, accuracy %.4f; validation loss %.4f, accuracy %.4f; "
             "learning rate %g; %.1f s, %.0f rows/s",
             h->n, l->epochs, p->loss, p->accuracy, p->val_loss, p->val_accuracy, p->learning_rate,
             took, rate);
}
