#ifndef PREDICT_TALLY_H
#define PREDICT_TALLY_H

#include <jansson.h>
#include <stdint.h>

#include "answers.h"

/** How many rows got which answer. All zeros but `model` is empty. */
struct tally {
    const struct model *model; /* borrowed */
    int64_t rows, errors, notes;
    int64_t *of_class;       /* (n_class) owned */
    double sum, least, most; /* of a regression */
};

void tally_add(struct tally *t, const struct answer *answer);

/** On standard error: rows, errors, and how many of each class, the most frequent first. */
void tally_say(const struct tally *t);

/** {rows, predicted, errors, notes, model, classes or prediction}: a new reference. `model` is
 * stolen. */
json_t *tally_json(const struct tally *t, json_t *model);
void tally_release(struct tally *t);

#endif
