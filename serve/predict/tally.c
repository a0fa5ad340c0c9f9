#include "tally.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

void tally_add(struct tally *t, const struct answer *answer)
{
    t->rows++;
    t->errors += answer->error != NULL;
    t->notes += answer->note != NULL;
    if (!answer->p)
        return;
    if (answer->best) {
        if (!t->of_class)
            t->of_class = mem_calloc(model_n_class(t->model), sizeof *t->of_class);
        t->of_class[answer->best[0]]++;
        return;
    }
    double v = (double)*answer->p;
    bool first = t->rows - t->errors == 1;
    t->sum += v;
    t->least = first ? v : fmin(t->least, v);
    t->most = first ? v : fmax(t->most, v);
}

static int64_t predicted(const struct tally *t)
{
    return t->rows - t->errors;
}

/* Of so many rows; there may be none. */
static double percent(int64_t n, int64_t of)
{
    return of ? 100. * (double)n / (double)of : 0;
}

/* Whole numbers are written as such. */
static json_t *percent_json(int64_t n, int64_t of)
{
    double v = percent(n, of);
    return v < (double)(int64_t)v || v > (double)(int64_t)v ? json_real(v)
                                                            : json_integer((json_int_t)v);
}

/* Classes that rows were answered with, the most frequent first: (*out_n), owned by the caller. */
static size_t *frequent(const struct tally *t, size_t *out_n)
{
    size_t n = 0, n_class = t->of_class ? model_n_class(t->model) : 0;
    size_t *class = mem_calloc(n_class, sizeof *class);
    for (size_t k = 0; k < n_class; k++) {
        size_t at = n;
        if (t->of_class[k] == 0)
            continue;
        for (; at > 0 && t->of_class[class[at - 1]] < t->of_class[k]; at--)
            class[at] = class[at - 1];
        class[at] = k;
        n++;
    }
    *out_n = n;
    return class;
}

void tally_say(const struct tally *t)
{
    enum { MOST = 30 };
    size_t n, *class = frequent(t, &n);
    log_info("%" PRId64 " rows: %" PRId64 " predicted, %" PRId64 " with an error, %" PRId64
             " with a note",
             t->rows, predicted(t), t->errors, t->notes);
    for (size_t i = 0; i < n && i < MOST; i++) {
        const char *name = model_class_name(t->model, class[i]);
        int64_t count = t->of_class[class[i]];
        log_info("%8" PRId64 " %5.1f %%  %s%s%s", count, percent(count, predicted(t)),
                 model_class(t->model, class[i]), name ? "  " : "", name ? name : "");
    }
    if (n > MOST)
        log_info("... and %zu more classes", n - MOST);
    if (model_n_class(t->model) == 0 && predicted(t))
        log_info("mean %g, from %g to %g", t->sum / (double)predicted(t), t->least, t->most);
    free(class);
}

json_t *tally_json(const struct tally *t, json_t *model)
{
    size_t n, *class = frequent(t, &n);
    json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:o}", "rows", (json_int_t)t->rows, "predicted",
                             (json_int_t)predicted(t), "errors", (json_int_t)t->errors, "notes",
                             (json_int_t)t->notes, "model", model);
    json_t *classes = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *name = model_class_name(t->model, class[i]);
        int64_t count = t->of_class[class[i]];
        json_array_append_new(classes, json_pack("{s:s, s:s*, s:I, s:o}", "class",
                                                 model_class(t->model, class[i]), "name", name,
                                                 "count", (json_int_t)count, "percent",
                                                 percent_json(count, predicted(t))));
    }
    free(class);
    if (model_n_class(t->model)) {
        json_object_set_new(root, "classes", classes);
        return root;
    }
    json_decref(classes);
    if (predicted(t))
        json_object_set_new(root, "prediction",
                            json_pack("{s:f, s:f, s:f}", "mean", t->sum / (double)predicted(t),
                                      "min", t->least, "max", t->most));
    return root;
}

void tally_release(struct tally *t)
{
    free(t->of_class);
    *t = (struct tally){ 0 };
}
