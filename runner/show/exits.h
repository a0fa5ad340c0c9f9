#ifndef RUNNER_EXITS_H
#define RUNNER_EXITS_H

/** Exit statuses of refit beside enum err_code: see docs/operations.md. */
enum {
    EXIT_FAILED = 1,
    EXIT_BLOCKED = 3,
    EXIT_WORK = 4,
    EXIT_PARTLY = 5,
    EXIT_LOCKED = 75,
    EXIT_TIMEOUT = 124
};

#endif
