#include "models/rows.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

static void sort_by_side(struct rows *r, const struct column *label, const struct sides *sides)
{
    size_t n_gap = 0;
    r->train = mem_calloc(label->n + 1, sizeof *r->train);
    r->validation = mem_calloc(label->n + 1, sizeof *r->validation);
    for (size_t i = 0; i < label->n; i++) {
        int side = sides ? sides->side[i] : SIDE_TRAIN;
        if (side != SIDE_TRAIN && side != SIDE_VALIDATION)
            continue;
        if (!column_valid(label, i) || (label->code && label->code[i] < 0)) {
            n_gap++;
            continue;
        }
        if (side == SIDE_TRAIN)
            r->train[r->n_train++] = i;
        else
            r->validation[r->n_validation++] = i;
    }
    if (n_gap)
        log_warn("%zu rows have no '%s' and are left out", n_gap, label->name);
}

/* Leave out the validation rows whose label is no class. */
static void drop_unseen(struct rows *r, const struct column *label)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_validation; i++)
        if (r->class_of_row[r->validation[i]] >= 0)
            r->validation[n++] = r->validation[i];
    if (n < r->n_validation)
        log_warn(
            "%zu of %zu validation rows have a '%s' that no training row has, and are left out",
            r->n_validation - n, r->n_validation, label->name);
    r->n_validation = n;
}

/* One row of a class teaches little, and none of it can be validated. */
static void warn_of_single_rows(const struct rows *r, const struct column *label)
{
    size_t *count = mem_calloc(r->classes.n, sizeof *count), n = 0;
    const char *first = NULL;
    classes_count(&r->classes, r->class_of_row, r->train, r->n_train, count);
    for (size_t k = 0; k < r->classes.n; k++) {
        if (count[k] != 1)
            continue;
        first = first ? first : r->classes.label[k];
        n++;
    }
    if (n)
        log_warn("%zu of %zu classes of '%s' have a single training row, the first of them '%s'", n,
                 r->classes.n, label->name, first);
    free(count);
}

/* Estimates are float32. */
static int check_numbers(const struct rows *r, const size_t *row, size_t n, const char *name,
                         struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs(r->target[row[i]]) <= (double)FLT_MAX))
            return err_set(e, ERR_DATA, "column '%s' row %zu: %g is too large to be learnt", name,
                           row[i], r->target[row[i]]);
    return 0;
}

static int take_numbers(struct rows *r, const struct column *label, struct err *e)
{
    double low = (double)INFINITY, high = -(double)INFINITY;
    r->target = mem_calloc(label->n + 1, sizeof *r->target);
    for (size_t i = 0; i < label->n; i++)
        r->target[i] = column_valid(label, i) ? column_number(label, i) : (double)NAN;
    for (size_t i = 0; i < r->n_train; i++) {
        double value = r->target[r->train[i]];
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    if (low == high)
        log_warn("all %zu training rows have the same '%s', %g: there is nothing to learn",
                 r->n_train, label->name, low);
    int rc = check_numbers(r, r->train, r->n_train, label->name, e);
    return rc ? rc : check_numbers(r, r->validation, r->n_validation, label->name, e);
}

static int pick(struct rows *r, const struct model_data *data, const struct column *label,
                struct err *e)
{
    struct rows made = { 0 };
    int rc;
    sort_by_side(&made, label, data->sides);
    if (made.n_train == 0) {
        rc = err_set(e, ERR_DATA, "no row to train on: %s",
                     data->sides ? "the split has none with a label on the training side"
                                 : "no row of the table has a label");
        rows_release(&made);
        return rc;
    }
    if (label->type != COLUMN_CATEGORY) {
        if ((rc = take_numbers(&made, label, e)))
            rows_release(&made);
        else
            *r = made;
        return rc;
    }
    if ((rc = classes_fit(&made.classes, label, made.train, made.n_train, e))) {
        rows_release(&made);
        return rc;
    }
    made.class_of_row = classes_of_rows(&made.classes, label);
    drop_unseen(&made, label);
    warn_of_single_rows(&made, label);
    *r = made;
    return 0;
}

int rows_pick(struct rows *r, const struct model_data *data, struct err *e)
{
    const struct column *label = NULL;
    int rc = table_label(data->table, data->table->name, &label, e);
    return rc ? rc : pick(r, data, label, e);
}

int rows_pick_target(struct rows *r, const struct model_data *data, struct err *e)
{
    const struct column *label = NULL;
    int rc = table_target(data->table, data->table->name, &label, e);
    return rc ? rc : pick(r, data, label, e);
}

void rows_release(struct rows *r)
{
    free(r->target);
    classes_release(&r->classes);
    free(r->class_of_row);
    free(r->train);
    free(r->validation);
    *r = (struct rows){ 0 };
}
