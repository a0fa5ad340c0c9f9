#ifndef STAGES_UPLOAD_RUN_LOG_H
#define STAGES_UPLOAD_RUN_LOG_H

#include "base/err.h"

/**
 * The logs of a run, STAGE.ATTEMPT.log in its directory, as they stand now, one after another in
 * one new file, each under a line "==> STAGE.ATTEMPT.log <==".
 *
 *   errors  ERR_IO: the directory or a log cannot be read, the file cannot be written
 */
int run_log_gather(const char *dir, const char *path, struct err *e);

#endif
