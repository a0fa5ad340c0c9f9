#ifndef IMPORT_RESUME_H
#define IMPORT_RESUME_H

#include "base/opt.h"
#include "intake.h"
#include "io/marks.h"
#include "source_list.h"

/* Incremental import: what the last import wrote, and going on from there. The result is what
 * reading everything would give, byte for byte; where that is not certain, everything is read. */
struct resume {
    struct tables last; /* what was committed; empty: nothing, or nothing that can be used */
    struct marks marks; /* of it */
    struct marks now;   /* of what is being read */
};

/** Look at the table that lies where the output goes; `settings` is the hash of all that decides
 * what is read from the same bytes. One that is not there, is no table or has other settings is
 * left alone. */
void resume_open(struct resume *r, const char *table, const struct schema *s, const char *settings);

/** Read the files of table `t` that are new, or all. `files` (n): those that are its, in order. */
int resume_files(struct resume *r, size_t t, struct intake *in, const char *const *file, size_t n,
                 const struct limits *l, struct err *e);

/** Read the rows of its query that are new, or all. */
int resume_query(struct resume *r, size_t t, struct intake *in, const struct limits *l,
                 struct err *e);

/** Everything is read and joined: take down what the next import has to know. */
void resume_note(struct resume *r, size_t t, const struct intake *in);
void resume_release(struct resume *r);

#endif
