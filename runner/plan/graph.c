#include "runner/plan/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/queue.h"
#include "runner/read/path.h"

static void add_edge(struct graph *g, size_t from, size_t to, const char *dep)
{
    g->edge = mem_grow(g->edge, g->n_edge, sizeof *g->edge);
    g->edge[g->n_edge++] = (struct edge){ from, to, dep };
}

/* No two outs of enabled stages may be the same file or lie inside each other. */
static int check_producers(const struct manifest *m, struct makers_found *found, struct err *e)
{
    for (size_t i = 0; i < m->n_stage && m->makers.overlap; i++) {
        const struct stage_spec *a = &m->stage[i];
        for (size_t o = 0; a->enabled && o < a->n_out; o++) {
            const char *path = a->out[o].path[0];
            makers_find(&m->makers, path, found);
            for (size_t k = 0; k < found->n; k++) {
                const struct maker *other = &found->item[k];
                const struct stage_spec *b = &m->stage[other->stage];
                if (other->stage > i || (other->stage == i && other->out >= o))
                    break; /* it is told of the later one */
                if (b->enabled)
                    return manifest_fail(
                        m, a->out[o].at, e,
                        "stage '%s': outs.%s: '%s' %s '%s' of stage '%s' (line %zu)", a->name,
                        a->out[o].name, path,
                        strcmp(path, other->path) == 0 ? "is also made as" : "overlaps",
                        other->path, b->name, b->out[other->out].at.line);
            }
        }
    }
    return 0;
}

/* An edge from every enabled stage that makes the path, each once. `dep` NULL: the program, which a
 * stage may make itself. */
static int path_edges(struct graph *g, size_t to, const struct file_ref *dep, const char *path,
                      struct makers_found *found, struct err *e)
{
    const struct manifest *m = g->m;
    makers_find(&m->makers, path, found);
    for (size_t i = 0; i < found->n; i++) {
        size_t from = found->item[i].stage;
        if (!m->stage[from].enabled || (i > 0 && found->item[i - 1].stage == from))
            continue;
        if (from == to && dep)
            return manifest_fail(m, dep->at, e, "stage '%s' needs what it makes itself: '%s'",
                                 m->stage[to].name, path);
        if (from != to)
            add_edge(g, from, to, dep ? dep->name : NULL);
    }
    return 0;
}

static int stage_edges(struct graph *g, size_t to, struct makers_found *found, struct err *e)
{
    const struct stage_spec *s = &g->m->stage[to];
    int rc = 0;
    for (size_t d = 0; d < s->n_dep; d++)
        for (size_t k = 0; k < s->dep[d].n_path && rc == 0; k++)
            rc = path_edges(g, to, &s->dep[d], s->dep[d].path[k], found, e);
    for (size_t c = 0; c < s->n_code && rc == 0; c++)
        rc = path_edges(g, to, &s->code[c], s->code[c].path[0], found, e);
    if (!s->run && s->program && rc == 0)
        rc = path_edges(g, to, NULL, s->program, found, e);
    for (size_t k = 0; k < s->n_needs; k++)
        if (g->m->stage[s->needs[k]].enabled)
            add_edge(g, s->needs[k], to, NULL);
    return rc;
}

/* Both ways from every stage to its edges. */
static void index_edges(struct graph *g)
{
    size_t n = g->m->n_stage;
    g->up = mem_calloc(n + 1, sizeof *g->up);
    g->down = mem_calloc(n + 1, sizeof *g->down);
    g->by_from = mem_calloc(g->n_edge, sizeof *g->by_from);
    for (size_t i = 0; i < g->n_edge; i++) {
        g->up[g->edge[i].to + 1]++;
        g->down[g->edge[i].from + 1]++;
    }
    for (size_t i = 0; i < n; i++) {
        g->up[i + 1] += g->up[i];
        g->down[i + 1] += g->down[i];
    }
    size_t *next = mem_calloc(n, sizeof *next);
    for (size_t i = 0; i < g->n_edge; i++) {
        size_t from = g->edge[i].from;
        g->by_from[g->down[from] + next[from]++] = i;
    }
    free(next);
}

static int find_edges(struct graph *g, struct makers_found *found, struct err *e)
{
    int rc = 0;
    for (size_t to = 0; to < g->m->n_stage && rc == 0; to++)
        if (g->m->stage[to].enabled)
            rc = stage_edges(g, to, found, e);
    index_edges(g);
    return rc;
}

/* Kahn's algorithm (CACM 5 (1962) 558); among the ready ones the first of the file. Returns how
 * many were placed. */
