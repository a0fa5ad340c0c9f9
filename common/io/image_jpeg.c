#include <setjmp.h>
#include <stdio.h> /* before jpeglib.h, which needs it */
#include <jpeglib.h>

#include <jerror.h>
#include <lcms2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
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
    struct err limit;      /* an error of our own */
    uint8_t *row, *rgb;    /* owned: a decoded row; the same in RGB where that differs */
    cmsHTRANSFORM profile; /* owned: CMYK to sRGB; NULL: the plain formula */
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

/* The largest of 1/1, 1/2, 1/4, 1/8 that leaves at least twice `size` on both sides. */
static unsigned eighths(const struct jpeg_decompress_struct *jpeg, size_t size)
{
    unsigned n = 8;
    size_t side = jpeg->image_width < jpeg->image_height ? jpeg->image_width : jpeg->image_height;
    while (n > 1 && side * (n / 2) >= 2 * size * 8)
        n /= 2;
    return n;
}

/* A transform by the embedded profile, if there is one that lcms2 can use. */
static void open_profile(struct job *job)
{
    JOCTET *icc = NULL;
    unsigned n;
    if (!jpeg_read_icc_profile(&job->jpeg, &icc, &n))
        return;
    cmsHPROFILE from = cmsOpenProfileFromMem(icc, n), to = cmsCreate_sRGBProfile();
    if (from && to) /* lcms2 refuses a profile of other colours than CMYK */
        job->profile = cmsCreateTransform(
            from, job->jpeg.saw_Adobe_marker ? TYPE_CMYK_8_REV : TYPE_CMYK_8, to, TYPE_RGB_8,
            INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE);
    if (to)
        cmsCloseProfile(to);
    if (from)
        cmsCloseProfile(from);
    free(icc);
}

/* CMYK as printers mean it: 0 is no ink. Adobe writes it inverted: 255 is no ink. */
static void cmyk_row(const struct job *job)
{
    const uint8_t *p = job->row;
    uint8_t *out = job->rgb, flip = job->jpeg.saw_Adobe_marker ? 0 : 255;
    if (job->profile) {
        cmsDoTransform(job->profile, job->row, job->rgb, job->jpeg.output_width);
        return;
    }
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

static void decode(struct job *job, const struct image_options *o, struct resize *r)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    bool four = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;

    jpeg->out_color_space = four ? JCS_CMYK : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->scale_num = eighths(jpeg, (size_t)o->size);
    jpeg->scale_denom = 8;
    jpeg_start_decompress(jpeg);
    resize_init(r, jpeg->output_width, jpeg->output_height, (size_t)o->size, (size_t)o->size);
    job->row = mem_calloc(jpeg->output_width, (size_t)jpeg->output_components);
    if (four) {
        job->rgb = mem_calloc(jpeg->output_width, 3);
        open_profile(job);
    }
    while (jpeg->output_scanline < jpeg->output_height) {
        jpeg_read_scanlines(jpeg, &job->row, 1);
        if (four)
            cmyk_row(job);
        resize_row(r, four ? job->rgb : job->row);
    }
    jpeg_finish_decompress(jpeg);
}

static int run(struct job *job, const struct image_options *o, const uint8_t *bytes, size_t n,
               struct resize *r, int *out_orientation, struct err *e)
{
    if (setjmp(job->leave)) {
        if (job->limit.code)
            return err_set(e, job->limit.code, "%s", job->limit.text);
        return err_set(e, ERR_DATA, "damaged JPEG: %s", job->reason);
    }
    read_header(job, o, bytes, n);
    *out_orientation = orientation(job);
    decode(job, o, r);
    return 0;
}

int image_jpeg(const struct image_options *o, const uint8_t *bytes, size_t n, struct resize *r,
               int *out_orientation, struct err *e)
{
    struct job job = { 0 };
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.jpeg.client_data = &job;
    job.errors.error_exit = leave;
    job.errors.emit_message = message;
    int rc = run(&job, o, bytes, n, r, out_orientation, e);
    if (job.profile)
        cmsDeleteTransform(job.profile);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.rgb);
    free(job.row);
    return rc;
}
