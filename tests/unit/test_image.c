#include "near.h"
#include "pictures.h"

#include <lcms2.h>

#include "base/str.h"
#include "io/image.h"
#include "num/rng.h"

enum { S = 16, BYTES = 3 * S * S };

static struct image_options options(void)
{
    struct image_options o = image_defaults();
    o.size = S;
    return o;
}

static void read_ok(struct file_bytes f, uint8_t out[BYTES])
{
    struct image_options o = options();
    struct err e = { 0 };
    assert_ok(image_pixels(&o, f.bytes, f.n, out, &e), e);
}

static void refused(const uint8_t *bytes, size_t n, const char *why)
{
    struct image_options o = options();
    struct err e = { 0 };
    uint8_t out[BYTES];
    assert_error(image_pixels(&o, bytes, n, out, &e), ERR_DATA, e, why);
}

/* A smooth picture whose four corners differ: (S, S, 3). */
static void gradient(uint8_t p[BYTES])
{
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++) {
            p[3 * (y * S + x)] = (uint8_t)(20 + 13 * x);
            p[3 * (y * S + x) + 1] = (uint8_t)(20 + 13 * y);
            p[3 * (y * S + x) + 2] = (uint8_t)(100 + 3 * x - 2 * y);
        }
}

static void assert_close(const uint8_t *a, const uint8_t *b, int tolerance)
{
    for (int i = 0; i < BYTES; i++)
        if (abs(a[i] - b[i]) > tolerance)
            fail_msg("pixel %d,%d channel %d is %d, want %d within %d", i / 3 % S, i / 3 / S, i % 3,
                     a[i], b[i], tolerance);
}

static struct jpeg_plan rgb_plan(void)
{
    return (struct jpeg_plan){
        .width = S, .height = S, .n_component = 3, .in = JCS_RGB, .out = JCS_YCbCr
    };
}

/* ---- JPEG ---- */

static void every_kind_of_jpeg_shows_its_colours(void **state)
{
    (void)state;
    uint8_t want[BYTES], got[BYTES];
    gradient(want);
    for (int kind = 0; kind < 4; kind++) {
        struct jpeg_plan p = rgb_plan();
        p.progressive = kind & 1;
        p.out = kind & 2 ? JCS_RGB : JCS_YCbCr;
        struct file_bytes f = make_jpeg(&p, want);
        read_ok(f, got);
        assert_close(got, want, 4);
        free(f.bytes);
    }
}

static void a_grey_jpeg_becomes_rgb(void **state)
{
    (void)state;
    uint8_t grey[S * S], want[BYTES], got[BYTES];
    for (int i = 0; i < S * S; i++)
        grey[i] = want[3 * i] = want[3 * i + 1] = want[3 * i + 2] = (uint8_t)(i / S * 10 + 40);
    struct jpeg_plan p = {
        .width = S, .height = S, .n_component = 1, .in = JCS_GRAYSCALE, .out = JCS_GRAYSCALE
    };
    struct file_bytes f = make_jpeg(&p, grey);
    read_ok(f, got);
    assert_close(got, want, 2);
    free(f.bytes);
}

/* Ink as Adobe writes it: 255 is none. libjpeg puts the Adobe marker into CMYK and YCCK files. */
static void cmyk_and_ycck_become_rgb(void **state)
{
    (void)state;
    uint8_t rgb[BYTES], ink[4 * S * S], got[BYTES];
    gradient(rgb);
    for (int i = 0; i < S * S; i++) {
        int most = rgb[3 * i] > rgb[3 * i + 1] ? rgb[3 * i] : rgb[3 * i + 1];
        most = most > rgb[3 * i + 2] ? most : rgb[3 * i + 2];
        for (int c = 0; c < 3; c++)
            ink[4 * i + c] = (uint8_t)((rgb[3 * i + c] * 255 + most / 2) / most);
        ink[4 * i + 3] = (uint8_t)most;
    }
    for (int kind = 0; kind < 2; kind++) {
        struct jpeg_plan p = { .width = S,
                               .height = S,
                               .n_component = 4,
                               .in = JCS_CMYK,
                               .out = kind ? JCS_YCCK : JCS_CMYK };
        struct file_bytes f = make_jpeg(&p, ink);
        read_ok(f, got);
        assert_close(got, rgb, 12);
        free(f.bytes);
    }
}

