/* crashlab: what is left of a directory when a program is killed, or the power fails, at any
 * instant.
 *
 *   crashlab sweep STATES CHECK SCRATCH COMMAND...
 *       COMMAND, or a process of the same program that it has started, is killed before each system
 *       call by which it changes something, each time in a fresh copy of the current directory,
 *       SCRATCH.
 *   crashlab power STATES CHECK SCRATCH COMMAND...
 *       COMMAND runs here once. Then SCRATCH becomes, one after the other, what the disk can hold
 *       when the power fails after each of its changes: of those not synced by then none is there,
 *       or all but one, or one alone.
 *
 * Each time CHECK, a shell command, runs in SCRATCH and must end with 0. Of all different states
 * STATES are tried, evenly spread (0: all). The last line tells how many, and how many failed. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "num/hash.h"
#include "tests/tools/crashlab/recorder.h"
#include "tests/tools/crashlab/tracee.h"

struct lab {
    size_t n_wanted; /* 0: all */
    char *check, *scratch;
    char **argv;
    size_t n_state, n_failed;
};

/* ---- one state ---- */

static int shell(const char *directory, char *const *argv)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (directory && chdir(directory) < 0)
            _exit(126);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
    return status;
}

static int fill_scratch(const struct lab *lab, const struct disk *d, struct err *e)
{
    char *remove[] = { (char[]){ "rm" }, (char[]){ "-rf" }, lab->scratch, NULL };
    if (shell(NULL, remove) != 0 || mkdir(lab->scratch, 0777) < 0)
        return err_sys(e, "cannot make '%s' anew", lab->scratch);
    return disk_store(d, lab->scratch, e);
}

static void check(struct lab *lab, const char *what)
{
    char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, lab->check, NULL };
    fflush(stdout);
    int status = shell(lab->scratch, argv);
    lab->n_state++;
    if (status != 0) {
        lab->n_failed++;
        printf("FAILED %s\n", what);
    }
}

/* Is the i-th of n among the evenly spread ones? */
static bool chosen(const struct lab *lab, size_t i, size_t n)
{
    return lab->n_wanted == 0 || n <= lab->n_wanted ||
           i * lab->n_wanted / n != (i + 1) * lab->n_wanted / n;
}

/* ---- sweep ---- */

struct counter {
    size_t n, at; /* kill before the at-th; SIZE_MAX: never */
    const char *name, *program;
};

/* Is the process one of COMMAND's program, not a stage of it? */
static bool is_program(pid_t pid, const char *program)
{
    char path[64], target[4096];
    const char *base = strrchr(program, '/');
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    return strcmp(strrchr(target, '/') + 1, base ? base + 1 : program) == 0;
}

static bool count(void *self, struct tracee_call *c)
{
    struct counter *k = self;
    const char *name;
    if (!record_changes(c->nr, c->arg, &name) || !is_program(c->pid, k->program))
        return false;
    k->name = name;
    return k->n++ == k->at;
}

static int run_counted(const struct lab *lab, const struct disk *d, size_t at, struct counter *out,
                       struct err *e)
{
    struct tracee_watch w = { .self = out, .descendants = true, .begins = count };
    int status = 0, rc;
    char *here = getcwd(NULL, 0);
    *out = (struct counter){ .at = at, .program = lab->argv[0] };
    if ((rc = fill_scratch(lab, d, e)) == 0) {
        if (chdir(lab->scratch) < 0)
            rc = err_sys(e, "cannot go to '%s'", lab->scratch);
        else
            rc = tracee_run(lab->argv, &w, &status, e);
        if (chdir(here) < 0)
            rc = err_sys(e, "cannot go back");
    }
    if (rc == 0 && at == SIZE_MAX && status != 0)
        rc = err_set(e, ERR_DATA, "the command fails by itself (status %d)", status);
    free(here);
    return rc;
}

static void ignore(void *self, uint64_t inode, size_t node)
{
    (void)self;
    (void)inode;
    (void)node;
}

static int sweep(struct lab *lab, struct err *e)
{
    struct disk d = { 0 };
    struct counter k;
    int rc = disk_load(&d, ".", ignore, NULL, e);
    size_t n = 0;
    if (rc == 0 && (rc = run_counted(lab, &d, SIZE_MAX, &k, e)) == 0)
        n = k.n;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (!chosen(lab, i, n) || (rc = run_counted(lab, &d, i, &k, e)))
            continue;
        char *what = str_format("killed before change %zu of %zu, %s", i + 1, n, k.name);
        check(lab, what);
        free(what);
    }
    disk_release(&d);
    return rc;
}

