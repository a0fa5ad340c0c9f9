#ifndef RUNNER_DOCTOR_H
#define RUNNER_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "runner/cli/cli.h"
#include "runner/memory/state.h"
#include "runner/plan/graph.h"
#include "runner/read/manifest.h"
#include "runner/read/path.h"

/* doctor: what may be in a run's way, looked at before it is. Each check says what it found and,
 * where that is not well, what to do. */

enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_ERROR };

struct finding {
    enum health health;
    const char *check;   /* "disk", "clock"...; a literal */
    char *text, *advice; /* owned; advice NULL where nothing is to be done */
};

/** All zeros has found nothing. */
struct doctor {
    const struct cli *cli;
    struct finding *finding; /* (n) */
    size_t n;
    struct state *s; /* NULL: the memory cannot be opened */
    struct manifest m;
    bool has_manifest;          /* the pipeline file is good */
    struct path_list directory; /* those that are written to: .refit's and the outputs', as far as
                                   they are there */
};

/** Note a finding; the advice is copied, NULL if there is none. */
void doctor_find(struct doctor *d, enum health health, const char *check, const char *advice,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* What is looked at. Nothing here ends the examination: trouble is a finding. */

void doctor_machine(struct doctor *d);     /* clock, zones, limits, processors, kernel */
void doctor_directories(struct doctor *d); /* file systems, space, permissions, what works there */
void doctor_programs(struct doctor *d);    /* of the stages, of refit itself */
void doctor_memory(struct doctor *d);      /* database, locks, lost runs, schedules */
void doctor_secrets(struct doctor *d);     /* secrets, registries */
void doctor_messages(struct doctor *d);    /* notifications and their channels */

#endif