/* Without Adobe's marker 0 is no ink. */
static void cmyk_without_adobe_marker_is_not_inverted(void **state)
{
    (void)state;
    uint8_t ink[4 * S * S], got[BYTES], want[BYTES];
    for (int i = 0; i < S * S; i++) {
        ink[4 * i] = 200, ink[4 * i + 1] = 50, ink[4 * i + 2] = 0, ink[4 * i + 3] = 51;
        want[3 * i] = 44, want[3 * i + 1] = 164, want[3 * i + 2] = 204;
    }
    struct jpeg_plan p = {
        .width = S, .height = S, .n_component = 4, .in = JCS_CMYK, .out = JCS_CMYK
    };
    struct file_bytes f = make_jpeg(&p, ink);
    assert_int_equal(f.bytes[3], 0xee); /* APP14, 14 bytes + 2 of the marker */
    memmove(f.bytes + 2, f.bytes + 18, f.n - 18);
    f.n -= 16;
    read_ok(f, got);
    assert_close(got, want, 3);
    free(f.bytes);
}

/* A CMYK profile is not easily made; one that is none of CMYK must be passed over, not used. */
static void a_profile_that_does_not_fit_is_passed_over(void **state)
{
    (void)state;
    uint8_t ink[4 * S * S], got[BYTES], want[BYTES], icc[8192];
    cmsUInt32Number n = sizeof icc;
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    assert_true(cmsSaveProfileToMem(srgb, icc, &n));
    cmsCloseProfile(srgb);
    memset(ink, 128, sizeof ink);
    memset(want, 64, sizeof want);
    for (int broken = 0; broken < 2; broken++) {
        struct jpeg_plan p = { .width = S,
                               .height = S,
                               .n_component = 4,
                               .in = JCS_CMYK,
                               .out = JCS_CMYK,
                               .icc = icc,
                               .n_icc = n };
        if (broken)
            memset(icc, 0x55, 128);
        struct file_bytes f = make_jpeg(&p, ink);
        read_ok(f, got);
        assert_close(got, want, 2);
        free(f.bytes);
    }
}

/* A device link from the inks to Lab: C, M, Y subtract from L; used to see that the profile
 * decides. */
static cmsInt32Number ink_to_lab(const cmsUInt16Number in[], cmsUInt16Number out[], void *cargo)
{
    (void)cargo;
    out[0] = (cmsUInt16Number)(65535 - in[3]); /* K alone makes dark */
    out[1] = out[2] = 0x8080;
    return TRUE;
}

