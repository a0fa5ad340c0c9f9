#include "runner/plan/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/read/path.h"

static void add_edge(struct graph *g, size_t from, size_t to, const char *dep)
{
    g->edge = mem_grow(g->edge, g->n_edge, sizeof *g->edge);
    g->edge[g->n_edge++] = (struct edge){ from, to, dep };
}

/* No two outs of enabled stages may be the same file or lie inside each other. */
static int check_producers(const struct manifest *m, struct err *e)
{
    for (size_t i = 0; i < m->n_stage; i++) {
        const struct stage_spec *a = &m->stage[i];
        for (size_t o = 0; a->enabled && o < a->n_out; o++) {
            const char *path = a->out[o].path[0];
            for (size_t k = 0; k <= i; k++) {
                const struct stage_spec *b = &m->stage[k];
                size_t n = k == i ? o : b->n_out;
                for (size_t p = 0; b->enabled && p < n; p++)
                    if (path_related(path, b->out[p].path[0]))
                        return manifest_fail(
                            m, a->out[o].at, e,
                            "stage '%s': outs.%s: '%s' %s '%s' of stage '%s' (line %zu)", a->name,
                            a->out[o].name, path,
                            strcmp(path, b->out[p].path[0]) == 0 ? "is also made as" : "overlaps",
                            b->out[p].path[0], b->name, b->out[p].at.line);
            }
        }
    }
    return 0;
}

bool graph_makes(const struct stage_spec *s, const char *dep)
{
    for (size_t i = 0; i < s->n_out; i++)
        if (path_related(s->out[i].path[0], dep))
            return true;
    return false;
}

static int dep_edges(struct graph *g, size_t to, const struct file_ref *dep, const char *path,
                     struct err *e)
{
    const struct manifest *m = g->m;
    for (size_t from = 0; from < m->n_stage; from++) {
        if (!m->stage[from].enabled || !graph_makes(&m->stage[from], path))
            continue;
        if (from == to)
            return manifest_fail(m, dep->at, e, "stage '%s' needs what it makes itself: '%s'",
                                 m->stage[to].name, path);
        add_edge(g, from, to, dep->name);
    }
    return 0;
}

static int find_edges(struct graph *g, struct err *e)
{
    const struct manifest *m = g->m;
    for (size_t to = 0; to < m->n_stage; to++) {
        const struct stage_spec *s = &m->stage[to];
        int rc = 0;
        if (!s->enabled)
            continue;
        for (size_t d = 0; d < s->n_dep; d++)
            for (size_t k = 0; k < s->dep[d].n_path; k++)
                if ((rc = dep_edges(g, to, &s->dep[d], s->dep[d].path[k], e)))
                    return rc;
        for (size_t c = 0; c < s->n_code; c++)
            if ((rc = dep_edges(g, to, &s->code[c], s->code[c].path[0], e)))
                return rc;
        for (size_t from = 0; !s->run && s->program && from < m->n_stage; from++)
            if (from != to && m->stage[from].enabled && graph_makes(&m->stage[from], s->program))
                add_edge(g, from, to, NULL);
        for (size_t k = 0; k < s->n_needs; k++)
            if (m->stage[s->needs[k]].enabled)
                add_edge(g, s->needs[k], to, NULL);
    }
    return 0;
}

/* Kahn's algorithm (CACM 5 (1962) 558); among the ready ones the first of the file. Returns how
 * many were placed. */
static size_t sort(struct graph *g)
{
    size_t n = g->m->n_stage, placed = 0;
    size_t *open = mem_calloc(n, sizeof *open);
    bool *done = mem_calloc(n, sizeof *done);

    for (size_t i = 0; i < g->n_edge; i++)
        open[g->edge[i].to]++;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < n; i++) {
            if (done[i] || open[i])
                continue;
            done[i] = more = true;
            g->order[placed++] = i;
            for (size_t k = 0; k < g->n_edge; k++)
                if (g->edge[k].from == i)
                    open[g->edge[k].to]--;
            break;
        }
    }
    free(done);
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
        for (size_t k = 0; k < g->n_edge; k++) {
            if (g->edge[k].to == at && !done[g->edge[k].from]) {
                at = g->edge[k].from;
                break;
            }
        }
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
    int rc;
    *g = (struct graph){ .m = m, .order = mem_calloc(m->n_stage, sizeof *g->order) };
    if ((rc = check_producers(m, e)) == 0 && (rc = find_edges(g, e)) == 0) {
        size_t placed = sort(g);
        if (placed < m->n_stage)
            rc = name_cycle(g, placed, e);
    }
    if (rc)
        graph_release(g);
    return rc;
}

void graph_release(struct graph *g)
{
    free(g->edge);
    free(g->order);
    *g = (struct graph){ 0 };
}

bool graph_needs(const struct graph *g, size_t stage, size_t other)
{
    for (size_t i = 0; i < g->n_edge; i++)
        if (g->edge[i].to == stage && g->edge[i].from == other)
            return true;
    return false;
}

void graph_close(const struct graph *g, bool *set, bool down)
{
    size_t n = g->m->n_stage;
    for (size_t i = 0; i < n; i++) {
        size_t at = g->order[down ? i : n - 1 - i];
        for (size_t k = 0; set[at] && k < g->n_edge; k++) {
            const struct edge *edge = &g->edge[k];
            if ((down ? edge->from : edge->to) == at)
                set[down ? edge->to : edge->from] = true;
        }
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

void graph_dot(const struct graph *g, struct str *out)
{
    const struct manifest *m = g->m;
    str_addf(out, "digraph \"%s\" {\n  rankdir=LR;\n  node [shape=box];\n", m->name);
    for (size_t i = 0; i < m->n_stage; i++)
        str_addf(out, "  \"%s\"%s;\n", m->stage[i].name,
                 m->stage[i].enabled ? "" : " [style=dashed]");
    for (size_t i = 0; i < g->n_edge; i++) {
        const struct edge *edge = &g->edge[i];
        str_addf(out, "  \"%s\" -> \"%s\"", m->stage[edge->from].name, m->stage[edge->to].name);
        if (edge->dep)
            str_addf(out, " [label=\"%s\"]", edge->dep);
        else
            str_addz(out, " [style=dashed]");
        str_addz(out, ";\n");
    }
    str_addz(out, "}\n");
}
