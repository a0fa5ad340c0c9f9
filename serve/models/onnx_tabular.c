#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/trees/decision_tree.h"
#include "serve/models/onnx.h"

enum { MAX_BYTES = INT32_MAX };

/* p of two classes from the probability of the second (N, 1). */
static struct onnx_value both(struct onnx *g, struct onnx_value one, struct onnx_value second)
{
    return onnx_concat(g, (struct onnx_value[]){ onnx_two(g, "Sub", one, second), second }, 2);
}

/* ---- logistic ------------------------------------------------------------------------------- */

int onnx_logistic(struct onnx *g, struct h5 *h, size_t n_class, struct onnx_value *out,
                  struct err *e)
{
    size_t dims[2] = { 0 }, n, k = n_class == 2 ? 1 : n_class;
    void *w = NULL, *b = NULL;
    struct onnx_value in[3];
    struct str a = { 0 };
    int rc;
    if ((rc = onnx_features(g, h, ONNX_DOUBLE, &in[0], &n, e)) ||
        (rc = h5_read(h, "logistic/coefficients", H5_F64, 2, dims, &w, MAX_BYTES, e)) ||
        (rc = h5_read_n(h, "logistic/intercepts", H5_F64, k, &b, e)))
        goto end;
    if (dims[0] != k || dims[1] != n) {
        rc = err_set(e, ERR_DATA, "'logistic/coefficients' is %zu x %zu: want %zu x %zu", dims[0],
                     dims[1], k, n);
        goto end;
    }
    in[1] = onnx_constant(g, ONNX_DOUBLE, dims, 2, w);
    in[2] = onnx_constant(g, ONNX_DOUBLE, &k, 1, b);
    onnx_int(&a, "transB", 1);
    onnx_node(g, "", "Gemm", in, 3, &a, out, 1);
    if (k == 1) {
        double one = 1;
        *out = both(g, onnx_constant(g, ONNX_DOUBLE, NULL, 0, &one),
                    onnx_one(g, "Sigmoid", *out, NULL));
    } else {
        *out = onnx_softmax(g, *out);
    }
end:
    free(w);
    free(b);
    return rc;
}

/* ---- trees ---------------------------------------------------------------------------------- */

/* The datasets of group `trees`. All owned. */
struct stored {
    size_t n_tree, n_node, n_share, n_output;
    int64_t *first_node, *first_share; /* (n_tree + 1) */
    float *threshold, *share;
    int32_t *child, *feature;
    double *base; /* (n_output) */
};

static void stored_release(struct stored *s)
{
    free(s->first_node);
    free(s->first_share);
    free(s->threshold);
    free(s->share);
    free(s->child);
    free(s->feature);
    free(s->base);
}

static int vector(struct h5 *h, const char *name, enum h5_type type, size_t *out_n, void **out,
                  struct err *e)
{
    return h5_read(h, name, type, 1, out_n, out, MAX_BYTES, e);
}

static int stored_read(struct stored *s, struct h5 *h, size_t n_class, bool shares, struct err *e)
{
    size_t n, dims[2] = { 0 };
    void *at[7] = { NULL };
    int rc;
    if ((rc = vector(h, "trees/first_node", H5_I64, &n, &at[0], e)) ||
        (rc = vector(h, "trees/threshold", H5_F32, &s->n_node, &at[1], e)) ||
        (rc = h5_read_n(h, "trees/child", H5_I32, s->n_node, &at[2], e)) ||
        (rc = h5_read_n(h, "trees/feature", H5_I32, s->n_node, &at[3], e)) ||
        (rc = vector(h, "trees/base", H5_F64, &s->n_output, &at[4], e)))
        goto end;
    if (shares && ((rc = h5_read_n(h, "trees/first_share", H5_I64, n, &at[5], e)) ||
                   (rc = h5_read(h, "trees/shares", H5_F32, 2, dims, &at[6], MAX_BYTES, e))))
        goto end;
    s->n_tree = n ? n - 1 : 0;
    s->n_share = dims[0];
    if (n < 2 || (shares && dims[0] && dims[1] != n_class))
        rc = err_set(e, ERR_DATA, "group 'trees' contradicts itself");
end:
    s->first_node = at[0];
    s->threshold = at[1];
    s->child = at[2];
    s->feature = at[3];
    s->base = at[4];
    s->first_share = at[5];
    s->share = at[6];
    return rc;
}

