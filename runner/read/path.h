#ifndef RUNNER_PATH_H
#define RUNNER_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Paths as text, as the pipeline file writes them: nothing here looks at the disk. */

/** "./a//b/../c" is "a/c"; "" is "."; a leading ".." stays; owned by the caller. */
char *path_normal(const char *path);

/** Has it one of * ? [ ? */
bool path_is_glob(const char *path);

/** Is a normalised path relative and free of "..", so that it stays in the current directory? */
bool path_inside(const char *path);

/**
 * Do two normalised paths, which may be globs, name the same file, or can one of them be a
 * directory that holds the other? Compared component by component, as glob(3) would match them.
 */
bool path_related(const char *a, const char *b);

/** A list of texts, owned. */
struct path_list {
    char **path; /* (n) owned */
    size_t n;
};

/** Append a copy. */
void path_list_add(struct path_list *l, const char *path);

/** As path_list_add, but `path` is handed over. */
void path_list_take(struct path_list *l, char *path);
void path_list_sort(struct path_list *l);
void path_list_release(struct path_list *l);

#endif
