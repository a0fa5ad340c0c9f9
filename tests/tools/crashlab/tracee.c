#define _GNU_SOURCE
#include "tests/tools/crashlab/tracee.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* A thread inside a system call. */
struct thread {
    pid_t pid; /* 0: free */
    bool inside;
    struct tracee_call call;
};

struct threads {
    struct thread *list;
    size_t n;
};

static struct thread *find(struct threads *t, pid_t pid)
{
    struct thread *unused = NULL;
    for (size_t i = 0; i < t->n; i++) {
        if (t->list[i].pid == pid)
            return &t->list[i];
        if (t->list[i].pid == 0)
            unused = &t->list[i];
    }
    if (!unused) {
        t->list = mem_grow(t->list, t->n, sizeof *t->list);
        unused = &t->list[t->n++];
    }
    *unused = (struct thread){ .pid = pid };
    return unused;
}

bool tracee_read(pid_t pid, uint64_t address, void *out, size_t n)
{
    struct iovec here = { out, n }, there = { (void *)(uintptr_t)address, n };
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

char *tracee_text(pid_t pid, uint64_t address)
{
    struct str s = { 0 };
    char c;
    while (s.n < PATH_MAX) {
        if (!tracee_read(pid, address + s.n, &c, 1)) {
            str_release(&s);
            return NULL;
        }
        if (c == '\0')
            break;
        str_addc(&s, c);
    }
    str_addz(&s, "");
    return s.text ? str_take(&s) : mem_strdup("");
}

/* A stop at the beginning or the end of a call. */
static void at_call(struct thread *t, const struct tracee_watch *w)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof info, &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        t->inside = true;
        t->call = (struct tracee_call){ .pid = t->pid, .nr = (long)info.entry.nr };
        for (int i = 0; i < 6; i++)
            t->call.arg[i] = info.entry.args[i];
        if (w->begins(w->self, &t->call))
            kill(t->pid, SIGKILL);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->inside) {
        t->inside = false;
        t->call.result = info.exit.rval;
        if (w->ends)
            w->ends(w->self, &t->call);
    }
}

static bool is_event(int status)
{
    return status >> 16 != 0;
}

static int start(char *const *argv, const struct tracee_watch *w, pid_t *out, struct err *e)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEEXEC;
    int status;
    if (w->descendants)
        options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "cannot start a process");
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
            _exit(126);
        raise(SIGSTOP);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, 0, options) < 0 || ptrace(PTRACE_SYSCALL, pid, 0, 0) < 0) {
        kill(pid, SIGKILL);
        return err_sys(e, "no ptrace here");
    }
    *out = pid;
    return 0;
}

int tracee_run(char *const *argv, const struct tracee_watch *w, int *out_status, struct err *e)
{
    struct threads threads = { 0 };
    pid_t first = 0, pid;
    int status, rc = start(argv, w, &first, e);

    while (rc == 0 && (pid = waitpid(-1, &status, __WALL)) > 0) {
        struct thread *t = find(&threads, pid);
        int signal = 0;
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (pid == first)
                *out_status = status;
            *t = (struct thread){ 0 };
            continue;
        }
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            at_call(t, w);
        else if (!is_event(status) && WSTOPSIG(status) != SIGSTOP)
            signal = WSTOPSIG(status);
        ptrace(PTRACE_SYSCALL, pid, 0, signal);
    }
    free(threads.list);
    return rc;
}
