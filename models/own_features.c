#include "models/own_features.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/tabular.h"

static int make(struct featmat *f, const char *state, const char *name, const struct table *t,
                struct err *e)
{
    struct tabular s = { 0 };
    int rc = tabular_parse(&s, name, state, e);
    if (rc)
        return rc;
    *f = (struct featmat){ .n_row = t->n_row,
                           .n_col = s.n_out,
                           .x = mem_calloc(t->n_row, (s.n_out + 1) * sizeof *f->x),
                           .name = mem_copy_texts(s.name, s.n_out),
                           .state = mem_strdup(state) };
    memcpy(f->keys_sha256, t->keys_sha256, HASH_HEX);
    if ((rc = tabular_apply(&s, t, NULL, t->n_row, f->x, e)))
        err_wrap(e, "'%s'", name);
    tabular_release(&s);
    return rc;
}

int own_features(struct model_data *out, struct featmat *made, const struct model *m,
                 const char *name, const struct model_data *data, struct err *e)
{
    struct model_wants wants;
    int rc = 0;
    model_wants(m, &wants);
    *out = *data;
    if (!wants.features_state || !data->features ||
        strcmp(wants.features_state, data->features->state) == 0)
        return 0;
    if (!made->x && (rc = make(made, wants.features_state, name, data->table, e)) == 0)
        log_info("'%s': its feature columns were fitted on other rows: they are made of the table",
                 name);
    out->features = made;
    return rc;
}
