#ifndef RUNNER_FILES_H
#define RUNNER_FILES_H

#include <sys/stat.h>

#include "runner/plan/plan.h"
#include "runner/memory/state.h"

/* The real disk behind struct file_view: hashes cached by stamp in the runner's memory. A stamp so
 * fresh that a later write could leave it unchanged is not cached (git's racy-timestamp guard). A
 * directory is hashed as a tree: SHA-256 over the sorted relative names and content hashes of its
 * files, symbolic links followed. */

enum { FILES_RECENT = 4 };

struct files {
    struct state *s; /* may be NULL: no cache */
    bool one_look;   /* while a plan is made: what was just looked at is not looked at again */
    struct {
        char *path; /* owned */
        char hex[HASH_HEX];
        bool exists;
    } recent[FILES_RECENT];
    size_t n_look;
};

/** Begin (true) or end one_look. */
void files_one_look(struct files *f, bool on);

/** `f` must outlive the view. */
struct file_view files_view(struct files *f);

/** Is it there, and a file or a directory? ERR_USAGE if it is something else or a link that leads
 * nowhere but to itself, ERR_IO. */
int files_look(const char *path, struct stat *out, bool *out_exists, struct err *e);

/** The content of one file or directory; *out_exists false if there is none. ERR_IO. */
int files_hash(struct state *s, const char *path, bool *out_exists, char out_hex[HASH_HEX],
               struct err *e);

#endif
