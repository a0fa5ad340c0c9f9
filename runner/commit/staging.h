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

/* Empty staging directories of stages that are done, for the next ones beside them: a rename in
 * place of a directory removed and one made. ext4 gives no inode of the last minute out again and
 * looks at each of them before it finds another, so that a thousand short stages would spend half
 * of their time there. */

enum { STAGING_SPARES = 16 };

struct staging_spare {
    char *dir[STAGING_SPARES]; /* (n) owned, the oldest first */
    size_t n;
};

/** Make the directories, empty, of spare ones where there are some; an out with `persist` starts as
 * a copy of what is in place. ERR_IO. */
int staging_make(const struct staging *s, const struct stage_spec *stage,
                 struct staging_spare *spare, struct err *e);

/** Remove the directories and all in them. */
int staging_remove(const struct staging *s, struct err *e);

/** Remove all in them, and keep them for other stages. */
int staging_put_aside(const struct staging *s, struct staging_spare *spare, struct err *e);

/** Remove those that are kept. */
int staging_spare_remove(struct staging_spare *spare, struct err *e);

/** The directories as a JSON array, for the memory; owned by the caller. */
char *staging_text(const struct staging *s);

/** Remove what an attempt of a dead run left, by its staging_text. */
int staging_sweep(const char *text, struct err *e);

#endif