/* Attributes of TreeEnsembleRegressor, node by node, and weight by weight of the leaves. */
struct ensemble {
    int64_t *tree, *node, *feature, *yes, *no, *missing;
    const char **mode;
    float *value;
    int64_t *at_tree, *at_node, *at_output; /* (n_weight) */
    float *weight;
    size_t n_weight, room;
};

static void add_weight(struct ensemble *t, size_t tree, size_t node, size_t output, float weight)
{
    if (t->n_weight == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->at_tree = mem_realloc(t->at_tree, t->room, sizeof *t->at_tree);
        t->at_node = mem_realloc(t->at_node, t->room, sizeof *t->at_node);
        t->at_output = mem_realloc(t->at_output, t->room, sizeof *t->at_output);
        t->weight = mem_realloc(t->weight, t->room, sizeof *t->weight);
    }
    t->at_tree[t->n_weight] = (int64_t)tree;
    t->at_node[t->n_weight] = (int64_t)node;
    t->at_output[t->n_weight] = (int64_t)output;
    t->weight[t->n_weight++] = weight;
}

static int add_leaf(struct ensemble *t, const struct stored *s, size_t tree, size_t node, size_t i,
                    size_t n_class, struct err *e)
{
    uint32_t bits = (uint32_t)s->feature[i], child = (uint32_t)s->child[i];
    if (bits & TREE_PURE) {
        if (child >= n_class)
            return err_set(e, ERR_DATA, "tree %zu has a leaf of class %u of %zu", tree, child,
                           n_class);
        add_weight(t, tree, node, child, 1);
    } else if (bits & TREE_SHARES) {
        size_t line = (size_t)s->first_share[tree] + child;
        if (s->first_share[tree] < 0 || line >= s->n_share)
            return err_set(e, ERR_DATA, "tree %zu has a leaf without its shares", tree);
        for (size_t c = 0; c < n_class; c++)
            if (s->share[line * n_class + c] != 0)
                add_weight(t, tree, node, c, s->share[line * n_class + c]);
    } else {
        add_weight(t, tree, node, tree % s->n_output, s->threshold[i]);
    }
    return 0;
}

static int add_nodes(struct ensemble *t, const struct stored *s, size_t n_class, size_t d,
                     struct err *e)
{
    int rc = 0;
    for (size_t tree = 0; rc == 0 && tree < s->n_tree; tree++) {
        int64_t first = s->first_node[tree], past = s->first_node[tree + 1];
        if (first < 0 || past <= first || (size_t)past > s->n_node)
            return err_set(e, ERR_DATA, "tree %zu has no nodes", tree);
        for (size_t i = (size_t)first; rc == 0 && i < (size_t)past; i++) {
            uint32_t bits = (uint32_t)s->feature[i], child = (uint32_t)s->child[i];
            bool leaf = bits & TREE_LEAF;
            size_t node = i - (size_t)first;
            t->tree[i] = (int64_t)tree;
            t->node[i] = (int64_t)node;
            t->mode[i] = leaf ? "LEAF" : "BRANCH_LEQ";
            t->value[i] = leaf ? 0 : s->threshold[i];
            t->missing[i] = !leaf && bits & TREE_MISSING_LEFT;
            t->feature[i] = leaf ? 0 : bits & TREE_COLUMN;
            t->yes[i] = leaf ? 0 : child;
            t->no[i] = leaf ? 0 : (int64_t)child + 1;
            if (leaf)
                rc = add_leaf(t, s, tree, node, i, n_class, e);
            else if (child <= node || (int64_t)child + 1 >= past - first ||
                     (bits & TREE_COLUMN) >= d)
                rc = err_set(e, ERR_DATA, "tree %zu node %zu leads nowhere", tree, node);
        }
    }
    return rc;
}

