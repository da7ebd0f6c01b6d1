#include "elementwise.h"

#if defined(SK_X86)

#include "math_avx2.h"

#include <math.h>

/// The largest value; NaN is passed over; -infinity of nothing.
SK_TARGET_AVX2 static float largest(const float *x, ptrdiff_t n) {
    __m256 best[4];
    for (int j = 0; j < 4; j++) {
        best[j] = _mm256_set1_ps(-INFINITY);
    }
    ptrdiff_t i = 0;
    for (; i + 32 <= n; i += 32) {
        for (int j = 0; j < 4; j++) {
            best[j] = _mm256_max_ps(_mm256_loadu_ps(x + i + 8 * j), best[j]);
        }
    }
    float top = sk_max_avx2(
        _mm256_max_ps(_mm256_max_ps(best[0], best[1]), _mm256_max_ps(best[2], best[3])));
    for (; i < n; i++) {
        top = x[i] > top ? x[i] : top;
    }
    return top;
}

/// Adds eight floats to four and four doubles.
SK_TARGET_AVX2 SK_INLINE void add_wide(__m256d *sums, __m256 x) {
    sums[0] = _mm256_add_pd(sums[0], _mm256_cvtps_pd(_mm256_castps256_ps128(x)));
    sums[1] = _mm256_add_pd(sums[1], _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)));
}

SK_TARGET_AVX2 SK_INLINE double sum_wide(const __m256d *sums) {
    __m256d four = _mm256_add_pd(sums[0], sums[1]);
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

/// Sum of exp(x - shift); the terms are stored where `y` is given.
SK_TARGET_AVX2 SK_INLINE double sum_of_powers(float *_Nullable y, const float *x, ptrdiff_t n,
                                              float shift) {
    __m256d sums[2] = {_mm256_setzero_pd(), _mm256_setzero_pd()};
    __m256 origin = _mm256_set1_ps(shift);
    for (ptrdiff_t i = 0; i < n; i += 8) {
        __m256i mask = sk_mask_avx2(n - i < 8 ? n - i : 8);
        __m256 power = sk_exp_avx2(_mm256_sub_ps(_mm256_maskload_ps(x + i, mask), origin));
        power = _mm256_and_ps(power, _mm256_castsi256_ps(mask));
        add_wide(sums, power);
        if (y) {
            _mm256_maskstore_ps(y + i, mask, power);
        }
    }
    return sum_wide(sums);
}

SK_TARGET_AVX2 static void softmax(float *y, const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    double sum = sum_of_powers(y, x, n, best == -INFINITY ? 0 : best);
    float scale = sum == 0 ? 0 : (float)(1 / sum);
    __m256 factor = _mm256_set1_ps(scale);
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(y + i), factor));
    }
    for (; i < n; i++) {
        y[i] *= scale;
    }
}

SK_TARGET_AVX2 static float log_sum_exp(const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    float shift = fabsf(best) == INFINITY ? 0 : best; // +infinity makes the sum infinite or NaN
    return (float)((double)shift + log(sum_of_powers(0, x, n, shift)));
}

SK_TARGET_AVX2 static ptrdiff_t argmax(const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    __m256 wanted = _mm256_set1_ps(best);
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 equal = _mm256_cmp_ps(_mm256_loadu_ps(x + i), wanted, _CMP_EQ_OQ);
        int found = _mm256_movemask_ps(equal);
        if (found) {
            return i + __builtin_ctz((unsigned)found);
        }
    }
    for (; i < n; i++) {
        if (x[i] == best) {
            return i;
        }
    }
    return -1;
}

SK_TARGET_AVX2 static int32_t all_finite(const float *x, ptrdiff_t n) {
    __m256i exponent = _mm256_set1_epi32(0x7f800000), bad = _mm256_setzero_si256();
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
        bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(_mm256_and_si256(bits, exponent), exponent));
    }
    int32_t finite = _mm256_testz_si256(bad, bad);
    for (; i < n; i++) {
        finite &= fabsf(x[i]) < INFINITY;
    }
    return finite;
}

void sk_reductions_avx2(sk_kernels *table) {
    table->softmax = softmax;
    table->log_sum_exp = log_sum_exp;
    table->argmax = argmax;
    table->all_finite = all_finite;
}

#endif
