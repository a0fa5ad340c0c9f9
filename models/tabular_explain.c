/* The fitted state of models/tabular.h in words. */
#include <math.h>

#include "base/str.h"
#include "models/tabular_inner.h"

static void add_numbers(const struct tabular_column *c, struct str *out)
{
    static const char *const transform[] = { "", ", log x", ", log(1 + x)", ", Box-Cox",
                                             ", quantiles" };
    if (c->keep)
        str_addz(out, "gap kept");
    else
        str_addf(out, "gap %.10g", c->fill);
    if (c->group) {
        str_addf(out, ", by %s:", c->group);
        for (size_t k = 0; k < c->n_group; k++)
            str_addf(out, " %s %.10g", c->group_level[k], c->group_fill[k]);
    }
    str_addz(out, transform[c->transform]);
    if (c->transform == TABULAR_BOX_COX)
        str_addf(out, " with lambda %.10g", c->lambda);
    if (c->transform == TABULAR_QUANTILE && c->n_quantile)
        str_addf(out, ", %zu from %.10g to %.10g", c->n_quantile, c->quantile[0],
                 c->quantile[c->n_quantile - 1]);
}

static void add_category(const struct tabular_column *c, struct str *out)
{
    static const char *const encode[] = { "one-hot", "ordinal", "count", "target" };
    str_addf(out, "%s of %zu levels, gap %s, unknown %s", encode[c->encode], c->n_level,
             c->missing >= 0 ? c->level[c->missing] : "none",
             c->other >= 0 ? c->level[c->other] : "none");
    for (size_t l = 0; c->value && l < c->n_level; l++) {
        str_addf(out, "\n    %s:", c->level[l]);
        for (size_t k = 0; k < c->n_out; k++)
            str_addf(out, " %.10g", c->value[l * c->n_out + k]);
    }
}

void tabular_explain(const struct tabular *s, struct str *out)
{
    static const char *const absent[] = { "", ", zeros where absent", ", must not be absent" };
    size_t j = 0;
    str_addf(out, "%zu columns of %zu features\n", s->n_out, tabular_n_feature(s));
    for (size_t i = 0; i < s->n_col; i++) {
        const struct tabular_column *c = &s->col[i];
        str_addf(out, "%s%s%s: ", c->name, c->part ? "." : "",
                 c->part ? tabular_part_name(c->part) : "");
        if (c->category)
            add_category(c, out);
        else
            add_numbers(c, out);
        str_addf(out, "%s\n", absent[c->absent]);
        for (size_t k = 0; k < c->n_out; k++, j++)
            str_addf(out, "  %-36s (x - %.10g) / %.10g\n", s->name[j], s->mean[j], s->sd[j]);
    }
}
