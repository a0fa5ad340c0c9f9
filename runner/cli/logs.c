/* logs: what a stage wrote, in one attempt or while it goes on. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/cli/watch.h"
#include "runner/memory/recall.h"

enum { CHUNK = 65536 };

/* The stage in its run. All zeros is none. */
struct subject {
    struct run_row run;
    struct stage_row *list;
    size_t n;
    const struct stage_row *stage; /* in list; NULL: the run has no such stage */
};

static void subject_release(struct subject *s)
{
    stage_rows_free(s->list, s->n);
    run_row_release(&s->run);
    *s = (struct subject){ 0 };
}

static int subject_take(struct subject *out, struct state *s, const char *run, const char *stage,
                        struct err *e)
{
    *out = (struct subject){ 0 };
    int rc = ledger_run(s, run, &out->run, e);
    if (rc == 0)
        rc = recall_stages(s, out->run.id, stage, &out->list, &out->n, e);
    out->stage = out->n ? out->list : NULL;
    if (rc)
        subject_release(out);
    return rc;
}

/* It runs, or will. */
static bool is_open(const struct subject *s)
{
    return s->stage && s->run.state && strcmp(s->run.state, "running") == 0 &&
           (strcmp(s->stage->state, "running") == 0 || strcmp(s->stage->state, "pending") == 0);
}

/* ---- printing ---- */

static int copy_on(int fd, const char *path, struct err *e)
{
    char chunk[CHUNK];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        if (fwrite(chunk, 1, (size_t)n, stdout) != (size_t)n)
            return err_stdout(e);
    return n < 0 ? err_sys(e, "cannot read '%s'", path) : err_stdout(e);
}

/* Go to where the last `lines` lines begin. */
static int seek_tail(int fd, const char *path, int64_t lines, struct err *e)
{
    char chunk[CHUNK];
    off_t at = lseek(fd, 0, SEEK_END);
    bool last = true; /* a newline at the very end ends the last line */
    while (at > 0 && lines >= 0) {
        off_t from = at > CHUNK ? at - CHUNK : 0;
        ssize_t n = pread(fd, chunk, (size_t)(at - from), from);
        if (n <= 0)
            return err_sys(e, "cannot read '%s'", path);
        for (; n > 0; n--, last = false)
            if (chunk[n - 1] == '\n' && !last && --lines <= 0)
                break;
        at = from + n;
        if (n > 0)
            break;
    }
    return lseek(fd, at, SEEK_SET) < 0 ? err_sys(e, "cannot read '%s'", path) : 0;
}

static int print_log(const char *log, int64_t tail, struct err *e)
{
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "cannot open the log '%s'", log);
    int rc = tail == 0 ? 0 : tail > 0 ? seek_tail(fd, log, tail, e) : 0;
    if (rc == 0 && tail != 0)
        rc = copy_on(fd, log, e);
    close(fd);
    return rc;
}

/* ---- following ---- */

/* The log that is being shown. */
struct following {
    int64_t attempt; /* 0: none yet */
    bool all;        /* from the first attempt on: there was none when it began */
    int64_t tail;    /* of the first one; -1: all of it */
    int fd;          /* -1: not there yet */
    char last[64];   /* (n_last) the bytes of it that were shown last */
    size_t n_last;
};

/* Where the text stands in the file for the last time; -1 if it does not. */
static off_t find_in(int fd, const char *text, size_t n_text)
{
    char chunk[CHUNK];
    off_t found = -1, at = 0;
    ssize_t n;
    while ((n = pread(fd, chunk, sizeof chunk, at)) >= (ssize_t)n_text) {
        for (const char *p = chunk; (p = memmem(p, (size_t)(chunk + n - p), text, n_text)); p++)
            found = at + (p - chunk);
        at += n - (off_t)n_text + 1;
    }
    return found;
}

