#include "data/generate/drawing.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* wants stdio.h before it */

#include "base/mem.h"

bool chance(struct rng *r, uint64_t percent)
{
    return rng_below(r, 100) < percent;
}

int between(struct rng *r, int low, int high)
{
    return low + (int)rng_below(r, (uint64_t)high - (uint64_t)low + 1);
}

struct rgb {
    int r, g, b;
};

/** How one picture is drawn: sizes in pixels, place and tilt of the object, its colours and
 * background. */
struct scene {
    enum drawing drawing;
    int width, height;
    double x, y, scale, sine, cosine; /* the object's frame in a square of -1 .. 1 */
    struct rgb main, second, back_top, back_bottom;
    int noise, detail; /* noise: amplitude in grey levels */
};

/** A canvas: RGB bytes, and which of its pixels show background only. Owned. */
struct canvas {
    int width, height;
    uint8_t *rgb, *back;
};

static struct rgb jitter(struct rng *r, struct rgb c, int by)
{
    int *part[3] = { &c.r, &c.g, &c.b };
    for (int i = 0; i < 3; i++) {
        int v = *part[i] + between(r, -by, by);
        *part[i] = v < 0 ? 0 : v > 255 ? 255 : v;
    }
    return c;
}

static struct scene scene_draw(struct rng *r, enum drawing drawing)
{
    static const struct rgb palette[][2] = {
        [DRAW_BOOK] = { { 190, 50, 40 }, { 245, 235, 210 } },
        [DRAW_CASE] = { { 40, 60, 190 }, { 205, 210, 220 } },
        [DRAW_CONSOLE] = { { 45, 45, 50 }, { 230, 70, 60 } },
        [DRAW_FIGURE] = { { 240, 200, 40 }, { 150, 60, 170 } },
        [DRAW_TABLE] = { { 130, 85, 45 }, { 165, 115, 65 } },
        [DRAW_GARDEN] = { { 250, 250, 245 }, { 225, 60, 60 } },
        [DRAW_WAVES] = { { 60, 170, 215 }, { 215, 240, 250 } },
    };
    static const struct rgb wall[] = {
        { 250, 250, 250 }, { 225, 225, 230 }, { 240, 230, 215 }, { 205, 215, 215 }
    };
    double a = (rng_uniform(r) - 0.5) * 0.7, a2 = a * a; /* tilt in radians, +-20 degrees */
    struct scene s = {
        .drawing = drawing,
        .width = between(r, 64, 88),
        .height = between(r, 64, 88),
        .x = (rng_uniform(r) - 0.5) * 0.3,
        .y = (rng_uniform(r) - 0.5) * 0.3,
        .scale = 0.75 + 0.35 * rng_uniform(r),
        .sine = a * (1 - a2 / 6 * (1 - a2 / 20)),
        .cosine = 1 - a2 / 2 * (1 - a2 / 12 * (1 - a2 / 30)),
        .noise = between(r, 2, 9),
        .detail = between(r, 0, 3),
    };
    s.main = jitter(r, palette[drawing][0], 30);
    s.second = jitter(r, palette[drawing][1], 20);
    s.back_top = jitter(r, wall[rng_below(r, 4)], 12);
    s.back_bottom = chance(r, 50) ? s.back_top : jitter(r, wall[rng_below(r, 4)], 12);
    if (drawing == DRAW_GARDEN && chance(r, 90))
        s.back_bottom = jitter(r, (struct rgb){ 85, 160, 70 }, 20); /* a lawn */
    return s;
}

static bool in_box(double u, double v, double u0, double u1, double v0, double v1)
{
    return u >= u0 && u <= u1 && v >= v0 && v <= v1;
}

static bool in_disc(double u, double v, double u0, double v0, double radius)
{
    return (u - u0) * (u - u0) + (v - v0) * (v - v0) <= radius * radius;
}

/** Distance from the nearest even number, 0 .. 1: a wave of straight lines. */
static double zigzag(double x)
{
    double rest = (x + 1000) / 2 - (double)(long long)((x + 1000) / 2);
    return rest < 0.5 ? 2 * rest : 2 - 2 * rest;
}

