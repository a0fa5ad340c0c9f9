#define _DEFAULT_SOURCE /* madvise */
#include "base/mem.h"

#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"

static _Noreturn void out_of_memory(size_t n, size_t size)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes\n", n, size);
    exit(ERR_MEMORY);
}

void *mem_calloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        out_of_memory(n, size);
    return p;
}

void *mem_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        out_of_memory(n, size);
    p = realloc(p, bytes ? bytes : 1);
    if (!p)
        out_of_memory(n, size);
    return p;
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
    char *copy = mem_calloc(n + 1, 1);
    if (n)
        memcpy(copy, s, n);
    return copy;
}

void *mem_grow(void *p, size_t n, size_t size)
{
    if (n == 0)
        return mem_realloc(p, 1, size);
    return (n & (n - 1)) == 0 ? mem_realloc(p, 2 * n, size) : p;
}

/* Of x86-64. An array in small pages costs a fault for each of them, and more places than the
 * translation cache has. */
enum { LINE = 64, HUGE_PAGE = 1 << 21 };

void *mem_aligned_raw(size_t n, size_t size)
{
    size_t bytes;
    void *p;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX - HUGE_PAGE)
        out_of_memory(n, size);
    bytes = bytes ? (bytes + LINE - 1) / LINE * LINE : LINE;
    if (posix_memalign(&p, bytes < HUGE_PAGE ? LINE : HUGE_PAGE, bytes))
        out_of_memory(n, size);
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_PAGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* where there are none, it works all the same */
#endif
    return p;
}

void *mem_aligned(size_t n, size_t size)
{
    return memset(mem_aligned_raw(n, size), 0, n * size);
}

char **mem_copy_texts(char *const *text, size_t n)
{
    char **copy = text ? mem_calloc(n, sizeof *copy) : NULL;
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = mem_strdup(text[i]);
    return copy;
}

void mem_expect(size_t bytes)
{
#if defined(__GLIBC__) && defined(MADV_HUGEPAGE)
    /* more than the heap has by itself; the largest that is of the heap, no mapping of its own */
    enum { PIECE = 1 << 18, MOST_PIECE = 1 << 25, MOST = 1 << 30 };
    bytes = bytes < MOST ? bytes : MOST;
    if (bytes < HUGE_PAGE || !mallopt(M_MMAP_THRESHOLD, MOST_PIECE) ||
        !mallopt(M_TRIM_THRESHOLD, INT_MAX) || !mallopt(M_TOP_PAD, (int)bytes))
        return;
    void *p = mem_realloc(NULL, 1, PIECE);
    uintptr_t first = ((uintptr_t)p + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = (uintptr_t)sbrk(0) / HUGE_PAGE * HUGE_PAGE;
    if (first < end && end - (uintptr_t)p <= bytes + HUGE_PAGE) /* else it lies elsewhere */
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
    free(p);
#else
    (void)bytes;
#endif
}

void mem_free_texts(char **text, size_t n)
{
    for (size_t i = 0; text && i < n; i++)
        free(text[i]);
    free(text);
}
