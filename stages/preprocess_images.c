/* preprocess_images: the picture of every row, decoded to a square of RGB pixels.
 *
 *   in   table   refit.table; its image role is the pattern of the file names
 *        images  directory of JPEG, PNG and WebP files
 *   out  pixels  refit.images: uint8 (n, size, size, 3); per row ok, missing or corrupt, and why,
 *                and the hash of its file
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/parallel.h"
#include "io/image.h"
#include "io/picture.h"
#include "io/pixels.h"
#include "io/table.h"
#include "num/hash.h"

struct params {
    const char *table, *images, *pixels, *fit, *filter, *background;
    bool dct_scaling;
    int64_t size, max_bytes, max_pixels;
    double max_bad_share, max_missing_share;
};

static const struct opt options[] = {
    { OPT_IN(struct params, table), .help = "table whose rows have pictures",
      .format = "hdf5:refit.table" },
    { OPT_IN(struct params, images), .help = "directory of the picture files" },
    { OPT_OUT(struct params, pixels), .help = "the pictures as pixels",
      .format = "hdf5:refit.images" },
    { OPT_INT(struct params, size), .def = 64, .min = 1, .max = IMAGE_MAX_SIZE, .unit = "pixels",
      .help = "side of the square that every picture becomes" },
    { OPT_CHOICE(struct params, fit), .text = "stretch", .choices = IMAGE_FITS,
      .help = "of an oblong picture: stretch all of it, crop to its middle, or pad with bars" },
    { OPT_CHOICE(struct params, filter), .text = "area", .choices = IMAGE_FILTERS,
      .help = "how pixels are made from others" },
    { OPT_TEXT(struct params, background), .text = "#ffffff",
      .help = "colour behind transparency and of the bars: #rrggbb" },
    { OPT_BOOL(struct params, dct_scaling), .def = true,
      .help = "decode a JPEG at 1/2, 1/4 or 1/8 where that is large enough" },
    { OPT_INT(struct params, max_bytes), .def = 64 << 20, .min = 1, .max = 1 << 30, .unit = "bytes",
      .help = "a larger file counts as corrupt" },
    { OPT_INT(struct params, max_pixels), .def = 80e6, .min = 1, .max = 1e9, .unit = "pixels",
      .help = "a picture of more pixels, width x height, counts as corrupt and is not decoded" },
    { OPT_REAL(struct params, max_bad_share), .def = .5, .min = 0, .max = 1,
      .help = "fail (65) if more than this share of the files found is corrupt" },
    { OPT_REAL(struct params, max_missing_share), .def = 1, .min = 0, .max = 1,
      .help = "fail (65) if more than this share of the rows has no file" },
    { 0 },
};

enum { BLOCK_BYTES = 32 << 20, MAX_BLOCK_ROWS = 1024, MAX_TOLD = 5 };

/* What one thread works with. */
struct hand {
    struct picture_hand picture;
    struct str name; /* owned */
    struct err e;    /* the machine failed: at row `failed` */
    size_t failed;
};

struct job {
    const struct table *table;
    struct image_options options;
    struct picture_pattern pattern;
    int dir;           /* owned; -1: none */
    struct hand *hand; /* (n_hand) owned */
    int n_hand;
    size_t first_row, n_block; /* of the block; its rows at most */
    uint8_t *block;            /* (n_block, size, size, 3) owned */
    uint8_t *status;           /* (n_row) owned */
    char **reason;             /* (n_row) owned; NULL where ok */
    uint8_t *digest;           /* (n_row, 32) owned: of the file; zeros where there is none */
    atomic_size_t n_done;
    atomic_bool stop;
};

static int options_of(const struct params *p, struct image_options *o, struct err *e)
{
    *o = (struct image_options){ .size = p->size,
                                 .dct_scaling = p->dct_scaling,
                                 .max_bytes = p->max_bytes,
                                 .max_pixels = p->max_pixels };
    return image_options_parse(o, p->fit, p->filter, p->background, e);
}

static int check(const void *params, struct err *e)
{
    struct image_options o;
    return options_of(params, &o, e);
}

static size_t picture_bytes(const struct job *job)
{
    return 3 * (size_t)job->options.size * (size_t)job->options.size;
}

