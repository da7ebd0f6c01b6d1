#include "elementwise.h"

#if defined(SK_X86)
#include "math_avx2.h"

#include <math.h>

typedef sk_f8 sk_map8(sk_f8 x);

/// y = f(x) by eights; the rest through a masked load, so a value's bits never depend on its place.
SK_INLINE SK_TARGET_AVX2 void map(float *y, const float *x, ptrdiff_t n, sk_map8 *f) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
    }
    if (i < n) {
        __m256i mask = sk_mask8(n - i);
        _mm256_maskstore_ps(y + i, mask, f(_mm256_maskload_ps(x + i, mask)));
    }
}

SK_INLINE SK_TARGET_AVX2 void gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                   ptrdiff_t rows, ptrdiff_t c, sk_map8 *f) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        ptrdiff_t i = 0;
        for (; i + 8 <= c; i += 8) {
            sk_f8 up = _mm256_loadu_ps(x + c + i);
            _mm256_storeu_ps(y + i, _mm256_mul_ps(f(_mm256_loadu_ps(x + i)), up));
        }
        if (i < c) {
            __m256i mask = sk_mask8(c - i);
            sk_f8 up = _mm256_maskload_ps(x + c + i, mask);
            sk_f8 value = f(_mm256_maskload_ps(x + i, mask));
            _mm256_maskstore_ps(y + i, mask, _mm256_mul_ps(value, up));
        }
    }
}

SK_TARGET_AVX2 static void silu(float *y, const float *x, ptrdiff_t n) { map(y, x, n, sk_silu8); }

SK_TARGET_AVX2 static void gelu_erf(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_gelu_erf8);
}

SK_TARGET_AVX2 static void gelu_tanh(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_gelu_tanh8);
}

SK_TARGET_AVX2 static void exp_of_all(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_exp8);
}

SK_TARGET_AVX2 static void tanh_of_all(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_tanh8);
}

SK_TARGET_AVX2 static void silu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                     ptrdiff_t rows, ptrdiff_t c) {
    gate(y, ldy, x, ldx, rows, c, sk_silu8);
}

SK_TARGET_AVX2 static void gelu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                     ptrdiff_t rows, ptrdiff_t c) {
    gate(y, ldy, x, ldx, rows, c, sk_gelu_tanh8);
}

SK_TARGET_AVX2 static void add(float *y, const float *a, const float *b, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    }
    for (; i < n; i++) {
        y[i] = a[i] + b[i];
    }
}

SK_TARGET_AVX2 static void multiply(float *y, const float *a, const float *b, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    }
    for (; i < n; i++) {
        y[i] = a[i] * b[i];
    }
}

SK_TARGET_AVX2 static void scale(float *y, const float *x, float factor, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), sk_all8(factor)));
    }
    for (; i < n; i++) {
        y[i] = x[i] * factor;
    }
}

/// Σ (x - mean)² in four chains of eight lanes.
SK_INLINE SK_TARGET_AVX2 float squares(const float *x, ptrdiff_t c, float mean) {
    sk_f8 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                     _mm256_setzero_ps()};
    const sk_f8 centre = sk_all8(mean);
    ptrdiff_t i = 0;
    for (; i + 32 <= c; i += 32) {
        for (int j = 0; j < 4; j++) {
            sk_f8 v = _mm256_sub_ps(_mm256_loadu_ps(x + i + 8 * j), centre);
            sums[j] = _mm256_fmadd_ps(v, v, sums[j]);
        }
    }
    for (; i < c; i += 8) {
        __m256i mask = sk_mask8(c - i);
        sk_f8 v = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), centre);
        v = _mm256_and_ps(v, _mm256_castsi256_ps(mask));
        sums[0] = _mm256_fmadd_ps(v, v, sums[0]);
    }
    return sk_sum8(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
}

SK_INLINE SK_TARGET_AVX2 float total(const float *x, ptrdiff_t c) {
    sk_f8 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                     _mm256_setzero_ps()};
    ptrdiff_t i = 0;
    for (; i + 32 <= c; i += 32) {
        for (int j = 0; j < 4; j++) {
            sums[j] = _mm256_add_ps(_mm256_loadu_ps(x + i + 8 * j), sums[j]);
        }
    }
    for (; i < c; i += 8) {
        sums[0] = _mm256_add_ps(_mm256_maskload_ps(x + i, sk_mask8(c - i)), sums[0]);
    }
    return sk_sum8(_mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
}

