/* bench_h5 DIR [REPEATS]: an HDF5 file of ours against a plain file with the same bytes, both
 * written durably (written, synced, renamed) into DIR, by the clock, and read from the page cache,
 * where nothing waits: by CPU time; MB/s, best of REPEATS after one that is not counted. They take
 * turns at going first: the second may find the disk busy with what the first has left. What is
 * read is added up, so that every byte is seen.
 *
 *   {"what":"write 246 MB of pictures","refit":1510,"plain":1602,"share":0.94} */
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/pixels.h"

enum { ROWS = 20000, SIDE = 64, PICTURE = 3 * SIDE * SIDE, BLOCK = 1024, NUMBERS = 16 << 20 };
#define KEYS "0000000000000000000000000000000000000000000000000000000000000000"

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int write_ours(const char *path, const uint8_t *block, struct err *e)
{
    struct h5 h = { 0 };
    uint8_t *status = mem_calloc(ROWS, 1);
    const char **reason = mem_calloc(ROWS, sizeof *reason);
    int rc = pixels_begin(&h, path, ROWS, SIDE, SIDE, "{}", KEYS, e);
    for (size_t i = 0; i < ROWS; i++)
        reason[i] = "";
    for (size_t at = 0; at < ROWS && rc == 0; at += BLOCK)
        rc = pixels_rows(&h, at, ROWS - at < BLOCK ? ROWS - at : BLOCK, block, e);
    if (rc == 0)
        rc = pixels_finish(&h, ROWS, status, reason, NULL, e);
    h5_close(&h);
    free(reason);
    free(status);
    return rc;
}

static int write_plain(const char *path, const uint8_t *block, struct err *e)
{
    char *tmp = str_format("%s.tmp", path);
    int fd = open(tmp, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666), rc = 0;
    if (fd < 0)
        rc = err_sys(e, "cannot create '%s'", tmp);
    for (size_t at = 0; at < ROWS && rc == 0; at += BLOCK) {
        size_t n = (ROWS - at < BLOCK ? ROWS - at : BLOCK) * PICTURE;
        if (write(fd, block, n) != (ssize_t)n)
            rc = err_sys(e, "cannot write '%s'", tmp);
    }
    if (rc == 0 && (fsync(fd) != 0 || rename(tmp, path) != 0))
        rc = err_sys(e, "cannot publish '%s'", path);
    if (fd >= 0)
        close(fd);
    free(tmp);
    return rc;
}

static uint64_t sum_of(const uint8_t *p, size_t n)
{
    uint64_t sum = 0, eight;
    for (size_t i = 0; i + 8 <= n; i += 8) {
        memcpy(&eight, p + i, 8);
        sum += eight;
    }
    return sum;
}

static int read_ours(const char *path, uint64_t *sum, struct err *e)
{
    struct pixels p = { 0 };
    int rc = pixels_read(&p, path, e);
    if (rc == 0)
        *sum += sum_of(p.data, (size_t)ROWS * PICTURE);
    pixels_release(&p);
    return rc;
}

static int read_plain(const char *path, uint64_t *sum, struct err *e)
{
    size_t n = (size_t)ROWS * PICTURE;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map == MAP_FAILED)
        return err_sys(e, "cannot map '%s'", path);
    *sum += sum_of(map, n);
    munmap(map, n);
    return 0;
}

/* Seconds of one turn: ours and plain written, ours and plain read. */
static int turn(const char *ours, const char *plain, const uint8_t *block, bool ours_first,
                uint64_t *sum, double out[4], struct err *e)
{
    int rc = 0;
    for (int i = 0; i < 4 && rc == 0; i++) {
        int which = ours_first ? i : i ^ 1;
        clockid_t clock = i < 2 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
        double start = now_s(clock);
        rc = which == 0   ? write_ours(ours, block, e)
             : which == 1 ? write_plain(plain, block, e)
             : which == 2 ? read_ours(ours, sum, e)
                          : read_plain(plain, sum, e);
        out[which] = now_s(clock) - start;
    }
    return rc;
}

static double total(const double *p, size_t n)
{
    double part[8] = { 0 };
    for (size_t i = 0; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            part[k] += p[i + k];
    for (size_t k = 1; k < 8; k++)
        part[0] += part[k];
    return part[0];
}

static void tell(const char *what, double bytes, double ours, double plain)
{
    printf("{\"what\":\"%s\",\"refit\":%.0f,\"plain\":%.0f,\"share\":%.3f}\n", what,
           bytes / ours / 1e6, bytes / plain / 1e6, plain / ours);
}

/* A column of 128 MB, mapped, against an array of the same numbers. */
static int column(const char *path, int repeats, double *sum, struct err *e)
{
    struct h5 h = { 0 };
    size_t n = NUMBERS, size = 0;
    double *array = mem_aligned(n, sizeof *array), best[2] = { (double)INFINITY, (double)INFINITY };
    void *map = NULL;
    const void *data = NULL;
    int rc;
    for (size_t i = 0; i < n; i++)
        array[i] = (double)i;
    if ((rc = h5_create(&h, path, "refit.bench", 1, e)) == 0 &&
        (rc = h5_write(&h, "column", H5_F64, 1, &n, array, e)) == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    if (rc == 0 && (rc = h5_open(&h, path, "refit.bench", 1, e)) == 0)
        rc = h5_map(&h, "column", H5_F64, &map, &size, &data, e);
    for (int k = 0; k <= repeats && rc == 0; k++)
        for (int i = 0; i < 2; i++) {
            int which = i ^ k % 2;
            double start = now_s(CLOCK_PROCESS_CPUTIME_ID);
            *sum += which ? -total(array, n) : total(data, n);
            if (k)
                best[which] = fmin(best[which], now_s(CLOCK_PROCESS_CPUTIME_ID) - start);
        }
    if (rc == 0)
        tell("read a column, mapped", (double)n * sizeof *array, best[0], best[1]);
    if (map)
        munmap(map, size);
    h5_close(&h);
    free(array);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    long long repeats = 9;
    if (argc < 2 || (argc > 2 && !str_to_int(argv[2], &repeats))) {
        err_set(&e, ERR_USAGE, "usage: bench_h5 DIR [REPEATS]");
        return err_report(&e, "bench_h5");
    }
    char *ours = str_format("%s/ours.h5", argv[1]), *plain = str_format("%s/plain", argv[1]);
    uint8_t *block = mem_calloc(BLOCK, PICTURE);
    double best[4] = { (double)INFINITY, (double)INFINITY, (double)INFINITY, (double)INFINITY },
           number = 0;
    uint64_t sum = 0;
    int rc = 0;
    for (size_t i = 0; i < (size_t)BLOCK * PICTURE; i++)
        block[i] = (uint8_t)(i * 7);
    for (long long k = 0; k <= repeats && rc == 0; k++) {
        double t[4];
        rc = turn(ours, plain, block, k % 2, &sum, t, &e);
        for (int i = 0; i < 4 && k; i++)
            best[i] = fmin(best[i], t[i]);
    }
    if (rc == 0) {
        tell("write pictures", (double)ROWS * PICTURE, best[0], best[1]);
        tell("read pictures, mapped", (double)ROWS * PICTURE, best[2], best[3]);
        rc = column(ours, (int)repeats, &number, &e);
    }
    if (rc == 0 && (number > 0 || number < 0)) /* the sums are used: they cannot be left out */
        err_set(&e, ERR_INTERNAL, "a column that was read has another sum: %llu",
                (unsigned long long)sum);
    unlink(ours);
    unlink(plain);
    free(block);
    free(ours);
    free(plain);
    return err_report(&e, "bench_h5");
}
