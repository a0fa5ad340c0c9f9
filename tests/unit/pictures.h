#ifndef TESTS_PICTURES_H
#define TESTS_PICTURES_H

/* Picture files made in memory, for tests. Include after near.h. Bytes are owned by the caller. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after stdio.h */
#include <jpeglib.h>
#include <png.h>

#include "base/mem.h"

struct file_bytes {
    uint8_t *bytes;
    size_t n;
};

struct jpeg_plan {
    unsigned width, height;
    int n_component;       /* 1, 3, 4 */
    J_COLOR_SPACE in, out; /* of the pixels given; of the file */
    bool progressive, arithmetic;
    const jpeg_scan_info *scan; /* n_scan of them, instead of the usual ones */
    int n_scan;
    int restart;         /* rows between restart markers; 0: none */
    const uint8_t *exif; /* APP1 content */
    unsigned n_exif;
    const uint8_t *icc;
    unsigned n_icc;
};

/** Encode (height, width, n_component), quality 95, no chroma subsampling. */
static struct file_bytes make_jpeg(const struct jpeg_plan *p, const uint8_t *pixels)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long n = 0;

    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    c.image_width = p->width;
    c.image_height = p->height;
    c.input_components = p->n_component;
    c.in_color_space = p->in;
    jpeg_set_defaults(&c);
    jpeg_set_colorspace(&c, p->out);
    jpeg_set_quality(&c, 95, TRUE);
    for (int i = 0; i < c.num_components; i++)
        c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
    c.restart_in_rows = p->restart;
    c.arith_code = p->arithmetic;
    if (p->progressive)
        jpeg_simple_progression(&c);
    if (p->scan) {
        c.scan_info = p->scan;
        c.num_scans = p->n_scan;
    }
    jpeg_start_compress(&c, TRUE);
    if (p->exif)
        jpeg_write_marker(&c, JPEG_APP0 + 1, p->exif, p->n_exif);
    if (p->icc)
        jpeg_write_icc_profile(&c, p->icc, p->n_icc);
    while (c.next_scanline < c.image_height) {
        const uint8_t *row = pixels + (size_t)c.next_scanline * p->width * (size_t)p->n_component;
        uint8_t *copy = mem_calloc(p->width, (size_t)p->n_component);
        memcpy(copy, row, p->width * (size_t)p->n_component);
        jpeg_write_scanlines(&c, &copy, 1);
        free(copy);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return (struct file_bytes){ out, n };
}

struct png_plan {
    unsigned width, height;
    int depth, color; /* PNG_COLOR_TYPE_... */
    bool interlaced;
    const png_color *palette;
    int n_palette;
    const uint8_t *trns; /* palette alpha */
    int n_trns;
    const uint8_t *exif;
    unsigned n_exif;
    const uint8_t *icc;
    unsigned n_icc;
    bool srgb;
    double gamma;       /* gAMA; 0: none */
    const double *chrm; /* white, red, green, blue: x, y */
};

static void png_to_memory(png_structp png, png_bytep data, size_t n)
{
    struct file_bytes *f = png_get_io_ptr(png);
    f->bytes = mem_realloc(f->bytes, f->n + n, 1);
    memcpy(f->bytes + f->n, data, n);
    f->n += n;
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

/** Encode rows as PNG lays them out (packed below 8 bits, big endian at 16), `stride` bytes apart;
 * 0: one row for all. */
static struct file_bytes make_png(const struct png_plan *p, const uint8_t *rows, size_t stride)
{
    struct file_bytes f = { 0 };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &f, png_to_memory, png_flush_nothing);
    png_set_IHDR(png, info, p->width, p->height, p->depth, p->color,
                 p->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (p->icc)
        png_set_iCCP(png, info, "profile", 0, p->icc, p->n_icc);
    if (p->srgb)
        png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    if (p->gamma > 0)
        png_set_gAMA(png, info, p->gamma);
    if (p->chrm)
        png_set_cHRM(png, info, p->chrm[0], p->chrm[1], p->chrm[2], p->chrm[3], p->chrm[4],
                     p->chrm[5], p->chrm[6], p->chrm[7]);
    if (p->palette)
        png_set_PLTE(png, info, p->palette, p->n_palette);
    if (p->trns)
        png_set_tRNS(png, info, p->trns, p->n_trns, NULL);
    if (p->exif) {
        uint8_t *copy = mem_calloc(p->n_exif, 1);
        memcpy(copy, p->exif, p->n_exif);
        png_set_eXIf_1(png, info, p->n_exif, copy);
        free(copy);
    }
    png_write_info(png, info);
    int n_pass = png_set_interlace_handling(png);
    for (int pass = 0; pass < n_pass; pass++)
        for (unsigned y = 0; y < p->height; y++)
            png_write_row(png, rows + y * stride);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return f;
}

/** An EXIF block, "Exif\0\0" first, that holds nothing but an orientation. Returns its size, at
 * most 32. */
static inline unsigned make_exif(uint8_t *out, int orientation, bool big_endian)
{
    static const uint8_t little[] = {
        'E',  'x',  'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
        0x12, 0x01, 3,   0,   1, 0, 0,   0,   0,  0, 0, 0, 0, 0, 0, 0
    };
    static const uint8_t big[] = { 'E',  'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
                                   0x01, 0x12, 0,   3,   0, 0, 0,   1,   0, 0,  0, 0, 0, 0, 0, 0 };
    memcpy(out, big_endian ? big : little, sizeof little);
    out[big_endian ? 25 : 24] = (uint8_t)orientation;
    return sizeof little;
}

#endif
