#ifndef IO_RULES_H
#define IO_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The rules of gate: "NAME OP EXPR", for example "accuracy >= 0.80" or "accuracy >=
 * current.accuracy - 0.005".
 *
 *   rule   = name op term [("+" | "-") number]
 *   op     = ">=" | ">" | "<=" | "<" | "=="
 *   term   = number | name | "current." name
 *   name   = part { "." part }        a path into the metrics: keys of objects, indices of arrays
 *   part   = letters, digits and "_", or anything in double quotes
 *
 * Blanks may stand between all of them. `current.` reads the metrics of the model that is published
 * now. A figure of `champion` while that is null in the metrics makes its rule hold: there is
 * none yet. Numbers that differ by less than 1e-12 of the larger one are equal, so that 0.1 + 0.2
 * == 0.3. */

enum { RULE_MAX_PART = 16 };

/** A path into a JSON document. All owned. */
struct rule_name {
    bool current; /* of the published model, not of the new one */
    size_t n;     /* 0: no name */
    char *part[RULE_MAX_PART];
};

struct rule {
    char *text; /* owned: as written */
    struct rule_name left;
    char op[3];
    struct rule_name right; /* n is 0: `number` stands there */
    double number;          /* the right side, or what is added to it */
};

/** ERR_USAGE with the place in the rule, the found and the wanted. *r is empty on error. */
int rule_parse(struct rule *r, const char *text, struct err *e);
void rule_release(struct rule *r);

/** Does it look at the published model? */
bool rule_needs_current(const struct rule *r);

/**
 * Evaluate.
 *
 *   metrics  of the new model
 *   current  of the published one; NULL: there is none, and a rule that looks at it passes
 *   why      one short text about the values: "0.71, want >= 0.8", "metrics.json has no
 * 'accuracy'"...
 */
bool rule_holds(const struct rule *r, const json_t *metrics, const json_t *current, char *why,
                size_t why_size);

#endif
