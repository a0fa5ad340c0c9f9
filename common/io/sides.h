#ifndef IO_SIDES_H
#define IO_SIDES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

enum side { SIDE_TRAIN = 0, SIDE_VALIDATION = 1, SIDE_TEST = 2, SIDE_NONE = 255 };

/** refit.split: on which side every row is, and how that was drawn (JSON). All owned. */
struct sides {
    size_t n_row;
    uint8_t *side; /* (n_row) enum side; SIDE_NONE: unused, as a row without a label */
    uint8_t *fold; /* (n_row) 0 .. n_fold - 1, SIDE_NONE: in none; NULL without folds */
    int64_t n_fold;
    int64_t leaked_texts, leaked_pictures; /* validation and test rows whose text or picture is on
                                              an earlier side, too; -1: not looked at */
    char *recipe;                          /* JSON: method, shares, seed */
    char keys_sha256[HASH_HEX];
};

int sides_read(struct sides *s, const char *path, struct err *e);
int sides_write(const struct sides *s, const char *path, struct err *e);
void sides_release(struct sides *s);

/** "train", "validation", "test", "none" */
const char *side_name(enum side side);

#endif
