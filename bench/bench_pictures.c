/* bench_pictures DIR SIZE [REPEATS | limit]: pictures per second and core that image_pixels makes
 * of the JPEG files in DIR, and what libjpeg-turbo's scaled decoding alone allows: the same files
 * at the same scale, every row decoded and dropped. Both take turns at every file, in memory, by
 * one thread; CPU time, for each file the best of REPEATS. Also the difference that scaled decoding
 * makes: peak signal to noise of all pixels against a full decode and the same resize, in dB.
 *
 *   {"size":64,"pictures":600,"refit":1890,"limit":2010,"share":0.94,"psnr_db":41.2}
 *
 * With `limit` every file is read and decoded once at that scale, by one thread, whatever their
 * number, and the CPU time told: what the pictures of a set cost at least.
 *
 *   {"size":64,"pictures":84660,"cpu_s":27.1} */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h> /* wants stdio.h before it */

#include "base/mem.h"
#include "base/str.h"
#include "io/image.h"
#include "io/picture.h"

struct file {
    uint8_t *bytes; /* owned */
    size_t n;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct file *load(const char *path, size_t *out_n, struct err *e)
{
    int fd;
    if (picture_open_dir(path, &fd, e))
        return NULL;
    DIR *dir = fdopendir(fd);
    struct file *file = NULL;
    struct str why = { 0 };
    size_t n = 0;
    for (const struct dirent *d; dir && (d = readdir(dir));) {
        struct file f = { 0 };
        size_t room = 0;
        enum pixels_status status;
        if (picture_load(fd, d->d_name, 1 << 30, &f.bytes, &room, &f.n, &status, &why, e))
            break;
        if (status != PIXELS_OK || f.n < 3 || memcmp(f.bytes, "\xff\xd8\xff", 3) != 0) {
            free(f.bytes);
            continue;
        }
        file = mem_realloc(file, n + 1, sizeof *file);
        file[n++] = f;
    }
    str_release(&why);
    if (dir)
        closedir(dir);
    *out_n = n;
    return file;
}

/* Leave out what is no whole picture. */
static size_t keep_good(struct file *file, size_t n, const struct image_options *o, uint8_t *out)
{
    size_t n_good = 0;
    for (size_t i = 0; i < n; i++) {
        struct err e = { 0 };
        if (image_pixels(o, file[i].bytes, file[i].n, out, &e) == 0)
            file[n_good++] = file[i];
        else
            free(file[i].bytes);
    }
    return n_good;
}

static void tolerate(j_common_ptr jpeg, int level)
{
    (void)jpeg, (void)level; /* a picture that is cut short costs what there is of it */
}

/* Decode and drop: the physical limit of the method. */
static void limit(const struct file *f, unsigned eighths, uint8_t *row)
{
    struct jpeg_decompress_struct j;
    struct jpeg_error_mgr errors;
    j.err = jpeg_std_error(&errors);
    errors.emit_message = tolerate;
    jpeg_create_decompress(&j);
    jpeg_mem_src(&j, f->bytes, f->n);
    jpeg_read_header(&j, TRUE);
    j.scale_num = eighths;
    j.scale_denom = 8;
    j.out_color_space = j.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&j);
    while (j.output_scanline < j.output_height)
        jpeg_read_scanlines(&j, &row, 1);
    jpeg_finish_decompress(&j);
    jpeg_destroy_decompress(&j);
}

static unsigned eighths_of(const struct file *f, size_t size)
{
    struct jpeg_decompress_struct j;
    struct jpeg_error_mgr errors;
    unsigned n = 8;
    j.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&j);
    jpeg_mem_src(&j, f->bytes, f->n);
    jpeg_read_header(&j, TRUE);
    size_t side = j.image_width < j.image_height ? j.image_width : j.image_height;
    while (n > 1 && side * (n / 2) >= 8 * size)
        n /= 2;
    jpeg_destroy_decompress(&j);
    return n;
}

