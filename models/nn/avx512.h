#ifndef NN_AVX512_H
#define NN_AVX512_H

/* For files with kernels by hand. The build is for any x86-64: a function so marked is called only
 * where a rule has asked the processor first. */
#ifdef __x86_64__
#include <immintrin.h>
#define AVX512        __attribute__((target("avx512f")))
#define AVX512_INLINE static inline __attribute__((always_inline, target("avx512f")))
#endif

#endif
