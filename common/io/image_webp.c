#include "io/image_decode.h"

#if REFIT_WEBP

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "base/mem.h"
#include "io/colour.h"

/* A file taken apart. The frame is the whole picture, or the first one of an animation, which may
 * cover a part of it. */
struct job {
    WebPData data; /* borrowed */
    WebPDemuxer *demux;
    WebPIterator frame;
    size_t width, height; /* of the picture */
    struct colour *profile;
    uint8_t *pixels;      /* (frame.height, frame.width, 4) owned */
    uint8_t *shown, *rgb; /* owned rows: after the profile; on the background */
};

static int refuse(VP8StatusCode status, struct err *e)
{
    const char *why = status == VP8_STATUS_NOT_ENOUGH_DATA       ? "the file ends too early"
                      : status == VP8_STATUS_OUT_OF_MEMORY       ? "no memory for it"
                      : status == VP8_STATUS_BITSTREAM_ERROR     ? "bad data"
                      : status == VP8_STATUS_UNSUPPORTED_FEATURE ? "an unknown feature"
                                                                 : "the file contradicts itself";
    return err_set(e, ERR_DATA, "damaged WebP: %s", why);
}

/* The demuxer takes only whole files. */
static int take_apart(struct job *job, const struct image_options *o, struct err *e)
{
    WebPDemuxState state;
    int rc;
    job->demux = WebPDemuxPartial(&job->data, &state);
    if (!job->demux || state < WEBP_DEMUX_PARSED_HEADER)
        return refuse(state == WEBP_DEMUX_PARSE_ERROR ? VP8_STATUS_INVALID_PARAM
                                                      : VP8_STATUS_NOT_ENOUGH_DATA,
                      e);
    job->width = WebPDemuxGetI(job->demux, WEBP_FF_CANVAS_WIDTH);
    job->height = WebPDemuxGetI(job->demux, WEBP_FF_CANVAS_HEIGHT);
    if ((rc = image_check_pixels(o, job->width, job->height, e)))
        return rc;
    if (state != WEBP_DEMUX_DONE)
        return refuse(VP8_STATUS_NOT_ENOUGH_DATA, e);
    if (!WebPDemuxGetFrame(job->demux, 1, &job->frame) || job->frame.width < 1 ||
        job->frame.height < 1 || job->frame.x_offset < 0 || job->frame.y_offset < 0 ||
        (size_t)job->frame.x_offset + (size_t)job->frame.width > job->width ||
        (size_t)job->frame.y_offset + (size_t)job->frame.height > job->height)
        return refuse(VP8_STATUS_INVALID_PARAM, e);
    return 0;
}

static int decode(struct job *job, struct err *e)
{
    size_t stride = 4 * (size_t)job->frame.width, n = stride * (size_t)job->frame.height;
    WebPDecoderConfig how;
    if (!WebPInitDecoderConfig(&how))
        return err_set(e, ERR_INTERNAL, "libwebp is of another version than its header");
    job->pixels = mem_calloc(n, 1);
    how.output.colorspace = MODE_RGBA;
    how.output.is_external_memory = 1;
    how.output.u.RGBA.rgba = job->pixels;
    how.output.u.RGBA.stride = (int)stride;
    how.output.u.RGBA.size = n;
    VP8StatusCode status = WebPDecode(job->frame.fragment.bytes, job->frame.fragment.size, &how);
    WebPFreeDecBuffer(&how.output);
    return status == VP8_STATUS_OK ? 0 : refuse(status, e);
}

static struct colour *profile_of(const struct job *job)
{
    static const struct colour_layout layout = { .n_ink = 3, .alpha = 1 };
    WebPChunkIterator chunk;
    struct colour *profile = NULL;
    if (WebPDemuxGetChunk(job->demux, "ICCP", 1, &chunk))
        profile = colour_icc(chunk.chunk.bytes, chunk.chunk.size, &layout);
    WebPDemuxReleaseChunkIterator(&chunk);
    return profile;
}

static int orientation_of(const struct job *job)
{
    WebPChunkIterator chunk;
    int orientation = 1;
    if (WebPDemuxGetChunk(job->demux, "EXIF", 1, &chunk))
        orientation = image_exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

static void paint(struct job *job, const struct image_options *o, struct canvas *canvas)
{
    size_t width = (size_t)job->frame.width, height = (size_t)job->frame.height;
    size_t left = (size_t)job->frame.x_offset, top = (size_t)job->frame.y_offset;
    job->profile = profile_of(job);
    job->shown = mem_calloc(job->width, 4); /* transparent beside the frame */
    job->rgb = mem_calloc(job->width, 3);
    canvas_start(canvas, job->width, job->height, orientation_of(job));
    for (size_t y = 0; y < job->height; y++) {
        uint8_t *to = job->shown + 4 * left;
        if (y < top || y - top >= height)
            memset(to, 0, 4 * width);
        else if (job->profile)
            colour_row(job->profile, job->pixels + 4 * width * (y - top), to, width);
        else
            memcpy(to, job->pixels + 4 * width * (y - top), 4 * width);
        canvas_blend(o, job->shown, job->width, job->rgb);
        canvas_row(canvas, job->rgb);
    }
}

int image_webp(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
               struct err *e)
{
    struct job job = { .data = { bytes, n } };
    int rc;
    if ((rc = take_apart(&job, o, e)) == 0 && (rc = decode(&job, e)) == 0)
        paint(&job, o, canvas);
    WebPDemuxReleaseIterator(&job.frame);
    WebPDemuxDelete(job.demux);
    colour_put(job.profile);
    free(job.rgb);
    free(job.shown);
    free(job.pixels);
    return rc;
}

#else

int image_webp(const struct image_options *o, const uint8_t *bytes, size_t n, struct canvas *canvas,
               struct err *e)
{
    (void)o, (void)bytes, (void)n, (void)canvas;
    return err_set(e, ERR_DATA, "a WebP file: this program was built without libwebp");
}

#endif
