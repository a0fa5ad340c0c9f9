#include "models/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/bucket.h"
#include "models/checkpoint.h"
#include "models/live.h"
#include "models/rate_schedule.h"
#include "models/validation.h"
#include "num/rng.h"

/* Streams of the seed: net_init has the low ones. */
enum { STREAM_ORDER = 1, STREAM_DROPOUT = 2 };

/* What lives as long as one training. */
struct run {
    const struct trainer *t;
    const struct nn_training *options;
    struct batcher batcher;
    struct progress progress;
    struct live live;
    size_t *order;      /* (n_train) */
    int32_t *length;    /* words of each row of the inputs; NULL: they do not matter */
    struct rows sorted; /* trainer's rows, those for validation sorted by length */
    float *probability; /* (batch, n_class) */
    bool validates;
    double before, began; /* seconds of training before this program; its clock at the start */
    size_t written_step;  /* steps in the last checkpoint */
    double written, validating; /* clock of the last checkpoint; seconds of the last validation */
};

static uint64_t stream(uint64_t which, uint64_t i)
{
    return (which << 56) + i;
}

static bool is_validation(enum nn_monitor what)
{
    return what == MONITOR_VALIDATION_LOSS || what == MONITOR_VALIDATION_ACCURACY;
}

/* Is there a figure to look at? */
static bool monitors(const struct run *r, int what)
{
    return what != MONITOR_NONE && (r->validates || !is_validation((enum nn_monitor)what));
}

static enum nn_monitor kept_by(const struct run *r)
{
    if (!r->validates || r->options->keep == KEEP_LAST)
        return MONITOR_NONE;
    return r->options->keep == KEEP_VALIDATION_LOSS ? MONITOR_VALIDATION_LOSS
                                                    : MONITOR_VALIDATION_ACCURACY;
}

static double figure(const struct epoch *epoch, enum nn_monitor what)
{
    switch (what) {
    case MONITOR_VALIDATION_ACCURACY:
        return epoch->val_accuracy;
    case MONITOR_ACCURACY:
        return epoch->accuracy;
    case MONITOR_LOSS:
        return epoch->loss;
    default:
        return epoch->val_loss;
    }
}

/* ---- interruptions ---- */

static double trained_seconds(const struct run *r)
{
    return r->before + live_clock() - r->began;
}

/* The last validation must fit into the budget too. */
static bool is_out_of_time(const struct run *r)
{
    double budget = 60 * r->options->max_minutes;
    bool begun = r->progress.epoch.step > 0 || r->progress.history->n > 0;
    return budget > 0 && begun && trained_seconds(r) + r->validating >= budget;
}

static bool is_interrupted(const void *run)
{
    const struct run *r = run;
    return r->t->interrupt && *r->t->interrupt != 0;
}

static int save(struct run *r, struct err *e)
{
    r->progress.seconds = trained_seconds(r);
    int rc = checkpoint_write(r->t->checkpoint, r->t->identity, &r->progress,
                              net_weights(r->t->net), net_n_weight(r->t->net), e);
    r->written = live_clock();
    r->written_step = r->progress.history->n_step;
    return rc;
}

/* `ahead`: seconds until the next chance. */
static int save_if_due(struct run *r, double ahead, struct err *e)
{
    bool due = r->t->checkpoint && live_clock() - r->written + ahead >= r->t->checkpoint_seconds;
    return due ? save(r, e) : 0;
}

static int give_way(struct run *r, struct err *e)
{
    const struct history *h = r->progress.history;
    int rc = r->t->checkpoint ? save(r, e) : 0;
    return rc ? rc
              : err_set(e, ERR_RETRY, "stopped by signal %d in epoch %zu, after step %lld of %zu%s",
                        (int)*r->t->interrupt, h->n + 1, (long long)r->progress.epoch.step,
                        h->epoch_steps, r->t->checkpoint ? "; the checkpoint is written" : "");
}

/* ---- one epoch ---- */

static void order_rows(struct run *r, size_t epoch)
{
    const struct rows *rows = r->t->rows;
    struct rng rng;
    memcpy(r->order, rows->train, rows->n_train * sizeof *r->order);
    rng_init(&rng, r->t->seed, stream(STREAM_ORDER, epoch));
    rng_shuffle(&rng, r->order, rows->n_train);
    if (r->length)
        bucket_order(r->order, rows->n_train, r->length, (size_t)r->options->batch,
                     (size_t)r->options->bucket, &rng);
}

/* Means over the part of the epoch that is done. */
static struct epoch figures_so_far(const struct run *r)
{
    const struct progress *p = &r->progress;
    const struct history *h = p->history;
    size_t rows = (size_t)p->epoch.step * (size_t)r->options->batch;
    double n = (double)(rows < h->epoch_rows ? rows : h->epoch_rows);
    return (struct epoch){ .loss = p->epoch.loss / n,
                           .accuracy = p->epoch.right / n,
                           .val_loss = (double)NAN,
                           .val_accuracy = (double)NAN,
                           .learning_rate = h->step[h->n_step - 1].learning_rate,
                           .gradient_norm = p->epoch.norm / (double)p->epoch.step,
                           .rows = n };
}

