/* nopidfd ERRNO COMMAND...: run a command where pidfd_open fails with this errno, as a kernel
 * before 5.3 (38, ENOSYS) or the filter of a container (1, EPERM) has it: by a filter of system
 * calls, which all that the command starts inherits. 77: filters cannot be set here. */
#define _GNU_SOURCE /* syscall */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int error = argc > 2 ? (int)strtol(argv[1], NULL, 10) : 0;
    if (error < 1 || error > 4095) {
        fprintf(stderr, "usage: nopidfd ERRNO COMMAND...\n");
        return 64;
    }
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof filter / sizeof *filter, .filter = filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
        fprintf(stderr, "nopidfd: no filters here: %s\n", strerror(errno));
        return 77;
    }
    if (syscall(SYS_pidfd_open, getpid(), 0) >= 0 || errno != error) {
        fprintf(stderr, "nopidfd: the filter has no effect\n");
        return 77;
    }
    execvp(argv[2], argv + 2);
    fprintf(stderr, "nopidfd: %s: %s\n", argv[2], strerror(errno));
    return 127;
}
