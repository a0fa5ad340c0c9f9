/* What image_pixels makes of colours, shapes and files that shops really have. test_image.c has the
 * plain cases, test_hostile_pictures.c what is made to hurt. */
#include "near.h"
#include "icc.h"
#include "pictures.h"

#if REFIT_WEBP
#include <webp/encode.h>
#include <webp/mux.h>
#endif

#include "io/image.h"
#include "num/rng.h"

enum { S = 16, BYTES = 3 * S * S };

static struct image_options options(void)
{
    struct image_options o = image_defaults();
    o.size = S;
    return o;
}

static void read_with(const struct image_options *o, struct file_bytes f, uint8_t *out)
{
    struct err e = { 0 };
    assert_ok(image_pixels(o, f.bytes, f.n, out, &e), e);
}

static void read_ok(struct file_bytes f, uint8_t out[BYTES])
{
    struct image_options o = options();
    read_with(&o, f, out);
}

static void assert_all(const uint8_t *rgb, size_t n, int r, int g, int b, int tolerance)
{
    for (size_t i = 0; i < n; i++)
        if (abs(rgb[3 * i] - r) > tolerance || abs(rgb[3 * i + 1] - g) > tolerance ||
            abs(rgb[3 * i + 2] - b) > tolerance)
            fail_msg("pixel %zu is %d %d %d, want %d %d %d within %d", i, rgb[3 * i],
                     rgb[3 * i + 1], rgb[3 * i + 2], r, g, b, tolerance);
}

/* n bytes of a colour of n_part parts. */
static void fill(uint8_t *out, size_t n, const uint8_t *colour, size_t n_part)
{
    for (size_t i = 0; i < n; i++)
        out[i] = colour[i % n_part];
}

/* sRGB's curve, IEC 61966-2-1: light to a level of 0 .. 255. */
static double level_of(double light)
{
    return 255 * (light <= .0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - .055);
}

/* ---- JPEG ---- */

static void arithmetic_coding_is_read(void **state)
{
    (void)state;
    uint8_t pixels[BYTES], huffman[BYTES], got[BYTES];
    struct rng g;
    rng_init(&g, 8, 0);
    for (int i = 0; i < BYTES; i++)
        pixels[i] = (uint8_t)rng_below(&g, 256);
    for (int progressive = 0; progressive < 2; progressive++) {
        struct jpeg_plan p = {
            .width = S, .height = S, .n_component = 3, .in = JCS_RGB, .out = JCS_YCbCr
        };
        p.progressive = progressive;
        struct file_bytes a = make_jpeg(&p, pixels);
        p.arithmetic = true;
        struct file_bytes b = make_jpeg(&p, pixels);
        assert_true(a.n != b.n);
        read_ok(a, huffman);
        read_ok(b, got);
        assert_memory_equal(huffman, got, BYTES);
        free(b.bytes);
        free(a.bytes);
    }
}

/* ---- colour profiles ---- */

static const double wide_gamut[] = { .7347, .2653, .1152, .8264, .1566, .0177 };

static void a_profile_of_rgb_decides_the_colours(void **state)
{
    (void)state;
    static const uint8_t colour[] = { 128, 128, 128 }, green[] = { 90, 160, 90 };
    uint8_t pixels[BYTES], plain[BYTES], got[BYTES];
    cmsUInt32Number n;
    uint8_t *linear = make_icc(false, 1, rec709, &n);
    fill(pixels, BYTES, colour, 3);
    struct jpeg_plan p = {
        .width = S, .height = S, .n_component = 3, .in = JCS_RGB, .out = JCS_YCbCr
    };
    p.icc = linear, p.n_icc = n;
    struct png_plan q = { .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB };
    q.icc = linear, q.n_icc = n;
    struct file_bytes f[] = { make_jpeg(&p, pixels), make_png(&q, pixels, 3 * S) };
    int want = (int)lround(level_of(128 / 255.0)); /* 188 */
    for (int i = 0; i < 2; i++) {
        read_ok(f[i], got);
        assert_all(got, S * S, want, want, want, 2);
        free(f[i].bytes);
    }
    free(linear);

    /* A wide gamut: the same numbers are a stronger green. */
    uint8_t *wide = make_icc(false, 2.2, wide_gamut, &n);
    fill(pixels, BYTES, green, 3);
    p.icc = NULL;
    struct file_bytes a = make_jpeg(&p, pixels);
    p.icc = wide, p.n_icc = n;
    struct file_bytes b = make_jpeg(&p, pixels);
    read_ok(a, plain);
    read_ok(b, got);
    assert_true(got[1] > plain[1] + 5 && got[0] + 20 < plain[0]);
    free(b.bytes);
    free(a.bytes);
    free(wide);
}

