#include "models/augment.h"

#include <string.h>

#include "models/vocab.h"
#include "num/rng.h"

/* Streams of the seed beyond those of the trainer; a row has 32 bits of them, an epoch 24. */
enum { STREAM_PICTURE = 3, STREAM_WORDS = 4 };

static void draw(struct rng *rng, const struct augment *a, uint64_t which, uint64_t epoch,
                 size_t row)
{
    rng_init(rng, a->seed, (which << 56) + (epoch << 32) + row);
}

void augment_init(struct augment *a, const struct nn_spec *spec, uint64_t seed)
{
    const struct nn_branch *text = nn_spec_branch(spec, NN_TEXT),
                           *pixels = nn_spec_branch(spec, NN_PIXELS);
    *a = (struct augment){ .seed = seed };
    if (pixels) {
        a->flip = pixels->flip;
        a->crop = (size_t)pixels->crop;
        a->brightness = pixels->brightness;
    }
    if (text) {
        a->word_dropout = text->word_dropout;
        a->drop_unknown = text->drop_unknown;
        a->pad_front = text->pad_front;
    }
}

bool augment_has_pictures(const struct augment *a)
{
    return a->flip || a->crop > 0 || a->brightness > 0;
}

/* ---- pictures ---- */

static size_t clamped(size_t at, size_t shift, size_t crop, size_t n)
{
    size_t moved = at + shift;
    return moved < crop ? 0 : moved - crop < n ? moved - crop : n - 1;
}

static void move(uint8_t *out, const uint8_t *in, size_t h, size_t w, size_t crop, size_t down,
                 size_t right, bool flip)
{
    for (size_t y = 0; y < h; y++) {
        const uint8_t *line = in + clamped(y, down, crop, h) * w * 3;
        for (size_t x = 0; x < w; x++, out += 3) {
            size_t from = clamped(x, right, crop, w);
            memcpy(out, line + 3 * (flip ? w - 1 - from : from), 3);
        }
    }
}

static void brighten(uint8_t *out, size_t n, double factor)
{
    uint8_t table[256];
    uint64_t scale = (uint64_t)(factor * 65536);
    for (uint64_t v = 0; v < 256; v++) {
        uint64_t bright = (v * scale + 32768) >> 16;
        table[v] = (uint8_t)(bright < 255 ? bright : 255);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = table[out[i]];
}

void augment_picture(const struct augment *a, uint64_t epoch, size_t row, const uint8_t *in,
                     size_t h, size_t w, uint8_t *out)
{
    struct rng rng;
    draw(&rng, a, STREAM_PICTURE, epoch, row);
    /* drawn in any case, so that one option does not change what the others draw */
    bool flip = rng_below(&rng, 2) == 1 && a->flip;
    size_t down = rng_below(&rng, 2 * a->crop + 1), right = rng_below(&rng, 2 * a->crop + 1);
    double factor = 1 + a->brightness * (2 * rng_uniform(&rng) - 1);
    move(out, in, h, w, a->crop, down, right, flip);
    if (a->brightness > 0)
        brighten(out, h * w * 3, factor);
}

/* ---- words ---- */

int32_t augment_words(const struct augment *a, uint64_t epoch, size_t row, int32_t *ids, size_t T,
                      int32_t n)
{
    struct rng rng;
    size_t first = a->pad_front ? T - (size_t)n : 0, left = 0;
    draw(&rng, a, STREAM_WORDS, epoch, row);
    for (size_t t = first; t < first + (size_t)n; t++) {
        bool drops = rng_uniform(&rng) < a->word_dropout;
        if (!drops)
            ids[first + left++] = ids[t];
        else if (!a->drop_unknown)
            ids[first + left++] = VOCAB_UNKNOWN;
    }
    size_t gone = (size_t)n - left;
    if (a->pad_front && gone) {
        memmove(ids + first + gone, ids + first, left * sizeof *ids);
        memset(ids + first, 0, gone * sizeof *ids);
    } else {
        memset(ids + first + left, 0, gone * sizeof *ids);
    }
    return (int32_t)left;
}
