#ifndef IO_TOKENS_H
#define IO_TOKENS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/** refit.tokens: the words of every row, as indices into a dictionary of distinct words. One text
 * field per file for now (group `text`). What made it travels along so that serving repeats it:
 * `recipe`, the text options as JSON. All owned. */
struct tokens {
    size_t n_row, n_id, n_word;
    char **word;     /* (n_word) distinct, in order of first appearance */
    int32_t *id;     /* (n_id) into word */
    int64_t *offset; /* (n_row + 1) into id */
    char *recipe;    /* JSON of the text options, see io/text.h */
    char keys_sha256[HASH_HEX];
};

int tokens_read(struct tokens *t, const char *path, struct err *e);
int tokens_write(const struct tokens *t, const char *path, struct err *e);
void tokens_release(struct tokens *t);

#endif