/* The limit of a whole directory, a file at a time. */
static int limit_of_all(const char *path, size_t size, struct err *e)
{
    int fd, rc = picture_open_dir(path, &fd, e);
    if (rc)
        return rc;
    DIR *dir = fdopendir(fd);
    struct file f = { 0 };
    struct str why = { 0 };
    size_t n = 0, room = 0;
    uint8_t *row = mem_calloc(4, 65536);
    double start = now_s();
    for (const struct dirent *d; dir && rc == 0 && (d = readdir(dir));) {
        enum pixels_status status;
        rc = picture_load(fd, d->d_name, 1 << 30, &f.bytes, &room, &f.n, &status, &why, e);
        if (rc == 0 && status == PIXELS_OK && f.n > 3 && memcmp(f.bytes, "\xff\xd8\xff", 3) == 0) {
            limit(&f, eighths_of(&f, size), row);
            n++;
        }
    }
    printf("{\"size\":%zu,\"pictures\":%zu,\"cpu_s\":%.2f}\n", size, n, now_s() - start);
    free(f.bytes);
    free(row);
    str_release(&why);
    if (dir)
        closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct image_options o = image_defaults(), full;
    long long size = 0, repeats = 5;
    size_t n = 0;
    double sum[2] = { 0 }, square = 0;

    if (argc < 3 || !str_to_int(argv[2], &size) || size < 1 || size > IMAGE_MAX_SIZE ||
        (argc > 3 && strcmp(argv[3], "limit") != 0 && !str_to_int(argv[3], &repeats))) {
        err_set(&e, ERR_USAGE, "usage: bench_pictures DIR SIZE [REPEATS | limit]");
        return err_report(&e, "bench_pictures");
    }
    if (argc > 3 && strcmp(argv[3], "limit") == 0) {
        limit_of_all(argv[1], (size_t)size, &e);
        return err_report(&e, "bench_pictures");
    }
    struct file *file = load(argv[1], &n, &e);
    if (e.code || !n) {
        if (!e.code)
            err_set(&e, ERR_DATA, "no JPEG file in '%s'", argv[1]);
        return err_report(&e, "bench_pictures");
    }
    o.size = size;
    full = o;
    full.dct_scaling = false;
    size_t bytes = 3 * (size_t)size * (size_t)size;
    uint8_t *out = mem_calloc(bytes, 1), *want = mem_calloc(bytes, 1), *row = mem_calloc(4, 65536),
            *scale = mem_calloc(n, 1);
    n = keep_good(file, n, &o, out);
    for (size_t i = 0; i < n; i++)
        scale[i] = (uint8_t)eighths_of(&file[i], (size_t)size);
    for (size_t i = 0; i < n && !e.code; i++) {
        double best[2] = { (double)INFINITY, (double)INFINITY };
        for (long long k = 0; k < repeats; k++) {
            double start = now_s(), middle;
            limit(&file[i], scale[i], row);
            middle = now_s();
            image_pixels(&o, file[i].bytes, file[i].n, out, &e);
            best[0] = fmin(best[0], middle - start);
            best[1] = fmin(best[1], now_s() - middle);
        }
        sum[0] += best[0];
        sum[1] += best[1];
    }
    for (size_t i = 0; i < n && !e.code; i++) {
        image_pixels(&o, file[i].bytes, file[i].n, out, &e);
        image_pixels(&full, file[i].bytes, file[i].n, want, &e);
        for (size_t k = 0; k < bytes; k++)
            square += (out[k] - want[k]) * (out[k] - want[k]);
    }
    double mean = square / ((double)bytes * (double)n);
    printf("{\"size\":%lld,\"pictures\":%zu,\"refit\":%.0f,\"limit\":%.0f,\"share\":%.3f,"
           "\"psnr_db\":%.1f}\n",
           size, n, (double)n / sum[1], (double)n / sum[0], sum[0] / sum[1],
           10 * log10(255 * 255 / fmax(mean, 1e-9)));
    for (size_t i = 0; i < n; i++)
        free(file[i].bytes);
    free(file), free(out), free(want), free(row), free(scale);
    return err_report(&e, "bench_pictures");
}
