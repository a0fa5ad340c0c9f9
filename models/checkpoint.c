#include "models/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/h5.h"
#include "num/hash.h"

enum { KIND_VERSION = 1, N_FIGURE = 5 };

/* The scalars of struct progress by name: one table for writing and reading. */
struct scalar {
    const char *name;
    double *real;
    int64_t *whole;
};
enum { N_SCALAR = 11 };

static void list_scalars(struct progress *p, int64_t *finished, struct scalar out[N_SCALAR])
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
        { "finished", NULL, finished },
        { NULL, NULL, NULL },
    };
    memcpy(out, list, sizeof list);
}

static int write_scalars(struct h5 *h, const struct progress *p, struct err *e)
{
    struct progress copy = *p;
    struct scalar list[N_SCALAR];
    int64_t finished = p->finished;
    int rc = 0;
    list_scalars(&copy, &finished, list);
    for (const struct scalar *s = list; s->name && rc == 0; s++)
        rc = s->real ? h5_set_real(h, "/", s->name, *s->real, e)
                     : h5_set_int(h, "/", s->name, *s->whole, e);
    return rc;
}

static int write_all(struct h5 *h, const char *identity, const struct progress *p,
                     const float *weight, size_t n, struct err *e)
{
    const struct history *history = p->history;
    size_t dims[2] = { history->n, N_FIGURE };
    int rc = h5_set_text(h, "/", "identity", identity, e);
    if (rc == 0 && (rc = write_scalars(h, p, e)) == 0 &&
        (rc = h5_write(h, "history", H5_F64, 2, dims, history->epoch, e)) == 0 &&
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
    _Static_assert(sizeof(struct epoch) == N_FIGURE * sizeof(double),
                   "an epoch is a row of the history dataset");
    struct h5 h = { 0 };
    int rc = h5_create(&h, path, "refit.checkpoint", KIND_VERSION, e);
    if (rc == 0 && (rc = write_all(&h, identity, p, weight, n, e)) == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    if (rc)
        err_wrap(e, "checkpoint");
    return rc;
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
    int64_t finished = 0;
    int rc = 0;
    list_scalars(p, &finished, list);
    for (const struct scalar *s = list; s->name && rc == 0; s++) {
        rc = s->real ? h5_get_real(h, "/", s->name, s->real, e)
                     : h5_get_int(h, "/", s->name, s->whole, e);
        if (rc == 0 && s->real && isnan(*s->real))
            rc = err_set(e, ERR_DATA, "'%s' is not a number", s->name);
        if (rc == 0 && s->whole && *s->whole < 0)
            rc = err_set(e, ERR_DATA, "'%s' is %lld, want 0 or more", s->name,
                         (long long)*s->whole);
    }
    p->finished = finished != 0;
    return rc;
}

static int read_history(struct h5 *h, struct found *f, int64_t max_epoch, struct err *e)
{
    size_t dims[2];
    void *rows = NULL;
    int rc = h5_shape(h, "history", H5_F64, 2, dims, e);
    if (rc)
        return rc;
    if (dims[0] < 1 || (int64_t)dims[0] > max_epoch || dims[1] != N_FIGURE ||
        f->history.kept > (int64_t)dims[0])
        return err_set(
            e, ERR_DATA, "history is (%zu, %zu), kept is epoch %lld; want at most (%lld, %d)",
            dims[0], dims[1], (long long)f->history.kept, (long long)max_epoch, N_FIGURE);
    if ((rc = h5_read(h, "history", H5_F64, 2, dims, &rows, dims[0] * sizeof(struct epoch), e)))
        return rc;
    for (size_t i = 0; i < dims[0]; i++)
        history_add(&f->history, (const struct epoch *)rows + i);
    free(rows);
    return 0;
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
    int rc = h5_get_text(h, "/", "identity", &text, e);
    if (rc == 0 && strcmp(text, identity) != 0)
        rc = err_set(e, ERR_DATA,
                     "it is of another training (other inputs, parameters or network)");
    free(text);
    f->progress.history = &f->history;
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
    p->finished = f->progress.finished;
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
