#ifndef SK_MATH_AVX2_H
#define SK_MATH_AVX2_H

#include "../internal.h"

#if defined(SK_X86)

#include <immintrin.h>

/// The mask of the first `count` (0 ... 8) lanes.
SK_TARGET_AVX2 SK_INLINE __m256i sk_mask_avx2(ptrdiff_t count) {
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - count));
}

/// ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).
SK_TARGET_AVX2 SK_INLINE float sk_sum_avx2(__m256 x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

SK_TARGET_AVX2 SK_INLINE float sk_max_avx2(__m256 x) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/// e^x within 2 units in the last place, subnormal results included; NaN stays NaN.
SK_TARGET_AVX2 SK_INLINE __m256 sk_exp_avx2(__m256 x) {
    // Beyond these bounds the result is 0 or infinity; min and max keep a NaN in second place.
    x = _mm256_min_ps(_mm256_set1_ps(89), _mm256_max_ps(_mm256_set1_ps(-105), x));
    __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                               _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    // x - n ln 2 with ln 2 in two parts, the first of few bits.
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1));
    // 2^n as two factors, since n reaches from -151 to 128.
    __m256i whole = _mm256_cvtps_epi32(n);
    __m256i first = _mm256_srai_epi32(whole, 1);
    __m256i second = _mm256_sub_epi32(whole, first);
    __m256i bias = _mm256_set1_epi32(127);
    first = _mm256_slli_epi32(_mm256_add_epi32(first, bias), 23);
    second = _mm256_slli_epi32(_mm256_add_epi32(second, bias), 23);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(first));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(second));
}

/// tanh x within 3 units in the last place; NaN stays NaN.
SK_TARGET_AVX2 SK_INLINE __m256 sk_tanh_avx2(__m256 x) {
    __m256 sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0f));
    __m256 size = _mm256_xor_ps(x, sign);
    __m256 square = _mm256_mul_ps(x, x);
    __m256 p = _mm256_set1_ps(-5.70498872745e-3f);
    p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(2.06390887954e-2f));
    p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(-5.37397155531e-2f));
    p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(1.33314422036e-1f));
    p = _mm256_fmadd_ps(p, square, _mm256_set1_ps(-3.33332819422e-1f));
    __m256 near = _mm256_fmadd_ps(_mm256_mul_ps(p, square), x, x);
    __m256 one = _mm256_set1_ps(1);
    __m256 power = sk_exp_avx2(_mm256_add_ps(size, size));
    __m256 far = _mm256_div_ps(_mm256_set1_ps(2), _mm256_add_ps(power, one));
    far = _mm256_or_ps(_mm256_sub_ps(one, far), sign);
    __m256 is_far = _mm256_cmp_ps(size, _mm256_set1_ps(0.625f), _CMP_GT_OQ);
    return _mm256_blendv_ps(near, far, is_far);
}

#endif
#endif
