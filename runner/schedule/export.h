#ifndef RUNNER_EXPORT_H
#define RUNNER_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "runner/read/manifest.h"

/* What other schedulers need to start refit: unit files, a crontab, a workflow. Pure: texts of a
 * manifest and a place. */

/** Where it will run. Borrowed. */
struct export_place {
    const char *refit;     /* absolute path of the program */
    const char *directory; /* absolute: the project */
    const char *user;      /* NULL: root */
    int64_t now_s;
};

/** A file that was made. All owned. */
struct export_text {
    char *name; /* "refit-toy.service" */
    char *text;
};

struct export_files {
    struct export_text *file; /* (n) */
    size_t n;
    char **note; /* (n_note) what the person has to do or know */
    size_t n_note;
};

/* Each adds its files. ERR_USAGE where the pipeline has no schedule, or has something that the
 * other side cannot hold (a line break in a path). */

/** NAME.service runs `refit daemon`; NAME-tick.service and .timer run `refit tick` instead. */
int export_systemd(const struct manifest *m, const struct export_place *p, struct export_files *out,
                   struct err *e);

/** A crontab that runs `refit tick` each minute. */
int export_cron(const struct manifest *m, const struct export_place *p, struct export_files *out,
                struct err *e);

/** A workflow: the profile `ci` (if there is one) on every push, the pipeline on tags v*, and on
 * its schedules. */
int export_github(const struct manifest *m, const struct export_place *p, struct export_files *out,
                  struct err *e);

void export_files_release(struct export_files *f);

/* For those that make files: what each asks of a pipeline; a file, a note (name, text are handed
 * over). */
int export_check(const struct manifest *m, const struct export_place *p, struct err *e);
void export_file(struct export_files *f, char *name, struct str *text);
void export_note(struct export_files *f, char *text);

#endif
