/* seeds DIR: what the fuzzers begin with, DIR/PARSER/NAME: small good files, so that the changes to
 * them reach what lies behind the headers. A picture has one byte more, which picks the options;
 * those of CSV end with the two bytes that pick the dialect and the cut. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>
#if REFIT_WEBP
#include <webp/encode.h>
#endif

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "tests/unit/icc.h"
#include "tests/unit/pictures.h"

enum { SIDE = 12, BYTES = 4 * SIDE * SIDE };

static const char *out_dir;

static void make_dir(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        perror(path);
        exit(74);
    }
}

static void put(const char *parser, const char *name, const void *bytes, size_t n)
{
    struct err e = { 0 };
    char *dir = str_format("%s/%s", out_dir, parser), *path = str_format("%s/%s", dir, name);
    make_dir(dir);
    if (outfile_put(path, bytes, n, &e))
        exit(err_report(&e, "seeds"));
    free(path);
    free(dir);
}

/* A picture and the options of its first decoding. */
static void put_picture(const char *parser, const char *name, struct file_bytes f, uint8_t how)
{
    f.bytes = mem_realloc(f.bytes, f.n + 1, 1);
    f.bytes[f.n] = how;
    put(parser, name, f.bytes, f.n + 1);
    free(f.bytes);
}

/* ---- pictures ---- */

static void make_jpegs(const uint8_t *pixels)
{
    static const struct {
        const char *name;
        int n_component;
        J_COLOR_SPACE in, out;
        bool progressive, arithmetic, exif, icc;
        int restart;
    } kind[] = {
        { "baseline", 3, JCS_RGB, JCS_YCbCr, false, false, true, false, 0 },
        { "progressive", 3, JCS_RGB, JCS_YCbCr, true, false, false, true, 0 },
        { "arithmetic", 3, JCS_RGB, JCS_YCbCr, true, true, false, false, 0 },
        { "rgb", 3, JCS_RGB, JCS_RGB, false, true, false, false, 1 },
        { "grey", 1, JCS_GRAYSCALE, JCS_GRAYSCALE, true, false, false, false, 1 },
        { "ycck", 4, JCS_CMYK, JCS_YCCK, false, false, false, false, 0 },
        { "cmyk", 4, JCS_CMYK, JCS_CMYK, true, false, false, false, 1 },
    };
    uint8_t exif[32];
    cmsUInt32Number n_icc;
    uint8_t *icc = make_icc(false, 1, rec709, &n_icc);
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct jpeg_plan p = { .width = SIDE,
                               .height = SIDE,
                               .n_component = kind[i].n_component,
                               .in = kind[i].in,
                               .out = kind[i].out,
                               .progressive = kind[i].progressive,
                               .arithmetic = kind[i].arithmetic,
                               .restart = kind[i].restart };
        if (kind[i].exif)
            p.exif = exif, p.n_exif = make_exif(exif, 6, true);
        if (kind[i].icc)
            p.icc = icc, p.n_icc = n_icc;
        put_picture("jpeg", kind[i].name, make_jpeg(&p, pixels), (uint8_t)(17 - i));
    }
    free(icc);
}

