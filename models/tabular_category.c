/* Levels of category columns: which there are, and where gaps and rare ones go. See
 * models/tabular.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/tabular_inner.h"

struct level {
    const char *text; /* borrowed */
    size_t n;
};

static int compare_level(const void *a, const void *b)
{
    return strcmp(((const struct level *)a)->text, ((const struct level *)b)->text);
}

/* Sort and add up equal texts; levels of no row go. Returns how many are left. */
static size_t merge_levels(struct level *level, size_t n)
{
    size_t kept = 0;
    qsort(level, n, sizeof *level, compare_level);
    for (size_t i = 0; i < n; i++) {
        if (level[i].n == 0)
            continue;
        if (kept && strcmp(level[kept - 1].text, level[i].text) == 0)
            level[kept - 1].n += level[i].n;
        else
            level[kept++] = level[i];
    }
    return kept;
}

int64_t tabular_find_level(char *const *level, size_t n, const char *text)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(level[mid], text);
        if (order == 0)
            return (int64_t)mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

/* Gaps join a level (the most frequent of them: the first of equals in byte order) or their own.
 * Returns its text, NULL for all zeros. */
static const char *place_gaps(struct level *level, size_t *n, size_t n_gap,
                              const struct tabular_options *o)
{
    if (o->category_missing == TABULAR_ZERO)
        return NULL;
    if (o->category_missing == TABULAR_LABEL) {
        level[(*n)++] = (struct level){ o->missing_label, n_gap };
        *n = merge_levels(level, *n);
        return o->missing_label;
    }
    size_t best = 0;
    for (size_t i = 1; i < *n; i++)
        if (level[i].n > level[best].n)
            best = i;
    if (*n == 0)
        return NULL;
    level[best].n += n_gap;
    return level[best].text;
}

/* Levels below the share become one; true if there is that one then. */
static bool merge_rare(struct level *level, size_t *n, size_t n_row,
                       const struct tabular_options *o)
{
    bool any = false;
    if (o->rare_below <= 0)
        return false;
    for (size_t i = 0; i < *n; i++) {
        if ((double)level[i].n < o->rare_below * (double)n_row) {
            level[i].text = o->rare_label;
            any = true;
        }
    }
    *n = merge_levels(level, *n);
    return any;
}

void tabular_fit_category(struct tabular_column *out, const struct column *c, const size_t *row,
                          size_t n_row, const struct tabular_options *o)
{
    struct level *level = mem_calloc(c->n_level + 1, sizeof *level);
    size_t n, n_gap = 0;
    for (size_t i = 0; i < c->n_level; i++)
        level[i].text = c->level[i];
    for (size_t i = 0; i < n_row; i++) {
        if (column_valid(c, row[i]))
            level[c->code[row[i]]].n++;
        else
            n_gap++;
    }
    n = merge_levels(level, c->n_level);
    const char *gap = place_gaps(level, &n, n_gap, o);
    bool rare = merge_rare(level, &n, n_row, o);

    *out = (struct tabular_column){ .category = true, .n_level = n, .missing = -1, .other = -1 };
    out->level = mem_calloc(n, sizeof *out->level);
    for (size_t i = 0; i < n; i++)
        out->level[i] = mem_strdup(level[i].text);
    out->n_out = n ? n - (o->drop_last && o->encode == TABULAR_ONE_HOT ? 1 : 0) : 0;
    if (rare)
        out->other = tabular_find_level(out->level, n, o->rare_label);
    if (gap) {
        out->missing = tabular_find_level(out->level, n, gap);
        if (out->missing < 0) /* the level of the gaps was itself rare, or no gap was seen */
            out->missing = out->other;
    }
    free(level);
}