static struct onnx_value ensemble_node(struct onnx *g, const struct ensemble *t,
                                       const struct stored *s, struct onnx_value x)
{
    struct str a = { 0 };
    struct onnx_value out;
    float *base = mem_calloc(s->n_output, sizeof *base);
    for (size_t i = 0; i < s->n_output; i++)
        base[i] = (float)s->base[i];
    onnx_ints(&a, "nodes_treeids", t->tree, s->n_node);
    onnx_ints(&a, "nodes_nodeids", t->node, s->n_node);
    onnx_ints(&a, "nodes_featureids", t->feature, s->n_node);
    onnx_texts(&a, "nodes_modes", t->mode, s->n_node);
    onnx_reals(&a, "nodes_values", t->value, s->n_node);
    onnx_ints(&a, "nodes_truenodeids", t->yes, s->n_node);
    onnx_ints(&a, "nodes_falsenodeids", t->no, s->n_node);
    onnx_ints(&a, "nodes_missing_value_tracks_true", t->missing, s->n_node);
    onnx_ints(&a, "target_treeids", t->at_tree, t->n_weight);
    onnx_ints(&a, "target_nodeids", t->at_node, t->n_weight);
    onnx_ints(&a, "target_ids", t->at_output, t->n_weight);
    onnx_reals(&a, "target_weights", t->weight, t->n_weight);
    onnx_reals(&a, "base_values", base, s->n_output);
    onnx_int(&a, "n_targets", (int64_t)s->n_output);
    onnx_node(g, "ai.onnx.ml", "TreeEnsembleRegressor", &x, 1, &a, &out, 1);
    free(base);
    return out;
}

int onnx_trees(struct onnx *g, struct h5 *h, bool boosting, size_t n_class, struct onnx_value *out,
               struct err *e)
{
    struct stored s = { 0 };
    struct ensemble t = { 0 };
    size_t d, n;
    bool shares = !boosting && n_class;
    struct onnx_value x;
    int rc;
    if ((rc = onnx_features(g, h, ONNX_FLOAT, &x, &d, e)) ||
        (rc = stored_read(&s, h, n_class, shares, e)))
        goto end;
    n = boosting && n_class > 2 ? n_class : shares ? n_class : 1;
    if (s.n_output != n) {
        rc = err_set(e, ERR_DATA, "'trees/base' has %zu numbers: want %zu", s.n_output, n);
        goto end;
    }
    t.tree = mem_calloc(s.n_node, sizeof *t.tree);
    t.node = mem_calloc(s.n_node, sizeof *t.node);
    t.feature = mem_calloc(s.n_node, sizeof *t.feature);
    t.yes = mem_calloc(s.n_node, sizeof *t.yes);
    t.no = mem_calloc(s.n_node, sizeof *t.no);
    t.missing = mem_calloc(s.n_node, sizeof *t.missing);
    t.mode = mem_calloc(s.n_node, sizeof *t.mode);
    t.value = mem_calloc(s.n_node, sizeof *t.value);
    if ((rc = add_nodes(&t, &s, n_class, d, e)))
        goto end;
    *out = ensemble_node(g, &t, &s, x);
    if (!boosting)
        *out = onnx_two(g, "Div", *out, onnx_scalar(g, (float)s.n_tree));
    else if (n_class == 2)
        *out = both(g, onnx_scalar(g, 1), onnx_one(g, "Sigmoid", *out, NULL));
    else if (n_class)
        *out = onnx_softmax(g, *out);
end:
    free(t.tree);
    free(t.node);
    free(t.feature);
    free(t.yes);
    free(t.no);
    free(t.missing);
    free(t.mode);
    free(t.value);
    free(t.at_tree);
    free(t.at_node);
    free(t.at_output);
    free(t.weight);
    stored_release(&s);
    return rc;
}
