#ifndef RUNNER_STAGING_H
#define RUNNER_STAGING_H

#include <stddef.h>

#include "base/err.h"
#include "runner/read/manifest.h"

/* Where a stage writes before its outputs count: "work/table.h5" is staged as
 * "work/.refit-PIPELINE-STAGE/table.h5", beside the target and so on its file system, under the
 * same base name and under the same path in every run, so that a stage that writes its arguments
 * down writes the same ones each time. One run of a pipeline at a time holds its lock, so no other
 * attempt can be in there. */

struct staging {
    char **out; /* (n_out) staging path of each out of the stage */
    size_t n_out;
    char **dir; /* (n_dir) the directories that hold them, each once */
    size_t n_dir;
};

/** Where the out `path` is staged; owned by the caller. */
char *staging_path(const char *pipeline, const char *stage, const char *path);

/** The paths; nothing is touched. */
void staging_init(struct staging *s, const char *pipeline, const struct stage_spec *stage);
void staging_release(struct staging *s);

/** Make the directories, empty; an out with `persist` starts as a copy of what is in place. ERR_IO.
 */
int staging_make(const struct staging *s, const struct stage_spec *stage, struct err *e);

/** Remove the directories and all in them. */
int staging_remove(const struct staging *s, struct err *e);

/** The directories as a JSON array, for the memory; owned by the caller. */
char *staging_text(const struct staging *s);

/** Remove what an attempt of a dead run left, by its staging_text. */
int staging_sweep(const char *text, struct err *e);

#endif
