/* How an attempt failed, in words, and what follows from it. */
#include "runner/execute/failure.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/retry.h"

static char *failure_text(const struct work *w, const struct exec_end *end)
{
    struct str text = { 0 };
    if (end->timed_out) {
        str_addz(&text, "timed out after ");
        show_add_time(&text, w->spec->timeout_ms);
    } else if (end->n_oom > 0) {
        str_addz(&text, "killed: out of memory (limit ");
        show_add_memory(&text, w->spec->memory >> 10);
        if (end->memory_peak >= 0) {
            str_addz(&text, ", peak ");
            show_add_memory(&text, end->memory_peak >> 10);
        }
        str_addc(&text, ')');
    } else if (end->signal) {
        str_addf(&text, "killed by signal %d (%s)%s", end->signal, strsignal(end->signal),
                 end->signal == SIGKILL ? "; was there memory left?" : "");
    } else {
        str_addf(&text, "exit %d", end->exit_code);
        if (end->exit_code == ERR_MEMORY && w->spec->memory > 0) {
            str_addz(&text, " (out of memory: its limit is ");
            show_add_memory(&text, w->spec->memory >> 10);
            str_addc(&text, ')');
        }
    }
    return str_take(&text);
}

/* Another attempt, if the stage's `retry` has one for this end. */
static bool is_tried_again(struct run *r, struct work *w, const struct exec_end *end)
{
    struct retry_case c = { .exit_code = end->exit_code,
                            .timed_out = end->timed_out,
                            .attempt = w->number,
                            .seed = retry_seed(r->id, w->spec->name, w->number) };
    int64_t delay_ms;
    if (!run_may_start(r, w) || !retry_again(&w->spec->retry, &c, &delay_ms))
        return false;
    w->due_ms = r->x.now_ms(r->x.self) + delay_ms;
    return true;
}

int failure_or_retry(struct run *r, struct work *w, const struct exec_end *end, struct err *e)
{
    struct str text = { 0 };
    char *reason = failure_text(w, end);
    bool again = is_tried_again(r, w, end);

    str_addz(&text, reason);
    if (again) {
        str_addz(&text, ", again in ");
        show_add_time(&text, w->due_ms - r->x.now_ms(r->x.self));
        str_addf(&text, " (attempt %lld of %lld)", (long long)w->number + 1,
                 (long long)w->spec->retry.max + 1);
        show_line(&r->show, SHOW_YELLOW, false, "retry", w->spec->name, str_text(&text));
    } else if (w->number > 1) {
        str_addf(&text, ", attempt %lld of %lld", (long long)w->number,
                 (long long)w->spec->retry.max + 1);
    }
    w->machine = !end->timed_out && end->exit_code == ERR_IO;
    enum work_state last = end->timed_out ? WORK_TIMED_OUT : WORK_FAILED;
    int rc = end_without_commit(r, w, again ? WORK_DELAYED : last, again ? reason : str_text(&text),
                                e);
    str_release(&text);
    free(reason);
    return rc;
}

int failure_of_survivors(struct run *r, struct work *w, const struct exec_end *end, struct err *e)
{
    struct str text = { 0 };
    str_addf(&text, "%zu of its processes cannot be killed:", end->n_left);
    for (size_t i = 0; i < end->n_left && i < EXEC_LEFT; i++)
        str_addf(&text, " %d", (int)end->left[i]);
    int rc = end_without_commit(r, w, WORK_FAILED, str_text(&text), e);
    str_release(&text);
    return rc;
}

static void warn_of_strays(struct run *r, struct work *w, const struct exec_end *end)
{
    struct str text = { 0 };
    if (end->n_stray == 0 || end->n_left > 0)
        return;
    str_addf(&text, "it left %zu process%s running, which %s killed", end->n_stray,
             end->n_stray == 1 ? "" : "es", end->n_stray == 1 ? "was" : "were");
    attempt_warn(r, w, str_take(&text));
}

void failure_warn(struct run *r, struct work *w, const struct exec_end *end)
{
    warn_of_strays(r, w, end);
    if (end->n_log_lost > 0)
        attempt_warn(r, w,
                     str_format("its log lacks %lld bytes: cannot write '%s': %s",
                                (long long)end->n_log_lost, w->log, strerror(end->log_errno)));
}
