#include "attention.h"

#if defined(SK_X86)
#include "../elementwise/math_avx2.h"

#include <math.h>

/// Eight consecutive elements of a token.
SK_INLINE SK_TARGET_AVX2 sk_f8 load8(const void *token, sk_type type, ptrdiff_t d) {
    if (type == SK_F32) {
        return _mm256_loadu_ps((const float *)token + d);
    }
    __m128i narrow = _mm_loadu_si128((const __m128i *)((const uint16_t *)token + d));
    if (type == SK_F16) {
        return _mm256_cvtph_ps(narrow);
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
}

/// The last `n` < 8 elements of a token, then zeros.
SK_INLINE SK_TARGET_AVX2 sk_f8 load_rest(const void *token, sk_type type, ptrdiff_t d,
                                         ptrdiff_t n) {
    if (type == SK_F32) {
        return _mm256_maskload_ps((const float *)token + d, sk_mask8(n));
    }
    uint16_t rest[8] = {0};
    __builtin_memcpy(rest, (const uint16_t *)token + d, (size_t)n * sizeof *rest);
    return load8(rest, type, 0);
}

SK_INLINE SK_TARGET_AVX2 void transpose8(sk_f8 *v) {
    sk_f8 a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        v[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        v[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

SK_INLINE SK_TARGET_AVX2 void keys_of_type(float *tile, const void *const *tokens, ptrdiff_t count,
                                           sk_type type, ptrdiff_t width) {
    for (ptrdiff_t j = 0; j < SK_ATTENTION_TILE; j += 8) {
        for (ptrdiff_t d = 0; d < width; d += 8) {
            ptrdiff_t columns = width - d < 8 ? width - d : 8;
            sk_f8 v[8];
            for (ptrdiff_t i = 0; i < 8; i++) {
                if (j + i >= count) {
                    v[i] = _mm256_setzero_ps();
                } else {
                    v[i] = columns == 8 ? load8(tokens[j + i], type, d)
                                        : load_rest(tokens[j + i], type, d, columns);
                }
            }
            transpose8(v);
            for (ptrdiff_t i = 0; i < columns; i++) {
                _mm256_storeu_ps(tile + (d + i) * SK_ATTENTION_TILE + j, v[i]);
            }
        }
    }
}

SK_INLINE SK_TARGET_AVX2 void values_of_type(float *tile, const void *const *tokens,
                                             ptrdiff_t count, sk_type type, ptrdiff_t width) {
    for (ptrdiff_t j = 0; j < count; j++) {
        float *row = tile + j * SK_COLUMN_BLOCK;
        ptrdiff_t d = 0;
        for (; d + 8 <= width; d += 8) {
            _mm256_storeu_ps(row + d, load8(tokens[j], type, d));
        }
        if (d < width) {
            _mm256_storeu_ps(row + d, load_rest(tokens[j], type, d, width - d));
        }
    }
}

SK_TARGET_AVX2 static void load_keys(float *tile, const void *const *tokens, ptrdiff_t count,
                                     sk_type type, ptrdiff_t width) {
    if (type == SK_F32) {
        keys_of_type(tile, tokens, count, SK_F32, width);
    } else if (type == SK_F16) {
        keys_of_type(tile, tokens, count, SK_F16, width);
    } else {
        keys_of_type(tile, tokens, count, SK_BF16, width);
    }
}

SK_TARGET_AVX2 static void load_values(float *tile, const void *const *tokens, ptrdiff_t count,
                                       sk_type type, ptrdiff_t width) {
    if (type == SK_F32) {
        values_of_type(tile, tokens, count, SK_F32, width);
    } else if (type == SK_F16) {
        values_of_type(tile, tokens, count, SK_F16, width);
    } else {
        values_of_type(tile, tokens, count, SK_BF16, width);
    }
}

/// A block of `queries` × (8 · vectors) sums kept in registers; both are constants where called.
/// `rest` < 8 (with one vector) says how many columns of that vector exist.
SK_INLINE SK_TARGET_AVX2 void product_block(float *const *c, const float *const *a, int queries,
                                            int vectors, ptrdiff_t depth, const float *b,
                                            ptrdiff_t ldb, ptrdiff_t column, int rest) {
    sk_f8 sums[6][8];
    const __m256i mask = sk_mask8(rest);
    for (int q = 0; q < queries; q++) {
        for (int v = 0; v < vectors; v++) {
            sums[q][v] = rest < 8 ? _mm256_maskload_ps(c[q] + column, mask)
                                  : _mm256_loadu_ps(c[q] + column + 8 * v);
        }
    }
    b += column;
    for (ptrdiff_t k = 0; k < depth; k++, b += ldb) {
        sk_f8 right[8];
        for (int v = 0; v < vectors; v++) {
            right[v] = _mm256_loadu_ps(b + 8 * v);
        }
        for (int q = 0; q < queries; q++) {
            sk_f8 left = _mm256_broadcast_ss(a[q] + k);
            for (int v = 0; v < vectors; v++) {
                sums[q][v] = _mm256_fmadd_ps(left, right[v], sums[q][v]);
            }
        }
    }
    for (int q = 0; q < queries; q++) {
        for (int v = 0; v < vectors; v++) {
            if (rest < 8) {
                _mm256_maskstore_ps(c[q] + column, mask, sums[q][v]);
            } else {
                _mm256_storeu_ps(c[q] + column + 8 * v, sums[q][v]);
            }
        }
    }
}

/// All columns for a constant number of queries, `vectors` at a time, then one by one.
SK_INLINE SK_TARGET_AVX2 void product_rows(float *const *c, const float *const *a, int queries,
                                           int vectors, ptrdiff_t depth, const float *b,
                                           ptrdiff_t ldb, ptrdiff_t width) {
    ptrdiff_t i = 0;
    for (; i + 8 * vectors <= width; i += 8 * vectors) {
        product_block(c, a, queries, vectors, depth, b, ldb, i, 8);
    }
    for (; i + 8 <= width; i += 8) {
        product_block(c, a, queries, 1, depth, b, ldb, i, 8);
    }
    if (i < width) {
        product_block(c, a, queries, 1, depth, b, ldb, i, (int)(width - i));
    }
}

SK_TARGET_AVX2 static void product(float *const *c, const float *const *a, ptrdiff_t queries,
                                   ptrdiff_t depth, const float *b, ptrdiff_t ldb,
                                   ptrdiff_t width) {
    for (; queries >= 6; queries -= 6, c += 6, a += 6) {
        product_rows(c, a, 6, 2, depth, b, ldb, width);
    }
    switch (queries) {
    case 5:
        product_rows(c, a, 5, 2, depth, b, ldb, width);
        break;
    case 4:
        product_rows(c, a, 4, 2, depth, b, ldb, width);
        break;
    case 3:
        product_rows(c, a, 3, 4, depth, b, ldb, width);
        break;
    case 2:
        product_rows(c, a, 2, 4, depth, b, ldb, width);
        break;
    case 1:
        product_rows(c, a, 1, 8, depth, b, ldb, width);
        break;
    default:
        break;
    }
}

SK_TARGET_AVX2 static float weigh(float *scores, ptrdiff_t count, float scale, float soft_cap,
                                  float *max, float *sum) {
    enum { VECTORS = SK_ATTENTION_TILE / 8 };
    sk_f8 v[VECTORS];
    sk_f8 best = sk_all8(-INFINITY);
    for (int i = 0; i < VECTORS; i++) {
        v[i] = _mm256_mul_ps(_mm256_loadu_ps(scores + 8 * i), sk_all8(scale));
        if (soft_cap != 0) {
            sk_f8 capped = sk_tanh8(_mm256_div_ps(v[i], sk_all8(soft_cap)));
            v[i] = _mm256_mul_ps(capped, sk_all8(soft_cap));
        }
        __m256i mask = sk_mask8(count - 8 * i);
        v[i] = _mm256_blendv_ps(sk_all8(-INFINITY), v[i], _mm256_castsi256_ps(mask));
        best = _mm256_max_ps(v[i], best); // a NaN score is passed over here ...
    }
    float largest = sk_max8(best);
    largest = *max > largest ? *max : largest;
    float shift = largest == -INFINITY ? 0 : largest;
    sk_f8 total = _mm256_setzero_ps();
    for (int i = 0; i < VECTORS; i++) {
        sk_f8 e = sk_exp8(_mm256_sub_ps(v[i], sk_all8(shift))); // ... and makes its weight NaN
        _mm256_storeu_ps(scores + 8 * i, e);
        total = _mm256_add_ps(total, e);
    }
    float factor = *max == largest ? 1 : _mm256_cvtss_f32(sk_exp8(sk_all8(*max - shift)));
    *max = largest;
    *sum = *sum * factor + sk_sum8(total);
    return factor;
}

SK_TARGET_AVX2 static void rescale(float *y, float factor, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_loadu_ps(y + i), sk_all8(factor)));
    }
    for (; i < n; i++) {
        y[i] *= factor;
    }
}

static void attention(const sk_attention *args, ptrdiff_t row_begin, ptrdiff_t row_end,
                      ptrdiff_t kv_begin, ptrdiff_t kv_end) {
    static const sk_tile_kernels kernels = {load_keys, load_values, product, weigh, rescale};
    sk_attention_walk(args, row_begin, row_end, kv_begin, kv_end, &kernels);
}

void sk_attention_avx2(sk_kernels *table) { table->attention = attention; }
#endif