static void record(struct run *r, const struct nn_step *done, double rate, size_t n)
{
    struct progress *p = &r->progress;
    p->epoch.step++;
    p->epoch.loss += done->loss * (double)n;
    p->epoch.right += (double)done->right;
    p->epoch.norm += done->gradient_norm;
    history_add_step(p->history, &(struct step){ .loss = done->loss,
                                                 .accuracy = (double)done->right / (double)n,
                                                 .learning_rate = rate,
                                                 .gradient_norm = done->gradient_norm });
    struct epoch so_far = figures_so_far(r);
    live_step(&r->live, p->history, &so_far, n);
}

static int train_batch(struct run *r, struct err *e)
{
    struct progress *p = &r->progress;
    const struct history *h = p->history;
    size_t batch = (size_t)r->options->batch, start = (size_t)p->epoch.step * batch;
    size_t n = h->epoch_rows - start < batch ? h->epoch_rows - start : batch;
    double rate = schedule_rate(r->options, p->learning_rate, h->n_step, h->epoch_steps);
    struct nn_batch b;
    struct rng rng;
    struct nn_step done = { 0 };

    batcher_fill_training(&r->batcher, h->n + 1, r->order + start, n, &b);
    rng_init(&rng, r->t->seed, stream(STREAM_DROPOUT, (uint64_t)p->optimizer.step));
    if (optimizer_train(&p->optimizer, r->t->net, &b, rng_u64(&rng), rate, &done, e))
        return err_wrap(e, "epoch %zu, step %lld of %zu", h->n + 1, (long long)p->epoch.step + 1,
                        h->epoch_steps);
    done.loss -= net_auxiliary_loss(r->t->net); /* as the validation loss */
    record(r, &done, rate, n);
    return 0;
}

/* From the step that is due to the end of the epoch, or of the time. */
static int train_epoch(struct run *r, struct err *e)
{
    struct progress *p = &r->progress;
    int rc = 0;
    order_rows(r, p->history->n + 1);
    while (rc == 0 && (size_t)p->epoch.step < p->history->epoch_steps && !is_out_of_time(r)) {
        if (is_interrupted(r))
            return give_way(r, e);
        if ((rc = train_batch(r, e)) == 0)
            rc = save_if_due(r, 0, e);
    }
    return rc;
}

static int validate_epoch(struct run *r, struct epoch *figures, struct err *e)
{
    double start = live_clock();
    int rc = 0;
    if (!r->validates)
        return 0;
    if (r->written_step < r->progress.history->n_step && (rc = save_if_due(r, r->validating, e)))
        return rc;
    if (!validate(r->t->net, &r->batcher, &r->sorted, r->probability, is_interrupted, r,
                  &figures->val_loss, &figures->val_accuracy))
        return give_way(r, e);
    r->validating = live_clock() - start;
    if (!isfinite(figures->val_loss))
        return err_set(e, ERR_DATA, "epoch %zu: the validation loss is not finite",
                       r->progress.history->n + 1);
    return 0;
}

/* ---- between epochs ---- */

static void keep_if_better(struct run *r, size_t epoch, const struct epoch *figures)
{
    struct progress *p = &r->progress;
    enum nn_monitor what = kept_by(r);
    if (what == MONITOR_NONE) {
        p->history->kept = (int64_t)epoch;
    } else if (monitor_better(what, figure(figures, what), p->kept_value, 0)) {
        p->kept_value = figure(figures, what);
        p->history->kept = (int64_t)epoch;
        memcpy(p->kept, net_weights(r->t->net), net_n_weight(r->t->net) * sizeof *p->kept);
    }
}

static void decide(struct run *r, size_t epoch, const struct epoch *figures)
{
    struct progress *p = &r->progress;
    enum ending *ending = &p->history->ending;
    keep_if_better(r, epoch, figures);
    if (monitors(r, r->options->plateau_monitor))
        p->learning_rate = plateau_step(&p->plateau, figure(figures, p->plateau.monitor),
                                        p->learning_rate);
    if (monitors(r, r->options->stop_monitor) &&
        stopper_step(&p->stopper, (int64_t)epoch, figure(figures, p->stopper.monitor)))
        *ending = ENDING_MONITOR;
    if (figures->rows < (double)p->history->epoch_rows || is_out_of_time(r))
        *ending = ENDING_TIME;
    if ((int64_t)epoch >= r->options->epochs && *ending != ENDING_MONITOR)
        *ending = ENDING_EPOCHS;
}

static int run_epoch(struct run *r, struct err *e)
{
    struct progress *p = &r->progress;
    double start = live_clock(), rows = (double)p->epoch.step * (double)r->options->batch;
    int rc = train_epoch(r, e);
    if (rc)
        return rc;
    if (p->epoch.step == 0) { /* the time was over before it began */
        p->history->ending = ENDING_TIME;
        return 0;
    }
    struct epoch figures = figures_so_far(r);
    double took = live_clock() - start;
    if ((rc = validate_epoch(r, &figures, e)))
        return rc;
    history_add(p->history, &figures);
    memset(&p->epoch, 0, sizeof p->epoch);
    decide(r, p->history->n, &figures);
    live_epoch(&r->live, p->history, fmax(figures.rows - rows, 0), took);
    return save_if_due(r, 0, e);
}

