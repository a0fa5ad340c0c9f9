#include <stdlib.h>

#include "serve/models/onnx_network.h"

/* The branch of pictures: its input and its layers. */

int onnx_read_pixels(struct onnx_work *w, struct onnx_flow *f, struct err *e)
{
    int64_t h, width;
    int rc;
    if ((rc = h5_get_int(w->h, "pixels", "height", &h, e)) ||
        (rc = h5_get_int(w->h, "pixels", "width", &width, e)))
        return rc;
    if (h < 1 || h > 4096 || width < 1 || width > 4096)
        return err_set(e, ERR_DATA, "'pixels' has a height of %lld and a width of %lld",
                       (long long)h, (long long)width);
    struct onnx_value v = onnx_input(w->g, "pixels", ONNX_UINT8,
                                     (size_t[]){ (size_t)h, (size_t)width, 3 }, 3, "");
    v = onnx_two(w->g, "Div", onnx_cast(w->g, v, ONNX_FLOAT), onnx_scalar(w->g, 255));
    *f = (struct onnx_flow){ PICTURE, onnx_permuted(w->g, v, (int64_t[]){ 0, 3, 1, 2 }, 4) };
    return 0;
}

/* Ours (row, column, in, out) is theirs (out, in, row, column). */
int onnx_conv2d(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e)
{
    struct onnx_weight x = { 0 };
    struct str a = { 0 };
    struct onnx_value bias, kernel;
    int64_t k = l->kernel, before = l->same ? (k - 1) / 2 : 0,
            behind = l->same ? k - 1 - before : 0;
    int rc;
    if ((rc = onnx_weight_read(w, "kernel", 4, &x, e)) ||
        (rc = onnx_weight(w, "bias", 1, &bias, e))) {
        free(x.at);
        return rc;
    }
    kernel = onnx_permuted(w->g, onnx_weight_constant(w, &x), (int64_t[]){ 3, 2, 0, 1 }, 4);
    onnx_ints(&a, "kernel_shape", (int64_t[]){ k, k }, 2);
    onnx_ints(&a, "pads", (int64_t[]){ before, before, behind, behind }, 4);
    struct onnx_value in[] = { f->v, kernel, bias };
    onnx_node(w->g, "", "Conv", in, 3, &a, &f->v, 1);
    f->v = onnx_activated(w->g, f->v, l->activation);
    free(x.at);
    return 0;
}

void onnx_maxpool(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f)
{
    struct str a = { 0 };
    onnx_ints(&a, "kernel_shape", (int64_t[]){ l->size, l->size }, 2);
    onnx_ints(&a, "strides", (int64_t[]){ l->size, l->size }, 2);
    f->v = onnx_one(w->g, "MaxPool", f->v, &a);
}
