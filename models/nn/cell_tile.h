/* cell.h for one kind of vector: included by cell_avx2.c and cell_avx512.c. */
#include <string.h>

#include "models/nn/lstm_cell.h"

/* tanh x = p / q */
struct ratio {
    VEC p, q;
};

TARGET static inline __attribute__((always_inline)) struct ratio tanh_ratio(VEC x)
{
    const float most = 7.90531110763549805f; /* beyond it tanh is 1 */
    static const float odd[] = { 2.00018790482477e-13f, -8.60467152213735e-11f,
                                 5.12229709037114e-08f, 1.48572235717979e-05f,
                                 6.37261928875436e-04f, 4.89352455891786e-03f };
    static const float even[] = { 1.18534705686654e-04f, 2.26843463243900e-03f,
                                  4.89352518554385e-03f };
    x = VEC_MAX(VEC_ALL(-most), VEC_MIN(VEC_ALL(most), x));
    VEC s = VEC_MUL(x, x);
    VEC p = VEC_ALL(-2.76076847742355e-16f), q = VEC_ALL(1.19825839466702e-06f);
#pragma GCC unroll 6
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        p = VEC_FMA(p, s, VEC_ALL(odd[i]));
#pragma GCC unroll 3
    for (size_t i = 0; i < sizeof even / sizeof *even; i++)
        q = VEC_FMA(q, s, VEC_ALL(even[i]));
    return (struct ratio){ VEC_MUL(p, x), q };
}

TARGET static inline __attribute__((always_inline)) void
units(float *a, const float *b, const float *c_before, float *c, float *tc, float *h, size_t H)
{
    const VEC half = VEC_ALL(0.5f);
#define SUM(k) VEC_ADD(VEC_LOAD(a + (k)*H), VEC_LOAD(b + (k)*H))
    struct ratio i = tanh_ratio(VEC_MUL(half, SUM(0))), f = tanh_ratio(VEC_MUL(half, SUM(1)));
    struct ratio g = tanh_ratio(SUM(2)), o = tanh_ratio(VEC_MUL(half, SUM(3)));
#undef SUM
    VEC q_if = VEC_MUL(i.q, f.q), q_go = VEC_MUL(g.q, o.q);
    VEC all = VEC_DIV(VEC_ALL(1.0f), VEC_MUL(q_if, q_go));
    VEC per_if = VEC_MUL(all, q_go), per_go = VEC_MUL(all, q_if);
    VEC vi = VEC_FMA(half, VEC_MUL(i.p, VEC_MUL(per_if, f.q)), half);
    VEC vf = VEC_FMA(half, VEC_MUL(f.p, VEC_MUL(per_if, i.q)), half);
    VEC vg = VEC_MUL(g.p, VEC_MUL(per_go, o.q));
    VEC vo = VEC_FMA(half, VEC_MUL(o.p, VEC_MUL(per_go, g.q)), half);
    VEC vc = VEC_FMA(vf, VEC_LOAD(c_before), VEC_MUL(vi, vg));
    struct ratio t = tanh_ratio(vc);
    VEC vt = VEC_DIV(t.p, t.q);
    VEC_STORE(a, vi);
    VEC_STORE(a + H, vf);
    VEC_STORE(a + 2 * H, vg);
    VEC_STORE(a + 3 * H, vo);
    VEC_STORE(c, vc);
    VEC_STORE(tc, vt);
    VEC_STORE(h, VEC_MUL(vo, vt));
}

/* The units that fill no vector, by way of a copy. */
TARGET static void rest(float *a, const float *b, const float *c_before, float *c, float *tc,
                        float *h, size_t H, size_t n)
{
    float gate[4 * LANES] = { 0 }, bias[4 * LANES] = { 0 }, before[LANES] = { 0 };
    float out[3][LANES];
    for (size_t k = 0; k < 4; k++) {
        memcpy(gate + k * LANES, a + k * H, n * sizeof *a);
        memcpy(bias + k * LANES, b + k * H, n * sizeof *b);
    }
    memcpy(before, c_before, n * sizeof *before);
    units(gate, bias, before, out[0], out[1], out[2], LANES);
    for (size_t k = 0; k < 4; k++)
        memcpy(a + k * H, gate + k * LANES, n * sizeof *a);
    memcpy(c, out[0], n * sizeof *c);
    memcpy(tc, out[1], n * sizeof *tc);
    memcpy(h, out[2], n * sizeof *h);
}

TARGET void CELL_FORWARD(float *a, const float *b, const float *c_before, float *c, float *tc,
                         float *h, size_t H)
{
    size_t j = 0;
    for (; j + LANES <= H; j += LANES)
        units(a + j, b + j, c_before + j, c + j, tc + j, h + j, H);
    if (j < H)
        rest(a + j, b + j, c_before + j, c + j, tc + j, h + j, H, H - j);
}