static void an_embedded_cmyk_profile_is_used(void **state)
{
    (void)state;
    cmsHPROFILE profile = cmsCreateProfilePlaceholder(NULL);
    cmsPipeline *lut = cmsPipelineAlloc(NULL, 4, 3);
    cmsStage *grid = cmsStageAllocCLut16bit(NULL, 5, 4, 3, NULL);
    cmsUInt32Number n = 0;
    uint8_t ink[4 * S * S], got[BYTES];

    cmsStageSampleCLut16bit(grid, ink_to_lab, NULL, 0);
    cmsPipelineInsertStage(lut, cmsAT_BEGIN, grid);
    cmsSetProfileVersion(profile, 2.1);
    cmsSetDeviceClass(profile, cmsSigOutputClass);
    cmsSetColorSpace(profile, cmsSigCmykData);
    cmsSetPCS(profile, cmsSigLabData);
    assert_true(cmsWriteTag(profile, cmsSigAToB0Tag, lut));
    assert_true(cmsSaveProfileToMem(profile, NULL, &n));
    uint8_t *icc = mem_calloc(n, 1);
    assert_true(cmsSaveProfileToMem(profile, icc, &n));
    cmsPipelineFree(lut);
    cmsCloseProfile(profile);

    for (int i = 0; i < S * S; i++)
        ink[4 * i] = 0, ink[4 * i + 1] = 0, ink[4 * i + 2] = 0,
                ink[4 * i + 3] = 255; /* full C, M, Y, no K; inverted */
    struct jpeg_plan p = { .width = S,
                           .height = S,
                           .n_component = 4,
                           .in = JCS_CMYK,
                           .out = JCS_CMYK,
                           .icc = icc,
                           .n_icc = n };
    struct file_bytes f = make_jpeg(&p, ink);
    read_ok(f, got);
    for (int i = 0; i < BYTES; i++)
        assert_true(got[i] >= 250); /* L* = 100; the plain formula gives 0 */
    free(f.bytes);
    free(icc);
}

static void a_large_jpeg_is_the_mean_of_its_parts(void **state)
{
    (void)state;
    enum { W = 25 * S, H = 33 * S };
    uint8_t *large = mem_calloc(3 * W, H), want[BYTES], got[BYTES];
    gradient(want);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            memcpy(large + 3 * (y * W + x), want + 3 * (y / 33 * S + x / 25), 3);
    struct jpeg_plan p = rgb_plan();
    p.width = W, p.height = H;
    struct file_bytes f = make_jpeg(&p, large);
    read_ok(f, got);
    assert_close(got, want, 8);
    free(f.bytes);
    free(large);
}

static void a_jpeg_cut_anywhere_is_corrupt(void **state)
{
    (void)state;
    uint8_t pixels[BYTES];
    gradient(pixels);
    for (int kind = 0; kind < 4; kind++) {
        struct jpeg_plan p = rgb_plan();
        p.progressive = kind & 1;
        p.restart = kind & 2 ? 1 : 0;
        struct file_bytes f = make_jpeg(&p, pixels);
        for (size_t n = 3; n < f.n; n++) {
            uint8_t *cut = mem_calloc(n, 1); /* so that a read past the end is seen */
            memcpy(cut, f.bytes, n);
            refused(cut, n, "damaged JPEG");
            free(cut);
        }
        refused(f.bytes, 2, "no picture");
        free(f.bytes);
    }
}

static void bytes_behind_a_jpeg_do_not_matter(void **state)
{
    (void)state;
    uint8_t pixels[BYTES], got[BYTES];
    gradient(pixels);
    struct jpeg_plan p = rgb_plan();
    struct file_bytes f = make_jpeg(&p, pixels);
    f.bytes = mem_realloc(f.bytes, f.n + 100, 1);
    memset(f.bytes + f.n, 7, 100);
    f.n += 100;
    read_ok(f, got);
    assert_close(got, pixels, 4);
    free(f.bytes);
}

/* A scan for each coefficient of each component: well formed, and 190 times the work. */
static void too_many_scans_are_a_bomb(void **state)
{
    (void)state;
    uint8_t pixels[BYTES];
    jpeg_scan_info scan[190] = { { .comps_in_scan = 3, .component_index = { 0, 1, 2 } } };
    for (int i = 0; i < 189; i++)
        scan[i + 1] = (jpeg_scan_info){
            .comps_in_scan = 1, .component_index = { i / 63 }, .Ss = 1 + i % 63, .Se = 1 + i % 63
        };
    gradient(pixels);
    struct jpeg_plan p = rgb_plan();
    p.scan = scan;
    p.n_scan = 190;
    struct file_bytes f = make_jpeg(&p, pixels);
    refused(f.bytes, f.n, "damaged JPEG: 101 scans or more are too many");
    free(f.bytes);
}

/* ---- PNG ---- */