/* A log that reaches log.max_size loses its middle (execute/joblog.h): what was shown last is
 * nearer to the front now, or gone; then the line that tells of the gap comes next. */
static void pass_cut(struct following *f)
{
    static const char gap[] = "[refit: ";
    char now[sizeof f->last];
    off_t at = lseek(f->fd, 0, SEEK_CUR);
    ssize_t n = f->n_last ? pread(f->fd, now, f->n_last, at - (off_t)f->n_last) : 0;
    if (n == (ssize_t)f->n_last && memcmp(now, f->last, f->n_last) == 0)
        return;
    if ((at = find_in(f->fd, f->last, f->n_last)) >= 0) {
        printf("[refit: the log was cut here]\n");
        lseek(f->fd, at + (off_t)f->n_last, SEEK_SET);
    } else {
        at = find_in(f->fd, gap, sizeof gap - 1);
        lseek(f->fd, at > 0 ? at : 0, SEEK_SET);
    }
}

static void note_last(struct following *f)
{
    off_t at = lseek(f->fd, 0, SEEK_CUR);
    f->n_last = at < (off_t)sizeof f->last ? (size_t)(at > 0 ? at : 0) : sizeof f->last;
    if (pread(f->fd, f->last, f->n_last, at - (off_t)f->n_last) != (ssize_t)f->n_last)
        f->n_last = 0;
}

/* What has been added to the logs of the attempts since the last time; `only`: of this one (0: all
 * from the one that is shown first). */
static int show_new(struct following *f, const struct stage_row *stage, int64_t only,
                    struct watch *w, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < stage->n_attempt && rc == 0; i++) {
        const struct attempt_row *a = &stage->attempt[i];
        bool first = f->attempt == 0, last = i + 1 == stage->n_attempt;
        if (only ? a->number != only : first ? !last && !f->all : a->number < f->attempt)
            continue;
        if (a->number != f->attempt) {
            if (!first)
                printf("==> attempt %lld <==\n", (long long)a->number);
            if (f->fd >= 0)
                close(f->fd);
            f->attempt = a->number;
            f->n_last = 0;
            f->fd = -1;
        }
        if (f->fd < 0 && (f->fd = open(a->log, O_RDONLY | O_CLOEXEC)) >= 0) {
            rc = watch_file(w, a->log, e);
            if (rc == 0 && f->tail >= 0)
                rc = seek_tail(f->fd, a->log, f->tail, e);
            f->tail = -1;
        }
        if (rc == 0 && f->fd >= 0) {
            pass_cut(f);
            rc = copy_on(f->fd, a->log, e);
            note_last(f);
        }
    }
    return rc;
}

static bool has_ended(const struct subject *s, int64_t attempt)
{
    if (!is_open(s))
        return true;
    for (size_t i = 0; attempt > 0 && i < s->stage->n_attempt; i++)
        if (s->stage->attempt[i].number == attempt && s->stage->attempt[i].ended)
            return true;
    return false;
}

static int follow(const struct cli *c, struct state *s, struct subject *now, struct err *e)
{
    struct following f = { .tail = c->tail,
                           .fd = -1,
                           .all = !now->stage || now->stage->n_attempt == 0 };
    struct watch w = { 0 };
    char *run = mem_strdup(now->run.id);
    int rc = watch_open(&w, &now->run, e);

    while (rc == 0) {
        bool last = has_ended(now, c->attempt); /* what it wrote before that is all there is */
        if (!now->stage || (rc = show_new(&f, now->stage, c->attempt, &w, e)) || last)
            break;
        if ((rc = watch_wait(&w, -1, e)))
            break;
        subject_release(now);
        rc = subject_take(now, s, run, c->name[0], e);
    }
    if (f.fd >= 0)
        close(f.fd);
    watch_close(&w);
    free(run);
    return rc;
}

/* ---- which ---- */

