#include "runner/plan/condition.h"

/* By the worst of what is above; all of it is settled. */
static const enum condition_answer table[][UPSTREAM_OPEN] = {
    [RUN_IF_ALL_SUCCESS] = {
        [UPSTREAM_DONE] = CONDITION_RUN,
        [UPSTREAM_SKIPPED] = CONDITION_SKIPPED,
        [UPSTREAM_BLOCKED] = CONDITION_BLOCKED,
        [UPSTREAM_NOT_STARTED] = CONDITION_NOT_STARTED,
        [UPSTREAM_FAILED] = CONDITION_FAILED,
    },
    [RUN_IF_NONE_FAILED] = {
        [UPSTREAM_DONE] = CONDITION_RUN,
        [UPSTREAM_SKIPPED] = CONDITION_RUN,
        [UPSTREAM_BLOCKED] = CONDITION_BLOCKED,
        [UPSTREAM_NOT_STARTED] = CONDITION_NOT_STARTED,
        [UPSTREAM_FAILED] = CONDITION_FAILED,
    },
    [RUN_IF_ALWAYS] = {
        [UPSTREAM_DONE] = CONDITION_RUN,
        [UPSTREAM_SKIPPED] = CONDITION_RUN,
        [UPSTREAM_BLOCKED] = CONDITION_RUN,
        [UPSTREAM_NOT_STARTED] = CONDITION_RUN,
        [UPSTREAM_FAILED] = CONDITION_RUN,
    },
};

enum condition_answer condition_answer(enum run_if rule, const struct condition *above,
                                       enum upstream *out_because)
{
    enum upstream worst = UPSTREAM_FAILED;
    while (worst > UPSTREAM_DONE && above->n[worst] == 0)
        worst--;
    if (out_because)
        *out_because = worst;
    if (above->n[UPSTREAM_OPEN] > 0 && table[rule][worst] != CONDITION_FAILED)
        return CONDITION_WAIT;
    return table[rule][worst];
}

const char *run_if_name(enum run_if rule)
{
    static const char *const name[] = {
        [RUN_IF_ALL_SUCCESS] = "all_success",
        [RUN_IF_NONE_FAILED] = "none_failed",
        [RUN_IF_ALWAYS] = "always",
    };
    return name[rule];
}

const char *upstream_verb(enum upstream kind)
{
    static const char *const verb[] = {
        [UPSTREAM_DONE] = "is done",           [UPSTREAM_SKIPPED] = "was skipped",
        [UPSTREAM_BLOCKED] = "is blocked",     [UPSTREAM_NOT_STARTED] = "was not started",
        [UPSTREAM_FAILED] = "did not succeed", [UPSTREAM_OPEN] = "is not settled",
    };
    return verb[kind];
}
