#ifndef EVALUATE_CONTEST_H
#define EVALUATE_CONTEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/opt.h"
#include "models/model.h"

/* Who is evaluated, and on which rows. */

/** Rows of one side of the split that the model can be right or wrong about. */
struct chosen {
    size_t n, *row;  /* (n) owned */
    double *truth;   /* (n) owned: class of the model, or number */
    int32_t *label;  /* (n) owned: the class; NULL of a number */
    int64_t unknown; /* rows of the side that have no label, or one that the model does not know */
};

/** target: a column as model_target gives it. */
void chosen_take(struct chosen *out, const struct model *m, const struct sides *sides,
                 enum side side, const struct column *target);
void chosen_release(struct chosen *c);

/** One of the models, and what it says about the chosen rows. */
struct entry {
    struct model *model; /* owned */
    const char *path;
    const char *key;         /* in metrics.json: its kind, or "champion" */
    struct featmat features; /* owned: made by its own state, where --features has another one */
    float *out;              /* (n, n_output) owned: classes in the order of the first model */
};

/** The models of one run, the first being the one that counts. */
struct contest {
    size_t n;
    struct entry *entry; /* (n) owned */
};

/** champion NULL: there is none. ERR_USAGE if two others are of one kind; ERR_DATA if a model
 * cannot be read, or predicts something else than the first. The champion needs one class of its
 * classes, others the same ones. */
int contest_load(struct contest *c, const char *model, const struct opt_list *others,
                 const char *champion, struct err *e);
void contest_release(struct contest *c);

/** First of a kind, the champion aside, or NULL. */
struct entry *contest_find(const struct contest *c, const char *kind);

/** Predictions of rows: (n, n_output) owned by the caller. A model whose feature columns were
 * fitted on other rows than those of in->features makes its own of the table. */
int contest_predict(float **out, const struct contest *c, struct entry *who,
                    const struct model_inputs *in, const struct chosen *rows, struct err *e);

#endif