static bool paint_book(const struct scene *s, double u, double v, struct rgb *out)
{
    if (!in_box(u, v, -0.6, 0.6, -0.85, 0.85))
        return false;
    bool title = in_box(u, v, -0.3, 0.5, -0.6, -0.35) ||
                 (s->detail & 1 && in_box(u, v, -0.1, 0.5, -0.2, -0.1));
    bool drawing = s->detail & 2 ? in_disc(u, v, 0.1, 0.35, 0.28)
                                 : in_box(u, v, -0.2, 0.4, 0.15, 0.6);
    *out = title || drawing ? s->second : s->main;
    if (u < -0.45)
        *out = (struct rgb){ s->main.r / 2, s->main.g / 2, s->main.b / 2 };
    return true;
}

static bool paint_case(const struct scene *s, double u, double v, struct rgb *out)
{
    if (!in_box(u, v, -0.75, 0.75, -0.8, 0.8))
        return false;
    bool disc = in_disc(u, v, 0, 0.1, 0.55) && !in_disc(u, v, 0, 0.1, 0.14);
    *out = disc || (v < -0.62 && s->detail & 1) ? s->second : s->main;
    return true;
}

static bool paint_console(const struct scene *s, double u, double v, struct rgb *out)
{
    static const struct rgb light = { 200, 200, 205 };
    if (!in_box(u, v, -0.75, 0.75, -0.42, 0.42) && !in_disc(u, v, -0.72, 0.1, 0.4) &&
        !in_disc(u, v, 0.72, 0.1, 0.4))
        return false;
    bool cross = in_box(u, v, -0.75, -0.35, -0.07, 0.07) || in_box(u, v, -0.62, -0.48, -0.2, 0.2);
    bool buttons = in_disc(u, v, 0.45, 0.08, 0.13) || in_disc(u, v, 0.72, -0.08, 0.13);
    *out = cross || (s->detail & 1 && in_box(u, v, -0.2, 0.2, -0.25, 0.2)) ? light
           : buttons                                                       ? s->second
                                                                           : s->main;
    return true;
}

static bool paint_figure(const struct scene *s, double u, double v, struct rgb *out)
{
    bool head = in_disc(u, v, 0, -0.52, 0.32), body = in_box(u, v, -0.3, 0.3, -0.25, 0.4);
    bool arms = in_box(u, v, -0.65, 0.65, -0.15, 0.02),
         legs = in_box(u, v, -0.28, 0.28, 0.4, 0.9) && (u < -0.06 || u > 0.06);
    bool eyes = in_disc(u, v, -0.12, -0.55, 0.06) || in_disc(u, v, 0.12, -0.55, 0.06);
    if (!head && !body && !arms && !legs)
        return false;
    *out = eyes ? (struct rgb){ 20, 20, 20 } : head || (arms && !body) ? s->main : s->second;
    if (legs && s->detail & 1)
        *out = s->main;
    return true;
}

static bool paint_table(const struct scene *s, double u, double v, struct rgb *out)
{
    bool top = in_box(u, v, -0.95, 0.95, -0.4, -0.18),
         shelf = s->detail & 1 && in_box(u, v, -0.7, 0.7, 0.3, 0.4);
    bool leg = in_box(u, v, -0.85, 0.85, -0.18, 0.8) &&
               (u < -0.65 || u > 0.65 || (s->detail & 2 && u > -0.1 && u < 0.1));
    *out = top ? s->main : s->second;
    if (top && zigzag(v * 22 + u) < 0.3)
        *out = (struct rgb){ s->main.r * 3 / 4, s->main.g * 3 / 4, s->main.b * 3 / 4 };
    return top || leg || shelf;
}

static bool paint_garden(const struct scene *s, double u, double v, struct rgb *out)
{
    bool roof = v < -0.1 && in_disc(u, v, 0, -0.1, 0.85),
         pole = in_box(u, v, -0.05, 0.05, -0.1, 0.85);
    bool seat = in_box(u, v, -0.7, -0.2, 0.45, 0.55) || in_box(u, v, 0.2, 0.7, 0.45, 0.55);
    *out = roof && zigzag(u * (s->detail & 1 ? 3 : 5)) < 0.5 ? s->second : s->main;
    return roof || pole || seat;
}

