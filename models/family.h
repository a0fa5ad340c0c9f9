#ifndef MODELS_FAMILY_H
#define MODELS_FAMILY_H

#include "base/err.h"
#include "base/str.h"
#include "io/h5.h"
#include "models/classes.h"
#include "models/model.h"
#include "models/prep.h"

/* What stands behind model.h: the part of a model that all families share, and the table of
 * functions that each family fills. */

/** A model. All owned. */
struct model {
    const struct model_family *family;
    struct classes classes;
    struct prep prep;
    struct table_roles roles; /* of the table that it was trained on */
    char *training;           /* JSON: how it was trained */
    void *state;              /* the family's own */
};

struct model_family {
    const char *name; /* as in the model file */
    bool regression;  /* learns number labels, too */
    bool gaps;        /* takes feature columns with gaps that were kept */
    /** Fill prep, classes, training and state of an empty model. On error what was filled stays for
     * model_free. */
    int (*fit)(struct model *m, const struct fit *fit,
               struct err *e);         /* NULL: by late_fusion_fit */
    void (*use_last)(struct model *m); /* see model_use_last; NULL: there is no other epoch */
    /** As model_predict, on inputs that have been checked. */
    int (*predict)(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                   float *out, struct err *e);
    /** State to and from an open model file; when loading, the shared part is there already. */
    int (*save)(const struct model *m, struct h5 *h, struct err *e);
    int (*load)(struct model *m, struct h5 *h, int threads, struct err *e);
    void (*describe)(const struct model *m, struct str *out);
    const double *(*importance)(const struct model *m); /* model_importance; NULL: there is none */
    void (*free)(void *state);
};

/** Networks of models/nn: text, pictures and feature columns. */
extern const struct model_family model_network;

/** See logistic/logistic.h. */
extern const struct model_family model_logistic;

/** See trees/trees.h. */
extern const struct model_family model_extra_trees;

/** See trees/boosting.h. */
extern const struct model_family model_boosting;

#endif