static void make_pngs(const uint8_t *pixels)
{
    static const struct {
        int color, depth;
        bool icc, exif, gamma;
    } kind[] = {
        { PNG_COLOR_TYPE_GRAY, 1, false, false, false },
        { PNG_COLOR_TYPE_GRAY, 16, false, false, true },
        { PNG_COLOR_TYPE_PALETTE, 2, false, true, false },
        { PNG_COLOR_TYPE_PALETTE, 8, false, false, false },
        { PNG_COLOR_TYPE_RGB, 8, true, false, false },
        { PNG_COLOR_TYPE_RGB, 16, false, false, true },
        { PNG_COLOR_TYPE_GRAY_ALPHA, 8, false, true, false },
        { PNG_COLOR_TYPE_RGB_ALPHA, 8, false, false, true },
        { PNG_COLOR_TYPE_RGB_ALPHA, 16, true, true, false },
    };
    static const png_color palette[4] = { { 0, 0, 0 }, { 200, 30, 30 }, { 9, 99, 9 }, { 0, 0, 9 } };
    static const uint8_t clear[2] = { 0, 90 };
    static const double chrm[] = { .3127, .3290, .64, .33, .30, .60, .15, .06 };
    uint8_t exif[32], row[8 * SIDE];
    cmsUInt32Number n_icc;
    uint8_t *icc = make_icc(false, 1, rec709, &n_icc);
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        struct png_plan p = { .width = SIDE,
                              .height = SIDE,
                              .depth = kind[i].depth,
                              .color = kind[i].color,
                              .interlaced = i % 2 };
        memcpy(row, pixels, sizeof row);
        if (kind[i].color == PNG_COLOR_TYPE_PALETTE) {
            p.palette = palette, p.n_palette = 4, p.trns = clear, p.n_trns = 2;
            for (size_t k = 0; k < sizeof row; k++)
                row[k] = kind[i].depth == 8 ? k % 4 : row[k];
        }
        if (kind[i].icc)
            p.icc = icc, p.n_icc = n_icc;
        if (kind[i].exif) /* without the mark that a JPEG has before it */
            p.n_exif = make_exif(exif, 3, false) - 6, p.exif = exif + 6;
        if (kind[i].gamma)
            p.gamma = 1 / 1.8, p.chrm = chrm;
        char *name = str_format("type%d-%dbit", kind[i].color, kind[i].depth);
        put_picture("png", name, make_png(&p, row, 0), (uint8_t)i);
        free(name);
    }
    free(icc);
}

static void make_webps(const uint8_t *pixels)
{
#if REFIT_WEBP
    uint8_t *lossy = NULL, *lossless = NULL;
    size_t n = WebPEncodeRGBA(pixels, SIDE, SIDE, 4 * SIDE, 60, &lossy);
    struct file_bytes f = { mem_calloc(n, 1), n };
    memcpy(f.bytes, lossy, n);
    put_picture("webp", "lossy", f, 1);
    n = WebPEncodeLosslessRGBA(pixels, SIDE, SIDE, 4 * SIDE, &lossless);
    f = (struct file_bytes){ mem_calloc(n, 1), n };
    memcpy(f.bytes, lossless, n);
    put_picture("webp", "lossless", f, 2);
    WebPFree(lossy);
    WebPFree(lossless);
#else
    (void)pixels;
#endif
}

/* ---- texts ---- */

