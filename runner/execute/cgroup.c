#define _GNU_SOURCE
#include "runner/execute/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "num/hash.h"
#include "runner/execute/proc.h"
#include "runner/execute/spawn.h"

enum { WAIT_MS = 1000 }; /* for killed processes to end */

static const char prefix[] = "refit-", leaf[] = "refit-runner";

/* ---- files of a group ---- */

/* Whole file, NULL if it is not there. */
static char *get(const char *directory, const char *name)
{
    char *path = str_format("%s/%s", directory, name), *text = proc_read(path);
    free(path);
    return text;
}

static bool put(const char *directory, const char *name, const char *text)
{
    char *path = str_format("%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int why = errno;
    if (fd >= 0)
        close(fd);
    free(path);
    errno = why;
    return ok;
}

static bool put_int(const char *directory, const char *name, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)n);
    return put(directory, name, text);
}

/* "key 12" on a line of its own; -1. */
static int64_t field(const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, key, n) == 0 && p[n] == ' ')
            return strtoll(p + n + 1, NULL, 10);
    return -1;
}

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = text; p && (p = strstr(p, word)); p += n)
        if ((p == text || p[-1] == ' ') && (p[n] == '\0' || p[n] == ' ' || p[n] == '\n'))
            return true;
    return false;
}

/* ---- where we are ---- */

/* Where the hierarchy of version 2 is mounted whole: "36 25 0:30 / /sys/fs/cgroup rw - cgroup2 ..."
 */
static char *mount_point(const char *proc)
{
    char *text = get(proc, "mountinfo"), *found = NULL, *next;
    for (char *line = text; line && *line && !found; line = next) {
        char root[256], at[1024];
        const char *type = strstr(line, " - ");
        next = line + strcspn(line, "\n");
        if (type && type < next && str_starts(type, " - cgroup2 ") &&
            sscanf(line, "%*d %*d %*s %255s %1023s", root, at) == 2 && strcmp(root, "/") == 0)
            found = mem_strdup(at);
        next += *next == '\n';
    }
    free(text);
    return found;
}

/* Our group: "0::/user.slice/..." */
static char *own_group(const char *proc)
{
    char *text = get(proc, "cgroup");
    const char *at = text && str_starts(text, "0::/") ? text : text ? strstr(text, "\n0::/") : NULL;
    char *path = NULL;
    if (at) {
        at = strchr(at, '/');
        path = mem_strndup(at, strcspn(at, "\n"));
    }
    free(text);
    return path;
}

static bool is_marked(const char *directory)
{
    char value[8];
    return (getxattr(directory, "user.delegate", value, sizeof value) == 1 && value[0] == '1') ||
           (getxattr(directory, "trusted.delegate", value, sizeof value) == 1 && value[0] == '1');
}

void cgroups_find(struct cgroups *c, const char *proc)
{
    char *mount = mount_point(proc), *own = own_group(proc);
    *c = (struct cgroups){ 0 };
    if (mount && own && !str_starts(own, "/..")) {
        char *base = str_format("%s%s", mount, strcmp(own, "/") == 0 ? "" : own);
        if (str_ends(base, leaf)) /* where cgroup_limit has put us, or who started us */
            base[strlen(base) - strlen(leaf) - 1] = '\0';
        c->delegated = is_marked(base);
        if ((c->delegated || strcmp(own, "/") == 0) && access(base, W_OK) == 0)
            c->base = base;
        else
            free(base);
    }
    free(mount);
    free(own);
}

void cgroups_release(struct cgroups *c)
{
    if (c->run)
        rmdir(c->run);
    free(c->run);
    free(c->base);
    *c = (struct cgroups){ 0 };
}

void cgroup_name(const char *mark, char out[CGROUP_NAME])
{
    const char *end = strrchr(mark, '/');
    char hex[HASH_HEX];
    hash_bytes(mark, end ? (size_t)(end - mark) : strlen(mark), hex);
    snprintf(out, CGROUP_NAME, "%s%.24s", prefix, hex);
}

/* ---- processes ---- */

static pid_t *processes(const char *directory, size_t *out_n)
{
    pid_t *list = NULL;
    char *text = get(directory, "cgroup.procs"), *end;
    *out_n = 0;
    for (char *p = text; p && *p; p = end + strspn(end, "\n")) {
        long pid = strtol(p, &end, 10);
        if (end == p)
            break;
        list = mem_grow(list, *out_n, sizeof *list);
        list[(*out_n)++] = (pid_t)pid;
    }
    free(text);
    return list;
}

static size_t signal_all(const char *directory, int sig)
{
    size_t n;
    pid_t *list = processes(directory, &n);
    bool at_once = n > 0 && sig == SIGKILL && put(directory, "cgroup.kill", "1");
    for (size_t i = 0; i < n && sig != 0 && !at_once; i++)
        kill(list[i], sig);
    free(list);
    return n;
}

size_t cgroup_signal(struct cgroup *g, int sig)
{
    g->killed |= sig == SIGKILL;
    return g->path ? signal_all(g->path, sig) : 0;
}

bool cgroup_has(const struct cgroup *g, pid_t pid)
{
    size_t n;
    bool found = false;
    pid_t *list = g->path ? processes(g->path, &n) : NULL;
    for (size_t i = 0; list && i < n; i++)
        found |= list[i] == pid;
    free(list);
    return found;
}

