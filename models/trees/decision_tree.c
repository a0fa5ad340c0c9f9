#include "models/trees/decision_tree.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void tree_release(struct tree *t)
{
    free(t->node);
    free(t->share);
    *t = (struct tree){ 0 };
}

static int check_leaf(const struct tree *t, size_t i, size_t n_class, struct err *e)
{
    const struct tree_node *node = &t->node[i];
    if (n_class == 0) {
        if ((node->feature & (TREE_PURE | TREE_SHARES)) || !isfinite(node->threshold))
            return err_set(e, ERR_DATA, "leaf %zu has no finite number", i);
        return 0;
    }
    size_t most = node->feature & TREE_PURE     ? n_class
                  : node->feature & TREE_SHARES ? t->n_share
                                                : 0;
    if (node->child >= most)
        return err_set(e, ERR_DATA, "leaf %zu names %s %u of %zu", i,
                       node->feature & TREE_PURE ? "class" : "shares", node->child, most);
    return 0;
}

int tree_check(const struct tree *t, size_t d, size_t n_class, struct err *e)
{
    int rc = t->n_node ? 0 : err_set(e, ERR_DATA, "a tree has no node");
    for (size_t i = 0; i < t->n_node && rc == 0; i++) {
        const struct tree_node *node = &t->node[i];
        if (node->feature & TREE_LEAF)
            rc = check_leaf(t, i, n_class, e);
        else if (node->child <= i || (size_t)node->child + 1 >= t->n_node)
            rc = err_set(e, ERR_DATA, "node %zu has its children at %u, want %zu to %zu", i,
                         node->child, i + 1, t->n_node - 2);
        else if ((node->feature & TREE_COLUMN) >= d)
            rc = err_set(e, ERR_DATA, "node %zu asks for column %u of %zu", i,
                         node->feature & TREE_COLUMN, d);
        else if (isnan(node->threshold))
            rc = err_set(e, ERR_DATA, "node %zu has no threshold", i);
    }
    for (size_t i = 0; i < t->n_share * n_class && rc == 0; i++)
        if (!(t->share[i] >= 0 && t->share[i] <= 1))
            rc = err_set(e, ERR_DATA, "share %zu is %g, want 0 to 1", i, (double)t->share[i]);
    return rc;
}

static inline uint32_t step(const struct tree_node *node, uint32_t at, const float *x)
{
    struct tree_node here = node[at];
    float value = x[here.feature & TREE_COLUMN];
    uint32_t left = value <= here.threshold;
    left |= (uint32_t)(value != value) & (here.feature >> 30);
    uint32_t next = here.child + 1 - left;
    return here.feature & TREE_LEAF ? at : next;
}

static inline void add_leaf(const struct tree *t, uint32_t at, size_t n_class, double *sum)
{
    const struct tree_node *leaf = &t->node[at];
    if (n_class == 0) {
        *sum += (double)leaf->threshold;
    } else if (leaf->feature & TREE_PURE) {
        sum[leaf->child] += 1;
    } else {
        const float *share = t->share + leaf->child * n_class;
        for (size_t k = 0; k < n_class; k++)
            sum[k] += (double)share[k];
    }
}

enum { LANES = 8, STEPS = 4 };

void tree_add(const struct tree *t, const float *x, size_t n, size_t ld, size_t n_class,
              double *sum, size_t stride)
{
    const struct tree_node *node = t->node;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        uint32_t at[LANES] = { 0 }, ended;
        do {
            for (int s = 0; s < STEPS; s++)
                for (size_t k = 0; k < LANES; k++)
                    at[k] = step(node, at[k], x + (i + k) * ld);
            ended = TREE_LEAF;
            for (size_t k = 0; k < LANES; k++)
                ended &= node[at[k]].feature;
        } while (!(ended & TREE_LEAF));
        for (size_t k = 0; k < LANES; k++)
            add_leaf(t, at[k], n_class, sum + (i + k) * stride);
    }
    for (; i < n; i++) {
        uint32_t at = 0;
        while (!(node[at].feature & TREE_LEAF))
            at = step(node, at, x + i * ld);
        add_leaf(t, at, n_class, sum + i * stride);
    }
}

float tree_between(float low, float high)
{
    float t = (float)(((double)low + (double)high) / 2);
    return t < high ? t : low;
}

size_t tree_depth(const struct tree *t)
{
    uint32_t *depth = mem_calloc(t->n_node + 1, sizeof *depth), most = 0;
    for (size_t i = 0; i < t->n_node; i++) {
        most = depth[i] > most ? depth[i] : most;
        if (!(t->node[i].feature & TREE_LEAF))
            depth[t->node[i].child] = depth[t->node[i].child + 1] = depth[i] + 1;
    }
    free(depth);
    return most;
}
