#include "io/rowkeys.h"

#include <stdlib.h>

#include "base/intern.h"
#include "base/mem.h"
#include "base/str.h"

static int32_t key_of(struct intern *seen, struct hash *h)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    hash_raw(h, digest);
    return intern_add(seen, (const char *)digest, sizeof digest);
}

int32_t *rowkeys_column(const struct column *c)
{
    int32_t *key = mem_calloc(c->n, sizeof *key);
    struct intern seen = { 0 };
    struct str text = { 0 };
    struct hash h;
    hash_init(&h);
    for (size_t i = 0; i < c->n; i++) {
        key[i] = -1;
        if (!column_valid(c, i))
            continue;
        str_clear(&text);
        column_text(c, i, &text);
        hash_add(&h, str_text(&text), text.n);
        key[i] = key_of(&seen, &h);
    }
    str_release(&text);
    intern_release(&seen);
    return key;
}

int32_t *rowkeys_text(const struct table *t)
{
    int32_t *key = mem_calloc(t->n_row, sizeof *key);
    struct intern seen = { 0 };
    struct str text = { 0 };
    struct hash h;
    hash_init(&h);
    for (size_t i = 0; i < t->n_row; i++) {
        size_t n = 0;
        for (size_t k = 0; k < t->roles.n_text; k++) {
            const struct column *c = table_column(t, t->roles.text[k]);
            str_clear(&text);
            if (c)
                column_text(c, i, &text);
            hash_add_text(&h, str_text(&text));
            n += text.n;
        }
        int32_t number = key_of(&seen, &h);
        key[i] = n ? number : -1;
    }
    str_release(&text);
    intern_release(&seen);
    return key;
}

int32_t *rowkeys_words(const struct tokens *t)
{
    int32_t *key = mem_calloc(t->n_row, sizeof *key);
    struct intern seen = { 0 };
    struct hash h;
    hash_init(&h);
    for (size_t i = 0; i < t->n_row; i++) {
        size_t n = (size_t)(t->offset[i + 1] - t->offset[i]);
        key[i] = -1;
        if (!n)
            continue;
        hash_add(&h, t->id + t->offset[i], n * sizeof *t->id);
        key[i] = key_of(&seen, &h);
    }
    intern_release(&seen);
    return key;
}

int32_t *rowkeys_pictures(const struct pixels *p)
{
    struct intern seen = { 0 };
    if (!p->digest)
        return NULL;
    int32_t *key = mem_calloc(p->n_row, sizeof *key);
    for (size_t i = 0; i < p->n_row; i++)
        key[i] = p->status[i] == PIXELS_OK
                     ? intern_add(&seen, (const char *)p->digest + i * PIXELS_DIGEST, PIXELS_DIGEST)
                     : -1;
    intern_release(&seen);
    return key;
}
