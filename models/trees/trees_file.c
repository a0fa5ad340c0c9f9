/* The part of a model file that both families of trees have. Nodes of all trees stand one after the
 * other; in memory every tree has its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/family.h"
#include "models/trees/boosting.h"
#include "models/trees/trees.h"

enum { MAX_TREES = 1 << 24 };
static const size_t max_bytes = (size_t)1 << 36;

static int write_list(struct h5 *h, const char *name, enum h5_type type, size_t n, const void *data,
                      struct err *e)
{
    return h5_write(h, name, type, 1, &n, data, e);
}

static int write_nodes(const struct forest *f, struct h5 *h, struct err *e)
{
    int64_t *first = mem_calloc(f->n_tree + 1, sizeof *first);
    for (size_t t = 0; t < f->n_tree; t++)
        first[t + 1] = first[t] + (int64_t)f->tree[t].n_node;
    size_t n = (size_t)first[f->n_tree], at = 0;
    float *threshold = mem_calloc(n + 1, sizeof *threshold);
    int32_t *child = mem_calloc(n + 1, sizeof *child),
            *feature = mem_calloc(n + 1, sizeof *feature);
    for (size_t t = 0; t < f->n_tree; t++)
        for (size_t i = 0; i < f->tree[t].n_node; i++, at++) {
            struct tree_node node = f->tree[t].node[i];
            threshold[at] = node.threshold;
            memcpy(&child[at], &node.child, sizeof *child);
            memcpy(&feature[at], &node.feature, sizeof *feature);
        }
    int rc;
    if ((rc = write_list(h, "trees/first_node", H5_I64, f->n_tree + 1, first, e)) == 0 &&
        (rc = write_list(h, "trees/threshold", H5_F32, n, threshold, e)) == 0 &&
        (rc = write_list(h, "trees/child", H5_I32, n, child, e)) == 0)
        rc = write_list(h, "trees/feature", H5_I32, n, feature, e);
    free(feature);
    free(child);
    free(threshold);
    free(first);
    return rc;
}

static int write_shares(const struct forest *f, struct h5 *h, struct err *e)
{
    int64_t *first = mem_calloc(f->n_tree + 1, sizeof *first);
    for (size_t t = 0; t < f->n_tree; t++)
        first[t + 1] = first[t] + (int64_t)f->tree[t].n_share;
    size_t shape[2] = { (size_t)first[f->n_tree], f->n_class }, at = 0;
    float *share = mem_calloc(shape[0] + 1, f->n_class * sizeof *share);
    for (size_t t = 0; t < f->n_tree; t++) {
        size_t n = f->tree[t].n_share * f->n_class;
        memcpy(share + at, f->tree[t].share, n * sizeof *share);
        at += n;
    }
    int rc = write_list(h, "trees/first_share", H5_I64, f->n_tree + 1, first, e);
    if (rc == 0 && shape[0])
        rc = h5_write(h, "trees/shares", H5_F32, 2, shape, share, e);
    free(share);
    free(first);
    return rc;
}

int trees_save(const struct model *m, struct h5 *h, struct err *e)
{
    const struct trees *w = m->state;
    const struct forest *f = &w->forest;
    int rc = write_nodes(f, h, e);
    if (rc == 0 && f->n_class)
        rc = write_shares(f, h, e);
    if (rc == 0)
        rc = write_list(h, "trees/base", H5_F64, f->n_output, f->base, e);
    return rc ? rc : write_list(h, "trees/importance", H5_F64, f->d, w->importance, e);
}

/* Places that rise from 0; *out owned by the caller. */
static int read_places(struct h5 *h, const char *name, size_t n, int64_t **out, struct err *e)
{
    void *read = NULL;
    int rc = h5_read_n(h, name, H5_I64, n, &read, e);
    if (rc)
        return rc;
    int64_t *first = read;
    for (size_t t = 0; t < n; t++)
        if (first[t] < (t ? first[t - 1] : 0) || (t == 0 && first[0] != 0)) {
            rc = err_set(e, ERR_DATA, "'%s': item %zu is %lld, want %s", name, t,
                         (long long)first[t], t ? "no less than the one before" : "0");
            free(read);
            return rc;
        }
    *out = first;
    return 0;
}

