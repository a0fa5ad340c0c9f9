#ifndef RUNNER_CGROUP_H
#define RUNNER_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Control groups (version 2) for jobs, where this place of the hierarchy is ours: then no process
 * of a job can leave it unseen, and one write kills all of them at once. Nothing here is an error:
 * where it is not possible jobs run without.
 *
 * Ours it is if systemd has delegated the group that we are in (Delegate=yes: it marks it with
 * user.delegate), or if we are in the root group, of a container say, where nobody manages groups.
 * Below it one group for each run, below that one for each job that runs at a time. */

enum { CGROUP_NAME = 64 };

struct cgroups {
    char *base;     /* directory of the group below which ours are made; NULL: none; owned */
    char *run;      /* directory of this run's group; NULL until there is one; owned */
    bool delegated; /* by systemd: no one else's processes are in it */
    bool memory_tried, memory; /* can memory be limited? */
};

struct cgroup {
    char *path;  /* NULL: none; owned */
    int fd;      /* of the directory; -1 */
    bool killed; /* no job may be born in it any more: Linux 6.15 and later kill at birth what is
                    cloned into a group that was ever killed as one */
};

/** Where are we? `proc` is /proc/self, of a test a directory like it. */
void cgroups_find(struct cgroups *c, const char *proc);

/** All groups are removed; those in which something still lives are left. */
void cgroups_release(struct cgroups *c);

/** The name of the group of all jobs whose mark begins with the directory of `mark`; the runner's
 * pid follows it. */
void cgroup_name(const char *mark, char out[CGROUP_NAME]);

/** Kill all that lives in the groups of that name, and remove them; returns how many there were. */
size_t cgroups_clear(struct cgroups *c, const char *name);

/** The group of job `slot` of the run of that name; false if there can be none. */
bool cgroup_make(struct cgroups *c, const char *name, size_t slot, struct cgroup *out);

/** Bound its memory; false if the kernel does not do so here. */
bool cgroup_limit(struct cgroups *c, struct cgroup *g, int64_t memory);

/** Send a signal (0: none) to each process of it; returns how many there are. KILL reaches all of
 * them at one instant. */
size_t cgroup_signal(struct cgroup *g, int sig);

bool cgroup_has(const struct cgroup *g, pid_t pid);

/** Processes of it killed for lack of memory; the largest use, in bytes, -1 if it is not known. */
int64_t cgroup_oom(const struct cgroup *g, int64_t *out_peak);

/** Nobody has removed it. */
bool cgroup_is_there(const struct cgroup *g);

/** Leave it to what lives in it. */
void cgroup_forget(struct cgroup *g);

/** Remove it, if it is empty. */
void cgroup_remove(struct cgroup *g);

#endif
