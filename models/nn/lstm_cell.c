#include "models/nn/lstm_cell.h"

#include "models/nn/simd.h"

NN_CLONES static void plain(float *restrict a, const float *restrict b,
                            const float *restrict c_before, float *restrict c, float *restrict tc,
                            float *restrict h, size_t H)
{
    for (size_t j = 0; j < H; j++) {
        float i = nn_sigmoid(a[j] + b[j]), f = nn_sigmoid(a[H + j] + b[H + j]);
        float g = nn_tanh(a[2 * H + j] + b[2 * H + j]), o = nn_sigmoid(a[3 * H + j] + b[3 * H + j]);
        a[j] = i;
        a[H + j] = f;
        a[2 * H + j] = g;
        a[3 * H + j] = o;
        c[j] = f * c_before[j] + i * g;
        tc[j] = nn_tanh(c[j]);
        h[j] = o * tc[j];
    }
}

void cell_forward_plain(float *a, const float *b, const float *c_before, float *c, float *tc,
                        float *h, size_t H)
{
    plain(a, b, c_before, c, tc, h, H);
}

void cell_forward(float *a, const float *b, const float *c_before, float *c, float *tc, float *h,
                  size_t H)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        cell_forward_avx512(a, b, c_before, c, tc, h, H);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        cell_forward_avx2(a, b, c_before, c, tc, h, H);
        return;
    }
#endif
    plain(a, b, c_before, c, tc, h, H);
}
