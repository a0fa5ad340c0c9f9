#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/featmat.h"
#include "io/h5.h"
#include "io/sides.h"
#include "stages/impute_scale/impute_scale.h"

int impute_training_rows(const struct params *p, const struct table *t, size_t *row, size_t *out_n,
                         struct err *e)
{
    struct sides s = { 0 };
    const struct column *label = t->roles.label ? table_column(t, t->roles.label) : NULL;
    size_t n = 0;
    int rc;

    if (p->split && ((rc = sides_read(&s, p->split, e)) ||
                     (rc = keys_check(p->table, t->keys_sha256, t->n_row, p->split, s.keys_sha256,
                                      s.n_row, e)))) {
        sides_release(&s);
        return rc;
    }
    for (size_t i = 0; i < t->n_row; i++)
        if (p->split ? s.side[i] == SIDE_TRAIN : !label || column_valid(label, i))
            row[n++] = i;
    sides_release(&s);
    *out_n = n;
    if (n == 0)
        return err_set(e, ERR_DATA, "'%s': none of %zu rows is a training row%s",
                       p->split ? p->split : p->table, t->n_row,
                       p->split ? "" : " (no row has a label)");
    return 0;
}

static void report(const struct table *t, const struct tabular *s, size_t n_train)
{
    if (s->n_out == 0)
        log_warn("the table has %s: the matrix has %zu rows and no column",
                 t->roles.n_feature ? "no feature column with anything to learn from"
                                    : "no feature columns",
                 t->n_row);
    else
        log_info("%zu columns of %zu features, learnt from %zu of %zu rows", s->n_out,
                 tabular_n_feature(s), n_train, t->n_row);
}

int impute_fit(struct tabular *s, const struct params *p, const struct table *t,
               const struct tabular_options *o, const size_t *row, size_t n_row, struct err *e)
{
    int rc = tabular_fit(s, t, row, n_row, o, opt_threads(), e);
    if (rc)
        err_wrap(e, "'%s'", p->table);
    else
        report(t, s, n_row);
    return rc;
}

int impute_state_read(const char *path, char **out, struct err *e)
{
    struct featmat f = { 0 };
    struct h5 h = { 0 };
    char *kind = NULL;
    int rc = h5_open_any(&h, path, &kind, e);
    if (rc == 0 && strcmp(kind, "refit.model") == 0)
        rc = h5_has(&h, "features")
                 ? h5_get_text(&h, "features", "state", out, e)
                 : err_set(e, ERR_DATA, "'%s' is a model that reads no feature columns", path);
    h5_close(&h);
    if (rc == 0 && !*out && (rc = featmat_read(&f, path, e)) == 0)
        *out = mem_strdup(f.state);
    featmat_release(&f);
    free(kind);
    return rc;
}

int impute_take_over(struct tabular *s, const struct params *p, const struct table *t,
                     char **out_text, struct err *e)
{
    int rc = impute_state_read(p->state, out_text, e);
    if (rc || (rc = tabular_parse(s, p->state, *out_text, e)))
        return rc;
    for (size_t i = 0; i < t->roles.n_feature; i++) {
        bool known = false;
        for (size_t k = 0; k < s->n_col && !known; k++)
            known = strcmp(s->col[k].name, t->roles.feature[i]) == 0;
        if (!known)
            log_warn("column '%s' is left out: '%s' has learnt nothing of it", t->roles.feature[i],
                     p->state);
    }
    log_info("%zu columns of %zu features, as '%s' has learnt them", s->n_out, tabular_n_feature(s),
             p->state);
    return 0;
}
