#ifndef MODELS_TABULAR_H
#define MODELS_TABULAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/table.h"

/* From the feature columns of a table to a matrix of finite numbers: gaps are filled (or stay NaN,
 * for trees), levels become 0/1 columns, columns are scaled. What that needs is learnt from the
 * training rows alone, kept as JSON in the feature file and in the model, and repeated from there
 * bit for bit. Below, d is the number of columns of the matrix.
 *
 * A number column (float, int, bool as 0/1, date as its number of days or us) gives one column of
 * its name, and, where it has gaps, "<name> missing" (0/1). A category column gives one 0/1 column
 * "<name>=<level>" for each level, in the byte order of the levels, so that neither the order nor
 * the content of other rows matters. A column in which the training rows leave nothing to learn
 * from (no value at all, or only one level of which one_hot drops the last) gives no column. */

enum tabular_number {
    TABULAR_MEDIAN,
    TABULAR_MEAN,
    TABULAR_CONSTANT,
    TABULAR_MODE,
    TABULAR_KEEP /* NaN, for families that take it as a branch */
};
enum tabular_category { TABULAR_MOST_FREQUENT, TABULAR_ZERO, TABULAR_LABEL };
enum tabular_scale { TABULAR_UNSCALED, TABULAR_STANDARD, TABULAR_MIN_MAX, TABULAR_ROBUST };
#define TABULAR_SCALES "none|standard|min_max|robust"
enum tabular_transform {
    TABULAR_PLAIN,
    TABULAR_LOG,
    TABULAR_LOG1P,
    TABULAR_BOX_COX,
    TABULAR_QUANTILE
};
#define TABULAR_TRANSFORMS "none|log|log1p|box_cox|quantile"
enum tabular_encode { TABULAR_ONE_HOT, TABULAR_ORDINAL, TABULAR_COUNT, TABULAR_TARGET };
#define TABULAR_ENCODES "one_hot|ordinal|count|target"
/** What of a date is a column: it as a whole, or parts of it, one column each. */
enum tabular_part {
    TABULAR_WHOLE,
    TABULAR_YEAR,
    TABULAR_MONTH,
    TABULAR_DAY,
    TABULAR_WEEKDAY,
    TABULAR_HOUR,
    N_TABULAR_PART
};

/** What a column is that a later table does not have. */
enum tabular_absent { TABULAR_GAP, TABULAR_ZEROS, TABULAR_REFUSE };
#define TABULAR_ABSENTS "gap|zero|refuse"

struct tabular_choice;

/** How to fit. All zeros: median, most frequent level, no indicators, every level, no scaling.
 * Texts borrowed. */
struct tabular_options {
    bool drop;         /* the column gives nothing */
    const char *group; /* number: a gap is the median of the rows with the same level of this
                          category; of a level without values the fill of all. NULL: none */
    enum tabular_transform transform; /* number: after filling, before scaling */
    enum tabular_encode encode;       /* category */
    unsigned parts;                   /* date: 1 << enum tabular_part, or'ed; 0: the whole */
    const struct tabular_choice
        *choice; /* (n_choice) columns with options of their own; borrowed */
    size_t n_choice;
    enum tabular_absent absent;
    enum tabular_number number_missing;
    double constant; /* of TABULAR_CONSTANT */
    enum tabular_category category_missing;
    const char *missing_label; /* of TABULAR_LABEL: a gap is this level */
    bool indicators;           /* a column for gaps, where the training rows have some */
    double
        rare_below; /* a level with a smaller share of the training rows is rare_label; 0: none */
    const char *rare_label;
    bool drop_last;           /* k - 1 columns for k levels */
    enum tabular_scale scale; /* of number columns */
    bool scale_indicators;    /* and the 0/1 columns too */
};

/** A column with options of its own. */
struct tabular_choice {
    const char *column;
    struct tabular_options options;
};

