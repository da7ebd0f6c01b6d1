#include "attention.h"

#if defined(SK_X86)

#include "../elementwise/math_avx2.h"

#include <math.h>
#include <string.h>

enum { lanes = 8, score_vectors = SK_ATTENTION_TILE / lanes };

SK_TARGET_AVX2 SK_INLINE __m256 widen_eight(sk_type type, const uint16_t *x) {
    __m128i narrow = _mm_loadu_si128((const __m128i *)(const void *)x);
    if (type == SK_F16) {
        return _mm256_cvtph_ps(narrow);
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
}

SK_TARGET_AVX2 SK_INLINE void widen_two_bytes(sk_type type, float *y, const uint16_t *x,
                                              ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        _mm256_storeu_ps(y + i, widen_eight(type, x + i));
    }
    if (i < n) {
        uint16_t rest[lanes] = {0};
        memcpy(rest, x + i, (size_t)(n - i) * sizeof *rest);
        _mm256_storeu_ps(y + i, widen_eight(type, rest));
    }
}

SK_TARGET_AVX2 static void widen(sk_type type, float *y, const void *x, ptrdiff_t n) {
    if (type == SK_F16) {
        widen_two_bytes(SK_F16, y, x, n);
    } else if (type == SK_BF16) {
        widen_two_bytes(SK_BF16, y, x, n);
    } else {
        for (ptrdiff_t i = 0; i < n; i += lanes) {
            __m256 some = _mm256_maskload_ps((const float *)x + i, sk_mask8(n - i));
            _mm256_storeu_ps(y + i, some);
        }
    }
}

/// Sums of the lanes of four vectors: pairs, then fours, then halves.
SK_TARGET_AVX2 SK_INLINE __m128 sum_four(const __m256 *x) {
    __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(x[0], x[1]), _mm256_hadd_ps(x[2], x[3]));
    return _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
}

/// The products of `count` (a constant) queries with four keys.
SK_TARGET_AVX2 SK_INLINE void dot_four(float *scores, const float *queries, int32_t count,
                                       const float *const *keys, int32_t width, int32_t add) {
    __m256 sums[3][4];
    for (int32_t q = 0; q < count; q++) {
        for (int32_t i = 0; i < 4; i++) {
            sums[q][i] = _mm256_setzero_ps();
        }
    }
    const float *k0 = keys[0], *k1 = keys[1], *k2 = keys[2], *k3 = keys[3];
    for (int32_t c = 0; c < width; c += lanes) {
        __m256 query[3];
        for (int32_t q = 0; q < count; q++) {
            query[q] = _mm256_loadu_ps(queries + q * width + c);
        }
        const float *at[4] = {k0 + c, k1 + c, k2 + c, k3 + c};
        for (int32_t i = 0; i < 4; i++) {
            __m256 key = _mm256_loadu_ps(at[i]);
            for (int32_t q = 0; q < count; q++) {
                sums[q][i] = _mm256_fmadd_ps(query[q], key, sums[q][i]);
            }
        }
    }
    for (int32_t q = 0; q < count; q++, scores += SK_ATTENTION_TILE) {
        __m128 dots = sum_four(sums[q]);
        _mm_storeu_ps(scores, add ? _mm_add_ps(_mm_loadu_ps(scores), dots) : dots);
    }
}

SK_TARGET_AVX2 static void dots(float *scores, const float *queries, int32_t query_count,
                                const float *const *keys, int32_t key_count, int32_t width,
                                int32_t add) {
    for (int32_t q = 0; q < query_count; q += 3) {
        const float *first = queries + (ptrdiff_t)q * width;
        float *row = scores + (ptrdiff_t)q * SK_ATTENTION_TILE;
        for (int32_t i = 0; i < key_count; i += 4) {
            if (query_count - q >= 3) {
                dot_four(row + i, first, 3, keys + i, width, add);
            } else if (query_count - q == 2) {
                dot_four(row + i, first, 2, keys + i, width, add);
            } else {
                dot_four(row + i, first, 1, keys + i, width, add);
            }
        }
    }
}

