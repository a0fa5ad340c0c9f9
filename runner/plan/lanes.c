/* The graph for a terminal: one stage a line in the order in which they run, one lane for each
 * stage that others wait for, from its line down to the last of them. Edges that follow from others
 * are left out. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/plan/graph.h"

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

struct drawing {
    const struct graph *g;
    bool *above;  /* (n, n) above[i * n + k]: i needs k, directly or not */
    bool *parent; /* (n, n) the edges that are drawn */
    size_t *last; /* (n) line of the last stage that needs it; its own if there is none */
    size_t *user; /* (n_lane) 1 + the stage that has the lane; 0: free */
    bool *before; /* (n_lane) the line above has something of a lane there */
    size_t n_lane;
};

static void find_above(struct drawing *d)
{
    size_t n = d->g->m->n_stage;
    for (size_t line = 0; line < n; line++) {
        size_t to = d->g->order[line];
        for (size_t k = 0; k < d->g->n_edge; k++) {
            size_t from = d->g->edge[k].from;
            if (d->g->edge[k].to != to)
                continue;
            d->above[to * n + from] = d->parent[to * n + from] = true;
            for (size_t i = 0; i < n; i++)
                d->above[to * n + i] = d->above[to * n + i] || d->above[from * n + i];
        }
    }
}

/* Transitive reduction: drop a parent that is above another parent. */
static void reduce(struct drawing *d)
{
    size_t n = d->g->m->n_stage;
    for (size_t to = 0; to < n; to++)
        for (size_t k = 0; k < n; k++)
            for (size_t other = 0; d->parent[to * n + k] && other < n; other++)
                if (d->parent[to * n + other] && d->above[other * n + k])
                    d->parent[to * n + k] = false;
}

static void find_last(struct drawing *d)
{
    size_t n = d->g->m->n_stage;
    for (size_t line = 0; line < n; line++) {
        size_t at = d->g->order[line];
        d->last[at] = line;
        for (size_t i = 0; i < n; i++)
            if (d->parent[at * n + i])
                d->last[i] = line;
    }
}

/* The leftmost lane of a parent that ends on this line, else the first free one right of the
 * parents. A stage without parents must not seem to come from the line above. */
static size_t choose_lane(const struct drawing *d, size_t at, size_t line)
{
    size_t n = d->g->m->n_stage, right = 0;
    bool root = true;
    for (size_t lane = 0; lane < d->n_lane; lane++) {
        size_t i = d->user[lane] - 1;
        if (!d->user[lane] || !d->parent[at * n + i])
            continue;
        root = false;
        if (d->last[i] == line)
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
    size_t n = d->g->m->n_stage, left = node, right = node;
    for (size_t lane = 0; lane < d->n_lane; lane++) {
        size_t i = d->user[lane] - 1;
        mark[lane] = d->user[lane] ? LANE : EMPTY;
        if (!d->user[lane] || !d->parent[at * n + i])
            continue;
        mark[lane] = d->last[i] == line ? ENDS : GOES_ON;
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

static void draw_stages(struct drawing *d, size_t width, bool utf8, struct str *out)
{
    size_t n = d->g->m->n_stage;
    enum mark_kind *mark = mem_calloc(n, sizeof *mark);
    bool *across = mem_calloc(n, sizeof *across);

    for (size_t line = 0; line < n; line++) {
        size_t at = d->g->order[line];
        const struct stage_spec *s = &d->g->m->stage[at];
        size_t node = choose_lane(d, at, line);
        if (node == d->n_lane)
            d->n_lane++;
        memset(across, 0, n * sizeof *across);
        mark_line(d, at, line, node, mark, across);
        if (out) {
            draw_line(d, mark, across, node, utf8, out);
            for (size_t i = d->n_lane; i < width; i++)
                str_addz(out, "  ");
            str_addf(out, " %s", s->name);
            if (s->run && strcmp(s->run, s->name) != 0)
                str_addf(out, " (%s)", s->run);
            else if (!s->run)
                str_addf(out, " (%s)", s->shell ? "sh" : s->cmd[0]);
            str_addf(out, "%s\n", s->enabled ? "" : ", disabled");
        }
        for (size_t lane = 0; lane < d->n_lane; lane++) {
            d->before[lane] = mark[lane] != EMPTY && mark[lane] != ACROSS;
            if (d->user[lane] && d->last[d->user[lane] - 1] == line)
                d->user[lane] = 0;
        }
        d->user[node] = d->last[at] > line ? at + 1 : 0;
    }
    free(across);
    free(mark);
}

void graph_draw(const struct graph *g, bool utf8, struct str *out)
{
    size_t n = g->m->n_stage;
    struct drawing d = { .g = g };

    d.above = mem_calloc(n * n, sizeof *d.above);
    d.parent = mem_calloc(n * n, sizeof *d.parent);
    d.last = mem_calloc(n, sizeof *d.last);
    d.user = mem_calloc(n, sizeof *d.user);
    d.before = mem_calloc(n, sizeof *d.before);
    find_above(&d);
    reduce(&d);
    find_last(&d);
    draw_stages(&d, 0, utf8, NULL); /* once to see how many lanes there are */
    size_t width = d.n_lane;
    d.n_lane = 0;
    memset(d.before, 0, n * sizeof *d.before);
    draw_stages(&d, width, utf8, out);
    free(d.before);
    free(d.user);
    free(d.last);
    free(d.parent);
    free(d.above);
}
