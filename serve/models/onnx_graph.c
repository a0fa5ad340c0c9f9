#include "serve/models/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/outfile.h"

/* ---- the wire format (protobuf.dev, "Encoding") --------------------------------------------- */

enum { VARINT = 0, LENGTH = 2, FIXED32 = 5 };

static void varint(struct str *s, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        str_addc(s, (char)(n | 0x80));
    str_addc(s, (char)n);
}

static void whole(struct str *s, unsigned field, int64_t value)
{
    varint(s, field << 3 | VARINT);
    varint(s, (uint64_t)value);
}

static void bytes(struct str *s, unsigned field, const void *data, size_t n)
{
    varint(s, field << 3 | LENGTH);
    varint(s, n);
    str_add(s, data, n);
}

static void text(struct str *s, unsigned field, const char *value)
{
    bytes(s, field, value, strlen(value));
}

static void real(struct str *s, unsigned field, float value)
{
    varint(s, field << 3 | FIXED32);
    str_add(s, (const char *)&value, sizeof value); /* little endian, as all we run on */
}

/* A message inside another one; it is empty afterwards. */
static void message(struct str *s, unsigned field, struct str *inner)
{
    bytes(s, field, str_text(inner), inner->n);
    str_release(inner);
}

/* ---- attributes: name 1, f 2, i 3, s 4, floats 7, ints 8, strings 9, type 20 ---------------- */

enum { IS_FLOAT = 1, IS_INT, IS_STRING, IS_FLOATS = 6, IS_INTS, IS_STRINGS };

static void attribute_end(struct str *attribute, struct str *inner, int type)
{
    whole(inner, 20, type);
    message(attribute, 5, inner); /* NodeProto.attribute */
}

void onnx_int(struct str *attribute, const char *name, int64_t value)
{
    struct str a = { 0 };
    text(&a, 1, name);
    whole(&a, 3, value);
    attribute_end(attribute, &a, IS_INT);
}

