#ifndef MODELS_HISTORY_H
#define MODELS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/** The figures of one epoch. The validation ones are NAN if there are no validation rows. */
struct epoch {
    double loss,
        accuracy; /* over the epoch's batches, in training mode, penalties included in the loss */
    double val_loss,
        val_accuracy;     /* after the epoch, in inference mode, penalties included in the loss */
    double learning_rate; /* that the epoch was trained with */
};

/** How a training went. All zeros: not begun. */
struct history {
    struct epoch *epoch; /* (n) owned */
    size_t n;
    int64_t kept;  /* epoch, from 1, whose weights the model has */
    char *stopped; /* owned: why there was no further epoch: "epochs", "stop_monitor" */
};

void history_add(struct history *h, const struct epoch *epoch);
void history_release(struct history *h);

/** As JSON (docs/formats.md, history.json): a pure function of the figures; no times. Appended to
 * *out. */
void history_json(const struct history *h, struct str *out);

/** Publish that JSON as a file. */
int history_write(const struct history *h, const char *path, struct err *e);

#endif
