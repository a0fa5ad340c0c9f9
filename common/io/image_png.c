#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/colour.h"
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
    size_t width, height;
    bool alpha;
    struct colour *profile; /* owned: to sRGB; NULL: there is none to follow */
    uint8_t *pixels;        /* owned: one row, or all of an interlaced picture */
    uint8_t *shown;         /* owned: a row after the profile */
    uint8_t *rgb;           /* owned: a row on the background */
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
    png_bytep exif;
    png_uint_32 n;
    if (!png_get_eXIf_1(job->png, job->info, &n, &exif))
        return 1;
    return image_exif_orientation(exif, n);
}

/* gAMA within 5 % of 1/2.2, as libpng has it, and primaries within .005 are meant to be sRGB's. */
static struct colour *stated_colour(struct job *job, const struct colour_layout *layout)
{
    static const double srgb[8] = { .3127, .3290, .64, .33, .30, .60, .15, .06 };
    double value = 0, xy[8], gamma = 0;
    bool other = false;
    if (!png_get_gAMA(job->png, job->info, &value) || !(value > .01 && value < 100))
        return NULL;
    if (value * 2.2 < .95 || value * 2.2 > 1.05)
        gamma = 1 / value;
    if (layout->n_ink == 3 && png_get_cHRM(job->png, job->info, xy, xy + 1, xy + 2, xy + 3, xy + 4,
                                           xy + 5, xy + 6, xy + 7))
        for (int i = 0; i < 8; i++)
            other = other || xy[i] < srgb[i] - .005 || xy[i] > srgb[i] + .005;
    return gamma > 0 || other ? colour_gamma(gamma, other ? xy : NULL, layout) : NULL;
}

/* PNG specification, third edition, 4.3: iCCP, then sRGB, then gAMA and cHRM. */
static struct colour *colour_of(struct job *job, const struct colour_layout *layout)
{
    png_charp name;
    png_bytep icc;
    png_uint_32 n;
    int how;
    if (png_get_iCCP(job->png, job->info, &name, &how, &icc, &n))
        return colour_icc(icc, n, layout);
    if (png_get_sRGB(job->png, job->info, &how))
        return NULL;
    return stated_colour(job, layout);
}

/* Chunks that say nothing of the pixels are passed over: texts of a few kB unpack to 8 MB each, a
 * thousand times. */
static void skip_chunks(png_structp png)
{
    static const char name[][5] = { "tEXt", "zTXt", "iTXt", "sPLT", "hIST", "pCAL",
                                    "sCAL", "pHYs", "oFFs", "tIME", "bKGD", "sBIT" };
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, (png_const_bytep)name,
                                (int)(sizeof name / sizeof *name));
}

/* Everything becomes 8 bits of RGB, with alpha where there is transparency; what a profile is to be
 * applied to keeps its 16 bits and its grey until then. */
static void read_header(struct job *job, const struct image_options *o)
{
    png_structp png = job->png;
    png_set_read_fn(png, job, read_bytes);
    png_set_user_limits(png, RESIZE_MAX_IN, RESIZE_MAX_IN);
    png_set_chunk_malloc_max(png, 8 << 20);
    skip_chunks(png);
    png_read_info(png, job->info);
    job->width = png_get_image_width(png, job->info);
    job->height = png_get_image_height(png, job->info);
    if (image_check_pixels(o, job->width, job->height, &job->limit))
        longjmp(job->leave, 1);

    int kind = png_get_color_type(png, job->info);
    job->alpha = kind & PNG_COLOR_MASK_ALPHA || png_get_valid(png, job->info, PNG_INFO_tRNS);
    struct colour_layout layout = { .n_ink = kind & PNG_COLOR_MASK_COLOR ? 3 : 1,
                                    .alpha = job->alpha,
                                    .wide = png_get_bit_depth(png, job->info) == 16 };
    job->profile = colour_of(job, &layout);
    png_set_expand(png);
    if (!job->profile) {
        png_set_scale_16(png);
        png_set_gray_to_rgb(png);
    } else if (layout.wide) {
        png_set_swap(png); /* the file is big endian */
    }
}

static void push_row(struct job *job, const struct image_options *o, struct canvas *canvas,
                     const uint8_t *row)
{
    if (job->profile) {
        colour_row(job->profile, row, job->shown, job->width);
        row = job->shown;
    }
    if (job->alpha) {
        canvas_blend(o, row, job->width, job->rgb);
        row = job->rgb;
    }
    canvas_row(canvas, row);
}

static void decode(struct job *job, const struct image_options *o, struct canvas *canvas)
{
    png_structp png = job->png;
    int n_pass = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    size_t stride = png_get_rowbytes(png, job->info), n_out = job->alpha ? 4 : 3;
    if (!job->profile && stride != job->width * n_out)
        png_error(png, "unexpected layout of pixels");
    canvas_start(canvas, job->width, job->height, orientation(job));
    job->rgb = mem_calloc(job->width, 3);
    job->shown = mem_calloc(job->profile ? job->width : 0, n_out);
    job->pixels = mem_calloc(n_pass > 1 ? job->height : 1, stride);
    for (int pass = 0; pass + 1 < n_pass; pass++)
        for (size_t y = 0; y < job->height; y++)
            png_read_row(png, job->pixels + y * stride, NULL);
    for (size_t y = 0; y < job->height; y++) {
        uint8_t *row = job->pixels + (n_pass > 1 ? y * stride : 0);
        png_read_row(png, row, NULL);
        push_row(job, o, canvas, row);
    }
    png_read_end(png, NULL);
}

static int run(struct job *job, const struct image_options *o, struct canvas *canvas, struct err *e)
{
    if (setjmp(job->leave)) {
        if (job->limit.code)
            return err_set(e, job->limit.code, "%s", job->limit.text);
        return err_set(e, ERR_DATA, "damaged PNG: %s", job->reason);
    }
    read_header(job, o);
    decode(job, o, canvas);
    return 0;
}

int image_png(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
              struct err *e)
{
    struct job job = { .bytes = bytes, .n = n };
    int rc;
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, leave, ignore);
    job.info = job.png ? png_create_info_struct(job.png) : NULL;
    if (job.info)
        rc = run(&job, o, canvas, e);
    else
        rc = err_set(e, ERR_INTERNAL, "libpng %s does not start", PNG_LIBPNG_VER_STRING);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    colour_put(job.profile);
    free(job.shown);
    free(job.rgb);
    free(job.pixels);
    return rc;
}
