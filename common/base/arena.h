#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

/** Memory for many small things that live and end together: an allocation is an addition, and one
 * call frees them all. All zeros is empty. */
struct arena {
    struct arena_block *last; /* owned, linked to those before it */
};

/** n bytes, all zero, aligned for any object; valid until arena_release. */
void *arena_alloc(struct arena *a, size_t n);

/** A copy of n bytes with a NUL behind them. */
char *arena_text(struct arena *a, const char *bytes, size_t n);

void arena_release(struct arena *a);

#endif
