#include "elementwise.h"

#if defined(SK_X86)

#include "math_avx2.h"

// A value's result does not depend on its place: the last few go through masked vectors.

SK_TARGET_AVX2 SK_INLINE __m256 silu_of(__m256 x) {
    __m256 one = _mm256_set1_ps(1);
    __m256 power = sk_exp_avx2(_mm256_xor_ps(x, _mm256_set1_ps(-0.0f)));
    return _mm256_div_ps(x, _mm256_add_ps(one, power));
}

/// x / (1 + exp(-2u)) with u = sqrt(2 / pi) (x + 0.044715 x³).
SK_TARGET_AVX2 SK_INLINE __m256 gelu_tanh_of(__m256 x) {
    __m256 cubic = _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(-0.07135481283f),
                                   _mm256_set1_ps(-1.5957691216f));
    __m256 power = sk_exp_avx2(_mm256_mul_ps(x, cubic));
    return _mm256_div_ps(x, _mm256_add_ps(_mm256_set1_ps(1), power));
}

/// x Φ(x), with the complementary error function of Numerical Recipes' erfcc (relative error below
/// 1.2e-7) before rounding.
SK_TARGET_AVX2 SK_INLINE __m256 gelu_erf_of(__m256 x) {
    static const float coefficients[9] = {-0.82215223f, 1.48851587f,  -1.13520398f,
                                          0.27886807f,  -0.18628806f, 0.09678418f,
                                          0.37409196f,  1.00002368f,  -1.26551223f};
    __m256 size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
    __m256 one = _mm256_set1_ps(1), half = _mm256_set1_ps(0.5f);
    // erfc(z) = t exp(p(t) - z²) with z = |x| / sqrt 2 and t = 1 / (1 + z / 2).
    __m256 t = _mm256_div_ps(one, _mm256_fmadd_ps(size, _mm256_set1_ps(0.35355339f), one));
    __m256 p = _mm256_set1_ps(0.17087277f);
    for (int i = 0; i < 9; i++) {
        p = _mm256_fmadd_ps(p, t, _mm256_set1_ps(coefficients[i]));
    }
    __m256 square = _mm256_mul_ps(half, _mm256_mul_ps(x, x));
    __m256 tail = _mm256_mul_ps(t, sk_exp_avx2(_mm256_sub_ps(p, square)));
    tail = _mm256_mul_ps(_mm256_mul_ps(half, x), tail);
    return _mm256_blendv_ps(_mm256_sub_ps(x, tail), tail, x); // by the sign of x
}

/// y = f(x) of n values.
SK_TARGET_AVX2 SK_INLINE void map(float *y, const float *x, ptrdiff_t n, __m256 (*f)(__m256)) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
    }
    if (i < n) {
        __m256i mask = sk_mask_avx2(n - i);
        _mm256_maskstore_ps(y + i, mask, f(_mm256_maskload_ps(x + i, mask)));
    }
}

/// y = f(gate) * up by rows.
SK_TARGET_AVX2 SK_INLINE void gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                   ptrdiff_t rows, ptrdiff_t c, __m256 (*f)(__m256)) {
    for (ptrdiff_t r = 0; r < rows; r++, x += ldx, y += ldy) {
        ptrdiff_t i = 0;
        for (; i + 8 <= c; i += 8) {
            __m256 value = f(_mm256_loadu_ps(x + i));
            _mm256_storeu_ps(y + i, _mm256_mul_ps(value, _mm256_loadu_ps(x + c + i)));
        }
        if (i < c) {
            __m256i mask = sk_mask_avx2(c - i);
            __m256 value = f(_mm256_maskload_ps(x + i, mask));
            value = _mm256_mul_ps(value, _mm256_maskload_ps(x + c + i, mask));
            _mm256_maskstore_ps(y + i, mask, value);
        }
    }
}

SK_TARGET_AVX2 static void silu(float *y, const float *x, ptrdiff_t n) { map(y, x, n, silu_of); }

