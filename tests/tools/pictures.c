/* pictures DIR: small files for the tests of preprocess_text and preprocess_images:
 *   images/   picture files of many kinds, some of them bad
 *
 *   table.h5  N rows: the first name those files one by one, all others rgb.jpg; texts with HTML
 *
 *   bare.h5   the same without text and image role
 *
 *   lost.h5   the same, but the image pattern names files that do not exist
 *
 *   none.h5   no rows */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "io/table.h"
#include "tests/unit/pictures.h"

enum { N = 1300, SIDE = 24 };

static const char *const file_name[] = { "rgb.jpg",    "grey.jpg",   "cmyk.jpg",   "clear.png",
                                         "turned.jpg", "absent.jpg", "cut.jpg",    "void.jpg",
                                         "text.jpg",   "huge.png",   "../rgb.jpg", "",
                                         "same.jpg",   "folder.jpg" };
enum { N_FILE = sizeof file_name / sizeof *file_name };

static void put(const char *dir, const char *name, struct file_bytes f)
{
    struct err e = { 0 };
    char *path = str_format("%s/images/%s", dir, name);
    if (outfile_put(path, f.bytes, f.n, &e))
        exit(err_report(&e, "pictures"));
    free(path);
    free(f.bytes);
}

static struct file_bytes bytes(const char *text)
{
    return (struct file_bytes){ (uint8_t *)mem_strdup(text), strlen(text) };
}

static void make_pictures(const char *dir)
{
    uint8_t pixels[4 * SIDE * SIDE], exif[32], clear[1] = { 0 }, index[SIDE] = { 0, 1, 1, 1 };
    png_color palette[2] = { { 0, 0, 0 }, { 200, 30, 30 } };
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i / SIDE / 2 + i % 7);
    struct jpeg_plan rgb = { .width = SIDE,
                             .height = SIDE,
                             .n_component = 3,
                             .in = JCS_RGB,
                             .out = JCS_YCbCr },
                     p = rgb;
    struct file_bytes cut = make_jpeg(&rgb, pixels);

    cut.n /= 2;
    put(dir, "cut.jpg", cut);
    put(dir, "rgb.jpg", make_jpeg(&rgb, pixels));
    put(dir, "same.jpg", make_jpeg(&rgb, pixels));
    p.exif = exif, p.n_exif = make_exif(exif, 6, true);
    put(dir, "turned.jpg", make_jpeg(&p, pixels));
    p = (struct jpeg_plan){ .width = SIDE,
                            .height = SIDE,
                            .n_component = 1,
                            .in = JCS_GRAYSCALE,
                            .out = JCS_GRAYSCALE,
                            .progressive = true };
    put(dir, "grey.jpg", make_jpeg(&p, pixels));
    p = (struct jpeg_plan){
        .width = SIDE, .height = SIDE, .n_component = 4, .in = JCS_CMYK, .out = JCS_YCCK
    };
    put(dir, "cmyk.jpg", make_jpeg(&p, pixels));
    struct png_plan q = { .width = SIDE,
                          .height = SIDE,
                          .depth = 8,
                          .color = PNG_COLOR_TYPE_PALETTE,
                          .palette = palette,
                          .n_palette = 2,
                          .trns = clear,
                          .n_trns = 1 };
    put(dir, "clear.png", make_png(&q, index, 0));
    uint8_t *row = mem_calloc(9488, 1);
    q = (struct png_plan){
        .width = 9488, .height = 9488, .depth = 8, .color = PNG_COLOR_TYPE_GRAY
    };
    put(dir, "huge.png", make_png(&q, row, 0));
    free(row);
    put(dir, "void.jpg", bytes(""));
    put(dir, "text.jpg", bytes("no picture at all"));
    char *folder = str_format("%s/images/folder.jpg", dir);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        perror(folder);
    free(folder);
}

static void start_text(struct column *c, const char *name, size_t n)
{
    *c = (struct column){
        .name = mem_strdup(name), .type = COLUMN_STRING, .n = n, .bytes = mem_calloc(n + 1, 100)
    };
    c->offset = mem_calloc(n + 1, sizeof *c->offset);
}

static void add_text(struct column *c, size_t i, const char *text)
{
    memcpy(c->bytes + c->offset[i], text, strlen(text));
    c->offset[i + 1] = c->offset[i] + (int64_t)strlen(text);
}

static void fill(struct table *t, size_t n)
{
    t->name = mem_strdup("products");
    t->n_row = n;
    t->n_col = 5;
    t->col = mem_calloc(t->n_col, sizeof *t->col);
    t->col[0] = (struct column){ .name = mem_strdup("id"),
                                 .type = COLUMN_INT,
                                 .n = n,
                                 .whole = mem_calloc(n, sizeof(int64_t)) };
    start_text(&t->col[1], "title", n);
    start_text(&t->col[2], "description", n);
    t->col[3] = (struct column){ .name = mem_strdup("size"),
                                 .type = COLUMN_FLOAT,
                                 .n = n,
                                 .real = mem_calloc(n, sizeof(double)) };
    start_text(&t->col[4], "file", n);
    t->col[4].valid = mem_calloc(n, 1);
    for (size_t i = 0; i < n; i++) {
        const char *file = i < N_FILE ? file_name[i] : "rgb.jpg";
        char *title = str_format("L'\xc3\xa9"
                                 "cran n\xc2\xb0%zu",
                                 i % 700);
        t->col[0].whole[i] = (int64_t)i;
        add_text(&t->col[1], i, i == 1 ? "" : title);
        add_text(&t->col[2], i,
                 i == 1  ? ""
                 : i % 3 ? ""
                         : "<p>Tr&egrave;s <b>grand</b> &amp; beau</p>");
        t->col[3].real[i] = .5 * (double)(i % 5);
        t->col[4].valid[i] = *file != '\0';
        add_text(&t->col[4], i, file);
        free(title);
    }
    table_hash_keys(t);
}

static void write_table(const char *dir, const char *name, size_t n, const char *image,
                        size_t n_text)
{
    static const char *const text[] = { "title", "description" };
    struct tables all = { .item = mem_calloc(1, sizeof(struct table)), .n = 1 };
    struct err e = { 0 };
    struct table_roles *r = &all.item->roles;
    char *path = str_format("%s/%s", dir, name);

    r->id = mem_strdup("id");
    r->image = mem_strdup(image);
    r->text = mem_calloc(n_text, sizeof *r->text);
    for (; r->n_text < n_text; r->n_text++)
        r->text[r->n_text] = mem_strdup(text[r->n_text]);
    fill(all.item, n);
    if (tables_write(&all, path, &e))
        exit(err_report(&e, "pictures"));
    tables_release(&all);
    free(path);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return fputs("usage: pictures DIR\n", stderr), 64;
    make_pictures(argv[1]);
    write_table(argv[1], "table.h5", N, "{file}", 2);
    write_table(argv[1], "bare.h5", 5, NULL, 0);
    write_table(argv[1], "lost.h5", 5, "p_{id}.jpg", 1);
    write_table(argv[1], "none.h5", 0, "{file}", 1);
    return 0;
}
