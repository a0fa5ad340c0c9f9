#include "serve/models/onnx.h"

struct onnx_value onnx_permuted(struct onnx *g, struct onnx_value v, const int64_t *order, size_t n)
{
    struct str a = { 0 };
    onnx_ints(&a, "perm", order, n);
    return onnx_one(g, "Transpose", v, &a);
}

struct onnx_value onnx_cast(struct onnx *g, struct onnx_value v, enum onnx_type type)
{
    struct str a = { 0 };
    onnx_int(&a, "to", type);
    return onnx_one(g, "Cast", v, &a);
}

struct onnx_value onnx_wider(struct onnx *g, struct onnx_value v)
{
    return onnx_two(g, "Unsqueeze", v, onnx_axes(g, (int64_t[]){ -1 }, 1));
}

struct onnx_value onnx_choose(struct onnx *g, struct onnx_value where, struct onnx_value yes,
                              struct onnx_value no)
{
    struct onnx_value in[] = { where, yes, no }, out;
    onnx_node(g, "", "Where", in, 3, NULL, &out, 1);
    return out;
}

struct onnx_value onnx_reduced(struct onnx *g, const char *op, struct onnx_value v,
                               const int64_t *axes, size_t n)
{
    struct str a = { 0 };
    onnx_ints(&a, "axes", axes, n);
    onnx_int(&a, "keepdims", 0);
    return onnx_one(g, op, v, &a);
}

struct onnx_value onnx_sum(struct onnx *g, struct onnx_value v)
{
    struct str a = { 0 };
    struct onnx_value in[] = { v, onnx_axes(g, (int64_t[]){ 1 }, 1) }, out;
    onnx_int(&a, "keepdims", 0);
    onnx_node(g, "", "ReduceSum", in, 2, &a, &out, 1);
    return out;
}

struct onnx_value onnx_concat(struct onnx *g, const struct onnx_value *v, size_t n)
{
    struct str a = { 0 };
    struct onnx_value out;
    if (n == 1)
        return v[0];
    onnx_int(&a, "axis", 1);
    onnx_node(g, "", "Concat", v, n, &a, &out, 1);
    return out;
}

struct onnx_value onnx_softmax(struct onnx *g, struct onnx_value v)
{
    struct str a = { 0 };
    onnx_int(&a, "axis", 1);
    return onnx_one(g, "Softmax", v, &a);
}
