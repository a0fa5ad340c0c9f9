#define _GNU_SOURCE
#include "runner/execute/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/outfile.h"
#include "runner/execute/vfork.h"

enum { EVENTS_FD = 3 };

/* The file descriptors of a start; -1 where there is none. */
struct ends {
    int null, log, events, group;
    bool born;     /* in its group already */
    int report[2]; /* errno of a failed exec; closed by a successful one */
};

void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int process_handle(pid_t pid, int *out_fd, struct err *e)
{
    *out_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (*out_fd >= 0 || errno == ENOSYS || errno == EPERM || errno == EACCES)
        return 0;
    return err_sys(e, "cannot watch process %d", (int)pid);
}

bool process_has_ended(pid_t child)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child;
}

/* Out of the way of 0 to 3, which dup2 is about to fill. */
static int lift(int fd)
{
    if (fd < 0 || fd > EVENTS_FD)
        return fd;
    int up = fcntl(fd, F_DUPFD_CLOEXEC, EVENTS_FD + 1);
    close(fd);
    return up;
}

static int open_log(const struct exec_job *job, int *out, struct err *e)
{
    int rc, flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    *out = lift(open(job->log, flags, 0666));
    if (*out < 0 && errno == ENOENT) {
        if ((rc = outfile_make_parent(job->log, e)))
            return rc;
        *out = lift(open(job->log, flags, 0666));
    }
    return *out < 0 ? err_sys(e, "cannot open the log '%s'", job->log) : 0;
}

static int open_ends(struct ends *x, const struct exec_job *job, struct err *e)
{
    int rc = 0;
    if (x->log >= 0 && (x->log = fcntl(x->log, F_DUPFD_CLOEXEC, EVENTS_FD + 1)) < 0)
        return err_sys(e, "cannot duplicate a descriptor");
    if (x->log < 0 && (rc = open_log(job, &x->log, e)))
        return rc;
    x->null = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (x->null < 0)
        return err_sys(e, "cannot open '/dev/null'");
    if (pipe2(x->report, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    x->report[1] = lift(x->report[1]);
    if (x->events >= 0 && (x->events = fcntl(x->events, F_DUPFD_CLOEXEC, EVENTS_FD + 1)) < 0)
        return err_sys(e, "cannot duplicate a descriptor");
    return 0;
}

/* Limits of the new process. A limit of the data segment counts what is allocated, not what is
 * mapped from files or merely reserved (RLIMIT_AS would); each process of the job has it for
 * itself. Never more than we have. */
static bool limit(const struct exec_job *job, bool group_memory)
{
    struct rlimit data;
    if (job->memory > 0 && !group_memory) {
        if (getrlimit(RLIMIT_DATA, &data) < 0)
            return false;
        if ((rlim_t)job->memory < data.rlim_max)
            data.rlim_max = (rlim_t)job->memory;
        data.rlim_cur = data.rlim_max;
        if (setrlimit(RLIMIT_DATA, &data) < 0)
            return false;
    }
    if (job->nice > 0) {
        int now = getpriority(PRIO_PROCESS, 0); /* 20 and more are taken for 19 */
        return setpriority(PRIO_PROCESS, 0, now + job->nice) == 0;
    }
    return true;
}

static bool join(const struct ends *x)
{
    if (x->group < 0 || x->born)
        return true;
    int fd = openat(x->group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "0", 1) == 1;
}

/* Exec resets handlers, but what is ignored stays ignored. By the system call, because the library
 * keeps two signals to itself, which we may have been started with as ignored. */
static void reset(int sig)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        uint64_t mask;
    } action = { .handler = SIG_DFL };
    syscall(SYS_rt_sigaction, sig, &action, NULL, sizeof action.mask);
}

/* In the child, which has the parent's memory until it executes: only system calls, nothing that
 * allocates. The parent may have died before the death signal was asked for. A session of its own
 * has no terminal, from which it could be stopped or asked. */
static _Noreturn void become(const struct exec_job *job, char *const *env, const struct ends *x,
                             bool group_memory, pid_t parent)
{
    sigset_t none;
    bool ok = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && setsid() >= 0;

    for (int sig = 1; sig <= SIGRTMAX; sig++)
        reset(sig);
    sigemptyset(&none);
    ok = ok && join(x) && limit(job, group_memory) && sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
         dup2(x->null, 0) >= 0 && dup2(x->log, 1) >= 0 && dup2(x->log, 2) >= 0 &&
         (x->events < 0 || dup2(x->events, EVENTS_FD) >= 0);
    if (ok)
        execvpe(job->argv[0], job->argv, env);
    int why = errno;
    if (write(x->report[1], &why, sizeof why) < 0)
        _exit(127);
    _exit(127);
}

/* What a new process needs to know. */
struct birth {
    const struct exec_job *job;
    char *const *env;
    const struct ends *ends;
    bool group_memory;
    pid_t parent;
};

static void be_born(void *arg)
{
    const struct birth *b = arg;
    become(b->job, b->env, b->ends, b->group_memory, b->parent);
}

/* A kernel, or a filter of system calls, may not let a process be born in a group; it can always go
 * there, which takes a grace period of the kernel. The page tables are not copied either way: of a
 * runner with a thousand stages that takes longer than all the rest. */
static pid_t start(struct birth *b, struct ends *x)
{
    pid_t pid = -1;
    b->ends = x;
    x->born = x->group >= 0;
    if (x->born)
        pid = vfork_into(x->group, be_born, b);
    if (pid < 0) {
        x->born = false;
        pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
        if (pid == 0)
            be_born(b); /* NOLINT(clang-analyzer-unix.Vfork): a system call for each call in it */
    }
    return pid;
}

static char **environment(const struct exec_job *job, bool events)
{
    static char channel[] = "REFIT_EVENTS=fd:3";
    size_t n = 0;
    while (job->env[n])
        n++;
    char **env = mem_calloc(n + 2, sizeof *env);
    for (size_t i = 0; i < n; i++)
        env[i] = job->env[i];
    if (events)
        env[n] = channel;
    return env;
}

int spawn_process(const struct exec_job *job, const struct spawn_ends *given, bool group_memory,
                  pid_t *out_pid, struct err *e)
{
    struct ends x = { .null = -1,
                      .log = given->log,
                      .events = given->events,
                      .group = given->group,
                      .report = { -1, -1 } };
    char **env = environment(job, given->events >= 0);
    pid_t pid;
    int why = 0, rc;

    if ((rc = open_ends(&x, job, e)))
        goto out;
    struct birth birth = {
        .job = job, .env = env, .group_memory = group_memory, .parent = getpid()
    };
    pid = start(&birth, &x);
    if (pid < 0) {
        rc = err_sys(e, "cannot start a process");
        goto out;
    }
    close_fd(&x.report[1]);
    ssize_t got;
    while ((got = read(x.report[0], &why, sizeof why)) < 0 && errno == EINTR)
        ;
    if (got > 0) {
        rc = err_set(e, ERR_USAGE, "cannot execute '%s': %s", job->argv[0], strerror(why));
        waitpid(pid, NULL, 0);
    }
    *out_pid = pid;
out:
    if (x.events != given->events)
        close_fd(&x.events);
    close_fd(&x.report[0]);
    close_fd(&x.report[1]);
    close_fd(&x.null);
    if (x.log != given->log)
        close_fd(&x.log);
    free(env);
    return rc;
}
