/* clone3 has no function in the C library, and a call that returns twice on one stack cannot be
 * written in C: so the child gets another stack, and a few instructions that call it there. */
#define _GNU_SOURCE
#include "runner/execute/vfork.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { STACK = 1 << 20 }; /* reserved; what a program is looked up with takes some pages */

#if defined __x86_64__
static long clone_and_call(struct clone_args *args, void (*child)(void *arg), void *arg)
{
    long rc;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %[arg], %%rdi\n\t"
                     "call *%[child]\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(rc)
                     : "a"((long)SYS_clone3), "D"(args),
                       "S"(sizeof *args), [child] "b"(child), [arg] "r"(arg)
                     : "rcx", "r11", "memory", "cc");
    return rc;
}
#else
static long clone_and_call(struct clone_args *args, void (*child)(void *arg), void *arg)
{
    (void)args, (void)child, (void)arg;
    return -ENOSYS;
}
#endif

pid_t vfork_into(int group, void (*child)(void *arg), void *arg)
{
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    sigset_t all, before;
    if (stack == MAP_FAILED)
        return -1;
    struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
                               .exit_signal = SIGCHLD,
                               .stack = (uintptr_t)stack,
                               .stack_size = STACK,
                               .cgroup = (unsigned long long)group };
    sigfillset(&all); /* a handler of ours must not run in the child, whose memory is ours */
    sigprocmask(SIG_SETMASK, &all, &before);
    long rc = clone_and_call(&args, child, arg);
    sigprocmask(SIG_SETMASK, &before, NULL);
    munmap(stack, STACK);
    if (rc < 0)
        errno = (int)-rc;
    return rc < 0 ? -1 : (pid_t)rc;
}
