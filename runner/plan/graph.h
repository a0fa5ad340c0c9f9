#ifndef RUNNER_GRAPH_H
#define RUNNER_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "runner/read/manifest.h"

/* Which stage needs which, from paths and `needs`. Disabled stages have no edges. */

struct edge {
    size_t from, to; /* stages: `to` needs `from` */
    const char *dep; /* name of the dep of `to`; NULL: by `needs` */
};

/** The manifest must outlive it. */
struct graph {
    const struct manifest *m;
    struct edge *edge; /* (n_edge) by `to`, then by dep; two stages may share several */
    size_t n_edge;
    size_t *up;      /* (m->n_stage + 1) what stage i needs: edge[up[i]] to edge[up[i + 1] - 1] */
    size_t *by_from; /* (n_edge) numbers of edges by `from` */
    size_t *down;    /* (m->n_stage + 1) what needs stage i: by_from[down[i]] to by_from[down[i + 1]
                        - 1] */
    size_t
        *order;   /* (m->n_stage) topological, the file's order among equals; disabled stages too */
    size_t *line; /* (m->n_stage) where a stage stands in `order` */
};

/**
 * Find the edges. ERR_USAGE with file:line:column: a cycle (names the loop), two producers of one
 * file, an out inside another's out.
 */
int graph_build(struct graph *g, const struct manifest *m, struct err *e);
void graph_release(struct graph *g);

/** Does the stage need the other one directly? */
bool graph_needs(const struct graph *g, size_t stage, size_t other);

/** Add to `set` (n_stage) all that its members need (down false) or all that need them (down true).
 */
void graph_close(const struct graph *g, bool *set, bool down);

/** What the command line selects. */
struct selection {
    const char *const *target; /* (n_target) these and all they need; none: everything */
    size_t n_target;
    const char *single; /* -s: this one alone */
    const char *from;   /* --from: this and all below it (with targets: as far as they need it) */
};

/** Fill out_selected (n_stage); disabled stages are never selected. ERR_USAGE: unknown or disabled
 * stage named. */
int graph_select(const struct graph *g, const struct selection *s, bool *out_selected,
                 struct err *e);

#endif
