/* Flatten: one row of values in Keras's order: pictures (h, w, c), steps (T, c). Steps that a mask
 * hides are 0. */
#include <string.h>

#include "models/nn/op.h"

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    n->tensor[o->out].shape = shape_rows(shape_size(&op_in(o, n)->shape));
    o->keeps_in = o->keeps_out = false;
    return 0;
}

/* Every run of values that lie together in both orders. */
static void walk(const struct op *o, const struct pass *p, float *form, float *rows, bool back)
{
    const struct shape *s = &op_in(o, p->net)->shape;
    size_t n = p->shard->n, size = shape_size(s), run = s->block,
           outer = s->form == FORM_STEPS ? s->steps : s->h * s->w;

    for (size_t r = 0; r < n; r++)
        for (size_t k = 0; k < s->c; k += run)
            for (size_t i = 0; i < outer; i++) {
                float *b = rows + r * size + i * s->c + k;
                float *a = s->form == FORM_STEPS ? form + (i * n + r) * run
                                                 : form + r * size + k * outer + i * run;
                if (s->form == FORM_STEPS && !step_is_live(o, p, r, i))
                    memset(back ? a : b, 0, run * sizeof *a);
                else
                    memcpy(back ? a : b, back ? b : a, run * sizeof *a);
            }
}

static void forward(const struct op *o, const struct pass *p)
{
    walk(o, p, value_of(p, op_in(o, p->net)), value_of(p, op_out(o, p->net)), false);
}

static void backward(const struct op *o, const struct pass *p)
{
    if (op_in(o, p->net)->wants_gradient)
        walk(o, p, gradient_of(p, op_in(o, p->net)), gradient_of(p, op_out(o, p->net)), true);
}

const struct op_kind op_flatten = { .plan = plan, .forward = forward, .backward = backward };