/* A killed process is in its group until it has ended; the kernel tells when the last one has. */
static void remove_when_empty(const char *directory)
{
    char *path = str_format("%s/cgroup.events", directory), *text = NULL;
    struct pollfd events = { .fd = open(path, O_RDONLY | O_CLOEXEC), .events = POLLPRI };
    do {
        free(text);
        text = proc_read(path);
    } while (events.fd >= 0 && field(text, "populated") == 1 && poll(&events, 1, WAIT_MS) > 0);
    rmdir(directory);
    close_fd(&events.fd);
    free(text);
    free(path);
}

/* Every group of a job in this group of a run, then that itself; `kill_all`: what lives in them is
 * killed, else they stay. Returns how many lived. */
static size_t remove_run(const char *run, bool kill_all)
{
    size_t n = 0;
    DIR *dir = opendir(run);
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        if (d->d_type != DT_DIR || *d->d_name == '.')
            continue;
        char *job = str_format("%s/%s", run, d->d_name);
        if (kill_all)
            n += signal_all(job, SIGKILL);
        if (kill_all)
            remove_when_empty(job);
        else
            rmdir(job);
        free(job);
    }
    if (dir) {
        closedir(dir);
        rmdir(run);
    }
    return n;
}

/* refit-RUN-PID of a runner that is no more. */
static bool is_deserted(const char *name)
{
    long long pid;
    const char *end = strrchr(name, '-');
    return str_starts(name, prefix) && end && str_to_int(end + 1, &pid) && pid > 0 &&
           kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* Empty groups of runners that were killed and whose pipeline never ran again. */
static void sweep(const char *base)
{
    DIR *dir = opendir(base);
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        if (d->d_type != DT_DIR || !is_deserted(d->d_name))
            continue;
        char *run = str_format("%s/%s", base, d->d_name);
        remove_run(run, false);
        free(run);
    }
    if (dir)
        closedir(dir);
}

size_t cgroups_clear(struct cgroups *c, const char *name)
{
    size_t n = 0, n_name = strlen(name);
    DIR *dir = c->base ? opendir(c->base) : NULL;
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        if (d->d_type != DT_DIR || !str_starts(d->d_name, name) || d->d_name[n_name] != '-')
            continue;
        char *run = str_format("%s/%s", c->base, d->d_name);
        n += remove_run(run, true);
        free(run);
    }
    if (dir)
        closedir(dir);
    return n;
}

/* ---- groups ---- */

static bool make_directory(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

bool cgroup_make(struct cgroups *c, const char *name, size_t slot, struct cgroup *out)
{
    *out = (struct cgroup){ .fd = -1 };
    if (!c->base)
        return false;
    if (!c->run) {
        sweep(c->base);
        c->run = str_format("%s/%s-%d", c->base, name, (int)getpid());
    }
    out->path = str_format("%s/%zu", c->run, slot);
    if (make_directory(c->run) && make_directory(out->path))
        out->fd = open(out->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->fd >= 0)
        return true;
    cgroup_remove(out);
    return false;
}

static bool is_refit(pid_t pid)
{
    char path[64];
    struct stat its, ours;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    return stat(path, &its) == 0 && stat("/proc/self/exe", &ours) == 0 &&
           its.st_dev == ours.st_dev && its.st_ino == ours.st_ino;
}

/* A group hands a controller down only if no process is in it. Where systemd has left the group to
 * us, we and other runners (a daemon, its runs) move to a leaf; all of them or, where something
 * else is there too, a shell say, none. */
static bool step_aside(struct cgroups *c)
{
    size_t n, n_moved = 0;
    pid_t *list = processes(c->base, &n);
    char *own = str_format("%s/%s", c->base, leaf);
    bool ok = make_directory(own);
    while (ok && n_moved < n && is_refit(list[n_moved]) &&
           put_int(own, "cgroup.procs", list[n_moved]))
        n_moved++;
    ok = ok && n_moved == n && put(c->base, "cgroup.subtree_control", "+memory");
    for (size_t i = 0; i < n_moved && !ok; i++)
        put_int(c->base, "cgroup.procs", list[i]);
    if (!ok)
        rmdir(own);
    free(own);
    free(list);
    return ok;
}

static bool hand_down_memory(struct cgroups *c)
{
    char *controllers = get(c->base, "cgroup.controllers"),
         *given = get(c->base, "cgroup.subtree_control");
    bool ok = controllers && has_word(controllers, "memory");
    if (ok && !(given && has_word(given, "memory")))
        ok = c->delegated && (put(c->base, "cgroup.subtree_control", "+memory") ||
                              (errno == EBUSY && step_aside(c)));
    free(controllers);
    free(given);
    return ok && put(c->run, "cgroup.subtree_control", "+memory");
}

bool cgroup_limit(struct cgroups *c, struct cgroup *g, int64_t memory)
{
    if (!c->memory_tried) {
        c->memory_tried = true;
        c->memory = hand_down_memory(c);
    }
    if (!c->memory)
        return false;
    put_int(g->path, "memory.oom.group", 1); /* all of it or nothing */
    return put_int(g->path, "memory.max", memory);
}

int64_t cgroup_oom(const struct cgroup *g, int64_t *out_peak)
{
    char *events = get(g->path, "memory.events"), *peak = get(g->path, "memory.peak");
    int64_t n = field(events, "oom_kill");
    *out_peak = peak ? strtoll(peak, NULL, 10) : -1;
    free(events);
    free(peak);
    return n > 0 ? n : 0;
}

bool cgroup_is_there(const struct cgroup *g)
{
    return access(g->path, F_OK) == 0;
}

void cgroup_forget(struct cgroup *g)
{
    close_fd(&g->fd);
    free(g->path);
    *g = (struct cgroup){ .fd = -1 };
}

void cgroup_remove(struct cgroup *g)
{
    if (g->path)
        remove_when_empty(g->path);
    cgroup_forget(g);
}