static void every_colour_type_and_depth_of_png_is_read(void **state)
{
    (void)state;
    static const int kind[][2] = {
        { PNG_COLOR_TYPE_GRAY, 1 },        { PNG_COLOR_TYPE_GRAY, 2 },
        { PNG_COLOR_TYPE_GRAY, 4 },        { PNG_COLOR_TYPE_GRAY, 8 },
        { PNG_COLOR_TYPE_GRAY, 16 },       { PNG_COLOR_TYPE_GRAY_ALPHA, 8 },
        { PNG_COLOR_TYPE_GRAY_ALPHA, 16 }, { PNG_COLOR_TYPE_RGB, 8 },
        { PNG_COLOR_TYPE_RGB, 16 },        { PNG_COLOR_TYPE_RGB_ALPHA, 8 },
        { PNG_COLOR_TYPE_RGB_ALPHA, 16 },  { PNG_COLOR_TYPE_PALETTE, 1 },
        { PNG_COLOR_TYPE_PALETTE, 2 },     { PNG_COLOR_TYPE_PALETTE, 4 },
        { PNG_COLOR_TYPE_PALETTE, 8 }
    };
    png_color palette[2] = { { 10, 20, 30 }, { 255, 255, 255 } };
    for (size_t k = 0; k < 2 * sizeof kind / sizeof *kind; k++) {
        int color = kind[k / 2][0], depth = kind[k / 2][1];
        bool is_palette = color == PNG_COLOR_TYPE_PALETTE;
        struct png_plan p = { .width = S,
                              .height = S,
                              .depth = depth,
                              .color = color,
                              .interlaced = k & 1,
                              .palette = is_palette ? palette : NULL,
                              .n_palette = 2 };
        uint8_t row[8 * S], got[BYTES];
        memset(row, is_palette ? 0 : 0xff, sizeof row); /* white and opaque, or the first colour */
        struct file_bytes f = make_png(&p, row, 0);
        read_ok(f, got);
        for (int i = 0; i < BYTES; i++)
            assert_int_equal(got[i], is_palette ? 10 * (i % 3 + 1) : 255);
        free(f.bytes);
    }
}

static void png_pixels_come_back_exactly(void **state)
{
    (void)state;
    uint8_t want[BYTES], got[BYTES], deep[2 * BYTES];
    gradient(want);
    for (int i = 0; i < BYTES; i++)
        deep[2 * i] = deep[2 * i + 1] = want[i]; /* v * 257 */
    for (int kind = 0; kind < 4; kind++) {
        bool wide = kind & 1;
        struct png_plan p = { .width = S,
                              .height = S,
                              .depth = wide ? 16 : 8,
                              .color = PNG_COLOR_TYPE_RGB,
                              .interlaced = kind & 2 };
        struct file_bytes f = make_png(&p, wide ? deep : want, wide ? 6 * S : 3 * S);
        read_ok(f, got);
        assert_memory_equal(got, want, BYTES);
        free(f.bytes);
    }
}

static void transparency_shows_white(void **state)
{
    (void)state;
    uint8_t row[4 * S], got[BYTES];
    for (int x = 0; x < S; x++)
        row[4 * x] = 200, row[4 * x + 1] = 100, row[4 * x + 2] = 0,
                row[4 * x + 3] = (uint8_t)(x == 0   ? 0
                                           : x == 1 ? 255
                                                    : 51);
    struct png_plan p = { .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB_ALPHA };
    struct file_bytes f = make_png(&p, row, 0);
    read_ok(f, got);
    free(f.bytes);
    static const uint8_t want[] = {
        255, 255, 255, 200, 100, 0, 244, 224, 204
    }; /* 255 - .2 (255 - v) */
    assert_memory_equal(got, want, sizeof want);

    png_color palette[2] = { { 0, 0, 0 }, { 9, 9, 9 } };
    uint8_t alpha[1] = { 0 }, index[S] = { 0, 1 };
    p = (struct png_plan){ .width = S,
                           .height = S,
                           .depth = 8,
                           .color = PNG_COLOR_TYPE_PALETTE,
                           .palette = palette,
                           .n_palette = 2,
                           .trns = alpha,
                           .n_trns = 1 };
    f = make_png(&p, index, 0);
    read_ok(f, got);
    free(f.bytes);
    assert_int_equal(got[0], 255);
    assert_int_equal(got[3], 9);
}

