#include "models/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "models/checkpoint.h"
#include "num/rng.h"

/* Streams of the seed: net_init has the low ones. */
enum { STREAM_ORDER = 1, STREAM_DROPOUT = 2 };

/* What lives as long as one training. */
struct run {
    const struct trainer *t;
    const struct nn_training *options;
    struct batcher batcher;
    struct progress progress;
    size_t *order;          /* (n_train) */
    float *weight_of_class; /* (n_class); NULL: all 1 */
    float *probability;     /* (batch, n_class) */
    bool validates;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t stream(uint64_t which, uint64_t i)
{
    return (which << 56) + i;
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
    return what == MONITOR_VALIDATION_ACCURACY ? epoch->val_accuracy : epoch->val_loss;
}

/* ---- one epoch ---- */

static int train_batch(struct run *r, size_t epoch, size_t step, size_t n_step, double *sum_loss,
                       size_t *right, struct err *e)
{
    const struct rows *rows = r->t->rows;
    size_t batch = (size_t)r->options->batch, start = step * batch;
    size_t n = rows->n_train - start < batch ? rows->n_train - start : batch;
    struct nn_batch b;
    struct rng rng;
    struct nn_step done = { 0 };

    batcher_fill(&r->batcher, r->order + start, n, &b);
    rng_init(&rng, r->t->seed, stream(STREAM_DROPOUT, (uint64_t)r->progress.optimizer.step));
    if (optimizer_train(&r->progress.optimizer, r->t->net, &b, rng_u64(&rng),
                        r->progress.learning_rate, &done, e))
        return err_wrap(e, "epoch %zu, step %zu of %zu", epoch, step + 1, n_step);
    done.loss -= net_auxiliary_loss(r->t->net); /* as the validation loss */
    *sum_loss += done.loss * (double)n;
    *right += done.right;
    return 0;
}

static int train_epoch(struct run *r, size_t epoch, struct epoch *out, struct err *e)
{
    const struct rows *rows = r->t->rows;
    size_t batch = (size_t)r->options->batch, n_step = (rows->n_train + batch - 1) / batch,
           right = 0;
    size_t total = (size_t)r->options->epochs * n_step;
    double sum_loss = 0;
    struct rng rng;

    memcpy(r->order, rows->train, rows->n_train * sizeof *r->order);
    rng_init(&rng, r->t->seed, stream(STREAM_ORDER, epoch));
    rng_shuffle(&rng, r->order, rows->n_train);
    for (size_t step = 0; step < n_step; step++) {
        int rc = train_batch(r, epoch, step, n_step, &sum_loss, &right, e);
        if (rc)
            return rc;
        event_progress((int64_t)((epoch - 1) * n_step + step + 1), (int64_t)total, "steps");
    }
    out->loss = sum_loss / (double)rows->n_train;
    out->accuracy = (double)right / (double)rows->n_train;
    return 0;
}

/* The penalties that net_train adds to the loss, so that both losses are of one kind. */
static double penalties(struct net *net)
{
    const struct nn_param *p = net_params(net);
    const float *w = net_weights(net);
    double sum = 0;
    for (size_t i = 0; i < net_n_param(net); i++) {
        double l1 = 0, l2 = 0;
        if (p[i].l1 == 0 && p[i].l2 == 0)
            continue;
        for (size_t k = p[i].offset; k < p[i].offset + p[i].n; k++) {
            l1 += fabs((double)w[k]);
            l2 += (double)w[k] * (double)w[k];
        }
        sum += p[i].l1 * l1 + p[i].l2 * l2;
    }
    return sum;
}

static size_t largest(const float *p, size_t n)
{
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        at = p[i] > p[at] ? i : at;
    return at;
}

/* Cross-entropy and accuracy over the validation rows, unweighted; probabilities cut off at 1e-7 as
 * Keras does. */
static void validate(struct run *r, struct epoch *out)
{
    const struct rows *rows = r->t->rows;
    size_t batch = (size_t)r->options->batch, right = 0, n_class = rows->classes.n;
    double sum = 0;
    for (size_t start = 0; start < rows->n_validation; start += batch) {
        size_t n = rows->n_validation - start < batch ? rows->n_validation - start : batch;
        struct nn_batch b;
        batcher_fill(&r->batcher, rows->validation + start, n, &b);
        net_predict(r->t->net, &b, r->probability);
        for (size_t i = 0; i < n; i++) {
            const float *p = r->probability + i * n_class;
            sum -= log(fmax((double)p[b.label[i]], 1e-7));
            right += largest(p, n_class) == (size_t)b.label[i];
        }
    }
    out->val_loss = sum / (double)rows->n_validation + penalties(r->t->net);
    out->val_accuracy = (double)right / (double)rows->n_validation;
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
    bool stop = false;
    keep_if_better(r, epoch, figures);
    if (r->validates) {
        p->learning_rate = plateau_step(&p->plateau, figure(figures, p->plateau.monitor),
                                        p->learning_rate);
        stop = stopper_step(&p->stopper, (int64_t)epoch, figure(figures, p->stopper.monitor));
    }
    p->finished = stop || (int64_t)epoch >= r->options->epochs;
}

static void report(const struct run *r, size_t epoch, const struct epoch *p, double took)
{
    double rate = (double)r->t->rows->n_train / took;
    event_metric("loss", p->loss, (int64_t)epoch);
    event_metric("accuracy", p->accuracy, (int64_t)epoch);
    event_metric("learning_rate", p->learning_rate, (int64_t)epoch);
    if (!r->validates) {
        log_info("epoch %zu/%lld: loss %.4f, accuracy %.4f; %.1f s, %.0f rows/s", epoch,
                 (long long)r->options->epochs, p->loss, p->accuracy, took, rate);
        return;
    }
    event_metric("val_loss", p->val_loss, (int64_t)epoch);
    event_metric("val_accuracy", p->val_accuracy, (int64_t)epoch);
    log_info("epoch %zu/%lld: loss %.4f, accuracy %.4f; validation loss %.4f, accuracy %.4f; "
             "learning rate %g; %.1f s, "
             "%.0f rows/s",
             epoch, (long long)r->options->epochs, p->loss, p->accuracy, p->val_loss,
             p->val_accuracy, p->learning_rate, took, rate);
}

static int run_epoch(struct run *r, size_t epoch, struct err *e)
{
    struct progress *p = &r->progress;
    struct epoch figures = { .val_loss = (double)NAN,
                             .val_accuracy = (double)NAN,
                             .learning_rate = p->learning_rate };
    double start = seconds();
    int rc = train_epoch(r, epoch, &figures, e);
    if (rc)
        return rc;
    double took = seconds() - start;
    if (r->validates) {
        validate(r, &figures);
        if (!isfinite(figures.val_loss))
            return err_set(e, ERR_DATA, "epoch %zu: the validation loss is not finite", epoch);
    }
    history_add(p->history, &figures);
    decide(r, epoch, &figures);
    if (r->t->checkpoint) {
        rc = checkpoint_write(r->t->checkpoint, r->t->identity, p, net_weights(r->t->net),
                              net_n_weight(r->t->net), e);
        if (rc)
            return rc;
    }
    report(r, epoch, &figures, took);
    return 0;
}

/* ---- begin and end ---- */

static void begin(struct run *r, const struct trainer *t, struct history *history)
{
    const struct rows *rows = t->rows;
    size_t n_class = rows->classes.n, batch = (size_t)t->options->batch, n = net_n_weight(t->net);
    *r = (struct run){ .t = t, .options = t->options, .validates = rows->n_validation > 0 };
    if (t->options->class_weight != WEIGHT_NONE) {
        size_t *count = mem_calloc(n_class, sizeof *count);
        r->weight_of_class = mem_calloc(n_class, sizeof *r->weight_of_class);
        classes_count(&rows->classes, rows->class_of_row, rows->train, rows->n_train, count);
        classes_weigh(t->options->class_weight, count, n_class, r->weight_of_class);
        free(count);
    }
    batcher_init(&r->batcher, t->prep, t->data, batch, rows->class_of_row, r->weight_of_class);
    r->order = mem_calloc(rows->n_train, sizeof *r->order);
    r->probability = mem_calloc(batch, n_class * sizeof *r->probability);
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
    batcher_release(&r->batcher);
    free(r->weight_of_class);
}

static void conclude(struct run *r)
{
    struct history *h = r->progress.history;
    bool early = (int64_t)h->n < r->options->epochs;
    h->stopped = mem_strdup(early ? "stop_monitor" : "epochs");
    if (r->progress.kept)
        memcpy(net_weights(r->t->net), r->progress.kept,
               net_n_weight(r->t->net) * sizeof *r->progress.kept);
    if (early)
        log_info("stopped after epoch %zu: nothing better for %lld epochs", h->n,
                 (long long)r->options->stop_patience);
    log_info("the model has the weights of epoch %lld", (long long)h->kept);
}

int trainer_run(const struct trainer *t, struct history *history, struct err *e)
{
    struct run r;
    int rc = 0;

    begin(&r, t, history);
    if (!r.validates &&
        (t->options->keep != KEEP_LAST || t->options->stop_monitor || t->options->plateau_monitor))
        log_info(
            "no validation rows: nothing is monitored, the weights of the last epoch are kept");
    if (t->checkpoint &&
        checkpoint_read(t->checkpoint, t->identity, &r.progress, net_weights(t->net),
                        net_n_weight(t->net), t->options->epochs))
        log_info("going on after epoch %zu from checkpoint '%s'", history->n, t->checkpoint);
    while (rc == 0 && !r.progress.finished)
        rc = run_epoch(&r, history->n + 1, e);
    if (rc == 0)
        conclude(&r);
    end(&r);
    return rc;
}
