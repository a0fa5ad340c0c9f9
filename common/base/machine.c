#include "base/machine.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { MAX_PATH = 4096 };

/* The number behind `key` in a file of "key number" lines; with key NULL, at its beginning. "max"
 * and what cannot be read are no number. */
static bool read_number(const char *path, const char *key, uint64_t *out)
{
    char line[256];
    FILE *f = fopen(path, "re");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        size_t n = key ? strlen(key) : 0;
        found = (!key || strncmp(line, key, n) == 0) && sscanf(line + n, " %" SCNu64, out) == 1;
    }
    if (f)
        fclose(f);
    return found;
}

static void lower(uint64_t *least, uint64_t limit, uint64_t used)
{
    uint64_t left = limit > used ? limit - used : 0;
    *least = left < *least ? left : *least;
}

static void lower_by_group(uint64_t *least, const char *group, const char *limit, const char *use)
{
    char path[MAX_PATH + 96];
    uint64_t most, used = 0;
    snprintf(path, sizeof path, "%s/%s", group, limit);
    if (!read_number(path, NULL, &most))
        return;
    snprintf(path, sizeof path, "%s/%s", group, use);
    read_number(path, NULL, &used);
    lower(least, most, used);
}

/* The process's group, "0::/a/b", and those above it. */
static void lower_by_groups(uint64_t *least)
{
    char line[MAX_PATH], group[MAX_PATH + 16];
    FILE *f = fopen("/proc/self/cgroup", "re");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::", 3) != 0)
            continue;
        snprintf(group, sizeof group, "/sys/fs/cgroup%s", line + 3);
        for (char *end = group + strlen(group); end; end = strrchr(group, '/')) {
            *end = '\0';
            if (strlen(group) < strlen("/sys/fs/cgroup"))
                break;
            lower_by_group(least, group, "memory.max", "memory.current");
        }
    }
    if (f)
        fclose(f);
    lower_by_group(least, "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                   "memory.usage_in_bytes");
}

static void lower_by_limit(uint64_t *least, int resource, const char *used_key)
{
    struct rlimit limit;
    uint64_t used_kb = 0;
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    read_number("/proc/self/status", used_key, &used_kb);
    lower(least, limit.rlim_cur, used_kb << 10);
}

uint64_t machine_memory(void)
{
    uint64_t least = UINT64_MAX, kb;
    if (read_number("/proc/meminfo", "MemAvailable:", &kb))
        lower(&least, kb << 10, 0);
    lower_by_groups(&least);
    lower_by_limit(&least, RLIMIT_AS, "VmSize:");
    lower_by_limit(&least, RLIMIT_DATA, "VmData:");
    return least;
}