static size_t sort(struct graph *g)
{
    size_t n = g->m->n_stage, placed = 0;
    size_t *open = mem_calloc(n, sizeof *open);
    struct queue ready = { 0 };
    struct waiting w;

    for (size_t i = 0; i < n; i++)
        if ((open[i] = g->up[i + 1] - g->up[i]) == 0)
            queue_add(&ready, (struct waiting){ .place = i });
    while (queue_take(&ready, &w)) {
        size_t at = w.place;
        g->line[at] = placed;
        g->order[placed++] = at;
        for (size_t k = g->down[at]; k < g->down[at + 1]; k++) {
            size_t to = g->edge[g->by_from[k]].to;
            if (--open[to] == 0)
                queue_add(&ready, (struct waiting){ .place = to });
        }
    }
    queue_release(&ready);
    free(open);
    return placed;
}

/* Name one loop: go up from a stage that was not placed, always to one that was not placed either,
 * until a stage comes again. */
static int name_cycle(const struct graph *g, size_t placed, struct err *e)
{
    size_t n = g->m->n_stage, n_way = 0, at = 0;
    bool *done = mem_calloc(n, sizeof *done);
    size_t *seen = mem_calloc(n, sizeof *seen), *way = mem_calloc(n + 1, sizeof *way);
    struct str text = { 0 };

    for (size_t i = 0; i < placed; i++)
        done[g->order[i]] = true;
    while (done[at])
        at++;
    while (!seen[at]) {
        way[n_way++] = at;
        seen[at] = n_way; /* place in `way`, from 1 */
        size_t k = g->up[at];
        while (done[g->edge[k].from])
            k++;
        at = g->edge[k].from;
    }
    str_addz(&text, g->m->stage[at].name); /* the way goes up; the loop is told downward */
    for (size_t i = n_way; i-- > seen[at] - 1;)
        str_addf(&text, " -> %s", g->m->stage[way[i]].name);
    manifest_fail(g->m, g->m->stage[at].at, e, "the stages need each other in a loop: %s",
                  str_text(&text));
    str_release(&text);
    free(way);
    free(seen);
    free(done);
    return e->code;
}

int graph_build(struct graph *g, const struct manifest *m, struct err *e)
{
    struct makers_found found = { 0 };
    int rc;
    *g = (struct graph){ .m = m,
                         .order = mem_calloc(m->n_stage, sizeof *g->order),
                         .line = mem_calloc(m->n_stage, sizeof *g->line) };
    if ((rc = check_producers(m, &found, e)) == 0 && (rc = find_edges(g, &found, e)) == 0) {
        size_t placed = sort(g);
        if (placed < m->n_stage)
            rc = name_cycle(g, placed, e);
    }
    makers_found_release(&found);
    if (rc)
        graph_release(g);
    return rc;
}

void graph_release(struct graph *g)
{
    free(g->edge);
    free(g->up);
    free(g->down);
    free(g->by_from);
    free(g->order);
    free(g->line);
    *g = (struct graph){ 0 };
}

bool graph_needs(const struct graph *g, size_t stage, size_t other)
{
    for (size_t i = g->up[stage]; i < g->up[stage + 1]; i++)
        if (g->edge[i].from == other)
            return true;
    return false;
}

void graph_close(const struct graph *g, bool *set, bool down)
{
    size_t n = g->m->n_stage;
    for (size_t i = 0; i < n; i++) {
        size_t at = g->order[down ? i : n - 1 - i];
        const size_t *first = down ? g->down : g->up;
        for (size_t k = first[at]; set[at] && k < first[at + 1]; k++)
            set[down ? g->edge[g->by_from[k]].to : g->edge[k].from] = true;
    }
}

/* A stage that the command line names: it must be there and enabled. */
static int named(const struct graph *g, const char *name, size_t *out, struct err *e)
{
    int rc = manifest_stage(g->m, name, out, e);
    if (rc == 0 && !g->m->stage[*out].enabled)
        return err_set(e, ERR_USAGE, "stage '%s' is disabled in %s", name, g->m->path);
    return rc;
}

int graph_select(const struct graph *g, const struct selection *s, bool *out_selected,
                 struct err *e)
{
    size_t n = g->m->n_stage, at;
    bool *below = mem_calloc(n, sizeof *below);
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        out_selected[i] = s->n_target == 0 && !s->single && g->m->stage[i].enabled;
        below[i] = !s->from;
    }
    if (s->single && (s->n_target || s->from)) {
        rc = err_set(e, ERR_USAGE, "-s runs one stage alone: no other stages, no --from");
        goto out;
    }
    for (size_t i = 0; i < s->n_target; i++) {
        if ((rc = named(g, s->target[i], &at, e)))
            goto out;
        out_selected[at] = true;
    }
    graph_close(g, out_selected, false);
    if (s->single) {
        if ((rc = named(g, s->single, &at, e)))
            goto out;
        out_selected[at] = true;
    }
    if (s->from) {
        if ((rc = named(g, s->from, &at, e)))
            goto out;
        below[at] = true;
        graph_close(g, below, true);
    }
    for (size_t i = 0; i < n; i++)
        out_selected[i] = out_selected[i] && below[i];
out:
    free(below);
    return rc;
}
