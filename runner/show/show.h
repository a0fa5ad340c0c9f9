#ifndef RUNNER_SHOW_H
#define RUNNER_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"

/* What a person sees of a run. Finished lines stay; on a terminal one line for each running stage
 * follows them and is drawn again in place. Colours there only. */

enum show_colour { SHOW_PLAIN, SHOW_GREEN, SHOW_RED, SHOW_YELLOW, SHOW_DIM };

/** One running stage. Borrowed. */
struct show_row {
    const char *stage, *note; /* note: "retry in 5 s", "checking", the last metric; "" */
    int64_t elapsed_ms;
    int64_t done, total; /* total 0: unknown */
    const char *unit;
};

struct show {
    FILE *to;           /* lines; NULL: say nothing */
    FILE *to_error;     /* lines about failures */
    const char *prefix; /* of each finished line; NULL: none; borrowed */
    bool live, colour, error_colour;
    int stage_width; /* columns of the longest stage name */
    int n_drawn;     /* rows of the live part on the screen */
    struct str text; /* scratch */
};

/** Live if `to` is a terminal. */
void show_init(struct show *s, FILE *to, bool colour, bool error_colour, int stage_width);
void show_release(struct show *s);

/** "WORD    STAGE    text"; the word in its colour. `error`: to the error stream. */
void show_line(struct show *s, enum show_colour colour, bool error, const char *word,
               const char *stage, const char *text);

/** A line of its own. */
void show_text(struct show *s, bool error, const char *text);

/** Draw the running stages; nothing unless live. */
void show_rows(struct show *s, const struct show_row *row, size_t n);

/** Wipe the live part. */
void show_wipe(struct show *s);

/** A text of a stage's making: control bytes, which could move the cursor or worse, are spaces. */
void show_add_clean(struct str *out, const char *text);

/** "0.8 s", "12.3 s", "1m 23s", "2h 05m" */
void show_add_time(struct str *out, int64_t ms);

/** "512 KB", "24 MB", "1.5 GB" */
void show_add_memory(struct str *out, int64_t kb);

/** The last `n` lines of a file, each after `indent`, bytes that a terminal could obey replaced by
 * '?'. */
void show_add_tail(struct str *out, const char *path, size_t n, const char *indent);

#endif