static void a_png_cut_anywhere_or_with_a_flipped_bit_is_corrupt(void **state)
{
    (void)state;
    uint8_t pixels[BYTES];
    gradient(pixels);
    for (int kind = 0; kind < 2; kind++) {
        struct png_plan p = {
            .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB, .interlaced = kind
        };
        struct file_bytes f = make_png(&p, pixels, 3 * S);
        for (size_t n = 8; n < f.n; n++) {
            uint8_t *cut = mem_calloc(n, 1);
            memcpy(cut, f.bytes, n);
            refused(cut, n, "damaged PNG");
            free(cut);
        }
        for (size_t i = 8; i < f.n - 12; i++) {
            f.bytes[i] ^= 0x10;
            refused(f.bytes, f.n, "");
            f.bytes[i] ^= 0x10;
        }
        free(f.bytes);
    }
}

/* ---- limits ---- */

static void ninety_megapixels_are_refused_before_decoding(void **state)
{
    (void)state;
    uint8_t pixels[BYTES], row[9488] = { 0 };
    gradient(pixels);
    struct jpeg_plan p = rgb_plan();
    struct file_bytes f = make_jpeg(&p, pixels);
    size_t at = 0;
    while (!(f.bytes[at] == 0xff && f.bytes[at + 1] == 0xc0))
        at++;
    f.bytes[at + 5] = f.bytes[at + 7] = 0x25; /* 9488 x 9488 */
    f.bytes[at + 6] = f.bytes[at + 8] = 0x10;
    refused(f.bytes, f.n, "9488 x 9488 pixels are over the limit of 80000000 pixels");
    refused(f.bytes, at + 40, "damaged JPEG"); /* a header without a scan */
    free(f.bytes);

    struct png_plan q = { .width = 9488, .height = 9488, .depth = 8, .color = PNG_COLOR_TYPE_GRAY };
    f = make_png(&q, row, 0); /* 90 MB in 90 kB */
    refused(f.bytes, f.n, "9488 x 9488 pixels are over the limit");
    refused(f.bytes, 60, "over the limit"); /* the header is enough */
    free(f.bytes);
}

static void limits_are_options(void **state)
{
    (void)state;
    struct image_options o = options();
    struct err e = { 0 };
    uint8_t pixels[BYTES], got[BYTES];
    gradient(pixels);
    struct jpeg_plan p = rgb_plan();
    struct file_bytes f = make_jpeg(&p, pixels);
    o.max_pixels = S * S - 1;
    assert_error(image_pixels(&o, f.bytes, f.n, got, &e), ERR_DATA, e,
                 "16 x 16 pixels are over the limit of 255 pixels");
    o.max_pixels = S * S;
    assert_ok(image_pixels(&o, f.bytes, f.n, got, &e), e);
    o.max_bytes = (int64_t)f.n - 1;
    assert_error(image_pixels(&o, f.bytes, f.n, got, &e), ERR_DATA, e,
                 "bytes are over the limit of");
    o.max_bytes++;
    assert_ok(image_pixels(&o, f.bytes, f.n, got, &e), e);
    free(f.bytes);
}

static void what_is_no_picture_is_named(void **state)
{
    (void)state;
    refused((const uint8_t *)"", 0, "the file is empty");
    refused((const uint8_t *)"GIF89a..", 8, "a GIF file: want JPEG, PNG or WebP");
    refused((const uint8_t *)"RIFF....WEBPVP8 ", 16, "WebP");
    refused((const uint8_t *)"<html>", 6, "no picture: want JPEG, PNG or WebP");
    refused((const uint8_t *)"\xff\xd8\xff", 3, "damaged JPEG");
    refused((const uint8_t *)"\x89PNG\r\n\x1a\n", 8, "damaged PNG");
}

