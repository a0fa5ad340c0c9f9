#ifndef RUNNER_PROJECT_H
#define RUNNER_PROJECT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "runner/cli/cli.h"
#include "runner/plan/files.h"
#include "runner/plan/graph.h"
#include "runner/plan/plan.h"
#include "runner/memory/state.h"

/* What the commands that only look (plan, explain, validate, graph) open. */

/** All zeros is a closed one. */
struct project {
    struct state *state;
    struct manifest manifest;
    struct graph graph;
    struct files files;
    struct file_view view;
    struct state_history past;
    struct history_view history;
};

/** Open the runner's memory (an empty one in memory if there is none), read the pipeline file of
 * the command line. */
int project_open(struct project *p, const struct cli *c, struct err *e);
void project_close(struct project *p);

/** The pipeline files of -f and of the words, pipeline.yaml without any; the list is owned. */
const char **project_files(const struct cli *c, size_t *out_n);

#endif
