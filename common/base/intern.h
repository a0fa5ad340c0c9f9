#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/** Where a text is found by its hash. */
struct intern_slot {
    uint32_t hash;
    int32_t number; /* index + 1, 0: free */
};

/** A set of distinct texts, numbered 0, 1, ... in order of first appearance. All zeros is the empty
 * set. */
struct intern {
    size_t n;
    struct str bytes; /* NUL-terminated texts one behind the other */
    size_t *at;       /* (n) start of each in bytes; owned */
    uint32_t *hash;   /* (n) owned */
    size_t room;
    struct intern_slot *slot; /* (n_slot) owned; open addressing */
    size_t n_slot;            /* a power of two, at least 2 n */
};

/** The number of a text (n bytes without NUL), which is added if it is new. At most 2^31 - 2 texts
 * (asserted). */
int32_t intern_add(struct intern *in, const char *bytes, size_t n);

/** As intern_add of text i of another set, whose hash is not computed again. */
int32_t intern_join(struct intern *in, const struct intern *from, size_t i);

/** The number of a text, or -1 if it is not in the set. */
int32_t intern_find(const struct intern *in, const char *bytes, size_t n);

/** Text by number; valid until the next intern_add. */
const char *intern_get(const struct intern *in, size_t i);

void intern_release(struct intern *in);

#endif