SK_TARGET_AVX2 static void rms_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                    const float *weight, ptrdiff_t rows, ptrdiff_t c,
                                    float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        const float factor = 1 / sqrtf(squares(x, c, 0) / (float)c + epsilon);
        ptrdiff_t i = 0;
        for (; i + 8 <= c; i += 8) {
            sk_f8 v = _mm256_mul_ps(_mm256_loadu_ps(x + i), sk_all8(factor));
            _mm256_storeu_ps(y + i, _mm256_mul_ps(v, _mm256_loadu_ps(weight + i)));
        }
        for (; i < c; i++) {
            y[i] = x[i] * factor * weight[i];
        }
    }
}

SK_TARGET_AVX2 static void layer_norm(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                      const float *weight, const float *_Nullable bias,
                                      ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        const float mean = total(x, c) / (float)c;
        const float factor = 1 / sqrtf(squares(x, c, mean) / (float)c + epsilon);
        ptrdiff_t i = 0;
        for (; i + 8 <= c; i += 8) {
            sk_f8 v = _mm256_sub_ps(_mm256_loadu_ps(x + i), sk_all8(mean));
            v = _mm256_mul_ps(v, sk_all8(factor));
            v = _mm256_mul_ps(v, _mm256_loadu_ps(weight + i));
            v = bias ? _mm256_add_ps(v, _mm256_loadu_ps(bias + i)) : v;
            _mm256_storeu_ps(y + i, v);
        }
        if (i < c) {
            __m256i mask = sk_mask8(c - i);
            sk_f8 v = _mm256_sub_ps(_mm256_maskload_ps(x + i, mask), sk_all8(mean));
            v = _mm256_mul_ps(v, sk_all8(factor));
            v = _mm256_mul_ps(v, _mm256_maskload_ps(weight + i, mask));
            if (bias) {
                v = _mm256_add_ps(v, _mm256_maskload_ps(bias + i, mask));
            }
            _mm256_maskstore_ps(y + i, mask, v);
        }
    }
}

/// Pairs (i, i + half).
SK_INLINE SK_TARGET_AVX2 void rotate_halves(float *x, const float *cosines, const float *sines,
                                            ptrdiff_t half) {
    ptrdiff_t i = 0;
    for (; i + 8 <= half; i += 8) {
        sk_f8 cosine = _mm256_loadu_ps(cosines + i), sine = _mm256_loadu_ps(sines + i);
        sk_f8 a = _mm256_loadu_ps(x + i), b = _mm256_loadu_ps(x + half + i);
        _mm256_storeu_ps(x + i, _mm256_fmsub_ps(a, cosine, _mm256_mul_ps(b, sine)));
        _mm256_storeu_ps(x + half + i, _mm256_fmadd_ps(a, sine, _mm256_mul_ps(b, cosine)));
    }
    for (; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = fmaf(a, cosines[i], -(b * sines[i]));
        x[half + i] = fmaf(a, sines[i], b * cosines[i]);
    }
}

/// Pairs (2i, 2i + 1), four at a time: a·cos ∓ b·sin by one alternating multiply-add.
SK_INLINE SK_TARGET_AVX2 void rotate_neighbours(float *x, const float *cosines, const float *sines,
                                                ptrdiff_t half) {
    const __m256i twice = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    for (ptrdiff_t i = 0; i < half; i += 4) {
        __m256i mask = sk_mask8(2 * (half - i));
        __m128i narrow = _mm256_castsi256_si128(sk_mask8(half - i));
        sk_f8 cosine = _mm256_permutevar8x32_ps(
            _mm256_castps128_ps256(_mm_maskload_ps(cosines + i, narrow)), twice);
        sk_f8 sine = _mm256_permutevar8x32_ps(
            _mm256_castps128_ps256(_mm_maskload_ps(sines + i, narrow)), twice);
        sk_f8 v = _mm256_maskload_ps(x + 2 * i, mask);
        sk_f8 swapped = _mm256_permute_ps(v, 0xb1);
        _mm256_maskstore_ps(x + 2 * i, mask,
                            _mm256_fmaddsub_ps(v, cosine, _mm256_mul_ps(swapped, sine)));
    }
}

