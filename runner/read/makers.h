#ifndef RUNNER_MAKERS_H
#define RUNNER_MAKERS_H

#include <stdbool.h>
#include <stddef.h>

/* Which stages make a path: all outs of a manifest, sorted so that what lies inside a directory
 * follows it. A look-up costs O(depth * log n + found), except for a pattern, which is held against
 * everything below the directory that it begins with. */

struct stage_spec;

struct maker {
    const char *path; /* borrowed from the manifest */
    size_t stage, out;
};

struct makers {
    struct maker *item; /* (n) by path, component by component; owned */
    size_t n;
    bool overlap; /* two of them are the same, or one lies in the other */
};

/** Outs of disabled stages are in it too. */
void makers_init(struct makers *x, const struct stage_spec *stage, size_t n_stage);

/** Of these, which are handed over. */
void makers_of(struct makers *x, struct maker *item, size_t n);
void makers_release(struct makers *x);

/** What was found; used again and again, released with makers_found_release. */
struct makers_found {
    struct maker *item; /* (n) by stage, then by out; owned */
    size_t n;
};

/** Every out that the path, which may be a glob, is, lies in or holds (path_related). Replaces what
 * `out` held. */
void makers_find(const struct makers *x, const char *path, struct makers_found *out);
void makers_found_release(struct makers_found *f);

#endif