static void random_bytes_never_pass(void **state)
{
    (void)state;
    struct rng g;
    rng_init(&g, 3, 0);
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[300];
        size_t n = 8 + rng_below(&g, 292);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)rng_below(&g, 256);
        memcpy(bytes,
               round % 3 == 1   ? "\xff\xd8\xff\xe0"
               : round % 3 == 2 ? "\x89PNG\r\n\x1a\n"
                                : "\1\2\3\4\5\6\7\10",
               round % 3 == 1 ? 4 : 8);
        refused(bytes, n, "");
    }
}

/* ---- orientation ---- */

/* Where EXIF's value says that the first row and the first column of the file belong: TIFF 6.0,
 * page 36. */
static void all_eight_orientations_stand_upright(void **state)
{
    (void)state;
    uint8_t upright[BYTES], stored[BYTES], got[BYTES], exif[32];
    gradient(upright);
    for (int how = 0; how <= 9; how++) {
        for (int y = 0; y < S; y++) { /* y, x: the upright place; row, column: where it is stored */
            for (int x = 0; x < S; x++) {
                bool right = how == 2 || how == 3 || how == 6 || how == 7,
                     bottom = how == 3 || how == 4 || how == 7 || how == 8;
                bool swap = how >= 5 && how <= 8;
                int u = right ? S - 1 - x : x,
                    v = bottom ? S - 1 - y : y; /* from the side where row or column 0 lies */
                int row = swap ? u : v, column = swap ? v : u;
                memcpy(stored + 3 * (row * S + column), upright + 3 * (y * S + x), 3);
            }
        }
        for (int kind = 0; kind < 3; kind++) {
            unsigned n = make_exif(exif, how, kind & 1);
            struct jpeg_plan p = rgb_plan();
            struct png_plan q = { .width = S,
                                  .height = S,
                                  .depth = 8,
                                  .color = PNG_COLOR_TYPE_RGB,
                                  .exif = exif + 6,
                                  .n_exif = n - 6 };
            p.exif = exif, p.n_exif = n;
            struct file_bytes f = kind == 2 ? make_png(&q, stored, 3 * S) : make_jpeg(&p, stored);
            read_ok(f, got);
            assert_close(got, upright, kind == 2 ? 0 : 4);
            free(f.bytes);
        }
    }
}

static void a_turned_oblong_picture_is_stretched_after_turning(void **state)
{
    (void)state;
    enum { W = 3 * S, H = S };
    uint8_t rows[3 * W * H], got[BYTES], want[BYTES], exif[32];
    struct rng g;
    rng_init(&g, 4, 0);
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)rng_below(&g, 256);
    uint8_t turned[3 * W * H]; /* (W, H, 3): a quarter clockwise */
    for (int y = 0; y < W; y++)
        for (int x = 0; x < H; x++)
            memcpy(turned + 3 * (y * H + x), rows + 3 * ((H - 1 - x) * W + y), 3);
    unsigned n = make_exif(exif, 6, false);
    struct png_plan p = { .width = W,
                          .height = H,
                          .depth = 8,
                          .color = PNG_COLOR_TYPE_RGB,
                          .exif = exif + 6,
                          .n_exif = n - 6 };
    struct png_plan q = { .width = H, .height = W, .depth = 8, .color = PNG_COLOR_TYPE_RGB };
    struct file_bytes a = make_png(&p, rows, 3 * W), b = make_png(&q, turned, 3 * H);
    read_ok(a, got);
    read_ok(b, want);
    assert_memory_equal(got, want, BYTES);
    free(b.bytes);
    free(a.bytes);
}