static const struct {
    const char *parser, *name, *text;
} text[] = {
    { "csv", "plain",
      "id,name,price\n1,\"a \"\"b\"\"\",2.5\r\n2,\"two\nlines\",\n\n3,\xc3\xa9,4\n\x80\x40" },
    { "csv", "semicolons",
      "\xef\xbb\xbf"
      "a;b\n1;'x;y'\n2;'it''s'\n3;\n\x40\x05" },
    { "csv", "bad", "a\tb\n1\n2\t\"open\n3\t\"x\"y\n4\t\xff\n5\t6\r7\t8\n\xc0\x42" },
    { "csv", "latin1", "a|b\nL\xe9z|\x80\n1|\"2|3\"\n\x60\x23" },
    { "jsonrows", "lines",
      "{\"a\": 1, \"b\": \"\\u00e9\\ud83d\\ude00\"}\n{\"a\": [1, {\"c\": null}], \"b\": -1.5e3}\n\n"
      "{\"b\": true, \"a\": 9223372036854775807}\n" },
    { "jsonrows", "array",
      "[{\"a\": \"x\\n\\\"\"},\n {\"b\": {\"a\": []}, \"c\": 1}, 3, {\"a\": 1]" },
    { "jsonrows", "twice", "{\"a\": 1, \"a\": 2}\n{\"a\": 123456789012345678901}\n{\"a\":\n" },
    { "html", "page", /* the first byte picks the options */
      "\x01<p class='x'>L'&eacute;cran &#233;&#x1F600; &amp &nbsp; 5 < 6</p><!-- no --><br/>"
      "<script>if (a < b) c();</script><style>p { }</style><ul><li>un<li>deux</ul><b>gr</b>and "
      "https://a.b/c?d www.e.f <![CDATA[x]]> <?php y ?> <textarea>t</textarea><table><tr><td>z" },
    { "html", "words",
      "\xd2STRASSE Stra\xc3\x9f e\xcc\x81t\xc3\xa9 \xef\xac\x81n \xe6\x97\xa5\xe6\x9c\xac "
      "24 x 120 l'\xc3\xa9t\xc3\xa9 porte-cl\xc3\xa9s \xff\xed\xa0\x80 WWW.X.Y ftp://z" },
    { "tabplan", "all",
      "plan: 1\ncolumns:\n"
      "  a: {number_missing: keep, transform: box_cox, absent: refuse}\n"
      "  b: {category_missing: Missing, rare_below: 0.5, rare_label: Few, one_hot: drop_last}\n"
      "  c: {parts: [year, month, day, weekday, hour], scale: min_max}\n"
      "  d: {group: b, number_missing: mean, transform: quantile, scale: robust, absent: zero}\n"
      "  e: {drop: true}\n  f: {encode: target, scale_indicators: true}\n" },
    { "tabular", "numbers",
      "{\"tabular\":3,\"columns\":[{\"name\":\"a\",\"type\":\"number\",\"fill\":null,"
      "\"indicator\":true,\"columns\":2,\"absent\":\"zero\",\"transform\":\"quantile\","
      "\"quantiles\":[0,1.5,1.5,3]},{\"name\":\"b\",\"type\":\"number\",\"fill\":2,"
      "\"indicator\":false,\"columns\":1,\"part\":\"hour\",\"transform\":\"box_cox\","
      "\"lambda\":0.5,\"group\":\"c\",\"group_levels\":[\"x\",\"y\"],"
      "\"group_fills\":[1,2]}],\"names\":[\"a\",\"a missing\",\"b.hour\"],"
      "\"mean\":[0,0,1],\"sd\":[1,1,2]}" },
    { "tabular", "categories",
      "{\"tabular\":2,\"columns\":[{\"name\":\"c\",\"type\":\"category\",\"levels\":[\"x\","
      "\"y\"],\"missing\":0,\"other\":null,\"columns\":2},{\"name\":\"d\",\"type\":"
      "\"category\",\"levels\":[\"x\",\"z\"],\"missing\":null,\"other\":1,\"columns\":2,"
      "\"encode\":\"target\",\"values\":[1,2,3,4],\"unknown\":[5,6],\"classes\":[\"p\","
      "\"q\"]}],\"names\":[\"c=x\",\"c=y\",\"d:p\",\"d:q\"],\"mean\":[0,0,1,1],\"sd\":[1,1,2,"
      "2]}" },
    { "s3_xml", "error",
      "<?xml version=\"1.0\"?><Error><Code>PermanentRedirect</Code><Message>m</Message>"
      "<Region>r</Region><Endpoint>e</Endpoint></Error>" },
    { "s3_xml", "skew",
      "<Error><Code>RequestTimeTooSkewed</Code><RequestTime>20300101T000000Z</RequestTime>"
      "<ServerTime>2030-01-01T00:20:00Z</ServerTime></Error>" },
    { "s3_xml", "list",
      "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Contents><Key>p/a"
      "</Key></Contents><CommonPrefixes><Prefix>p/b/</Prefix></CommonPrefixes><IsTruncated>true"
      "</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>" },
    { "s3_xml", "prefix", "<s:a xmlns:s=\"x\"><s:b>&lt;<![CDATA[2]]></s:b></s:a>" },
};

static void make_texts(void)
{
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        put(text[i].parser, text[i].name, text[i].text, strlen(text[i].text));
    uint8_t packed[400];
    z_stream z = { 0 };
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) /* 16: gzip */
        exit(71);
    z.next_in = (Bytef *)(uintptr_t)text[0].text, z.avail_in = (uInt)strlen(text[0].text);
    z.next_out = packed, z.avail_out = sizeof packed;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END)
        exit(71);
    put("csv", "gzip", packed, z.total_out);
    deflateEnd(&z);
}

int main(int argc, char **argv)
{
    uint8_t pixels[BYTES];
    if (argc != 2)
        return fputs("usage: seeds DIR\n", stderr), 64;
    out_dir = argv[1];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 7 + i % 5);
    make_dir(out_dir);
    make_jpegs(pixels);
    make_pngs(pixels);
    make_webps(pixels);
    make_texts();
    return 0;
}
