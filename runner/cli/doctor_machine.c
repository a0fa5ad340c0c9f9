/* doctor: the machine. */
#define _GNU_SOURCE
#include "runner/cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "runner/execute/proc.h"
#include "runner/execute/spawn.h"

enum { FIRST_YEAR = 2025, LAST_YEAR = 2100, MIN_FILES = 256 };

static void check_clock(struct doctor *d)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[40];
    struct timex t = { .modes = 0 };
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    if (tm.tm_year + 1900 < FIRST_YEAR || tm.tm_year + 1900 > LAST_YEAR) {
        doctor_find(d, HEALTH_ERROR, "clock", "set the clock: schedules and run names go by it",
                    "it says %s", text);
        return;
    }
    int state = adjtimex(&t);
    if (state < 0)
        doctor_find(d, HEALTH_OK, "clock", NULL, "%s; whether it is synchronised is not to be seen",
                    text);
    else if (state == TIME_ERROR || t.status & STA_UNSYNC)
        doctor_find(d, HEALTH_WARNING, "clock",
                    "run an NTP client (systemd-timesyncd, chrony), where this machine keeps its "
                    "own time",
                    "%s, not synchronised", text);
    else
        doctor_find(d, HEALTH_OK, "clock", NULL, "%s, synchronised", text);
}

static void check_zones(struct doctor *d)
{
    char version[64] = "";
    bool named = false;
    FILE *f = fopen("/usr/share/zoneinfo/tzdata.zi", "re");
    if (f && !fgets(version, sizeof version, f))
        version[0] = '\0';
    if (f)
        fclose(f);
    version[strcspn(version, "\n")] = '\0';
    for (size_t i = 0; i < d->m.n_schedule; i++)
        named |= !d->m.schedule[i].zone.fixed;
    if (access("/usr/share/zoneinfo/Europe/London", R_OK) == 0)
        doctor_find(d, HEALTH_OK, "zones", NULL, "time zone data%s%s",
                    str_starts(version, "# version ") ? ", version " : "",
                    str_starts(version, "# version ") ? version + 10 : "");
    else
        doctor_find(d, named ? HEALTH_ERROR : HEALTH_WARNING, "zones", "install tzdata",
                    "no time zone data under /usr/share/zoneinfo: schedules know UTC and fixed "
                    "offsets alone");
}

static void check_limits(struct doctor *d)
{
    struct rlimit files, size, processes;
    int cpus = proc_cpus();
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < MIN_FILES)
        doctor_find(d, HEALTH_WARNING, "limits", "raise it: ulimit -n 1024, LimitNOFILE=1024",
                    "only %llu open files allowed", (unsigned long long)files.rlim_cur);
    else if (getrlimit(RLIMIT_FSIZE, &size) == 0 && size.rlim_cur != RLIM_INFINITY)
        doctor_find(d, HEALTH_WARNING, "limits", "take it off: ulimit -f unlimited",
                    "no file may grow over %llu bytes", (unsigned long long)size.rlim_cur);
    else if (getrlimit(RLIMIT_NPROC, &processes) == 0 && processes.rlim_cur < 64)
        doctor_find(d, HEALTH_WARNING, "limits", "raise it: ulimit -u 4096",
                    "only %llu processes and threads allowed",
                    (unsigned long long)processes.rlim_cur);
    else
        doctor_find(d, HEALTH_OK, "limits", NULL, "open files, file size and processes suffice");
    doctor_find(d, HEALTH_OK, "processors", NULL, "%d of %ld; %lld stages at a time", cpus,
                sysconf(_SC_NPROCESSORS_ONLN), (long long)(d->m.jobs > 0 ? d->m.jobs : cpus));
}

static void check_kernel(struct doctor *d)
{
    struct err e = { 0 };
    int fd = -1, rc = process_handle(getpid(), &fd, &e);
    if (fd >= 0)
        doctor_find(d, HEALTH_OK, "kernel", NULL, "pidfd works");
    else if (rc == 0)
        doctor_find(d, HEALTH_WARNING, "kernel",
                    "use Linux 5.3 or later, and a container whose filter lets pidfd_open through",
                    "no pidfd (%s): refit does without, but has to look again and again whether "
                    "a process of another one has ended",
                    strerror(errno));
    else
        doctor_find(d, HEALTH_ERROR, "kernel", "raise what it lacks", "%s", e.text);
    close_fd(&fd);
}

/* Our own cgroup: "0::/path". */
static void check_cgroup(struct doctor *d)
{
    char line[4096];
    FILE *f = fopen("/proc/self/cgroup", "re");
    char *path = NULL;
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (str_starts(line, "0::"))
            path = str_format("/sys/fs/cgroup%s", line + 3);
    }
    if (f)
        fclose(f);
    char *kill = path ? str_format("%s/cgroup.procs", path) : NULL;
    bool delegated = path && access(path, W_OK) == 0 && access(kill, W_OK) == 0;
    doctor_find(d, HEALTH_OK, "cgroup", NULL, "%s",
                delegated ? "delegated: stages get one of their own"
                          : "not delegated, which refit does without (Delegate=yes in a unit)");
    free(kill);
    free(path);
}

static void check_starter(struct doctor *d)
{
    bool systemd = access("/run/systemd/system", F_OK) == 0;
    bool cron = access("/usr/sbin/cron", X_OK) == 0 || access("/usr/sbin/crond", X_OK) == 0;
    doctor_find(d, HEALTH_OK, "starter", NULL, "%s",
                systemd ? "systemd runs here: 'refit export systemd'"
                : cron  ? "cron is here: 'refit export cron'"
                        : "neither systemd nor cron: 'refit daemon' under a supervisor");
}

void doctor_machine(struct doctor *d)
{
    check_clock(d);
    check_zones(d);
    check_limits(d);
    check_kernel(d);
    check_cgroup(d);
    if (d->m.n_schedule > 0)
        check_starter(d);
}
