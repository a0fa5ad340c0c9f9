#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Allocation that does not return NULL: when there is no memory, one line goes
 * to stderr and the program ends with status 71. A size that comes from a file
 * is checked against a stated limit first, by whoever reads it. */

/** n * size bytes of zeros; n * size is checked; 0 bytes give a pointer that may be freed. */
void *mem_calloc(size_t n, size_t size);

/** Resize to n * size bytes; new bytes are not cleared. */
void *mem_realloc(void *p, size_t n, size_t size);

/** Copy of a string; NULL stays NULL. */
char *mem_strdup(const char *s);

/** Copy of n bytes, followed by a NUL. */
char *mem_strndup(const char *s, size_t n);

/**
 * Make room for one more element in a growing array: `p` has `n` elements of
 * `size` bytes and grows to the next power of two when n is one.
 */
void *mem_grow(void *p, size_t n, size_t size);

/** n * size bytes of zeros at an address divisible by 64 (a cache line); 2 MiB and more begin at a
 * huge page and lie in such pages if the system gives them. Free with free(). */
void *mem_aligned(size_t n, size_t size);

/** As mem_aligned, but not cleared: for who writes all of it before reading any. */
void *mem_aligned_raw(size_t n, size_t size);

/** About so many bytes will be allocated in many pieces by the thread that calls this, before any
 * other is there: the heap takes them at once, in huge pages if the system gives them, and keeps
 * what is freed. Pages cost a program that reads a table more than its values do. */
void mem_expect(size_t bytes);

/** Copy of a list of n texts, for mem_free_texts; NULL stays NULL. */
char **mem_copy_texts(char *const *text, size_t n);

/** Free an owned list of n owned texts; NULL is an empty one. */
void mem_free_texts(char **text, size_t n);

#endif
