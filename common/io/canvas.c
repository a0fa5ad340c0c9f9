#include "io/canvas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* EXIF's orientations in terms of the stored rows and columns: TIFF 6.0, tag 274. */
static bool flips_rows(int how)
{
    return how == 3 || how == 4 || how == 6 || how == 7;
}

static bool flips_columns(int how)
{
    return how == 2 || how == 3 || how == 7 || how == 8;
}

/* What is left over of an odd rest goes to the right and below, seen upright. */
static size_t half(size_t rest, bool flipped)
{
    return flipped ? rest - rest / 2 : rest / 2;
}

static void fill(uint8_t *out, size_t n, uint32_t rgb)
{
    for (size_t i = 0; i < n; i++, out += 3)
        out[0] = (uint8_t)(rgb >> 16), out[1] = (uint8_t)(rgb >> 8), out[2] = (uint8_t)rgb;
}

struct canvas canvas_empty(const struct image_options *o, uint8_t *out_rgb)
{
    return (struct canvas){ .options = o, .out = out_rgb };
}

void canvas_start(struct canvas *c, size_t width, size_t height, int orientation)
{
    const struct image_options *o = c->options;
    size_t size = (size_t)o->size, to_width = size, to_height = size, left = 0, top = 0;
    bool rows = flips_rows(orientation), columns = flips_columns(orientation);

    c->orientation = orientation;
    c->width = width, c->height = height;
    if (orientation != 1)
        c->square = mem_calloc(3 * size, size);
    uint8_t *to = c->square ? c->square : c->out;
    if (o->fit == IMAGE_CROP) {
        c->width = c->height = width < height ? width : height;
        c->left = half(width - c->width, columns), c->top = half(height - c->height, rows);
    } else if (o->fit == IMAGE_PAD) {
        size_t most = width > height ? width : height;
        to_width = (2 * size * width + most) / (2 * most);
        to_height = (2 * size * height + most) / (2 * most);
        to_width += to_width == 0, to_height += to_height == 0;
        left = half(size - to_width, columns), top = half(size - to_height, rows);
        fill(to, size * size, o->background);
    }
    resize_init(&c->resize, o->filter, c->width, c->height, to_width, to_height,
                to + 3 * (top * size + left), 3 * size);
}

void canvas_row(struct canvas *c, const uint8_t *rgb)
{
    size_t y = c->row++;
    if (y < c->top || y - c->top >= c->height)
        return;
    resize_row(&c->resize, rgb + 3 * c->left);
}

void canvas_two_rows(struct canvas *c, const uint8_t *rgb, const uint8_t *next)
{
    size_t y = c->row - c->top;
    if (c->row < c->top || y % 2 || y + 2 > c->height) {
        canvas_row(c, rgb);
        canvas_row(c, next);
        return;
    }
    c->row += 2;
    resize_two_rows(&c->resize, rgb + 3 * c->left, next + 3 * c->left);
}

/* Both axes and both directions are treated alike, so turning the square is turning the picture. */
static void turn(const uint8_t *in, uint8_t *out, size_t size, int how)
{
    bool swap = how >= 5, rows = flips_rows(how), columns = flips_columns(how);
    for (size_t y = 0; y < size; y++) {
        for (size_t x = 0; x < size; x++) {
            size_t row = swap ? x : y, column = swap ? y : x;
            row = rows ? size - 1 - row : row;
            column = columns ? size - 1 - column : column;
            memcpy(out + 3 * (y * size + x), in + 3 * (row * size + column), 3);
        }
    }
}

void canvas_finish(struct canvas *c)
{
    if (c->square)
        turn(c->square, c->out, (size_t)c->options->size, c->orientation);
}

void canvas_release(struct canvas *c)
{
    resize_release(&c->resize);
    free(c->square);
    *c = (struct canvas){ 0 };
}

void canvas_blend(const struct image_options *o, const uint8_t *rgba, size_t n, uint8_t *out_rgb)
{
    const int back[3] = { (int)(o->background >> 16 & 255), (int)(o->background >> 8 & 255),
                          (int)(o->background & 255) };
    for (size_t x = 0; x < n; x++, rgba += 4, out_rgb += 3)
        for (int i = 0; i < 3; i++)
            out_rgb[i] = (uint8_t)((rgba[i] * rgba[3] + back[i] * (255 - rgba[3]) + 127) / 255);
}
