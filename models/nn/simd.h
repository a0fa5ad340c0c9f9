#ifndef NN_SIMD_H
#define NN_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* NN_CLONES before a function: it is compiled for plain x86-64, AVX2 and AVX-512, and the loader
 * picks. The arithmetic is the same in all (the Makefile forbids contraction to fused
 * multiply-add), so the bits are too. Not under the sanitizers, which run before the loader's
 * choice and crash in it, nor with clang: version 14 makes the resolver of a static function a
 * global symbol, and gives a function of another file a name that its callers do not find. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__) || \
    !defined(__x86_64__)
#define NN_CLONES
#else
#define NN_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#endif

enum fetch { FETCH_NEAR, FETCH_FAR };

/** Ask for n floats that are wanted later: NEAR, into the first-level cache; FAR, into the second,
 * where they outlast a product. */
static inline void fetch_floats(const float *x, size_t n, enum fetch where)
{
    enum { LINE = 16 };
    for (size_t i = 0; i < n; i += LINE) {
        if (where == FETCH_NEAR)
            __builtin_prefetch(x + i, 0, 3);
        else
            __builtin_prefetch(x + i, 0, 2);
    }
}

/* The functions below have no branches, so that loops over them become SIMD code. */

/** e^x in single precision, error < 2 units in the last place (Cephes expf, Moshier 1992); x is cut
 * to -87 .. 88. */
static inline __attribute__((always_inline)) float nn_exp(float x)
{
    x = x > 88.0f ? 88.0f : x;
    x = x < -87.0f ? -87.0f : x;
    float whole = x * 1.44269504f + 12582912.0f; /* the last bits are the nearest whole number */
    float z = whole - 12582912.0f;
    x -= z * 0.693359375f;
    x -= z * -2.12194440e-4f;
    float y = 1.9875691500e-4f;
    y = y * x + 1.3981999507e-3f;
    y = y * x + 8.3334519073e-3f;
    y = y * x + 4.1665795894e-2f;
    y = y * x + 1.6666665459e-1f;
    y = y * x + 5.0000001201e-1f;
    y = y * x * x + x + 1.0f;
    uint32_t bits; /* no conversion to int: that of a NaN is undefined */
    float scale;
    memcpy(&bits, &whole, sizeof bits);
    bits = (bits - 0x4b400000u + 127) << 23;
    memcpy(&scale, &bits, sizeof scale);
    return y * scale;
}

/** 1 / (1 + e^-x), error < 4 units in the last place. */
static inline __attribute__((always_inline)) float nn_sigmoid(float x)
{
    return 1.0f / (1.0f + nn_exp(-x));
}

/** tanh, error < 3 units in the last place: a polynomial near 0 (Cephes tanhf), else by e^2x. */
static inline __attribute__((always_inline)) float nn_tanh(float x)
{
    float s = x * x;
    float p = -5.70498872745e-3f;
    p = p * s + 2.06390887954e-2f;
    p = p * s - 5.37397155531e-2f;
    p = p * s + 1.33314422036e-1f;
    p = p * s - 3.33332819422e-1f;
    p = p * s * x + x;
    float q = 1.0f - 2.0f / (nn_exp(2.0f * x) + 1.0f);
    return s < 0.390625f ? p : q;
}

#endif
