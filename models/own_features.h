#ifndef MODELS_OWN_FEATURES_H
#define MODELS_OWN_FEATURES_H

#include "models/model.h"

/**
 * Rows as a model must see them: `data`, but feature columns that were fitted otherwise than the
 * model's (on other rows, by other options) give way to those that its own state makes of the
 * table. The log says so.
 *
 *   name    of the model, for messages
 *   made    the matrix of all rows; owned by the caller, who releases it after the last use of
 *           *out. One that was made for this model and this table before is taken as it is
 *   errors  ERR_DATA as tabular_apply
 */
int own_features(struct model_data *out, struct featmat *made, const struct model *m,
                 const char *name, const struct model_data *data, struct err *e);

#endif