/* ---- begin and end ---- */

/* Where padding is not computed, rows of like length come together. */
static void sort_rows(struct run *r)
{
    const struct rows *rows = r->t->rows;
    size_t n = rows->n_validation;
    r->sorted = *rows;
    r->sorted.validation = mem_calloc(n, sizeof *r->sorted.validation);
    memcpy(r->sorted.validation, rows->validation, n * sizeof *rows->validation);
    if (r->options->bucket == 0 || !net_skips_padding(r->t->net))
        return;
    r->length = batcher_lengths(&r->batcher);
    bucket_sort(r->sorted.validation, n, r->length);
}

static void begin(struct run *r, const struct trainer *t, struct history *history)
{
    const struct rows *rows = t->rows;
    size_t n_class = rows->classes.n, batch = (size_t)t->options->batch, n = net_n_weight(t->net);
    *r = (struct run){ .t = t, .options = t->options, .validates = rows->n_validation > 0 };
    batcher_init(&r->batcher, t->prep, t->data, batch, rows->class_of_row, t->weight_of_class);
    if (t->augment)
        batcher_augment(&r->batcher, t->augment);
    r->order = mem_calloc(rows->n_train, sizeof *r->order);
    sort_rows(r);
    r->probability = mem_calloc(batch, n_class * sizeof *r->probability);
    history->epoch_rows = rows->n_train;
    history->epoch_steps = (rows->n_train + batch - 1) / batch;
    r->live.total = (size_t)t->options->epochs * history->epoch_steps;
    r->live.epochs = (size_t)t->options->epochs;
    r->progress.history = history;
    r->progress.learning_rate = t->options->learning_rate;
    plateau_init(&r->progress.plateau, t->options);
    stopper_init(&r->progress.stopper, t->options);
    optimizer_init(&r->progress.optimizer, t->options, n);
    if (kept_by(r) != MONITOR_NONE) {
        r->progress.kept = mem_aligned(n, sizeof *r->progress.kept);
        r->progress.kept_value = monitor_worst(kept_by(r));
    }
}

static void end(struct run *r)
{
    free(r->progress.kept);
    optimizer_release(&r->progress.optimizer);
    free(r->probability);
    free(r->order);
    free(r->length);
    free(r->sorted.validation);
    batcher_release(&r->batcher);
}

static void go_on(struct run *r)
{
    const struct trainer *t = r->t;
    const struct history *h = r->progress.history;
    if (t->checkpoint &&
        checkpoint_read(t->checkpoint, t->identity, &r->progress, net_weights(t->net),
                        net_n_weight(t->net), t->options->epochs)) {
        if (r->progress.epoch.step > 0)
            log_info("going on after epoch %zu and %lld steps from checkpoint '%s'", h->n,
                     (long long)r->progress.epoch.step, t->checkpoint);
        else
            log_info("going on after epoch %zu from checkpoint '%s'", h->n, t->checkpoint);
    }
    r->before = r->progress.seconds;
    r->began = r->written = live_clock();
}

static void conclude(struct run *r)
{
    const struct history *h = r->progress.history;
    const struct epoch *last = &h->epoch[h->n - 1];
    if (r->t->last)
        memcpy(r->t->last, net_weights(r->t->net), net_n_weight(r->t->net) * sizeof *r->t->last);
    if (r->progress.kept)
        memcpy(net_weights(r->t->net), r->progress.kept,
               net_n_weight(r->t->net) * sizeof *r->progress.kept);
    if (h->ending == ENDING_MONITOR)
        log_info("stopped after epoch %zu: nothing better for %lld epochs", h->n,
                 (long long)r->options->stop_patience);
    if (h->ending == ENDING_TIME)
        log_info("stopped by max_minutes (%g) in epoch %zu, after %.0f of its %zu rows",
                 r->options->max_minutes, h->n, last->rows, h->epoch_rows);
    log_info("the model has the weights of epoch %lld", (long long)h->kept);
}

int trainer_run(const struct trainer *t, struct history *history, struct err *e)
{
    const struct nn_training *o = t->options;
    struct run r;
    int rc = 0;

    begin(&r, t, history);
    if (!r.validates && (o->keep != KEEP_LAST || is_validation((enum nn_monitor)o->stop_monitor) ||
                         is_validation((enum nn_monitor)o->plateau_monitor)))
        log_info("no validation rows: their figures are not monitored, the weights of the last "
                 "epoch are kept");
    go_on(&r);
    while (rc == 0 && history->ending == ENDING_NONE)
        rc = run_epoch(&r, e);
    if (rc == 0)
        conclude(&r);
    end(&r);
    return rc;
}
