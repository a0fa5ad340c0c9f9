/* doctor: the directories that a run writes to. */
#define _GNU_SOURCE
#include "runner/cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "runner/show/show.h"

enum { CLOCK_SLACK_S = 2 };

static const struct {
    long magic;
    const char *name;
    bool remote, volatile_;
} file_system[] = {
    { EXT4_SUPER_MAGIC, "ext4", false, false },
    { 0x58465342, "xfs", false, false },
    { BTRFS_SUPER_MAGIC, "btrfs", false, false },
    { 0x2fc12fc1, "zfs", false, false },
    { F2FS_SUPER_MAGIC, "f2fs", false, false },
    { TMPFS_MAGIC, "tmpfs", false, true },
    { OVERLAYFS_SUPER_MAGIC, "overlay", false, false },
    { NFS_SUPER_MAGIC, "nfs", true, false },
    { 0xff534d42, "cifs", true, false },
    { 0xfe534d42, "smb2", true, false },
    { V9FS_MAGIC, "9p", true, false },
    { 0x65735546, "fuse", true, false },
    { CEPH_SUPER_MAGIC, "ceph", true, false },
};

static void check_kind(struct doctor *d, const char *dir, bool memory)
{
    struct statfs st;
    size_t i = 0, n = sizeof file_system / sizeof *file_system;
    if (statfs(dir, &st) < 0)
        return;
    while (i < n && (long)st.f_type != file_system[i].magic)
        i++;
    const char *name = i < n ? file_system[i].name : "unknown";
    if (i < n && file_system[i].remote && memory)
        doctor_find(d, HEALTH_ERROR, "files", "put the project's .refit on a local disk",
                    "%s is on %s: the memory of refit must be on a local file system", dir, name);
    else if (i < n && file_system[i].volatile_)
        doctor_find(d, HEALTH_WARNING, "files", "use a disk for what must outlive a restart",
                    "%s is on %s: lost when the machine restarts", dir, name);
    else if (strcmp(name, "overlay") == 0)
        doctor_find(d, HEALTH_WARNING, "files", "mount a volume there",
                    "%s is on overlay, a layer of a container: gone with it", dir);
    else
        doctor_find(d, HEALTH_OK, "files", NULL, "%s is on %s%s", dir, name,
                    i < n && file_system[i].remote ? " (shared)" : "");
}

static void check_space(struct doctor *d, const char *dir)
{
    struct statvfs v;
    struct str text = { 0 };
    if (statvfs(dir, &v) < 0 || v.f_blocks == 0)
        return;
    double bytes = (double)v.f_bavail * (double)v.f_frsize;
    double share = (double)v.f_bavail / (double)v.f_blocks;
    double nodes = v.f_files > 0 ? (double)v.f_favail / (double)v.f_files : 1;
    show_add_memory(&text, (int64_t)(bytes / 1024));
    if (bytes < 100e6 || nodes < 0.001)
        doctor_find(d, HEALTH_ERROR, "disk", "make room ('refit gc' removes old logs)",
                    "%s: %s and %.1f %% of the inodes left", dir, str_text(&text), 100 * nodes);
    else if (bytes < 1e9 || share < 0.05 || nodes < 0.05)
        doctor_find(d, HEALTH_WARNING, "disk", "make room ('refit gc' removes old logs)",
                    "%s: %s (%.0f %%) and %.0f %% of the inodes left", dir, str_text(&text),
                    100 * share, 100 * nodes);
    else
        doctor_find(d, HEALTH_OK, "disk", NULL, "%s: %s left", dir, str_text(&text));
    str_release(&text);
}

/* What a commit does, tried with two files of our own. */
static void check_works(struct doctor *d, const char *dir)
{
    char *a = str_format("%s/.refit-doctor-%d-a", dir, (int)getpid());
    char *b = str_format("%s/.refit-doctor-%d-b", dir, (int)getpid());
    int fd = open(a, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int other = fd < 0 ? -1 : open(b, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat st;

    if (other < 0 || write(fd, "x", 1) != 1) {
        int why = errno;
        doctor_find(d, HEALTH_ERROR, "write", "give it to the user that runs refit, or make room",
                    "%s: cannot write: %s", dir, strerror(why));
    } else if (fsync(fd) < 0) {
        doctor_find(d, HEALTH_ERROR, "write", "use a file system that keeps what it is told",
                    "%s: fsync: %s", dir, strerror(errno));
    } else {
        bool exchange = renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0;
        long long late = fstat(fd, &st) == 0 ? (long long)st.st_mtim.tv_sec - time(NULL) : 0;
        if (llabs(late) > CLOCK_SLACK_S)
            doctor_find(d, HEALTH_WARNING, "write",
                        "set the clocks of this machine and of the file server alike",
                        "%s: its times are %lld s off this clock", dir, late);
        else
            doctor_find(d, HEALTH_OK, "write", NULL, "%s: writes and syncs, %s", dir,
                        exchange ? "two files change places at once"
                                 : "but cannot exchange two files: outputs are replaced in two "
                                   "steps");
    }
    if (other >= 0)
        close(other);
    if (fd >= 0)
        close(fd);
    unlink(a);
    unlink(b);
    free(a);
    free(b);
}

static void check_owner(struct doctor *d)
{
    struct stat st;
    if (stat(STATE_DIR, &st) < 0) {
        doctor_find(d, HEALTH_OK, "owner", NULL, "no %s yet: nothing has run here", STATE_DIR);
        return;
    }
    if (st.st_uid == geteuid())
        doctor_find(d, HEALTH_OK, "owner", NULL, "%s is ours", STATE_DIR);
    else
        doctor_find(d, geteuid() == 0 ? HEALTH_WARNING : HEALTH_ERROR, "owner",
                    "run refit as the user that owns it",
                    "%s belongs to user %u, and this is user %u", STATE_DIR, (unsigned)st.st_uid,
                    (unsigned)geteuid());
}

void doctor_directories(struct doctor *d)
{
    dev_t seen[64];
    size_t n_seen = 0;
    check_owner(d);
    for (size_t i = 0; i < d->directory.n; i++) {
        const char *dir = d->directory.path[i];
        struct stat st;
        bool known = false;
        check_works(d, dir);
        if (stat(dir, &st) < 0)
            continue;
        for (size_t k = 0; k < n_seen; k++)
            known |= seen[k] == st.st_dev;
        if (known || n_seen == sizeof seen / sizeof *seen)
            continue;
        seen[n_seen++] = st.st_dev;
        check_kind(d, dir, i == 0);
        check_space(d, dir);
    }
}