static void srgb_in_its_many_spellings_changes_nothing(void **state)
{
    (void)state;
    uint8_t pixels[BYTES], plain[BYTES], got[BYTES];
    cmsUInt32Number n = 0;
    cmsHPROFILE srgb = cmsCreate_sRGBProfile();
    assert_true(cmsSaveProfileToMem(srgb, NULL, &n));
    uint8_t *icc = mem_calloc(n, 1);
    assert_true(cmsSaveProfileToMem(srgb, icc, &n));
    cmsCloseProfile(srgb);
    for (int i = 0; i < BYTES; i++)
        pixels[i] = (uint8_t)i;
    struct png_plan q = { .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB };
    struct file_bytes f = make_png(&q, pixels, 3 * S);
    read_ok(f, plain);
    free(f.bytes);
    static const double chrm[] = { .3127, .329, .64, .33, .30, .60, .15, .06 };
    for (int kind = 0; kind < 4; kind++) {
        struct png_plan k = q;
        if (kind == 0)
            k.icc = icc, k.n_icc = n;
        if (kind == 1)
            k.srgb = true;
        if (kind >= 2)
            k.gamma = 1 / 2.2;
        if (kind == 3)
            k.chrm = chrm;
        f = make_png(&k, pixels, 3 * S);
        read_ok(f, got);
        assert_memory_equal(got, plain, BYTES);
        free(f.bytes);
    }
    free(icc);
}

static void a_profile_of_grey_is_followed_with_and_without_alpha_and_16_bits(void **state)
{
    (void)state;
    cmsUInt32Number n;
    uint8_t *linear = make_icc(true, 1, rec709, &n), got[BYTES], grey[8 * S * S];
    int want = (int)lround(level_of(64 / 255.0)); /* 137 */
    static const uint8_t one[] = { 64 }, two[] = { 64, 255 }, wide[] = { 64, 64 },
                         both[] = { 64, 64, 255, 255 };
    static const struct {
        const uint8_t *colour;
        size_t n;
        int depth, kind;
    } k[] = { { one, 1, 8, PNG_COLOR_TYPE_GRAY },
              { two, 2, 8, PNG_COLOR_TYPE_GRAY_ALPHA },
              { wide, 2, 16, PNG_COLOR_TYPE_GRAY },
              { both, 4, 16, PNG_COLOR_TYPE_GRAY_ALPHA } };
    for (size_t i = 0; i < 4; i++) {
        struct png_plan q = { .width = S, .height = S, .depth = k[i].depth, .color = k[i].kind };
        q.icc = linear, q.n_icc = n;
        fill(grey, sizeof grey, k[i].colour, k[i].n);
        struct file_bytes f = make_png(&q, grey, k[i].n * S);
        read_ok(f, got);
        assert_all(got, S * S, want, want, want, 2);
        free(f.bytes);
    }
    struct jpeg_plan p = {
        .width = S, .height = S, .n_component = 1, .in = JCS_GRAYSCALE, .out = JCS_GRAYSCALE
    };
    p.icc = linear, p.n_icc = n;
    fill(grey, sizeof grey, one, 1);
    struct file_bytes f = make_jpeg(&p, grey);
    read_ok(f, got);
    assert_all(got, S * S, want, want, want, 2);
    free(f.bytes);
    free(linear);
}

