/* measure: run a command several times and print the median wall time in milliseconds and the peak
 * memory in MB of its largest process. `measure RUNS COMMAND...`; the first run is not counted,
 * unless RUNS is 0: then there is no other. */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

extern char **environ;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int once(char **argv, double *out_ms, struct err *e)
{
    pid_t pid;
    int status;
    double start = now_ms();
    if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        return err_set(e, ERR_USAGE, "cannot run '%s'", argv[0]);
    if (waitpid(pid, &status, 0) != pid)
        return err_sys(e, "cannot wait for '%s'", argv[0]);
    *out_ms = now_ms() - start;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return err_set(e, ERR_DATA, "'%s' failed with wait status %d", argv[0], status);
    return 0;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct rusage use;
    long long n = 0;
    if (argc < 3 || !str_to_int(argv[1], &n) || n < 0 || n > 10000) {
        err_set(&e, ERR_USAGE, "usage: measure RUNS COMMAND...");
        return err_report(&e, "measure");
    }
    double *ms = mem_calloc((size_t)n + 1, sizeof *ms);
    int rc = once(argv + 2, &ms[0], &e);
    for (size_t i = 0; rc == 0 && i < (size_t)n; i++)
        rc = once(argv + 2, &ms[i], &e);
    if (rc == 0 && getrusage(RUSAGE_CHILDREN, &use) == 0) {
        qsort(ms, (size_t)n, sizeof *ms, ascending);
        printf("%.2f %.1f\n", ms[n / 2], (double)use.ru_maxrss / 1024);
    }
    free(ms);
    return err_report(&e, "measure");
}
