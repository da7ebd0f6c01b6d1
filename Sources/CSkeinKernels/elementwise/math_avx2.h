#ifndef SK_MATH_AVX2_H
#define SK_MATH_AVX2_H

#include "../internal.h"

#include <immintrin.h>

typedef __m256 sk_f8;

SK_INLINE SK_TARGET_AVX2 sk_f8 sk_all8(float value) { return _mm256_set1_ps(value); }

/// The first `n` (0 ..< 8) lanes are set.
SK_INLINE SK_TARGET_AVX2 __m256i sk_mask8(ptrdiff_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

SK_INLINE SK_TARGET_AVX2 float sk_sum8(sk_f8 v) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}

SK_INLINE SK_TARGET_AVX2 float sk_max8(sk_f8 v) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}

/// eˣ within 1 ulp of the exact value (densely checked), subnormals included; NaN passes.
SK_INLINE SK_TARGET_AVX2 sk_f8 sk_exp8(sk_f8 x) {
    // The operand order of min and max keeps NaN.
    x = _mm256_max_ps(sk_all8(-104), _mm256_min_ps(sk_all8(89), x));
    sk_f8 n = _mm256_round_ps(_mm256_mul_ps(x, sk_all8(0x1.715476p+0f)),
                              _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    sk_f8 r = _mm256_fnmadd_ps(n, sk_all8(0x1.62e4p-1f), x);
    r = _mm256_fnmadd_ps(n, sk_all8(0x1.7f7d1cp-20f), r);
    sk_f8 p = sk_all8(1.991710703e-04f);
    p = _mm256_fmadd_ps(p, r, sk_all8(1.394728380e-03f));
    p = _mm256_fmadd_ps(p, r, sk_all8(8.333267061e-03f));
    p = _mm256_fmadd_ps(p, r, sk_all8(4.166625264e-02f));
    p = _mm256_fmadd_ps(p, r, sk_all8(1.666666685e-01f));
    p = _mm256_fmadd_ps(p, r, sk_all8(0.5f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, sk_all8(1));
    // 2ⁿ in two factors, so that the ends of the range round once.
    __m256i power = _mm256_cvtps_epi32(n);
    __m256i first = _mm256_srai_epi32(power, 1);
    __m256i second = _mm256_sub_epi32(power, first);
    __m256i bias = _mm256_set1_epi32(127);
    first = _mm256_slli_epi32(_mm256_add_epi32(first, bias), 23);
    second = _mm256_slli_epi32(_mm256_add_epi32(second, bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}

/// tanh x within 2 ulp.
SK_INLINE SK_TARGET_AVX2 sk_f8 sk_tanh8(sk_f8 x) {
    sk_f8 sign = _mm256_and_ps(x, sk_all8(-0.0f));
    sk_f8 a = _mm256_andnot_ps(sk_all8(-0.0f), x);
    sk_f8 z = _mm256_mul_ps(x, x);
    sk_f8 p = sk_all8(2.147527617e-03f);
    p = _mm256_fmadd_ps(p, z, sk_all8(-8.182662952e-03f));
    p = _mm256_fmadd_ps(p, z, sk_all8(2.170296228e-02f));
    p = _mm256_fmadd_ps(p, z, sk_all8(-5.394720329e-02f));
    p = _mm256_fmadd_ps(p, z, sk_all8(1.333320975e-01f));
    p = _mm256_fmadd_ps(p, z, sk_all8(-3.333333091e-01f));
    sk_f8 small = _mm256_fmadd_ps(_mm256_mul_ps(p, z), x, x);
    sk_f8 e = sk_exp8(_mm256_add_ps(a, a));
    sk_f8 large =
        _mm256_sub_ps(sk_all8(1), _mm256_div_ps(sk_all8(2), _mm256_add_ps(e, sk_all8(1))));
    large = _mm256_or_ps(large, sign);
    return _mm256_blendv_ps(large, small, _mm256_cmp_ps(a, sk_all8(0.625f), _CMP_LT_OQ));
}

/// x / (1 + e⁻ˢ): x times the logistic function of s.
SK_INLINE SK_TARGET_AVX2 sk_f8 sk_gated8(sk_f8 x, sk_f8 s) {
    sk_f8 e = sk_exp8(_mm256_xor_ps(s, sk_all8(-0.0f)));
    return _mm256_div_ps(x, _mm256_add_ps(sk_all8(1), e));
}

SK_INLINE SK_TARGET_AVX2 sk_f8 sk_silu8(sk_f8 x) { return sk_gated8(x, x); }

SK_INLINE SK_TARGET_AVX2 sk_f8 sk_gelu_tanh8(sk_f8 x) {
    sk_f8 cubic = _mm256_fmadd_ps(_mm256_mul_ps(x, x), sk_all8(0.044715f), sk_all8(1));
    return sk_gated8(x, _mm256_mul_ps(_mm256_mul_ps(x, sk_all8(2 * 0.79788456f)), cubic));
}

/// Φ(x), with erfc t = e^(-t²) w P(w), w = 1 / (1 + t/2), for t = |x| / √2; P is a fit of
/// relative error 4e-8.
SK_INLINE SK_TARGET_AVX2 sk_f8 sk_phi8(sk_f8 x) {
    sk_f8 a = _mm256_andnot_ps(sk_all8(-0.0f), x);
    a = _mm256_min_ps(sk_all8(15), a);
    sk_f8 w = _mm256_div_ps(sk_all8(1), _mm256_fmadd_ps(a, sk_all8(0.35355339f), sk_all8(1)));
    sk_f8 p = sk_all8(-5.912459613e-02f);
    p = _mm256_fmadd_ps(p, w, sk_all8(2.848469994e-01f));
    p = _mm256_fmadd_ps(p, w, sk_all8(-4.877645114e-01f));
    p = _mm256_fmadd_ps(p, w, sk_all8(2.787147690e-01f));
    p = _mm256_fmadd_ps(p, w, sk_all8(-2.707305072e-02f));
    p = _mm256_fmadd_ps(p, w, sk_all8(2.028767453e-01f));
    p = _mm256_fmadd_ps(p, w, sk_all8(2.430556127e-01f));
    p = _mm256_fmadd_ps(p, w, sk_all8(2.823819512e-01f));
    p = _mm256_fmadd_ps(p, w, sk_all8(2.820860376e-01f));
    sk_f8 e = sk_exp8(_mm256_mul_ps(_mm256_mul_ps(a, sk_all8(-0.5f)), a));
    sk_f8 tail = _mm256_mul_ps(_mm256_mul_ps(p, w), _mm256_mul_ps(e, sk_all8(0.5f)));
    return _mm256_blendv_ps(_mm256_sub_ps(sk_all8(1), tail), tail, x);
}

SK_INLINE SK_TARGET_AVX2 sk_f8 sk_gelu_erf8(sk_f8 x) { return _mm256_mul_ps(x, sk_phi8(x)); }

#endif