static void job_init(struct job *job, const struct table *t, const struct image_options *o)
{
    *job = (struct job){ .table = t, .options = *o, .dir = -1, .n_hand = opt_threads() };
    size_t fit = BLOCK_BYTES / picture_bytes(job);
    job->n_block = fit < 1 ? 1 : fit > MAX_BLOCK_ROWS ? MAX_BLOCK_ROWS : fit;
    job->hand = mem_calloc((size_t)job->n_hand, sizeof *job->hand);
    job->block = mem_aligned(job->n_block, picture_bytes(job));
    job->status = mem_calloc(t->n_row, sizeof *job->status);
    job->reason = mem_calloc(t->n_row, sizeof *job->reason);
    job->digest = mem_calloc(t->n_row, PIXELS_DIGEST);
}

static void job_release(struct job *job)
{
    for (int i = 0; i < job->n_hand; i++) {
        picture_hand_release(&job->hand[i].picture);
        str_release(&job->hand[i].name);
    }
    for (size_t i = 0; job->reason && i < job->table->n_row; i++)
        free(job->reason[i]);
    free(job->digest);
    free(job->reason);
    free(job->status);
    free(job->block);
    free(job->hand);
    if (job->dir >= 0)
        close(job->dir);
    picture_pattern_release(&job->pattern);
}

/* Pixels of one row into `out`, all zeros unless they are good. */
static enum pixels_status read_picture(struct job *job, struct hand *h, size_t row, uint8_t *out)
{
    enum pixels_status status;
    const char *why = picture_name(&job->pattern, row, &h->name);

    if (why) {
        memset(out, 0, picture_bytes(job));
        str_clear(&h->picture.why);
        str_addz(&h->picture.why, why);
        return PIXELS_MISSING;
    }
    if (picture_pixels(&h->picture, &job->options, job->dir, str_text(&h->name), out, &status,
                       &h->e)) {
        h->failed = row;
        atomic_store(&job->stop, true);
        return PIXELS_MISSING;
    }
    if (h->picture.read) {
        struct hash sum;
        hash_init(&sum);
        hash_add(&sum, h->picture.bytes, h->picture.n);
        hash_raw(&sum, job->digest + row * PIXELS_DIGEST);
    }
    return status;
}

static void do_row(void *ctx, int worker, size_t i)
{
    struct job *job = ctx;
    struct hand *h = &job->hand[worker];
    size_t row = job->first_row + i;

    if (atomic_load(&job->stop))
        return;
    enum pixels_status status = read_picture(job, h, row, job->block + i * picture_bytes(job));
    job->status[row] = (uint8_t)status;
    if (status != PIXELS_OK)
        job->reason[row] = mem_strdup(str_text(&h->picture.why));
    size_t done = atomic_fetch_add(&job->n_done, 1) + 1;
    if (worker == 0)
        event_progress((int64_t)done, (int64_t)job->table->n_row, "pictures");
}

/* The error of the machine that a thread met, if any: the one of the first row. */
static int machine_error(const struct job *job, struct err *e)
{
    const struct hand *first = NULL;
    for (int i = 0; i < job->n_hand; i++)
        if (job->hand[i].e.code && (!first || job->hand[i].failed < first->failed))
            first = &job->hand[i];
    return first ? err_set(e, first->e.code, "row %zu: %s", first->failed, first->e.text) : 0;
}

static int decode_all(struct job *job, struct h5 *h, struct err *e)
{
    size_t n_row = job->table->n_row;
    int rc;

    for (; job->first_row < n_row; job->first_row += job->n_block) {
        size_t n = n_row - job->first_row < job->n_block ? n_row - job->first_row : job->n_block;
        parallel_for(job->n_hand, n, do_row, job);
        if ((rc = machine_error(job, e)) || (rc = pixels_rows(h, job->first_row, n, job->block, e)))
            return rc;
    }
    event_progress((int64_t)n_row, (int64_t)n_row, "pictures");
    return 0;
}

/* ---- report ---- */

static size_t count(const struct job *job, enum pixels_status status)
{
    size_t n = 0;
    for (size_t i = 0; i < job->table->n_row; i++)
        n += job->status[i] == status;
    return n;
}

static void tell_first(const struct job *job, enum pixels_status status, const char *name)
{
    int told = 0;
    for (size_t i = 0; i < job->table->n_row && told < MAX_TOLD; i++)
        if (job->status[i] == status && ++told)
            log_info("row %zu: %s: %s", i, name, job->reason[i]);
}

