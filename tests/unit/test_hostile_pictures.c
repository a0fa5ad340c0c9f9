/* What image_pixels makes of picture files that are made to hurt: cut, changed, of absurd sizes,
 * full of what is no picture. Bombs are in test_image.c. */
#include "near.h"
#include "pictures.h"

#include <sys/resource.h>
#include <zlib.h>
#if REFIT_WEBP
#include <webp/encode.h>
#endif

#include "io/image.h"
#include "io/image_decode.h"
#include "num/rng.h"

enum { S = 16, BYTES = 3 * S * S };

/* Any answer, but an answer, with a reason if it is no. */
static int answer(const uint8_t *bytes, size_t n, struct err *e)
{
    struct image_options o = image_defaults();
    uint8_t out[BYTES], *exact = mem_calloc(n, 1); /* so that a read past the end is seen */
    o.size = S;
    *e = (struct err){ 0 };
    memcpy(exact, bytes, n);
    int rc = image_pixels(&o, exact, n, out, e);
    if (rc && (rc != ERR_DATA || !e->text[0]))
        fail_msg("%d '%s', want 65 with a reason", rc, e->text);
    free(exact);
    return rc;
}

static void refused(struct file_bytes f, const char *why)
{
    struct err e;
    if (answer(f.bytes, f.n, &e) == 0 || !strstr(e.text, why))
        fail_msg("'%s', want '%s'", e.text, why);
}

/* ---- good files of noise ---- */

enum kind {
    BASELINE,
    PROGRESSIVE,
    ARITHMETIC,
    PNG,
    INTERLACED,
#if REFIT_WEBP
    LOSSY,
    LOSSLESS,
#endif
    N_KIND
};

#if REFIT_WEBP
static struct file_bytes make_webp(enum kind kind, const uint8_t *pixels, int width, int height)
{
    struct file_bytes f = { 0 };
    uint8_t *bytes = NULL;
    f.n = kind == LOSSY ? WebPEncodeRGB(pixels, width, height, 3 * width, 80, &bytes)
                        : WebPEncodeLosslessRGB(pixels, width, height, 3 * width, &bytes);
    f.bytes = mem_calloc(f.n, 1);
    memcpy(f.bytes, bytes, f.n);
    WebPFree(bytes);
    return f;
}
#endif

static struct file_bytes encode(enum kind kind, const uint8_t *pixels, unsigned width,
                                unsigned height)
{
    struct jpeg_plan p = {
        .width = width, .height = height, .n_component = 3, .in = JCS_RGB, .out = JCS_YCbCr
    };
    struct png_plan q = {
        .width = width, .height = height, .depth = 8, .color = PNG_COLOR_TYPE_RGB
    };
    p.progressive = kind == PROGRESSIVE;
    p.arithmetic = kind == ARITHMETIC;
    q.interlaced = kind == INTERLACED;
#if REFIT_WEBP
    if (kind == LOSSY || kind == LOSSLESS)
        return make_webp(kind, pixels, (int)width, (int)height);
#endif
    return kind == PNG || kind == INTERLACED ? make_png(&q, pixels, 3 * width)
                                             : make_jpeg(&p, pixels);
}

static struct file_bytes make(enum kind kind, unsigned width, unsigned height)
{
    uint8_t *pixels = mem_calloc((size_t)width * height, 3);
    struct rng g;
    rng_init(&g, 11, 0);
    for (size_t i = 0; i < (size_t)width * height * 3; i++)
        pixels[i] = (uint8_t)rng_below(&g, 256);
    struct file_bytes f = encode(kind, pixels, width, height);
    free(pixels);
    return f;
}

/* ---- cut and changed ---- */

static void a_picture_cut_at_every_percent_is_corrupt(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < N_KIND; kind++) {
        struct file_bytes f = make(kind, 120, 90);
        struct err e;
        assert_true(f.n > 5000);
        for (size_t percent = 1; percent < 100; percent++)
            refused((struct file_bytes){ f.bytes, f.n * percent / 100 }, "damaged");
        refused((struct file_bytes){ f.bytes, f.n - 1 }, "damaged");
        assert_int_equal(answer(f.bytes, f.n, &e), 0);
        free(f.bytes);
    }
}

static void flipped_bits_and_bytes_get_an_answer(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < N_KIND; kind++) {
        struct file_bytes f = make(kind, 40, 40);
        struct err e;
        for (size_t i = 0; i < f.n; i += 1 + f.n / 700) {
            uint8_t was = f.bytes[i];
            f.bytes[i] = was ^ (uint8_t)(1 << i % 8);
            answer(f.bytes, f.n, &e);
            f.bytes[i] = (uint8_t)~was;
            answer(f.bytes, f.n, &e);
            f.bytes[i] = was;
        }
        free(f.bytes);
    }
}

