#ifndef RUNNER_VFORK_H
#define RUNNER_VFORK_H

#include <sys/types.h>

/**
 * vfork into a control group: the child calls child(arg) on a stack of its own, in our memory, and
 * must not return from it; we go on when it has executed a program or ended. -1 with errno if that
 * cannot be done here (ENOSYS also where we have no code for the processor).
 */
pid_t vfork_into(int group, void (*child)(void *arg), void *arg);

#endif