SK_TARGET_AVX2 static void gelu_erf(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, gelu_erf_of);
}

SK_TARGET_AVX2 static void gelu_tanh(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, gelu_tanh_of);
}

SK_TARGET_AVX2 static void exp_of_all(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_exp_avx2);
}

SK_TARGET_AVX2 static void tanh_of_all(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_tanh_avx2);
}

SK_TARGET_AVX2 static void silu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                     ptrdiff_t rows, ptrdiff_t c) {
    gate(y, ldy, x, ldx, rows, c, silu_of);
}

SK_TARGET_AVX2 static void gelu_gate(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                     ptrdiff_t rows, ptrdiff_t c) {
    gate(y, ldy, x, ldx, rows, c, gelu_tanh_of);
}

/// Eight values turned by their angles; no product is fused, as in the portable level.
SK_TARGET_AVX2 SK_INLINE void turn(__m256 *a, __m256 *b, __m256 cosine, __m256 sine) {
    __m256 first = _mm256_sub_ps(_mm256_mul_ps(*a, cosine), _mm256_mul_ps(*b, sine));
    *b = _mm256_add_ps(_mm256_mul_ps(*a, sine), _mm256_mul_ps(*b, cosine));
    *a = first;
}

SK_TARGET_AVX2 SK_INLINE void turn_interleaved(float *x, __m256 cosine, __m256 sine) {
    __m256 low = _mm256_loadu_ps(x), high = _mm256_loadu_ps(x + 8);
    // Pairs 0 1 4 5 2 3 6 7, and the tables in the same order.
    __m256 a = _mm256_shuffle_ps(low, high, 0x88), b = _mm256_shuffle_ps(low, high, 0xdd);
    __m256i order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
    turn(&a, &b, _mm256_permutevar8x32_ps(cosine, order), _mm256_permutevar8x32_ps(sine, order));
    _mm256_storeu_ps(x, _mm256_unpacklo_ps(a, b));
    _mm256_storeu_ps(x + 8, _mm256_unpackhi_ps(a, b));
}

SK_TARGET_AVX2 static void rotary(float *x, ptrdiff_t ldx, const float *cosines, const float *sines,
                                  ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim,
                                  ptrdiff_t half, int32_t interleaved) {
    ptrdiff_t step = interleaved ? 2 : 1, apart = interleaved ? 1 : half;
    for (ptrdiff_t r = 0; r < rows; r++, cosines += half, sines += half) {
        for (ptrdiff_t h = 0; h < heads; h++) {
            float *head = x + r * ldx + h * head_dim;
            ptrdiff_t i = 0;
            for (; i + 8 <= half; i += 8) {
                __m256 cosine = _mm256_loadu_ps(cosines + i), sine = _mm256_loadu_ps(sines + i);
                if (interleaved) {
                    turn_interleaved(head + 2 * i, cosine, sine);
                } else {
                    __m256 a = _mm256_loadu_ps(head + i), b = _mm256_loadu_ps(head + half + i);
                    turn(&a, &b, cosine, sine);
                    _mm256_storeu_ps(head + i, a);
                    _mm256_storeu_ps(head + half + i, b);
                }
            }
            for (; i < half; i++) {
                float a = head[i * step], b = head[i * step + apart];
                head[i * step] = a * cosines[i] - b * sines[i];
                head[i * step + apart] = a * sines[i] + b * cosines[i];
            }
        }
    }
}

void sk_elementwise_avx2(sk_kernels *table) {
    table->silu = silu;
    table->gelu_erf = gelu_erf;
    table->gelu_tanh = gelu_tanh;
    table->exp = exp_of_all;
    table->tanh = tanh_of_all;
    table->silu_gate = silu_gate;
    table->gelu_gate = gelu_gate;
    table->rotary = rotary;
    sk_norms_avx2(table);
    sk_reductions_avx2(table);
}

#endif