void onnx_ints(struct str *attribute, const char *name, const int64_t *value, size_t n)
{
    struct str a = { 0 }, packed = { 0 };
    text(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        varint(&packed, (uint64_t)value[i]);
    message(&a, 8, &packed);
    attribute_end(attribute, &a, IS_INTS);
}

void onnx_real(struct str *attribute, const char *name, float value)
{
    struct str a = { 0 };
    text(&a, 1, name);
    real(&a, 2, value);
    attribute_end(attribute, &a, IS_FLOAT);
}

void onnx_reals(struct str *attribute, const char *name, const float *value, size_t n)
{
    struct str a = { 0 };
    text(&a, 1, name);
    bytes(&a, 7, value, n * sizeof *value);
    attribute_end(attribute, &a, IS_FLOATS);
}

void onnx_text(struct str *attribute, const char *name, const char *value)
{
    struct str a = { 0 };
    text(&a, 1, name);
    text(&a, 4, value);
    attribute_end(attribute, &a, IS_STRING);
}

void onnx_texts(struct str *attribute, const char *name, const char *const *value, size_t n)
{
    struct str a = { 0 };
    text(&a, 1, name);
    for (size_t i = 0; i < n; i++)
        text(&a, 9, value[i]);
    attribute_end(attribute, &a, IS_STRINGS);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static struct onnx_value new_value(struct onnx *g)
{
    struct onnx_value v;
    snprintf(v.name, sizeof v.name, "v%zu", g->n_name++);
    return v;
}

void onnx_node(struct onnx *g, const char *domain, const char *op, const struct onnx_value *in,
               size_t n_in, struct str *attribute, struct onnx_value *out, size_t n_out)
{
    struct str n = { 0 };
    for (size_t i = 0; i < n_in; i++)
        text(&n, 1, in[i].name);
    for (size_t i = 0; i < n_out; i++) {
        out[i] = new_value(g);
        text(&n, 2, out[i].name);
    }
    text(&n, 4, op);
    if (attribute) {
        str_add(&n, str_text(attribute), attribute->n);
        str_release(attribute);
    }
    if (*domain)
        text(&n, 7, domain);
    message(&g->node, 1, &n);
}

struct onnx_value onnx_one(struct onnx *g, const char *op, struct onnx_value a,
                           struct str *attribute)
{
    struct onnx_value out;
    onnx_node(g, "", op, &a, 1, attribute, &out, 1);
    return out;
}

struct onnx_value onnx_two(struct onnx *g, const char *op, struct onnx_value a, struct onnx_value b)
{
    struct onnx_value in[] = { a, b }, out;
    onnx_node(g, "", op, in, 2, NULL, &out, 1);
    return out;
}

/* ---- tensors: dims 1, data_type 2, name 8, raw_data 9 --------------------------------------- */

static size_t size_of(enum onnx_type type)
{
    return type == ONNX_UINT8 ? 1 : type == ONNX_INT64 || type == ONNX_DOUBLE ? 8 : 4;
}

struct onnx_value onnx_constant(struct onnx *g, enum onnx_type type, const size_t *dims,
                                size_t rank, const void *data)
{
    struct onnx_value v = new_value(g);
    struct str t = { 0 };
    size_t n = 1;
    for (size_t i = 0; i < rank; i++) {
        whole(&t, 1, (int64_t)dims[i]);
        n *= dims[i];
    }
    whole(&t, 2, type);
    text(&t, 8, v.name);
    bytes(&t, 9, data, n * size_of(type));
    message(&g->constant, 5, &t);
    return v;
}

struct onnx_value onnx_scalar(struct onnx *g, float value)
{
    return onnx_constant(g, ONNX_FLOAT, NULL, 0, &value);
}

struct onnx_value onnx_axes(struct onnx *g, const int64_t *value, size_t n)
{
    return onnx_constant(g, ONNX_INT64, &n, 1, value);
}

/* ---- inputs, outputs: ValueInfoProto name 1, type 2 ----------------------------------------- */

static void dimension(struct str *shape, size_t size, const char *name)
{
    struct str d = { 0 };
    if (size)
        whole(&d, 1, (int64_t)size);
    else
        text(&d, 2, name);
    message(shape, 1, &d);
}

static void value_info(struct str *out, unsigned field, const char *name, enum onnx_type type,
                       const size_t *dims, size_t rank, const char *free)
{
    struct str shape = { 0 }, tensor = { 0 }, kind = { 0 }, info = { 0 };
    dimension(&shape, 0, "N");
    for (size_t i = 0; i < rank; i++)
        dimension(&shape, dims[i], free);
    whole(&tensor, 1, type);
    message(&tensor, 2, &shape);
    message(&kind, 1, &tensor);
    text(&info, 1, name);
    message(&info, 2, &kind);
    message(out, field, &info);
}

struct onnx_value onnx_input(struct onnx *g, const char *name, enum onnx_type type,
                             const size_t *dims, size_t rank, const char *free)
{
    struct onnx_value v;
    snprintf(v.name, sizeof v.name, "%s", name);
    value_info(&g->input, 11, name, type, dims, rank, free);
    return v;
}

void onnx_output(struct onnx *g, const char *name, enum onnx_type type, struct onnx_value value,
                 size_t columns)
{
    struct str n = { 0 };
    text(&n, 1, value.name);
    text(&n, 2, name);
    text(&n, 4, "Identity");
    message(&g->node, 1, &n);
    value_info(&g->output, 12, name, type, &columns, 1, "");
}

/* ---- the file ------------------------------------------------------------------------------- */

void onnx_about(struct onnx *g, const char *key, const char *value)
{
    struct str entry = { 0 };
    text(&entry, 1, key);
    text(&entry, 2, value);
    message(&g->about, 14, &entry);
}

static void opset(struct str *model, const char *domain, int64_t version)
{
    struct str o = { 0 };
    text(&o, 1, domain);
    whole(&o, 2, version);
    message(model, 8, &o);
}

int onnx_write(const struct onnx *g, const char *path, struct err *e)
{
    const struct str *part[] = { &g->node, &g->constant, &g->input, &g->output };
    struct str model = { 0 }, graph = { 0 };
    int rc;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++)
        str_add(&graph, str_text(part[i]), part[i]->n);
    text(&graph, 2, "model");
    whole(&model, 1, 7); /* IR version */
    text(&model, 2, "refit");
    text(&model, 3, REFIT_VERSION);
    message(&model, 7, &graph);
    opset(&model, "", 13);
    opset(&model, "ai.onnx.ml", 3);
    str_add(&model, str_text(&g->about), g->about.n);
    rc = outfile_put(path, str_text(&model), model.n, e);
    str_release(&model);
    return rc;
}

void onnx_release(struct onnx *g)
{
    str_release(&g->node);
    str_release(&g->constant);
    str_release(&g->input);
    str_release(&g->output);
    str_release(&g->about);
}
