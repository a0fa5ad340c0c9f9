#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "io/featmat.h"
#include "io/h5.h"
#include "models/tabular_rows.h"
#include "stages/impute_scale/impute_scale.h"

/* Some rows of the matrix at a time, a part of them in each thread. */
struct writing {
    const struct tabular_encoder *encoder;
    size_t d, n_row, first, part; /* of all rows; of these, how many in a thread */
    double *x;
    bool *good; /* one a thread */
};

static void encode_part(void *ctx, int worker, size_t i)
{
    struct writing *w = ctx;
    size_t first = w->first + i * w->part, left = w->n_row > first ? w->n_row - first : 0;
    (void)worker;
    w->good[i] = tabular_encode(w->encoder, NULL, first, left < w->part ? left : w->part,
                                w->x + i * w->part * w->d);
}

static int write_rows(struct h5 *h, const struct tabular_encoder *k, const struct featmat *f,
                      const char *table, struct err *e)
{
    enum { ONE = 1 << 20, EACH = 1 << 22 }; /* bytes: of the second cache; worth a thread */
    size_t hands = (size_t)opt_threads(), bytes = hands > 1 ? EACH : ONE;
    size_t most = bytes / ((f->n_col + 1) * sizeof(double)) + 1;
    size_t part = f->n_row / hands + 1 < most ? f->n_row / hands + 1 : most;
    struct writing w = { .encoder = k, .d = f->n_col, .n_row = f->n_row, .part = part };
    int rc = 0;
    w.x = mem_calloc(hands * part, f->n_col * sizeof *w.x);
    w.good = mem_calloc(hands, sizeof *w.good);
    for (; rc == 0 && f->n_col && w.first < f->n_row; w.first += hands * part) {
        size_t left = f->n_row - w.first;
        parallel_for((int)hands, hands, encode_part, &w);
        for (size_t i = 0; i < hands && rc == 0; i++)
            if (!w.good[i] && (rc = tabular_encoder_check(k, NULL, f->n_row, e)))
                err_wrap(e, "'%s'", table);
        if (rc == 0)
            rc = featmat_write_rows(h, w.first, left < hands * part ? left : hands * part, w.x, e);
    }
    free(w.good);
    free(w.x);
    return rc;
}

int impute_write(const struct params *p, const struct tabular *s, const struct table *t,
                 const char *state, const size_t *row, size_t n_train, struct err *e)
{
    struct tabular_encoder k = { 0 };
    struct h5 h = { 0 };
    struct featmat f = { .n_row = t->n_row, .n_col = s->n_out, .name = s->name };
    char *text = state ? mem_strdup(state) : tabular_text(s);
    int rc;

    f.state = text;
    memcpy(f.keys_sha256, t->keys_sha256, HASH_HEX);
    if ((rc = tabular_encoder_init(&k, s, t, e)) ||
        (row && (rc = tabular_encoder_folds(&k, t, row, n_train, e)))) {
        err_wrap(e, "'%s'", p->table);
        goto out;
    }
    if ((rc = featmat_begin(&h, &f, p->features, e)) || (rc = write_rows(&h, &k, &f, p->table, e)))
        goto out;
    rc = featmat_publish(&h, &f, e);
out:
    h5_close(&h);
    tabular_encoder_release(&k);
    free(text);
    return rc;
}
