/* The graph for a terminal: one stage a line in the order in which they run, one lane for each
 * stage that others wait for, from its line down to the last of them. Edges that follow from others
 * are left out. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/plan/graph_text.h"

/* What stands in one place of a line. */
enum mark_kind {
    EMPTY,
    LANE,   /* a lane passes */
    ACROSS, /* a line to the node passes */
    UNDER,  /* a line to the node passes below a lane */
    NODE,
    NODE_OFF,  /* a disabled stage */
    GOES_ON,   /* the lane feeds the node, which lies to one side, and goes on */
    ENDS,      /* the lane feeds the node and ends */
    GOES_BOTH, /* as above, and the line to the node passes */
    ENDS_BOTH,
};

enum { MAX_NAMED = 4 }; /* stages after "needs" in a list */

struct drawing {
    const struct graph *g;
    bool *drawn;  /* (n_edge) */
    size_t *last; /* (n) line of the last stage that needs it; its own if there is none */
    size_t *fed;  /* (n) 1 + the line whose stage it feeds, while that is drawn */
    size_t user[DRAWING_LANES + 1]; /* 1 + the stage that has the lane; 0: free */
    bool before[DRAWING_LANES + 1]; /* the line above has something of a lane there */
    size_t n_lane;
};

/* Stages met on the way up from one stage. */
struct climb {
    size_t *seen; /* (n) 1 + the stage from which it was met last */
    size_t
        *named; /* (n) 1 + the stage that has it as a parent, as far as its edges were looked at */
    size_t *stack; /* (n) those whose parents are yet to be looked at */
    size_t depth;
};

static void climb_from(struct climb *c, const struct graph *g, size_t at, size_t to, size_t highest)
{
    for (size_t k = g->up[at]; k < g->up[at + 1]; k++) {
        size_t from = g->edge[k].from;
        if (g->line[from] < highest || c->seen[from] == to + 1)
            continue;
        c->seen[from] = to + 1;
        c->stack[c->depth++] = from;
    }
}

/* Transitive reduction: draw an edge only if no other way leads from the one to the other. From
 * every parent of a stage go up, no further than to its highest parent: a parent that is met so is
 * above another one. */
static void reduce(struct drawing *d)
{
    const struct graph *g = d->g;
    size_t n = g->m->n_stage;
    struct climb c = { .seen = mem_calloc(n, sizeof *c.seen),
                       .named = mem_calloc(n, sizeof *c.named),
                       .stack = mem_calloc(n, sizeof *c.stack) };
    for (size_t to = 0; to < n; to++) {
        size_t highest = n;
        for (size_t k = g->up[to]; k < g->up[to + 1]; k++)
            if (g->line[g->edge[k].from] < highest)
                highest = g->line[g->edge[k].from];
        for (size_t k = g->up[to]; k < g->up[to + 1]; k++)
            climb_from(&c, g, g->edge[k].from, to, highest);
        while (c.depth > 0)
            climb_from(&c, g, c.stack[--c.depth], to, highest);
        for (size_t k = g->up[to]; k < g->up[to + 1]; k++) {
            size_t from = g->edge[k].from; /* two stages may share several files */
            d->drawn[k] = c.seen[from] != to + 1 && c.named[from] != to + 1;
            c.named[from] = to + 1;
        }
    }
    free(c.stack);
    free(c.named);
    free(c.seen);
}

static void find_last(struct drawing *d)
{
    const struct graph *g = d->g;
    for (size_t line = 0; line < g->m->n_stage; line++) {
        size_t at = g->order[line];
        d->last[at] = line;
        for (size_t k = g->up[at]; k < g->up[at + 1]; k++)
            if (d->drawn[k])
                d->last[g->edge[k].from] = line;
    }
}

/* Does the stage that has the lane feed the one on this line? */
static bool feeds(const struct drawing *d, size_t lane, size_t line)
{
    return d->user[lane] && d->fed[d->user[lane] - 1] == line + 1;
}

/* The leftmost lane of a parent that ends on this line, else the first free one right of the
 * parents. A stage without parents must not seem to come from the line above. */
static size_t choose_lane(const struct drawing *d, size_t line)
{
    size_t right = 0;
    bool root = true;
    for (size_t lane = 0; lane < d->n_lane; lane++) {
        if (!feeds(d, lane, line))
            continue;
        root = false;
        if (d->last[d->user[lane] - 1] == line)
            return lane;
        right = lane + 1;
    }
    while (right < d->n_lane && (d->user[right] || (root && d->before[right])))
        right++;
    return right;
}

/* The lanes before this line's stage has taken its own: what feeds it, what passes. */
static void mark_line(const struct drawing *d, size_t at, size_t line, size_t node,
                      enum mark_kind *mark, bool *across)
{
    size_t left = node, right = node;
    for (size_t lane = 0; lane < d->n_lane; lane++) {
        mark[lane] = d->user[lane] ? LANE : EMPTY;
        if (!feeds(d, lane, line))
            continue;
        mark[lane] = d->last[d->user[lane] - 1] == line ? ENDS : GOES_ON;
        left = lane < left ? lane : left;
        right = lane > right ? lane : right;
    }
    for (size_t lane = left; lane <= right; lane++) {
        bool inner = lane > left && lane < right;
        if (mark[lane] == EMPTY)
            mark[lane] = ACROSS;
        else if (mark[lane] == LANE)
            mark[lane] = UNDER;
        else if (inner)
            mark[lane] = mark[lane] == ENDS ? ENDS_BOTH : GOES_BOTH;
        across[lane] = lane < right; /* the gap right of it */
    }
    mark[node] = d->g->m->stage[at].enabled ? NODE : NODE_OFF;
}

