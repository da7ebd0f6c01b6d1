#include "elementwise.h"

#if defined(SK_X86)

#include "math_avx2.h"

#include <math.h>

// Sums run in 32 lanes of floats, at most c / 32 + 7 roundings deep; the last values go through a
// masked load, so the order depends on c alone.

/// Sum of (x - mean)².
SK_TARGET_AVX2 SK_INLINE float sum_of_squares(const float *x, ptrdiff_t c, __m256 mean) {
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps()};
    ptrdiff_t i = 0;
    for (; i + 32 <= c; i += 32) {
        for (int j = 0; j < 4; j++) {
            __m256 apart = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8 * j), mean);
            sums[j] = _mm256_fmadd_ps(apart, apart, sums[j]);
        }
    }
    for (; i < c; i += 8) {
        __m256i mask = sk_mask_avx2(c - i < 8 ? c - i : 8);
        __m256 apart = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), mean);
        apart = _mm256_and_ps(apart, _mm256_castsi256_ps(mask));
        sums[0] = _mm256_fmadd_ps(apart, apart, sums[0]);
    }
    return sk_sum_avx2(
        _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
}

SK_TARGET_AVX2 static float sum_of(const float *x, ptrdiff_t c) {
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                      _mm256_setzero_ps()};
    ptrdiff_t i = 0;
    for (; i + 32 <= c; i += 32) {
        for (int j = 0; j < 4; j++) {
            sums[j] = _mm256_add_ps(sums[j], _mm256_loadu_ps(x + i + 8 * j));
        }
    }
    for (; i < c; i += 8) {
        __m256i mask = sk_mask_avx2(c - i < 8 ? c - i : 8);
        sums[0] = _mm256_add_ps(sums[0], _mm256_maskload_ps(x + i, mask));
    }
    return sk_sum_avx2(
        _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
}

SK_TARGET_AVX2 static void rms_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                    const float *weight, ptrdiff_t rows, ptrdiff_t c,
                                    float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        float squares = sum_of_squares(x, c, _mm256_setzero_ps());
        float scale = (float)(1 / sqrt((double)squares / (double)c + (double)epsilon));
        __m256 factor = _mm256_set1_ps(scale);
        ptrdiff_t i = 0;
        for (; i + 8 <= c; i += 8) {
            __m256 value = _mm256_mul_ps(_mm256_loadu_ps(x + i), factor);
            _mm256_storeu_ps(y + i, _mm256_mul_ps(value, _mm256_loadu_ps(weight + i)));
        }
        for (; i < c; i++) {
            y[i] = x[i] * scale * weight[i];
        }
    }
}

SK_TARGET_AVX2 static void layer_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                      const float *weight, const float *_Nullable bias,
                                      ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        float mean = sum_of(x, c) / (float)c;
        float squares = sum_of_squares(x, c, _mm256_set1_ps(mean));
        float scale = (float)(1 / sqrt((double)squares / (double)c + (double)epsilon));
        __m256 factor = _mm256_set1_ps(scale), middle = _mm256_set1_ps(mean);
        for (ptrdiff_t i = 0; i < c; i += 8) {
            __m256i mask = sk_mask_avx2(c - i < 8 ? c - i : 8);
            __m256 apart = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), middle);
            __m256 value =
                _mm256_mul_ps(_mm256_mul_ps(apart, factor), _mm256_maskload_ps(weight + i, mask));
            if (bias) {
                value = _mm256_add_ps(value, _mm256_maskload_ps(bias + i, mask));
            }
            _mm256_maskstore_ps(y + i, mask, value);
        }
    }
}

void sk_norms_avx2(sk_kernels *table) {
    table->rms_norm = rms_norm;
    table->layer_norm = layer_norm;
}

#endif
