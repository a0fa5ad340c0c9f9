#include "base/intern.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* FNV-1a, 32 bits (RFC 9923), then mixed so that the low bits depend on all. */
static uint32_t hash_of(const char *bytes, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)bytes[i]) * 16777619u;
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    return h ^ h >> 13;
}

const char *intern_get(const struct intern *in, size_t i)
{
    assert(i < in->n);
    return in->bytes.text + in->at[i];
}

static size_t length(const struct intern *in, size_t i)
{
    return (i + 1 < in->n ? in->at[i + 1] : in->bytes.n) - in->at[i] - 1;
}

/* The slot that holds the text, or the free one where it belongs. */
static struct intern_slot *find(const struct intern *in, uint32_t hash, const char *bytes, size_t n)
{
    for (size_t s = hash;; s++) {
        struct intern_slot *slot = &in->slot[s & (in->n_slot - 1)];
        size_t i = (size_t)slot->number - 1;
        if (!slot->number ||
            (slot->hash == hash && length(in, i) == n && memcmp(intern_get(in, i), bytes, n) == 0))
            return slot;
    }
}

static void grow_slots(struct intern *in)
{
    free(in->slot);
    in->n_slot = in->n_slot ? 2 * in->n_slot : 64;
    in->slot = mem_calloc(in->n_slot, sizeof *in->slot);
    for (size_t i = 0; i < in->n; i++) {
        size_t s = in->hash[i];
        while (in->slot[s & (in->n_slot - 1)].number)
            s++;
        in->slot[s & (in->n_slot - 1)] = (struct intern_slot){ in->hash[i], (int32_t)i + 1 };
    }
}

static int32_t add(struct intern *in, uint32_t hash, const char *bytes, size_t n)
{
    if (2 * (in->n + 1) > in->n_slot)
        grow_slots(in);
    struct intern_slot *slot = find(in, hash, bytes, n);
    if (slot->number)
        return slot->number - 1;
    assert(in->n < INT32_MAX - 1);
    if (in->n == in->room) {
        in->room = in->room ? 2 * in->room : 64;
        in->at = mem_realloc(in->at, in->room, sizeof *in->at);
        in->hash = mem_realloc(in->hash, in->room, sizeof *in->hash);
    }
    in->at[in->n] = in->bytes.n;
    in->hash[in->n] = hash;
    str_add(&in->bytes, bytes, n);
    str_addc(&in->bytes, '\0');
    *slot = (struct intern_slot){ hash, (int32_t)++in->n };
    return slot->number - 1;
}

int32_t intern_add(struct intern *in, const char *bytes, size_t n)
{
    return add(in, hash_of(bytes, n), bytes, n);
}

int32_t intern_join(struct intern *in, const struct intern *from, size_t i)
{
    return add(in, from->hash[i], intern_get(from, i), length(from, i));
}

int32_t intern_find(const struct intern *in, const char *bytes, size_t n)
{
    return in->n ? find(in, hash_of(bytes, n), bytes, n)->number - 1 : -1;
}

void intern_release(struct intern *in)
{
    str_release(&in->bytes);
    free(in->at);
    free(in->hash);
    free(in->slot);
    *in = (struct intern){ 0 };
}
