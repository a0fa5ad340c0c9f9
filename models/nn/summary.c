#include "models/nn/summary.h"

#include <stdio.h>
#include <string.h>

#include "models/nn/op.h"

struct layer_row {
    const char *name;
    const struct shape *out;
    size_t weights, fixed; /* all; those that are not trained */
    double flops;          /* of one row, forward */
    size_t bytes;          /* of its output for a batch; 0: never stored as a whole */
};

/* Positions of one row that the operator's kernels are used at. */
static double positions(const struct net *n, const struct op *o)
{
    const struct shape *out = &op_out(o, n)->shape;
    size_t steps = o->n_in ? op_in(o, n)->shape.steps : 1;
    return (double)steps * (double)out->h * (double)out->w;
}

static struct layer_row row_of(const struct net *n, size_t i)
{
    const struct op *o = &n->op[i];
    const struct tensor *out = op_out(o, n);
    struct layer_row r = { .name = o->name, .out = &out->shape };
    for (size_t k = 0; k < o->n_param; k++) {
        const struct nn_param *p = &n->param[o->param[k]];
        r.weights += p->n;
        r.fixed += p->trainable ? 0 : p->n;
        if (p->rank > 1 && !n->plan[o->param[k]].sparse)
            r.flops += 2 * (double)p->n * positions(n, o);
    }
    if (out->stored)
        r.bytes = shape_size(&out->shape) * n->dims.batch * sizeof(float);
    return r;
}

static struct layer_row total_of(const struct net *n)
{
    struct layer_row total = { 0 };
    for (size_t i = 0; i < n->n_op; i++) {
        struct layer_row r = row_of(n, i);
        total.weights += r.weights;
        total.fixed += r.fixed;
        total.flops += r.flops;
        total.bytes += r.bytes;
    }
    return total;
}

/* "64 x 128", "32 x 32 x 16" where the separator is " x "; words are the number of their steps. */
static void add_shape(struct str *out, const struct shape *s, const char *separator)
{
    size_t size[3], n = 0;
    if (s->form == FORM_STEPS)
        size[n++] = s->steps;
    if (s->form == FORM_PICTURE) {
        size[n++] = s->h;
        size[n++] = s->w;
    }
    if (s->c > 0)
        size[n++] = s->c;
    for (size_t i = 0; i < n; i++)
        str_addf(out, "%s%zu", i ? separator : "", size[i]);
}

/* 1234567 as "1,234,567". */
static void add_grouped(struct str *out, size_t n)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%zu", n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            str_addc(out, ',');
        str_addc(out, digits[i]);
    }
}

static void add_column(struct str *out, const char *text, int width)
{
    str_addf(out, "%*s", width, text);
}

static void add_line(struct str *out, const char *name, const char *shape,
                     const struct layer_row *r, int width)
{
    struct str weights = { 0 };
    add_grouped(&weights, r->weights);
    str_addf(out, "%-*s ", width, name);
    add_column(out, shape, 16);
    add_column(out, weights.text, 14);
    str_addf(out, "%12.3f%12.3f\n", r->flops / 1e6, (double)r->bytes / 1e6);
    str_release(&weights);
}

void net_summary(const struct net *n, const struct nn_training *t, struct str *out)
{
    struct nn_memory m = net_memory(n, t);
    struct layer_row total = total_of(n);
    int width = 5;
    for (size_t i = 0; i < n->n_op; i++)
        width = (int)strlen(n->op[i].name) > width ? (int)strlen(n->op[i].name) : width;
    str_addf(out, "%-*s %16s%14s%12s%12s\n", width, "layer", "output", "weights", "MFLOP", "MB");
    for (size_t i = 0; i < n->n_op; i++) {
        struct layer_row r = row_of(n, i);
        struct str shape = { 0 };
        add_shape(&shape, r.out, " x ");
        if (r.out->c == 0)
            str_addz(&shape, " words");
        add_line(out, r.name, shape.text, &r, width);
        str_release(&shape);
    }
    add_line(out, "total", "", &total, width);
    str_addz(out, "\nweights: ");
    add_grouped(out, total.weights);
    str_addf(out, " (%.1f MB), of which ", (double)total.weights * sizeof(float) / 1e6);
    add_grouped(out, total.weights - total.fixed);
    str_addz(out, " are trained\n");
    net_memory_text(n, &m, out);
    str_addc(out, '\n');
    str_addz(out, "MFLOP: matrix products of one row, forward. MB: what the layer puts out for a "
                  "batch; 0: never stored as a whole.\n");
}

void net_summary_json(const struct net *n, const struct nn_training *t, struct str *out)
{
    struct nn_memory m = net_memory(n, t);
    struct layer_row total = total_of(n);
    str_addz(out, "{\"layers\": [");
    for (size_t i = 0; i < n->n_op; i++) {
        struct layer_row r = row_of(n, i);
        str_addf(out, "%s\n  {\"name\": \"%s\", \"output\": [", i ? "," : "", r.name);
        add_shape(out, r.out, ", ");
        str_addf(out, "], \"weights\": %zu, \"trained\": %zu, \"flops\": %.0f, \"bytes\": %zu}",
                 r.weights, r.weights - r.fixed, r.flops, r.bytes);
    }
    str_addf(out,
             "\n ],\n \"batch\": %zu, \"shards\": %zu, \"threads\": %d,\n \"weights\": %zu, "
             "\"trained\": %zu, \"flops\": %.0f,\n \"memory\": {\"weights\": %zu, \"optimizer\": "
             "%zu, \"kernels\": %zu, \"activations\": %zu, \"gradients\": %zu, \"scratch\": %zu, "
             "\"total\": %zu}\n}\n",
             n->dims.batch, n->n_shard, n->n_worker, total.weights, total.weights - total.fixed,
             total.flops, m.weights, m.optimizer, m.kernels, m.activations, m.gradients, m.scratch,
             m.total);
}
