#ifndef MODELS_LATE_FUSION_H
#define MODELS_LATE_FUSION_H

#include "models/network.h"

/** Two networks that were trained apart, on different inputs of the same rows, as one model:
 * p = weight * first + (1 - weight) * second. */
struct late_fusion {
    struct late_part {
        struct network net;
        struct prep prep; /* what of the model's inputs it reads; borrowed from the model */
    } part[2];
    double weight;
    float
        *second; /* (room) owned: probabilities of the second one, of the largest request so far */
    size_t room;
};

/** Where the weight comes from. */
struct late_choice {
    double weight;         /* found or given, 0 .. 1 */
    double accuracy, loss; /* of it, on the rows that it was chosen on; NAN if it was given */
    size_t n_row;          /* of these; 0 if it was given */
};

/**
 * Make one model of two model files. The weight is the best one on the validation rows
 * (metrics_blend), unless one is given.
 *   path    two models of the family of networks
 *   weight  NAN: to be found
 *   errors  ERR_DATA if they have different classes, if both read the same input, if an input is
 *           absent or otherwise made than in their training, or if there is no validation row to
 *           find the weight on
 */
int late_fusion_fit(struct model **out, const char *const path[2], const struct model_data *data,
                    double weight, int threads, struct late_choice *out_choice, struct err *e);

extern const struct model_family model_late_fusion;

#endif
