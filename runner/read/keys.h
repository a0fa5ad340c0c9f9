#ifndef RUNNER_KEYS_H
#define RUNNER_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/yaml.h"

/* The keys of a pipeline file, each mapping as one table. The reader takes from here which keys
 * there are, their words and their bounds; `refit schema` prints the same tables for editors, so
 * that the two cannot disagree. A new key is a new row in keys.c and nothing else. */

/* Bounds that stand in a `shape` too: macros, so that they can be put into a text. */
#define KEYS_MAX_STAGES 20000
#define KEYS_MAX_SLOTS  1024

/** What a value is. */
enum key_kind {
    KEY_TEXT,     /* a scalar */
    KEY_NAME,     /* letters, digits, _ and -, at most 64 */
    KEY_INT,      /* min to max */
    KEY_REAL,     /* min to max */
    KEY_BOOL,     /* true, false */
    KEY_DURATION, /* 500ms, 30s, 15m, 2h, 3d */
    KEY_SIZE,     /* 50M, 4G */
    KEY_CHOICE,   /* one of `choice` */
    KEY_MAP,      /* a mapping with the keys of `keys` */
    KEY_NAMED,    /* name: a mapping with the keys of `keys` */
    KEY_SHAPE,    /* what `shape` says */
};

/** Where a key may stand besides its own mapping. */
enum key_where {
    KEY_ANYWHERE = 0,
    KEY_DEFAULTS = 1, /* of a stage: under `defaults` too */
    KEY_PROFILE = 2,  /* of the pipeline: in a profile too */
};

struct key {
    const char *name;
    enum key_kind kind;
    const char *help; /* one line */
    double min, max;  /* KEY_INT, KEY_REAL; of a list that is not KEY_SHAPE: its entries */
    bool required;
    bool list;                 /* a list of that kind */
    const char *word;          /* a word that may stand for the value: "none" */
    int where;                 /* enum key_where, or-ed */
    const char *const *choice; /* NULL-terminated */
    const struct key *keys;
    const char *shape; /* JSON Schema; of KEY_MAP, KEY_NAMED and lists it must fit too, of other
                          kinds it is another value that is good */
};

/* The mappings, each ended by a row without a name. */
extern const struct key pipeline_keys[], stage_keys[], dep_keys[], out_keys[];

/** The row of a key that the table has. */
const struct key *key_of(const struct key *table, const char *name);

/** The table of the mapping below a key: keys_below(stage_keys, "retry"). */
const struct key *keys_below(const struct key *table, const char *name);

/** The node is a mapping with keys of the table alone (of those that may stand `where`): else an
 * error at the key, with a did-you-mean. */
int keys_only(const struct yaml *map, const char *what, const struct key *table,
              enum key_where where, struct err *e);

/* The value of a key within the bounds and words of its row. *out is left alone, and nothing is
 * wrong, where `node` is NULL. `what` names it in messages ("retry.max"). */
int key_int(const struct yaml *node, const char *what, const struct key *row, long long *out,
            struct err *e);
int key_real(const struct yaml *node, const char *what, const struct key *row, double *out,
             struct err *e);
int key_choice(const struct yaml *node, const char *what, const struct key *row, size_t *out,
               struct err *e);

#endif
