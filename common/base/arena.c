#include "base/arena.h"

#include <stdalign.h>
#include <string.h>
#include <stdlib.h>

#include "base/mem.h"

/* Blocks double, so that few things take little and many things few blocks. */
enum { FIRST = 4096, LARGEST = 1 << 18, ALIGN = alignof(max_align_t) };

struct arena_block {
    struct arena_block *before;
    size_t used, room;
    alignas(max_align_t) unsigned char bytes[];
};

static void add_block(struct arena *a, size_t n)
{
    size_t room = a->last ? a->last->room * 2 : FIRST;
    room = room > LARGEST ? LARGEST : room;
    room = room < n ? n : room;
    struct arena_block *block = mem_calloc(1, sizeof *block + room);
    block->before = a->last;
    block->room = room;
    a->last = block;
}

void *arena_alloc(struct arena *a, size_t n)
{
    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (!a->last || a->last->room - a->last->used < n)
        add_block(a, n);
    void *p = a->last->bytes + a->last->used;
    a->last->used += n;
    return p;
}

char *arena_text(struct arena *a, const char *bytes, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    if (n)
        memcpy(copy, bytes, n);
    return copy;
}

void arena_release(struct arena *a)
{
    while (a->last) {
        struct arena_block *before = a->last->before;
        free(a->last);
        a->last = before;
    }
}