SK_TARGET_AVX2 static void rotary(float *x, ptrdiff_t ldx, const float *cosines, const float *sines,
                                  ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim,
                                  ptrdiff_t half, int32_t interleaved) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t h = 0; h < heads; h++) {
            float *head = x + r * ldx + h * head_dim;
            if (interleaved) {
                rotate_neighbours(head, cosines + r * half, sines + r * half, half);
            } else {
                rotate_halves(head, cosines + r * half, sines + r * half, half);
            }
        }
    }
}

/// The largest value; NaN is passed over; -infinity of nothing.
SK_INLINE SK_TARGET_AVX2 float largest(const float *x, ptrdiff_t n) {
    sk_f8 best = sk_all8(-INFINITY), other = best;
    ptrdiff_t i = 0;
    for (; i + 16 <= n; i += 16) {
        best = _mm256_max_ps(_mm256_loadu_ps(x + i), best);
        other = _mm256_max_ps(_mm256_loadu_ps(x + i + 8), other);
    }
    float result = sk_max8(_mm256_max_ps(best, other));
    for (; i < n; i++) {
        result = x[i] > result ? x[i] : result;
    }
    return result;
}

/// Σ e^(x - shift), in four doubles a step; y, where given, takes the terms.
SK_INLINE SK_TARGET_AVX2 double exponentials(float *y, const float *x, ptrdiff_t n, float shift) {
    __m256d low = _mm256_setzero_pd(), high = low;
    for (ptrdiff_t i = 0; i < n; i += 8) {
        __m256i mask = sk_mask8(n - i < 8 ? n - i : 8);
        sk_f8 e = sk_exp8(_mm256_sub_ps(_mm256_maskload_ps(x + i, mask), sk_all8(shift)));
        e = _mm256_and_ps(e, _mm256_castsi256_ps(mask));
        if (y && n - i >= 8) {
            _mm256_storeu_ps(y + i, e);
        } else if (y) {
            _mm256_maskstore_ps(y + i, mask, e);
        }
        low = _mm256_add_pd(low, _mm256_cvtps_pd(_mm256_castps256_ps128(e)));
        high = _mm256_add_pd(high, _mm256_cvtps_pd(_mm256_extractf128_ps(e, 1)));
    }
    __m256d both = _mm256_add_pd(low, high);
    __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(both), _mm256_extractf128_pd(both, 1));
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

SK_TARGET_AVX2 static void softmax(float *y, const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    double sum = exponentials(y, x, n, best == -INFINITY ? 0 : best);
    scale(y, y, sum == 0 ? 0 : (float)(1 / sum), n);
}

SK_TARGET_AVX2 static float log_sum_exp(const float *x, ptrdiff_t n) {
    float best = largest(x, n);
    float shift = best == -INFINITY || best == INFINITY ? 0 : best;
    return (float)((double)shift + log(exponentials(NULL, x, n, shift)));
}

SK_TARGET_AVX2 static ptrdiff_t argmax(const float *x, ptrdiff_t n) {
    const float best = largest(x, n);
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        int equal =
            _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + i), sk_all8(best), _CMP_EQ_OQ));
        if (equal) {
            return i + __builtin_ctz((unsigned)equal);
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
    const __m256i exponent = _mm256_set1_epi32(0x7f800000);
    __m256i bad = _mm256_setzero_si256();
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i bits = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(x + i)), exponent);
        bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(bits, exponent));
    }
    int32_t finite = _mm256_testz_si256(bad, bad);
    for (; i < n; i++) {
        finite &= fabsf(x[i]) < INFINITY;
    }
    return finite;
}

void sk_elementwise_avx2(sk_kernels *table) {
    table->rms_norm = rms_norm;
    table->layer_norm = layer_norm;
    table->rotary = rotary;
    table->add = add;
    table->multiply = multiply;
    table->scale = scale;
    table->silu = silu;
    table->gelu_erf = gelu_erf;
    table->gelu_tanh = gelu_tanh;
    table->silu_gate = silu_gate;
    table->gelu_gate = gelu_gate;
    table->exp = exp_of_all;
    table->tanh = tanh_of_all;
    table->softmax = softmax;
    table->log_sum_exp = log_sum_exp;
    table->argmax = argmax;
    table->all_finite = all_finite;
}
#endif
