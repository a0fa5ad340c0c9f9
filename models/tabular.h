#ifndef MODELS_TABULAR_H
#define MODELS_TABULAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/table.h"

/* From the feature columns of a table to a matrix of finite numbers: gaps are filled, levels become
 * 0/1 columns, columns are scaled. What that needs is learnt from the training rows alone, kept as
 * JSON in the feature file and in the model, and repeated from there bit for bit. Below, d is the
 * number of columns of the matrix.
 *
 * A number column (float, int, bool as 0/1, date as its number of days or us) gives one column of
 * its name, and, where it has gaps, "<name> missing" (0/1). A category column gives one 0/1 column
 * "<name>=<level>" for each level, in the byte order of the levels, so that neither the order nor
 * the content of other rows matters. A column in which the training rows leave nothing to learn
 * from (no value at all, or only one level of which one_hot drops the last) gives no column. */

enum tabular_number { TABULAR_MEDIAN, TABULAR_MEAN, TABULAR_CONSTANT };
enum tabular_category { TABULAR_MOST_FREQUENT, TABULAR_ZERO, TABULAR_LABEL };

/** How to fit. All zeros: median, most frequent level, no indicators, every level, no scaling.
 * Texts borrowed. */
struct tabular_options {
    enum tabular_number number_missing;
    double constant; /* of TABULAR_CONSTANT */
    enum tabular_category category_missing;
    const char *missing_label; /* of TABULAR_LABEL: a gap is this level */
    bool indicators;           /* a column for gaps, where the training rows have some */
    double
        rare_below; /* a level with a smaller share of the training rows is rare_label; 0: none */
    const char *rare_label;
    bool drop_last;        /* k - 1 columns for k levels */
    bool scale;            /* number columns to mean 0 and standard deviation 1 */
    bool scale_indicators; /* and the 0/1 columns too */
};

/** What was learnt about one feature column. All owned. */
struct tabular_column {
    char *name;
    bool category;
    double fill;    /* number: what a gap becomes */
    bool indicator; /* number: has the column "<name> missing" */
    char **level;   /* category (n_level), sorted by bytes, distinct */
    size_t n_level;
    int64_t missing; /* category: level of a gap; -1: all zeros */
    int64_t other;   /* category: level of one that is not listed; -1: all zeros */
    size_t n_out;    /* columns of the matrix that it gives */
};

/** The fitted state. All zeros is empty; all owned. */
struct tabular {
    struct tabular_column *col; /* (n_col) those that give at least one column of the matrix */
    size_t n_col;
    size_t n_out; /* d */
    char **name;  /* (d) */
    double *mean; /* (d) subtracted first; 0 where a column is not scaled */
    double *sd;   /* (d) then divided by; > 0, 1 where a column is not scaled or constant */
};

/**
 * Learn from some rows of a table; its feature roles say which columns. The standard deviation has
 * divisor n, as scikit-learn's StandardScaler has; one that is nothing but rounding counts as
 * constant.
 *
 *   row     (n_row) the training rows
 *   errors  ERR_DATA (naming the column): n_row is 0, a feature is text, a value or a mean is not
 * finite warns   by log_warn about columns that give nothing
 */
int tabular_fit(struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                const struct tabular_options *options, struct err *e);

/** The state as JSON, which tabular_parse turns into the same state bit for bit; owned by the
 * caller. */
char *tabular_text(const struct tabular *s);

/** ERR_DATA ("`name`: ...") if it is not such a JSON or contradicts itself; *s is then unchanged.
 */
int tabular_parse(struct tabular *s, const char *name, const char *json, struct err *e);

/**
 * The matrix of some rows.
 *
 *   row     (n_row) row numbers; NULL: rows 0 .. n_row - 1
 *   out     (n_row, d) row major; finite, also as float32
 *   errors  ERR_DATA, naming the column: it has another type than at fit; a value is not finite or
 * becomes so
 *
 * A column that the table does not have is a gap in every row: an optional column may be absent
 * altogether. A level that was not seen at fit is the rare level if there is one, else 0 in every
 * column of its own.
 */
int tabular_apply(const struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                  double *out, struct err *e);

void tabular_release(struct tabular *s);

#endif
