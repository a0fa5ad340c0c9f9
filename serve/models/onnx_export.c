#include <stdlib.h>
#include <string.h>

#include "io/jsonfile.h"
#include "models/modelfile.h"
#include "serve/models/onnx.h"

/* p = weight * first + (1 - weight) * second. */
static int late_fusion(struct onnx *g, struct h5 *h, struct onnx_value *out, struct err *e)
{
    struct onnx_value part[2];
    double weight;
    int rc;
    if ((rc = h5_get_real(h, "/", "weight", &weight, e)) ||
        (rc = onnx_network(g, h, "parts/0", &part[0], e)) ||
        (rc = onnx_network(g, h, "parts/1", &part[1], e)))
        return rc;
    *out = onnx_two(g, "Add", onnx_two(g, "Mul", part[0], onnx_scalar(g, (float)weight)),
                    onnx_two(g, "Mul", part[1], onnx_scalar(g, (float)(1 - weight))));
    return 0;
}

static int graph_of(struct onnx *g, struct h5 *h, const struct modelfile *m, struct onnx_value *out,
                    struct err *e)
{
    if (strcmp(m->family, "network") == 0)
        return onnx_network(g, h, "", out, e);
    if (strcmp(m->family, "late_fusion") == 0)
        return late_fusion(g, h, out, e);
    if (strcmp(m->family, "logistic") == 0)
        return onnx_logistic(g, h, m->n_class, out, e);
    if (strcmp(m->family, "extra_trees") == 0 || strcmp(m->family, "boosting") == 0)
        return onnx_trees(g, h, *m->family == 'b', m->n_class, out, e);
    return err_set(e, ERR_DATA, "the family '%s' has no ONNX form", m->family);
}

static void tell(struct onnx *g, const char *key, char *const *text, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(text[i]));
    char *value = json_dumps(list, JSON_COMPACT);
    onnx_about(g, key, value);
    free(value);
    json_decref(list);
}

static void tell_all(struct onnx *g, const struct modelfile *m, const char *name,
                     const char *version)
{
    const struct {
        const char *key, *value;
    } line[] = { { "name", name },    { "version", version },  { "family", m->family },
                 { "text", m->text }, { "pixels", m->pixels }, { "features", m->features } };
    for (size_t i = 0; i < sizeof line / sizeof *line; i++)
        if (line[i].value)
            onnx_about(g, line[i].key, line[i].value);
    if (m->n_class)
        tell(g, "classes", m->label, m->n_class);
    if (m->word)
        tell(g, "vocabulary", m->word, m->n_word);
}

int onnx_export(const char *model, const char *path, const char *name, const char *version,
                struct err *e)
{
    enum { PROTOBUF_MAX = INT32_MAX };
    struct modelfile m = { 0 };
    struct onnx g = { 0 };
    struct onnx_value out;
    struct h5 h = { 0 };
    int rc = modelfile_read(&m, model, e);
    if (rc || (rc = h5_open(&h, model, "refit.model", 1, e)))
        goto end;
    if ((rc = graph_of(&g, &h, &m, &out, e))) {
        err_wrap(e, "'%s'", model);
        goto end;
    }
    bool is_double = strcmp(m.family, "logistic") == 0;
    onnx_output(&g, m.n_class ? "probabilities" : "value", is_double ? ONNX_DOUBLE : ONNX_FLOAT,
                out, m.n_class ? m.n_class : 1);
    tell_all(&g, &m, name, version);
    if (g.constant.n + g.node.n + g.about.n > PROTOBUF_MAX)
        rc = err_set(e, ERR_DATA,
                     "'%s' is too large for an ONNX file: its weights have %zu bytes, "
                     "2 GB are the limit",
                     model, g.constant.n);
    else
        rc = onnx_write(&g, path, e);
end:
    h5_close(&h);
    onnx_release(&g);
    modelfile_release(&m);
    return rc;
}
