#include "io/image.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/image_decode.h"
#include "io/json_keys.h"

static const int64_t max_max_bytes = (int64_t)1 << 30, max_max_pixels = 1000000000;

static const char *const fit_name[] = { "stretch", "crop", "pad" };
static const char *const filter_name[] = { "area", "bilinear", "lanczos" };

struct image_options image_defaults(void)
{
    return (struct image_options){ .size = 64,
                                   .background = 0xffffff,
                                   .dct_scaling = true,
                                   .max_bytes = 64 << 20,
                                   .max_pixels = 80000000 };
}

/* The place of a name in a list of three; -1. */
static int place_of(const char *const name[3], const char *found)
{
    for (int i = 0; i < 3; i++)
        if (strcmp(name[i], found) == 0)
            return i;
    return -1;
}

static bool parse_background(const char *text, uint32_t *out)
{
    if (strlen(text) != 7 || *text != '#' || strspn(text + 1, "0123456789abcdefABCDEF") != 6)
        return false;
    *out = (uint32_t)strtoul(text + 1, NULL, 16);
    return true;
}

int image_options_parse(struct image_options *o, const char *fit, const char *filter,
                        const char *background, struct err *e)
{
    int how = place_of(fit_name, fit), by = place_of(filter_name, filter);
    if (how < 0)
        return err_set(e, ERR_USAGE, "fit '%s' is not one of " IMAGE_FITS, fit);
    if (by < 0)
        return err_set(e, ERR_USAGE, "filter '%s' is not one of " IMAGE_FILTERS, filter);
    if (!parse_background(background, &o->background))
        return err_set(e, ERR_USAGE, "background '%s' is no colour: want #rrggbb, as #ffffff",
                       background);
    o->fit = (enum image_fit)how;
    o->filter = (enum resize_filter)by;
    return 0;
}

char *image_recipe(const struct image_options *o)
{
    char background[8];
    snprintf(background, sizeof background, "#%06x", (unsigned)(o->background & 0xffffff));
    json_t *root = json_pack("{s:i,s:I,s:s,s:s,s:s,s:b,s:I,s:I}", "version", IMAGE_RECIPE_VERSION,
                             "size", (json_int_t)o->size, "fit", fit_name[o->fit], "filter",
                             filter_name[o->filter], "background", background, "dct_scaling",
                             o->dct_scaling, "max_bytes", (json_int_t)o->max_bytes, "max_pixels",
                             (json_int_t)o->max_pixels);
    char *dumped = json_dumps(root, JSON_COMPACT), *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}

int image_recipe_parse(struct image_options *out, const char *json, struct err *e)
{
    static const char *const keys[] = { "version",   "size",       "fit",
                                        "filter",    "background", "dct_scaling",
                                        "max_bytes", "max_pixels", NULL };
    static const char what[] = "picture recipe";
    struct image_options o = { 0 };
    const char *fit, *filter, *background;
    json_t *root = NULL;
    int64_t version;
    int rc;

    if ((rc = json_keys_load(&root, what, json, keys, e)) ||
        (rc = json_keys_int(root, what, "version", IMAGE_RECIPE_VERSION, IMAGE_RECIPE_VERSION,
                            &version, e)) ||
        (rc = json_keys_int(root, what, "size", 1, IMAGE_MAX_SIZE, &o.size, e)) ||
        (rc = json_keys_text(root, what, "fit", &fit, e)) ||
        (rc = json_keys_text(root, what, "filter", &filter, e)) ||
        (rc = json_keys_text(root, what, "background", &background, e)) ||
        (rc = json_keys_bool(root, what, "dct_scaling", &o.dct_scaling, e)) ||
        (rc = json_keys_int(root, what, "max_bytes", 1, max_max_bytes, &o.max_bytes, e)) ||
        (rc = json_keys_int(root, what, "max_pixels", 1, max_max_pixels, &o.max_pixels, e)))
        goto out;
    if (image_options_parse(&o, fit, filter, background, e)) {
        err_wrap(e, "%s", what);
        rc = e->code = ERR_DATA; /* not the command line: a file that lies */
        goto out;
    }
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

static uint32_t number_at(const uint8_t *p, size_t n, bool big_endian)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[big_endian ? i : n - 1 - i];
    return v;
}

int image_exif_orientation(const uint8_t *exif, size_t n)
{
    enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x112, SHORT = 3 };
    if (n >= 6 && memcmp(exif, "Exif\0\0", 6) == 0)
        exif += 6, n -= 6;
    bool big = n >= HEADER && memcmp(exif, "MM\0*", 4) == 0;
    if (n < HEADER || (!big && memcmp(exif, "II*\0", 4) != 0))
        return 1;
    size_t at = number_at(exif + 4, 4, big);
    if (at > n - 2)
        return 1;
    size_t n_entry = number_at(exif + at, 2, big);
    at += 2;
    for (size_t i = 0; i < n_entry && n - at >= ENTRY; i++, at += ENTRY) {
        const uint8_t *entry = exif + at;
        uint32_t value = number_at(entry + 8, 2, big);
        if (number_at(entry, 2, big) != ORIENTATION)
            continue;
        return number_at(entry + 2, 2, big) == SHORT && number_at(entry + 4, 4, big) == 1 &&
                       value >= 1 && value <= 8
                   ? (int)value
                   : 1;
    }
    return 1;
}

/* What a file is that we do not read, for the reason. */
static const char *other_kind(const uint8_t *b, size_t n)
{
    if (n >= 6 && memcmp(b, "GIF8", 4) == 0)
        return "a GIF file";
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
    struct canvas canvas = canvas_empty(o, out_rgb);
    int rc;

    if (n == 0)
        return err_set(e, ERR_DATA, "the file is empty");
    if (n > (uint64_t)o->max_bytes)
        return err_set(e, ERR_DATA, "%zu bytes are over the limit of %lld bytes", n,
                       (long long)o->max_bytes);
    if (n >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        rc = image_jpeg(o, bytes, n, &canvas, e);
    else if (n >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        rc = image_png(o, bytes, n, &canvas, e);
    else if (n >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        rc = image_webp(o, bytes, n, &canvas, e);
    else
        rc = err_set(e, ERR_DATA, "%s: want JPEG, PNG or WebP", other_kind(bytes, n));
    if (rc == 0)
        canvas_finish(&canvas);
    canvas_release(&canvas);
    return rc;
}
