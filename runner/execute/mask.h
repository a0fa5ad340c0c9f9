#ifndef RUNNER_MASK_H
#define RUNNER_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Values of secrets in what a stage writes are replaced by "[secret NAME]": as they are, in base64
 * (at every alignment, in both alphabets), URL-encoded, and as in a JSON text; of a value of many
 * lines each line too. All patterns are looked for at once (Aho & Corasick, Comm. ACM 18 (1975)
 * 333-340): the time is linear in the text, however many secrets there are. */

enum { MASK_MIN = 4, MASK_MIN_LINE = 8 }; /* bytes of a value (of a line of one) that is masked */

struct mask_node;

/** What is looked for. All zeros: nothing. */
struct mask {
    struct mask_node *node; /* (n_node) a trie; owned */
    size_t n_node;
    char **name; /* (n_name) of the secrets; owned */
    size_t n_name;
    int32_t first[256]; /* children of the root */
};

/** Look for this value too; false if it is shorter than MASK_MIN and cannot be masked sensibly. */
bool mask_add(struct mask *m, const char *name, const char *value);

/** After the last value, before the first text. */
void mask_prepare(struct mask *m);

/** Is there anything to look for? */
bool mask_any(const struct mask *m);

/** Wipe and free. */
void mask_release(struct mask *m);

/** A copy of the text, masked; owned by the caller. */
char *mask_text(const struct mask *m, const char *text);

/** A piece of the text that is replaced: places counted from the first byte that is held. */
struct mask_span {
    size_t from, to, longest;
    int32_t name;
};

/** A text that comes in pieces. What may be the beginning of a secret, or overlap the next one, is
 * held back: at most as much as the longest pattern. All zeros but `m` is a text that begins. */
struct mask_stream {
    const struct mask *m; /* borrowed */
    int32_t at;           /* node: the longest beginning of a pattern that the text ends with */
    struct str held;
    struct mask_span *span; /* (n_span) in held, in order; owned */
    size_t n_span;
};

/** Add to `out` what can be said of the text so far. */
void mask_feed(struct mask_stream *s, const char *bytes, size_t n, struct str *out);

/** The text has ended: the rest. */
void mask_end(struct mask_stream *s, struct str *out);

void mask_stream_release(struct mask_stream *s);

#endif
