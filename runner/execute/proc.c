#define _GNU_SOURCE
#include "runner/execute/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* Whole small file of /proc; NULL if it cannot be read. */
static char *slurp(const char *path, size_t *out_n)
{
    struct str s = { 0 };
    char chunk[4096];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        str_add(&s, chunk, (size_t)got);
    close(fd);
    *out_n = s.n;
    if (got < 0 || s.n == 0) {
        str_release(&s);
        return NULL;
    }
    return str_take(&s);
}

char *proc_read(const char *path)
{
    size_t n;
    return slurp(path, &n);
}

/* State letter, parent and start time of /proc/PID/stat; the name in it may hold spaces and
 * brackets. */
static bool read_stat(pid_t pid, char *out_state, pid_t *out_parent, int64_t *out_start)
{
    char path[64];
    size_t n;
    int parent = 0;
    long long start = -1;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = slurp(path, &n);
    if (!text)
        return false;
    char *after = strrchr(text, ')');
    bool ok = after &&
              sscanf(
                  after + 1,
                  " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld",
                  out_state, &parent, &start) == 3;
    *out_parent = parent;
    *out_start = start;
    free(text);
    return ok;
}

static void read_boot(char out[PROC_BOOT])
{
    size_t n;
    char *text = slurp("/proc/sys/kernel/random/boot_id", &n);
    snprintf(out, PROC_BOOT, "%.36s", text ? text : "");
    free(text);
}

struct proc_id proc_self(void)
{
    struct proc_id id = { .pid = getpid() };
    char state;
    pid_t parent;
    if (!read_stat((pid_t)id.pid, &state, &parent, &id.start))
        id.start = -1;
    read_boot(id.boot);
    return id;
}

bool proc_lives(const struct proc_id *id)
{
    char boot[PROC_BOOT], state;
    pid_t parent;
    int64_t start;

    read_boot(boot);
    return id->pid > 0 && strcmp(boot, id->boot) == 0 &&
           read_stat((pid_t)id->pid, &state, &parent, &start) && start == id->start && state != 'Z';
}

int proc_open(const struct proc_id *id)
{
    /* Opened before it is looked at: from then on the descriptor cannot come to mean another. */
    int fd = id->pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)id->pid, 0) : -1;
    if (fd >= 0 && !proc_lives(id)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void proc_signal(int pidfd, int sig)
{
    syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

bool proc_tell(const struct proc_id *id, int sig)
{
    int fd = proc_open(id);
    if (fd <
        0) /* no pidfd to be had: between the look and the signal another could get its number */
        return proc_lives(id) && kill((pid_t)id->pid, sig) == 0;
    proc_signal(fd, sig);
    close(fd);
    return true;
}

pid_t *proc_all(size_t *out_n)
{
    pid_t *list = NULL;
    size_t n = 0;
    struct dirent *entry;
    long long pid;
    DIR *dir = opendir("/proc");

    while (dir && (entry = readdir(dir))) {
        if (!str_to_int(entry->d_name, &pid))
            continue;
        list = mem_grow(list, n, sizeof *list);
        list[n++] = (pid_t)pid;
    }
    if (dir)
        closedir(dir);
    *out_n = n;
    return list;
}

/* Where the kernel has no list of children: every process whose parent we are. */
static pid_t *children_by_parent(size_t *out_n)
{
    size_t n_all, n = 0;
    pid_t *all = proc_all(&n_all), parent;
    char state;
    int64_t start;
    for (size_t i = 0; i < n_all; i++)
        if (read_stat(all[i], &state, &parent, &start) && parent == getpid())
            all[n++] = all[i];
    *out_n = n;
    return all;
}

pid_t *proc_children(size_t *out_n)
{
    char path[64];
    pid_t *list = NULL;
    size_t n = 0, n_text = 0;

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    if (access(path, R_OK) != 0)
        return children_by_parent(out_n);
    char *text = slurp(path, &n_text), *at = text, *end;
    while (text && *at) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        list = mem_grow(list, n, sizeof *list);
        list[n++] = (pid_t)pid;
        at = end;
        while (*at == ' ')
            at++;
    }
    free(text);
    *out_n = n;
    return list;
}

bool proc_has_env(pid_t pid, const char *entry, bool prefix)
{
    char path[64];
    size_t n;
    bool found = false;

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    char *text = slurp(path, &n);
    for (size_t at = 0; text && at < n && !found; at += strlen(text + at) + 1)
        found = prefix ? str_starts(text + at, entry) : strcmp(text + at, entry) == 0;
    free(text);
    return found;
}

int proc_cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}