static void the_gamma_and_primaries_of_a_png_are_followed(void **state)
{
    (void)state;
    static const uint8_t wide[] = { 2, 0, 2, 0, 2, 0 }, half[] = { 128, 128, 128 };
    static const uint8_t green[] = { 90, 160, 90 };
    static const double chrm[] = { .3127, .329, .7347, .2653, .1152, .8264, .1566, .0177 };
    uint8_t pixels[2 * BYTES], got[BYTES];
    struct png_plan q = { .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB };
    q.gamma = 1;
    fill(pixels, BYTES, half, 3);
    struct file_bytes f = make_png(&q, pixels, 3 * S);
    read_ok(f, got);
    assert_all(got, S * S, 188, 188, 188, 2);
    free(f.bytes);
    q.depth = 16; /* 512 of 65535: 8 bits would make 0 or 13 of it */
    fill(pixels, 2 * BYTES, wide, 6);
    f = make_png(&q, pixels, 6 * S);
    read_ok(f, got);
    int dark = (int)lround(level_of(512 / 65535.0)); /* 22 */
    assert_all(got, S * S, dark, dark, dark, 1);
    free(f.bytes);

    q = (struct png_plan){ .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB };
    q.gamma = 1 / 2.2, q.chrm = chrm;
    fill(pixels, BYTES, green, 3);
    f = make_png(&q, pixels, 3 * S);
    read_ok(f, got);
    assert_true(got[1] > 165 && got[0] < 70);
    free(f.bytes);
}

static void many_profiles_are_told_apart(void **state)
{
    (void)state;
    static const uint8_t colour[] = { 128, 128, 128 };
    uint8_t pixels[BYTES], got[BYTES];
    fill(pixels, BYTES, colour, 3);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 40; i++) {
            double gamma = .5 + i / 20.0;
            struct png_plan q = {
                .width = S, .height = S, .depth = 8, .color = PNG_COLOR_TYPE_RGB, .gamma = 1 / gamma
            };
            struct file_bytes f = make_png(&q, pixels, 3 * S);
            int want = (int)lround(level_of(pow(128 / 255.0, gamma)));
            if (fabs(gamma - 2.2) > .12) {
                read_ok(f, got);
                assert_all(got, S * S, want, want, want, 2);
            }
            free(f.bytes);
        }
}

/* ---- shapes ---- */

/* Left half one colour, right half another, of any size. */
static struct file_bytes two_halves(unsigned width, unsigned height, int kind)
{
    size_t n_part = kind == PNG_COLOR_TYPE_RGB_ALPHA ? 4 : 3;
    static const uint8_t colour[2][4] = { { 200, 30, 30, 255 }, { 30, 30, 200, 0 } };
    uint8_t *p = mem_calloc((size_t)width * height, n_part);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            memcpy(p + n_part * (y * width + x), colour[2 * x >= width], n_part);
    struct png_plan q = { .width = width, .height = height, .depth = 8, .color = kind };
    struct file_bytes f = make_png(&q, p, n_part * width);
    free(p);
    return f;
}

static void an_oblong_picture_is_stretched_cut_or_padded(void **state)
{
    (void)state;
    struct image_options o = options();
    uint8_t got[BYTES];
    struct file_bytes f = two_halves(4 * S, S, PNG_COLOR_TYPE_RGB);
    o.background = 0x0a640a;
    read_with(&o, f, got);
    assert_all(got, S / 2, 200, 30, 30, 0);
    assert_all(got + 3 * S / 2, S / 2, 30, 30, 200, 0);
    o.fit = IMAGE_CROP; /* the middle: still half and half, at full height */
    read_with(&o, f, got);
    assert_all(got, S / 2, 200, 30, 30, 0);
    assert_all(got + 3 * S / 2, S / 2, 30, 30, 200, 0);
    assert_all(got + 3 * S * (S - 1), S / 2, 200, 30, 30, 0);
    o.fit = IMAGE_PAD; /* a band of S / 4 rows in the middle */
    read_with(&o, f, got);
    assert_all(got, S * (S * 3 / 8), 10, 100, 10, 0);
    assert_all(got + 3 * S * (S * 3 / 8), S / 2, 200, 30, 30, 0);
    assert_all(got + 3 * S * (S * 5 / 8), S * (S * 3 / 8), 10, 100, 10, 0);
    free(f.bytes);
}

