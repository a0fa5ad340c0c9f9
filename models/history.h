#ifndef MODELS_HISTORY_H
#define MODELS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/** The figures of one epoch. Those of validation are NAN if there are no validation rows. */
struct epoch {
    double loss,
        accuracy; /* over the epoch's batches, in training mode, penalties included in the loss */
    double val_loss,
        val_accuracy;     /* after the epoch, in inference mode, penalties included in the loss */
    double learning_rate; /* of its last step */
    double gradient_norm; /* mean over its steps of the Euclidean norm of all gradients */
    double rows;          /* trained on: fewer than all if the time budget cut it */
};

/** The figures of one step, of its batch alone. */
struct step {
    double loss, accuracy, learning_rate, gradient_norm;
};

/** Why there was no further epoch. */
enum ending { ENDING_NONE, ENDING_EPOCHS, ENDING_MONITOR, ENDING_TIME };

/** How a training went. All zeros: not begun. */
struct history {
    struct epoch *epoch; /* (n) owned */
    size_t n;
    struct step *step; /* (n_step) owned: of all epochs, and of the one that is under way */
    size_t n_step;
    size_t epoch_steps, epoch_rows; /* of a whole epoch */
    int64_t kept;                   /* epoch, from 1, whose weights the model has */
    enum ending ending;
};

void history_add(struct history *h, const struct epoch *epoch);
void history_add_step(struct history *h, const struct step *step);
void history_release(struct history *h);

/** "epochs", "stop_monitor", "max_minutes"; "" while it goes on. */
const char *history_ending(const struct history *h);

/* As text: pure functions of the figures; no times. Appended to *out. docs/formats.md. */
void history_json(const struct history *h, struct str *out);
void history_epochs_csv(const struct history *h, struct str *out);
void history_steps_csv(const struct history *h, struct str *out);

/** Publish one of these texts as a file. */
int history_write(const struct history *h, void (*as)(const struct history *h, struct str *out),
                  const char *path, struct err *e);

/** Epochs and the kept one of a text of history_json; a figure that is missing is NAN. ERR_IO;
 * ERR_DATA where it is something else. */
int history_read(struct history *h, const char *path, struct err *e);

#endif
