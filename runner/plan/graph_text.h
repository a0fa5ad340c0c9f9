#ifndef RUNNER_GRAPH_TEXT_H
#define RUNNER_GRAPH_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "runner/plan/graph.h"

/* The graph as text: for a terminal (lanes.c), for Graphviz and Mermaid (paint.c). */

/** What a drawing shows beside the stages. All zeros is nothing. */
struct drawing_style {
    const char *const *state; /* (n_stage) of each stage in some run, NULL where it has none; NULL:
                                 no run */
    bool utf8, colour;        /* of graph_draw: box drawing characters, terminal colours */
};

/** More lanes than these are a list of what each stage needs. */
enum { DRAWING_LANES = 60 };

/** For a terminal: one stage a line, one lane for each that others wait for; edges that follow from
 * others are left out. Time and memory grow with stages and edges. */
void graph_draw(const struct graph *g, const struct drawing_style *style, struct str *out);

/** Graphviz, stages filled with the colour of their state, and a legend of those that occur. */
void graph_dot(const struct graph *g, const struct drawing_style *style, struct str *out);

/** The same for Mermaid, which GitHub and others draw in Markdown. */
void graph_mermaid(const struct graph *g, const struct drawing_style *style, struct str *out);

/** The escape sequence of a state's colour on a terminal. */
const char *drawing_terminal_colour(const char *state);

#endif
