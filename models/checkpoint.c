#include "models/checkpoint.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/h5.h"
#include "models/identity.h"
#include "num/hash.h"

enum { KIND_VERSION = 2, N_EPOCH = 7, N_STEP = 4 };

/* The scalars of struct progress by name: one table for writing and reading. */
struct scalar {
    const char *name;
    double *real;
    int64_t *whole;
};
enum { N_SCALAR = 16 };

static void list_scalars(struct progress *p, int64_t *ending, struct scalar out[N_SCALAR])
{
    const struct scalar list[N_SCALAR] = {
        { "learning_rate", &p->learning_rate, NULL },
        { "plateau_best", &p->plateau.best, NULL },
        { "plateau_wait", NULL, &p->plateau.wait },
        { "plateau_cooling", NULL, &p->plateau.cooling },
        { "stop_best", &p->stopper.best, NULL },
        { "stop_wait", NULL, &p->stopper.wait },
        { "optimizer_step", NULL, &p->optimizer.step },
        { "kept", NULL, &p->history->kept },
        { "kept_value", &p->kept_value, NULL },
        { "ending", NULL, ending },
        { "seconds", &p->seconds, NULL },
        { "epoch_step", NULL, &p->epoch.step },
        { "epoch_loss", &p->epoch.loss, NULL },
        { "epoch_right", &p->epoch.right, NULL },
        { "epoch_norm", &p->epoch.norm, NULL },
        { NULL, NULL, NULL },
    };
    memcpy(out, list, sizeof list);
}

static int write_scalars(struct h5 *h, const struct progress *p, struct err *e)
{
    struct progress copy = *p;
    struct scalar list[N_SCALAR];
    int64_t ending = p->history->ending;
    int rc = 0;
    list_scalars(&copy, &ending, list);
    for (const struct scalar *s = list; s->name && rc == 0; s++)
        rc = s->real ? h5_set_real(h, "/", s->name, *s->real, e)
                     : h5_set_int(h, "/", s->name, *s->whole, e);
    return rc;
}

static int write_all(struct h5 *h, const char *identity, const struct progress *p,
                     const float *weight, size_t n, struct err *e)
{
    const struct history *history = p->history;
    size_t epochs[] = { history->n, N_EPOCH }, steps[] = { history->n_step, N_STEP };
    int rc = h5_set_text(h, "/", "identity", identity, e);
    if (rc == 0 && (rc = write_scalars(h, p, e)) == 0 &&
        (rc = h5_write(h, "epochs", H5_F64, 2, epochs, history->epoch, e)) == 0 &&
        (rc = h5_write(h, "steps", H5_F64, 2, steps, history->step, e)) == 0 &&
        (rc = h5_write(h, "weights", H5_F32, 1, &n, weight, e)) == 0 && p->optimizer.m)
        rc = h5_write(h, "optimizer/m", H5_F32, 1, &n, p->optimizer.m, e);
    if (rc == 0 && p->optimizer.v)
        rc = h5_write(h, "optimizer/v", H5_F32, 1, &n, p->optimizer.v, e);
    if (rc == 0 && p->kept)
        rc = h5_write(h, "kept", H5_F32, 1, &n, p->kept, e);
    return rc;
}