/** What was learnt about one feature column. All owned. */
struct tabular_column {
    char *name;
    bool category;
    enum tabular_absent absent;
    bool keep;              /* number: a gap stays one, NaN */
    double fill;            /* number: else what a gap becomes */
    bool indicator;         /* number: has the column "<name> missing" */
    enum tabular_part part; /* number: of a date */
    enum tabular_transform transform;
    double lambda;    /* of TABULAR_BOX_COX */
    double *quantile; /* of TABULAR_QUANTILE: (n_quantile) of the training rows, rising */
    size_t n_quantile;
    char *group;        /* number: the category whose levels have fills of their own; NULL: none */
    char **group_level; /* (n_group) sorted by bytes */
    double *group_fill; /* (n_group) */
    size_t n_group;
    enum tabular_encode encode; /* category */
    double *value; /* category, not one-hot: (n_level, n_out) what each level becomes */
    double
        *unknown; /* category, not one-hot: (n_out) of a level not seen, and of a gap without one */
    char **suffix; /* category, target of three or more classes: (n_out) names of the classes */
    char **level;  /* category (n_level), sorted by bytes, distinct */
    size_t n_level;
    int64_t missing; /* category: level of a gap; -1: all zeros */
    int64_t other;   /* category: level of one that is not listed; -1: all zeros */
    size_t n_out;    /* columns of the matrix that it gives */
};

/** The fitted state. All zeros is empty; all owned. */
struct tabular {
    struct tabular_column *col; /* (n_col) those that give at least one column of the matrix */
    size_t n_col;               /* the parts of a date are one each */
    size_t n_out;               /* d */
    char **name;                /* (d) */
    double *mean;               /* (d) subtracted first; 0 where a column is not scaled */
    double *sd; /* (d) then divided by; > 0, 1 where a column is not scaled or constant */
};

/**
 * Learn from some rows of a table; its feature roles say which columns. The standard deviation has
 * divisor n, as scikit-learn's StandardScaler has; one that is nothing but rounding counts as
 * constant.
 *
 * The transforms: log x, log (1 + x), Box & Cox, J. R. Statist. Soc. B 26 (1964) 211-252, lambda
 * by maximum likelihood, and the share of the training rows below (scikit-learn's
 * QuantileTransformer to [0, 1] with 1,000 quantiles at most). The encodings: number of the level
 * (0 ..; -1: unknown), share of the training rows (0), mean of the target over them, drawn to the
 * mean of all as if by ten rows more (Micci-Barreca, SIGKDD Explorations 3:1 (2001) 27-32): the
 * label as 0/1 of the second of two classes, of each of more, or as number. Scales: mean and
 * standard deviation, least and range, median and distance of the quartiles.
 *
 *   row     (n_row) the training rows
 *   errors  ERR_DATA (naming the column): n_row is 0, a feature is text, a value or a mean is not
 * finite warns   by log_warn about columns that give nothing
 *
 * The same bits for any number of threads.
 */
int tabular_fit(struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                const struct tabular_options *options, int threads, struct err *e);

/** The state as JSON, which tabular_parse turns into the same state bit for bit; owned by the
 * caller. */
char *tabular_text(const struct tabular *s);

/** ERR_DATA ("`name`: ...") if it is not such a JSON or contradicts itself; *s is then unchanged.
 */
int tabular_parse(struct tabular *s, const char *name, const char *json, struct err *e);

/**
 * The matrix of some rows; models/tabular_rows.h for some at a time.
 *
 *   row     (n_row) row numbers; NULL: rows 0 .. n_row - 1
 *   out     (n_row, d) row major; finite, also as float32, but for gaps that are kept
 *   errors  ERR_DATA, naming the column: it has another type than at fit, or is absent and must not
 * be; a value is not finite or becomes so
 *
 * A column that the table does not have is, as its `absent` says, a gap in every row, 0 in all its
 * columns of the matrix, or refused. A level that was not seen at fit is the rare level if there is
 * one, else 0 in every column of its own.
 */
int tabular_apply(const struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                  double *out, struct err *e);

/** How many columns of the table it reads, a date once for all its parts. */
size_t tabular_n_feature(const struct tabular *s);

/** Name of a column whose gaps a state keeps, owned by the caller; NULL: there is none. */
char *tabular_kept(const char *json);

/** What was learnt, for people: a paragraph a column; appended to *out. */
struct str;
void tabular_explain(const struct tabular *s, struct str *out);

void tabular_release(struct tabular *s);

#endif