static bool paint_waves(const struct scene *s, double u, double v, struct rgb *out)
{
    if (!in_box(u, v, -0.9, 0.9, -0.75, 0.75))
        return false;
    *out = zigzag(v * (5 + s->detail) + zigzag(u * 4)) < 0.35 ? s->second : s->main;
    return true;
}

static bool paint(const struct scene *s, double u, double v, struct rgb *out)
{
    static bool (*const by_drawing[])(const struct scene *, double, double, struct rgb *) = {
        [DRAW_BOOK] = paint_book,     [DRAW_CASE] = paint_case,   [DRAW_CONSOLE] = paint_console,
        [DRAW_FIGURE] = paint_figure, [DRAW_TABLE] = paint_table, [DRAW_GARDEN] = paint_garden,
        [DRAW_WAVES] = paint_waves,
    };
    return by_drawing[s->drawing](s, u, v, out);
}

static uint8_t clip(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/** Draw with four samples a pixel, and noise. */
static struct canvas canvas_draw(struct rng *r, const struct scene *s)
{
    struct canvas c = { .width = s->width, .height = s->height };
    size_t n = (size_t)c.width * (size_t)c.height;
    double half = (c.width < c.height ? c.width : c.height) / 2.0;

    c.rgb = mem_calloc(n, 3);
    c.back = mem_calloc(n, 1);
    for (int y = 0; y < c.height; y++)
        for (int x = 0; x < c.width; x++) {
            struct rgb sum = { 0 }, ground = y * 3 < c.height * 2 ? s->back_top : s->back_bottom;
            int seen = 0;
            for (int k = 0; k < 4; k++) {
                double px = (x + 0.25 + 0.5 * (k & 1) - c.width / 2.0) / half - s->x;
                double py = (y + 0.25 + 0.5 * (k >> 1) - c.height / 2.0) / half - s->y;
                double u = (px * s->cosine + py * s->sine) / s->scale,
                       v = (py * s->cosine - px * s->sine) / s->scale;
                struct rgb one = ground;
                if (paint(s, u, v, &one))
                    seen++;
                else
                    one = ground;
                sum = (struct rgb){ sum.r + one.r, sum.g + one.g, sum.b + one.b };
            }
            uint64_t bits = rng_u64(r);
            int grain = ((int)(bits & 255) + (int)(bits >> 8 & 255) - 255) * s->noise / 256;
            uint8_t *to = c.rgb + 3 * ((size_t)y * (size_t)c.width + (size_t)x);
            to[0] = clip(sum.r / 4 + grain);
            to[1] = clip(sum.g / 4 + grain);
            to[2] = clip(sum.b / 4 + grain);
            c.back[(size_t)y * (size_t)c.width + (size_t)x] = seen == 0;
        }
    return c;
}

static void canvas_release(struct canvas *c)
{
    free(c->rgb);
    free(c->back);
    *c = (struct canvas){ 0 };
}

/** The canvas turned a quarter to the left: what a camera held upright stores with Orientation 6.
 */
static struct canvas canvas_turn_left(const struct canvas *c)
{
    struct canvas t = { .width = c->height, .height = c->width };
    t.rgb = mem_calloc((size_t)c->width * (size_t)c->height, 3);
    for (int y = 0; y < t.height; y++)
        for (int x = 0; x < t.width; x++)
            memcpy(t.rgb + 3 * (y * t.width + x), c->rgb + 3 * (x * c->width + c->width - 1 - y),
                   3);
    return t;
}

/** One row of the canvas in the colours of the file. Adobe's CMYK is stored inverted: 255 is no
 * ink. */
static void convert_row(const uint8_t *rgb, int width, enum picture_case how, uint8_t *out)
{
    for (int x = 0; x < width; x++, rgb += 3) {
        int most = rgb[0] > rgb[1] ? rgb[0] : rgb[1];
        most = most > rgb[2] ? most : rgb[2];
        if (how == GREY) {
            *out++ = (uint8_t)((rgb[0] * 77 + rgb[1] * 150 + rgb[2] * 29) >> 8);
            continue;
        }
        for (int i = 0; i < 3; i++)
            *out++ = (uint8_t)(how != CMYK ? rgb[i] : most ? rgb[i] * 255 / most : 255);
        if (how == CMYK)
            *out++ = (uint8_t)most;
    }
}

static void encode_jpeg(const struct canvas *c, enum picture_case how, struct str *out)
{
    static const uint8_t exif[] =
        "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0"; /* Orientation = 6 */
    struct jpeg_error_mgr errors;
    struct jpeg_compress_struct j = { .err = jpeg_std_error(&errors) };
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    uint8_t *row = mem_calloc((size_t)c->width, 4);

    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &bytes, &n);
    j.image_width = (JDIMENSION)c->width;
    j.image_height = (JDIMENSION)c->height;
    j.input_components = how == GREY ? 1 : how == CMYK ? 4 : 3;
    j.in_color_space = how == GREY ? JCS_GRAYSCALE : how == CMYK ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&j); /* CMYK: stays CMYK, with an Adobe marker */
    jpeg_set_quality(&j, c->width > 100 ? 84 : 75, TRUE); /* 500 x 500: about 30 kB, as in shops */
    j.dct_method = JDCT_ISLOW;                            /* the same bits with and without SIMD */
    if (how == PROGRESSIVE)
        jpeg_simple_progression(&j);
    jpeg_start_compress(&j, TRUE);
    if (how == ROTATED)
        jpeg_write_marker(&j, JPEG_APP0 + 1, exif,
                          sizeof exif); /* the literal's own NUL is the last byte */
    for (int y = 0; y < c->height; y++) {
        convert_row(c->rgb + 3 * y * c->width, c->width, how, row);
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    str_add(out, (const char *)bytes, how == TRUNCATED ? n * 3 / 5 : n);
    free(bytes);
    free(row);
}

