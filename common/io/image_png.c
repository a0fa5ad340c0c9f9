#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/image_decode.h"

/* All that lives across a longjmp is here, none of it in local variables. */
struct job {
    png_structp png;
    png_infop info;
    jmp_buf leave;
    char reason[200];
    struct err limit;     /* an error of our own */
    const uint8_t *bytes; /* borrowed */
    size_t n, at;
    size_t width, height, n_channel;
    uint8_t *pixels; /* owned: one row, or all of an interlaced picture */
    uint8_t *rgb;    /* owned: a row on white */
    uint8_t *exif;   /* owned */
};

static _Noreturn void leave(png_structp png, png_const_charp text)
{
    struct job *job = png_get_error_ptr(png);
    snprintf(job->reason, sizeof job->reason, "%s", text);
    longjmp(job->leave, 1);
}

static void ignore(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep out, size_t n)
{
    struct job *job = png_get_io_ptr(png);
    if (n > job->n - job->at)
        png_error(png, "the file ends too early");
    memcpy(out, job->bytes + job->at, n);
    job->at += n;
}

static int orientation(struct job *job)
{
    static const uint8_t prefix[] = { 'E', 'x', 'i', 'f', 0, 0 };
    png_bytep exif;
    png_uint_32 n;
    if (!png_get_eXIf_1(job->png, job->info, &n, &exif) || n > 1 << 20)
        return 1;
    job->exif = mem_calloc(sizeof prefix + n, 1);
    memcpy(job->exif, prefix, sizeof prefix);
    memcpy(job->exif + sizeof prefix, exif, n);
    return image_exif_orientation(job->exif, sizeof prefix + n);
}

/* Everything becomes 8 bits of RGB, with alpha where there is transparency. */
static void read_header(struct job *job, const struct image_options *o)
{
    png_structp png = job->png;
    png_set_read_fn(png, job, read_bytes);
    png_set_user_limits(png, RESIZE_MAX_IN, RESIZE_MAX_IN);
    png_set_chunk_malloc_max(png, 8 << 20);
    png_read_info(png, job->info);
    job->width = png_get_image_width(png, job->info);
    job->height = png_get_image_height(png, job->info);
    if (image_check_pixels(o, job->width, job->height, &job->limit))
        longjmp(job->leave, 1);
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
}

static void push_row(struct job *job, struct resize *r, const uint8_t *p)
{
    if (job->n_channel == 3) {
        resize_row(r, p);
        return;
    }
    uint8_t *out = job->rgb;
    for (size_t x = 0; x < job->width; x++, p += 4, out += 3)
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((p[c] * p[3] + 255 * (255 - p[3]) + 127) / 255);
    resize_row(r, job->rgb);
}

static void decode(struct job *job, const struct image_options *o, struct resize *r)
{
    png_structp png = job->png;
    int n_pass = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    job->n_channel = png_get_channels(png, job->info);
    size_t stride = png_get_rowbytes(png, job->info);
    if (stride != job->width * job->n_channel || (job->n_channel != 3 && job->n_channel != 4))
        png_error(png, "unexpected layout of pixels");
    resize_init(r, job->width, job->height, (size_t)o->size, (size_t)o->size);
    job->rgb = mem_calloc(job->width, 3);
    job->pixels = mem_calloc(n_pass > 1 ? job->height : 1, stride);
    for (int pass = 0; pass + 1 < n_pass; pass++)
        for (size_t y = 0; y < job->height; y++)
            png_read_row(png, job->pixels + y * stride, NULL);
    for (size_t y = 0; y < job->height; y++) {
        uint8_t *row = job->pixels + (n_pass > 1 ? y * stride : 0);
        png_read_row(png, row, NULL);
        push_row(job, r, row);
    }
    png_read_end(png, NULL);
}

static int run(struct job *job, const struct image_options *o, struct resize *r,
               int *out_orientation, struct err *e)
{
    if (setjmp(job->leave)) {
        if (job->limit.code)
            return err_set(e, job->limit.code, "%s", job->limit.text);
        return err_set(e, ERR_DATA, "damaged PNG: %s", job->reason);
    }
    read_header(job, o);
    *out_orientation = orientation(job);
    decode(job, o, r);
    return 0;
}

int image_png(const struct image_options *o, const uint8_t *bytes, size_t n, struct resize *r,
              int *out_orientation, struct err *e)
{
    struct job job = { .bytes = bytes, .n = n };
    int rc;
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, leave, ignore);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (job.info)
        rc = run(&job, o, r, out_orientation, e);
    else
        rc = err_set(e, ERR_INTERNAL, "libpng %s does not start", PNG_LIBPNG_VER_STRING);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.exif);
    free(job.rgb);
    free(job.pixels);
    return rc;
}