SK_TARGET_AVX2 static float weigh(float *scores, int32_t count, float scale, float cap,
                                  float *largest, float *sum) {
    __m256 lowest = _mm256_set1_ps(-INFINITY);
    __m256 best = lowest;
    __m256 score[score_vectors];
    for (int32_t i = 0; i < score_vectors; i++) {
        __m256i mask = sk_mask8(count - i * lanes);
        __m256 x = _mm256_maskload_ps(scores + i * lanes, mask);
        x = _mm256_mul_ps(x, _mm256_set1_ps(scale));
        if (cap != 0) {
            __m256 limit = _mm256_set1_ps(cap);
            x = _mm256_mul_ps(limit, sk_tanh8(_mm256_div_ps(x, limit)));
        }
        score[i] = _mm256_blendv_ps(lowest, x, _mm256_castsi256_ps(mask));
        best = _mm256_max_ps(score[i], best); // a NaN in the first place is passed over
    }
    float old = *largest, top = sk_max8(best);
    top = top > old ? top : old;
    __m256 shift = _mm256_set1_ps(top == -INFINITY ? 0 : top);
    __m256 total = _mm256_setzero_ps();
    for (int32_t i = 0; i < score_vectors; i++) {
        __m256 weight = sk_exp8(_mm256_sub_ps(score[i], shift));
        _mm256_storeu_ps(scores + i * lanes, weight);
        total = _mm256_add_ps(total, weight);
    }
    float factor = 1; // e⁰, where the maximum stays
    if (top != old) {
        factor = _mm256_cvtss_f32(sk_exp8(_mm256_sub_ps(_mm256_set1_ps(old), shift)));
    }
    *largest = top;
    *sum = *sum * factor + sk_sum8(total);
    return factor;
}

/// Weighs `vectors` (a constant) vectors of columns for `count` (a constant) queries.
SK_TARGET_AVX2 SK_INLINE void gather_some(float *sums, const float *weights, int32_t count,
                                          const float *const *values, int32_t value_count,
                                          int32_t column, int32_t vectors, int32_t width) {
    __m256 sum[3][4];
    for (int32_t q = 0; q < count; q++) {
        for (int32_t v = 0; v < vectors; v++) {
            sum[q][v] = _mm256_loadu_ps(sums + q * width + column + v * lanes);
        }
    }
    for (int32_t i = 0; i < value_count; i++) {
        __m256 weight[3];
        for (int32_t q = 0; q < count; q++) {
            weight[q] = _mm256_broadcast_ss(weights + q * SK_ATTENTION_TILE + i);
        }
        for (int32_t v = 0; v < vectors; v++) {
            __m256 value = _mm256_loadu_ps(values[i] + column + v * lanes);
            for (int32_t q = 0; q < count; q++) {
                sum[q][v] = _mm256_fmadd_ps(weight[q], value, sum[q][v]);
            }
        }
    }
    for (int32_t q = 0; q < count; q++) {
        for (int32_t v = 0; v < vectors; v++) {
            _mm256_storeu_ps(sums + q * width + column + v * lanes, sum[q][v]);
        }
    }
}

SK_TARGET_AVX2 SK_INLINE void gather_rows(float *sums, const float *weights, int32_t count,
                                          const float *const *values, int32_t value_count,
                                          int32_t width) {
    int32_t column = 0;
    for (; column + 4 * lanes <= width; column += 4 * lanes) {
        gather_some(sums, weights, count, values, value_count, column, 4, width);
    }
    for (; column < width; column += lanes) {
        gather_some(sums, weights, count, values, value_count, column, 1, width);
    }
}

SK_TARGET_AVX2 static void gather(float *sums, const float *weights, int32_t query_count,
                                  const float *const *values, int32_t value_count, int32_t width) {
    for (int32_t q = 0; q < query_count; q += 3) {
        float *first = sums + (ptrdiff_t)q * width;
        const float *row = weights + (ptrdiff_t)q * SK_ATTENTION_TILE;
        if (query_count - q >= 3) {
            gather_rows(first, row, 3, values, value_count, width);
        } else if (query_count - q == 2) {
            gather_rows(first, row, 2, values, value_count, width);
        } else {
            gather_rows(first, row, 1, values, value_count, width);
        }
    }
}

static const sk_attention_steps steps = {
    .lanes = lanes,
    .widen = widen,
    .dots = dots,
    .weigh = weigh,
    .gather = gather,
};

static void attention(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                      ptrdiff_t kv_begin, ptrdiff_t kv_end) {
    sk_attention_run(&steps, args, row_begin, row_end, kv_begin, kv_end);
}

void sk_attention_avx2(sk_kernels *table) { table->attention = attention; }

#endif