/* By content, then by row. */
static int by_digest(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;
    int order = memcmp(x, y, PIXELS_DIGEST);
    return order ? order : (x > y) - (x < y);
}

/* Files with the same content, under one name or several: they may end on both sides of a split. */
static void tell_duplicates(const struct job *job)
{
    size_t n = 0, n_group = 0, n_row = 0, told = 0;
    const uint8_t **digest = mem_calloc(job->table->n_row, sizeof *digest);
    for (size_t i = 0; i < job->table->n_row; i++)
        if (job->status[i] == PIXELS_OK)
            digest[n++] = job->digest + i * PIXELS_DIGEST;
    qsort(digest, n, sizeof *digest, by_digest);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && memcmp(digest[i], digest[k], PIXELS_DIGEST) == 0; k++)
            if (told++ < MAX_TOLD)
                log_info("row %zu: the same picture as row %zu",
                         (size_t)(digest[k] - job->digest) / PIXELS_DIGEST,
                         (size_t)(digest[i] - job->digest) / PIXELS_DIGEST);
        n_group += k - i > 1;
        n_row += k - i > 1 ? k - i : 0;
    }
    if (n_group)
        log_info("%zu groups of identical picture files, in %zu rows", n_group, n_row);
    event_metric("duplicate_pictures", (double)(n_row - n_group), 0);
    free(digest);
}

static int judge(const struct job *job, const struct params *p, struct err *e)
{
    size_t n_row = job->table->n_row, missing = count(job, PIXELS_MISSING),
           corrupt = count(job, PIXELS_CORRUPT);
    size_t found = n_row - missing;

    log_info("%zu rows: %zu pictures, %zu missing, %zu corrupt", n_row, found - corrupt, missing,
             corrupt);
    tell_first(job, PIXELS_MISSING, "missing");
    tell_first(job, PIXELS_CORRUPT, "corrupt");
    tell_duplicates(job);
    if (n_row && missing == n_row)
        log_warn("no row has a picture in '%s'", p->images);
    else if (corrupt)
        log_warn("%zu of %zu pictures are corrupt", corrupt, found);
    if ((double)corrupt > p->max_bad_share * (double)found)
        return err_set(e, ERR_DATA,
                       "%zu of %zu pictures in '%s' are corrupt: more than max_bad_share %g",
                       corrupt, found, p->images, p->max_bad_share);
    if ((double)missing > p->max_missing_share * (double)n_row)
        return err_set(e, ERR_DATA,
                       "%zu of %zu rows have no picture in '%s': more than max_missing_share %g",
                       missing, n_row, p->images, p->max_missing_share);
    return 0;
}

static int finish(struct job *job, struct h5 *h, struct err *e)
{
    const char **reason = mem_calloc(job->table->n_row, sizeof *reason);
    for (size_t i = 0; i < job->table->n_row; i++)
        reason[i] = job->reason[i] ? job->reason[i] : "";
    int rc = pixels_finish(h, job->table->n_row, job->status, reason, job->digest, e);
    free(reason);
    return rc;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct image_options o;
    struct table table = { 0 };
    struct job job = { .dir = -1 };
    struct h5 h = { 0 };
    char *recipe = NULL;
    int rc;

    if ((rc = options_of(p, &o, e)))
        return rc;
    recipe = image_recipe(&o);
    if ((rc = table_read_pictures(&table, p->table, e)))
        goto out;
    job_init(&job, &table, &o);
    if ((rc = picture_pattern_init(&job.pattern, &table, p->table, e)) ||
        (rc = picture_open_dir(p->images, &job.dir, e)) ||
        (rc = pixels_begin(&h, p->pixels, table.n_row, (size_t)o.size, (size_t)o.size, recipe,
                           table.keys_sha256, e)) ||
        (rc = decode_all(&job, &h, e)) || (rc = judge(&job, p, e)))
        goto out;
    rc = finish(&job, &h, e);
out:
    h5_close(&h);
    job_release(&job);
    table_release(&table);
    free(recipe);
    return rc;
}

static const struct stage stage = {
    .name = "preprocess_images",
    .purpose = "decode the pictures of a table to squares of pixels",
    .more = "A picture that is missing or corrupt keeps its row: the row is marked, with the "
            "reason, and its pixels are 0.\n"
            "Example: preprocess_images --table table.h5 --images images --pixels pixels.h5 --size "
            "224 --fit pad --background '#f0f0f0'",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