/* ---- recipe ---- */

static void a_recipe_comes_back_as_it_went(void **state)
{
    (void)state;
    struct image_options o = { .size = 96,
                               .fit = IMAGE_PAD,
                               .filter = RESIZE_LANCZOS,
                               .background = 0x0a1b2c,
                               .dct_scaling = true,
                               .max_bytes = 1000,
                               .max_pixels = 2000 };
    struct image_options back = { 0 };
    struct err e = { 0 };
    char *json = image_recipe(&o);
    assert_string_equal(json, "{\"version\":2,\"size\":96,\"fit\":\"pad\",\"filter\":\"lanczos\","
                              "\"background\":\"#0a1b2c\",\"dct_scaling\":true,"
                              "\"max_bytes\":1000,\"max_pixels\":2000}");
    assert_ok(image_recipe_parse(&back, json, &e), e);
    char *again = image_recipe(&back);
    assert_string_equal(again, json);
    free(again);
    free(json);
}

static void a_bad_recipe_is_refused(void **state)
{
    (void)state;
    static const char good[] =
        "{\"version\":2,\"size\":64,\"fit\":\"pad\",\"filter\":\"area\",\"background\":\"#000000\","
        "\"dct_scaling\":true,\"max_bytes\":1,\"max_pixels\":1}";
    static const char *const bad[][3] = {
        { ",\"size\":64", "", "'size' is missing" },
        { "\"version\":2", "\"version\":1", "'version' is 1, want 2 to 2" },
        { "64", "0", "'size' is 0, want 1 to 1024" },
        { "pad", "bend", "picture recipe: fit 'bend' is not one of stretch|crop|pad" },
        { "area", "near", "filter 'near' is not one of area|bilinear|lanczos" },
        { "#000000", "white", "background 'white' is no colour: want #rrggbb" },
        { "true", "1", "'dct_scaling' is 1, want true or false" },
    };
    struct image_options o;
    struct err e = { 0 };
    assert_ok(image_recipe_parse(&o, good, &e), e);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *at = strstr(good, bad[i][0]);
        char *json = str_format("%.*s%s%s", (int)(at - good), good, bad[i][1],
                                at + strlen(bad[i][0]));
        assert_error(image_recipe_parse(&o, json, &e), ERR_DATA, e, bad[i][2]);
        free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_jpeg_shows_its_colours),
        cmocka_unit_test(a_grey_jpeg_becomes_rgb),
        cmocka_unit_test(cmyk_and_ycck_become_rgb),
        cmocka_unit_test(cmyk_without_adobe_marker_is_not_inverted),
        cmocka_unit_test(a_profile_that_does_not_fit_is_passed_over),
        cmocka_unit_test(an_embedded_cmyk_profile_is_used),
        cmocka_unit_test(a_large_jpeg_is_the_mean_of_its_parts),
        cmocka_unit_test(a_jpeg_cut_anywhere_is_corrupt),
        cmocka_unit_test(bytes_behind_a_jpeg_do_not_matter),
        cmocka_unit_test(too_many_scans_are_a_bomb),
        cmocka_unit_test(every_colour_type_and_depth_of_png_is_read),
        cmocka_unit_test(png_pixels_come_back_exactly),
        cmocka_unit_test(transparency_shows_white),
        cmocka_unit_test(a_png_cut_anywhere_or_with_a_flipped_bit_is_corrupt),
        cmocka_unit_test(ninety_megapixels_are_refused_before_decoding),
        cmocka_unit_test(limits_are_options),
        cmocka_unit_test(what_is_no_picture_is_named),
        cmocka_unit_test(random_bytes_never_pass),
        cmocka_unit_test(all_eight_orientations_stand_upright),
        cmocka_unit_test(a_turned_oblong_picture_is_stretched_after_turning),
        cmocka_unit_test(a_recipe_comes_back_as_it_went),
        cmocka_unit_test(a_bad_recipe_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