static int never_ran(struct state *s, const char *stage, struct err *e)
{
    char **known = NULL;
    size_t n = 0;
    int rc = past_names(s, PAST_STAGES, &known, &n, e);
    bool found = false;
    for (size_t i = 0; i < n; i++)
        found = found || strcmp(known[i], stage) == 0;
    const char *near = found ? NULL : str_nearest(stage, (const char *const *)known, n);
    if (rc == 0 && near)
        rc = err_set(e, ERR_USAGE, "stage '%s' has never run here; did you mean '%s'?", stage,
                     near);
    else if (rc == 0)
        rc = err_set(e, ERR_USAGE, "stage '%s' has never run here", stage);
    mem_free_texts(known, n);
    return rc;
}

/* The run that is named; else to follow, the newest if the stage runs or will run in it; else the
 * last one in which the stage was started. */
static int choose(const struct cli *c, struct state *s, struct subject *out, struct err *e)
{
    const char *stage = c->name[0];
    struct err none = { 0 };
    char *run = NULL;
    int rc;
    if (c->run)
        return subject_take(out, s, c->run, stage, e);
    if (c->follow && subject_take(out, s, NULL, stage, &none) == 0) {
        if (is_open(out))
            return 0;
        subject_release(out);
    }
    if ((rc = ledger_last_attempted(s, stage, &run, e)))
        return rc;
    rc = run ? subject_take(out, s, run, stage, e) : never_ran(s, stage, e);
    free(run);
    return rc;
}

/* -a N, else the last attempt; NULL with an error if it is not there. */
static const struct attempt_row *pick(const struct cli *c, const struct subject *s, struct err *e)
{
    const struct stage_row *stage = s->stage;
    size_t n = stage ? stage->n_attempt : 0;
    for (size_t i = n; i > 0; i--)
        if (c->attempt == 0 || stage->attempt[i - 1].number == c->attempt)
            return &stage->attempt[i - 1];
    if (!stage)
        err_set(e, ERR_USAGE, "run %s has no stage '%s'; 'refit status %s' lists them", s->run.id,
                c->name[0], s->run.id);
    else if (n == 0)
        err_set(e, ERR_USAGE, "stage '%s' has no attempt in run %s: it is %s%s%s", c->name[0],
                s->run.id, stage->state, stage->reason && *stage->reason ? ", " : "",
                stage->reason ? stage->reason : "");
    else
        err_set(e, ERR_USAGE, "stage '%s' has no attempt %lld in run %s; it has %lld to %lld",
                c->name[0], (long long)c->attempt, s->run.id, (long long)stage->attempt[0].number,
                (long long)stage->attempt[n - 1].number);
    return NULL;
}

static int print_json(const struct subject *s, const struct attempt_row *a, struct err *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->stage->n_attempt; i++) {
        const struct attempt_row *one = &s->stage->attempt[i];
        json_array_append_new(list, json_pack("{s:I, s:s, s:s}", "attempt", (json_int_t)one->number,
                                              "state", report_seen(&s->run, one->state), "log",
                                              one->log));
    }
    return report_print(json_pack("{s:s, s:s, s:I, s:s, s:b, s:o}", "run", s->run.id, "stage",
                                  s->stage->stage, "attempt", (json_int_t)a->number, "log", a->log,
                                  "running", (int)(!a->ended && is_open(s)), "attempts", list),
                        e);
}

int command_logs(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct subject now = { 0 };
    const struct attempt_row *a = NULL;
    int rc = state_open(&s, false, e);

    if (rc || (rc = choose(c, s, &now, e)))
        goto out;
    bool waits = c->follow && !c->json && c->attempt == 0 && is_open(&now);
    if (!waits && !(a = pick(c, &now, e)))
        rc = e->code;
    else if (c->json)
        rc = print_json(&now, a, e);
    else if (c->follow)
        rc = follow(c, s, &now, e);
    else
        rc = print_log(a->log, c->tail, e);
out:
    subject_release(&now);
    state_close(s);
    return rc;
}
