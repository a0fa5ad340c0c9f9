#include <setjmp.h>
#include <stdio.h> /* before jpeglib.h, which needs it */
#include <jpeglib.h>

#include <jerror.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/colour.h"
#include "io/image_decode.h"

/* A progressive picture goes over all its pixels once per scan, and a scan may be a few bytes: a
 * bomb. Real pictures have about ten scans. */
static const int64_t max_scans = 100, max_scanned_pixels = 1000000000;

/* All that lives across a longjmp is here, none of it in local variables. */
struct job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf leave;
    char reason[JMSG_LENGTH_MAX];
    struct err limit;       /* an error of our own */
    uint8_t *rows;          /* owned: in it two decoded rows */
    uint8_t *row[2];        /* borrowed */
    uint8_t *rgb;           /* owned: the two in RGB, where that differs */
    struct colour *profile; /* owned: to sRGB; NULL: there is none to follow */
};

static struct job *job_of(j_common_ptr jpeg)
{
    return jpeg->client_data;
}

static _Noreturn void leave(j_common_ptr jpeg)
{
    struct job *job = job_of(jpeg);
    jpeg->err->format_message(jpeg, job->reason);
    longjmp(job->leave, 1);
}

/* Warnings that mean that pixels are missing or invented. Others (bytes between markers, odd
 * headers) are harmless. */
static bool is_damage(int code)
{
    switch (code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
        return true;
    default:
        return false;
    }
}

static void message(j_common_ptr jpeg, int level)
{
    if (level < 0 && is_damage(jpeg->err->msg_code))
        leave(jpeg);
}

static void count_scans(j_common_ptr jpeg)
{
    struct job *job = job_of(jpeg);
    int64_t scans = job->jpeg.input_scan_number;
    if (scans <= max_scans &&
        scans * job->jpeg.image_width * job->jpeg.image_height <= max_scanned_pixels)
        return;
    snprintf(job->reason, sizeof job->reason, "%lld scans or more are too many", (long long)scans);
    longjmp(job->leave, 1);
}

static int orientation(const struct job *job)
{
    static const uint8_t exif[] = { 'E', 'x', 'i', 'f', 0, 0 };
    for (jpeg_saved_marker_ptr m = job->jpeg.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length >= sizeof exif &&
            memcmp(m->data, exif, sizeof exif) == 0)
            return image_exif_orientation(m->data, m->data_length);
    return 1;
}

/* The smallest of 1/1, 1/2, 1/4, 1/8 that leaves `size` pixels on the side that decides: a scaled
 * DCT is itself a mean over areas. */
static unsigned eighths(const struct jpeg_decompress_struct *jpeg, const struct image_options *o)
{
    unsigned n = 8;
    bool wide = jpeg->image_width > jpeg->image_height, longer = o->fit == IMAGE_PAD;
    uint64_t side = wide == longer ? jpeg->image_width : jpeg->image_height;
    while (o->dct_scaling && n > 1 && side * (n / 2) >= 8 * (uint64_t)o->size)
        n /= 2;
    return n;
}

static void open_profile(struct job *job, int n_ink)
{
    struct colour_layout layout = { .n_ink = n_ink,
                                    .inverted = n_ink == 4 && job->jpeg.saw_Adobe_marker };
    JOCTET *icc = NULL;
    unsigned n;
    if (jpeg_read_icc_profile(&job->jpeg, &icc, &n)) {
        job->profile = colour_icc(icc, n, &layout);
        free(icc);
    }
}

/* CMYK as printers mean it: 0 is no ink. Adobe writes it inverted: 255 is no ink. */
static void cmyk_row(const struct job *job, const uint8_t *p, uint8_t *out)
{
    uint8_t flip = job->jpeg.saw_Adobe_marker ? 0 : 255;
    for (JDIMENSION x = 0; x < job->jpeg.output_width; x++, p += 4, out += 3)
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)(((p[c] ^ flip) * (p[3] ^ flip) + 127) / 255);
}

static void read_header(struct job *job, const struct image_options *o, const uint8_t *bytes,
                        size_t n)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = job;
    jpeg->progress = &job->progress;
    job->progress.progress_monitor = count_scans;
    jpeg_mem_src(jpeg, bytes, (unsigned long)n);
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(jpeg, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(jpeg, TRUE);
    if (image_check_pixels(o, jpeg->image_width, jpeg->image_height, &job->limit))
        longjmp(job->leave, 1);
}

static void start(struct job *job, const struct image_options *o, struct canvas *canvas,
                  int orientation)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    bool four = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    bool grey = jpeg->jpeg_color_space == JCS_GRAYSCALE;

    open_profile(job, four ? 4 : grey ? 1 : 3);
    jpeg->out_color_space = four ? JCS_CMYK : grey && job->profile ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->scale_num = eighths(jpeg, o);
    jpeg->scale_denom = 8;
    jpeg_start_decompress(jpeg);
    canvas_start(canvas, jpeg->output_width, jpeg->output_height, orientation);
    /* Not at a multiple of 32: libjpeg-turbo writes aligned rows past the caches, and they are read
     * at once. */
    size_t n = ((size_t)jpeg->output_width * (size_t)jpeg->output_components + 8 + 31) / 32 * 32;
    job->rows = mem_aligned(2, n);
    job->row[0] = job->rows + 8;
    job->row[1] = job->row[0] + n;
    if (four || job->profile)
        job->rgb = mem_calloc(jpeg->output_width, 6);
}

/* A decoded row in RGB. */
static const uint8_t *rgb_of(const struct job *job, int which)
{
    size_t n = job->jpeg.output_width;
    if (!job->rgb)
        return job->row[which];
    uint8_t *out = job->rgb + 3 * n * (size_t)which;
    if (job->profile)
        colour_row(job->profile, job->row[which], out, n);
    else
        cmyk_row(job, job->row[which], out);
    return out;
}

/* Rows go by twos: the canvas wants them so, and the decoder often makes them so. */
static void decode(struct job *job, struct canvas *canvas)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    while (jpeg->output_scanline < jpeg->output_height) {
        JDIMENSION n = jpeg_read_scanlines(jpeg, job->row, 2);
        if (n == 1 && jpeg->output_scanline < jpeg->output_height)
            n += jpeg_read_scanlines(jpeg, job->row + 1, 1);
        if (n == 2)
            canvas_two_rows(canvas, rgb_of(job, 0), rgb_of(job, 1));
        else
            canvas_row(canvas, rgb_of(job, 0));
    }
    jpeg_finish_decompress(jpeg);
}

static int run(struct job *job, const struct image_options *o, const uint8_t *bytes, size_t n,
               struct canvas *canvas, struct err *e)
{
    if (setjmp(job->leave)) {
        if (job->limit.code)
            return err_set(e, job->limit.code, "%s", job->limit.text);
        return err_set(e, ERR_DATA, "damaged JPEG: %s", job->reason);
    }
    read_header(job, o, bytes, n);
    start(job, o, canvas, orientation(job));
    decode(job, canvas);
    return 0;
}

int image_jpeg(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
               struct err *e)
{
    struct job job = { 0 };
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = leave;
    job.errors.emit_message = message;
    int rc = run(&job, o, bytes, n, canvas, e);
    colour_put(job.profile);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.rgb);
    free(job.rows);
    return rc;
}
