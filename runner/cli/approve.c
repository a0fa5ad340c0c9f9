/* approve: the outputs of a stage that ended with 98 count, because a person says so. */
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/commit/commit.h"
#include "runner/execute/lock.h"
#include "runner/memory/approvals.h"
#include "runner/plan/files.h"

static bool is_blocked(const struct stage_row *s)
{
    return strcmp(s->state, "blocked") == 0 && s->n_attempt > 0;
}

/* Blocked, but only because something above is. */
static const char *above_of(const struct stage_row *s)
{
    return strcmp(s->state, "blocked") == 0 && s->n_attempt == 0 ? s->reason : NULL;
}

static int no_such_stage(const struct run_row *run, const struct stage_row *stage, size_t n,
                         const char *name, struct err *e)
{
    const char **names = mem_calloc(n, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = stage[i].stage;
    char *hint = str_format("'refit status -v %s' lists them", run->id);
    int rc = report_unknown("stage", name, names, n, hint, e);
    free(hint);
    free(names);
    return rc;
}

/* The blocked stage that is meant; *out is borrowed. */
static int choose(const struct run_row *run, const struct stage_row *stage, size_t n,
                  const char *name, const char **out, struct err *e)
{
    const struct stage_row *found = NULL;
    struct str all = { 0 };
    size_t n_blocked = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        if (name ? strcmp(stage[i].stage, name) == 0 : is_blocked(&stage[i]))
            found = &stage[i];
        if (is_blocked(&stage[i]))
            str_addf(&all, "%s%s", n_blocked++ ? ", " : "", stage[i].stage);
    }
    if (name && !found)
        rc = no_such_stage(run, stage, n, name, e);
    else if (name && above_of(found))
        rc = err_set(e, ERR_USAGE, "stage '%s' of run %s has not run, because %s: approve that",
                     name, run->id, above_of(found));
    else if (name && !is_blocked(found))
        rc = err_set(e, ERR_USAGE, "stage '%s' of run %s is not blocked: it is %s", name, run->id,
                     found->state);
    else if (n_blocked == 0)
        rc = err_set(e, ERR_USAGE, "run %s is not blocked: it is %s", run->id, run->state);
    else if (!name && n_blocked > 1)
        rc = err_set(e, ERR_USAGE, "run %s has %zu blocked stages: name one of %s", run->id,
                     n_blocked, str_text(&all));
    else
        *out = found->stage;
    str_release(&all);
    return rc;
}

/* Every output must be what the stage left: in place, or (a persistent one) staged. */
static int check_outs(struct state *s, const struct intent *i, struct err *e)
{
    for (size_t k = 0; k < i->n_out; k++) {
        const char *const at[2] = { i->out[k].path, i->out[k].staged };
        bool exists = false, same = false;
        for (size_t p = 0; p < 2 && !same; p++) {
            char hex[HASH_HEX];
            bool here;
            int rc = files_hash(s, at[p], &here, hex, e);
            if (rc)
                return rc;
            exists = exists || (p == 0 && here);
            same = here && strcmp(hex, i->out[k].sha256) == 0;
        }
        if (!same)
            return err_set(e, ERR_USAGE,
                           "'%s' %s since stage '%s' made it: not approved; run it again",
                           i->out[k].path, exists ? "was changed" : "is gone", i->stage);
    }
    return 0;
}

static char *who_am_i(void)
{
    const struct passwd *p = getpwuid(getuid());
    return p ? mem_strdup(p->pw_name) : str_format("uid %ld", (long)getuid());
}

static int tell(const struct cli *c, const struct run_row *run, const struct intent *i,
                struct err *e)
{
    if (c->json)
        return report_print(json_pack("{s:s, s:s, s:s, s:s, s:s}", "run", run->id, "pipeline",
                                      run->pipeline, "stage", i->stage, "approved_by",
                                      i->approved_by, "reason", i->approval),
                            e);
    if (!c->quiet)
        printf("approved: the outputs of stage '%s' count from now on\n"
               "go on below it:  refit retry %s\n",
               i->stage, run->id);
    return 0;
}

/* The lock is held. */
static int approve(const struct cli *c, struct state *s, const struct run_row *run,
                   const char *stage, struct err *e)
{
    struct approval *given = NULL;
    struct recovery *done = NULL;
    struct intent i = { 0 };
    size_t n = 0, n_done = 0;
    int rc = commit_recover(s, run->pipeline, &done, &n_done, e);

    recovery_free(done, n_done);
    if (rc || (rc = approvals_of(s, run->id, &given, &n, e)))
        return rc;
    const struct approval *before = approval_of(given, n, stage);
    if (before)
        rc = err_set(e, ERR_USAGE, "stage '%s' of run %s was approved already, by %s: %s", stage,
                     run->id, before->who, before->reason);
    if (rc == 0)
        rc = approval_intent(s, run->pipeline, run->id, stage, &i, e);
    for (size_t k = 0; k < i.n_out; k++)
        i.out[k].staged = staging_path(run->pipeline, stage, i.out[k].path);
    if (rc == 0)
        rc = check_outs(s, &i, e);
    if (rc)
        goto out;
    i.approved_by = who_am_i();
    i.approval = mem_strdup(c->reason);
    if ((rc = state_intents_put(s, &(struct intent *const){ &i }, 1, e)))
        goto out;
    if ((rc = commit_recover(s, run->pipeline, &done, &n_done, e)) == 0) {
        bool forward = n_done == 1 && done[0].forward;
        recovery_free(done, n_done);
        rc = forward ? tell(c, run, &i, e)
                     : err_set(e, ERR_IO, "an output of stage '%s' vanished meanwhile", stage);
    }
out:
    intent_release(&i);
    approvals_free(given, n);
    return rc;
}

int command_approve(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct run_row run = { 0 };
    struct stage_row *stage = NULL;
    struct lock lock = { .fd = -1 };
    const char *name = NULL;
    size_t n = 0;
    int rc;

    if (!c->reason || c->reason[strspn(c->reason, " \t\n")] == '\0')
        return err_set(e, ERR_USAGE, "--reason TEXT is missing: why may it count?");
    json_t *text = json_string(c->reason);
    if (!text)
        return err_set(e, ERR_USAGE, "--reason is not UTF-8");
    json_decref(text);
    if ((rc = state_open(&s, true, e)) == 0 && (rc = ledger_run(s, c->name[0], &run, e)) == 0 &&
        (rc = lock_take(&lock, run.pipeline, "refit approve", LOCK_AT_ONCE, e)) == 0 &&
        (rc = ledger_stages(s, run.id, &stage, &n, e)) == 0 &&
        (rc = choose(&run, stage, n, c->n_name > 1 ? c->name[1] : NULL, &name, e)) == 0)
        rc = approve(c, s, &run, name, e);
    stage_rows_free(stage, n);
    run_row_release(&run);
    lock_release(&lock);
    state_close(s);
    return rc;
}
