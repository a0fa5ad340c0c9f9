/* The inputs: words are read by the embedding itself; pictures become floats 0 .. 1 in the layout
 * of the convolutions; features are copied. */
#include <string.h>

#include "models/nn/op.h"
#include "models/nn/simd.h"

static int plan_words(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    n->tensor[o->out].shape = (struct shape){
        FORM_STEPS, n->dims.length, 1, 1, 0, 0
    }; /* no storage: ids stay ids */
    return 0;
}

static void forward_words(const struct op *o, const struct pass *p)
{
    (void)o, (void)p;
}

const struct op_kind op_words = { .plan = plan_words, .forward = forward_words };

static int plan_pixels(struct net *n, struct op *o, struct err *e)
{
    if (n->dims.height == 0 || n->dims.width == 0)
        return err_set(e, ERR_USAGE, "the network reads pictures, but there are none");
    if (o->branch->image_size &&
        ((size_t)o->branch->image_size != n->dims.height || n->dims.height != n->dims.width))
        return err_set(e, ERR_USAGE,
                       "the network is made for pictures of %lld x %lld, these are %zu x %zu",
                       (long long)o->branch->image_size, (long long)o->branch->image_size,
                       n->dims.height, n->dims.width);
    n->tensor[o->out].shape = (struct shape){ FORM_PICTURE,  1, n->dims.height,
                                              n->dims.width, 3, n->block ? 1 : 3 };
    return 0;
}

NN_CLONES static void bytes_to_floats(float *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)in[i] / 255.0f;
}

NN_CLONES static void bytes_to_planes(float *restrict out, const uint8_t *restrict in, size_t n)
{
    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < n; i++)
            out[c * n + i] = (float)in[3 * i + c] / 255.0f;
}

static void forward_pixels(const struct op *o, const struct pass *p)
{
    const struct tensor *t = op_out(o, p->net);
    size_t n_pixel = t->shape.h * t->shape.w;
    if (o->done_by) /* the first convolution reads the bytes */
        return;
    float *out = value_of(p, t);
    for (size_t r = 0; r < p->shard->n; r++, out += 3 * n_pixel) {
        const uint8_t *row = p->batch->pixels[p->shard->row + r];
        if (t->shape.block == 1)
            bytes_to_planes(out, row, n_pixel);
        else
            bytes_to_floats(out, row, 3 * n_pixel);
    }
}

const struct op_kind op_pixels = { .plan = plan_pixels, .forward = forward_pixels };

static int plan_features(struct net *n, struct op *o, struct err *e)
{
    if (n->dims.n_feature == 0)
        return err_set(e, ERR_USAGE, "the network reads features, but there are none");
    n->tensor[o->out].shape = shape_rows(n->dims.n_feature);
    return 0;
}

static void forward_features(const struct op *o, const struct pass *p)
{
    size_t d = p->net->dims.n_feature;
    memcpy(value_of(p, op_out(o, p->net)), p->batch->features + p->shard->row * d,
           p->shard->n * d * sizeof(float));
}

const struct op_kind op_features = { .plan = plan_features, .forward = forward_features };
