#include "io/image.h"

#include <jansson.h>
#include <libexif/exif-data.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/image_decode.h"
#include "io/json_keys.h"

static const int64_t max_max_bytes = (int64_t)1 << 30, max_max_pixels = 1000000000;

struct image_options image_defaults(void)
{
    return (struct image_options){ .size = 64, .max_bytes = 64 << 20, .max_pixels = 80000000 };
}

char *image_recipe(const struct image_options *o)
{
    json_t *root = json_pack("{s:i,s:I,s:I,s:I}", "version", IMAGE_RECIPE_VERSION, "size",
                             (json_int_t)o->size, "max_bytes", (json_int_t)o->max_bytes,
                             "max_pixels", (json_int_t)o->max_pixels);
    char *dumped = json_dumps(root, JSON_COMPACT), *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}

int image_recipe_parse(struct image_options *out, const char *json, struct err *e)
{
    static const char *const keys[] = { "version", "size", "max_bytes", "max_pixels", NULL };
    static const char what[] = "picture recipe";
    struct image_options o = { 0 };
    json_t *root = NULL;
    int64_t version;
    int rc;

    if ((rc = json_keys_load(&root, what, json, keys, e)) ||
        (rc = json_keys_int(root, what, "version", 1, IMAGE_RECIPE_VERSION, &version, e)) ||
        (rc = json_keys_int(root, what, "size", 1, IMAGE_MAX_SIZE, &o.size, e)) ||
        (rc = json_keys_int(root, what, "max_bytes", 1, max_max_bytes, &o.max_bytes, e)) ||
        (rc = json_keys_int(root, what, "max_pixels", 1, max_max_pixels, &o.max_pixels, e)))
        goto out;
    *out = o;
out:
    json_decref(root);
    return rc;
}

int image_check_pixels(const struct image_options *o, uint64_t width, uint64_t height,
                       struct err *e)
{
    if (width == 0 || height == 0)
        return err_set(e, ERR_DATA, "a picture of %llu x %llu pixels", (unsigned long long)width,
                       (unsigned long long)height);
    if (width > RESIZE_MAX_IN || height > RESIZE_MAX_IN || width * height > (uint64_t)o->max_pixels)
        return err_set(e, ERR_DATA, "%llu x %llu pixels are over the limit of %lld pixels",
                       (unsigned long long)width, (unsigned long long)height,
                       (long long)o->max_pixels);
    return 0;
}

int image_exif_orientation(const uint8_t *exif, size_t n)
{
    int value = 1;
    ExifData *data = n <= 1 << 20 ? exif_data_new_from_data(exif, (unsigned)n) : NULL;
    if (!data)
        return 1;
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->components >= 1 && entry->size >= 2)
        value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    exif_data_unref(data);
    return value >= 1 && value <= 8 ? value : 1;
}

/* Turn a square so that EXIF orientation `how` is upright: TIFF 6.0, tag 274. Stretching to a
 * square and turning can change places, for resize.h treats both axes and both directions alike. */
static void turn(const uint8_t *in, uint8_t *out, size_t size, int how)
{
    bool swap = how >= 5;
    bool flip_row = how == 3 || how == 4 || how == 6 || how == 7;
    bool flip_column = how == 2 || how == 3 || how == 7 || how == 8;
    for (size_t y = 0; y < size; y++) {
        for (size_t x = 0; x < size; x++) {
            size_t row = swap ? x : y, column = swap ? y : x;
            row = flip_row ? size - 1 - row : row;
            column = flip_column ? size - 1 - column : column;
            memcpy(out + 3 * (y * size + x), in + 3 * (row * size + column), 3);
        }
    }
}

/* What a file is that we do not read, for the reason. */
static const char *other_kind(const uint8_t *b, size_t n)
{
    if (n >= 6 && memcmp(b, "GIF8", 4) == 0)
        return "a GIF file";
    if (n >= 12 && memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0)
        return "a WebP file";
    if (n >= 4 && (memcmp(b, "II*\0", 4) == 0 || memcmp(b, "MM\0*", 4) == 0))
        return "a TIFF file";
    if (n >= 12 && memcmp(b + 4, "ftyp", 4) == 0)
        return "an AVIF, HEIC or MP4 file";
    if (n >= 2 && memcmp(b, "BM", 2) == 0)
        return "a BMP file";
    return "no picture";
}

int image_pixels(const struct image_options *o, const uint8_t *bytes, size_t n, uint8_t *out_rgb,
                 struct err *e)
{
    static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff },
                         png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    struct resize r = { 0 };
    uint8_t *upright = NULL;
    int orientation = 1, rc;

    if (n == 0)
        return err_set(e, ERR_DATA, "the file is empty");
    if (n > (uint64_t)o->max_bytes)
        return err_set(e, ERR_DATA, "%zu bytes are over the limit of %lld bytes", n,
                       (long long)o->max_bytes);
    if (n >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        rc = image_jpeg(o, bytes, n, &r, &orientation, e);
    else if (n >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        rc = image_png(o, bytes, n, &r, &orientation, e);
    else
        rc = err_set(e, ERR_DATA, "%s: want JPEG or PNG", other_kind(bytes, n));
    if (rc)
        goto out;
    if (orientation == 1) {
        resize_finish(&r, out_rgb);
    } else {
        size_t size = (size_t)o->size;
        upright = mem_calloc(3 * size, size);
        resize_finish(&r, upright);
        turn(upright, out_rgb, size, orientation);
    }
out:
    free(upright);
    resize_release(&r);
    return rc;
}
