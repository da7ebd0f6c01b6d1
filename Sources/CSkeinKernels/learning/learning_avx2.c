#include "attention_backward.h"
#include "attention_forward.h"
#include "learning.h"

#if defined(SK_X86)
#include "../elementwise/math_avx2.h"

typedef sk_f8 sk_map8(sk_f8 x);

SK_INLINE SK_TARGET_AVX2 void map(float *y, const float *x, ptrdiff_t n, sk_map8 *f) {
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(y + i, f(_mm256_loadu_ps(x + i)));
    }
    if (i < n) {
        const __m256i mask = sk_mask8(n - i);
        _mm256_maskstore_ps(y + i, mask, f(_mm256_maskload_ps(x + i, mask)));
    }
}

SK_TARGET_AVX2 static void exponentials(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_exp8);
}

SK_TARGET_AVX2 static void distribution(float *y, const float *x, ptrdiff_t n) {
    map(y, x, n, sk_phi8);
}

/// Transposes eight rows of eight columns.
SK_INLINE SK_TARGET_AVX2 void transpose8(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx) {
    sk_f8 a[8], b[8];
    for (int i = 0; i < 8; i++) {
        a[i] = _mm256_loadu_ps(x + i * ldx);
    }
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(y + i * ldy, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(y + (i + 4) * ldy, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

SK_TARGET_AVX2 static void transpose(float *y, ptrdiff_t ldy, const float *x, ptrdiff_t ldx,
                                     ptrdiff_t rows, ptrdiff_t columns) {
    const ptrdiff_t r_end = rows / 8 * 8, c_end = columns / 8 * 8;
    for (ptrdiff_t r = 0; r < r_end; r += 8) {
        for (ptrdiff_t c = 0; c < c_end; c += 8) {
            transpose8(y + c * ldy + r, ldy, x + r * ldx + c, ldx);
        }
    }
    transpose_plain(y + c_end * ldy, ldy, x + c_end, ldx, rows, columns - c_end);
    transpose_plain(y + r_end, ldy, x + r_end * ldx, ldx, rows - r_end, c_end);
}

SK_TARGET_AVX2 static void pack_columns(float *packed, const float *x, ptrdiff_t ldx,
                                        ptrdiff_t n_begin, ptrdiff_t n_end, ptrdiff_t k_begin,
                                        ptrdiff_t k_end, ptrdiff_t k) {
    pack_columns_of(packed, x, ldx, n_begin, n_end, k_begin, k_end, k);
}

SK_TARGET_AVX2 static void rms_norm_backward(float *dx, float *dweight, const float *dy,
                                             const float *x, const float *weight, ptrdiff_t rows,
                                             ptrdiff_t c, float epsilon) {
    rms_norm_rows_backward(dx, dweight, dy, x, weight, rows, c, epsilon);
}

SK_TARGET_AVX2 static void layer_norm_backward(float *dx, float *dweight, float *dbias,
                                               const float *dy, const float *x, const float *weight,
                                               ptrdiff_t rows, ptrdiff_t c, float epsilon) {
    layer_norm_rows_backward(dx, dweight, dbias, dy, x, weight, rows, c, epsilon);
}

SK_TARGET_AVX2 static void silu_gate_backward(float *dx, const float *dy, const float *x,
                                              ptrdiff_t rows, ptrdiff_t c) {
    silu_gate_rows_backward(dx, dy, x, rows, c, exponentials);
}

SK_TARGET_AVX2 static void gelu_tanh_backward(float *dx, const float *dy, const float *x,
                                              ptrdiff_t n) {
    gelu_tanh_values_backward(dx, dy, x, n, exponentials);
}

SK_TARGET_AVX2 static void gelu_erf_backward(float *dx, const float *dy, const float *x,
                                             ptrdiff_t n) {
    gelu_erf_values_backward(dx, dy, x, n, exponentials, distribution);
}

SK_TARGET_AVX2 static float log_of_sum(const float *x, ptrdiff_t n) {
    sk_f8 most = sk_all8(-INFINITY);
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        most = _mm256_max_ps(most, _mm256_loadu_ps(x + i));
    }
    float best = sk_max8(most);
    for (; i < n; i++) {
        best = x[i] > best ? x[i] : best;
    }
    double sum = 0;
    for (ptrdiff_t first = 0; first < n; first += SPAN) {
        sk_f8 part = sk_all8(0);
        const ptrdiff_t end = n - first < SPAN ? n : first + SPAN;
        for (i = first; i + 8 <= end; i += 8) {
            const sk_f8 value = _mm256_sub_ps(_mm256_loadu_ps(x + i), sk_all8(best));
            part = _mm256_add_ps(part, sk_exp8(value));
        }
        sum += (double)sk_sum8(part);
        for (; i < end; i++) {
            sum += (double)expf(x[i] - best);
        }
    }
    return (float)((double)best + log(sum));
}

SK_TARGET_AVX2 static double cross_entropy(float *x, ptrdiff_t n, ptrdiff_t target,
                                           const sk_cross_entropy *rule) {
    return cross_entropy_row(x, n, target, rule, log_of_sum(x, n), exponentials);
}

/// `rows` rows of sixteen columns.
SK_INLINE SK_TARGET_AVX2 void product_rows(int rows, float *c, ptrdiff_t ldc, const float *a,
                                           ptrdiff_t a_row, ptrdiff_t a_column, const float *b,
                                           ptrdiff_t ldb, ptrdiff_t k) {
    sk_f8 sums[6][2];
    for (int i = 0; i < rows; i++) {
        sums[i][0] = _mm256_loadu_ps(c + i * ldc);
        sums[i][1] = _mm256_loadu_ps(c + i * ldc + 8);
    }
    for (ptrdiff_t p = 0; p < k; p++) {
        const sk_f8 b0 = _mm256_loadu_ps(b + p * ldb), b1 = _mm256_loadu_ps(b + p * ldb + 8);
        for (int i = 0; i < rows; i++) {
            const sk_f8 value = _mm256_broadcast_ss(a + i * a_row + p * a_column);
            sums[i][0] = _mm256_fmadd_ps(value, b0, sums[i][0]);
            sums[i][1] = _mm256_fmadd_ps(value, b1, sums[i][1]);
        }
    }
    for (int i = 0; i < rows; i++) {
        _mm256_storeu_ps(c + i * ldc, sums[i][0]);
        _mm256_storeu_ps(c + i * ldc + 8, sums[i][1]);
    }
}

SK_TARGET_AVX2 static void block_product(float *c, ptrdiff_t ldc, const float *a, ptrdiff_t a_row,
                                         ptrdiff_t a_column, const float *b, ptrdiff_t ldb,
                                         ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
    for (ptrdiff_t j = 0; j < n; j += 16) {
        ptrdiff_t i = 0;
        for (; i + 6 <= m; i += 6) {
            product_rows(6, c + i * ldc + j, ldc, a + i * a_row, a_row, a_column, b + j, ldb, k);
        }
        for (; i + 4 <= m; i += 4) {
            product_rows(4, c + i * ldc + j, ldc, a + i * a_row, a_row, a_column, b + j, ldb, k);
        }
        for (; i < m; i++) {
            product_rows(1, c + i * ldc + j, ldc, a + i * a_row, a_row, a_column, b + j, ldb, k);
        }
    }
}

SK_TARGET_AVX2 static void attention_forward(const sk_attention_learning *args, ptrdiff_t kv_head) {
    attention_head_forward(args, kv_head, (block_steps){block_product, exponentials, transpose});
}

SK_TARGET_AVX2 static void attention_backward(const sk_attention_learning *args,
                                              ptrdiff_t kv_head) {
    attention_head_backward(args, kv_head, (block_steps){block_product, exponentials, transpose});
}

SK_TARGET_AVX2 static void adamw(float *w, float *m, float *v, float *gradient, ptrdiff_t n,
                                 const sk_adamw *rule) {
    const sk_adamw a = *rule;
    const sk_f8 step = sk_all8(a.rate / a.correction1), root = sk_all8(sqrtf(a.correction2));
    const sk_f8 scale = sk_all8(a.gradient_scale), epsilon = sk_all8(a.epsilon);
    const sk_f8 beta2 = sk_all8(a.beta2), keep = sk_all8(1 - a.rate * a.decay);
    const sk_f8 share1 = sk_all8(1 - a.beta1), share2 = sk_all8(1 - a.beta2);
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const sk_f8 g = _mm256_mul_ps(_mm256_loadu_ps(gradient + i), scale);
        sk_f8 first = _mm256_loadu_ps(m + i), second = _mm256_loadu_ps(v + i);
        first = _mm256_add_ps(first, _mm256_mul_ps(share1, _mm256_sub_ps(g, first)));
        second =
            _mm256_add_ps(_mm256_mul_ps(beta2, second), _mm256_mul_ps(_mm256_mul_ps(share2, g), g));
        const sk_f8 below = _mm256_add_ps(_mm256_div_ps(_mm256_sqrt_ps(second), root), epsilon);
        const sk_f8 way = _mm256_div_ps(_mm256_mul_ps(step, first), below);
        const sk_f8 value = _mm256_mul_ps(_mm256_loadu_ps(w + i), keep);
        _mm256_storeu_ps(w + i, _mm256_sub_ps(value, way));
        _mm256_storeu_ps(m + i, first);
        _mm256_storeu_ps(v + i, second);
        _mm256_storeu_ps(gradient + i, sk_all8(0));
    }
    sk_adamw_values(w + i, m + i, v + i, gradient + i, n - i, rule);
}

void sk_fill_learning_avx2(sk_kernels *table) {
    table->transpose = transpose;
    table->pack_columns = pack_columns;
    table->rms_norm_backward = rms_norm_backward;
    table->layer_norm_backward = layer_norm_backward;
    table->silu_gate_backward = silu_gate_backward;
    table->gelu_tanh_backward = gelu_tanh_backward;
    table->gelu_erf_backward = gelu_erf_backward;
    table->cross_entropy = cross_entropy;
    table->attention_forward = attention_forward;
    table->attention_backward = attention_backward;
    table->adamw = adamw;
}
#endif
