/* The graph for programs that draw: Graphviz and Mermaid. */
#include <string.h>

#include "runner/plan/graph_text.h"

static const struct {
    const char *state, *fill, *terminal;
} colours[] = {
    { "succeeded", "#b7e1b0", "\033[32m" },      { "reused", "#e3f3df", "\033[2m" },
    { "running", "#b3d7f5", "\033[36m" },        { "skipped", "#fdf3bf", "\033[33m" },
    { "blocked", "#fbd9a0", "\033[33m" },        { "aborted", "#f5c6a0", "\033[33m" },
    { "failed", "#f4b3b3", "\033[31m" },         { "timed_out", "#f4b3b3", "\033[31m" },
    { "lost", "#f4b3b3", "\033[31m" },           { "missed", "#f4b3b3", "\033[31m" },
    { "upstream_failed", "#e2e2e2", "\033[2m" }, { "pending", "#ffffff", "\033[2m" },
};

enum { N_COLOUR = sizeof colours / sizeof *colours };

/* Its row in the table; N_COLOUR for none. */
static size_t colour_of(const char *state)
{
    size_t i = 0;
    while (i < N_COLOUR && (!state || strcmp(colours[i].state, state) != 0))
        i++;
    return i;
}

const char *drawing_terminal_colour(const char *state)
{
    size_t i = colour_of(state);
    return i < N_COLOUR ? colours[i].terminal : "\033[2m";
}

/* The colour of a stage, and in `used` that it occurs. */
static size_t colour_at(const struct graph *g, const struct drawing_style *style, size_t stage,
                        bool *used)
{
    const char *state = style->state ? style->state[stage] : NULL;
    size_t i = g->m->stage[stage].enabled ? colour_of(state) : N_COLOUR;
    if (i < N_COLOUR)
        used[i] = true;
    return i;
}

/* A text in quotes: a path may hold what would end it. */
static void add_quoted(const char *text, struct str *out)
{
    str_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            str_addc(out, '\\');
        str_addc(out, *text);
    }
    str_addc(out, '"');
}

void graph_dot(const struct graph *g, const struct drawing_style *style, struct str *out)
{
    const struct manifest *m = g->m;
    bool used[N_COLOUR] = { false }, any = false;
    str_addz(out, "digraph ");
    add_quoted(m->name, out);
    str_addz(out, " {\n  rankdir=LR;\n  node [shape=box];\n");
    for (size_t i = 0; i < m->n_stage; i++) {
        size_t colour = colour_at(g, style, i, used);
        str_addz(out, "  ");
        add_quoted(m->stage[i].name, out);
        if (colour < N_COLOUR)
            str_addf(out, " [style=filled, fillcolor=\"%s\", tooltip=\"%s\"]", colours[colour].fill,
                     colours[colour].state);
        str_addz(out, m->stage[i].enabled ? ";\n" : " [style=dashed];\n");
    }
    for (size_t i = 0; i < g->n_edge; i++) {
        const struct edge *edge = &g->edge[i];
        str_addz(out, "  ");
        add_quoted(m->stage[edge->from].name, out);
        str_addz(out, " -> ");
        add_quoted(m->stage[edge->to].name, out);
        str_addz(out, edge->dep ? " [label=" : " [style=dashed");
        if (edge->dep)
            add_quoted(edge->dep, out);
        str_addz(out, "];\n");
    }
    for (size_t i = 0; i < N_COLOUR; i++) {
        if (used[i] && !any)
            str_addz(out, "  subgraph cluster_legend {\n    label=\"state\"; style=dashed;\n");
        if (used[i])
            str_addf(out, "    \"state: %s\" [label=\"%s\", style=filled, fillcolor=\"%s\"];\n",
                     colours[i].state, colours[i].state, colours[i].fill);
        any |= used[i];
    }
    str_addz(out, any ? "  }\n}\n" : "}\n");
}

/* Mermaid knows HTML's entities, with '#' in place of '&'. */
static void add_mermaid(const char *text, struct str *out)
{
    str_addc(out, '"');
    for (; *text; text++)
        if (strchr("\"#;<>&|", *text))
            str_addf(out, "#%d;", *text);
        else
            str_addc(out, *text);
    str_addc(out, '"');
}

void graph_mermaid(const struct graph *g, const struct drawing_style *style, struct str *out)
{
    const struct manifest *m = g->m;
    bool used[N_COLOUR] = { false }, any = false;
    str_addz(out, "flowchart LR\n");
    for (size_t i = 0; i < m->n_stage; i++) {
        size_t colour = colour_at(g, style, i, used);
        str_addf(out, "  s%zu[", i);
        add_mermaid(m->stage[i].name, out);
        str_addc(out, ']');
        if (colour < N_COLOUR)
            str_addf(out, ":::%s", colours[colour].state);
        str_addz(out, m->stage[i].enabled ? "\n" : ":::off\n");
    }
    for (size_t i = 0; i < g->n_edge; i++) {
        const struct edge *edge = &g->edge[i];
        str_addf(out, "  s%zu %s", edge->from, edge->dep ? "-->|" : "-.->");
        if (edge->dep) {
            add_mermaid(edge->dep, out);
            str_addc(out, '|');
        }
        str_addf(out, " s%zu\n", edge->to);
    }
    for (size_t i = 0; i < N_COLOUR; i++) {
        if (used[i] && !any)
            str_addz(out, "  subgraph legend\n");
        if (used[i])
            str_addf(out, "    legend_%s[\"%s\"]:::%s\n", colours[i].state, colours[i].state,
                     colours[i].state);
        any |= used[i];
    }
    str_addz(out, any ? "  end\n" : "");
    for (size_t i = 0; i < N_COLOUR; i++)
        if (used[i])
            str_addf(out, "  classDef %s fill:%s,color:#000000\n", colours[i].state,
                     colours[i].fill);
    str_addz(out, "  classDef off stroke-dasharray:4\n");
}