static void the_odd_row_of_a_pad_or_a_cut_lies_below_after_turning(void **state)
{
    (void)state;
    uint8_t exif[32], rows[3 * S * (S - 3)], turned[sizeof rows], got[BYTES], want[BYTES];
    struct rng g;
    rng_init(&g, 4, 0);
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = (uint8_t)rng_below(&g, 256);
    for (size_t i = 0; i < S * (S - 3); i++) /* half a turn: EXIF 3 */
        memcpy(turned + 3 * i, rows + 3 * (S * (S - 3) - 1 - i), 3);
    for (int fit = IMAGE_STRETCH; fit <= IMAGE_PAD; fit++) {
        struct image_options o = options();
        o.fit = (enum image_fit)fit;
        struct png_plan q = {
            .width = S, .height = S - 3, .depth = 8, .color = PNG_COLOR_TYPE_RGB
        };
        struct file_bytes a = make_png(&q, rows, 3 * S);
        q.n_exif = make_exif(exif, 3, false) - 6;
        q.exif = exif + 6;
        struct file_bytes b = make_png(&q, turned, 3 * S);
        read_with(&o, a, want);
        read_with(&o, b, got);
        assert_memory_equal(got, want, BYTES);
        free(b.bytes);
        free(a.bytes);
    }
}

static void transparency_shows_the_chosen_background(void **state)
{
    (void)state;
    struct image_options o = options();
    uint8_t got[BYTES];
    struct file_bytes f = two_halves(S, S, PNG_COLOR_TYPE_RGB_ALPHA);
    o.background = 0xff8000;
    read_with(&o, f, got);
    assert_all(got, S / 2, 200, 30, 30, 0);
    assert_all(got + 3 * S / 2, S / 2, 255, 128, 0, 0);
    free(f.bytes);
}

static void every_filter_shows_the_same_picture(void **state)
{
    (void)state;
    struct image_options o = options();
    uint8_t *large = mem_calloc(3 * 200, 150), area[BYTES], got[BYTES];
    for (int y = 0; y < 150; y++)
        for (int x = 0; x < 200; x++)
            for (int c = 0; c < 3; c++)
                large[3 * (200 * y + x) + c] = (uint8_t)(40 + (c == 0 ? x : c == 1 ? y : 90) / 2);
    struct jpeg_plan p = {
        .width = 200, .height = 150, .n_component = 3, .in = JCS_RGB, .out = JCS_YCbCr
    };
    struct file_bytes f = make_jpeg(&p, large);
    read_with(&o, f, area);
    for (int way = 0; way < 5; way++) {
        o.filter = (enum resize_filter)(way % 3);
        o.dct_scaling = way < 3;
        read_with(&o, f, got);
        for (int i = 0; i < BYTES; i++)
            assert_true(abs(got[i] - area[i]) <= 4);
    }
    free(f.bytes);
    free(large);
}

/* ---- WebP ---- */

#if REFIT_WEBP

static struct file_bytes webp_of(uint8_t *bytes, size_t n)
{
    struct file_bytes f = { mem_calloc(n, 1), n };
    memcpy(f.bytes, bytes, n);
    WebPFree(bytes);
    return f;
}

static void webp_is_read_lossy_and_lossless(void **state)
{
    (void)state;
    uint8_t rgba[4 * S * S], got[BYTES], *bytes = NULL;
    static const uint8_t colour[] = { 180, 60, 90, 255 };
    struct image_options o = options();
    fill(rgba, sizeof rgba, colour, 4);
    for (int x = 0; x < S / 2; x++)
        memset(rgba + 4 * x, 0, 4); /* half of the first row is transparent */
    o.background = 0x00ff00;
    size_t n = WebPEncodeLosslessRGBA(rgba, S, S, 4 * S, &bytes);
    struct file_bytes f = webp_of(bytes, n);
    read_with(&o, f, got);
    assert_all(got, S / 2, 0, 255, 0, 0);
    assert_all(got + 3 * S / 2, S * S - S / 2, 180, 60, 90, 0);
    for (size_t cut = 12; cut < f.n; cut++) {
        struct err e = { 0 };
        uint8_t *part = mem_calloc(cut, 1);
        memcpy(part, f.bytes, cut);
        assert_error(image_pixels(&o, part, cut, got, &e), ERR_DATA, e, "damaged WebP");
        free(part);
    }
    free(f.bytes);
    fill(rgba, sizeof rgba, colour, 4);
    n = WebPEncodeRGBA(rgba, S, S, 4 * S, 90, &bytes);
    f = webp_of(bytes, n);
    read_ok(f, got);
    assert_all(got, S * S, 180, 60, 90, 6);
    free(f.bytes);
}