/* ---- sizes ---- */

static void big_endian(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The checksum of a chunk that lies in whole at `chunk` (PNG specification, annex D). */
static void seal(uint8_t *chunk, size_t n_data)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 4; i < n_data + 8; i++) {
        crc ^= chunk[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
    }
    big_endian(chunk + n_data + 8, ~crc);
}

static void a_jpeg_of_no_pixels_or_of_65535_squared_is_refused(void **state)
{
    (void)state;
    struct file_bytes f = make(BASELINE, 40, 40);
    size_t at = 0;
    while (!(f.bytes[at] == 0xff && f.bytes[at + 1] == 0xc0)) /* the frame's header */
        at++;
    memset(f.bytes + at + 5, 0, 4);
    refused(f, "damaged JPEG");
    memset(f.bytes + at + 5, 255, 4);
    refused(f, "image dimension is 65500 pixels");
    free(f.bytes);
}

static void a_png_of_no_pixels_or_of_65535_squared_is_refused(void **state)
{
    (void)state;
    enum { HEADER = 8, SIZE = 16 };
    static const struct {
        uint32_t width, height;
        const char *why;
    } size[] = {
        { 0, 0, "damaged PNG" },
        { 0, 40, "damaged PNG" },
        { 40, 0, "damaged PNG" },
        { 65535, 65535, "65535 x 65535 pixels are over the limit" },
        { 1, 0x7fffffff, "damaged PNG" },
        { 0xffffffff, 0xffffffff, "damaged PNG" },
    };
    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        struct file_bytes f = make(PNG, 40, 40);
        big_endian(f.bytes + SIZE, size[i].width);
        big_endian(f.bytes + SIZE + 4, size[i].height);
        seal(f.bytes + HEADER, 13);
        refused(f, size[i].why);
        free(f.bytes);
    }
}

#if REFIT_WEBP
static void a_webp_of_no_pixels_or_of_a_vast_canvas_is_refused(void **state)
{
    (void)state;
    enum { SIZE = 26 }; /* of a lossy frame: 14 bits each */
    struct file_bytes f = make(LOSSY, 40, 40);
    memset(f.bytes + SIZE, 0, 4);
    refused(f, "damaged WebP");
    memset(f.bytes + SIZE, 255, 4);
    refused(f, "16383 x 16383 pixels are over the limit");
    free(f.bytes);
    uint8_t canvas[] = "RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\0\xfe\xff\0";
    refused((struct file_bytes){ canvas, sizeof canvas - 1 }, "65536 x 65535 pixels are over");
}
#endif

/* ---- what is no picture ---- */

static void a_flood_of_markers_does_not_matter(void **state)
{
    (void)state;
    enum { FLOOD = 300, MARKER = 65535 };
    struct file_bytes f = make(BASELINE, 40, 40);
    uint8_t *big = mem_calloc(f.n + FLOOD * (MARKER + 2), 1), *to = big;
    struct err e;
    memcpy(to, f.bytes, 2);
    to += 2;
    for (int i = 0; i < FLOOD; i++, to += MARKER + 2) { /* APP1 and APP2 are kept, others skipped */
        to[0] = 0xff, to[1] = (uint8_t)(0xe0 + i % 16), to[2] = 0xff, to[3] = 0xff;
        memcpy(to + 4, i % 16 == 2 ? "ICC_PROFILE" : "Exif\0\0MM", 9);
    }
    memcpy(to, f.bytes + 2, f.n - 2);
    assert_int_equal(answer(big, f.n + FLOOD * (MARKER + 2), &e), 0);
    free(big);
    free(f.bytes);
}

static void put_chunk(struct file_bytes *f, size_t at, const char *type, const uint8_t *data,
                      size_t n)
{
    f->bytes = mem_realloc(f->bytes, f->n + n + 12, 1);
    memmove(f->bytes + at + n + 12, f->bytes + at, f->n - at);
    big_endian(f->bytes + at, (uint32_t)n);
    memcpy(f->bytes + at + 4, type, 4);
    if (n)
        memcpy(f->bytes + at + 8, data, n);
    seal(f->bytes + at, n);
    f->n += n + 12;
}