static void png_to_str(png_structp png, png_bytep bytes, size_t n)
{
    str_add(png_get_io_ptr(png), (const char *)bytes, n);
}

/** Colour, or a palette of 216 colours and one transparent entry in place of the background. */
static void encode_png(const struct canvas *c, enum picture_case how, struct str *out)
{
    enum { LEVELS = 6, COLOURS = LEVELS * LEVELS * LEVELS };
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t *row = mem_calloc((size_t)c->width, 3), opacity[COLOURS + 1];
    png_color colour[COLOURS + 1] = { { 0 } };
    bool palette = how == PALETTE_PNG;

    png_set_write_fn(png, out, png_to_str, NULL);
    png_set_IHDR(png, info, (png_uint_32)c->width, (png_uint_32)c->height, 8,
                 palette ? PNG_COLOR_TYPE_PALETTE : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    for (int i = 0; i <= COLOURS; i++) {
        colour[i].red = (png_byte)(i / 36 % LEVELS * 51);
        colour[i].green = (png_byte)(i / 6 % LEVELS * 51);
        colour[i].blue = (png_byte)(i % LEVELS * 51);
        opacity[i] = i < COLOURS ? 255 : 0;
    }
    if (palette) {
        png_set_PLTE(png, info, colour, COLOURS + 1);
        png_set_tRNS(png, info, opacity, COLOURS + 1, NULL);
    }
    png_write_info(png, info);
    for (int y = 0; y < c->height; y++) {
        const uint8_t *from = c->rgb + 3 * y * c->width;
        memcpy(row, from, 3 * (size_t)c->width);
        for (int x = 0; palette && x < c->width; x++) {
            const uint8_t *p = from + 3 * x;
            row[x] = (uint8_t)((p[0] + 25) / 51 * 36 + (p[1] + 25) / 51 * 6 + (p[2] + 25) / 51);
            if (c->back[y * c->width + x])
                row[x] = COLOURS;
        }
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(row);
}

void drawing_make(struct rng *r, enum drawing drawing, enum picture_case how, int side,
                  struct str *out)
{
    struct scene s = scene_draw(r, drawing);
    if (side)
        s.width = s.height = side;
    struct canvas c = canvas_draw(r, &s);
    if (how == PALETTE_PNG || how == COLOUR_PNG) {
        encode_png(&c, how, out);
    } else if (how == ROTATED) {
        struct canvas turned = canvas_turn_left(&c);
        encode_jpeg(&turned, how, out);
        canvas_release(&turned);
    } else if (how != MISSING) {
        encode_jpeg(&c, how, out);
    }
    canvas_release(&c);
}