static void webp_carries_a_profile_an_orientation_and_frames(void **state)
{
    (void)state;
    uint8_t rgba[4 * S * S], got[BYTES], exif[32], *bytes = NULL;
    cmsUInt32Number n_icc;
    uint8_t *icc = make_icc(false, 1, rec709, &n_icc);
    static const uint8_t grey[] = { 128, 128, 128, 255 }, black[] = { 0, 0, 0, 255 };
    for (int i = 0; i < S * S; i++) /* stored upside down: light below */
        memcpy(rgba + 4 * i, i < S * S / 2 ? black : grey, 4);
    size_t n = WebPEncodeLosslessRGBA(rgba, S, S, 4 * S, &bytes);
    unsigned n_exif = make_exif(exif, 3, false);
    WebPMux *mux = WebPMuxNew();
    WebPData image = { bytes, n }, profile = { icc, n_icc }, turned = { exif, n_exif }, whole;
    assert_int_equal(WebPMuxSetImage(mux, &image, 1), WEBP_MUX_OK);
    assert_int_equal(WebPMuxSetChunk(mux, "ICCP", &profile, 1), WEBP_MUX_OK);
    assert_int_equal(WebPMuxSetChunk(mux, "EXIF", &turned, 1), WEBP_MUX_OK);
    assert_int_equal(WebPMuxAssemble(mux, &whole), WEBP_MUX_OK);
    struct file_bytes f = { (uint8_t *)(uintptr_t)whole.bytes, whole.size };
    read_ok(f, got);
    assert_all(got, S * S / 2, 188, 188, 188, 2);
    assert_all(got + 3 * S * S / 2, S * S / 2, 0, 0, 0, 2);
    WebPDataClear(&whole);
    WebPMuxDelete(mux);
    free(icc);

    /* An animation: its first frame, which covers a part of the canvas. */
    mux = WebPMuxNew();
    WebPMuxFrameInfo frame = {
        .bitstream = image, .x_offset = S, .duration = 100, .id = WEBP_CHUNK_ANMF
    };
    WebPMuxAnimParams anim = { 0 };
    assert_int_equal(WebPMuxSetAnimationParams(mux, &anim), WEBP_MUX_OK);
    assert_int_equal(WebPMuxSetCanvasSize(mux, 2 * S, S), WEBP_MUX_OK);
    assert_int_equal(WebPMuxPushFrame(mux, &frame, 1), WEBP_MUX_OK);
    assert_int_equal(WebPMuxPushFrame(mux, &frame, 1), WEBP_MUX_OK);
    assert_int_equal(WebPMuxAssemble(mux, &whole), WEBP_MUX_OK);
    f = (struct file_bytes){ (uint8_t *)(uintptr_t)whole.bytes, whole.size };
    read_ok(f, got);
    assert_all(got, S / 2, 255, 255, 255, 0);
    assert_all(got + 3 * S / 2, S / 2, 0, 0, 0, 0);
    WebPDataClear(&whole);
    WebPMuxDelete(mux);
    WebPFree(bytes);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_coding_is_read),
        cmocka_unit_test(a_profile_of_rgb_decides_the_colours),
        cmocka_unit_test(srgb_in_its_many_spellings_changes_nothing),
        cmocka_unit_test(a_profile_of_grey_is_followed_with_and_without_alpha_and_16_bits),
        cmocka_unit_test(the_gamma_and_primaries_of_a_png_are_followed),
        cmocka_unit_test(many_profiles_are_told_apart),
        cmocka_unit_test(an_oblong_picture_is_stretched_cut_or_padded),
        cmocka_unit_test(the_odd_row_of_a_pad_or_a_cut_lies_below_after_turning),
        cmocka_unit_test(transparency_shows_the_chosen_background),
        cmocka_unit_test(every_filter_shows_the_same_picture),
#if REFIT_WEBP
        cmocka_unit_test(webp_is_read_lossy_and_lossless),
        cmocka_unit_test(webp_carries_a_profile_an_orientation_and_frames),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