/* Before the data, behind the header: chunk games that a decoder must survive. */
static void games_with_png_chunks_get_an_answer(void **state)
{
    (void)state;
    enum { AFTER_HEADER = 33, TEXTS = 5000 };
    static const uint8_t big[9] = { 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    struct err e;
    static const struct {
        const char *type;
        size_t n;
        int times;
        const char *why; /* NULL: read all the same */
    } game[] = {
        { "tEXt", 9, TEXTS, NULL },  /* more than libpng keeps */
        { "IDAT", 0, 1000, NULL },   /* empty data */
        { "IHDR", 9, 1, "damaged" }, /* a second header */
        { "IEND", 0, 1, "damaged" }, /* the end before the data */
        { "XXXX", 9, 1, "damaged" }, /* unknown and critical */
        { "iCCP", 9, 1, NULL },      /* a profile without a name */
        { "gAMA", 4, 1, NULL },      /* a gamma of 0 */
        { "eXIf", 9, 1, NULL },      /* no EXIF at all */
        { "cHRM", 9, 1, NULL },      /* of a wrong length */
    };
    for (size_t i = 0; i < sizeof game / sizeof *game; i++) {
        struct file_bytes f = make(PNG, 20, 20);
        for (int k = 0; k < game[i].times; k++)
            put_chunk(&f, AFTER_HEADER, game[i].type, big, game[i].n);
        int rc = answer(f.bytes, f.n, &e);
        if (rc != (game[i].why ? ERR_DATA : 0) || (rc && !strstr(e.text, game[i].why)))
            fail_msg("%s: %d '%s'", game[i].type, rc, e.text);
        free(f.bytes);
    }
}

/* A text of 8 kB that would unpack to nearly as much as libpng allows. */
static void texts_are_not_unpacked(void **state)
{
    (void)state;
    enum { AFTER_HEADER = 33, LARGE = 7900000, START = 3 };
    struct file_bytes f = make(PNG, 20, 20);
    struct rusage before, after;
    struct err e;
    uLongf n = compressBound(LARGE);
    uint8_t *zeros = mem_calloc(LARGE, 1), *text = mem_calloc(n + START, 1);
    text[0] = 'k'; /* keyword, NUL, method */
    assert_int_equal(compress2(text + START, &n, zeros, LARGE, 9), Z_OK);
    free(zeros);
    assert_int_equal(answer(f.bytes, f.n, &e), 0);
    getrusage(RUSAGE_SELF, &before);
    for (int k = 0; k < 20; k++)
        put_chunk(&f, AFTER_HEADER, "zTXt", text, n + START);
    assert_int_equal(answer(f.bytes, f.n, &e), 0);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 4 * 1024);
    free(text);
    free(f.bytes);
}

static void exif_cut_anywhere_or_wrong_is_no_orientation(void **state)
{
    (void)state;
    static const struct {
        size_t at; /* in make_exif's block of the byte that is changed */
        uint8_t to;
    } wrong[] = { { 6, 'X' }, { 10, 31 }, { 13, 200 }, { 15, 0 }, { 17, 0x13 },
                  { 19, 4 },  { 23, 2 },  { 25, 0 },   { 25, 9 } };
    for (int big = 0; big < 2; big++) {
        uint8_t whole[32];
        size_t n = make_exif(whole, 6, big);
        for (size_t cut = 0; cut <= n; cut++) {
            uint8_t *part = mem_calloc(cut, 1); /* so that a read past the end is seen */
            memcpy(part, whole, cut);
            assert_int_equal(image_exif_orientation(part, cut), cut < 28 ? 1 : 6);
            free(part);
        }
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t block[32];
        size_t n = make_exif(block, 6, true);
        block[wrong[i].at] = wrong[i].to;
        assert_int_equal(image_exif_orientation(block, n), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_not_unpacked), /* first, while little memory was used */
        cmocka_unit_test(a_picture_cut_at_every_percent_is_corrupt),
        cmocka_unit_test(flipped_bits_and_bytes_get_an_answer),
        cmocka_unit_test(a_jpeg_of_no_pixels_or_of_65535_squared_is_refused),
        cmocka_unit_test(a_png_of_no_pixels_or_of_65535_squared_is_refused),
#if REFIT_WEBP
        cmocka_unit_test(a_webp_of_no_pixels_or_of_a_vast_canvas_is_refused),
#endif
        cmocka_unit_test(exif_cut_anywhere_or_wrong_is_no_orientation),
        cmocka_unit_test(a_flood_of_markers_does_not_matter),
        cmocka_unit_test(games_with_png_chunks_get_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