/* ---- power ---- */

enum loss { LOSE_ALL, LOSE_ONE, KEEP_ONE };

/* One disk that the power can leave. */
struct state {
    size_t end; /* changes that were made */
    enum loss loss;
    size_t one;
    char hash[HASH_HEX];
};

static void build(const struct record *r, const struct state *s, const bool *unsynced,
                  struct disk *out)
{
    disk_copy(out, &r->before);
    for (size_t i = 0; i < s->end; i++) {
        bool lost = unsynced[i] && (s->loss == LOSE_ALL || (s->loss == LOSE_ONE && i == s->one) ||
                                    (s->loss == KEEP_ONE && i != s->one));
        if (!lost)
            disk_apply(out, &r->change[i]);
    }
}

struct states {
    struct state *list;
    size_t n;
};

static void add_state(const struct record *r, const bool *unsynced, struct state s,
                      struct states *all)
{
    struct disk d;
    build(r, &s, unsynced, &d);
    disk_hash(&d, s.hash);
    disk_release(&d);
    for (size_t i = all->n; i-- > 0;)
        if (strcmp(all->list[i].hash, s.hash) == 0)
            return;
    all->list = mem_grow(all->list, all->n, sizeof *all->list);
    all->list[all->n++] = s;
}

static void all_states(const struct record *r, struct states *all)
{
    bool *unsynced = mem_calloc(r->n_change + 1, sizeof *unsynced);
    for (size_t end = 0; end <= r->n_change; end++) {
        disk_unsynced(r->change, end, unsynced);
        add_state(r, unsynced, (struct state){ .end = end, .loss = LOSE_ALL }, all);
        for (size_t i = 0; i < end; i++) {
            if (!unsynced[i])
                continue;
            add_state(r, unsynced, (struct state){ .end = end, .loss = LOSE_ONE, .one = i }, all);
            add_state(r, unsynced, (struct state){ .end = end, .loss = KEEP_ONE, .one = i }, all);
        }
    }
    free(unsynced);
}

static char *state_text(const struct record *r, const struct state *s)
{
    static const char *const loss[] = { "nothing unsynced is there", "lost alone:", "kept alone:" };
    char *last = s->end ? record_text(&r->change[s->end - 1]) : mem_strdup("nothing");
    char *one = s->loss == LOSE_ALL ? mem_strdup("") : record_text(&r->change[s->one]);
    char *text = str_format("power fails after change %zu of %zu (%s); %s %s", s->end, r->n_change,
                            last, loss[s->loss], one);
    free(one);
    free(last);
    return text;
}

static int power(struct lab *lab, struct err *e)
{
    struct record r;
    struct states all = { 0 };
    int status = 0, rc = record_run(&r, lab->argv, &status, e);
    bool *unsynced = mem_calloc(r.n_change + 1, sizeof *unsynced);

    if (rc == 0 && status != 0)
        rc = err_set(e, ERR_DATA, "the command fails by itself (status %d)", status);
    if (rc == 0)
        all_states(&r, &all);
    for (size_t i = 0; i < all.n && rc == 0; i++) {
        struct disk d;
        if (!chosen(lab, i, all.n))
            continue;
        disk_unsynced(r.change, all.list[i].end, unsynced);
        build(&r, &all.list[i], unsynced, &d);
        if ((rc = fill_scratch(lab, &d, e)) == 0) {
            char *what = state_text(&r, &all.list[i]);
            check(lab, what);
            free(what);
        }
        disk_release(&d);
    }
    if (rc == 0)
        printf("%zu changes, %zu different states\n", r.n_change, all.n);
    free(unsynced);
    free(all.list);
    record_release(&r);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    long long n;
    bool is_sweep = argc > 5 && strcmp(argv[1], "sweep") == 0;
    if (argc < 6 || (!is_sweep && strcmp(argv[1], "power") != 0) || !str_to_int(argv[2], &n) ||
        n < 0) {
        fprintf(stderr, "usage: crashlab sweep|power STATES CHECK SCRATCH COMMAND...\n");
        return ERR_USAGE;
    }
    struct lab lab = {
        .n_wanted = (size_t)n, .check = argv[3], .scratch = argv[4], .argv = argv + 5
    };
    int rc = is_sweep ? sweep(&lab, &e) : power(&lab, &e);
    if (rc)
        return err_report(&e, "crashlab");
    printf("%zu states, %zu failed\n", lab.n_state, lab.n_failed);
    return lab.n_failed > 0;
}