int checkpoint_write(const char *path, const char *identity, const struct progress *p,
                     const float *weight, size_t n, struct err *e)
{
    _Static_assert(sizeof(struct epoch) == N_EPOCH * sizeof(double), "a row of `epochs`");
    _Static_assert(sizeof(struct step) == N_STEP * sizeof(double), "a row of `steps`");
    struct h5 h = { 0 };
    int rc = h5_create(&h, path, "refit.checkpoint", KIND_VERSION, e);
    if (rc == 0 && (rc = write_all(&h, identity, p, weight, n, e)) == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    if (rc)
        err_wrap(e, "checkpoint");
    return rc;
}

int checkpoint_replaceable(const char *path, struct err *e)
{
    static const char signature[8] = { '\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n' };
    char begin[sizeof signature], *kind = NULL;
    struct h5 h = { 0 };
    struct err damage = { 0 };
    FILE *f = fopen(path, "rbe");
    if (!f)
        return errno == ENOENT ? 0 : err_sys(e, "cannot open '%s'", path);
    size_t n = fread(begin, 1, sizeof begin, f);
    fclose(f);
    if (memcmp(begin, signature, n) != 0 || h5_is_foreign(path))
        return err_set(e, ERR_DATA, "checkpoint '%s' is no file of refit: it is left alone", path);
    if (h5_open_any(&h, path, &kind, &damage) == 0 && strcmp(kind, "refit.checkpoint") != 0)
        err_set(e, ERR_DATA, "checkpoint '%s' is of kind '%.100s': it is left alone", path, kind);
    h5_close(&h);
    free(kind);
    return e->code;
}

/* What a file holds, before any of it counts. */
struct found {
    struct progress progress;
    struct history history;
    void *weight, *m, *v, *kept;
};

static void found_release(struct found *f)
{
    history_release(&f->history);
    free(f->weight);
    free(f->m);
    free(f->v);
    free(f->kept);
}

static int read_scalars(struct h5 *h, struct progress *p, struct err *e)
{
    struct scalar list[N_SCALAR];
    int64_t ending = 0;
    int rc = 0;
    list_scalars(p, &ending, list);
    for (const struct scalar *s = list; s->name && rc == 0; s++) {
        rc = s->real ? h5_get_real(h, "/", s->name, s->real, e)
                     : h5_get_int(h, "/", s->name, s->whole, e);
        if (rc == 0 && s->real && isnan(*s->real))
            rc = err_set(e, ERR_DATA, "'%s' is not a number", s->name);
        if (rc == 0 && s->whole && *s->whole < 0)
            rc = err_set(e, ERR_DATA, "'%s' is %lld, want 0 or more", s->name,
                         (long long)*s->whole);
    }
    if (rc == 0 && ending > ENDING_TIME)
        rc = err_set(e, ERR_DATA, "'ending' is %lld, want 0 to %d", (long long)ending, ENDING_TIME);
    p->history->ending = (enum ending)ending;
    return rc;
}

/* (n, columns) doubles; n is at most `max`. */
static int read_table(struct h5 *h, const char *name, size_t max, size_t columns, void **out,
                      size_t *out_n, struct err *e)
{
    size_t dims[2];
    int rc = h5_shape(h, name, H5_F64, 2, dims, e);
    if (rc)
        return rc;
    if (dims[0] > max || dims[1] != columns)
        return err_set(e, ERR_DATA, "'%s' is (%zu, %zu), want at most (%zu, %zu)", name, dims[0],
                       dims[1], max, columns);
    *out_n = dims[0];
    return h5_read(h, name, H5_F64, 2, dims, out, dims[0] * columns * sizeof(double), e);
}

/* The history and the place in its last epoch must be those of one training. */
static int check_history(const struct found *f, int64_t max_epoch, struct err *e)
{
    const struct history *h = &f->history;
    int64_t done = f->progress.epoch.step;
    bool ended = h->ending != ENDING_NONE;
    if ((size_t)done > h->epoch_steps || h->kept > (int64_t)h->n || (h->n > 0 && h->kept == 0) ||
        (h->n == 0 && ended) || (done > 0 && (ended || (int64_t)h->n == max_epoch)))
        return err_set(e, ERR_DATA, "epoch %zu of %lld, step %lld of %zu, kept epoch %lld",
                       h->n + 1, (long long)max_epoch, (long long)done, h->epoch_steps,
                       (long long)h->kept);
    bool cut = h->ending == ENDING_TIME; /* then the last epoch may have fewer steps */
    size_t steps = h->n * h->epoch_steps + (size_t)done;
    if (cut ? h->n_step > steps : h->n_step != steps)
        return err_set(e, ERR_DATA, "%zu steps, want %zu", h->n_step, steps);
    if (f->progress.optimizer.step != (int64_t)h->n_step)
        return err_set(e, ERR_DATA, "the optimizer made %lld of %zu steps",
                       (long long)f->progress.optimizer.step, h->n_step);
    return 0;
}

static int read_history(struct h5 *h, struct found *f, int64_t max_epoch, struct err *e)
{
    size_t n_epoch, n_step, max_step = (size_t)max_epoch * f->history.epoch_steps;
    void *epoch = NULL, *step = NULL;
    int rc;
    if ((rc = read_table(h, "epochs", (size_t)max_epoch, N_EPOCH, &epoch, &n_epoch, e)) == 0 &&
        (rc = read_table(h, "steps", max_step, N_STEP, &step, &n_step, e)) == 0) {
        for (size_t i = 0; i < n_epoch; i++)
            history_add(&f->history, (const struct epoch *)epoch + i);
        for (size_t i = 0; i < n_step; i++)
            history_add_step(&f->history, (const struct step *)step + i);
        rc = check_history(f, max_epoch, e);
    }
    free(epoch);
    free(step);
    return rc;
}

static int read_floats(struct h5 *h, const char *name, size_t n, void **out, struct err *e)
{
    int rc = h5_read_n(h, name, H5_F32, n, out, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!isfinite(((const float *)*out)[i]))
            rc = err_set(e, ERR_DATA, "'%s' item %zu is not finite", name, i);
    return rc;
}

static int read_all(struct h5 *h, const char *identity, const struct progress *want, size_t n,
                    int64_t max_epoch, struct found *f, struct err *e)
{
    char *text = NULL;
    const char *other;
    int rc = h5_get_text(h, "/", "identity", &text, e);
    if (rc == 0 && (other = identity_difference(text, identity)))
        rc = err_set(e, ERR_DATA, "it is of another training: other %s", other);
    free(text);
    f->progress.history = &f->history;
    f->history.epoch_steps = want->history->epoch_steps;
    f->history.epoch_rows = want->history->epoch_rows;
    if (rc || (rc = read_scalars(h, &f->progress, e)) || (rc = read_history(h, f, max_epoch, e)) ||
        (rc = read_floats(h, "weights", n, &f->weight, e)) ||
        (rc = want->optimizer.m ? read_floats(h, "optimizer/m", n, &f->m, e) : 0) ||
        (rc = want->optimizer.v ? read_floats(h, "optimizer/v", n, &f->v, e) : 0))
        return rc;
    return want->kept ? read_floats(h, "kept", n, &f->kept, e) : 0;
}

static void adopt(struct progress *p, struct found *f, float *weight, size_t n)
{
    struct history *history = p->history;
    p->learning_rate = f->progress.learning_rate;
    p->plateau.best = f->progress.plateau.best;
    p->plateau.wait = f->progress.plateau.wait;
    p->plateau.cooling = f->progress.plateau.cooling;
    p->stopper.best = f->progress.stopper.best;
    p->stopper.wait = f->progress.stopper.wait;
    p->optimizer.step = f->progress.optimizer.step;
    p->kept_value = f->progress.kept_value;
    p->seconds = f->progress.seconds;
    p->epoch = f->progress.epoch;
    memcpy(weight, f->weight, n * sizeof *weight);
    if (p->optimizer.m)
        memcpy(p->optimizer.m, f->m, n * sizeof *weight);
    if (p->optimizer.v)
        memcpy(p->optimizer.v, f->v, n * sizeof *weight);
    if (p->kept)
        memcpy(p->kept, f->kept, n * sizeof *weight);
    history_release(history);
    *history = f->history;
    f->history = (struct history){ 0 };
}

bool checkpoint_read(const char *path, const char *identity, struct progress *p, float *weight,
                     size_t n, int64_t max_epoch)
{
    struct h5 h = { 0 };
    struct found f = { 0 };
    struct err e = { 0 };
    if (access(path, F_OK) != 0)
        return false;
    int rc = h5_open(&h, path, "refit.checkpoint", KIND_VERSION, &e);
    if (rc == 0)
        rc = read_all(&h, identity, p, n, max_epoch, &f, &e);
    h5_close(&h);
    if (rc == 0)
        adopt(p, &f, weight, n);
    else
        log_info("checkpoint '%s' is ignored: %s", path, e.text);
    found_release(&f);
    return rc == 0;
}