static int read_nodes(struct forest *f, struct h5 *h, struct err *e)
{
    void *threshold = NULL, *child = NULL, *feature = NULL;
    int64_t *first = NULL;
    int rc = read_places(h, "trees/first_node", f->n_tree + 1, &first, e);
    if (rc)
        return rc;
    size_t n = (size_t)first[f->n_tree];
    if ((rc = h5_read_n(h, "trees/threshold", H5_F32, n, &threshold, e)) ||
        (rc = h5_read_n(h, "trees/child", H5_I32, n, &child, e)) ||
        (rc = h5_read_n(h, "trees/feature", H5_I32, n, &feature, e)))
        goto out;
    for (size_t t = 0; t < f->n_tree; t++) {
        struct tree *tree = &f->tree[t];
        size_t at = (size_t)first[t];
        tree->n_node = (size_t)first[t + 1] - at;
        tree->node = mem_calloc(tree->n_node + 1, sizeof *tree->node);
        for (size_t i = 0; i < tree->n_node; i++, at++)
            tree->node[i] = (struct tree_node){ ((float *)threshold)[at],
                                                (uint32_t)((int32_t *)child)[at],
                                                (uint32_t)((int32_t *)feature)[at] };
    }
out:
    free(feature);
    free(child);
    free(threshold);
    free(first);
    return rc;
}

static int read_shares(struct forest *f, struct h5 *h, struct err *e)
{
    void *share = NULL;
    int64_t *first = NULL;
    size_t shape[2] = { 0, f->n_class }, C = f->n_class;
    int rc = read_places(h, "trees/first_share", f->n_tree + 1, &first, e);
    if (rc)
        return rc;
    if (first[f->n_tree] > 0 &&
        (rc = h5_read(h, "trees/shares", H5_F32, 2, shape, &share, max_bytes, e)))
        goto out;
    if (shape[0] != (size_t)first[f->n_tree] || shape[1] != C) {
        rc = err_set(e, ERR_DATA, "'trees/shares' is (%zu, %zu), want (%lld, %zu)", shape[0],
                     shape[1], (long long)first[f->n_tree], C);
        goto out;
    }
    for (size_t t = 0; t < f->n_tree; t++) {
        struct tree *tree = &f->tree[t];
        tree->n_share = (size_t)(first[t + 1] - first[t]);
        tree->share = mem_calloc(tree->n_share + 1, C * sizeof *tree->share);
        if (share)
            memcpy(tree->share, (float *)share + (size_t)first[t] * C,
                   tree->n_share * C * sizeof *tree->share);
    }
out:
    free(share);
    free(first);
    return rc;
}

static int check_finite(const char *name, const double *x, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return err_set(e, ERR_DATA, "'%s': item %zu is %g", name, i, x[i]);
    return 0;
}

/* The caller has set mean, n_class and n_output. */
static int read_forest(struct trees *w, struct h5 *h, struct err *e)
{
    struct forest *f = &w->forest;
    size_t n_first;
    void *base = NULL, *importance = NULL;
    int rc = h5_shape(h, "trees/first_node", H5_I64, 1, &n_first, e);
    if (rc)
        return rc;
    if (n_first < 2 || n_first > MAX_TREES)
        return err_set(e, ERR_DATA, "%zu trees, want 1 to %d", n_first - 1, MAX_TREES);
    f->n_tree = n_first - 1;
    f->tree = mem_calloc(f->n_tree, sizeof *f->tree);
    if ((rc = read_nodes(f, h, e)) || (f->n_class && (rc = read_shares(f, h, e))) ||
        (rc = h5_read_n(h, "trees/base", H5_F64, f->n_output, &base, e)))
        return rc;
    f->base = base;
    if ((rc = h5_read_n(h, "trees/importance", H5_F64, f->d, &importance, e)))
        return rc;
    w->importance = importance;
    for (size_t t = 0; t < f->n_tree; t++)
        if (tree_check(&f->tree[t], f->d, f->n_class, e))
            return err_wrap(e, "tree %zu", t);
    if ((rc = check_finite("trees/base", f->base, f->n_output, e)))
        return rc;
    return check_finite("trees/importance", w->importance, f->d, e);
}

int trees_load(struct model *m, struct h5 *h, int threads, struct err *e)
{
    struct trees *w = mem_calloc(1, sizeof *w);
    struct forest *f = &w->forest;
    size_t C = m->classes.n;
    m->state = w;
    w->threads = threads;
    f->d = m->prep.n_feature;
    f->mean = m->family == &model_extra_trees;
    f->n_class = f->mean ? C : 0;
    f->n_output = f->mean && C ? C : boost_outputs(C);
    if (f->d == 0)
        return err_set(e, ERR_DATA, "trees without feature columns");
    return read_forest(w, h, e);
}