static void draw_line(const struct drawing *d, const enum mark_kind *mark, const bool *across,
                      size_t node, bool utf8, struct str *out)
{
    static const char *const plain[] = { " ", "|", "-", "|", "*", "o", "+", "+", "+", "+" };
    static const char *const box[] = { " ", "│", "─", "│", "●", "○", NULL, NULL, "┼", "┴" };
    for (size_t lane = 0; lane < d->n_lane; lane++) {
        const char *text = utf8 ? box[mark[lane]] : plain[mark[lane]];
        bool from_left = lane < node; /* the line leaves the lane to the right */
        if (!text)
            text = mark[lane] == GOES_ON ? (from_left ? "├" : "┤") : (from_left ? "╰" : "╯");
        str_addz(out, text);
        str_addz(out, across[lane] ? (utf8 ? "─" : "-") : " ");
    }
}

/* "train (python3)  failed" */
static void add_stage(const struct graph *g, size_t at, const struct drawing_style *style,
                      struct str *out)
{
    const struct stage_spec *s = &g->m->stage[at];
    const char *state = style->state ? style->state[at] : NULL;
    bool colour = style->colour && state;
    str_addf(out, "%s%s%s", colour ? drawing_terminal_colour(state) : "", s->name,
             colour ? "\033[0m" : "");
    if (s->run && strcmp(s->run, s->name) != 0)
        str_addf(out, " (%s)", s->run);
    else if (!s->run)
        str_addf(out, " (%s)", s->shell ? "sh" : s->cmd[0]);
    str_addz(out, s->enabled ? "" : ", disabled");
    if (state && s->enabled)
        str_addf(out, "  %s%s%s", colour ? drawing_terminal_colour(state) : "", state,
                 colour ? "\033[0m" : "");
}

/* False where there are too many lanes; `out` NULL: only see how many there are. */
static bool draw_stages(struct drawing *d, size_t width, const struct drawing_style *style,
                        struct str *out)
{
    const struct graph *g = d->g;
    enum mark_kind mark[DRAWING_LANES + 1];
    bool across[DRAWING_LANES + 1];

    for (size_t line = 0; line < g->m->n_stage; line++) {
        size_t at = g->order[line];
        for (size_t k = g->up[at]; k < g->up[at + 1]; k++)
            if (d->drawn[k])
                d->fed[g->edge[k].from] = line + 1;
        size_t node = choose_lane(d, line);
        if (node == d->n_lane && ++d->n_lane > DRAWING_LANES)
            return false;
        memset(across, 0, sizeof across);
        mark_line(d, at, line, node, mark, across);
        if (out) {
            draw_line(d, mark, across, node, style->utf8, out);
            for (size_t i = d->n_lane; i < width; i++)
                str_addz(out, "  ");
            str_addc(out, ' ');
            add_stage(g, at, style, out);
            str_addc(out, '\n');
        }
        for (size_t lane = 0; lane < d->n_lane; lane++) {
            d->before[lane] = mark[lane] != EMPTY && mark[lane] != ACROSS;
            if (d->user[lane] && d->last[d->user[lane] - 1] == line)
                d->user[lane] = 0;
        }
        d->user[node] = d->last[at] > line ? at + 1 : 0;
    }
    return true;
}

/* Where lanes would fill the screen: every stage with what it needs. */
static void list_stages(const struct drawing *d, const struct drawing_style *style, struct str *out)
{
    const struct graph *g = d->g;
    for (size_t line = 0; line < g->m->n_stage; line++) {
        size_t at = g->order[line], n = 0;
        add_stage(g, at, style, out);
        for (size_t k = g->up[at]; k < g->up[at + 1]; k++)
            if (d->drawn[k] && n++ < MAX_NAMED)
                str_addf(out, "%s%s", n == 1 ? "  <- " : ", ", g->m->stage[g->edge[k].from].name);
        if (n > MAX_NAMED)
            str_addf(out, " and %zu more", n - MAX_NAMED);
        str_addc(out, '\n');
    }
}

void graph_draw(const struct graph *g, const struct drawing_style *style, struct str *out)
{
    size_t n = g->m->n_stage;
    struct drawing d = { .g = g };

    d.drawn = mem_calloc(g->n_edge, sizeof *d.drawn);
    d.last = mem_calloc(n, sizeof *d.last);
    d.fed = mem_calloc(n, sizeof *d.fed);
    reduce(&d);
    find_last(&d);
    if (draw_stages(&d, 0, style, NULL)) { /* once to see how many lanes there are */
        size_t width = d.n_lane;
        d.n_lane = 0;
        memset(d.before, 0, sizeof d.before);
        memset(d.user, 0, sizeof d.user);
        memset(d.fed, 0, n * sizeof *d.fed);
        draw_stages(&d, width, style, out);
    } else {
        list_stages(&d, style, out);
    }
    free(d.fed);
    free(d.last);
    free(d.drawn);
}
